package sim_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

// as makes the request with another token, and returns status and message.
func (t tester) as(token, method, path, body string) (int, string) {
	t.Helper()
	r := t.request(method, path, body)
	r.Header.Set("Circle-Token", token)
	status, text := t.do(r)
	var o object
	_ = json.Unmarshal([]byte(text), &o) // what is no object has no message
	return status, o.text("message")
}

func TestProjectTokensAreRefusedEverywhere(t *testing.T) {
	t.Parallel()
	for _, tokens := range [][]string{nil, {"mine"}} {
		bubble(t, sim.Scenario{Tokens: tokens, ProjectTokens: []string{"theirs"}}, func(t tester) {
			for _, path := range []string{"/me", widget, "/nothing"} {
				status, text := t.as("theirs", "GET", path, "")
				t.equal(path, []any{status, text}, []any{401, "You must log in first."})
			}
			status, _ := t.as("mine", "GET", "/me", "")
			t.equal("a personal token", status, 200)
		})
	}
}

func TestHiddenProject(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"widget": {HiddenFrom: []string{"outsider"}}}}
	bubble(t, s, func(t tester) {
		id := t.trigger("")
		time.Sleep(time.Minute)
		workflow, project := t.only(id).text("id"), t.get(widget).text("id")
		for _, test := range []struct{ method, path, want string }{
			{"GET", widget, "Project not found"},
			{"GET", widget + "/pipeline", "Project not found"},
			{"GET", widget + "/pipeline/1", "Project not found"},
			{"POST", widget + "/pipeline", "Project not found"},
			{"POST", widget + "/pipeline/run", "Project not found"},
			{"GET", "/insights/gh/acme/widget/workflows", "Project not found"},
			{"GET", "/projects/" + project + "/pipeline-definitions", "Project not found"},
			{"GET", "/pipeline/" + id, "Pipeline not found"},
			{"GET", "/pipeline/" + id + "/workflow", "Pipeline not found"},
			{"GET", "/workflow/" + workflow, "Workflow not found"},
			{"POST", "/workflow/" + workflow + "/rerun", "Workflow not found"},
		} {
			status, text := t.as("outsider", test.method, test.path, "")
			t.equal(test.method+" "+test.path, []any{status, text}, []any{404, test.want})
		}
		status, _ := t.as("outsider", "GET", "/project/gh/acme/gadget", "")
		t.equal("another project", status, 200)
		r := t.request("GET", "/pipeline?org-slug=gh/acme", "")
		r.Header.Set("Circle-Token", "outsider")
		_, body := t.do(r)
		t.equal("list of the organization", body, `{"items":[],"next_page_token":null}`)
		t.equal("with access", len(t.get("/pipeline?org-slug=gh/acme").items()), 1)
	})
}

func TestForbiddenAndBlocked(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		project sim.Project
		want    map[string]int // by path
		text    string
	}{
		{"forbidden", sim.Project{Forbidden: new(true)}, map[string]int{"trigger": 403, "run": 403, "rerun": 403, "cancel": 403, "read": 200}, "Permission denied"},
		{"blocked", sim.Project{Blocked: new(true)}, map[string]int{"trigger": 403, "run": 403, "rerun": 403, "cancel": 202, "read": 200}, "New work is blocked for this project"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := sim.Scenario{Default: test.project, Projects: map[string]sim.Project{"free": {Forbidden: new(false), Blocked: new(false)}}}
			bubble(t, s, func(t tester) {
				p, err := t.sim.Push("gh/acme/widget", "main", "somebody")
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				workflow := "/workflow/" + t.only(p.ID).text("id")
				for name, path := range map[string]string{
					"trigger": "POST " + widget + "/pipeline", "run": "POST " + widget + "/pipeline/run",
					"rerun": "POST " + workflow + "/rerun", "cancel": "POST " + workflow + "/cancel", "read": "GET " + widget,
				} {
					method, at, _ := strings.Cut(path, " ")
					status, text := t.as("x", method, at, "")
					t.equal(name, status, test.want[name])
					if status == 403 {
						t.equal(name+" says", text, test.text)
					}
				}
				t.equal("pipelines", len(t.sim.Pipelines()), 1)
				t.call("POST", "/project/gh/acme/free/pipeline", "", 201)
			})
		})
	}
}

