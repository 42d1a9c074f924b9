package engine_test

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

func onTrigger(kind sim.FaultKind, times int) sim.Fault {
	return sim.Fault{Match: sim.Match{Endpoint: "trigger", Project: "b"}, Kind: kind, Times: times}
}

// S10: the trigger answers 500, or never, before or after creating the pipeline: found and adopted, or sent
// again where nothing was created. One pipeline, whatever happened.
func TestS10LostAnswers(t *testing.T) {
	t.Parallel()
	for _, kind := range []sim.FaultKind{
		sim.ErrorBefore, sim.ErrorAfter, sim.HangBefore, sim.HangAfter, sim.ResetBefore, sim.ResetAfter, sim.TruncateAfter, sim.Throttle,
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			for _, times := range []int{1, 2} {
				inBubble(t, product("a b", "c"), sim.Scenario{Faults: []sim.Fault{onTrigger(kind, times)}}, func(t *testing.T, w *world) {
					wantKind(t, w.release(), 0)
					if n := w.pipelinesOf("b"); n != 1 {
						t.Errorf("%d times: %d pipelines of b", times, n)
					}
				})
			}
		})
	}
}

// A refusal creates nothing and is final: the component has failed, and the next run tries it again.
func TestRefusedTrigger(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		body   string
		kind   fault.Kind
	}{
		{400, `{"message":"Branch not found"}`, fault.PipelineFailed},
		{404, `{"message":"Project not found"}`, fault.PipelineFailed},
		{403, `{"message":"Permission denied"}`, fault.Auth},
		{200, `{"message":"Ignoring pipeline due to CI skip in the commit"}`, fault.PipelineFailed},
	} {
		f := onTrigger(sim.Answer, 1)
		f.Status, f.Body = tt.status, tt.body
		inBubble(t, product("a b", "c"), sim.Scenario{Faults: []sim.Fault{f}}, func(t *testing.T, w *world) {
			wantKind(t, w.release(), tt.kind)
			if st := w.state().Step("b@1.2.3"); st.Status != run.HasFailed || st.Reason == "" {
				t.Errorf("%d: b is %s: %q", tt.status, st.Status, st.Reason)
			}
			wantKind(t, w.release(), 0)
			if n := w.pipelinesOf("b"); n != 1 {
				t.Errorf("%d: %d pipelines of b", tt.status, n)
			}
		})
	}
}

// S29: every answer is lost and nothing is found. gio asks, starts nothing on its own, and goes on from
// each of the three answers.
func TestS29Unknown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer    engine.Answer
		byHand    bool // somebody starts the pipeline meanwhile
		pipelines int
	}{
		"not triggered": {engine.Answer{NotTriggered: true}, false, 1},
		"released":      {engine.Answer{Released: true}, false, 0},
		"pipeline":      {engine.Answer{Pipeline: 1}, true, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, product("a b", "c"), sim.Scenario{Faults: []sim.Fault{onTrigger(sim.HangBefore, 5)}}, func(t *testing.T, w *world) {
				wantKind(t, w.release(), fault.Decision)
				wantKind(t, w.release(), fault.Decision) // asking again changes nothing
				if st := w.state().Step("b@1.2.3"); st.Status != run.IsUnknown || w.pipelinesOf("b") != 0 {
					t.Fatalf("b is %s with %d pipelines", st.Status, w.pipelinesOf("b"))
				}
				if tt.byHand {
					if _, err := w.sim.Trigger("b", "1.2.x", "a-person", nil); err != nil {
						t.Fatal(err)
					}
				}
				tt.answer.Component = "b"
				w.resolve(tt.answer, false)
				wantKind(t, w.release(), 0)
				if n := w.pipelinesOf("b"); n != tt.pipelines {
					t.Errorf("%d pipelines of b, want %d", n, tt.pipelines)
				}
			})
		})
	}
}

// resolve writes a person's answer; tagged is what the component's repository says of the version's tag.
func (w *world) resolve(a engine.Answer, tagged bool) {
	w.t.Helper()
	if err := w.tryResolve(a, tagged); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tryResolve(a engine.Answer, tagged bool) error {
	ci := circleci.New(circleci.Options{Host: w.host, Token: token, HTTP: w.client()})
	_, err := engine.Resolve(w.t.Context(), ci, disk{w}, w.kept(), a, func(plan.StepID) (bool, error) { return tagged, nil })
	return err
}

func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a b"), sim.Scenario{}, func(t *testing.T, w *world) {
		wantKind(t, w.release(), 0)
		for _, tt := range []struct {
			answer engine.Answer
			tagged bool
			kind   fault.Kind
		}{
			{engine.Answer{Component: "nobody", Released: true}, false, fault.NotFound},
			{engine.Answer{Component: "a", NotTriggered: true}, true, fault.Invalid}, // its tag exists
			{engine.Answer{Component: "a", Released: true}, false, fault.Invalid},    // it has succeeded already
			{engine.Answer{Component: "a", Pipeline: 7}, false, fault.NotFound},
		} {
			if got := fault.KindOf(w.tryResolve(tt.answer, tt.tagged)); got != tt.kind {
				t.Errorf("%+v: exit %d, want %d", tt.answer, got, tt.kind)
			}
		}
	})
}

// S28: two components in one repository on one branch share one pipeline and its outcome.
func TestS28SharedPipeline(t *testing.T) {
	t.Parallel()
	autocancel := true
	s := sim.Scenario{Projects: map[string]sim.Project{"mono": {Autocancel: &autocancel, Runs: []sim.Run{{Outcome: sim.Failed}}}}}
	inBubble(t, product("c1 c2 c3", "d"), s, func(t *testing.T, w *world) {
		w.edit = sharedRepository
		wantKind(t, w.release(), fault.PipelineFailed)
		for _, id := range []plan.StepID{"c2@1.2.3", "c3@1.2.3"} {
			if st := w.state().Step(id); st.Status != run.HasFailed {
				t.Errorf("%s is %s", id, st.Status)
			}
		}
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("mono"); n != 2 {
			t.Errorf("%d pipelines of the shared repository, want one for each run", n)
		}
	})
}

// Different parameters cannot share a pipeline: on one repository they follow one another, because on one
// branch the second would cancel the first.
func TestSameRepositoryDifferentParameters(t *testing.T) {
	t.Parallel()
	autocancel := true
	s := sim.Scenario{Projects: map[string]sim.Project{"mono": {Autocancel: &autocancel}}}
	inBubble(t, product("c1 c2 c3", "d"), s, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) {
			sharedRepository(r)
			r.Options.Parameters = map[string]any{"module": "{{.Component}}"}
		}
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("mono"); n != 2 {
			t.Errorf("%d pipelines, want 2", n)
		}
	})
}
