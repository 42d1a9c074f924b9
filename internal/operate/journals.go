package operate

import (
	"cmp"
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// opener opens the journal of a run, as engine.Execution.Open does.
type opener = func(run.Header) (engine.Journal, []run.Event, error)

// releaseJournal is driverJournal for a release. When there is nothing to do it only reads the journal, and takes no lease.
// Agreed says that a run whose branch was renamed may go on under the new name.
func (s Setup) releaseJournal(ctx context.Context, r *engine.Release, takeOver, agreed bool) opener {
	drive := s.driverJournal(ctx, &r.Execution, r.Repo, takeOver)
	return func(h run.Header) (engine.Journal, []run.Event, error) {
		events, err := Peek(ctx, r.Repo, h)
		if err != nil || r.Idle(events) {
			return &journal.Memory{}, events, err
		}
		begun := underOldName(r.Repo, events, h)
		if begun.Branch != h.Branch && !agreed {
			return nil, nil, refuseRenamed(begun.Branch, h.Branch, h)
		}
		return drive(begun)
	}
}

// driverJournal opens the journal of a run for this driver, in the release repository, where the next machine finds it. When
// somebody else drives the run, it waits until that driver is certainly gone or, with takeOver, takes the run over at once.
func (s Setup) driverJournal(ctx context.Context, x *engine.Execution, repo *gitrepo.Repo, takeOver bool) opener {
	return func(h run.Header) (engine.Journal, []run.Event, error) {
		ctx, done := s.leaving(ctx)
		defer done()
		g, events, err := journal.OpenGit(ctx, repo.Ref(journal.GitRef), h, journal.GitOptions{
			Driver: x.Driver, TakeOver: takeOver, JobEnded: s.jobEnded(x.CI), Wait: s.countdown(h),
		})
		if err != nil {
			return nil, nil, err
		}
		if err := refuseClaimed(g, x); err != nil {
			_ = g.Close() // the fault is what counts
			return nil, nil, err
		}
		x.Earlier = g.Durations()
		return g, events, nil
	}
}

// refuseClaimed returns a fault for a version that another run releases or has released.
func refuseClaimed(g *journal.Git, x *engine.Execution) error {
	claims, err := g.Claimed(idsOf(x.Plan))
	if err != nil {
		return err
	}
	return journal.Elsewhere(claims)
}

// refusedByJournal is what driverJournal would refuse for a prepared release whose journal is only read.
func refusedByJournal(ctx context.Context, r *engine.Release) error {
	return journal.Refused(ctx, r.Repo.Ref(journal.GitRef), releaseHeader(r), idsOf(r.Plan))
}

// releaseHeader returns the header of a prepared release's run.
func releaseHeader(r *engine.Release) run.Header {
	h := run.Header{
		Kind: run.Release, Manifest: r.Path, Version: r.Plan.Version, Host: r.CI.Host(),
		Branch: cmp.Or(r.RenamedFrom(), r.Options.Branch),
	}
	if r.Options.DryRun {
		h.Kind = run.DryRun
	}
	return h
}

func idsOf(p *plan.Plan) []plan.StepID {
	var ids []plan.StepID
	for _, st := range p.Steps() {
		ids = append(ids, st.ID())
	}
	return ids
}

// jobEnded returns a function that reports whether the CircleCI job of a driver has ended, so that the driver is certainly gone,
// and says so.
func (s Setup) jobEnded(ci *circleci.Client) func(context.Context, string) bool {
	return func(ctx context.Context, job string) bool {
		ended := ci.JobEnded(ctx, job)
		if ended {
			s.tell("the job of the driver has ended (%s): continuing the run", job)
		}
		return ended
	}
}

// countdown returns a function that says, every half minute, who drives and how much longer gio waits.
func (s Setup) countdown(h run.Header) func(run.Lease, time.Duration) {
	var last time.Time
	return func(held run.Lease, remaining time.Duration) {
		if time.Since(last) < 30*time.Second {
			return
		}
		last = time.Now()
		s.tell("%s has a driver already (%s): gio takes over in %s unless that driver gives a sign; Ctrl-C leaves, --take-over does not wait",
			h.Run(), held, remaining.Round(time.Second))
	}
}

// Peek reads the events of a run without driving it: it creates nothing and takes no lease. It returns none where there is no
// journal.
func Peek(ctx context.Context, repo *gitrepo.Repo, h run.Header) ([]run.Event, error) {
	events, _, err := journal.ReadGit(ctx, repo.Ref(journal.GitRef), h)
	if fault.Is(err, "no-journal") {
		return nil, nil
	}
	return events, err
}

// readOnlyJournal is an opener that reads the journal of the release repository, and keeps new events in memory.
func readOnlyJournal(ctx context.Context, repo *gitrepo.Repo) opener {
	return func(h run.Header) (engine.Journal, []run.Event, error) {
		events, err := Peek(ctx, repo, h)
		return &journal.Memory{}, events, err
	}
}

// openExisting opens the journal of a run that somebody has begun.
func (s Setup) openExisting(ctx context.Context, ci *circleci.Client, repo *gitrepo.Repo, h run.Header, driver run.Driver, takeOver bool) (*journal.Git, []run.Event, error) {
	events, _, err := journal.ReadGit(ctx, repo.Ref(journal.GitRef), h)
	if err != nil {
		if fault.Is(err, "no-journal") {
			err = noSuchRun(h.Name())
		}
		return nil, nil, err
	}
	return journal.OpenGit(ctx, repo.Ref(journal.GitRef), underOldName(repo, events, h), journal.GitOptions{
		Driver: driver, TakeOver: takeOver, JobEnded: s.jobEnded(ci),
	})
}

// pastState returns what a run's journal adds up to; nil where there is no such run.
func pastState(ctx context.Context, repo *gitrepo.Repo, h run.Header) (*run.State, error) {
	events, _, err := journal.ReadGit(ctx, repo.Ref(journal.GitRef), h)
	if fault.Is(err, "no-journal") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return run.Fold(events)
}
