package engine_test

import (
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// S1, S2: the first answer is a failure while two others still run, which end at different times. Nothing
// is recorded before it is true, and then once.
func TestS1S2LateAnswersAfterAFailure(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{
		"a": {Runs: []sim.Run{{Outcome: sim.Failed, Duration: time.Second}}},
		"b": {Duration: time.Minute},
		"c": {Runs: []sim.Run{{Outcome: sim.Failed, Duration: 2 * time.Minute}}},
		"d": {Duration: 5 * time.Minute},
	}}
	inBubble(t, product("a b c d", "e"), s, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) {
			r.Notify = func(e run.Event, s *run.State) {
				if e.Type == run.Recorded && len(s.With(run.Running)) > 0 {
					t.Error("recorded while pipelines still ran")
				}
			}
		}
		wantKind(t, w.release(), fault.PipelineFailed)
		m := w.manifestAt(branch)
		for name, released := range map[string]bool{"a": false, "b": true, "c": false, "d": true, "e": false} {
			if c, _ := m.Component(name); c.Open() == released {
				t.Errorf("%s is recorded as %s", name, c.Version)
			}
		}
		if n := w.commits(branch); n != 2 {
			t.Errorf("%d commits, want the first one and one record", n)
		}
		wantKind(t, w.release(), 0)
	})
}

// S3: a hold is shown, waited for, and goes on when it is approved.
func TestS3Hold(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"a": {Runs: []sim.Run{{Outcome: sim.Held, Hold: &sim.Hold{ApprovedAfter: 20 * time.Minute}}}}}}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		held := false
		w.edit = func(r *engine.Release) {
			r.Notify = func(e run.Event, _ *run.State) { held = held || e.Held && e.URL != "" }
		}
		wantKind(t, w.release(), 0)
		if !held {
			t.Error("the hold was not shown with its link")
		}
	})
}

// A held pipeline gives its place to another one, is not waited for after a failure in its wave or longer
// than the limit, and is taken up again by the next run.
func TestHoldIsNotInTheWay(t *testing.T) {
	t.Parallel()
	hold := sim.Project{Runs: []sim.Run{{Outcome: sim.Held}}}
	t.Run("slot", func(t *testing.T) {
		t.Parallel()
		inBubble(t, product("a b"), sim.Scenario{Projects: map[string]sim.Project{"a": hold}}, func(t *testing.T, w *world) {
			w.edit = func(r *engine.Release) { r.MaxParallel = 1 }
			wantKind(t, w.release(), fault.Timeout)
			if st := w.state().Step("b@1.2.3"); st.Status != run.HasSucceeded {
				t.Errorf("b is %s", st.Status)
			}
			w.approve("a")
			wantKind(t, w.release(), 0)
			if n := w.pipelinesOf("a"); n != 1 {
				t.Errorf("a ran %d times", n)
			}
		})
	})
	t.Run("failure", func(t *testing.T) {
		t.Parallel()
		s := sim.Scenario{Projects: map[string]sim.Project{"a": hold, "b": {Runs: []sim.Run{{Outcome: sim.Failed, Duration: 10 * time.Minute}}}}}
		inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
			began := time.Now()
			wantKind(t, w.release(), fault.PipelineFailed)
			if took := time.Since(began); took > 12*time.Minute {
				t.Errorf("waited %s for a hold after a failure", took)
			}
			w.approve("a")
			wantKind(t, w.release(), 0)
			if n := w.pipelinesOf("a"); n != 1 {
				t.Errorf("a ran %d times", n)
			}
		})
	})
}

// S11: a pipeline that never has a workflow, or is errored, has failed, in CircleCI's own words.
func TestS11NothingRan(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{
		"a": {Runs: []sim.Run{{Outcome: sim.None}}},
		"b": {Runs: []sim.Run{{Outcome: sim.Errored, Errors: []string{"Unexpected argument(s): s3_bucket_name"}}}},
	}}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		wantKind(t, w.release(), fault.PipelineFailed)
		if st := w.state().Step("a@1.2.3"); st.Code != "no-workflow" {
			t.Errorf("a: %s %q", st.Code, st.Reason)
		}
		if st := w.state().Step("b@1.2.3"); st.Reason == "" || st.Status != run.HasFailed {
			t.Errorf("b: %s %q", st.Status, st.Reason)
		}
		wantKind(t, w.release(), 0)
	})
}

// S12: the list of workflows is empty for the first minute.
func TestS12LateWorkflows(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"a": {WorkflowDelay: time.Minute}, "b": {PendingFor: 2 * time.Minute}}}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		wantKind(t, w.release(), 0)
	})
}

// S4: a 500 on a status request is not noticed.
func TestS4ServerErrors(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{
		{Match: sim.Match{Endpoint: "workflows"}, Kind: sim.ErrorBefore, Times: 3},
		{Match: sim.Match{Endpoint: "pipeline"}, Kind: sim.ResetBefore, Times: 3},
	}}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		wantKind(t, w.release(), 0)
	})
}

// S19: a failed workflow is re-run on CircleCI's page between the stop and the resume.
func TestS19RerunMeanwhile(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"green": 10 * time.Minute, "running": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sim.Scenario{Projects: map[string]sim.Project{"a": {Duration: time.Minute, Runs: []sim.Run{{Outcome: sim.Failed}}}}}
			inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
				wantKind(t, w.release(), fault.PipelineFailed)
				if err := w.sim.Rerun("a", 1, sim.Success); err != nil {
					t.Fatal(err)
				}
				time.Sleep(wait)
				wantKind(t, w.release(), 0)
				if n := w.pipelinesOf("a"); n != 1 {
					t.Errorf("a ran in %d pipelines", n)
				}
			})
		})
	}
}

// S5: a failed workflow is re-run on CircleCI's page while the wave still runs, and succeeds: the release
// goes on as if nothing had happened.
func TestS5RerunDuringTheWave(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{
		"a": {Duration: 10 * time.Minute, Runs: []sim.Run{{Outcome: sim.Failed, Duration: time.Minute}}},
		"b": minutes(5),
	}}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		time.AfterFunc(3*time.Minute, func() {
			if err := w.sim.Rerun("a", 1, sim.Success); err != nil {
				t.Error(err)
			}
		})
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("a"); n != 1 {
			t.Errorf("a ran in %d pipelines", n)
		}
	})
}

func (w *world) approve(project string) {
	w.t.Helper()
	if err := w.sim.Approve(project, 1); err != nil {
		w.t.Fatal(err)
	}
}
