package report_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMain fixes the local time zone; the events are in UTC.
func TestMain(m *testing.M) {
	time.Local = time.FixedZone("two hours ahead", 2*60*60)
	os.Exit(m.Run())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: make golden writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (make golden writes it anew):\n%s", path, diff)
	}
	for i, line := range strings.Split(got, "\n") {
		if strings.TrimRight(line, " \t") != line {
			t.Errorf("line %d ends in white space: %q", i+1, line)
		}
	}
}

const (
	gateway plan.StepID = "gravitee-gateway@3.9.4"
	node    plan.StepID = "gravitee-node@1.10.2"
	parent  plan.StepID = "gravitee-parent@19.0.0"
	common  plan.StepID = "gravitee-common@1.19.1"
	policy  plan.StepID = "gravitee-policy-with-a-rather-long-name@1.2.3-beta.1"
	ui      plan.StepID = "gravitee-management-webui@3.9.4"
)

func thePlan() *plan.Plan {
	step := func(id plan.StepID, branch, why string) plan.Step {
		return plan.Step{
			Component: id.Component(), Version: id.Version(), Repository: "gravitee-io/" + id.Component(),
			Project: "gh/gravitee-io/" + id.Component(), Branch: branch, BranchReason: why,
			Parameters: map[string]any{"gio_action": "release", "dry_run": false},
		}
	}
	return &plan.Plan{
		Product: "Gravitee.io", Version: "3.9.4", Branch: "3.9.x",
		Waves: []plan.Wave{
			{Group: 1, Steps: []plan.Step{step(parent, "main", "19.0.0 is a minor")}},
			{Group: 2, Steps: []plan.Step{
				step(common, "1.19.x", "1.19.1 is a patch"), step(node, "1.10.x", "1.10.2 is a patch"), step(policy, "next", "set in gio.yaml"),
			}},
			{Group: 4, Steps: []plan.Step{step(gateway, "3.9.x", "of the product's line"), step(ui, "3.9.x", "of the product's line")}},
		},
		Excluded: []plan.Excluded{
			{Component: "gravitee-alert", Version: "1.0.0", Reason: plan.ReasonReleased},
			{Component: "gravitee-cockpit", Version: "1.1.0", Reason: plan.ReasonReleased},
		},
	}
}

// story is a whole run as a driver numbers it, with the state after each event.
type story struct {
	t      *testing.T
	state  *run.State
	seq    int64
	lines  []string
	events []run.Event
	teller *report.Lines
}

func newStory(t *testing.T) *story {
	t.Helper()
	return &story{t: t, state: &run.State{}, teller: report.NewLines(false)}
}

// at appends events, all at hour, minute and second (UTC) of one day.
func (s *story) at(clock string, events ...run.Event) *story {
	s.t.Helper()
	at, err := time.Parse(time.DateTime, "2026-03-04 "+clock)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range events {
		s.seq++
		e.Run, e.Seq, e.Time = "release/3.9.4", s.seq, at
		if err := s.state.Apply(e); err != nil {
			s.t.Fatal(err)
		}
		s.lines, s.events = append(s.lines, s.teller.Of(e, s.state)...), append(s.events, e)
	}
	return s
}

func begin() []run.Event {
	return []run.Event{
		{Type: run.Opened, Header: &run.Header{
			Schema: run.Schema, Kind: "release", Manifest: "release.json", Product: "Gravitee.io", Version: "3.9.4",
			Host: "https://circleci.com", Branch: "3.9.x",
		}},
		planned(),
	}
}

func planned() run.Event {
	return run.Event{Type: run.Planned, Plan: thePlan(), Driver: &run.Driver{ID: "one", Login: "graviteeio-bot"}}
}

func intent(send int, ids ...plan.StepID) run.Event {
	return run.Event{Type: run.Intent, Steps: ids, Send: send, After: 40, Project: "gh/gravitee-io/" + ids[0].Component()}
}

func link(id plan.StepID) string {
	return "https://app.circleci.com/pipelines/gh/gravitee-io/" + id.Component() + "/41"
}

func triggered(ids ...plan.StepID) run.Event {
	return run.Event{Type: run.Triggered, Steps: ids, Pipeline: &run.Pipeline{ID: "p-" + string(ids[0]), Number: 41, URL: link(ids[0])}}
}

func adopted(ids ...plan.StepID) run.Event {
	e := triggered(ids...)
	e.Adopted = true
	return e
}

func observed(status string, ids ...plan.StepID) run.Event {
	return run.Event{Type: run.Observed, Steps: ids, Status: status, Workflow: "release", URL: link(ids[0]) + "/workflows/w"}
}

func held(ids ...plan.StepID) run.Event {
	e := observed("on_hold", ids...)
	e.Held = true
	return e
}

func succeeded(ids ...plan.StepID) run.Event { return run.Event{Type: run.Succeeded, Steps: ids} }

