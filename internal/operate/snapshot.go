package operate

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
)

// Snapshot is a run as the release repository held it at one moment.
type Snapshot struct {
	Header    run.Header
	Events    []run.Event
	State     *run.State
	Lease     run.Lease
	Requested string // version that was asked for, or is release.json's

	ref refAt
}

// ReadRun reads the selected run. Where the selector names none and release.json's version has none, it reads the newest, and
// s.Tell says so; with exactly it does not. Faults: "no-journal" (kind NotFound), and those of the workspace.
func ReadRun(ctx context.Context, s Setup, sel Selector, exactly bool) (Snapshot, error) {
	want, err := s.header(sel)
	if err != nil {
		return Snapshot{}, err
	}
	ref, runs, err := s.listRuns(ctx)
	if err != nil {
		return Snapshot{}, sel.hintOutside(err)
	}
	h, err := choose(runs, want, exactly || sel.exact())
	if err != nil {
		return Snapshot{}, err
	}
	k := Snapshot{Header: h, Requested: want.Version, ref: ref}
	switch {
	case h.Kind != want.Kind:
		s.tell("%s has no run yet: this is its server dry run", want.Version)
	case h.Version == want.Version:
	case sel.Run.Kind != "":
		k.Requested = h.Version
		s.tell("the newest run of %s is %s", sel.Run, h.Run())
	default:
		s.tell("%s has no run yet: this is the newest one, of %s from %s", want.Version, h.Version, h.Branch)
	}
	k, err = k.readAt(ctx, ref)
	if err == nil && s.Saw != nil {
		s.Saw(k, headersOf(runs))
	}
	return k, err
}

func headersOf(runs []journal.Listed) []run.Header {
	headers := []run.Header{}
	for _, l := range runs {
		headers = append(headers, l.Header)
	}
	return headers
}

// HintOutsideRepository adds to the fault of a workspace that could not be opened where else the selected run may be.
func HintOutsideRepository(sel Selector, err error) error { return sel.hintOutside(err) }

// readAt reads the run at one commit of the journal.
func (k Snapshot) readAt(ctx context.Context, ref refAt) (Snapshot, error) {
	k.ref = ref
	var err error
	if k.Events, k.Lease, err = journal.ReadGit(ctx, ref, k.Header); err != nil {
		return k, err
	}
	k.State, err = run.Fold(k.Events)
	return k, err
}

// ReadAgain returns the run as it is now.
func (k Snapshot) ReadAgain(ctx context.Context) (Snapshot, error) {
	tip, err := k.ref.Ref.Fetch(ctx)
	if err != nil {
		return k, err
	}
	return k.readAt(ctx, refAt{Ref: k.ref.Ref, tip: tip})
}

// Standing returns where the run stands.
func (k Snapshot) Standing(now time.Time) run.Standing { return k.State.Standing(k.Lease.Live(now)) }

// Durations returns how long the components took in earlier runs of the same kind.
func (k Snapshot) Durations(ctx context.Context) map[string][]time.Duration {
	return journal.DurationsGit(ctx, k.ref, k.Header)
}

// HasOpenPipelines reports whether pipelines of the run had not ended, by its last event.
func (k Snapshot) HasOpenPipelines() bool {
	return len(k.State.With(run.Running))+len(k.State.With(run.OnHold)) > 0
}

// Err returns the fault for where the run stands; nil where nothing is wrong, or while somebody drives it.
func (k Snapshot) Err(now time.Time) error {
	name, again := k.Header.Run(), resume(k.Header)
	switch k.Standing(now) {
	case run.StandingUnknown:
		return fault.New(fault.Decision, "unknown", "%s needs a decision: gio cannot know whether a pipeline was started", name).
			Hint("look at CircleCI, then answer with %s, `--released` or `--not-triggered`", fault.Next{Action: fault.Resolve, Run: name, Args: []string{"--pipeline N"}})
	case run.StandingFailed:
		return fault.New(fault.PipelineFailed, "pipeline-failed", "%s failed", name).
			Hint("%s once the failure is fixed: what succeeded is not started again", again)
	case run.StandingStopped:
		return fault.New(fault.Stopped, "stopped", "%s stopped before it was done, and has no driver", name).
			Hint("%s goes on from there", again)
	case run.StandingReleased, run.StandingDriven, run.StandingPassed, run.StandingPartial, run.StandingDamaged:
	}
	return nil
}

