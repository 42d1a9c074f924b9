package engine_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestApprove: one request, and then it is read until it holds; what counts is what is read, whatever was answered.
func TestApprove(t *testing.T) {
	t.Parallel()
	on := sim.Match{Endpoint: "approve"}
	for name, tt := range map[string]struct {
		lag       time.Duration
		faults    []sim.Fault
		meanwhile func(*sim.Sim, circleci.Approval) error
		want      fault.Kind
		status    string // of the job afterwards
	}{
		"at once":                     {status: "success"},
		"it takes a while":            {lag: 20 * time.Second, status: "success"},
		"it takes too long":           {lag: time.Hour, want: fault.Remote, status: "on_hold"},
		"the answer is lost":          {faults: []sim.Fault{{Match: on, Kind: sim.ResetAfter}}, status: "success"},
		"the request is lost":         {faults: []sim.Fault{{Match: on, Kind: sim.ResetBefore}}, want: fault.Remote, status: "on_hold"},
		"not allowed":                 {faults: []sim.Fault{{Match: on, Kind: sim.Answer, Status: 403, Body: `{"message":"Permission denied"}`}}, want: fault.Auth, status: "on_hold"},
		"somebody was faster":         {meanwhile: func(s *sim.Sim, _ circleci.Approval) error { return s.Approve("a", 1) }, status: "success"},
		"it cannot be read meanwhile": {faults: []sim.Fault{{Match: sim.Match{Endpoint: "jobs"}, Kind: sim.ErrorBefore, Nth: 2, Times: 3}}, status: "success"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sim.Scenario{ActLag: tt.lag, Faults: tt.faults, Projects: map[string]sim.Project{"a": {Runs: []sim.Run{{Outcome: sim.Held, Duration: time.Minute}}}}}
			inBubble(t, product("a"), s, func(t *testing.T, w *world) {
				held(t, w, func(ci *circleci.Client, a circleci.Approval) {
					if tt.meanwhile != nil {
						if err := tt.meanwhile(w.sim, a); err != nil {
							t.Error(err)
						}
					}
					began := time.Now()
					if err := engine.Approve(t.Context(), engine.Clock{}, ci, a); fault.KindOf(err) != tt.want {
						t.Errorf("got %v", err)
					}
					if took := time.Since(began); took > time.Minute {
						t.Errorf("it took %s", took)
					}
					if now := approvals(t, ci, w); now[0].Job.Status != tt.status {
						t.Errorf("it is %s", now[0].Job.Status)
					}
					posts := 0
					for _, r := range w.sim.Requests() {
						if strings.Contains(r.Path, "/approve/") {
							posts++
						}
					}
					if posts != 1 {
						t.Errorf("%d requests", posts)
					}
				})
			})
		})
	}
}

// TestApproveCancelled: a job that was cancelled meanwhile waits no longer, and was not approved.
func TestApproveCancelled(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"a": {Runs: []sim.Run{{Outcome: sim.Held}}}}}
	inBubble(t, product("a"), s, func(t *testing.T, w *world) {
		held(t, w, func(ci *circleci.Client, a circleci.Approval) {
			if err := ci.CancelWorkflow(t.Context(), a.Workflow.ID); err != nil {
				t.Error(err)
			}
			if err := engine.Approve(t.Context(), engine.Clock{}, ci, a); !fault.Is(err, "not-approved") {
				t.Errorf("got %v", err)
			}
		})
	})
}

// held calls do when the pipeline of a waits for an approval, and then stops the run.
func held(t *testing.T, w *world, do func(*circleci.Client, circleci.Approval)) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	ready := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		<-ready
		synctest.Wait()
		ci := w.operator().ci
		do(ci, approvals(t, ci, w)[0])
		leave()
	})
	w.edit = func(r *engine.Release) {
		once := sync.OnceFunc(func() { close(ready) })
		r.Notify = func(e run.Event, _ *run.State) {
			if e.Held {
				once()
			}
		}
	}
	_ = w.releaseUntil(ctx, nil) // it is left, or ends
	all.Wait()
}

func approvals(t *testing.T, ci *circleci.Client, w *world) []circleci.Approval {
	t.Helper()
	st, err := engine.PipelineOf(w.state(), "a")
	if err != nil {
		t.Fatal(err)
	}
	all, err := ci.Approvals(context.WithoutCancel(t.Context()), st.Pipeline.ID)
	if err != nil || len(all) == 0 {
		t.Fatalf("%v, %v", all, err)
	}
	return all
}

func approval(workflow, job, status string) circleci.Approval {
	return circleci.Approval{Workflow: circleci.Workflow{Name: workflow}, Job: circleci.Job{Name: job, Status: status}}
}

// TestChooseApproval: the only one that waits, or the one that is named; a clear no otherwise.
func TestChooseApproval(t *testing.T) {
	t.Parallel()
	st := run.Step{ID: plan.ID("api", "1.2.3")}
	one := []circleci.Approval{approval("release", "early", "success"), approval("release", "sign-off", "on_hold"), approval("release", "late", "blocked")}
	two := []circleci.Approval{approval("x", "hold", "on_hold"), approval("y", "hold", "on_hold")}
	for name, tt := range map[string]struct {
		all  []circleci.Approval
		job  string
		want string // WORKFLOW/JOB, or a fault's code
		says string
	}{
		"the one that waits":       {one, "", "release/sign-off", ""},
		"by its name":              {one, "sign-off", "release/sign-off", ""},
		"approved already":         {one, "early", "release/early", ""},
		"its turn has not come":    {one, "late", "nothing-held", "release/late is blocked, its turn has not come"},
		"no such job":              {one, "other", "no-job", `no approval job "other": release/early was approved already, release/sign-off is on_hold`},
		"several":                  {two, "", "several-held", "2 jobs of api 1.2.3 wait"},
		"several of the same name": {two, "hold", "several-held", ""},
		"with its workflow":        {two, "y/hold", "y/hold", ""},
		"none waits":               {one[:1], "", "nothing-held", "release/early was approved already"},
		"none at all":              {nil, "", "nothing-held", "have no approval job, or have not begun"},
	} {
		a, err := engine.ChooseApproval(tt.all, st, tt.job)
		got := a.Workflow.Name + "/" + a.Job.Name
		if err != nil {
			got = fault.CodeOf(err)
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