func TestSkippedCommits(t *testing.T) {
	t.Parallel()
	const app = "/project/circleci/f22b6566-597d-46d5-ba74-99ef5bb3d85c/84996744-a854-4f5e-aea3-04e2851dc1d2/pipeline/run"
	const onBranch, onOther = `{"branch":"3.1.x"}`, `{"branch":"3.2.x"}`
	tests := []struct {
		name       string
		project    sim.Project
		path, body string
		want       int
		made       bool
	}{
		{"older endpoint", sim.Project{SkipCI: new(true)}, widget + "/pipeline", "{}", 200, false},
		{"older endpoint, 201", sim.Project{SkipCI: new(true), SkipStatus: 201}, widget + "/pipeline", "{}", 201, false},
		{"pipeline/run", sim.Project{SkipCI: new(true), SkipStatus: 201}, widget + "/pipeline/run", "{}", 200, false},
		{"the branch", sim.Project{SkipBranches: []string{"3.1.x"}}, widget + "/pipeline", onBranch, 200, false},
		{"another branch", sim.Project{SkipBranches: []string{"3.1.x"}}, widget + "/pipeline", onOther, 201, true},
		{"this run", sim.Project{Runs: []sim.Run{{SkipCI: true}}}, widget + "/pipeline", "{}", 200, false},
		{"never on the GitHub App", sim.Project{SkipCI: new(true)}, app, "{}", 201, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, sim.Scenario{Default: test.project}, func(t tester) {
				o := t.call("POST", test.path, test.body, test.want)
				t.equal("has an id", o.text("id") != "", test.made)
				t.equal("pipelines", len(t.sim.Pipelines()) == 1, test.made)
				if !test.made {
					t.equal("says", o.text("message"), "Ignoring pipeline due to CI skip in the commit")
				}
			})
		})
	}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{{SkipCI: true}}}}, func(t tester) {
		t.call("POST", widget+"/pipeline", "", 200)
		t.equal("the next run", t.call("POST", widget+"/pipeline", "", 201)["number"], any(1.0))
	})
}

func TestPipelineDefinitions(t *testing.T) {
	t.Parallel()
	const id = "84996744-a854-4f5e-aea3-04e2851dc1d2"
	const app = "/project/circleci/f22b6566-597d-46d5-ba74-99ef5bb3d85c/" + id
	s := sim.Scenario{Projects: map[string]sim.Project{strings.TrimPrefix(app, "/project/"): {Definitions: []string{"build", "release"}}}}
	bubble(t, s, func(t tester) {
		list := t.get("/projects/" + id + "/pipeline-definitions")
		t.equal("names, of a project only listed", list.each("name"), []string{"build", "release"})
		t.equal("id of the project", t.get(app).text("id"), id)
		second := list.items()[1]
		t.equal("provider", second.text("config_source", "provider"), "github_app")
		t.call("POST", app+"/pipeline/run", `{"definition_id":"`+second.text("id")+`"}`, 201)
		t.equal("unknown", t.call("POST", app+"/pipeline/run", `{"definition_id":"`+id+`"}`, 404).text("message"), "Entity not found")
		t.call("GET", "/projects/2338d0ae-5541-4bbf-88a2-55e9f7281f80/pipeline-definitions", "", 404)

		classic := t.get(widget).text("id")
		t.call("POST", "/project/github/acme/widget/pipeline/run", "{}", 404) // contracts/circleci.md 1.4: only gh is taken
		t.call("POST", "/project/github/acme/widget/pipeline", "{}", 201)
		t.equal("of a classic project", t.get("/projects/"+classic+"/pipeline-definitions").each("name"), []string{"build"})
	})
}

