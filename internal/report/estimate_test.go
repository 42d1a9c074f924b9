package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// TestRehearsedCriticalPath goes back over the slot that a pipeline waited for.
func TestRehearsedCriticalPath(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Waves: []plan.Wave{
		{Steps: []plan.Step{{Component: "a", Version: "1.0.0"}, {Component: "b", Version: "1.0.0"}}},
		{Steps: []plan.Step{{Component: "c", Version: "1.0.0"}, {Component: "d", Version: "1.0.0"}, {Component: "e", Version: "1.0.0"}}},
	}}
	began := clockAt(t, "10:00:00")
	s := &run.State{}
	events := []run.Event{begin()[0], {Type: run.Planned, Plan: p, Time: began}}
	for _, st := range []struct {
		id       plan.StepID
		from, to int // minutes
	}{{"a@1.0.0", 0, 9}, {"b@1.0.0", 0, 10}, {"c@1.0.0", 15, 25}, {"d@1.0.0", 10, 18}, {"e@1.0.0", 10, 15}} {
		at := func(m int) time.Time { return began.Add(time.Duration(m) * time.Minute) }
		steps := []plan.StepID{st.id}
		events = append(events,
			run.Event{Type: run.Intent, Steps: steps, Send: 1, Project: "p/" + string(st.id), Time: at(st.from)},
			run.Event{Type: run.Triggered, Steps: steps, Pipeline: &run.Pipeline{ID: string(st.id), Number: 1}, Time: at(st.from)},
			run.Event{Type: run.Succeeded, Steps: steps, Time: at(st.to)})
	}
	for i, e := range events {
		e.Seq = int64(i + 1)
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	source := func(string) string { return "default" }
	r := report.NewRehearsed(p, s, began, began.Add(26*time.Minute), nil, source)
	var path []string
	for _, st := range r.Pipelines {
		if st.Critical {
			path = append(path, st.Component)
		}
	}
	if diff := cmp.Diff([]string{"b", "c", "e"}, path); diff != "" {
		t.Errorf("critical path (-want +got):\n%s", diff)
	}

	killed := report.NewRehearsed(p, s, began, began.Add(16*time.Minute), nil, source)
	killed.MarkKilled(report.Killed{Component: "e", At: "sent"})
	rehearsal := report.Rehearsal{
		Product: "Acme", Version: "1.0.0", MaxParallel: 2, Began: began, WhatIf: true, Started: 6, Low: 20 * 60, Likely: 25 * 60, High: 30 * 60,
		Twice: []string{"gh/acme/e: pipeline 2"}, Sessions: []report.Rehearsed{killed, r},
	}
	for name, columns := range map[string]int{"rehearsal-terminal.txt": 80, "rehearsal-tabs.txt": 0} {
		var b strings.Builder
		if err := report.RehearsalTable(&b, rehearsal, columns); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
	}
}

// TestRehearsalForgesNothing: names from CircleCI and from release.json are foreign texts.
func TestRehearsalForgesNothing(t *testing.T) {
	t.Parallel()
	const evil = "re\x1b[31mlease\nfree\tfall"
	p := report.RehearsedStep{Wave: 1, Component: "a" + evil, Version: "1.0.0" + evil, Status: run.HasFailed, Source: "Insights: 1 run of " + evil}
	rehearsal := report.Rehearsal{Product: evil, Version: evil, Sessions: []report.Rehearsed{{
		Pipelines: []report.RehearsedStep{p}, Error: &report.Error{Message: evil},
	}}}
	for _, columns := range []int{0, 200} {
		var b strings.Builder
		if err := report.RehearsalTable(&b, rehearsal, columns); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if strings.Contains(text, "\x1b") || strings.Contains(text, "\nfree") || strings.Contains(text, "\tfall") {
			t.Errorf("%d columns: %q", columns, text)
		}
	}
}
