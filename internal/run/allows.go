package run

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
)

// Allows checks whether e may follow, by the rules of the package comment. The error says which rule it breaks. It does
// not change the state.
func (s *State) Allows(e Event) error {
	if e.Seq != s.Seq+1 {
		return fmt.Errorf("its number does not follow %d", s.Seq)
	}
	if (e.Type == Opened) != (s.Seq == 0) {
		return errors.New("the first event must be \"opened\", and no other may")
	}
	if err := s.allowsRun(e); err != nil {
		return err
	}
	for _, id := range e.Steps {
		if err := s.allowsStep(s.Step(id), e); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	return nil
}

func (s *State) allowsRun(e Event) error {
	switch e.Type {
	case Opened:
		if e.Header == nil {
			return errors.New("it has no header")
		}
	case Raised:
		if e.Header == nil || e.Header.Schema <= s.Header.Schema {
			return errors.New("it raises nothing")
		}
	case Planned:
		if e.Plan == nil {
			return errors.New("it has no plan")
		}
		if e.Plan.IsByGraph() && s.Header.Schema < schemaGraph {
			return fmt.Errorf("a journal of schema %d cannot hold a plan by the graph", s.Header.Schema)
		}
	case Recording, Recorded:
		return s.allowsRecord(e.Record)
	case Stopped:
	case Intent, Triggered, Observed, Succeeded, Failed, Unknown, Resolved, Skipped:
		if len(e.Steps) == 0 {
			return errors.New("it names no step")
		}
	default:
		return errors.New("this gio does not know that type; a newer gio wrote it")
	}
	if e.givesPipeline() && (e.Pipeline == nil || e.Pipeline.ID == "") {
		return errors.New("it has no pipeline")
	}
	return nil
}

func (s *State) allowsRecord(r *Record) error {
	if r == nil {
		return errors.New("it has no record")
	}
	for _, id := range r.Steps {
		if got := s.Step(id).Status; got != HasSucceeded {
			return fmt.Errorf("%s is recorded but %s", id, got)
		}
	}
	return nil
}

func (s *State) allowsStep(st Step, e Event) error {
	switch e.Type {
	case Intent:
		return s.allowsIntent(st, e)
	case Triggered:
		if err := requireStatus(st, Intended); err != nil {
			return err
		}
		return s.allowsPipeline(st, e)
	case Observed, Succeeded:
		if st.Pipeline.ID == "" {
			return errors.New("it has no pipeline")
		}
		return requireStatus(st, Running, OnHold, HasFailed, IsUnknown)
	case Failed: // pending: an attempt that ended before its intent, because its project could not be read
		return requireStatus(st, Pending, Intended, Running, OnHold, HasFailed)
	case Unknown: // running: CircleCI does not know its pipeline any more; failed: an earlier attempt's runs again
		return requireStatus(st, Intended, Running, OnHold, HasFailed)
	case Skipped:
		return requireStatus(st, Pending, Intended, WasSkipped)
	case Resolved:
		return s.allowsAnswer(st, e)
	default: // about the run
		return nil
	}
}

func (s *State) allowsIntent(st Step, e Event) error {
	if st.Status == Intended { // the same attempt: one line for each POST
		if e.Send != st.Send && e.Send != st.Send+1 {
			return fmt.Errorf("send %d does not follow %d", e.Send, st.Send)
		}
	} else if e.Send != 1 {
		return fmt.Errorf("send %d begins no attempt", e.Send)
	} else if err := requireStatus(st, Pending, HasFailed); err != nil {
		return err
	}
	return s.allowsOrder(st.ID)
}

// allowsOrder checks that every step for which id waits has succeeded.
func (s *State) allowsOrder(id plan.StepID) error {
	if _, planned := s.waveOf[id]; !planned {
		return errors.New("no plan holds it")
	}
	open, waits := s.WaitsFor(id)
	switch {
	case !waits:
		return nil
	case s.Plan.IsByGraph():
		return fmt.Errorf("%s, which it needs, is %s", open.ID, open.Status)
	}
	return fmt.Errorf("%s of an earlier wave is %s", open.ID, open.Status)
}

// WaitsFor returns the first step that must succeed before a step of the newest plan may start, and has not: one that it needs, or
// one of an earlier wave. It is not ok where there is none.
func (s *State) WaitsFor(id plan.StepID) (_ Step, ok bool) {
	if !s.Plan.IsByGraph() {
		return s.firstOpenBefore(s.waveOf[id])
	}
	for _, n := range s.frozen[id].Needs {
		if got := s.Step(n.Step); !n.Released && got.Status != HasSucceeded {
			return got, true
		}
	}
	return Step{}, false
}

// KeptBackBy returns the step that keeps a waiting one back in the end: one that it waits for, directly or not, and that itself
// waits for none. It is not ok where the step does not wait.
func (s *State) KeptBackBy(id plan.StepID) (origin Step, ok bool) {
	for range len(s.order) + 1 { // no plan has a cycle, but steps may have their needs of different plans
		next, waits := s.WaitsFor(id)
		if !waits {
			break
		}
		origin, ok, id = next, true, next.ID
	}
	return origin, ok
}

// NeedsMet returns when the last of the steps had succeeded for which a step of the newest plan waits; zero where there is none.
func (s *State) NeedsMet(id plan.StepID) (last time.Time) {
	see := func(needed plan.StepID) {
		if ended := s.Step(needed).EndedAt; ended.After(last) {
			last = ended
		}
	}
	if s.Plan.IsByGraph() {
		for _, n := range s.frozen[id].Needs {
			see(n.Step)
		}
		return last
	}
	for _, w := range s.Plan.Waves[:s.waveOf[id]] {
		for _, st := range w.Steps {
			see(st.ID())
		}
	}
	return last
}

// firstOpenBefore returns the first step of the waves before wave that has not succeeded. It remembers in s.done the waves that
// have, so that all intents of a run together cost one walk over its plan.
func (s *State) firstOpenBefore(wave int) (Step, bool) {
	for ; s.done < wave; s.done++ {
		for _, st := range s.Plan.Waves[s.done].Steps {
			if got := s.Step(plan.ID(st.Component, st.Version)); got.Status != HasSucceeded {
				return got, true
			}
		}
	}
	return Step{}, false
}

func (s *State) allowsPipeline(st Step, e Event) error {
	if e.Cancel == e.Pipeline.ID {
		return fmt.Errorf("it would cancel its own pipeline %s", e.Cancel)
	}
	for _, id := range []string{e.Pipeline.ID, e.Cancel} {
		if id == st.Pipeline.ID { // a person decides to keep watching a failed one
			continue
		}
		if owner, taken := s.Owner(id); taken && !slices.Contains(e.Steps, owner) {
			return fmt.Errorf("pipeline %s belongs to %s", id, owner)
		}
		if e.Type != Resolved && slices.Contains(st.Earlier, id) { // a person may decide to watch it after all
			return fmt.Errorf("pipeline %s belongs to an earlier attempt", id)
		}
	}
	return nil
}

func (s *State) allowsAnswer(st Step, e Event) error {
	switch e.Status {
	case AnswerPipeline:
		if err := requireStatus(st, IsUnknown, Intended, HasFailed); err != nil {
			return err
		}
		return s.allowsPipeline(st, e)
	case AnswerReleased:
		return requireStatus(st, IsUnknown, Intended, HasFailed, Pending, WasSkipped)
	case AnswerNotTriggered: // also after a success: it must be released again, because its tag is gone
		return requireStatus(st, IsUnknown, Intended, HasFailed, HasSucceeded)
	}
	return fmt.Errorf("%q is no answer", e.Status)
}

func requireStatus(st Step, allowed ...Status) error {
	if slices.Contains(allowed, st.Status) {
		return nil
	}
	return fmt.Errorf("it is %s", st.Status)
}

// Check proves that a whole journal keeps the rules of the package comment. It runs after every engine test, and before gio
// trusts a journal from outside.
func Check(events []Event) error {
	s, err := Fold(events)
	if err != nil {
		return err
	}
	for i, e := range events {
		if e.Seq != int64(i+1) { // Apply ignores it as a replay; in a journal it is a superfluous line
			return fmt.Errorf("event %d is in line %d", e.Seq, i+1)
		}
		if e.Run != s.Header.Run() {
			return fmt.Errorf("event %d belongs to run %q, not to %q", e.Seq, e.Run, s.Header.Run())
		}
	}
	return nil
}
