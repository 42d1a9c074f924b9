package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// noProof is the code of a failure: the pipeline is green, and what proves a release is not there.
const noProof = "no-proof"

// Provable refuses a plan that wants to see tags when nobody can be asked for them (kind Invalid, "no-tags").
func (r *Release) Provable() error {
	if r.Tagged != nil {
		return nil
	}
	var names []string
	state := r.State()
	for _, st := range r.Plan.Steps() {
		if st.Proof.Tag != "" && state.Step(run.StepID(st.ID())).Status != run.HasSucceeded {
			names = append(names, st.Component)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "no-tags", "gio.yaml says verify: tag, but GitHub cannot be asked for the tags of %s", few(names)).
		Hint("set GITHUB_TOKEN, and GITHUB_API_URL where GitHub is not github.com").
		Hint("without GitHub, `verify: workflow` in gio.yaml names the workflows that must have run")
}

// unproven is why a step whose pipeline is green has not succeeded, "" when it has. With an error it cannot be told.
func (s *session) unproven(ctx context.Context, st plan.Step, v circleci.Verdict) (why string, err error) {
	if s.simulated && s.done(newUnit([]plan.Step{st})) {
		return "", nil
	}
	for _, name := range st.Proof.Workflows {
		if !slices.Contains(v.Succeeded, name) {
			return fmt.Sprintf("its pipeline is green, but the workflow %s did not run in it: %s did", name, strings.Join(v.Succeeded, ", ")), nil
		}
	}
	if st.Proof.Tag == "" {
		return "", nil
	}
	found := false
	if s.tagged != nil {
		found, err = s.tagged(ctx, st.Repository, st.Proof.Tag)
	}
	switch {
	case ctx.Err() != nil:
		return "", stopped(ctx)
	case err != nil:
		return "", fault.New(fault.KindOf(err), fault.CodeOf(err), "%s: its pipeline is green, but whether its tag %s exists cannot be told", st.Component, st.Proof.Tag).Because(err)
	case !found:
		return fmt.Sprintf("its pipeline is green, but the tag %s does not exist in %s", st.Proof.Tag, st.Repository), nil
	}
	return "", nil
}

// lasting tells of an error that waiting does not mend: gio leaves, or the token or the repository is wrong.
func lasting(err error) bool {
	return slices.Contains([]fault.Kind{fault.Stopped, fault.Auth, fault.NotFound}, fault.KindOf(err))
}

// prove notes the steps of a green pipeline that are proven to be released; the others are looked at again. What stays away
// has failed; what cannot be told is neither, and ends with the limit of its component.
func (w *watcher) prove(ctx context.Context, v circleci.Verdict) (over bool, err error) {
	var proven, open, missing []plan.Step
	reasons := map[string]string{}
	w.untold = nil
	for _, st := range w.u.steps {
		why, err := w.s.unproven(ctx, st, v)
		switch {
		case lasting(err):
			return true, err
		case err != nil:
			w.untold = err
			open = append(open, st)
		case why == "":
			proven = append(proven, st)
		case w.stayedAway():
			missing, reasons[st.Component] = append(missing, st), why
		default:
			open = append(open, st)
		}
	}
	if err := w.s.succeeded(ctx, proven, v); err != nil {
		return true, err
	}
	for _, st := range missing {
		u := newUnit([]plan.Step{st})
		e := run.Event{Code: noProof, Reason: reasons[st.Component], URL: w.s.workflowURL(u, w.s.rec.step(u.ids[0]), v)}
		if err := w.s.fail(ctx, u, e); err != nil {
			return true, err
		}
	}
	if len(open) == 0 {
		return true, nil
	}
	w.u = newUnit(open)
	return false, nil
}

// stayedAway tells that what is not there has been missing for long enough.
func (w *watcher) stayedAway() bool {
	if w.missingSince.IsZero() {
		w.missingSince = w.s.clock.Now()
	}
	return w.s.clock.Since(w.missingSince) >= proofFor
}

// untilProof is the time to the next look for what a green pipeline lacks, the last one right when it has stayed away.
func (w *watcher) untilProof() time.Duration {
	next := clamp(w.s.clock.Since(w.green), soonestProof, apart)
	if left := proofFor - w.s.clock.Since(w.missingSince); left > 0 {
		next = min(next, left)
	}
	return next
}

// succeeded notes a success, which the next driver would see as well.
func (s *session) succeeded(ctx context.Context, steps []plan.Step, v circleci.Verdict) error {
	if len(steps) == 0 {
		return nil
	}
	return s.rec.note(ctx, run.Event{Type: run.Succeeded, Steps: newUnit(steps).ids, Commit: v.Revision}, noteFacts)
}

// readGreen takes in a green pipeline that an earlier driver left. What is not proven is watched in its wave, where it may
// fail for it; only an attempt that has failed for it already is over, and has a new one there.
func (s *session) readGreen(ctx context.Context, u unit, v circleci.Verdict) error {
	var proven []plan.Step
	for _, st := range u.steps {
		why, err := s.unproven(ctx, st, v)
		one := newUnit([]plan.Step{st})
		switch {
		case lasting(err):
			return err
		case err == nil && why == "":
			proven = append(proven, st)
			continue
		case err == nil && s.rec.step(one.ids[0]).Code == noProof:
			continue
		}
		if err := s.observed(ctx, one, v); err != nil {
			return err
		}
	}
	return s.succeeded(ctx, proven, v)
}

// allUnproven tells that a green pipeline has released none of the steps.
func (s *session) allUnproven(ctx context.Context, u unit, v circleci.Verdict) (bool, error) {
	for _, st := range u.steps {
		if why, err := s.unproven(ctx, st, v); why == "" {
			return false, err
		}
	}
	return true, nil
}

// toProve tells whether a step of a plan, which may be nil, has succeeded only with a proof.
func toProve(p *plan.Plan, id run.StepID) bool {
	return p != nil && slices.ContainsFunc(p.Steps(), func(st plan.Step) bool {
		return run.StepID(st.ID()) == id && (st.Proof.Tag != "" || len(st.Proof.Workflows) > 0)
	})
}
