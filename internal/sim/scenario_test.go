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
project_tokens: [c]
workflow_list_lag: 3s
latency: 40ms
act_lag: 5s
keep_requests: 50
limit: {per_second: 50, burst: 100, headers: true, plain: true}
chaos: {rate: 0.2, kinds: [429, reset-after], methods: [POST], hang_methods: [GET]}
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
      - setup: {name: configure, duration: 1s, delay: 2s}
        workflows:
          - {name: a, outcome: none}
          - name: b
            outcome: failed
            queued_for: 1s
            failing_for: 2s
            auto_rerun: {max: 3, delay: 4s, outcomes: [failed, success]}
            shows: [{after: 1s, for: 2s, status: odd}, {status: null}]
            null_id: true
            output: bye
      - {setup: {never: true}}
      - {skip_ci: true}
      - {trigger_type: teapot, hold: {canceled_after: 1h, beside: 2m}}
  gh/acme/gadget:
    relics: true
    vcs: nameless
    skip_ci: true
    skip_branches: [3.1.x]
    skip_status: 201
    forbidden: true
    blocked: false
    hidden_from: [b]
    definitions: [build, release]
faults:
  - match: {method: POST, path: /pipeline$, project: widget, endpoint: trigger}
    nth: 2
    times: -1
    kind: 429
    retry_after: 5s
    retry_as_date: true
    body: Rate limited.
  - {kind: status, status: 418}
  - {kind: status, status: 302, location: 'https://elsewhere.example/'}
  - {kind: 429, retry_text: soon}
