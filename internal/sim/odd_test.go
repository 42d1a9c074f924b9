package sim_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/sim/simtest"
)

func TestOddPipelines(t *testing.T) {
	t.Parallel()
	const second = time.Second
	hold := func(h sim.Hold) sim.Run { h.BesideFailure = true; return sim.Run{Outcome: sim.Failed, Hold: &h} }
	setup := prelude + 2*second + prelude - 35*time.Millisecond // when the continuation of a setup workflow appears
	tests := []struct {
		name    string
		run     sim.Run
		moments []moment
	}{
		{"a workflow that comes late", sim.Run{Workflows: []sim.Workflow{{Name: "a"}, {Name: "b", AppearsAfter: 16 * second, Outcome: sim.Failed}}}, []moment{
			{prelude, "created, a=running", "running"},
			{prelude + 2*second, "created, a=success", "workflow_due"},
			{prelude + 16*second, "created, a=success, b=running", "running"},
			{prelude + 18*second, "created, a=success, b=failed", "failed"},
		}},
		{"a workflow that comes late and is not run", sim.Run{Workflows: []sim.Workflow{{Name: "a"}, {Name: "b", AppearsAfter: 16 * second, Outcome: sim.NotRun}}}, []moment{
			{prelude + 2*second, "created, a=success", "workflow_due"},
			{prelude + 16*second, "created, a=success, b=not_run", "not_run"},
		}},
		{"a workflow of a continuation that comes late", sim.Run{Setup: &sim.Setup{}, Workflows: []sim.Workflow{{Name: "a"}, {Name: "b", AppearsAfter: 16 * second}}}, []moment{
			{setup + 2*second, "created, setup setup=success, a=success", "workflow_due"},
			{setup + 16*second, "created, setup setup=success, a=success, b=running", "running"},
			{setup + 18*second, "created, setup setup=success, a=success, b=success", "success"},
		}},
		{"a setup workflow that is rerun alone", sim.Run{Setup: &sim.Setup{RerunAfter: time.Minute}}, []moment{
			{setup + 2*second, "created, setup setup=success, release=success", "success"},
			{setup + 62*second, "created, setup setup=success, release=success, setup setup=running", "success"},
			{setup + 64*second, "created, setup setup=success, release=success, setup setup=failed", "success"},
		}},
		{"a continuation that fails leaves the setup workflow alone", sim.Run{Setup: &sim.Setup{RerunAfter: time.Minute}, Outcome: sim.Failed}, []moment{
			{setup + 2*second, "created, setup setup=success, release=failed", "failed"},
		}},
		{"a continuation without workflows", sim.Run{Setup: &sim.Setup{RerunAfter: time.Minute}, Workflows: []sim.Workflow{{Name: "a", Outcome: sim.None}}}, []moment{
			{setup, "created, setup setup=success", "none"},
		}},
		{"failing while held, approved", hold(sim.Hold{Beside: second, ApprovedAfter: time.Hour}), []moment{
			{prelude, "created, release=running", "running"},
			{prelude + second, "created, release=failing", "failing"},
			{prelude + time.Hour + 2*second, "created, release=failed", "failed"},
		}},
		{"failing while held, canceled", hold(sim.Hold{After: second, CanceledAfter: time.Hour}), []moment{
			{prelude, "created, release=running", "running"},
			{prelude + second, "created, release=failing", "failing"},
			{prelude + time.Hour + second, "created, release=canceled", "canceled"},
		}},
		{"failing while held, for ever", hold(sim.Hold{}), []moment{{prelude, "created, release=failing", "failing"}}},
		{"approved before the other job fails", hold(sim.Hold{Beside: 10 * second, ApprovedAfter: second}), []moment{
			{prelude, "created, release=running", "running"},
			{prelude + 10*second, "created, release=failed", "failed"},
		}},
		{"a build error", sim.Run{Outcome: sim.Errored, Errors: []string{"no job deploy"}, BuildError: true}, []moment{
			{35 * time.Millisecond, "errored, no job deploy", "errored"},
			{prelude, "errored, no job deploy, Build Error=errored", "errored"},
		}},
		{"a build error of a continuation", sim.Run{Setup: &sim.Setup{}, Outcome: sim.Errored, Errors: []string{"no job deploy"}, BuildError: true}, []moment{
			{setup - 100*time.Millisecond, "errored, no job deploy, setup setup=success", "errored"},
			{setup, "errored, no job deploy, setup setup=success, Build Error=errored", "errored"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			goes(t, sim.Scenario{}, test.run, test.moments...)
		})
	}
}

func TestRerunOfAContinuedSetupWorkflow(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{{Setup: &sim.Setup{}}, {}}}}, func(t tester) {
		id := t.trigger("")
		if err := t.sim.RerunSetup("widget", 1); err == nil || !strings.Contains(err.Error(), "is a setup workflow that is continued") {
			t.Errorf("before the setup workflow: %v", err)
		}
		time.Sleep(time.Hour)
		if err := t.sim.RerunSetup("widget", 1); err != nil {
			t.Fatal(err)
		}
		t.equal("while it runs", t.snapshot(id), "created, setup setup=success, release=success, setup setup=running")
		time.Sleep(time.Minute)
		t.equal("after", t.snapshot(id), "created, setup setup=success, release=success, setup setup=failed")
		t.equal("fate", t.sim.Pipelines()[0].Outcome, "success")
		began := t.sim.Pipelines()[0].CreatedAt
		for after, want := range map[time.Duration]string{-time.Second: "", 0: "setup", 4 * time.Second: "running", time.Minute: "success"} {
			t.equal("then", t.sim.OutcomeAt(id, began.Add(after)), want)
		}
		newest := t.get("/pipeline/" + id + "/workflow").items()[0]
		t.equal("jobs", t.jobs(newest), "prepare build success 5, setup build failed 6")
		t.trigger("")
		t.equal("a second release", len(t.sim.Duplicates()), 1)
		time.Sleep(time.Hour)
		if err := t.sim.RerunSetup("widget", 2); err == nil {
			t.Error("reran a setup workflow of a pipeline without one")
		}
	})
}

