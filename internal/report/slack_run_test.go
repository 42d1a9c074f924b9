package report_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// slackJSON returns a message as it is sent, after a check of Slack's limits.
func slackJSON(t *testing.T, text string, blocks any) string {
	t.Helper()
	var b strings.Builder
	if err := report.JSON(&b, map[string]any{"text": text, "blocks": blocks}); err != nil {
		t.Fatal(err)
	}
	var message struct {
		Blocks []map[string]any `json:"blocks"`
	}
	if err := json.Unmarshal([]byte(b.String()), &message); err != nil {
		t.Fatal(err)
	}
	for _, block := range message.Blocks {
		checkSlackBlock(t, block)
	}
	if len(message.Blocks) == 0 || len(message.Blocks) > 50 {
		t.Errorf("%d blocks", len(message.Blocks))
	}
	return b.String()
}

func TestSlackRun(t *testing.T) {
	t.Parallel()
	unknown := fault.New(fault.Decision, "unknown", "gio cannot know").Hint("gio resolve")
	begun := newStory(t).at("10:00:00", begin()...).at("10:00:01", intent(1, parent), triggered(parent))
	for name, test := range map[string]struct {
		state *run.State
		m     report.SlackMoment
	}{
		"begun":     {begun.state, report.SlackMoment{}},
		"continued": {begun.state, report.SlackMoment{Continued: true}},
		"stopped":   {firstSession(t).state, report.SlackMoment{Over: true, Err: unknown}},
		"finished":  {secondSession(t).state, report.SlackMoment{Over: true}},
	} {
		t.Run(name, func(t *testing.T) {
			text, blocks := report.SlackRun(test.state, test.m)
			golden(t, "slack-run-"+name+".json", slackJSON(t, text, blocks))
		})
	}
}

func TestSlackFailure(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	s := firstSession(t)
	for _, e := range []run.Event{
		{Type: run.Failed, Steps: []plan.StepID{node}, Reason: "workflow release failed", Workflow: "release", Job: "maven-release", URL: link(node), Output: []string{"planted"}},
		{Type: run.Failed, Steps: []plan.StepID{gateway, ui}, Reason: "CircleCI says <!channel> & more", URL: "javascript:alert(1)"},
		{Type: run.Unknown, Steps: []plan.StepID{policy}, Reason: "nobody knows"},
	} {
		text, blocks := report.SlackFailure(e, s.state)
		all.WriteString(slackJSON(t, text, blocks))
	}
	if strings.Contains(all.String(), "planted") {
		t.Error("what a job printed is sent")
	}
	golden(t, "slack-failure.json", all.String())
}

// Slack accepts the message, however long its contents.
func TestSlackRunLimits(t *testing.T) {
	t.Parallel()
	s := &run.State{Header: run.Header{Kind: "dry", Product: strings.Repeat("long ", 100), Version: "1.0.0", Branch: "1.0.x"}}
	add := func(e run.Event) {
		t.Helper()
		e.Seq = s.Seq + 1
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	head := s.Header
	p := &plan.Plan{Waves: []plan.Wave{{}}}
	for i := range 80 {
		p.Waves[0].Steps = append(p.Waves[0].Steps, plan.Step{Component: fmt.Sprintf("component-%d-%s", i, strings.Repeat("é", 80)), Version: "1.0.0"})
	}
	add(run.Event{Type: run.Opened, Header: &head})
	add(run.Event{Type: run.Planned, Plan: p, Driver: &run.Driver{Login: "<robot>"}})
	for _, step := range p.Steps() {
		id := step.ID()
		add(intent(1, id))
		add(triggered(id))
		add(run.Event{Type: run.Failed, Steps: []plan.StepID{id}, Reason: strings.Repeat("why ", 60), URL: link("x@1")})
	}
	text, blocks := report.SlackRun(s, report.SlackMoment{Over: true, Err: errors.New(strings.Repeat("what ", 900))})
	if got := slackJSON(t, text, blocks); !strings.Contains(got, "dry run") {
		t.Error(got)
	}
}
