package engine

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Execution drives a plan under a journal: what a release, a staging and a trigger have in common. Set the fields, Prepare,
// Run, Close. It writes nothing but its journal.
type Execution struct {
	CI   *circleci.Client
	Plan *plan.Plan

	// Open opens the journal of a run for this driver and gives what it holds.
	Open        func(run.Header) (Journal, []run.Event, error)
	Driver      run.Driver
	MaxParallel int           // 0 is MaxParallel
	HoldLimit   time.Duration // how long an approval is waited for
	MaxRuntime  time.Duration // after which gio leaves, recording what succeeded; 0 is no limit
	FailFast    bool          // a failure cancels the other pipelines of its wave
	// Earlier says how long the pipelines of earlier runs took, by component, the newest first: when to look closely.
	Earlier map[string][]time.Duration
	Clock   Clock
	// Ready is asked right before the intents of the steps that share a pipeline; nil asks nobody. Its error, a fault of code
	// tag-exists, version-mismatch or not-checked, is these steps' failure: nothing is sent.
	Ready func(context.Context, []plan.Step) error
	// Tagged tells whether a repository (org/name) has a tag; it is asked for the steps whose proof is one. Without it a release
	// with such steps is refused. Of its errors, those of the kinds Auth and NotFound end the session; after others it is asked
	// again.
	Tagged func(ctx context.Context, repository, tag string) (bool, error)
	// Simulated: what this driver triggers is simulated, and taken to leave what proves a release.
	Simulated bool
	// Notify is told every event, one at a time and in order: what must be durable before it is acted upon, once it is; what
	// CircleCI says of a pipeline, at once. It must not call back into the engine, and it holds the run up for as long as it
	// takes.
	Notify func(run.Event, *run.State)

	rec   *recorder
	close io.Closer
}

// chapter is what one kind of run adds to the driving of its plan.
type chapter struct {
	begin func(context.Context, run.Event) error // notes the planned event before anything is triggered
	end   func(context.Context) error            // however the driving ended; nil does nothing
	anew  bool                                   // everything has succeeded before and is to run once more
}

// Prepare opens the journal of the run that h names. It writes nothing but what the journal does when it is opened.
func (x *Execution) Prepare(h run.Header) error {
	h.Schema, h.Host = run.Schema, x.CI.Host()
	return x.open(h)
}

// Run drives the plan. Closing stop starts nothing new and watches what runs; cancelling ctx leaves at once. The error says
// how the run ended, by the kinds of package fault; nil is success.
func (x *Execution) Run(ctx context.Context, stop <-chan struct{}) error {
	begin := func(ctx context.Context, planned run.Event) error { return x.rec.note(ctx, planned, noteStart) }
	return x.run(ctx, stop, chapter{begin: begin})
}

// State is a copy of the run's state; before Prepare it is empty.
func (x *Execution) State() *run.State {
	state := &run.State{}
	if x.rec != nil {
		x.rec.view(func(s *run.State) { state = s.Clone() })
	}
	return state
}

// Left is how many steps of the plan have not succeeded yet.
func (x *Execution) Left() int {
	left, state := 0, x.State()
	for _, planned := range x.Plan.Steps() {
		if state.Step(run.StepID(planned.ID())).Status != run.HasSucceeded {
			left++
		}
	}
	return left
}

// Close gives the journal back. It is harmless at any time.
func (x *Execution) Close() error {
	if x.close == nil {
		return nil
	}
	return x.close.Close()
}

func (x *Execution) open(h run.Header) error {
	j, events, err := x.Open(h)
	if err != nil {
		return err
	}
	x.close, _ = j.(io.Closer)
	x.rec, err = newRecorder(x.Clock, j, h, events, x.Notify)
	return err
}

func (x *Execution) run(ctx context.Context, stop <-chan struct{}, c chapter) error {
	if x.MaxRuntime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, x.MaxRuntime, fmt.Errorf("--max-runtime %s is over", x.MaxRuntime))
		defer cancel()
	}
	return fault.Worst(x.runToItsEnd(ctx, stop, c), x.rec.end(ctx))
}

func (x *Execution) runToItsEnd(ctx context.Context, stop <-chan struct{}, c chapter) error {
	driven := x.drive(ctx, stop, c)
	if driven != nil && ctx.Err() != nil { // whatever it was that leaving interrupted
		driven = fault.Worst(driven, stopped(ctx))
	}
	cancelled := closed(x.rec.cancelled())
	if cancelled && x.Left() > 0 { // else it came too late
		driven = fault.Worst(driven, x.rec.fresh(context.WithoutCancel(ctx)))
	}
	// What succeeded is recorded however the driving ended; leaving does not keep it from that.
	var recorded error
	if c.end != nil {
		recorded = c.end(context.WithoutCancel(ctx))
	}
	err := fault.Worst(append(outcome(x.State(), x.Plan, driven == nil || closed(stop), cancelled), driven, recorded)...)
	if err == nil || x.State().Seq == 0 { // what never began leaves no journal that a later run must agree with
		return err
	}
	return fault.Worst(err, x.rec.add(ctx, run.Event{Type: run.Stopped, Code: fault.CodeOf(err), Reason: err.Error()}))
}

// drive begins the run and works through its plan.
func (x *Execution) drive(ctx context.Context, stop <-chan struct{}, c chapter) error {
	user, err := x.CI.Me(ctx)
	if err != nil {
		return err
	}
	driver := x.Driver
	driver.Login = user.Login
	planned := run.Event{Type: run.Planned, Plan: x.Plan, Driver: &driver, ServerTime: user.ServerTime}
	if err := c.begin(ctx, planned); err != nil {
		return err
	}
	if err := x.anew(ctx, driver, c); err != nil {
		return err
	}
	limit := x.MaxParallel
	if limit <= 0 {
		limit = MaxParallel
	}
	s := &session{
		rec: x.rec, ci: x.CI, plan: x.Plan, stop: stop, cancelled: x.rec.cancelled(), holdLimit: x.HoldLimit,
		ready: x.Ready, tagged: x.Tagged, simulated: x.Simulated,
		serverBegan: user.ServerTime, began: x.Clock.Now(), clock: x.Clock,
		pace: pace{earlier: run.Usual(x.Earlier)}, failFast: x.FailFast, alarm: newAlarm(),
		slots: semaphore.NewWeighted(int64(min(limit, MostParallel))), tried: map[run.StepID]bool{},
	}
	return s.drive(ctx)
}

// anew re-opens the steps of a server dry run that was finished before: run again it begins anew, while an unfinished one
// goes on.
func (x *Execution) anew(ctx context.Context, driver run.Driver, c chapter) error {
	if !c.anew {
		return nil
	}
	e := run.Event{Type: run.Resolved, Status: run.AnswerNotTriggered, Driver: &driver}
	for _, planned := range x.Plan.Steps() {
		e.Steps = append(e.Steps, run.StepID(planned.ID()))
	}
	return x.rec.add(ctx, e)
}
