package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Answer is what a person says of a component whose pipeline gio does not know.
type Answer struct {
	Component    string
	Pipeline     int64 // its number, when that is the answer
	Released     bool
	NotTriggered bool
	By           run.Driver // who answers
}

// Resolve writes a person's answer into the journal of a run that nobody drives. The steps that share
// the pipeline are answered together. Tagged tells whether the repository of a step carries a tag of
// its version: Resolve does not let such a step be released again. It returns the steps that were answered.
//
// Faults: NotFound "no-step", Invalid "nothing-to-resolve", "tag-exists" and "other-pipeline".
func Resolve(ctx context.Context, ci *circleci.Client, j Journal, events []run.Event, a Answer, tagged func(plan.StepID) (bool, error)) ([]run.Step, error) {
	state, err := run.Fold(events)
	if err != nil {
		return nil, err
	}
	if a.Component == "" {
		if a.Component, err = TheOnly(state, run.IsUnknown, fault.Resolve); err != nil {
			return nil, err
		}
	}
	steps, err := stepsAsked(state, a.Component)
	if err != nil {
		return nil, err
	}
	e := run.Event{Type: run.Resolved, Driver: &a.By}
	for _, st := range steps {
		e.Steps = append(e.Steps, st.ID)
	}
	switch {
	case a.Released:
		e.Status = run.AnswerReleased
	case a.NotTriggered:
		e.Status = run.AnswerNotTriggered
		if err := checkRepeat(steps, tagged); err != nil {
			return nil, err
		}
	default:
		e.Status = run.AnswerPipeline
		if e.Pipeline, err = pipelineNamed(ctx, ci, state.Plan, steps[0], a.Pipeline); err != nil {
			return nil, err
		}
	}
	rec, err := newRecorder(Clock{}, j, state.Header, events, nil)
	if err != nil {
		return nil, err
	}
	if err := state.Allows(numbered(state, e)); err != nil {
		return nil, fault.New(fault.Invalid, "nothing-to-resolve", "%s cannot be answered like that", a.Component).Because(err)
	}
	return steps, rec.add(ctx, e)
}

func numbered(state *run.State, e run.Event) run.Event {
	e.Seq = state.Seq + 1
	return e
}

// stepsAsked finds the step in question, and those that share its pipeline: what is unknown first, else
// what is open, else the newest.
func stepsAsked(state *run.State, component string) ([]run.Step, error) {
	var own []run.Step
	for _, st := range state.Steps() {
		if st.ID.Component() == component {
			own = append(own, st)
		}
	}
	if len(own) == 0 {
		f := fault.New(fault.NotFound, "no-step", "%s is not in %s", component, state.Header.Run())
		if unknown := state.With(run.IsUnknown); len(unknown) > 0 {
			f = f.Hint("unknown are: %s", names(unknown))
		}
		return nil, f
	}
	st := own[len(own)-1]
	for _, wanted := range []run.Status{run.Intended, run.IsUnknown} {
		if i := slices.IndexFunc(own, func(s run.Step) bool { return s.Status == wanted }); i >= 0 {
			st = own[i]
		}
	}
	steps := []run.Step{st}
	for _, other := range state.Steps() {
		if other.ID != st.ID && other.Status == st.Status && other.Intent == st.Intent && st.Intent != 0 {
			steps = append(steps, other)
		}
	}
	return steps, nil
}

// checkRepeat refuses to release again what is released and has its tag.
func checkRepeat(steps []run.Step, tagged func(plan.StepID) (bool, error)) error {
	for _, st := range steps {
		if st.Status != run.HasSucceeded && !isMisnamed(st) {
			continue
		}
		found, err := tagged(st.ID)
		if err != nil {
			return err
		}
		if found {
			return fault.New(fault.Invalid, "tag-exists", "%s is released: its repository carries the tag", st.ID).
				Hint("a version is released once: open the next one, or delete the tag first if it is a mistake")
		}
	}
	return nil
}

// pipelineNamed reads the pipeline that a person names and refuses one that cannot be the step's. Where a rebuilt journal does
// not know the attempt, the plan says where it ran.
func pipelineNamed(ctx context.Context, ci *circleci.Client, p *plan.Plan, st run.Step, number int64) (*run.Pipeline, error) {
	if st.Project == "" && st.Status == run.IsUnknown {
		st.Project, st.Branch = projectOf(p, st.ID)
	}
	if st.Project == "" {
		return nil, fault.New(fault.Invalid, "nothing-to-resolve", "gio never tried to start %s: there is no pipeline to name", st.ID)
	}
	found, err := ci.PipelineByNumber(ctx, st.Project, number)
	if err != nil {
		return nil, err
	}
	if found.Branch != "" && found.Branch != st.Branch {
		return nil, fault.New(fault.Invalid, "other-pipeline", "pipeline %d of %s runs on branch %s, but %s is built from %s", number, st.Project, found.Branch, st.ID, st.Branch)
	}
	return &run.Pipeline{ID: found.ID, Number: found.Number, URL: circleci.PipelineURL(ci.Host(), st.Project, found.Number)}, nil
}

func projectOf(p *plan.Plan, id plan.StepID) (project, branch string) {
	if p == nil {
		return "", ""
	}
	for _, st := range p.Steps() {
		if st.ID() == id {
			return st.Project, st.Branch
		}
	}
	return "", ""
}

func names(steps []run.Step) string {
	var all []string
	for _, st := range steps {
		all = append(all, fmt.Sprintf("%s %s", st.ID.Component(), st.ID.Version()))
	}
	return strings.Join(all, ", ")
}
