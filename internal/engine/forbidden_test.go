package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// forbidden answers 403 about b at one endpoint for that long, as CircleCI does when a user may not see a project.
func forbidden(endpoint string, lasts time.Duration) sim.Fault {
	return sim.Fault{Match: sim.Match{Endpoint: endpoint, Project: "b"}, Kind: sim.Answer, Status: 403, Body: `{"message":"Permission denied"}`, For: lasts}
}

// TestForbiddenProject: what CircleCI does not let the token's user do with one project stops no other one, and is said. The same
// command finishes it once the user may.
func TestForbiddenProject(t *testing.T) {
	t.Parallel()
	const soon, long = 5 * time.Minute, time.Hour
	tests := map[string]struct {
		faults []sim.Fault
		status run.Status
		kind   fault.Kind
	}{
		"trigger":           {[]sim.Fault{forbidden("trigger", long)}, run.HasFailed, fault.Auth},
		"list of pipelines": {[]sim.Fault{forbidden("project-pipelines", long)}, run.HasFailed, fault.Auth},
		"workflows":         {[]sim.Fault{forbidden("workflows", long)}, run.IsUnknown, fault.Decision},
		"pipeline":          {[]sim.Fault{forbidden("pipeline", long)}, run.IsUnknown, fault.Decision},
		"look-up":           {[]sim.Fault{onTrigger(sim.ErrorAfter, 1), {Match: sim.Match{Endpoint: "pipeline-by-number", Project: "b"}, Kind: sim.Answer, Status: 403, Body: `{"message":"no"}`, For: soon}}, run.IsUnknown, fault.Decision},
	}
	for name, tt := range tests {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			s := sim.Scenario{}
			s.Faults = tt.faults
			s.Default.Duration = 20 * time.Minute
			inBubble(t, product("a b c d"), s, func(t *testing.T, w *world) {
				w.edit = func(r *engine.Release) { r.MaxParallel = 1 }
				wantKind(t, w.release(), tt.kind)
				if st := w.state().Step(stepID("b")); st.Status != tt.status || !strings.Contains(st.Reason, "403") {
					t.Errorf("b is %s: %q", st.Status, st.Reason)
				}
				for _, other := range []string{"a", "c", "d"} {
					if st := w.state().Step(stepID(other)); st.Status != run.HasSucceeded || !st.Recorded {
						t.Errorf("%s is %s, recorded %t", other, st.Status, st.Recorded)
					}
				}
				time.Sleep(2 * time.Hour)
				if tt.status == run.IsUnknown && name == "look-up" {
					w.resolve(engine.Answer{Component: "b", Pipeline: 1}, false)
				}
				wantKind(t, w.release(), 0)
				if n := w.pipelinesOf("b"); n != 1 {
					t.Errorf("%d pipelines of b", n)
				}
			})
		})
	}
}

// TestForbiddenWhileItRuns: a later driver, too, goes on with the others.
func TestForbiddenWhileItRuns(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{}
	s.Default.Duration = time.Hour
	s.Faults = []sim.Fault{{Match: sim.Match{Endpoint: "workflows", Project: "b"}, Kind: sim.Answer, Status: 403, Body: `{"message":"no"}`, Nth: 20, For: 10 * time.Hour}}
	inBubble(t, product("a b"), s, func(t *testing.T, w *world) {
		wantKind(t, w.leaving(time.Minute), fault.Stopped)
		time.Sleep(30 * time.Minute)
		wantKind(t, w.release(), fault.Decision)
		if st := w.state().Step(stepID("a")); st.Status != run.HasSucceeded {
			t.Errorf("a is %s", st.Status)
		}
	})
}

// TestOneRefusedToken: one 401 amid good answers is asked again once, and is neither an end nor a second pipeline.
func TestOneRefusedToken(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"trigger", "project-pipelines", "workflows", "pipeline"} {
		s := sim.Scenario{}
		s.Faults = []sim.Fault{{Match: sim.Match{Endpoint: endpoint, Project: "b"}, Kind: sim.Answer, Status: 401, Body: `{"message":"You must log in first."}`, Times: 1}}
		inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
			wantKind(t, w.release(), 0)
			if n := w.pipelinesOf("b"); n != 1 {
				t.Errorf("%s: %d pipelines of b", endpoint, n)
			}
		})
	}
}

