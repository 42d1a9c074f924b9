package sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/sim"
)

const wholeScenario = `
login: bot
tokens: [a, b]
seed: 7
strict: true
list_lag: 2m
number_lag: 1s
page_size: 3
default: {default_branch: master, duration: 30s, pending_for: 1s, workflow_delay: 2s, next_number: 12}
projects:
  widget:
    branches: [3.1.x]
    autocancel: false
    parameters: {gio_action: string, dry_run: boolean}
    runs:
      - {outcome: failed, job: maven, duration: 5s}
      - {outcome: errored, errors: [second line, first line]}
      - {outcome: hold, hold: {job: sign-off, after: 1s, approved_after: 1h}}
      - workflows: [{name: a, outcome: not_run}, {name: b, hold: {}}]
  gh/acme/gadget: {}
faults:
  - match: {method: POST, path: /pipeline$, project: widget, endpoint: trigger}
    nth: 2
    times: -1
    kind: 429
    retry_after: 5s
    retry_as_date: true
    body: Rate limited.
  - {kind: status, status: 418}
`

func TestLoad(t *testing.T) {
	t.Parallel()
	off := false
	want := sim.Scenario{
		Login: "bot", Tokens: []string{"a", "b"}, Seed: 7, Strict: true, ListLag: 2 * time.Minute, NumberLag: time.Second, PageSize: 3,
		Default: sim.Project{DefaultBranch: "master", Duration: 30 * time.Second, PendingFor: time.Second, WorkflowDelay: 2 * time.Second, NextNumber: 12},
		Projects: map[string]sim.Project{
			"widget": {
				Branches: []string{"3.1.x"}, Autocancel: &off,
				Parameters: map[string]string{"gio_action": "string", "dry_run": "boolean"},
				Runs: []sim.Run{
					{Outcome: sim.Failed, Job: "maven", Duration: 5 * time.Second},
					{Outcome: sim.Errored, Errors: []string{"second line", "first line"}},
					{Outcome: sim.Held, Hold: &sim.Hold{Job: "sign-off", After: time.Second, ApprovedAfter: time.Hour}},
					{Workflows: []sim.Workflow{{Name: "a", Outcome: sim.NotRun}, {Name: "b", Hold: &sim.Hold{}}}},
				},
			},
			"gh/acme/gadget": {},
		},
		Faults: []sim.Fault{
			{
				Match: sim.Match{Method: "POST", Path: "/pipeline$", Project: "widget", Endpoint: "trigger"},
				Nth:   2, Times: -1, Kind: sim.Throttle, RetryAfter: 5 * time.Second, RetryAsDate: true, Body: "Rate limited.",
			},
			{Kind: sim.Answer, Status: 418},
		},
	}
	got, err := sim.Load("scenario.yaml", []byte(wholeScenario))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestLoadTakesJSONAndNothing(t *testing.T) {
	t.Parallel()
	got, err := sim.Load("s.json", []byte("{\n\t\"default\": {\"duration\": \"3s\"},\n\t\"faults\": [{\"kind\": \"hang-after\"}]\n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := sim.Scenario{Default: sim.Project{Duration: 3 * time.Second}, Faults: []sim.Fault{{Kind: sim.HangAfter}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got, err := sim.Load("empty.yaml", nil); err != nil || !cmp.Equal(got, sim.Scenario{}) {
		t.Errorf("an empty file gave %+v, %v", got, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"unknown key", "login: bot\ncolour: red\n", `s.yaml:2: unknown key "colour"`},
		{"unknown key below", "projects:\n  widget:\n    run: []\n", `s.yaml:3: unknown key "run"`},
		{"two at once", "a: 1\nb: 2\n", "s.yaml:1: unknown key \"a\"\ns.yaml:2: unknown key \"b\""},
		{"key twice", "login: a\nlogin: b\n", `s.yaml:2: mapping key "login" already defined`},
		{"syntax", "login: a\nseed: [\n", "s.yaml:2: did not find"},
		{"second document", "login: a\n---\nlogin: b\n", "s.yaml: a scenario is one document"},
		{"number for a duration", "list_lag: 5\n", "s.yaml:1: cannot unmarshal"},
		{"outcome", "default:\n  runs:\n    - outcome: green\n", `s.yaml:3: unknown outcome "green"`},
		{"kind", "faults:\n  - kind: 503\n", `s.yaml:2: unknown kind of fault "503"`},
		{"kind is missing", "faults:\n  - nth: 1\n", `s.yaml: faults[0]: unknown kind of fault ""`},
		{"negative", "list_lag: -5s\n", "s.yaml: list_lag must not be negative, it is -5s"},
		{"negative below", "projects: {w: {duration: -1s}}", "s.yaml: projects.w: duration must not be negative"},
		{"parameter type", "default: {parameters: {a: bool}}", `s.yaml: default: parameters.a is "bool"`},
		{"history", "default: {next_number: 10001}", "next_number is 10001"},
		{"errors of a success", "default: {runs: [{errors: [x]}]}", "default: runs[0]: errors belong to the outcome errored"},
		{"job of none", "default: {runs: [{outcome: none, job: x}]}", "outcome none has no duration, job or hold"},
		{"hold of not_run", "default: {runs: [{outcome: not_run, hold: {}}]}", "not_run has no duration, job or hold"},
		{"negative hold", "default: {runs: [{hold: {after: -1s}}]}", "runs[0]: hold.after must not be negative"},
		{"outcome beside workflows", "default: {runs: [{outcome: failed, workflows: [{name: a}]}]}", "stand in each of workflows"},
		{"errored workflow", "default: {runs: [{workflows: [{name: a, outcome: errored}]}]}", "workflows[0]: errored is an outcome of a pipeline"},
		{"workflow without name", "default: {runs: [{workflows: [{}]}]}", "each workflow needs a name of its own"},
		{"workflow twice", "default: {runs: [{workflows: [{name: a}, {name: a}]}]}", `workflows[1]: each workflow needs a name of its own, this one has "a"`},
		{"status without number", "faults: [{kind: status}]", "status needs to be 200 to 599"},
		{"number without status", "faults: [{kind: 429, status: 429}]", "status belongs to the kind status"},
		{"body of a reset", "faults: [{kind: reset-after, body: x}]", "reset-after sends no body of its own"},
		{"wait of a reset", "faults: [{kind: reset-after, retry_after: 1s}]", "retry_after belongs to"},
		{"date of nothing", "faults: [{kind: 429, retry_as_date: true}]", "retry_as_date needs retry_after"},
		{"nth", "faults: [{kind: 429, nth: -1}]", "nth counts from 1"},
		{"times", "faults: [{kind: 429, times: -2}]", "times is a number"},
		{"endpoint", "faults: [{kind: 429, match: {endpoint: pipelines}}]", `unknown endpoint "pipelines", known are [me `},
		{"path", "faults: [{kind: 429, match: {path: '('}}]", "faults[0]: match.path: error parsing regexp"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := sim.Load("s.yaml", []byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
}

// FuzzLoad holds that whatever Load takes, New takes, and that every line of an error names the file.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(wholeScenario))
	f.Add([]byte("{\"faults\": [{}]}"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := sim.Load("s.yaml", data)
		if err == nil {
			sim.New(s)
			return
		}
		if !strings.HasPrefix(err.Error(), "s.yaml:") {
			t.Errorf("%q does not name the file", err)
		}
	})
}
