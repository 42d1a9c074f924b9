package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/sim"
)

func TestTriggerBuildsTheRefAskedFor(t *testing.T) {
	t.Parallel()
	const run = widget + "/pipeline/run"
	tests := []struct {
		name, path, body string
		branch, tag      string
	}{
		{"branch", widget + "/pipeline", `{"branch":"3.1.x"}`, "3.1.x", ""},
		{"tag", widget + "/pipeline", `{"tag":"v1"}`, "", "v1"},
		{"nothing", widget + "/pipeline", ``, "main", ""},
		{"broken JSON", widget + "/pipeline", `{"branch":"3.1.x"`, "main", ""},
		{"run, config", run, `{"config":{"branch":"3.1.x"},"checkout":{"branch":"3.1.x"}}`, "3.1.x", ""},
		{"run, checkout", run, `{"checkout":{"tag":"v1"}}`, "", "v1"},
		{"run, nothing", run, `{}`, "main", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, sim.Scenario{}, func(t tester) {
				made := t.call("POST", test.path, test.body, 201)
				t.equal("state", made.text("state"), "pending")
				p := t.get("/pipeline/" + made.text("id"))
				t.equal("branch", p.text("vcs", "branch"), test.branch)
				t.equal("tag", p.text("vcs", "tag"), test.tag)
			})
		})
	}
}

func TestTriggerWithoutContentTypeIgnoresTheBody(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/pipeline", "/pipeline/run"} {
		bubble(t, sim.Scenario{}, func(t tester) {
			r := t.request("POST", widget+path, `{"branch":"3.1.x","config":{"branch":"3.1.x"},"parameters":{"a":1}}`)
			r.Header.Del("Content-Type")
			if status, body := t.do(r); status != 201 {
				t.Fatalf("%d %s", status, body)
			}
			got := t.sim.Pipelines()[0]
			t.equal(path, got.Branch, "main")
			t.equal(path, got.Parameters, map[string]any{})
		})
	}
}

func TestTriggerRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 513)
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprintf(`"p%d":1`, i))
	}
	app := "/project/circleci/f22b6566-597d-46d5-ba74-99ef5bb3d85c/84996744-a854-4f5e-aea3-04e2851dc1d2/pipeline"
	tests := []struct {
		name, path, body string
		status           int
		message          string
	}{
		{"unknown project", "/project/gh/acme/other/pipeline", "", 404, "Project not found"},
		{"unknown project, run", "/project/gh/acme/other/pipeline/run", "", 404, "Project not found"},
		{"missing branch", widget + "/pipeline", `{"branch":"9.9.x"}`, 400, "Branch not found"},
		{"missing branch, run", widget + "/pipeline/run", `{"config":{"branch":"9.9.x"}}`, 400, "Branch not found"},
		{"branch and tag", widget + "/pipeline", `{"branch":"3.1.x","tag":"v1"}`, 400, "branch and tag are mutually exclusive"},
		{"wrong shape", widget + "/pipeline", `{"branch":5}`, 400, "Unexpected request body provided"},
		{"broken JSON, run", widget + "/pipeline/run", `{`, 400, "Unexpected request body provided"},
		{"fraction", widget + "/pipeline", `{"parameters":{"a":1.5}}`, 400, `parameter "a"`},
		{"null", widget + "/pipeline", `{"parameters":{"a":null}}`, 400, "a value is a string, a boolean or an integer"},
		{"long value", widget + "/pipeline", `{"parameters":{"a":"` + long + `"}}`, 400, "its value is too long"},
		{"long key", widget + "/pipeline", `{"parameters":{"` + long + `":1}}`, 400, "its name is too long"},
		{"too many", widget + "/pipeline", `{"parameters":{` + strings.Join(many, ",") + `}}`, 400, "too many parameters: 101"},
		{"project of the GitHub App", app, "", 400, "GitHub App"},
	}
	s := sim.Scenario{Strict: true, Projects: map[string]sim.Project{
		"widget":                               {Branches: []string{"3.1.x"}},
		"84996744-a854-4f5e-aea3-04e2851dc1d2": {},
	}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, s, func(t tester) {
				got := t.call("POST", test.path, test.body, test.status).text("message")
				if !strings.Contains(got, test.message) {
					t.Errorf("message %q, want %q", got, test.message)
				}
				t.equal("pipelines", len(t.sim.Pipelines()), 0)
			})
		})
	}
}

func TestDefaultBranchExistsWithoutBeingListed(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Default: sim.Project{Branches: []string{"3.1.x"}}}, func(t tester) {
		t.trigger(`{"branch":"main"}`)
		t.trigger(`{"branch":"3.1.x"}`)
	})
}