func TestStepOutput(t *testing.T) {
	t.Parallel()
	runs := []sim.Run{{Outcome: sim.Failed, Job: "maven"}, {Workflows: []sim.Workflow{{Name: "w", Output: "all is well\n"}}}}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: runs}}, func(t tester) {
		t.trigger("")
		t.trigger("")
		// v11 calls the older API, with the token; link follows an output_url, without.
		v11 := func(slug string, job string, want int) object {
			r := t.request("GET", "", "")
			r.URL.Path = "/api/v1.1/project/" + slug + "/" + job
			status, text := t.do(r)
			if status != want {
				t.Fatalf("job %s: %d %s, want %d", job, status, text, want)
			}
			var o object
			if err := json.Unmarshal([]byte(text), &o); err != nil {
				t.Fatal(err)
			}
			if o.text("status") == "failed" {
				t.equal("shape", shape(t, []byte(text)), shape(t, wire(t, "steps_failed.json")))
			}
			return o
		}
		link := func(url string, change func(*http.Request)) (int, string) {
			r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
			if err != nil {
				t.Fatal(err)
			}
			change(r)
			return t.do(r)
		}
		output := func(job object) (step, action object) {
			steps := job["steps"].([]any)
			step = steps[len(steps)-1].(map[string]any)
			return step, step["actions"].([]any)[0].(map[string]any)
		}
		v11("gh/acme/widget", "1", 404) // nothing runs yet
		time.Sleep(prelude + 1500*time.Millisecond)
		_, action := output(v11("gh/acme/widget", "2", 200))
		t.equal("running", []any{action["status"], action["has_output"], action["exit_code"], action["output_url"]}, []any{"running", false, nil, nil})
		time.Sleep(time.Minute)
		step, action := output(v11("github/acme/widget", "2", 200))
		t.equal("failed", []any{step.text("name"), action["status"], action["has_output"], action["exit_code"]}, []any{"maven", "failed", true, 1.0})
		v11("gh/acme/widget", "5", 404)
		v11("gh/acme/widget", "x", 404)
		v11("svn/acme/widget", "1", 404)

		url := action.text("output_url")
		status, text := link(url, func(*http.Request) {})
		t.equal("answer", []any{status, strings.Contains(text, `[{"type":"out","time":"2000`) && strings.Contains(text, "BUILD FAILURE")}, []any{200, true})
		t.equal("shape", shape(t, []byte(text)), shape(t, wire(t, "step_output.json")))
		for name, change := range map[string]func(*http.Request){
			"Circle-Token":  func(r *http.Request) { r.Header.Set("Circle-Token", "secret") },
			"Authorization": func(r *http.Request) { r.Header.Set("Authorization", "Bearer secret") },
			"query":         func(r *http.Request) { r.URL.RawQuery += "&circle-token=secret" },
		} {
			status, _ := link(url, change)
			t.equal(name, status, 400)
		}
		status, _ = link(strings.Replace(url, "signature=", "signature=0", 1), func(*http.Request) {})
		t.equal("wrong signature", status, 403)

		_, action = output(v11("gh/acme/widget", "4", 200))
		_, text = link(action.text("output_url"), func(*http.Request) {})
		t.equal("the scenario's text", strings.Contains(text, `"message":"all is well\n"`), true)
	})
}

func TestPathsOfTheOlderAPI(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/v2/v1.1/project/gh/acme/widget/1", "/v1.1/project/gh/acme/widget/1", "/api/output/x/1", "/api/v1.1/project/gh%2Facme%2Fwidget/1", "/api/v1.1/me"} {
		bubble(t, sim.Scenario{}, func(t tester) {
			t.trigger("")
			time.Sleep(time.Minute)
			r := t.request("GET", "", "")
			u, err := r.URL.Parse(path)
			if err != nil {
				t.Fatal(err)
			}
			r.URL = u
			_, text := t.do(r)
			t.equal(path, text, `{"message":"Not found"}`)
		})
	}
}
