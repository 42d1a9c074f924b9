package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/run"
)

// runFlags are the flags that select the run that a command is about.
type runFlags struct {
	version string // the argument, or --version; "" is the checkout's
	dryRun  bool
	run     runName
}

func (w *runFlags) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&w.dryRun, "dry-run", false, "the run of gio release --dry-run=server")
	cmd.Flags().Var(&w.run, "run", "the run of this name, such as stage/3.9.4 or trigger/NAME (gio history)")
	cmd.MarkFlagsMutuallyExclusive("run", "dry-run")
}

// versionFlag adds --version to a command whose arguments are components.
func (w *runFlags) versionFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.version, "version", "", "product version of the run (default: the checkout's)")
	cmd.MarkFlagsMutuallyExclusive("run", "version")
}

// selector returns the same for operations.
func (w *runFlags) selector() operate.Selector {
	return operate.Selector{Version: w.version, DryRun: w.dryRun, Run: w.run.Name}
}

// read reads the selected run.
func (env *environment) read(ctx context.Context, w *runFlags) (operate.Setup, operate.Snapshot, error) {
	s, err := env.open(ctx)
	if err != nil {
		return s, operate.Snapshot{}, operate.HintOutsideRepository(w.selector(), err)
	}
	k, err := operate.ReadRun(ctx, s, w.selector(), false)
	return s, k, err
}

// argument reads the version that is the argument of some commands.
func (w *runFlags) argument(cmd *cobra.Command, args []string) error {
	if err := oneVersion(cmd, args); err != nil || len(args) == 0 {
		return err
	}
	if w.version = args[0]; w.run.Kind != "" {
		return fault.New(fault.Usage, "usage", "--run %s selects a run, and so does %s", w.run.Name, w.version).Hint("leave one of them out")
	}
	return nil
}

// runName is the flag --run.
type runName struct{ run.Name }

// Set reads the flag's value.
func (n *runName) Set(value string) (err error) {
	n.Name, err = run.ParseName(value)
	return err
}

// Type is what the help calls the value.
func (*runName) Type() string { return "KIND/VERSION" }
