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

// Provable refuses a plan whose steps are proven by tags when there is no GitHub to ask (kind Invalid, "no-tags").
func (r *Release) Provable() error {
	if r.Tagged != nil {
		return nil
	}
	var names []string
	state := r.State()
	for _, st := range r.Plan.Steps() {
		if st.Proof.Tag != "" && state.Step(st.ID()).Status != run.HasSucceeded {
			names = append(names, st.Component)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "no-tags", "gio.yaml says verify: tag or poms, but GitHub cannot be asked for the tags of %s", few(names)).
		Hint("set GITHUB_TOKEN, and GITHUB_API_URL where GitHub is not github.com").
		Hint("without GitHub, `verify: workflow` in gio.yaml names the workflows that must have run")
}

// unproven says why a step whose pipeline is green has not succeeded, "" when it has. An error says why gio cannot tell.
func (s *session) unproven(ctx context.Context, st plan.Step, v circleci.Verdict) (why string, err error) {
	if s.simulated && s.wasTried(newUnit([]plan.Step{st})) {
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
		return "", fault.New(fault.KindOf(err), fault.CodeOf(err), "%s: its pipeline is green, but gio cannot tell whether its tag %s exists", st.Component, st.Proof.Tag).Because(err)
	case !found:
		return fmt.Sprintf("its pipeline is green, but the tag %s does not exist in %s", st.Proof.Tag, st.Repository), nil
	}
	return "", nil
}

// misnamed says what the build files of a step that is proven name and must not, "" for nothing. An error says why gio cannot tell.
func (s *session) misnamed(ctx context.Context, st plan.Step) (wrong string, err error) {
	if st.Proof.Poms == "" || s.poms == nil || s.simulated && s.wasTried(newUnit([]plan.Step{st})) {
		return "", nil
	}
	wrong, err = s.poms(ctx, st)
	switch {
	case ctx.Err() != nil:
		return "", stopped(ctx)
	case err != nil:
		return "", fault.New(fault.KindOf(err), fault.CodeOf(err), "%s: it is released, but gio cannot tell what its poms name at the tag %s", st.Component, st.Proof.Tag).Because(err)
	}
	return wrong, nil
}

// isFinal tells whether waiting cannot help against an error: gio leaves, or the token or the repository is wrong.
func isFinal(err error) bool {
	return slices.Contains([]fault.Kind{fault.Stopped, fault.Auth, fault.NotFound}, fault.KindOf(err))
}

// proof is what a watcher remembers of a green pipeline whose proof it waits for.
type proof struct {
	green   time.Time // when the pipeline was first seen to have succeeded; zero: it has not
	missing time.Time // when what proves the release was first seen not to be there
	untold  error     // why the last reading could not tell
	blurred bool      // some reading could not tell
}

func (p *proof) isGreen() bool { return !p.green.IsZero() }

// noteMissing notes that something was not there. Looked for later, because the success was doubted, it has not been there since
// the pipeline is green.
func (p *proof) noteMissing(now time.Time) {
	switch {
	case !p.missing.IsZero():
	case p.blurred:
		p.missing = now
	default:
		p.missing = p.green
	}
}

// stayedAway tells that what is not there has been missing for long enough.
func (p *proof) stayedAway(now time.Time) bool {
	return !p.missing.IsZero() && now.Sub(p.missing) >= proofFor
}

// next is the time to the next reading, the last one right when what is missing has stayed away.
func (p *proof) next(now time.Time) time.Duration {
	next := clamp(now.Sub(p.green), soonestProof, apart)
	if left := proofFor - now.Sub(p.missing); left > 0 {
		next = min(next, left)
	}
	return next
}

// noteGreen notes the steps of a green pipeline that are proven to be released, once its success is not doubted any more, and
// goes on reading for the others. A step whose
// proof stays away has failed; one of which gio cannot tell is neither, and ends with the limit of its component.
func (w *watcher) noteGreen(ctx context.Context, v circleci.Verdict) (over bool, err error) {
	if !w.proof.isGreen() {
		w.proof.green = w.s.clock.Now()
		w.s.pace.learn(w.age())
	}
	if w.doubt > 0 {
		return false, nil
	}
	c, err := w.compare(ctx, v)
	if err != nil {
		return true, err
	}
	if err := w.s.noteSucceeded(ctx, c.proven, v); err != nil {
		return true, err
	}
	for _, m := range c.misnamed {
		if err := w.s.noteMisnamed(ctx, m, v); err != nil {
			return true, err
		}
	}
	for _, m := range c.missing {
		u := newUnit([]plan.Step{m.step})
		e := run.Event{Code: noProof, Reason: m.why, URL: w.s.workflowURL(u, w.s.rec.step(u.ids[0]), v)}
		if err := w.s.fail(ctx, u, e); err != nil {
			return true, err
		}
	}
	if len(c.open) == 0 {
		return true, nil
	}
	w.u = newUnit(c.open)
	return false, nil
}

// compared are the steps of a green pipeline by what proves them.
type compared struct {
	proven, open []plan.Step
	missing      []lacking
	misnamed     []lacking // proven, but for what their build files name
}

type lacking struct {
	step plan.Step
	why  string
}

// compare looks for the proof of each step.
func (w *watcher) compare(ctx context.Context, v circleci.Verdict) (compared, error) {
	var c compared
	w.proof.untold = nil
	for _, st := range w.u.steps {
		why, err := w.s.unproven(ctx, st, v)
		var wrong string
		if why == "" && err == nil {
			wrong, err = w.s.misnamed(ctx, st)
		}
		now := w.s.clock.Now()
		switch {
		case isFinal(err):
			return c, err
		case err != nil:
			w.proof.untold, w.proof.blurred = err, true
			c.open = append(c.open, st)
			continue
		case wrong != "":
			c.misnamed = append(c.misnamed, lacking{st, wrong})
			continue
		case why == "":
			c.proven = append(c.proven, st)
			continue
		}
		if w.proof.noteMissing(now); w.proof.stayedAway(now) {
			c.missing = append(c.missing, lacking{st, why})
		} else {
			c.open = append(c.open, st)
		}
	}
	return c, nil
}

// noteSucceeded notes a success, which the next driver would see as well.
func (s *session) noteSucceeded(ctx context.Context, steps []plan.Step, v circleci.Verdict) error {
	if len(steps) == 0 {
		return nil
	}
	return s.rec.note(ctx, run.Event{Type: run.Succeeded, Steps: newUnit(steps).ids, Commit: v.Revision}, noteFacts)
}

// noteMisnamed notes what a step names wrongly: a person must say whether it counts, unless its proof only warns of that.
func (s *session) noteMisnamed(ctx context.Context, l lacking, v circleci.Verdict) error {
	u := newUnit([]plan.Step{l.step})
	if l.step.Proof.Poms == plan.PomsWarn {
		return s.rec.note(ctx, run.Event{Type: run.Succeeded, Steps: u.ids, Commit: v.Revision, Reason: l.why}, noteFacts)
	}
	if now := s.rec.step(u.ids[0]); isMisnamed(now) {
		return nil
	} else if now.Status == run.IsUnknown { // for another reason, which has come to its end
		if err := s.noteObserved(ctx, u, v, loss{}); err != nil {
			return err
		}
	}
	s.alarm.raise()
	return s.rec.add(ctx, run.Event{Type: run.Unknown, Steps: u.ids, Code: run.WrongPoms, Reason: l.why, URL: s.workflowURL(u, s.rec.step(u.ids[0]), v)})
}

// isMisnamed tells whether a person has been asked about what a step names.
func isMisnamed(st run.Step) bool { return st.Status == run.IsUnknown && st.Code == run.WrongPoms }

// readGreen notes a green pipeline that an earlier driver began. Its wave watches the steps that are not proven, which may then
// fail for it; for those that have failed for it already the wave makes a new attempt.
func (s *session) readGreen(ctx context.Context, u unit, v circleci.Verdict) error {
	var proven []plan.Step
	for _, st := range u.steps {
		why, err := s.unproven(ctx, st, v)
		var wrong string
		if why == "" && err == nil {
			wrong, err = s.misnamed(ctx, st)
		}
		one := newUnit([]plan.Step{st})
		switch {
		case isFinal(err):
			return err
		case wrong != "":
			if err := s.noteMisnamed(ctx, lacking{st, wrong}, v); err != nil {
				return err
			}
			continue
		case err == nil && why == "":
			proven = append(proven, st)
			continue
		case isMisnamed(s.rec.step(one.ids[0])): // gio cannot tell any more, or the tag is gone: the person has not answered
			continue
		case err == nil && s.rec.step(one.ids[0]).Code == noProof:
			continue
		}
		if err := s.noteObserved(ctx, one, v, loss{}); err != nil {
			return err
		}
	}
	return s.noteSucceeded(ctx, proven, v)
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

// needsProof tells whether a step of a plan, which may be nil, has succeeded only with a proof.
func needsProof(p *plan.Plan, id plan.StepID) bool {
	return p != nil && slices.ContainsFunc(p.Steps(), func(st plan.Step) bool {
		return st.ID() == id && (st.Proof.Tag != "" || len(st.Proof.Workflows) > 0)
	})
}
