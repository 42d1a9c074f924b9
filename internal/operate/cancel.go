package operate

import (
	"context"
	"strings"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
)

// Cancellation cancels the pipelines of a run, or of some components: first it says what would be cancelled, then Run does it.
type Cancellation struct {
	Snapshot
	Components []string   // none is the whole run
	Open       []run.Step // their pipelines run, wait for an approval, or may exist
	Ours       bool       // nobody else drives the run: Run notes the outcome; otherwise its driver does
	Ended      bool       // Run has asked every pipeline to end, and knows what became of each

	setup    Setup
	takeOver bool
	ci       *circleci.Client
	by       run.Driver
}

// NewCancellation finds what can be cancelled. With takeOver, Run notes the outcome in the place of a driver that is gone.
func NewCancellation(ctx context.Context, s Setup, sel Selector, components []string, takeOver bool) (*Cancellation, error) {
	k, ci, err := s.withCircleCI(ctx, sel)
	if err != nil {
		return nil, err
	}
	open, err := engine.Cancellable(k.State, components)
	if err != nil {
		return nil, err
	}
	return &Cancellation{Snapshot: k, Components: components, Open: open, setup: s, takeOver: takeOver, ci: ci}, nil
}

// NothingToDo reports that nothing runs, and that no driver has to be stopped.
func (c *Cancellation) NothingToDo() bool {
	return len(c.Open) == 0 && (len(c.Components) > 0 || !c.HasDriver())
}

// HasDriver reports whether somebody holds the lease: that driver then notes the outcome.
func (c *Cancellation) HasDriver() bool {
	return c.Lease.Driver != "" && c.Lease.Released.IsZero() && !c.takeOver
}

// Run cancels, and returns what became of each pipeline. A pipeline that may still run is an error, too. When the context ends,
// Run returns before the outcome is certain.
func (c *Cancellation) Run(ctx context.Context) ([]engine.Cancelled, error) {
	user, err := c.ci.Me(ctx) // this also proves the token before anything is written
	if err != nil {
		return nil, err
	}
	c.by = c.setup.NewDriver()
	c.by.Login = user.Login
	j, err := c.preventStarts(ctx)
	if err != nil {
		return nil, err
	}
	cancel := engine.Cancellation{CI: c.ci, Components: c.Components, Read: c.read, Driven: !c.Ours}
	ended, err := cancel.Run(ctx)
	if err != nil {
		return nil, err
	}
	c.Ended = true
	if j != nil {
		err = cancel.Note(context.WithoutCancel(ctx), j, c.Events, ended, c.by)
		if closed := j.Close(); err == nil {
			err = closed
		}
	}
	return ended, fault.Worst(notCancelled(ctx, ended), err)
}

// preventStarts makes sure that no further pipeline is started: it leaves a note for the driver or, where there is none, opens the
// journal, so that nobody can begin. The journal is nil where somebody drives.
func (c *Cancellation) preventStarts(ctx context.Context) (*journal.Git, error) {
	if !c.HasDriver() {
		j, events, err := journal.OpenGit(ctx, c.ref.Ref, c.Header, journal.GitOptions{Driver: c.by, TakeOver: c.takeOver})
		if err == nil {
			c.Ours, c.Events = true, events
			if c.State, err = run.Fold(events); err != nil {
				_ = j.Close() // the fault is what counts
			}
			return j, err
		}
		if !fault.Is(err, "driven-elsewhere") {
			return nil, err
		}
		if c.Snapshot, err = c.ReadAgain(ctx); err != nil { // somebody has just begun
			return nil, err
		}
	}
	if len(c.Components) > 0 {
		return nil, nil
	}
	held, noted, err := journal.CancelGit(ctx, c.ref.Ref, c.Header, c.by)
	switch {
	case fault.Is(err, "journal-push"):
		return nil, fault.New(fault.KindOf(err), "journal-push", "the driver of %s cannot be notified: nothing was cancelled", c.Header.Run()).
			Because(err).Hint("%s cancels pipelines without notifying it", fault.Next{Action: fault.Cancel, Component: "COMPONENT…", Run: c.Header.Run()})
	case err != nil:
		return nil, err
	case !noted: // the driver has just given the run back
		c.Lease = held
		return c.preventStarts(ctx)
	}
	c.Lease = held
	return nil, nil
}

// read returns the run as it is now: as it was when opened, when nobody else drives it.
func (c *Cancellation) read(ctx context.Context) (*run.State, error) {
	if c.Ours {
		return c.State, nil
	}
	k, err := c.ReadAgain(ctx)
	return k.State, err
}

// notCancelled returns the fault for pipelines that may still run; nil where there are none.
func notCancelled(ctx context.Context, ended []engine.Cancelled) error {
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
		return fault.New(fault.Stopped, "detached", "gio left before it knew what became of %s", strings.Join(names, ", ")).
			Because(context.Cause(ctx)).Hint("%s", fault.Again())
	}
	return fault.New(kind, "not-cancelled", "could not be cancelled: %s", strings.Join(names, ", ")).
		Hint("open the links to CircleCI and look, then %s", fault.Again())
}
