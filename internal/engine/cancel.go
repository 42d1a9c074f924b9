package engine

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Cancellation cancels pipelines of a run on CircleCI, and reads them until they have ended.
type Cancellation struct {
	CI         *circleci.Client
	Clock      Clock
	Components []string // whose pipelines; none is all of the run
	// Read gives the run as its journal stands now.
	Read func(context.Context) (*run.State, error)
	// Driven: somebody else drives the run. Then Run waits for a pipeline that is about to be triggered.
	Driven bool
}

// Fate is what became of a pipeline that was to be cancelled.
type Fate string

// The fates. The last two are not what was wanted.
const (
	IsCancelled  Fate = "cancelled"
	HadSucceeded Fate = "succeeded" // the cancel came too late
	HadFailed    Fate = "failed"    // by itself
	NotStarted   Fate = "not started"
	NotKnown     Fate = "not known" // a pipeline may exist, and nobody knows which
	StillRuns    Fate = "still runs"
)

// Cancelled is what became of one pipeline, or of a step that has none.
type Cancelled struct {
	Steps  []run.Step // that share it; never empty
	Fate   Fate
	Reason string // CircleCI's words, or why it could not be cancelled
	Err    error  // of the last try, where it still runs; may be nil

	verdict   circleci.Verdict
	confirmed bool // the success was read before
}

// Cancellable lists the steps whose pipelines run, wait for an approval, or may exist: those of these components, and of
// what shares a pipeline with them; without components, all. Fault: NotFound "no-step".
func Cancellable(s *run.State, components []string) ([]run.Step, error) {
	part, with := map[string]bool{}, map[string]bool{}
	for _, st := range s.Steps() {
		part[st.ID.Component()] = true
		if slices.Contains(components, st.ID.Component()) && st.Pipeline.ID != "" {
			with[st.Pipeline.ID] = true
		}
	}
	for _, name := range components {
		if !part[name] {
			return nil, fault.New(fault.NotFound, "no-step", "%s is not in %s", name, s.Header.Run()).Hint("%s lists its components", fault.Next{Action: fault.Status, Run: s.Header.Run()})
		}
	}
	return slices.DeleteFunc(s.Steps(), func(st run.Step) bool {
		runsOn := st.Status == run.HasFailed && st.Code == "timeout" // gio waits no longer, and it may still run
		named := len(components) == 0 || slices.Contains(components, st.ID.Component()) || with[st.Pipeline.ID]
		return !st.Open() && !runsOn || !named
	}), nil
}

// Run cancels what Cancellable lists, and what the driver triggers meanwhile. It returns when all has ended, or after two
// minutes; the error is that of the first reading of the journal.
func (c *Cancellation) Run(ctx context.Context) ([]Cancelled, error) {
	asked, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	var g errgroup.Group
	g.SetLimit(MostParallel)
	var all []*Cancelled
	known := map[string]bool{}
	begin := func(open []run.Step) {
		for _, t := range byPipeline(open) {
			if id := t.Steps[0].Pipeline.ID; !known[id] {
				known[id] = true
				all = append(all, t)
				g.Go(func() error { c.end(ctx, t); return nil })
			}
		}
	}
	begin(asked)
	for open, began := asked, c.Clock.Now(); c.Driven && intended(open) && c.Clock.Since(began) < cancelFor; {
		if c.Clock.Sleep(ctx, 2*time.Second) != nil {
			break
		}
		if now, err := c.open(ctx); err == nil { // else it is read again
			open = now
			begin(open)
		}
	}
	_ = g.Wait() // each says what went wrong with it
	return c.sum(ctx, asked, all), nil
}

func (c *Cancellation) open(ctx context.Context) ([]run.Step, error) {
	state, err := c.Read(ctx)
	if err != nil {
		return nil, err
	}
	return Cancellable(state, c.Components)
}

func intended(steps []run.Step) bool {
	return slices.ContainsFunc(steps, func(st run.Step) bool { return st.Status == run.Intended })
}

// byPipeline groups the steps that share a pipeline. It leaves out those that have none, and those about which a person was
// asked.
func byPipeline(steps []run.Step) []*Cancelled {
	steps = slices.DeleteFunc(slices.Clone(steps), func(st run.Step) bool { return st.Pipeline.ID == "" || st.Status == run.IsUnknown })
	var all []*Cancelled
	for _, shared := range grouped(steps, func(st run.Step) string { return st.Pipeline.ID }) {
		all = append(all, &Cancelled{Steps: shared})
	}
	return all
}

// end cancels a pipeline until nothing of it runs: its workflows may appear one after the other.
func (c *Cancellation) end(ctx context.Context, t *Cancelled) {
	for began := c.Clock.Now(); ; {
		if t.Err = c.readAndCancel(ctx, t); t.Fate != "" {
			return
		}
		switch kind := fault.KindOf(t.Err); {
		case kind == fault.NotFound:
			t.Fate, t.Reason = NotKnown, "CircleCI does not know its pipeline any more, or does not show it to this token"
			return
		case kind == fault.Auth || c.Clock.Since(began) > cancelFor || c.Clock.Sleep(ctx, time.Second) != nil:
			t.Fate = StillRuns
			return
		}
	}
}

