package sim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/sim/simtest"
)

func wire(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(simtest.Root(t), "testdata", "wire", "circleci", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// evidence is a simulator whose answers correspond to the fixtures.
func evidence() sim.Scenario {
	reruns := sim.Workflow{Name: "release", Outcome: sim.Failed, AutoRerun: &sim.AutoRerun{Max: 2, Outcomes: []sim.Outcome{sim.Success}}}
	widget := sim.Project{
		Autocancel: new(true), PendingFor: time.Second, Branches: []string{"3.1.x"},
		Runs: []sim.Run{
			{Outcome: sim.Failed},
			{Outcome: sim.Errored},
			{Hold: &sim.Hold{After: time.Second}},
			{Outcome: sim.None},
		},
	}
	return sim.Scenario{Projects: map[string]sim.Project{
		"widget":  widget,
		"locked":  {Forbidden: new(true)},
		"skipped": {SkipCI: new(true)},
		"setup":   {Runs: []sim.Run{{Setup: &sim.Setup{Name: "setup-workflow", Never: true}}}},
		"reruns":  {Runs: []sim.Run{{Workflows: []sim.Workflow{reruns}}}},
	}}
}

// exchange makes a range of calls and passes each answer to say, with the name of the fixture that shows such an
// answer, or "" when none does.
func exchange(t tester, say func(fixture, body string)) {
	call := func(fixture, method, path, body string, want int) object {
		t.Helper()
		status, text := t.do(t.request(method, path, body))
		if status != want {
			t.Fatalf("%s %s: %d %s, want %d", method, path, status, text, want)
		}
		say(fixture, text)
		var o object
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	const branch = `{"branch":"3.1.x","parameters":{"gio_action":"release","dry_run":true,"n":1}}`
	const app = "/project/circleci/f22b6566-597d-46d5-ba74-99ef5bb3d85c/84996744-a854-4f5e-aea3-04e2851dc1d2/pipeline/run"

	call("me.json", "GET", "/me", "", 200)
	call("project.json", "GET", widget, "", 200)
	call("project.json", "GET", "/project/gh%2Facme%2Fwidget", "", 200)
	call("settings.json", "GET", widget+"/settings", "", 200)
	call("pipelines_empty.json", "GET", widget+"/pipeline", "", 200)
	call("trigger_400_branch.json", "POST", widget+"/pipeline", `{"branch":"9.9.x"}`, 400)
	call("error_404.json", "GET", "/project/svn/acme/widget", "", 404)

	failed := call("trigger_201.json", "POST", widget+"/pipeline", branch, 201).text("id")
	call("pipeline_pending.json", "GET", "/pipeline/"+failed, "", 200)
	call("workflows_empty.json", "GET", "/pipeline/"+failed+"/workflow", "", 200)
	time.Sleep(time.Minute)
	call("pipeline_created.json", "GET", widget+"/pipeline/1", "", 200)
	workflow := t.only(failed).text("id")
	call("jobs_failed.json", "GET", "/workflow/"+workflow+"/job", "", 200)
	call("job_failed.json", "GET", widget+"/job/2", "", 200)
	call("error_404.json", "GET", widget+"/job/99", "", 404)
	call("rerun_202.json", "POST", "/workflow/"+workflow+"/rerun", `{"from_failed":true}`, 202)
	call("workflows_rerun.json", "GET", "/pipeline/"+failed+"/workflow", "", 200)
	time.Sleep(time.Minute)

	errored := call("trigger_201.json", "POST", widget+"/pipeline/run", `{"config":{"branch":"3.1.x"}}`, 201).text("id")
	time.Sleep(time.Minute)
	call("pipeline_errored.json", "GET", "/pipeline/"+errored, "", 200)
	call("config.json", "GET", "/pipeline/"+errored+"/config", "", 200)

	held := call("trigger_201.json", "POST", "/project/gh%2Facme%2Fwidget/pipeline", "", 201).text("id")
	time.Sleep(time.Minute)
	workflow = t.only(held).text("id")
	call("jobs_held.json", "GET", "/workflow/"+workflow+"/job", "", 200)
	call("accepted_202.json", "POST", "/workflow/"+workflow+"/approve/"+t.approvalRequest(t.only(held)), "", 202)
	call("accepted_202.json", "POST", "/workflow/"+workflow+"/cancel", "", 202)
	call("workflow_canceled.json", "GET", "/workflow/"+workflow, "", 200)

	call("trigger_201.json", "POST", widget+"/pipeline", "", 201)
	done := call("trigger_201.json", "POST", widget+"/pipeline", "", 201).text("id")
	time.Sleep(time.Minute)
	call("workflows_success.json", "GET", "/pipeline/"+done+"/workflow", "", 200)

	call("", "GET", strings.TrimSuffix(app, "/pipeline/run"), "", 200) // makes its id known
	definition := call("definitions.json", "GET", "/projects/84996744-a854-4f5e-aea3-04e2851dc1d2/pipeline-definitions", "", 200).items()[0].text("id")
	onApp := call("trigger_201.json", "POST", app, `{"definition_id":"`+definition+`","config":{"branch":"3.1.x"}}`, 201).text("id")
	time.Sleep(time.Minute)
	call("pipeline_app.json", "GET", "/pipeline/"+onApp, "", 200)
	call("", "GET", widget+"/pipeline?branch=3.1.x", "", 200)
	call("", "GET", widget+"/pipeline/mine", "", 200)
	call("", "GET", "/pipeline?org-slug=gh/acme&mine=true", "", 200)
	call("", "GET", widget+"/pipeline/99", "", 404)
	call("insights_workflows.json", "GET", "/insights/gh/acme/widget/workflows?branch=3.1.x&reporting-window=last-7-days", "", 200)
	call("insights_runs.json", "GET", "/insights/gh%2Facme%2Fwidget/workflows/release?branch=3.1.x", "", 200)
	traps(t, call)
	call("", "DELETE", "/me", "", 405)
}

// traps exercises the projects to which evidence gives oddities.
func traps(t tester, call func(fixture, method, path, body string, want int) object) {
	call("error_403.json", "POST", "/project/gh/acme/locked/pipeline", "{}", 403)
	call("trigger_200_skipped.json", "POST", "/project/gh/acme/skipped/pipeline/run", "{}", 200)
	id := call("trigger_201.json", "POST", "/project/gh/acme/reruns/pipeline", `{"branch":"3.1.x"}`, 201).text("id")
	time.Sleep(prelude + 2*time.Second)
	call("workflows_auto_rerun.json", "GET", "/pipeline/"+id+"/workflow", "", 200)
	id = call("trigger_201.json", "POST", "/project/gh/acme/setup/pipeline", `{"branch":"3.1.x"}`, 201).text("id")
	time.Sleep(time.Minute)
	call("pipeline_setup.json", "GET", "/pipeline/"+id, "", 200)
	call("workflows_setup.json", "GET", "/pipeline/"+id+"/workflow", "", 200)
}

func TestExchangesMatchContract(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		made := sim.New(evidence())
		server := sim.InProcess(simtest.Contract(t, made))
		defer server.Close()
		seen := map[string]bool{}
		exchange(tester{t, made, server.Client()}, func(string, string) {})
		for _, r := range made.Requests() {
			seen[r.Method+" "+strings.Split(strings.TrimPrefix(r.Path, "/api/v2/"), "/")[0]] = true
		}
		for _, want := range []string{"GET me", "GET project", "POST project", "GET pipeline", "GET workflow", "POST workflow", "GET projects", "GET insights"} {
			if !seen[want] {
				t.Errorf("no %s among the exchanges", want)
			}
		}
	})
}

// TestAnswersHaveTheShapeOfTheFixtures holds the simulator to the evidence that the client's tests read: the
// same fields of the same types, nothing more and nothing less.
func TestAnswersHaveTheShapeOfTheFixtures(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	bubble(t, evidence(), func(t tester) {
		exchange(t, func(fixture, body string) {
			if fixture == "" {
				return
			}
			used[fixture] = true
			t.equal(fixture, shape(t, []byte(body)), shape(t, wire(t, fixture)))
		})
	})
	bubble(t, sim.Scenario{PageSize: 1}, func(t tester) {
		t.trigger("")
		t.trigger("")
		time.Sleep(time.Second)
		_, body := t.do(t.request("GET", widget+"/pipeline", ""))
		t.equal("page", shape(t, []byte(body)), shape(t, wire(t, "pipelines_page.json")))
	})
	if len(used) < 18 {
		t.Errorf("only %d fixtures were compared", len(used))
	}
}

// shape lists a JSON document's paths with the types found there, statuses and states with their words.
func shape(t testing.TB, data []byte) []string {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	found := map[string]bool{}
	walk("", v, found)
	var list []string
	for line := range found {
		list = append(list, line)
	}
	slices.Sort(list)
	return list
}

func walk(path string, v any, found map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			walk(path+"/"+name, value, found)
		}
	case []any:
		found[path+" is a list"] = true
		for _, value := range v {
			walk(path+"[]", value, found)
		}
	case string:
		if strings.HasSuffix(path, "/status") || strings.HasSuffix(path, "/state") || strings.HasSuffix(path, "/type") {
			path += "=" + v
		}
		found[path+" is a string"] = true
	default:
		found[fmt.Sprintf("%s is %T", path, v)] = true
	}
}

