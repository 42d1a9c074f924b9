package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type cancelOptions struct {
	wanted
	components          []string
	yes, takeOver, json bool
}

func newCancelCommand(env *environment) *cobra.Command {
	o := cancelOptions{}
	cmd := &cobra.Command{
		Use:   "cancel [COMPONENT...]",
		Short: "Cancel a run's pipelines on CircleCI",
		Long: `Cancel cancels the workflows of a run's pipelines on CircleCI, those on hold too, and reads
them until they have ended. It says what came too late, and what could not be cancelled.

Without COMPONENT the whole run is cancelled, wherever it is driven: its driver starts nothing
more, notes how its pipelines ended, records what succeeded, and leaves with exit 6. With
COMPONENT the run goes on as after a failure of these. When nobody drives it, gio notes the
outcome itself; --take-over does so for a driver that is gone without a word.

Nothing that succeeded is undone. The command that began the run starts anew what was cancelled.
Of a gio trigger without --wait, which is over when its pipelines are started, these are cancelled.
On a terminal, outside CI, gio shows what runs and asks.

Exit codes: 0 nothing of it runs any more, 2 usage, 3 not allowed, 4 something could not be
cancelled or a remote failed, 5 no such run or component, 6 cancelled (answered no), 7 the
journal is wrong, 11 left before it was certain.`,
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
	cmd.Flags().BoolVar(&o.takeOver, "take-over", false, "note the outcome for a driver that is gone")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

func runCancel(ctx context.Context, env *environment, o cancelOptions) error {
	k, ci, err := env.operated(ctx, &o.wanted)
	if err != nil {
		return err
	}
	open, err := engine.Cancellable(k.state, o.components)
	if err != nil {
		return err
	}
	c := cancelling{env: env, o: o, ci: ci, known: k}
	if len(open) == 0 && (len(o.components) > 0 || !c.driven()) {
		return c.nothing()
	}
	if env.asks() && !o.yes {
		if err := c.ask(open); err != nil {
			return err
		}
	}
	ctx, done := env.interruptible(ctx, errDetached)
	defer done()
	return c.run(ctx)
}

// cancelling is one `gio cancel`.
type cancelling struct {
	known
	env *environment
	o   cancelOptions
	ci  *circleci.Client
	by  run.Driver

	ours bool // the journal
}

// driven tells that somebody holds the lease: its outcomes are then not for us to note.
func (c *cancelling) driven() bool {
	return c.lease.Driver != "" && c.lease.Released.IsZero() && !c.o.takeOver
}

func (c *cancelling) nothing() error {
	if c.o.json {
		return c.printJSON(nil, nil)
	}
	if len(c.o.components) == 0 {
		_, err := fmt.Fprintf(c.env.Stdout, "nothing of %s runs\n", c.header.Run())
		return err
	}
	for _, name := range c.o.components {
		for _, st := range c.state.Steps() {
			if st.ID.Component() == name {
				fmt.Fprintf(c.env.Stdout, "%s %s does not run: it is %s\n", name, st.ID.Version(), st.Status)
			}
		}
	}
	return nil
}

func (c *cancelling) ask(open []run.Step) error {
	if err := report.CancelTable(c.env.Stderr, open); err != nil {
		return err
	}
	who := "nobody drives it"
	if c.driven() {
		who = "its driver: " + c.lease.String()
	}
	fmt.Fprintln(c.env.Stderr, who)
	question := fmt.Sprintf("Cancel %s?", c.header.Run())
	if len(c.o.components) > 0 {
		question = fmt.Sprintf("Cancel the pipelines of %s?", count(len(open), "component"))
	}
	return c.env.confirm(question, "no pipeline was cancelled")
}

func (c *cancelling) run(ctx context.Context) error {
	user, err := c.ci.Me(ctx) // also: whether the token is good, before anything is written
	if err != nil {
		return err
	}
	c.by = c.env.driver()
	c.by.Login = user.Login
	j, err := c.take(ctx)
	if err != nil {
		return err
	}
	cancel := engine.Cancellation{CI: c.ci, Components: c.o.components, Read: c.read, Driven: !c.ours}
	ended, err := cancel.Run(ctx)
	if err != nil {
		return err
	}
	if j != nil {
		err = cancel.Note(context.WithoutCancel(ctx), j, c.events, ended, c.by)
		if closed := j.Close(); err == nil {
			err = closed
		}
	}
	err = fault.Worst(left(ctx, ended), err)
	if c.o.json {
		return errors.Join(err, c.printJSON(ended, err))
	}
	if printed := report.CancelledTable(c.env.Stdout, ended, c.env.outColumns(), c.env.outColor()); err == nil {
		err = printed
	}
	fmt.Fprintln(c.env.Stdout, c.said())
	return err
}

func (c *cancelling) printJSON(ended []engine.Cancelled, err error) error {
	c.env.printed = true
	return report.JSON(c.env.Stdout, report.NewCancelledRun(c.header.Run(), ended, c.ours, report.NewDriver(c.lease, time.Now()), err))
}

// take makes sure that nothing more is started: its driver is told or, where there is none, nobody can begin, since the
// journal is ours. It is nil where somebody drives.
func (c *cancelling) take(ctx context.Context) (*journal.Git, error) {
	if !c.driven() {
		j, events, err := journal.OpenGit(ctx, c.ref.Ref, c.header, journal.GitOptions{Driver: c.by, TakeOver: c.o.takeOver})
		if err == nil {
			c.ours, c.events = true, events
			if c.state, err = run.Fold(events); err != nil {
				_ = j.Close() // the fault is what counts
			}
			return j, err
		}
		if !fault.Is(err, "driven-elsewhere") {
			return nil, err
		}
		if c.known, err = c.now(ctx); err != nil { // somebody has just begun
			return nil, err
		}
	}
	if len(c.o.components) > 0 {
		return nil, nil
	}
	held, told, err := journal.CancelGit(ctx, c.ref.Ref, c.header, c.by)
	switch {
	case fault.Is(err, "journal-push"):
		return nil, fault.New(fault.KindOf(err), "journal-push", "the driver of %s cannot be told: nothing was cancelled", c.header.Run()).
			Because(err).Hint("`gio cancel COMPONENT…%s` cancels pipelines without telling it", c.header.Flags())
	case err != nil:
		return nil, err
	case !told: // it has just given the run back
		c.lease = held
		return c.take(ctx)
	}
	c.lease = held
	return nil, nil
}

// read gives the run as it is now: when nobody else drives, as it was when we took it.
func (c *cancelling) read(ctx context.Context) (*run.State, error) {
	if c.ours {
		return c.state, nil
	}
	k, err := c.now(ctx)
	return k.state, err
}

// said is who notes the outcome, and how the run goes on.
func (c *cancelling) said() string {
	again := c.env.drivenBy(c.header)
	switch d := report.NewDriver(c.lease, time.Now()); {
	case c.ours:
		return fmt.Sprintf("noted in %s; %s starts anew what was cancelled", c.header.Run(), again)
	case d.State == "silent":
		return fmt.Sprintf("its driver (%s) was last heard of at %s: when it is gone, %s notes it, or `gio cancel%s --take-over`",
			c.lease, d.Heard.Format(time.RFC3339), again, c.header.Flags())
	case len(c.o.components) > 0:
		return fmt.Sprintf("its driver (%s) notes it, finishes the wave and starts no later one", c.lease)
	case c.header.Kind != "release":
		return fmt.Sprintf("its driver (%s) notes it and starts nothing more; %s starts anew what was cancelled", c.lease, again)
	}
	return fmt.Sprintf("its driver (%s) notes it, starts nothing more and records what succeeded; %s starts anew what was cancelled", c.lease, again)
}

// left is the fault for what may still run.
func left(ctx context.Context, ended []engine.Cancelled) error {
	var names []string
	kind := fault.Remote
	for _, t := range ended {
		if t.Fate != engine.NotKnown && t.Fate != engine.StillRuns {
			continue
		}
		for _, st := range t.Steps {
			names = append(names, st.ID.Component())
		}
		if fault.KindOf(t.Err) == fault.Auth {
			kind = fault.Auth
		}
	}
	switch {
	case len(names) == 0:
		return nil
	case ctx.Err() != nil:
		return fault.New(fault.Stopped, "detached", "gio left before it was certain what became of %s", strings.Join(names, ", ")).
			Because(context.Cause(ctx)).Hint("run the same command again")
	}
	return fault.New(kind, "not-cancelled", "could not be cancelled: %s", strings.Join(names, ", ")).
		Hint("look at CircleCI, behind the links, then run the same command again")
}