// TestRefusedTwice: a project that refuses the token again is not allowed, and the others go on.
func TestRefusedTwice(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{}
	s.Faults = []sim.Fault{{Match: sim.Match{Endpoint: "trigger", Project: "b"}, Kind: sim.Answer, Status: 401, Body: `{"message":"no"}`, Times: 2}}
	inBubble(t, product("a b c d"), s, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) { r.MaxParallel = 1 }
		wantKind(t, w.release(), fault.Auth)
		if st := w.state().Step(stepID("b")); st.Code != "not-allowed" {
			t.Errorf("b is %s, %s", st.Status, st.Code)
		}
		if st := w.state().Step(stepID("d")); st.Status != run.HasSucceeded {
			t.Errorf("d is %s", st.Status)
		}
	})
}

// TestRefusedForGood: a token that CircleCI refuses starts nothing more.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{}
	s.Faults = []sim.Fault{{Match: sim.Match{Path: "/project/gh/acme/[bcd]|/me"}, Kind: sim.Answer, Status: 401, Body: `{"message":"no"}`, Nth: 2, Times: -1}}
	inBubble(t, product("a b c d"), s, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) { r.MaxParallel = 1 }
		wantKind(t, w.release(), fault.Auth)
		if n := w.pipelinesOf("c") + w.pipelinesOf("d"); n != 0 {
			t.Errorf("%d more pipelines", n)
		}
	})
}

// TestUndefinedStartsNothing: that a later component cannot be triggered is said before the first one is.
func TestUndefinedStartsNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a b", "c"), sim.Scenario{}, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) {
			r.Options.Overrides = map[string]plan.Override{"c": {Project: "circleci/o/p"}}
		}
		err := w.release()
		wantKind(t, err, fault.Invalid)
		if !fault.Is(err, "definition-missing") || len(w.sim.Pipelines()) != 0 || len(w.kept()) > 0 {
			t.Errorf("%v, %d pipelines, %d events", err, len(w.sim.Pipelines()), len(w.kept()))
		}
	})
}

// TestRereadForbidden: one pipeline that may not be read hides the others from nobody who asks how the run stands.
func TestRereadForbidden(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{{Match: sim.Match{Endpoint: "workflows", Project: "b"}, Kind: sim.Answer, Status: 403, Body: `{"message":"no"}`, Nth: 20, Times: -1}}}
	s.Default.Duration = time.Hour
	inBubble(t, product("a b"), s, func(t *testing.T, w *world) {
		wantKind(t, w.leaving(time.Minute), fault.Stopped)
		time.Sleep(2 * time.Hour)
		ci := circleci.New(circleci.Options{Host: w.host, Token: token, HTTP: w.client()})
		for range 20 { // until it may not be read any more
			_, _ = ci.Workflows(t.Context(), w.pipelineOf("b", 1))
		}
		state, err := engine.Reread(t.Context(), ci, w.kept())
		if err != nil {
			t.Fatal(err)
		}
		if a, b := state.Step(stepID("a")), state.Step(stepID("b")); a.Status != run.HasSucceeded || b.Status != run.IsUnknown {
			t.Errorf("a is %s, b is %s", a.Status, b.Status)
		}
	})
}

// TestUnreadableProject: answers about one project that cannot be read stop no other one.
func TestUnreadableProject(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{{Match: sim.Match{Endpoint: "project-pipelines", Project: "b"}, Kind: sim.Answer, Status: 200, Body: `{"items":7}`, For: time.Hour}}}
	inWildBubble(t, product("a b c d"), s, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) { r.MaxParallel = 1 }
		wantKind(t, w.release(), fault.Remote)
		if b, d := w.state().Step(stepID("b")), w.state().Step(stepID("d")); b.Code != "project-unreadable" || d.Status != run.HasSucceeded {
			t.Errorf("b is %s, %s; d is %s", b.Status, b.Reason, d.Status)
		}
		time.Sleep(2 * time.Hour)
		wantKind(t, w.release(), 0)
	})
}