func unknown(ids ...plan.StepID) run.Event {
	return run.Event{Type: run.Unknown, Steps: ids, Reason: "3 answers were lost and no pipeline was found", URL: link(ids[0])}
}

func resolved(answer string, ids ...plan.StepID) run.Event {
	return run.Event{Type: run.Resolved, Steps: ids, Status: answer}
}

func recorded(finished bool, ids ...plan.StepID) run.Event {
	return run.Event{Type: run.Recorded, Record: &run.Record{Commit: "c1", Finished: finished, Steps: ids}}
}

// firstSession ends with a failure, a hold and an answer that never came.
func firstSession(t *testing.T) *story {
	return newStory(t).
		at("10:00:00", begin()...).
		at("10:00:01", intent(1, parent), triggered(parent)).
		at("10:00:09", observed("running", parent)).
		at("10:03:13", succeeded(parent)).
		at("10:03:14", intent(1, common), intent(1, node), intent(1, policy)).
		at("10:03:15", triggered(common)).
		at("10:04:20", adopted(node), observed("", node)).
		at("10:04:25", intent(2, policy)).
		at("10:05:00", held(common)).
		at("10:05:40", intent(3, policy)).
		at("10:07:00", unknown(policy)).
		at("11:10:00", run.Event{
			Type: run.Failed, Steps: []plan.StepID{node}, Code: "pipeline-failed", Reason: "workflow release failed",
			Workflow: "release", Job: "maven-release", URL: link(node) + "/workflows/w",
		}).
		at("11:10:01", run.Event{Type: run.Skipped, Steps: []plan.StepID{gateway, ui}, Reason: "upstream: gravitee-common has not succeeded"}).
		at("11:10:02", run.Event{Type: run.Recording, Record: &run.Record{Steps: []plan.StepID{parent}}}, recorded(false, parent)).
		at("11:10:03", run.Event{Type: run.Stopped, Code: "unknown", Reason: "gio cannot know"})
}

// secondSession resumes, finds two components in one pipeline, and finishes.
func secondSession(t *testing.T) *story {
	return firstSession(t).
		at("12:00:00", resolved(run.AnswerNotTriggered, policy)).
		at("12:01:00", planned()).
		at("12:01:01", observed("running", common)).
		at("12:01:02", intent(1, node), triggeredAgain(node), intent(1, policy), triggered(policy)).
		at("12:02:00", run.Event{
			Type: run.Failed, Steps: []plan.StepID{policy}, Code: "config-error", Reason: "CircleCI cannot use its configuration: job \"x\" is not defined", URL: link(policy),
		}).
		at("12:05:00", succeeded(common), succeeded(node), resolved(run.AnswerReleased, policy)).
		at("12:05:01", intent(1, gateway, ui), triggered(gateway, ui)).
		at("13:20:31", succeeded(gateway, ui)).
		at("13:20:32", recorded(true, common, node, policy, gateway, ui))
}

func triggeredAgain(id plan.StepID) run.Event {
	e := triggered(id)
	e.Pipeline.ID, e.Pipeline.Number = "q-"+string(id), 42
	return e
}

func TestLines(t *testing.T) {
	golden(t, "lines.txt", strings.Join(secondSession(t).lines, "\n")+"\n")
}

// TestLinesOfFailures: a line shows what is known of a failure, and no gap for what is not.
func TestLinesOfFailures(t *testing.T) {
	var lines []string
	for _, e := range []run.Event{
		{Code: "pipeline-failed", Reason: "workflow release failed", Workflow: "release", Job: "build", URL: "https://ci/1"},
		{Code: "pipeline-failed", Reason: "workflow release was canceled", Workflow: "release"},
		{Code: "timeout", Reason: "it still runs after 3h", Workflow: "release", URL: "https://ci/1"},
		{Code: "refused", Reason: "CircleCI said 404: Project not found"},
		{Code: "not-sent", URL: "https://ci/1"},
		{},
	} {
		e.Type, e.Steps = run.Failed, []plan.StepID{parent}
		s := newStory(t).at("10:00:00", begin()...).at("10:00:01", intent(1, parent), e)
		lines = append(lines, s.lines[len(s.lines)-1])
	}
	golden(t, "failures.txt", strings.Join(lines, "\n")+"\n")
}

// TestLinesOutsideThePlan: an answer may be about a step that is in no plan any more.
func TestLinesOutsideThePlan(t *testing.T) {
	s := newStory(t).at("10:00:00", begin()...).at("10:00:01", resolved(run.AnswerReleased, "gone@1.0.0"))
	golden(t, "outside.txt", strings.Join(s.lines, "\n")+"\n")
}

