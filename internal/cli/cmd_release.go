package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/workspace"
)

type releaseOptions struct {
	driveOptions
	operate.ReleaseOptions
	order string
}

func newReleaseCommand(env *environment) *cobra.Command {
	o := releaseOptions{}
	cmd := &cobra.Command{
		Use:   "release",
		Short: "Release the product; run it again to finish what is missing",
		Long: `Release triggers the pipelines of all components to be released, wave after wave or by the graph of
who needs whom (gio help order), and records what succeeded; finally it tags the product, prepares
the next version, tells gio-server. When something fails, what runs finishes. The same command then
continues, on any machine: nothing that succeeded, runs, or may exist is started again.
After the first Ctrl-C gio starts nothing more and watches what runs; after the second it leaves
at once. Leaving cancels no pipeline. Before it starts, gio checks what "gio check" checks, stops
at an error and, on a terminal outside CI, asks. --dry-run only reads.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 not found, 6 cancelled, 7 refused,
8 timed out, 9 needs a decision (gio resolve), 10 a pipeline failed, 11 stopped: run again.`,
		Example: "  gio release --dry-run",
		Args:    notBehindDryRun,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("max-parallel") && o.MaxParallel < 1 {
				return fault.New(fault.Usage, "usage", "--max-parallel must be at least 1, but is %d", o.MaxParallel).
					Hint("leave it out for the default: max_parallel of gio.yaml, else %d", engine.MaxParallel)
			}
			return runRelease(cmd.Context(), env, o)
		},
	}
	f := cmd.Flags()
	o.flags(cmd, operate.Real, "client: only show it; server: run the pipelines with dry_run: true")
	f.BoolVar(&o.Yes, "yes", false, "answer the question yes")
	f.StringSliceVar(&o.Only, "only", nil, "release only these components; the product is then not finished")
	f.StringSliceVar(&o.Except, "except", nil, "leave these components out; the product is then not finished")
	f.StringVar(&o.order, "order", "", orderUsage)
	f.StringVar(&o.Next, "next", "", "next version of the release branch (default: counted up)")
	f.BoolVar(&o.NoNext, "no-next", false, "prepare no next version")
	f.IntVar(&o.MaxParallel, "max-parallel", 0, fmt.Sprintf("pipelines that run at once (default %d, at most %d)", engine.MaxParallel, engine.MostParallel))
	f.DurationVar(&o.MaxRuntime, "max-runtime", 0, "record what succeeded and leave after this time (default: none)")
	f.BoolVar(&o.FailFast, "fail-fast", false, "when a pipeline fails, cancel the others that run")
	f.StringSliceVar(&o.SkipCheck, "skip-check", nil, "ignore errors with these codes (gio help findings)")
	cmd.MarkFlagsMutuallyExclusive("next", "no-next")
	return cmd
}

func runRelease(ctx context.Context, env *environment, o releaseOptions) error {
	if o.MaxRuntime < 0 {
		return fault.New(fault.Usage, "usage", "--max-runtime cannot be negative").Hint("an example is --max-runtime 2h")
	}
	for _, code := range o.SkipCheck {
		if err := check.ErrSkip(code); err != nil {
			return err
		}
	}
	var err error
	if o.Order, err = config.ParseOrder(o.order); err != nil {
		return err
	}
	env.announce(o.dryRun, true)
	ws, err := workspace.Open(ctx, env.workspaceOptions())
	if err != nil {
		return err
	}
	env.announceRemote(ws)
	o.TakeOver, o.DryRun = o.takeOver, o.dryRun.is(operate.Server)
	return env.drive(ctx, ws, driving{
		driveOptions: o.driveOptions, yes: o.Yes, inRepository: true, ends: operate.ReleaseEnds,
		do: func(s operate.Setup, e operate.Ends) (*operate.Result, error) {
			return operate.Release(ctx, s, e, o.ReleaseOptions)
		},
		done: func(r *operate.Result) {
			env.printReleased(ctx, ws, r, !o.Yes)
			env.tellServer(ctx, ws, o.json || o.events, r)
		},
	})
}
