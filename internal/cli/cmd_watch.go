package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

func newWatchCommand(env *environment) *cobra.Command {
	w, events := wanted{}, false
	cmd := &cobra.Command{
		Use:   "watch [VERSION]",
		Short: "Look on while somebody else drives a run",
		Long: `Watch shows the run of the checkout's product version, of VERSION, or of --run, as its driver notes
it in the release repository: the live view on a terminal, one line per change elsewhere. It
drives nothing, writes nothing and asks CircleCI nothing; it reads every 5 seconds, every 30 while
nothing changes. What happened before since the driver began is told first.

It ends when the run does, with the summary and the exit codes of gio status. A driver that has
not been heard of for 5 minutes is said to be silent: the command that began the run goes on.
Ctrl-C leaves with exit 11: the run goes on, and a script must not take that for its end.

Exit codes: 0 nothing is wrong, 2 usage, 3 not allowed, 4 remote failed, 5 no such run,
7 release.json or the journal is wrong, 9 needs a decision (gio resolve), 10 a pipeline failed,
11 stopped, or left by Ctrl-C.`,
		Example: `  gio watch
  gio watch --run stage/3.9.4
  gio watch --events`,
		Args: w.argument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, err := env.knownRun(cmd.Context(), &w, false)
			if err != nil {
				return err
			}
			w := &watching{known: k, env: env, events: events, soonest: 5 * time.Second}
			return w.run(cmd.Context())
		},
	}
	w.flags(cmd)
	cmd.Flags().BoolVar(&events, "events", false, "print every event as a JSON line, from the first one on")
	return cmd
}

const watchApart = 30 * time.Second // between readings, at most

// watching is one `gio watch`: known is the run as it was read last.
type watching struct {
	known
	env     *environment
	events  bool
	soonest time.Duration // between readings, at least

	view    view
	told    *run.State // what the view knows
	seen    time.Time  // when the run was read last
	driver  string     // id of the one that was said to drive
	trouble bool       // that the remote does not answer was said
}

func (w *watching) run(ctx context.Context) error {
	ctx, done := w.env.interruptible(ctx, errDetached)
	defer done()
	w.seen, w.told = time.Now(), &run.State{}
	if !w.goesOn() && !w.events {
		return w.env.printStatus(w.known, w.seen)
	}
	w.view = w.env.newView(w.events)
	defer w.view.close()
	if w.goesOn() {
		w.sayDriver()
		earlier := report.Expectation{Took: journal.DurationsGit(ctx, w.ref, w.header)}
		w.view.start(engine.Clock{}, func() report.Expectation { return earlier })
	}
	if err := w.begin(); err != nil {
		return err
	}
	if err := w.follow(ctx); err != nil {
		return err
	}
	w.view.close()
	if w.events {
		return w.env.stands(w.known, w.seen)
	}
	v := report.StatusView{Columns: w.env.outColumns(), Now: w.seen, Color: w.env.outColor(), Command: w.env.drivenBy(w.header)}
	return errors.Join(w.env.stands(w.known, w.seen), report.WriteEnd(w.env.Stdout, w.state, w.lease, v))
}

// goesOn tells whether somebody drives the run, as it was read last: that it cannot be read proves nothing.
func (w *watching) goesOn() bool {
	return report.StandingOf(w.state, w.lease.Live(w.seen)) == report.IsDriven
}

// begin tells what happened before: in the session that goes on, or with --events all of it.
func (w *watching) begin() error {
	from := 0
	for i, e := range w.known.events {
		if e.Type == run.Planned && !w.events {
			from = i
		}
	}
	for _, e := range w.known.events[:from] {
		if err := w.told.Apply(e); err != nil {
			return err
		}
	}
	return w.tell()
}

// tell tells what the view does not know yet.
func (w *watching) tell() error {
	if w.state.Seq < w.told.Seq {
		return fault.New(fault.Invalid, "journal-lost", "the journal of %s was deleted or written anew by somebody", w.header.Run()).
			Hint("`gio help journal` tells how to put it back")
	}
	for _, e := range w.known.events[w.told.Seq:] {
		if err := w.told.Apply(e); err != nil {
			return err
		}
		w.view.notify(e, w.told)
	}
	return nil
}

// follow reads the run until nobody drives it any more.
func (w *watching) follow(ctx context.Context) error {
	for pause := w.soonest; w.goesOn(); {
		w.sayDriver()
		select {
		case <-ctx.Done():
			return w.leave()
		case <-time.After(pause):
		}
		changed, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return w.leave()
		case fault.KindOf(err) == fault.Remote:
			w.sayTrouble(err)
		case err != nil:
			return err
		}
		if pause = min(pause+w.soonest, watchApart); changed {
			pause = w.soonest
		}
	}
	return nil
}

// look reads the run again, if anything has moved, and tells what is new.
func (w *watching) look(ctx context.Context) (changed bool, err error) {
	tip, err := w.ref.Ref.Fetch(ctx)
	if err != nil {
		return false, err
	}
	before := w.told.Seq
	if tip != w.ref.tip {
		now, err := w.at(ctx, atTip{Ref: w.ref.Ref, tip: tip})
		if err != nil {
			return false, err
		}
		w.known = now
	}
	w.seen, w.trouble = time.Now(), false
	return w.state.Seq != before, w.tell()
}

func (w *watching) leave() error {
	return fault.New(fault.Stopped, "left", "left: %s goes on, driven by %s", w.header.Run(), w.lease).Hint("`gio watch%s` looks on again", w.header.Flags())
}

// sayDriver says once who drives.
func (w *watching) sayDriver() {
	switch w.driver {
	case w.lease.Driver:
		return
	case "":
		fmt.Fprintf(w.env.Stderr, "watching %s, driven by %s; Ctrl-C leaves, the run goes on\n", w.header.Run(), w.lease)
	default:
		fmt.Fprintf(w.env.Stderr, "now driven by %s\n", w.lease)
	}
	w.driver = w.lease.Driver
}

// sayTrouble says once that the remote does not answer; until it does.
func (w *watching) sayTrouble(err error) {
	if !w.trouble {
		fmt.Fprintf(w.env.Stderr, "cannot look, and goes on trying: %s\n", err)
	}
	w.trouble = true
}
