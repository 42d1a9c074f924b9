package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type cancelOptions struct {
	runFlags
	components          []string
	yes, takeOver, json bool
}

func newCancelCommand(env *environment) *cobra.Command {
	o := cancelOptions{}
	cmd := &cobra.Command{
		Use:   "cancel [COMPONENT...]",
		Short: "Cancel a run's pipelines on CircleCI",
		Long: `Cancel cancels the workflows of a run's pipelines on CircleCI, also those on hold, and reads
them until they have ended. It says which had ended before, and which could not be cancelled.

Without COMPONENT the whole run is cancelled, wherever its driver is: the driver starts nothing
more, notes how its pipelines ended, records what succeeded, and ends with exit 6. With
COMPONENT the run goes on as after a failure of these components. When the run has no driver,
gio notes the outcome itself; with --take-over, also in the place of a driver that is gone.

Nothing that succeeded is undone. The command that began the run starts what was cancelled again.
A gio trigger without --wait is over when its pipelines are started; cancel stops those, too.
On a terminal, outside CI, gio shows what runs and asks.

Exit codes: 0 nothing of it runs any more, 2 usage, 3 not allowed, 4 something could not be
cancelled or a remote failed, 5 no such run or component, 6 cancelled (answered no), 7 the
journal is wrong, 11 left before the outcome was certain.`,
		Example: `  gio cancel
  gio cancel gravitee-gateway gravitee-portal --yes
  gio cancel --run trigger/release-3.9.x.2`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.components = args
			return runCancel(cmd.Context(), env, o)
		},
	}
	o.flags(cmd)
	o.versionFlag(cmd)
	cmd.Flags().BoolVar(&o.yes, "yes", false, "answer the question yes")
	cmd.Flags().BoolVar(&o.takeOver, "take-over", false, "note the outcome in the place of a driver that is gone")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

func runCancel(ctx context.Context, env *environment, o cancelOptions) error {
	s, err := env.open(ctx)
	if err != nil {
		return operate.HintOutsideRepository(o.selector(), err)
	}
	c, err := operate.NewCancellation(ctx, s, o.selector(), o.components, o.takeOver)
	if err != nil {
		return err
	}
	if c.NothingToDo() {
		return env.nothingToCancel(c, o)
	}
	if env.canAsk() && !o.yes {
		if err := env.askToCancel(c); err != nil {
			return err
		}
	}
	ctx, done := env.interruptible(ctx, operate.ErrDetached)
	defer done()
	ended, err := c.Run(ctx)
	if !c.Ended {
		return err
	}
	if o.json {
		return env.printCancelled(c, ended, err)
	}
	if printed := report.CancelledTable(env.out.painted(), ended, env.outColumns(), env.outColor()); err == nil {
		err = printed
	}
	fmt.Fprintln(env.Stdout, env.afterCancel(c))
	return err
}

func (env *environment) nothingToCancel(c *operate.Cancellation, o cancelOptions) error {
	if o.json {
		return env.printCancelled(c, nil, nil)
	}
	if len(c.Components) == 0 {
		_, err := fmt.Fprintf(env.Stdout, "nothing of %s runs\n", c.Header.Run())
		return err
	}
	for _, name := range c.Components {
		for _, st := range c.State.Steps() {
			if st.ID.Component() == name {
				fmt.Fprintf(env.Stdout, "%s %s does not run: it is %s\n", name, st.ID.Version(), st.Status)
			}
		}
	}
	return nil
}

func (env *environment) askToCancel(c *operate.Cancellation) error {
	if err := report.CancelTable(env.Stderr, c.Open); err != nil {
		return err
	}
	who := "it has no driver"
	if c.HasDriver() {
		who = "its driver is " + c.Lease.String()
	}
	fmt.Fprintln(env.Stderr, who)
	question := fmt.Sprintf("Cancel %s?", c.Header.Run())
	if len(c.Components) > 0 {
		question = fmt.Sprintf("Cancel the pipelines of %s?", count(len(c.Open), "component"))
	}
	return env.confirm(question, "no pipeline was cancelled")
}

func (env *environment) printCancelled(c *operate.Cancellation, ended []engine.Cancelled, err error) error {
	err = fault.Rendered(err, env.command)
	return env.printJSON(err, report.NewCancelledRun(c.Header.Run(), ended, c.Ours, c.DriverStatus(time.Now()), err))
}

// afterCancel says who notes the outcome, and how the run goes on.
func (env *environment) afterCancel(c *operate.Cancellation) string {
	again := env.resumeCommand(c.Header)
	switch d := c.DriverStatus(time.Now()); {
	case c.Ours:
		return fmt.Sprintf("noted in %s; %s starts what was cancelled again", c.Header.Run(), again)
	case d.State == run.Silent:
		return fmt.Sprintf("its driver is silent: %s, last heard from %s; if it is gone, %s notes the outcome, or `gio cancel%s --take-over`",
			c.Lease, d.Heard.Format(time.RFC3339), again, c.Header.Flags())
	case len(c.Components) > 0:
		return fmt.Sprintf("its driver (%s) notes the outcome, finishes the wave and starts no later one", c.Lease)
	case !c.Header.Kind.Records():
		return fmt.Sprintf("its driver (%s) notes the outcome and starts nothing more; %s starts what was cancelled again", c.Lease, again)
	}
	return fmt.Sprintf("its driver (%s) notes the outcome, starts nothing more and records what succeeded; %s starts what was cancelled again", c.Lease, again)
}
