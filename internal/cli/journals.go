package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
)

// driving opens the journal of a run for this driver, in the release repository: whatever machine
// goes on finds it there. A run that somebody else drives is waited for until it is certain that nobody
// does any more, or taken over at once.
func (env *environment) driving(ctx context.Context, r *engine.Execution, repo *gitrepo.Repo, takeOver bool) func(run.Header) (engine.Journal, []run.Event, error) {
	return func(h run.Header) (engine.Journal, []run.Event, error) {
		if events, err := peek(ctx, repo, h); err != nil || len(r.Plan.Waves) == 0 && settled(events) {
			return &journal.Memory{}, events, err // nothing will be written: nobody is disturbed for it
		}
		ctx, done := env.interruptible(ctx, errDetached)
		defer done()
		g, events, err := journal.OpenGit(ctx, repo.Ref(journal.GitRef), h, journal.GitOptions{
			Driver: r.Driver, TakeOver: takeOver, JobEnded: env.jobEnded(r.CI), Wait: env.countdown(h),
		})
		if err != nil {
			return nil, nil, err
		}
		if err := unclaimed(g, r); err != nil {
			_ = g.Close() // the fault is what counts
			return nil, nil, err
		}
		r.Earlier = g.Durations()
		return g, events, nil
	}
}

// settled tells of a run that nothing is left to be done for in its journal.
func settled(events []run.Event) bool {
	state, err := run.Fold(events)
	return err == nil && len(state.ToRecord()) == 0 && state.Recording == nil
}

// unclaimed: no other run releases, or has released, a version that this one is about to.
func unclaimed(g *journal.Git, r *engine.Execution) error {
	var ids []run.StepID
	for _, st := range r.Plan.Steps() {
		ids = append(ids, run.StepID(st.ID()))
	}
	claims, err := g.Claimed(ids)
	if err != nil {
		return err
	}
	return journal.Elsewhere(claims)
}

// jobEnded finds out whether a driver is gone for certain, as its CircleCI job is, and says so.
func (env *environment) jobEnded(ci *circleci.Client) func(context.Context, string) bool {
	return func(ctx context.Context, job string) bool {
		ended := ci.JobEnded(ctx, job)
		if ended {
			fmt.Fprintf(env.Stderr, "the job of the driver has ended (%s): going on from where it left\n", job)
		}
		return ended
	}
}

// countdown tells who drives and how long that is watched, every half minute.
func (env *environment) countdown(h run.Header) func(journal.Lease, time.Duration) {
	var said time.Time
	return func(held journal.Lease, left time.Duration) {
		if time.Since(said) < 30*time.Second {
			return
		}
		said = time.Now()
		fmt.Fprintf(env.Stderr, "%s is driven already (%s): taken over in %s unless that driver is heard of; Ctrl-C leaves, --take-over does not wait\n",
			h.Run(), held, left.Round(time.Second))
	}
}

// peek reads the journal of a run without driving it: nothing is made, nothing is locked. A journal that
// cannot be this run's is as good as none.
func peek(ctx context.Context, repo *gitrepo.Repo, h run.Header) ([]run.Event, error) {
	events, _, err := journal.ReadGit(ctx, repo.Ref(journal.GitRef), h)
	if fault.Is(err, "no-journal") || fault.Is(err, "other-journal") {
		return nil, nil
	}
	return events, err
}

// openRun opens the journal of a run that exists already.
func (env *environment) openRun(ctx context.Context, ci *circleci.Client, repo *gitrepo.Repo, h run.Header, driver run.Driver, takeOver bool) (*journal.Git, []run.Event, error) {
	if _, _, err := journal.ReadGit(ctx, repo.Ref(journal.GitRef), h); err != nil {
		if fault.Is(err, "no-journal") {
			err = noProductRun(h)
		}
		return nil, nil, err
	}
	return journal.OpenGit(ctx, repo.Ref(journal.GitRef), h, journal.GitOptions{
		Driver: driver, TakeOver: takeOver, JobEnded: env.jobEnded(ci),
	})
}