`

func TestLoad(t *testing.T) {
	t.Parallel()
	word := "odd"
	want := sim.Scenario{
		Login: "bot", Tokens: []string{"a", "b"}, Seed: 7, Strict: true, ListLag: 2 * time.Minute, NumberLag: time.Second, PageSize: 3,
		ProjectTokens: []string{"c"}, WorkflowListLag: 3 * time.Second, Latency: 40 * time.Millisecond, ActLag: 5 * time.Second, KeepRequests: 50,
		Limit:   &sim.Limit{PerSecond: 50, Burst: 100, Headers: true, Plain: true},
		Chaos:   &sim.Chaos{Rate: 0.2, Kinds: []sim.FaultKind{sim.Throttle, sim.ResetAfter}, Methods: []string{"POST"}, HangMethods: []string{"GET"}},
		Default: sim.Project{DefaultBranch: "master", Duration: 30 * time.Second, PendingFor: time.Second, WorkflowDelay: 2 * time.Second, NextNumber: 12},
		Projects: map[string]sim.Project{
			"widget": {
				Branches: []string{"3.1.x"}, Autocancel: new(false),
				Parameters: map[string]string{"gio_action": "string", "dry_run": "boolean"},
				Runs: []sim.Run{
					{Outcome: sim.Failed, Job: "maven", Duration: 5 * time.Second},
					{Outcome: sim.Errored, Errors: []string{"second line", "first line"}},
					{Outcome: sim.Held, Hold: &sim.Hold{Job: "sign-off", After: time.Second, ApprovedAfter: time.Hour}},
					{Workflows: []sim.Workflow{{Name: "a", Outcome: sim.NotRun}, {Name: "b", Hold: &sim.Hold{}}}},
					{Setup: &sim.Setup{Name: "configure", Duration: time.Second, Delay: 2 * time.Second}, Workflows: []sim.Workflow{
						{Name: "a", Outcome: sim.None},
						{
							Name: "b", Outcome: sim.Failed, QueuedFor: time.Second, FailingFor: 2 * time.Second,
							AutoRerun: &sim.AutoRerun{Max: 3, Delay: 4 * time.Second, Outcomes: []sim.Outcome{sim.Failed, sim.Success}},
							Shows:     []sim.Show{{After: time.Second, For: 2 * time.Second, Status: &word}, {}},
							NullID:    true, Output: "bye",
						},
					}},
					{Setup: &sim.Setup{Never: true}},
					{SkipCI: true},
					{TriggerType: "teapot", Hold: &sim.Hold{CanceledAfter: time.Hour, Beside: 2 * time.Minute}},
				},
			},
			"gh/acme/gadget": {
				Relics: new(true), VCS: sim.Nameless, SkipCI: new(true), SkipBranches: []string{"3.1.x"}, SkipStatus: 201,
				Forbidden: new(true), Blocked: new(false), HiddenFrom: []string{"b"}, Definitions: []string{"build", "release"},
			},
		},
		Faults: []sim.Fault{
			{
				Match: sim.Match{Method: "POST", Path: "/pipeline$", Project: "widget", Endpoint: "trigger"},
				Nth:   2, Times: -1, Kind: sim.Throttle, RetryAfter: 5 * time.Second, RetryAsDate: true, Body: "Rate limited.",
			},
			{Kind: sim.Answer, Status: 418},
			{Kind: sim.Answer, Status: 302, Location: "https://elsewhere.example/"},
			{Kind: sim.Throttle, RetryText: "soon"},
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
		{"negative hold", "default: {runs: [{hold: {after: -1s}}]}", "runs[0]: hold: after must not be negative"},
		{"outcome beside workflows", "default: {runs: [{outcome: failed, workflows: [{name: a}]}]}", "belong into each of them"},
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
		{"retry_text of a reset", "faults: [{kind: reset-after, retry_text: x}]", "retry_text belongs to"},
		{"two waits", "faults: [{kind: 429, retry_text: x, retry_after: 1s}]", "instead of retry_after"},
		{"location of an answer", "faults: [{kind: status, status: 200, location: /}]", "location belongs to the statuses 300 to 399"},
		{"location that is none", "faults: [{kind: status, status: 302, location: '%'}]", "faults[0]: location: parse"},
		{"token twice", "{tokens: [a], project_tokens: [a]}", "a token is in both tokens and project_tokens"},
		{"project twice", "projects: {gh/a/b: {}, github/a/b: {}}", "projects: gh/a/b appears twice"},
		{"negative lag", "workflow_list_lag: -1s", "workflow_list_lag must not be negative"},
		{"negative latency", "latency: -1s", "latency must not be negative"},
		{"negative requests", "keep_requests: -1", "keep_requests must not be negative"},
		{"limit of nothing", "limit: {}", "limit: per_second is at least 1, it is 0"},
		{"negative burst", "limit: {per_second: 1, burst: -1}", "limit: burst must not be negative"},
		{"rate of nothing", "chaos: {}", "chaos: rate is more than 0"},
		{"rate above all", "chaos: {rate: 1.1}", "chaos: rate is more than 0 and at most 1, it is 1.1"},
		{"rate is no number", "chaos: {rate: .nan}", "chaos: rate is more than 0"},
		{"chaotic status", "chaos: {rate: 1, kinds: [status]}", `chaos: "status" is no kind of fault that chaos can draw`},
		{"vcs", "default: {vcs: git}", `default: vcs is "git", but none and nameless are known`},
		{"skip_status", "default: {skip_status: 204}", "skip_status is 200 or 201, not 204"},
		{"no definitions", "default: {definitions: []}", "definitions needs at least one name"},
		{"more than a skip", "default: {runs: [{skip_ci: true, outcome: failed}]}", "a run with skip_ci makes no pipeline"},
		{"workflows after never", "default: {runs: [{setup: {never: true}, outcome: none}]}", "excludes an outcome and workflows"},
		{"never and a delay", "default: {runs: [{setup: {never: true, delay: 1s}}]}", "runs[0]: setup: never stands alone"},
		{"never and a failure", "default: {runs: [{setup: {never: true, outcome: failed}}]}", "setup: never stands alone"},
		{"held setup", "default: {runs: [{setup: {outcome: hold}}]}", `setup: a setup workflow cannot come to "hold"`},
		{"negative setup", "default: {runs: [{setup: {delay: -1s}}]}", "setup: delay must not be negative"},
		{"filtered with a job", "default: {runs: [{workflows: [{name: a, outcome: none, job: x}]}]}", "a workflow that never appears has only a name"},
		{"failing success", "default: {runs: [{workflows: [{name: a, failing_for: 1s}]}]}", "failing_for belongs to the outcomes failed and canceled"},
		{"two other jobs", "default: {runs: [{workflows: [{name: a, outcome: failed, failing_for: 1s, hold: {beside: 1s}}]}]}", "choose one"},
		{"approved and canceled", "default: {runs: [{hold: {approved_after: 1s, canceled_after: 1s}}]}", "exclude each other"},
		{"negative queue", "default: {runs: [{workflows: [{name: a, queued_for: -1s}]}]}", "queued_for must not be negative"},
		{"negative show", "default: {runs: [{workflows: [{name: a, shows: [{for: -1s}]}]}]}", "shows[0]: for must not be negative"},
		{"rerun of a success", "default: {runs: [{workflows: [{name: a, auto_rerun: {max: 1}}]}]}", "auto_rerun belongs to the outcome failed"},
		{"six reruns", "default: {runs: [{workflows: [{name: a, outcome: failed, auto_rerun: {max: 6}}]}]}", "auto_rerun: max is 1 to 5, it is 6"},
		{"more reruns than max", "default: {runs: [{workflows: [{name: a, outcome: failed, auto_rerun: {max: 1, outcomes: [failed, failed]}}]}]}", "2 outcomes for at most 1 reruns"},
		{"rerun after a success", "default: {runs: [{workflows: [{name: a, outcome: failed, auto_rerun: {max: 2, outcomes: [success, failed]}}]}]}", `after "success" there is no further rerun`},
		{"rerun on hold", "default: {runs: [{workflows: [{name: a, outcome: failed, auto_rerun: {max: 2, outcomes: [hold]}}]}]}", `a rerun cannot come to "hold"`},
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

// FuzzLoad: New accepts whatever Load accepts, and every line of an error names the file.
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
