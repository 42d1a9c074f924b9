package operate

import (
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/notify"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Level is a level of dry run, in kubectl's words.
type Level string

// The levels.
const (
	Real   Level = ""
	Client Level = "client" // nothing is written anywhere: the simulator answers what would be sent
	Server Level = "server" // the pipelines really run, with dry_run: true
)

// Ends are the clients that a run is driven with: real ones, or those of a client dry run.
type Ends struct {
	CI    *circleci.Client
	Repo  *gitrepo.Repo // nil without a release repository
	Dry   *DryEnds      // nil for a real run
	check *precheck     // of a real release
	files *check.Files  // what says who needs whom; nil: whoever needs it makes one
}

// DryEnds are what a client dry run needs beside its clients.
type DryEnds struct {
	Clock    engine.Clock // runs faster
	Imagined bool         // the release repository could not be read: the checkout's release.json stands for it
	Online   bool         // CircleCI answers reads
	// OpenJournal opens a journal in memory that begins with the events of the real one.
	OpenJournal func(context.Context, run.Header) (engine.Journal, []run.Event, error)
	Close       func()
}

// Close ends the simulator of a dry run.
func (e Ends) Close() {
	if e.Dry != nil {
		e.Dry.Close()
	}
}

// RealEnds opens the ends of a run that is no release; inRepository says that there is a release repository.
func RealEnds(ctx context.Context, s Setup, inRepository bool) (Ends, error) {
	ci, err := s.circleCI()
	if err != nil || !inRepository {
		return Ends{CI: ci}, err
	}
	repo, err := s.Repository(ctx, nil)
	return Ends{CI: ci, Repo: repo}, err
}

// ReleaseEnds opens the ends of a release, which is prepared with the clients of its check.
func ReleaseEnds(ctx context.Context, s Setup) (Ends, error) {
	p, err := newPrecheck(s)
	if err != nil {
		return Ends{}, err
	}
	if p.noToken != nil {
		return Ends{}, p.noToken
	}
	repo, err := s.Repository(ctx, nil)
	return Ends{CI: p.question.CI, Repo: repo, check: p, files: p.question.Files}, err
}

// Result is how a run ended, or that there was nothing to do.
type Result struct {
	Plan        *plan.Plan
	State       *run.State
	Level       Level
	NothingToDo bool      // nothing was to be done
	Next        plan.Next // that stand on the branches since this release has finished the product

	receivers *notify.Notifier
}

// Deliver waits, for some seconds at most, until every receiver is notified of how the run ended, and returns a fault for each
// that was not. It may be called once.
func (r *Result) Deliver(ctx context.Context, err error) []error { return r.receivers.Close(ctx, err) }

// errNothing is what prepare returns when there is nothing left to do: no fault, the run is over.
var errNothing = engine.ErrNothing

// runner is what release, staging and trigger have in common, real or dry: an execution that is prepared, driven to its end and
// given back.
type runner struct {
	Setup
	level    Level
	x        *engine.Execution
	prepare  func(context.Context) error
	run      func(ctx context.Context, stop <-chan struct{}) error
	expected func(context.Context) func() run.Expectation // called when the driver begins

	receivers *notify.Notifier // once the run is prepared
}

// drive prepares the run and drives it to its end. The result is nil when the run did not begin.
func (t *runner) drive(ctx context.Context) (*Result, error) {
	defer t.View.close()
	t.x.Notify, t.x.Trouble = t.notify, t.Wire.Trouble
	defer t.closeRun(t.x)
	err := t.prepare(ctx)
	if errors.Is(err, errNothing) {
		return t.result(true), nil
	}
	if err != nil {
		return nil, err
	}
	ctx, stop, done := t.stopping(ctx)
	defer done()
	t.View.start(t.x.Clock, t.expected(ctx))
	err = t.run(ctx, stop)
	t.View.close()
	return t.result(false), err
}

func (t *runner) notify(e run.Event, s *run.State) {
	if t.View.Notify != nil {
		t.View.Notify(e, s)
	}
	t.receivers.Note(e, s)
}

func (t *runner) result(nothing bool) *Result {
	return &Result{Plan: t.x.Plan, State: t.x.State(), Level: t.level, NothingToDo: nothing, receivers: t.receivers}
}

// closeRun gives the run back, so that the next driver does not have to wait.
func (s Setup) closeRun(x io.Closer) {
	if err := x.Close(); err != nil {
		s.tell("the run could not be given back: the next driver waits some minutes or uses --take-over: %s", err)
	}
}

// newExecution makes an execution of this plan that lacks only its journal.
func (s Setup) newExecution(e Ends, p *plan.Plan) *engine.Execution {
	x := &engine.Execution{CI: e.CI, Plan: p, Driver: s.NewDriver(), MaxParallel: s.Config.MaxParallel, HoldLimit: s.HoldLimit}
	if e.Dry != nil {
		x.Clock, x.Simulated = e.Dry.Clock, true
	}
	return x
}

// drive drives an execution whose journal prepare opens.
func (s Setup) drive(ctx context.Context, x *engine.Execution, e Ends, prepare func(context.Context) error) (*Result, error) {
	t := &runner{Setup: s, x: x, run: x.Run, prepare: func(ctx context.Context) error {
		err := prepare(ctx)
		if err == nil && x.State().Seq > 0 && x.Left() == 0 {
			return errNothing
		}
		return err
	}}
	t.expected = func(context.Context) func() run.Expectation { return func() run.Expectation { return Expected(x) } }
	if e.Dry != nil {
		t.level = Client
	}
	return t.drive(ctx)
}

// Expected returns what is known of how long an execution takes.
func Expected(x *engine.Execution) run.Expectation {
	return run.Expectation{Took: x.Earlier, Parallel: min(cmp.Or(x.MaxParallel, engine.MaxParallel), engine.MostParallel)}
}

// headerOf makes the header of a plan's run of this kind.
func (s Setup) headerOf(kind run.Kind, p *plan.Plan) run.Header {
	return run.Header{Kind: kind, Manifest: s.Path, Product: p.Product, Version: p.Version, Branch: p.Branch}
}

// inMemory opens a journal that is lost with the process.
func inMemory(run.Header) (engine.Journal, []run.Event, error) { return &journal.Memory{}, nil, nil }
