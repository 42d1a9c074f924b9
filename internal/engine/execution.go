package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

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
	Open   func(run.Header) (Journal, []run.Event, error)
	Driver run.Driver
	// Login is the CircleCI user of CI's token. A caller that knows it saves each new execution the request for it. It must be
	// what CI.Me says, since the engine knows a pipeline whose answer was lost by its user. With "" it asks Me.
	Login       string
	MaxParallel int           // 0 is MaxParallel
	HoldLimit   time.Duration // how long an approval is waited for
	MaxRuntime  time.Duration // after which gio leaves, recording what succeeded; 0 is no limit
	FailFast    bool          // a failure cancels the other pipelines that run
	Settle      time.Duration // between a success and the start of what waits for it
	// Once: what an earlier driver saw fail stays failed, and this one makes no new attempt. A person is asked about what was
	// cancelled while its answer was lost, since no later driver settles it.
	Once bool
	// Earlier says how long the pipelines of earlier runs took, by component, the newest first: when to read often.
	Earlier map[string][]time.Duration
	Clock   Clock
	// The engine asks Ready right before it writes the intents of the steps that share a pipeline. An error, a fault of code
	// tag-exists, version-mismatch or not-checked, fails these steps, and nothing is sent. Nil asks nobody.
	Ready func(context.Context, []plan.Step) error
	// Tagged tells whether a repository (org/name) has a tag. The engine asks it about the steps whose proof is a tag; without it,
	// Prepare refuses a release with such steps. An error of kind Auth or NotFound ends the session; after any other the engine
	// asks again.
	Tagged func(ctx context.Context, repository, tag string) (bool, error)
	// Poms says in a sentence what the build files of a step name at its tag and must not; "" is nothing. The engine asks it about
	// the steps whose proof says so, once they have their tag. Errors are as those of Tagged.
	Poms func(ctx context.Context, st plan.Step) (wrong string, err error)
	// Free tells whether no other execution has a pipeline, for a caller that drives several of one project and branch. The engine
	// asks it about each pipeline that a look-up finds, before it adopts it, and about the one that a trigger made, before it notes
	// it: until the answer the pipeline stands in no journal. A look-up passes over what is not free, as if somebody else had
	// triggered it; when what a trigger made is not free, the engine asks a person. After an error of kind Remote a look-up asks
	// again for a while; after any other the session ends, and the next one looks the pipeline up. Nil asks nobody.
	Free func(ctx context.Context, pipeline string) (bool, error)
	// Wake gives a channel on which the caller sends, or which it closes, as soon as CircleCI tells it of this pipeline, as by a
	// webhook. The engine then reads the pipeline at once, not at its next interval, but never sooner than a quarter of a second
	// after the last reading. It calls Wake before each reading of a pipeline that it watches, from several goroutines: Wake must
	// not block, and what CircleCI tells after the call must not be missed. A nil channel never wakes; a nil Wake wakes nobody.
	Wake func(pipeline string) <-chan struct{}
	// Told tells whether CircleCI tells of pipelines these days, so that Wake will say when one ends: then the engine reads one first
	// three seconds after its trigger, and one that runs every five minutes. Nil: it does not. Told must not block.
	Told func() bool
	// Looked keeps how long drivers have looked for the pipeline of an intent whose answer was lost, for a caller whose drivers may be
	// killed again and again before one has looked long enough. Each driver measures by its own clock, which does not go back. Looked
	// adds more to what is kept for that intent, named by the number of its event, forgets what is kept for any other, and returns the
	// sum. Only one whose journal takes events still may add. After an error the session ends. Nil: each driver looks anew.
	Looked func(ctx context.Context, intent int64, more time.Duration) (sum time.Duration, err error)
	// Simulated: what this driver triggers is simulated, and counts as proven.
	Simulated bool
	// The engine tells Notify every event, one at a time and in order: what it acts upon once it is durable, what CircleCI says of
	// a pipeline at once. Notify must not call back into the engine, and the run waits until it returns.
	Notify func(run.Event, *run.State)
	// Trouble is told in a sentence what takes long and is no event: the look-up of a pipeline whose answer was lost, and answers
	// that cannot be read. It must not block; nil is told nothing.
	Trouble func(sentence string)

	journal Journal // nil before it is opened
	rec     *recorder
}

