package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
)

type rehearseOptions struct {
	only, except []string
	maxParallel  int
	fail, hold   []string
	fault, crash []string
	json         bool
}

func newRehearseCommand(env *environment) *cobra.Command {
	o := rehearseOptions{}
	cmd := &cobra.Command{
		Use:   "rehearse",
		Short: "Predict how a release goes and how long it takes, and try what could go wrong",
		Long: `Rehearse walks through the release with gio's own engine against the built-in simulator, on a
clock that makes an hour pass in seconds. It starts nothing and writes nothing; of the release
repository it only reads. Without the remote it works from the checkout alone, and says so.

A pipeline takes the median of the component's last ten runs: of those in the journal, else of
those that CircleCI's Insights know of its slowest workflow (among those that "verify" names, else
that say "release", else all), else the average of the others, else 10 minutes. The table is the
run in which all take just that. The range is that of many runs whose durations lie about these as
they did earlier, at first within 20 %; the slowest of a wave decides, so that wide waves take
longer. After a failure or a crash it goes on as you would: with the same command, to the end; as
gio release does, it waits a day for an approval at a terminal, else 15 minutes, and ends there.

Exit codes: 0 done (the rehearsed run may fail), 2 usage, 4 remote failed, 5 no manifest,
6 cancelled, 7 refused as a release would be.`,
		Example: `  gio rehearse
  gio rehearse --max-parallel 4 --fail gravitee-gateway --hold gravitee-common=30m
  gio rehearse --crash gravitee-gateway --fault gravitee-common=error`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRehearse(cmd.Context(), env, o) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.only, "only", nil, "release only these components")
	f.StringSliceVar(&o.except, "except", nil, "leave these components out")
	f.IntVar(&o.maxParallel, "max-parallel", 0, fmt.Sprintf("pipelines of a wave that run at once (default %d, at most %d)", engine.MaxParallel, engine.MostParallel))
	f.StringSliceVar(&o.fail, "fail", nil, "COMPONENT or COMPONENT@N: its first pipeline fails, or its first N")
	f.StringSliceVar(&o.hold, "hold", nil, "COMPONENT or COMPONENT=TIME: it is on hold for so long (default 10m)")
	f.StringSliceVar(&o.fault, "fault", nil, "COMPONENT=lost|error|throttled: the answer to its trigger (default lost)")
	f.StringSliceVar(&o.crash, "crash", nil, "COMPONENT=intent|sent|running|ended: gio is killed then (default sent)")
	f.BoolVar(&o.json, "json", false, "print the prediction as JSON")
	return cmd
}

func runRehearse(ctx context.Context, env *environment, o rehearseOptions) error {
	if o.maxParallel < 0 {
		return fault.New(fault.Usage, "usage", "--max-parallel cannot be negative")
	}
	asked, err := o.whatIfs()
	if err != nil {
		return err
	}
	ws, err := env.workspace(ctx)
	if err != nil {
		return err
	}
	h := &rehearsal{env: env, options: releaseOptions{only: o.only, except: o.except, maxParallel: o.maxParallel}, asked: asked}
	told, err := h.rehearse(ctx, ws)
	switch {
	case errors.Is(err, engine.ErrNothing):
		return env.nothing(h.looked, releaseOptions{json: o.json})
	case err != nil:
		return err
	case o.json:
		return report.JSON(env.Stdout, told)
	}
	return report.RehearsalTable(env.Stdout, told, env.outColumns())
}
