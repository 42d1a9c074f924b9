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

// releasing is driving for a release. When nothing is to be done its journal is only looked at: nobody is disturbed for it.
func (env *environment) releasing(ctx context.Context, r *engine.Release, repo *gitrepo.Repo, takeOver bool) func(run.Header) (engine.Journal, []run.Event, error) {
	drive := env.driving(ctx, &r.Execution, repo, takeOver)
	return func(h run.Header) (engine.Journal, []run.Event, error) {
		if events, err := peek(ctx, repo, h); err != nil || r.Idle(events) {
			return &journal.Memory{}, events, err
		}
		return drive(h)
	}
}

// driving opens the journal of a run for this driver, in the release repository: whatever machine
// goes on finds it there. A run that somebody else drives is waited for until it is certain that nobody
// does any more, or taken over at once.
func (env *environment) driving(ctx context.Context, x *engine.Execution, repo *gitrepo.Repo, takeOver bool) func(run.Header) (engine.Journal, []run.Event, error) {
	return func(h run.Header) (engine.Journal, []run.Event, error) {
		ctx, done := env.interruptible(ctx, errDetached)
		defer done()
		g, events, err := journal.OpenGit(ctx, repo.Ref(journal.GitRef), h, journal.GitOptions{
			Driver: x.Driver, TakeOver: takeOver, JobEnded: env.jobEnded(x.CI), Wait: env.countdown(h),
		})
		if err != nil {
			return nil, nil, err
		}
		if err := unclaimed(g, x); err != nil {
			_ = g.Close() // the fault is what counts
			return nil, nil, err
		}
		x.Earlier = g.Durations()
		return g, events, nil
	}
}

// unclaimed: no other run releases, or has released, a version that this one is about to.
func unclaimed(g *journal.Git, x *engine.Execution) error {
	var ids []run.StepID
	for _, st := range x.Plan.Steps() {
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