func TestJobsOfAFailingWorkflowThatIsHeld(t *testing.T) {
	t.Parallel()
	run := sim.Run{Outcome: sim.Failed, Duration: 10 * time.Second, Hold: &sim.Hold{Job: "sign-off", Beside: 2 * time.Second, BesideFailure: true}}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{run, run}}}, func(t tester) {
		id, canceled := t.trigger(""), t.trigger("")
		time.Sleep(prelude)
		w := t.only(id)
		t.equal("at first", t.jobs(w), "prepare build success 1, sign-off approval on_hold -, release build blocked -, other build running 3")
		time.Sleep(time.Hour)
		t.equal("failing", t.jobs(w), "prepare build success 1, sign-off approval on_hold -, release build blocked -, other build failed 3")
		t.call("POST", "/workflow/"+w.text("id")+"/approve/"+t.approvalRequest(w), "", 202)
		t.equal("approved", t.only(id).text("status")+": "+t.jobs(w), "failing: prepare build success 1, sign-off approval success -, release build running 2, other build failed 3")
		time.Sleep(10 * time.Second)
		t.equal("after", t.only(id).text("status")+": "+t.jobs(w), "failed: prepare build success 1, sign-off approval success -, release build success 2, other build failed 3")
		if err := t.sim.Cancel("widget", 2); err != nil {
			t.Fatal(err)
		}
		w = t.only(canceled)
		t.equal("canceled", w.text("status")+": "+t.jobs(w), "canceled: prepare build success 4, sign-off approval canceled -, release build not_run -, other build failed 6")
	})
}

func TestBuildErrorHasNoJobs(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{{Outcome: sim.Errored, BuildError: true}}}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(time.Minute)
		w := t.only(id)
		t.equal("jobs", t.jobs(w), "")
		t.equal("stopped", w["stopped_at"], w["created_at"])
	})
}

func TestRefusedJob(t *testing.T) {
	t.Parallel()
	const why = "This job has been blocked because your plan has no credits left."
	run := sim.Run{Workflows: []sim.Workflow{{Name: "release", Outcome: sim.Failed, Refused: why}}}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{run}}}, func(t tester) {
		older := func(job string) object {
			r := t.request("GET", "", "")
			r.URL.Path = "/api/v1.1/project/gh/acme/widget/" + job
			status, text := t.do(r)
			t.equal("status", status, 200)
			return decode(t, text)
		}
		id := t.trigger("")
		time.Sleep(time.Minute)
		t.equal("jobs", t.jobs(t.only(id)), "prepare build success 1, release build failed 2")
		refused := older("2")
		t.equal("steps", refused["steps"], any([]any{}))
		t.equal("messages", refused["messages"], any([]any{map[string]any{"level": "error", "type": "error", "message": why}}))
		t.equal("of the newer API", t.get(widget + "/job/2")["messages"], any([]any{map[string]any{"type": "error", "message": why}}))
		other := older("1")
		t.equal("of another job", fmt.Sprint(len(other["steps"].([]any)), other["messages"]), "2 <nil>")
	})
}

