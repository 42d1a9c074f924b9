package run

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/gravitee-lab/gio/internal/plan"
)

// FuzzFold turns bytes into events, three bytes each: type, step and pipeline. Most of them are nonsense; whatever a state
// accepts must keep the rules of the package comment.
func FuzzFold(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 2, 1, 0, 3, 1, 0, 6, 1, 0, 2, 2, 0, 3, 2, 1, 6, 2, 0, 2, 4, 0, 3, 4, 2, 6, 4, 0, 15, 7, 0})
	f.Add([]byte{0, 0, 0, 1, 0, 0, 2, 3, 0, 3, 3, 0, 7, 3, 0, 2, 3, 0, 2, 3, 1, 8, 3, 0, 10, 1, 1, 11, 2, 0, 1, 1, 0, 12, 1, 0})
	f.Add([]byte{0, 0, 0, 1, 0, 0, 2, 1, 0, 19, 1, 0, 7, 1, 0, 10, 1, 1, 6, 1, 0, 12, 1, 0, 2, 1, 0, 3, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &State{}
		var kept []Event
		for data = data[:min(len(data), 450)]; len(data) >= 3; data = data[3:] {
			e := fromBytes(s, data[0], data[1], data[2])
			before := s.Clone()
			switch err := s.Apply(e); {
			case err != nil || e.Seq <= before.Seq:
				if !same(before, s) {
					t.Fatalf("%+v was not taken (%v) and changed the state", e, err)
				}
			default:
				kept = append(kept, e)
				promises(t, before, s, e)
			}
		}
		replays(t, kept, s)
	})
}

// fromBytes makes an event that may often follow, and sometimes not.
func fromBytes(s *State, what, who, where byte) Event {
	members := []plan.StepID{alpha, beta, gamma, delta}
	var steps []plan.StepID
	for i, id := range members {
		if who&(1<<i) != 0 {
			steps = append(steps, id)
		}
	}
	pipeline := fmt.Sprint("p", where%8)
	all := []Event{
		opened(), planned(somePlan(who)), intent(1, steps...), triggered(pipeline, steps...), observed(steps...), held(steps...),
		succeeded(steps...), failed(steps...), unknown(steps...), skipped(steps...), itIs(pipeline, steps...), released(steps...),
		notTriggered(steps...), recording(Record{Steps: steps}), recorded(Record{Steps: steps}), recorded(Record{Steps: steps, Finished: true}),
		{Type: Stopped},
		intent(2, steps...), intent(3, steps...), withCancel(pipeline, fmt.Sprint("p", where/8%8), steps...),
	}
	e := all[int(what)%len(all)]
	e.Run, e.Seq = "release/3.9.4", s.Seq+1
	e.Time = at(e.Seq)
	if where >= 250 { // another number: a replay, or a gap
		e.Seq += int64(where) - 253
	}
	return e
}

func somePlan(who byte) *plan.Plan {
	return []*plan.Plan{threeWaves(), waves([]plan.StepID{alpha}, []plan.StepID{beta, gamma, delta}), waves([]plan.StepID{alpha, beta, gamma, delta}), waves()}[who%4]
}

// promises checks what one accepted event must not break.
func promises(t *testing.T, before, after *State, e Event) {
	t.Helper()
	for _, was := range before.Steps() {
		now := after.Step(was.ID)
		if was.Status == HasSucceeded && now.Status != HasSucceeded && e.Type != Resolved {
			t.Fatalf("%s: the success was taken back: %s", e.Type, now.Status)
		}
		if !subset(was.Earlier, append(slices.Clone(now.Earlier), now.Pipeline.ID)) { // a person may name one of them
			t.Fatalf("%s: pipelines %v of %s are forgotten: %v", e.Type, was.Earlier, was.ID, now.Earlier)
		}
	}
	for _, id := range e.Steps {
		if e.Type == Intent {
			mayStart(t, before, id, e)
		}
		if e.Type == Triggered {
			ownPipeline(t, before, id, e)
		}
	}
	for _, now := range after.Steps() {
		if slices.Contains(now.Earlier, now.Pipeline.ID) {
			t.Fatalf("%s: %s runs in the pipeline of an earlier attempt: %+v", e.Type, now.ID, now)
		}
		if now.Recorded && now.Status != HasSucceeded {
			t.Fatalf("%s: %s is recorded and %s", e.Type, now.ID, now.Status)
		}
	}
}

// mayStart checks rules 2 and 3 without any cache.
func mayStart(t *testing.T, before *State, id plan.StepID, e Event) {
	t.Helper()
	switch st := before.Step(id); {
	case st.Status == Intended && e.Send >= st.Send:
	case st.Open() || st.Status == HasSucceeded:
		t.Fatalf("%s is %s and was started", id, st.Status)
	}
	wave, _ := before.Wave(id)
	if wave == 0 {
		t.Fatalf("%s stands in no plan and was started", id)
	}
	for _, w := range before.Plan.Waves[:wave-1] {
		for _, st := range w.Steps {
			if got := before.Step(plan.ID(st.Component, st.Version)); got.Status != HasSucceeded {
				t.Fatalf("%s was started while %s of an earlier wave is %s", id, got.ID, got.Status)
			}
		}
	}
}

// ownPipeline checks rule 5: no step has the pipeline or had it.
func ownPipeline(t *testing.T, before *State, id plan.StepID, e Event) {
	t.Helper()
	for _, st := range before.Steps() {
		if st.Pipeline.ID == e.Pipeline.ID || st.Cancel == e.Pipeline.ID || slices.Contains(st.Earlier, e.Pipeline.ID) {
			t.Fatalf("%s was given pipeline %s of %+v", id, e.Pipeline.ID, st)
		}
	}
}

// replays checks that every prefix folds, to the same state each time, and that a second application changes nothing.
func replays(t *testing.T, kept []Event, want *State) {
	t.Helper()
	if err := Check(kept); err != nil {
		t.Fatalf("what was accepted event by event is refused as a whole: %v", err)
	}
	s := &State{}
	for _, e := range kept {
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
		once := s.Clone()
		if err := s.Apply(e); err != nil || !same(once, s) {
			t.Fatalf("event %d applied twice is not event %d applied once (%v)", e.Seq, e.Seq, err)
		}
	}
	if !same(want, s) {
		t.Fatal("the same events add up to another state")
	}
	for _, e := range kept {
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	if !same(want, s) {
		t.Fatal("the journal applied twice is not the journal applied once")
	}
}

func subset(small, big []string) bool {
	return !slices.ContainsFunc(small, func(id string) bool { return !slices.Contains(big, id) })
}

// same is sameState, fast enough for a fuzzer.
func same(a, b *State) bool {
	x, y := a.Clone(), b.Clone()
	x.done, y.done = 0, 0
	return len(x.owners) == len(y.owners) && len(x.refs) == len(y.refs) && reflect.DeepEqual(x, y)
}