// chapter is what one kind of run adds to the driving of its plan.
type chapter struct {
	begin func(context.Context, run.Event) error   // notes the planned event before anything is triggered
	end   func(context.Context) error              // however the driving ended; nil does nothing
	anew  bool                                     // everything has succeeded before and is to run once more
	ready func(context.Context, []plan.Step) error // instead of Execution.Ready; nil for that
}

// Prepare opens the journal of the run that h names. It writes nothing but what the journal does when it is opened.
func (x *Execution) Prepare(h run.Header) error {
	h.Host = x.CI.Host()
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
		if state.Step(planned.ID()).Status != run.HasSucceeded {
			left++
		}
	}
	return left
}

// Close gives the journal back. It is harmless at any time.
func (x *Execution) Close() error {
	if x.journal == nil {
		return nil
	}
	return x.journal.Close()
}

func (x *Execution) open(h run.Header) error {
	j, events, err := x.Open(h)
	if err != nil {
		return err
	}
	x.journal = j
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
	cancelled := closed(x.journal.Cancelled())
	if cancelled && x.Left() > 0 { // else it came too late
		driven = fault.Worst(driven, x.journal.Fresh(context.WithoutCancel(ctx)))
	}
	// However the driving ended, what succeeded is recorded; a driver that leaves does that first.
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
	if err := x.refuseUndefined(); err != nil {
		return err
	}
	driver := x.Driver
	if driver.Login = x.Login; driver.Login == "" {
		user, err := x.CI.Me(ctx)
		if err != nil {
			return err
		}
		driver.Login = user.Login
	}
	planned := run.Event{Type: run.Planned, Plan: x.Plan, Driver: &driver}
	if err := c.begin(ctx, planned); err != nil {
		return err
	}
	if err := x.anew(ctx, driver, c); err != nil {
		return err
	}
	s := x.session(stop)
	if c.ready != nil {
		s.ready = c.ready
	}
	return s.drive(ctx)
}

// refuseUndefined refuses a plan of which a later pipeline could not be triggered, before the first one is.
func (x *Execution) refuseUndefined() error {
	state := x.State()
	for _, st := range x.Plan.Steps() {
		if st.Definition == "" && circleci.NeedsDefinition(st.Project) && state.Step(st.ID()).Status != run.HasSucceeded {
			return fault.New(fault.Invalid, "definition-missing", "nothing was started: %s is a project of the GitHub App (%s), and gio.yaml names no pipeline definition for it", st.Component, st.Project).
				Hint("write definition: under the component's name in gio.yaml; the id stands in the project's settings on CircleCI").
				Hint("%s tells it for all components", fault.Next{Action: fault.Check})
		}
	}
	return nil
}

// session is this driver's time with the plan.
func (x *Execution) session(stop <-chan struct{}) *session {
	limit := x.MaxParallel
	if limit <= 0 {
		limit = MaxParallel
	}
	halted := make(chan struct{})
	return &session{
		halted: halted, halt: sync.OnceFunc(func() { close(halted) }),
		rec: x.rec, ci: x.CI, plan: x.Plan, stop: stop, cancelled: x.journal.Cancelled(), holdLimit: x.HoldLimit,
		ready: x.Ready, tagged: x.Tagged, poms: x.Poms, free: x.Free, wake: x.Wake, told: x.Told, simulated: x.Simulated,
		clock: x.Clock, trouble: x.Trouble, lookedFor: x.Looked, looked: map[plan.StepID]look{},
		pace: pace{earlier: run.Usual(x.Earlier)}, failFast: x.FailFast, once: x.Once, settling: x.Settle, alarm: newAlarm(false),
		slots: newSlots(min(limit, MostParallel)), tried: map[plan.StepID]bool{},
	}
}

// anew re-opens the steps of a server dry run that has finished: the same command then begins it anew, while it goes on with
// an unfinished one.
func (x *Execution) anew(ctx context.Context, driver run.Driver, c chapter) error {
	if !c.anew {
		return nil
	}
	e := run.Event{Type: run.Resolved, Status: run.AnswerNotTriggered, Driver: &driver}
	for _, planned := range x.Plan.Steps() {
		e.Steps = append(e.Steps, planned.ID())
	}
	return x.rec.add(ctx, e)
}
