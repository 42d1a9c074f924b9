package check

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestToTrigger: a step that has a pipeline, or may have one, is not checked; a failed one is, unless its pipeline was re-run.
func TestToTrigger(t *testing.T) {
	t.Parallel()
	intent := []run.Event{{Type: run.Intent, Steps: []plan.StepID{api}, Send: 1}}
	triggered := attempt(api, "p1")
	failed := attempt(api, "p1", run.Event{Type: run.Failed})
	const errored = `{"id":"p1","number":1,"state":"errored","errors":[],"project_slug":"gh/acme/api","created_at":null,"trigger":{"type":"api"}}`
	const created = `{"id":"p1","number":1,"state":"created","errors":[],"project_slug":"gh/acme/api","created_at":null,"trigger":{"type":"api"}}`
	workflows := func(status string) func(*world) {
		return func(w *world) {
			w.answers("pipeline", "", 200, created)
			w.answers("workflows", "", 200, `{"items":[{"id":"w","name":"release","status":"`+status+`"}],"next_page_token":null}`)
		}
	}
	nothing := func(*world) {}
	for _, tt := range []struct {
		name   string
		events []run.Event
		plant  func(*world)
		open   bool
	}{
		{"nothing happened", []run.Event{}, nothing, true},
		{"skipped", []run.Event{{Type: run.Skipped, Steps: []plan.StepID{api}, Reason: "upstream"}}, nothing, true},
		{"an answer is awaited", intent, nothing, false},
		{"running", triggered, nothing, false},
		{"on hold", attempt(api, "p1", run.Event{Type: run.Observed, Held: true}), nothing, false},
		{"succeeded", attempt(api, "p1", run.Event{Type: run.Succeeded}), nothing, false},
		{"unknown", append(intent, run.Event{Type: run.Unknown, Steps: []plan.StepID{api}}), nothing, false},
		{"failed without a pipeline", []run.Event{{Type: run.Failed, Steps: []plan.StepID{api}}}, nothing, true},
		{"failed", failed, workflows("failed"), true},
		{"failed, then re-run", failed, workflows("running"), false},
		{"failed, then re-run and held", failed, workflows("on_hold"), false},
		{"failed, then re-run with success", failed, workflows("success"), false},
		{"failed without a workflow", failed, func(w *world) {
			w.answers("pipeline", "", 200, errored)
			w.answers("workflows", "", 200, `{"items":[],"next_page_token":null}`)
		}, true},
		{"failed, its workflows cannot be read", failed, func(w *world) {
			w.answers("pipeline", "", 200, created)
			w.answers("workflows", "", 418, "")
		}, true},
		{"failed, its pipeline cannot be read", failed, func(w *world) {
			workflows("running")(w)
			w.Faults[0].Status = 418
		}, true},
		{"failed, and nobody can be asked", failed, func(w *world) {
			workflows("running")(w)
			w.ask = func(_ testing.TB, _ *sim.Sim, q *Question) { q.CI = nil }
		}, true},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			w := ready()
			w.state = tt.events
			tt.plant(w)
			s, q := w.open(t)
			defer s.Close()
			var got []string
			for _, st := range q.toTrigger(t.Context()) {
				got = append(got, st.Component)
			}
			want := []string{"definition", "gateway"}
			if tt.open {
				want = []string{"api", "definition", "gateway"} // in the plan's order
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestRunOfPart: only what is still to be triggered is checked, and counted.
func TestRunOfPart(t *testing.T) {
	t.Parallel()
	w := ready()
	w.state = attempt(api, "p1")
	for _, name := range []string{"acme/api", "acme/gateway"} {
		w.repository(name, func(r *sim.Repository) { r.Archived = true })
	}
	r := w.check(t)
	if got := strings.Join(lines(r.Findings), ", "); got != "error archived gateway" || r.Components != 2 {
		t.Errorf("%s; %d components", got, r.Components)
	}
}

// TestFirstWave: it is the first that has a step which was checked.
func TestFirstWave(t *testing.T) {
	t.Parallel()
	step := func(name string) plan.Step { return plan.Step{Component: name, Version: "1.0.0"} }
	a, b, c, d := step("a"), step("b"), step("c"), step("d")
	q := Question{Plan: &plan.Plan{Waves: []plan.Wave{{Steps: []plan.Step{a, b}}, {Steps: []plan.Step{c, d}}}}}
	for _, tt := range []struct {
		name  string
		steps []plan.Step
		want  []plan.Step
	}{
		{"all", []plan.Step{a, b, c, d}, []plan.Step{a, b}},
		{"not all of the first", []plan.Step{b, c}, []plan.Step{b}},
		{"none of the first", []plan.Step{d}, []plan.Step{d}},
		{"none", nil, nil},
	} {
		var want map[plan.StepID]bool
		for _, st := range tt.want {
			if want == nil {
				want = map[plan.StepID]bool{}
			}
			want[st.ID()] = true
		}
		if diff := cmp.Diff(want, q.firstWave(tt.steps)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if first := (Question{}).firstWave(nil); first != nil {
		t.Errorf("without a plan: %v", first)
	}
}

// TestRunIsStopped: a check whose context ends reports nothing, and says why it ended.
func TestRunIsStopped(t *testing.T) {
	t.Parallel()
	why := errors.New("the operator has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	s, q := ready().open(t)
	defer s.Close()
	cancel(why)
	if r, err := Run(ctx, q); !errors.Is(err, why) || r.Findings != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestRunLeavesTheQuestion: the same question can be asked again, and has the same answer.
func TestRunLeavesTheQuestion(t *testing.T) {
	t.Parallel()
	w := ready()
	w.repository("acme/api", func(r *sim.Repository) { r.Archived = true })
	w.ask = func(_ testing.TB, _ *sim.Sim, q *Question) {
		q.Earlier, q.Skip = []Finding{{Code: TagExists, What: "earlier"}}, []string{Archived}
	}
	s, q := w.open(t)
	defer s.Close()
	want := []string{"error tag-exists", "warning archived api"}
	for range 2 {
		r, err := Run(t.Context(), q)
		if diff := cmp.Diff(want, lines(r.Findings)); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	if q.Earlier[0].Severity != "" {
		t.Errorf("the question was changed: %+v", q.Earlier)
	}
}

// TestFailures: what could not be checked for one reason is one finding, in the same order and with the same words whoever
// failed first.
func TestFailures(t *testing.T) {
	t.Parallel()
	broken, forbidden := fault.New(fault.Remote, "broken", "it is\nbroken"), fault.New(fault.Auth, "forbidden", "not for you")
	failures := []failure{
		{"the branch", "c", broken},
		{"the branch", "a", broken},
		{"the branch", "b", forbidden},
		{"the branch", "a", broken}, // twice
		{"the tag", "a", broken},
		{"running pipelines", "", broken},
		{"running pipelines", "", fault.New(fault.Remote, "circleci-list-cut", "20 entries")},
	}
	want := []Finding{
		{Code: NotChecked, Severity: Error, kind: fault.Remote, What: "not checked: running pipelines: it is broken", Do: tryAgain},
		{Code: NotChecked, Severity: Error, kind: fault.Remote, What: "not checked: the branch of a, c: it is broken", Do: tryAgain},
		{Code: NotChecked, Severity: Error, kind: fault.Auth, What: "not checked: the branch of b: not for you", Do: tryAgain},
		{Code: NotChecked, Severity: Error, kind: fault.Remote, What: "not checked: the tag of a: it is broken", Do: tryAgain},
	}
	want = slices.Insert(want, 1, Finding{
		Code: NotChecked, Severity: Warning, kind: fault.Remote, What: "checked in part only: running pipelines: 20 entries", Do: "look on CircleCI for older pipelines that still run",
	})
	for range failures {
		failures = append(failures[1:], failures[0])
		i := &inspection{}
		for _, f := range failures {
			i.addFailure(f.what, f.component, f.err)
		}
		i.addFailures()
		if diff := cmp.Diff(want, i.findings, cmp.AllowUnexported(Finding{})); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
}

// TestAtOnce: all items are done, so many at the same time and no more.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int32
		enough := make(chan struct{})
		done := make([]bool, 2*maxAtOnce+1)
		go forEach(done, func(n int, _ bool) {
			running.Add(1)
			<-enough
			done[n] = true
		})
		synctest.Wait()
		if got := running.Load(); got != maxAtOnce {
			t.Errorf("%d at once", got)
		}
		close(enough)
		synctest.Wait()
		for n, ok := range done {
			if !ok {
				t.Errorf("%d was not done", n)
			}
		}
	})
}