// withCircleCI reads exactly the selected run, and makes a client of its CircleCI.
func (s Setup) withCircleCI(ctx context.Context, sel Selector) (Snapshot, *circleci.Client, error) {
	k, err := ReadRun(ctx, s, sel, true)
	if err != nil {
		return k, nil, err
	}
	ci, err := s.circleCIOf(k.Header)
	return k, ci, err
}

// circleCIOf makes the client, which must be one for the run's host.
func (s Setup) circleCIOf(h run.Header) (*circleci.Client, error) {
	ci, err := s.circleCI()
	if err == nil && ci.Host() != h.Host {
		return nil, fault.New(fault.Invalid, "other-host", "%s runs on CircleCI host %s, not on %s", h.Run(), h.Host, ci.Host()).
			Hint("set CIRCLE_HOST to %s, and CIRCLE_TOKEN to a token of that host", h.Host)
	}
	return ci, err
}

// refAt is the journal's ref as it was at one moment: all that is read from it is consistent, and costs one fetch.
type refAt struct {
	*gitrepo.Ref
	tip string
}

// Fetch returns the commit of that moment.
func (r refAt) Fetch(context.Context) (string, error) { return r.tip, nil }

// listRuns reads the journal's ref of the remote, and lists its runs, the newest first.
func (s Setup) listRuns(ctx context.Context) (refAt, []journal.Listed, error) {
	repo, err := s.RepositoryToRead(ctx)
	if err != nil {
		return refAt{}, nil, err
	}
	ref := repo.Ref(journal.GitRef)
	tip, err := ref.Fetch(ctx)
	if err != nil {
		return refAt{}, nil, err
	}
	now := refAt{Ref: ref, tip: tip}
	runs, err := journal.ListGit(ctx, now)
	return now, runs, err
}

// Past is one run of the history: its entry in the list and its state, which is nil where Err says why it could not be read.
type Past struct {
	journal.Listed
	State *run.State
	Err   error
}

// History reads at most limit runs, the newest; all is how many there are. A run that cannot be read hides no other.
func History(ctx context.Context, s Setup, limit int) (past []Past, all int, err error) {
	ref, runs, err := s.listRuns(ctx)
	if err != nil {
		return nil, 0, err
	}
	for _, l := range runs[:min(limit, len(runs))] {
		k, err := Snapshot{Header: l.Header}.readAt(ctx, ref)
		if err != nil {
			k.State = nil
		}
		past = append(past, Past{Listed: l, State: k.State, Err: err})
		if err == nil && len(past) == 1 && s.Saw != nil {
			s.Saw(k, headersOf(runs))
		}
	}
	return past, len(runs), nil
}

const refreshWithin = 30 * time.Second // time for CircleCI to answer

// Refresh returns the run as the next driver would find it: it asks CircleCI, and writes nothing.
func Refresh(ctx context.Context, s Setup, k Snapshot) (Snapshot, error) {
	ci, err := s.circleCIOf(k.Header)
	if err != nil {
		return k, err
	}
	soon, cancel := context.WithTimeout(ctx, refreshWithin)
	defer cancel()
	state, err := engine.Reread(soon, ci, k.Events)
	if ctx.Err() != nil {
		return k, context.Cause(ctx)
	}
	if err != nil {
		return k, fault.New(refreshKind(err), "not-refreshed", "the pipelines of %s could not be read", k.Header.Run()).Because(err).
			Hint("%s shows what was noted last", fault.Next{Action: fault.Status, Run: k.Header.Run()})
	}
	k.State = state
	return k, nil
}

// refreshKind returns the fault's kind; a timeout is a failure of CircleCI (kind Remote).
func refreshKind(err error) fault.Kind {
	if kind := fault.KindOf(err); kind == fault.Auth || kind == fault.NotFound {
		return kind
	}
	return fault.Remote
}
