package operate

import (
	"context"
	"slices"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
)

// Retries runs failed workflows of a run again, from what failed: first it says which, then Run does it.
type Retries struct {
	Snapshot
	Of []engine.Retry // one for each pipeline

	setup Setup
	ci    *circleci.Client
	by    run.Driver
}

// NewRetries finds what of these components can be run again. Faults: those of engine.PipelineOf and engine.FindRetry; Invalid
// "no-retry", also for a product that is released.
func NewRetries(ctx context.Context, s Setup, sel Selector, components []string) (*Retries, error) {
	k, ci, err := s.withCircleCI(ctx, sel)
	if err != nil {
		return nil, err
	}
	r := &Retries{Snapshot: k, setup: s, ci: ci}
	for _, component := range components {
		st, err := retryable(k.State, component)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(r.Of, func(o engine.Retry) bool { return o.Step.Pipeline.ID == st.Pipeline.ID }) {
			continue // they share it
		}
		found, err := engine.FindRetry(ctx, engine.Clock{}, ci, st)
		if err != nil {
			return nil, err
		}
		r.Of = append(r.Of, found)
	}
	return r, nil
}

// retryable returns the step of a component, unless the journal says that nothing of it can be run again.
func retryable(s *run.State, component string) (run.Step, error) {
	st, err := engine.PipelineOf(s, component)
	switch {
	case err != nil:
		return st, err
	case s.Finished:
		return st, fault.New(fault.Invalid, "no-retry", "%s is released: nothing of it is run again", s.Header.Run())
	case st.Status == run.HasSucceeded:
		return st, fault.New(fault.Invalid, "no-retry", "%s %s has succeeded", component, st.ID.Version())
	case st.Status == run.IsUnknown:
		return st, fault.New(fault.Invalid, "no-retry", "%s %s needs a decision first: %s", component, st.ID.Version(), st.Reason).
			Hint("%s", fault.Next{Action: fault.Resolve, Component: component, Run: s.Header.Run()})
	}
	return st, nil
}

// Steps returns the steps that share the pipeline of a retry.
func (r *Retries) Steps(of engine.Retry) []run.Step { return sharing(r.State, of.Step) }

// Run runs one of them again. Nobody begins to drive the run meanwhile, and nobody else runs the same again; where somebody drives, it
// is one who starts the component no more. Who takes the run over from that driver in that very minute is not kept out. Faults: those of engine.Retry; Stopped "driven-elsewhere" and "retried-elsewhere".
func (r *Retries) Run(ctx context.Context, of engine.Retry) (engine.Again, error) {
	if r.by.Login == "" {
		user, err := r.ci.Me(ctx) // this also proves the token before anything is written
		if err != nil {
			return engine.Again{}, err
		}
		r.by = r.setup.NewDriver()
		r.by.Login = user.Login
	}
	giveBack, err := r.reserve(ctx, of)
	if err != nil {
		return engine.Again{}, err
	}
	defer giveBack()
	fresh, err := engine.FindRetry(ctx, engine.Clock{}, r.ci, of.Step)
	switch {
	case err != nil:
		return engine.Again{}, err
	case fresh.Workflow.ID != of.Workflow.ID:
		return engine.Again{}, fault.New(fault.Invalid, "no-retry", "%s of %s is run again already; now %s has failed", of.Workflow.Name, of.Step.ID.Component(), fresh.Workflow.Name).
			Hint("%s", fault.Again())
	}
	return fresh.Send(ctx, engine.Clock{}, r.ci)
}

// reserve keeps others from starting, or running again, what is about to be run again: by the lease of the run, or beside its driver
// by a note.
func (r *Retries) reserve(ctx context.Context, of engine.Retry) (giveBack func(), err error) {
	j, events, err := journal.OpenGit(ctx, r.ref.Ref, r.Header, journal.GitOptions{Driver: r.by, JobEnded: r.setup.jobEnded(r.ci)})
	if err == nil {
		giveBack = func() {
			if err := j.Close(); err != nil {
				r.setup.warn(oneLine(err))
			}
		}
		if err = unchanged(events, of.Step); err != nil {
			giveBack()
		}
		return giveBack, err
	}
	if !fault.Is(err, "driven-elsewhere") {
		return nil, err
	}
	component := of.Step.ID.Component()
	return func() {}, journal.NoteRetryGit(ctx, r.ref.Ref, r.Header, component, of.Workflow.ID, r.by, func(events []run.Event, held run.Lease) error {
		if err := unchanged(events, of.Step); err != nil {
			return err
		}
		if held.Held() && !triedBy(held.Driver, events, of.Step) {
			return fault.New(fault.Stopped, "driven-elsewhere", "%s is driven by %s, who may start %s anew", r.Header.Run(), held, component).
				Hint("%s shows what becomes of it", fault.Next{Action: fault.Watch, Run: r.Header.Run()})
		}
		return nil
	})
}

// unchanged returns a fault when the step has gone on since it was read.
func unchanged(events []run.Event, st run.Step) error {
	state, err := run.Fold(events)
	if err != nil {
		return err
	}
	if now := state.Step(st.ID); now.Attempt != st.Attempt || now.Pipeline.ID != st.Pipeline.ID || now.Status == run.HasSucceeded {
		return fault.New(fault.Stopped, "driven-elsewhere", "%s %s has gone on meanwhile: it is %s", st.ID.Component(), st.ID.Version(), now.Status).
			Hint("%s shows where it stands", fault.Next{Action: fault.Status, Run: state.Header.Run()})
	}
	return nil
}

// triedBy tells whether the driver has had its attempt at the step: it begins no other one.
func triedBy(driver string, events []run.Event, st run.Step) bool {
	began := slices.IndexFunc(events, func(e run.Event) bool {
		return e.Type == run.Planned && e.Driver != nil && e.Driver.ID == driver
	})
	return began >= 0 && slices.ContainsFunc(events[began:], func(e run.Event) bool {
		return e.Type == run.Intent && slices.Contains(e.Steps, st.ID)
	})
}

// Await reads the pipeline of what is run again until it has ended. Fault: PipelineFailed "pipeline-failed" where it has failed again.
func (r *Retries) Await(ctx context.Context, a engine.Again, told func(circleci.Verdict)) error {
	v, err := a.Await(ctx, engine.Clock{}, r.ci, told)
	if err == nil && v.State == circleci.Failed {
		err = fault.New(fault.PipelineFailed, "pipeline-failed", "%s %s failed again: %s", a.Step.ID.Component(), a.Step.ID.Version(), v.Reason).
			Hint("look at %s; a fix needs %s", r.URL(a.Retry, v.Workflow.ID), resume(r.Header))
	}
	return err
}

// URL is the page of a workflow on CircleCI.
func (r *Retries) URL(of engine.Retry, workflow string) string {
	if workflow == "" {
		return of.Step.Pipeline.URL
	}
	return circleci.WorkflowURL(r.ci.Host(), of.Step.Project, of.Step.Pipeline.Number, workflow)
}