func TestLoadRefusesOddPipelines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"default: {runs: [{build_error: true}]}":                                                                      "build_error belongs to the outcome errored",
		"default: {runs: [{setup: {rerun_after: 1s}, outcome: none}]}":                                                "setup.rerun_after needs a continuation",
		"default: {runs: [{setup: {rerun_after: 1s, never: true}}]}":                                                  "setup: rerun_after needs a setup workflow that is green and continued",
		"default: {runs: [{setup: {rerun_after: -1s}}]}":                                                              "setup: rerun_after must not be negative",
		"default: {runs: [{hold: {beside_failure: true}}]}":                                                           "hold.beside_failure belongs to the outcome failed",
		"default: {runs: [{workflows: [{name: a, outcome: failed, failing_for: 1s, hold: {beside_failure: true}}]}]}": "choose one",
		"default: {runs: [{workflows: [{name: a, refused: x}]}]}":                                                     "refused belongs to the outcomes failed and error",
		"default: {runs: [{workflows: [{name: a, appears_after: -1s}]}]}":                                             "appears_after must not be negative",
		"default: {runs: [{workflows: [{name: a, outcome: none, appears_after: 1s}]}]}":                               "a workflow that never appears has only a name",
	} {
		_, err := sim.Load("s.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v\nwant %s", text, err, want)
		}
	}
	const text = `
default:
  runs:
    - {outcome: errored, build_error: true}
    - {outcome: failed, hold: {beside_failure: true}}
    - setup: {rerun_after: 1m}
      workflows: [{name: a}, {name: b, appears_after: 16s, outcome: error, refused: no credits}]
`
	got, err := sim.Load("s.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tester{T: t}.equal("runs", got.Default.Runs, []sim.Run{
		{Outcome: sim.Errored, BuildError: true},
		{Outcome: sim.Failed, Hold: &sim.Hold{BesideFailure: true}},
		{Setup: &sim.Setup{RerunAfter: time.Minute}, Workflows: []sim.Workflow{
			{Name: "a"}, {Name: "b", AppearsAfter: 16 * time.Second, Outcome: sim.InternalErr, Refused: "no credits"},
		}},
	})
}

func decode(t tester, text string) object {
	t.Helper()
	var o object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestOddPipelinesMatchTheContract: what is odd without being outside the published schema stays inside it.
func TestOddPipelinesMatchTheContract(t *testing.T) {
	t.Parallel()
	runs := []sim.Run{
		{Late: time.Minute},
		{Workflows: []sim.Workflow{{Name: "a"}, {Name: "b", AppearsAfter: 16 * time.Second, Outcome: sim.Failed, Refused: "no credits"}}},
		{Outcome: sim.Failed, Hold: &sim.Hold{BesideFailure: true}},
		{Setup: &sim.Setup{RerunAfter: time.Second}},
	}
	s := sim.Scenario{
		Clocks:  &sim.Clocks{NoDate: true, Created: []sim.Drift{{By: -3 * time.Hour}}, Workflows: []sim.Drift{{After: time.Second, By: -time.Hour}}},
		Default: sim.Project{Runs: runs},
	}
	synctest.Test(t, func(t *testing.T) {
		made := sim.New(s)
		server := sim.InProcess(simtest.Contract(t, made))
		defer server.Close()
		tester := tester{t, made, server.Client()}
		for range runs {
			id := tester.trigger("")
			tester.do(tester.request("GET", "/pipeline/"+id, ""))
			time.Sleep(time.Hour)
			tester.get("/pipeline/" + id)
			tester.get("/pipeline/" + id + "/config")
			for _, w := range tester.get("/pipeline/" + id + "/workflow").items() {
				tester.get("/workflow/" + w.text("id"))
				for _, j := range tester.get("/workflow/" + w.text("id") + "/job").items() {
					if n, ok := j["job_number"]; ok {
						tester.get(fmt.Sprintf("%s/job/%v", widget, n))
					}
				}
			}
		}
	})
}