// readAndCancel reads a pipeline, workflows first, and cancels what runs of it. A success is read twice.
func (c *Cancellation) readAndCancel(ctx context.Context, t *Cancelled) error {
	st := t.Steps[0]
	if st.Cancel != "" { // a second one of the same attempt, which its driver may not have cancelled
		if err := c.CI.Cancel(ctx, st.Cancel); err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
	}
	workflows, err := c.CI.Workflows(ctx, st.Pipeline.ID)
	if err != nil {
		return err
	}
	p, err := c.CI.Pipeline(ctx, st.Pipeline.ID)
	if err != nil {
		return err
	}
	again := t.confirmed
	t.verdict, t.confirmed = circleci.Judge(p, workflows), false
	t.Reason = t.verdict.Reason
	switch t.verdict.State {
	case circleci.Succeeded:
		if t.confirmed = true; again {
			t.Fate = HadSucceeded
		}
	case circleci.Failed:
		t.Fate = HadFailed
		if slices.ContainsFunc(workflows, func(w circleci.Workflow) bool { return w.Status == circleci.StatusCanceled }) {
			t.Fate = IsCancelled
		}
	case circleci.Waiting, circleci.Running, circleci.OnHold:
		return c.CI.Cancel(ctx, st.Pipeline.ID)
	}
	return nil
}

// sum adds the steps without a pipeline to cancel, by what the journal says of them in the end.
func (c *Cancellation) sum(ctx context.Context, asked []run.Step, all []*Cancelled) []Cancelled {
	var sum []Cancelled
	done := map[plan.StepID]bool{}
	for _, t := range all {
		sum = append(sum, *t)
		for _, st := range t.Steps {
			done[st.ID] = true
		}
	}
	state, err := c.Read(ctx)
	for _, st := range asked {
		if done[st.ID] {
			continue
		}
		if err == nil {
			st = state.Step(st.ID)
		}
		sum = append(sum, withoutPipeline(st))
	}
	return sum
}

func withoutPipeline(st run.Step) Cancelled {
	t := Cancelled{Steps: []run.Step{st}, Fate: NotKnown, Reason: st.Reason}
	switch st.Status {
	case run.HasSucceeded:
		t.Fate = HadSucceeded
	case run.HasFailed:
		t.Fate = HadFailed
	case run.Pending, run.WasSkipped:
		t.Fate = NotStarted
	case run.Intended:
		t.Reason = "it was about to be triggered, and its pipeline is not known"
	case run.IsUnknown, run.Running, run.OnHold:
	}
	return t
}

// Note writes into the journal of a run that nobody else drives what became of its pipelines, and who cancelled them. A pipeline
// that had succeeded before is a success like any other; where that needs a proof, the next driver looks for it.
func (c *Cancellation) Note(ctx context.Context, j Journal, events []run.Event, ended []Cancelled, by run.Driver) error {
	state, err := run.Fold(events)
	if err != nil {
		return err
	}
	rec, err := newRecorder(c.Clock, j, state.Header, events, nil)
	if err != nil {
		return err
	}
	var g errgroup.Group // so that they share a push
	for _, t := range ended {
		e, ok := t.event(c.CI.Host(), by)
		if e.Type == run.Succeeded {
			e.Steps = slices.DeleteFunc(e.Steps, func(id plan.StepID) bool { return needsProof(state.Plan, id) })
		}
		if ok && len(e.Steps) > 0 {
			g.Go(func() error { return rec.add(ctx, e) })
		}
	}
	return g.Wait()
}

// event is what Note writes of it.
func (t Cancelled) event(host string, by run.Driver) (e run.Event, ok bool) {
	st, v := t.Steps[0], t.verdict
	for _, s := range t.Steps {
		e.Steps = append(e.Steps, s.ID)
	}
	switch t.Fate {
	case HadSucceeded:
		e.Type = run.Succeeded
		return e, true
	case IsCancelled, HadFailed:
		e.Type, e.Code, e.Reason = run.Failed, "pipeline-failed", v.Reason
		e.Workflow, e.Status, e.URL = v.Workflow.Name, string(v.Workflow.Status), st.Pipeline.URL
		if v.Workflow.ID != "" {
			e.URL = circleci.WorkflowURL(host, st.Project, st.Pipeline.Number, v.Workflow.ID)
		}
		if t.Fate == IsCancelled {
			e.Code, e.Reason = "cancelled", "cancelled by "+by.Login+": "+v.Reason
		}
		return e, true
	case NotStarted, NotKnown, StillRuns:
	}
	return e, false
}
