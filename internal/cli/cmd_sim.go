package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/sim"
)

type simOptions struct{ scenario, listen string }

func newSimCommand(env *environment) *cobra.Command {
	o := simOptions{}
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Serve a simulated CircleCI and GitHub for any client",
		Long: `Sim simulates CircleCI API v2: a scenario file says which projects there are, how long their
pipelines take, which fail, and how the API misbehaves. It keeps everything in memory; Ctrl-C ends
it. It prints its address: set CIRCLE_HOST to that.

With a github section in the scenario it serves GitHub's REST API, too, as GitHub Enterprise does:
set GITHUB_API_URL to the same address followed by /api/v3. Only the repositories in that section
exist. A pipeline that releases sets the tag of its version there.

Exit codes: 0 done, 1 the address is taken, 2 wrong usage, 5 no such scenario, 7 the scenario is
wrong.`,
		Example: `  gio sim
  gio sim --scenario scenario.yaml --listen 127.0.0.1:8080
  CIRCLE_HOST=http://127.0.0.1:8080 CIRCLE_TOKEN=any gio release`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSim(cmd.Context(), env, o) },
	}
	cmd.Flags().StringVar(&o.scenario, "scenario", "", "YAML or JSON file (default: every pipeline succeeds after 2s)")
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8787", "address to listen on; port 0 chooses a free one")
	return cmd
}

func runSim(ctx context.Context, env *environment, o simOptions) error {
	scenario := sim.Scenario{}
	if o.scenario != "" {
		data, err := os.ReadFile(env.path(o.scenario))
		if err != nil {
			return fault.New(fault.NotFound, "scenario", "the scenario cannot be read").Because(err)
		}
		if scenario, err = sim.Load(o.scenario, data); err != nil {
			return fault.New(fault.Invalid, "scenario", "%s", err)
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fault.New(fault.Internal, "listen", "cannot listen on %s", o.listen).Because(err).Hint("choose another --listen")
	}
	server := &http.Server{Handler: sim.New(scenario), ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	fmt.Fprintf(env.Stdout, "http://%s\n", l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