func TestSummary(t *testing.T) {
	for name, s := range map[string]*story{
		"empty":    newStory(t).at("10:00:00", begin()[0]),
		"begun":    newStory(t).at("10:00:00", begin()...).at("10:00:01", intent(1, parent)),
		"running":  newStory(t).at("10:00:00", begin()...).at("10:00:01", intent(1, parent), triggered(parent)),
		"stopped":  firstSession(t),
		"finished": secondSession(t),
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := report.Summary(&b, s.state, "`gio release`", false); err != nil {
				t.Fatal(err)
			}
			golden(t, "summary-"+name+".txt", b.String())
		})
	}
}

func TestPlanTable(t *testing.T) {
	partial := thePlan()
	partial.Waves[1].Steps[0].Parameters = map[string]any{"gio_action": "release", "dry_run": false, "jdk": int64(17)}
	partial.Waves = partial.Waves[:2]
	partial.Excluded = append(partial.Excluded,
		plan.Excluded{Component: gateway.Component(), Version: "3.9.4-SNAPSHOT", Reason: plan.ReasonExcept},
		plan.Excluded{Component: ui.Component(), Version: "3.9.4-SNAPSHOT", Reason: plan.ReasonOnly})
	partial.Partial = true
	partial.Waves[1].Steps[0].Proof = plan.Proof{Workflows: []string{"release", "publish"}}
	nothing := thePlan()
	nothing.Waves = nil
	all := thePlan()
	all.Excluded = nil
	all.Waves = all.Waves[:1]
	for i := range all.Waves[0].Steps {
		all.Waves[0].Steps[i].Proof.Tag = all.Waves[0].Steps[i].Version
	}
	for name, p := range map[string]*plan.Plan{"whole": thePlan(), "partial": partial, "nothing": nothing, "single": all} {
		for view, columns := range map[string]int{"terminal": 120, "narrow": 60, "tabs": 0} {
			t.Run(name+"/"+view, func(t *testing.T) {
				var b bytes.Buffer
				if err := report.PlanTable(&b, p, columns); err != nil {
					t.Fatal(err)
				}
				golden(t, "plan-"+name+"-"+view+".txt", b.String())
			})
		}
	}
}

func TestResult(t *testing.T) {
	asks := fault.New(fault.Decision, "unknown", "gio cannot know whether a pipeline was started for: %s", policy.Component()).
		Hint("answer with `gio resolve COMPONENT --pipeline N`, `--released` or `--not-triggered`")
	for name, r := range map[string]report.Result{
		"empty":    report.NewResult(&run.State{Header: *begin()[0].Header}, nil),
		"stopped":  report.NewResult(firstSession(t).state, fmt.Errorf("driving: %w", asks)),
		"finished": report.NewResult(secondSession(t).state, nil),
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := report.JSON(&b, r); err != nil {
				t.Fatal(err)
			}
			golden(t, "result-"+name+".json", b.String())
		})
	}
}

func TestNewError(t *testing.T) {
	t.Parallel()
	var none *fault.Fault
	tests := []struct {
		name string
		err  error
		want *report.Error
	}{
		{"nil", nil, nil},
		{"any error", errors.New("x <y>"), &report.Error{Code: "internal", Message: "x <y>"}},
		{"a fault", fault.New(fault.Invalid, "broken", "it is broken").Hint("mend it"), &report.Error{Code: "broken", Message: "it is broken", Hints: []string{"mend it"}}},
		{"a fault without content", none, &report.Error{Code: "internal", Message: none.Error()}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, report.NewError(tt.err)); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
	}
}

func TestNewFailure(t *testing.T) {
	t.Parallel()
	want := report.Failure{Exit: 7, Error: &report.Error{Code: "broken", Message: "it is broken"}}
	if diff := cmp.Diff(want, report.NewFailure(fault.New(fault.Invalid, "broken", "it is broken"))); diff != "" {
		t.Error(diff)
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 400 * time.Millisecond: "0s", 4 * time.Second: "4s", 59*time.Second + 600*time.Millisecond: "1m00s",
		3*time.Minute + 12*time.Second: "3m12s", 59*time.Minute + 59*time.Second + 700*time.Millisecond: "1h00m",
		65 * time.Minute: "1h05m", 63 * time.Hour: "63h00m",
	} {
		if got := report.Duration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

// brokenPipe is a writer whose reader has gone.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestWriteErrors(t *testing.T) {
	t.Parallel()
	state := &run.State{}
	for name, err := range map[string]error{
		"summary":         report.Summary(brokenPipe{}, state, "", false),
		"JSON":            report.JSON(brokenPipe{}, report.NewResult(state, nil)),
		"plan, terminal":  report.PlanTable(brokenPipe{}, thePlan(), 120),
		"plan, tabs":      report.PlanTable(brokenPipe{}, thePlan(), 0),
		"plan of nothing": report.PlanTable(brokenPipe{}, &plan.Plan{}, 0),
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