// schemas maps each fixture to its part of the contract.
var schemas = map[string]string{
	"me": "User", "project": "Project", "settings": "ProjectSettings", "trigger_201": "PipelineCreation",
	"trigger_200_skipped": "Message", "accepted_202": "Message", "trigger_400": "Error", "error": "Error",
	"pipelines": "PipelineList", "pipeline": "Pipeline", "workflows": "WorkflowList", "workflow": "Workflow", "jobs": "JobList", "job": "JobDetails",
	"insights_workflows": "WorkflowMetricsList", "insights_runs": "WorkflowRunList",
}

func TestFixturesMatchContract(t *testing.T) {
	t.Parallel()
	doc := simtest.Document(t)
	files, err := filepath.Glob(filepath.Join(simtest.Root(t), "testdata", "wire", "circleci", "*.json"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		schema, known := schemas[name]
		if prefix, _, _ := strings.Cut(name, "_"); !known {
			schema, known = schemas[prefix]
		}
		if strings.HasPrefix(name, "trigger_400") {
			schema, known = "Error", true
		}
		if !known {
			// These have inline schemas, checked by the exchanges, or belong to the older API, which has no document.
			if !slices.Contains([]string{"rerun_202", "config", "definitions", "steps_failed", "step_output"}, name) {
				t.Errorf("%s: no schema", name)
			}
			continue
		}
		var v any
		if err := json.Unmarshal(wire(t, name+".json"), &v); err != nil {
			t.Fatal(err)
		}
		if err := doc.Components.Schemas[schema].Value.VisitJSON(v, simtest.Formats()...); err != nil {
			t.Errorf("%s is no %s: %v", name, schema, err)
		}
	}
}

func TestThrottledAnswersMatchTheFixtures(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{{Kind: sim.Throttle}}}
	bubble(t, s, func(t tester) {
		status, body := t.do(t.request("GET", "/me", ""))
		t.equal("status", status, http.StatusTooManyRequests)
		t.equal("body", body, string(wire(t, "error_429.txt")))
	})
	if d := cmp.Diff(shape(t, wire(t, "error_429.json")), shape(t, wire(t, "error_401.json"))); d != "" {
		t.Error(d)
	}
}