func TestParametersThatDoNotFitErrorThePipeline(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, parameters string
		declared         map[string]string
		want             []string
	}{
		{"anything", `{"x":1}`, nil, nil},
		{"all fit", `{"s":"a","b":true,"i":3}`, map[string]string{"s": "string", "b": "boolean", "i": "integer", "more": "string"}, nil},
		{"undeclared", `{"b":1,"a":true,"s":"x"}`, map[string]string{"s": "string"}, []string{"Unexpected argument(s): a, b"}},
		{"none declared", `{"a":1}`, map[string]string{}, []string{"Unexpected argument(s): a"}},
		{
			"wrong type", `{"dry_run":"true"}`,
			map[string]string{"dry_run": "boolean"},
			[]string{`Type error for argument dry_run: expected type: boolean, actual value: "true" (type string)`},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, sim.Scenario{Default: sim.Project{Parameters: test.declared}}, func(t tester) {
				id := t.trigger(`{"parameters":` + test.parameters + `}`)
				time.Sleep(time.Minute)
				p := t.get("/pipeline/" + id)
				t.equal("errors", messages(p), test.want)
				t.equal("errored", p.text("state") == "errored", test.want != nil)
			})
		})
	}
}

func messages(pipeline object) []string {
	return object{"items": pipeline["errors"]}.each("message")
}

func TestParametersKeepTheirTypes(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{}, func(t tester) {
		t.trigger(`{"branch":"3.1.x","parameters":{"gio_action":"release","dry_run":true,"n":3,"looks":"3"}}`)
		got := t.sim.Pipelines()[0]
		want := sim.Pipeline{
			Project: "gh/acme/widget", Number: 1, ID: got.ID, Branch: "3.1.x", Trigger: "api", Actor: "release-bot",
			Parameters: map[string]any{"gio_action": "release", "dry_run": true, "n": int64(3), "looks": "3"},
			CreatedAt:  got.CreatedAt, Outcome: "pending",
		}
		t.equal("pipeline", got, want)
	})
}

func TestAutocancel(t *testing.T) {
	t.Parallel()
	on, off := true, false
	tests := []struct {
		name    string
		project sim.Project
		branch  string
		after   time.Duration
		want    string
	}{
		{"other branch", sim.Project{Autocancel: &on}, "3.1.x", time.Second, "canceled"},
		{"before the workflow", sim.Project{Autocancel: &on}, "3.1.x", time.Millisecond, "canceled"},
		{"already done", sim.Project{Autocancel: &on}, "3.1.x", time.Minute, "success"},
		{"default branch", sim.Project{Autocancel: &on}, "main", time.Second, "success"},
		{"off", sim.Project{Autocancel: &off}, "3.1.x", time.Second, "success"},
		{"unset", sim.Project{}, "3.1.x", time.Second, "success"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, sim.Scenario{Projects: map[string]sim.Project{"widget": test.project}}, func(t tester) {
				t.trigger(`{"branch":"` + test.branch + `"}`)
				time.Sleep(test.after)
				t.trigger(`{"branch":"unrelated"}`)
				if _, err := t.sim.Push("widget", test.branch, "somebody"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				var got []string
				for _, p := range t.sim.Pipelines() {
					got = append(got, p.Outcome)
				}
				t.equal("outcomes", got, []string{test.want, "success", "success"})
				t.equal("cancelled by somebody", t.sim.Pipelines()[0].Cancelled, false)
			})
		})
	}
}

func TestAutocancelSparesReruns(t *testing.T) {
	t.Parallel()
	on := true
	s := sim.Scenario{Default: sim.Project{Autocancel: &on, Runs: []sim.Run{{Outcome: sim.Failed}}}}
	bubble(t, s, func(t tester) {
		t.trigger(`{"branch":"3.1.x"}`)
		time.Sleep(time.Minute)
		if err := t.sim.Rerun("widget", 1, sim.Success); err != nil {
			t.Fatal(err)
		}
		t.trigger(`{"branch":"3.1.x"}`)
		time.Sleep(time.Minute)
		t.equal("outcome", t.sim.Pipelines()[0].Outcome, "success")
	})
}

func TestRunsAreUsedUpInOrder(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Default: sim.Project{Runs: []sim.Run{{Outcome: sim.Failed}, {Outcome: sim.Canceled}}}}
	bubble(t, s, func(t tester) {
		if _, err := t.sim.Push("gh/acme/widget", "main", "somebody"); err != nil {
			t.Fatal(err)
		}
		if _, err := t.sim.Trigger("widget", "main", "other-bot", nil); err != nil {
			t.Fatal(err)
		}
		t.trigger(`{"branch":"a"}`)
		t.trigger(`{"branch":"b"}`)
		t.trigger(`{"branch":"c"}`)
		t.call("POST", "/project/gh/acme/gadget/pipeline", "", 201)
		time.Sleep(time.Minute)
		var got []string
		for _, p := range t.sim.Pipelines() {
			got = append(got, fmt.Sprintf("%s %d %s %s", p.Actor, p.Number, p.Trigger, p.Outcome))
		}
		want := []string{
			"somebody 1 webhook success", "other-bot 2 api success", "release-bot 3 api failed",
			"release-bot 4 api canceled", "release-bot 5 api success", "release-bot 1 api failed",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}
