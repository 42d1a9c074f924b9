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

// TestForecast: equal durations leave no range; a limit makes the pipelines of a wave wait, and what runs has less to go.
func TestForecast(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Waves: []plan.Wave{
		{Steps: []plan.Step{{Component: "a", Version: "1.0.0", Project: "a"}, {Component: "b", Version: "1.0.0", Project: "b"}, {Component: "c", Version: "1.0.0", Project: "c"}}},
		{Steps: []plan.Step{{Component: "d", Version: "1.0.0", Project: "d"}}},
	}}
	took := map[string][]time.Duration{}
	for _, name := range []string{"a", "b", "d"} { // c never ran
		took[name] = []time.Duration{10 * time.Minute, 10 * time.Minute}
	}
	now := clockAt(t, "10:00:00")
	pending := func(id run.StepID) run.Step { return run.Step{ID: id, Status: run.Pending} }
	running := func(id run.StepID) run.Step {
		return run.Step{ID: id, Status: run.Running, StartedAt: now.Add(-4 * time.Minute)}
	}
	for _, tt := range []struct {
		limit int
		step  func(run.StepID) run.Step
		want  time.Duration
	}{{0, pending, 20 * time.Minute}, {1, pending, 40 * time.Minute}, {2, pending, 30 * time.Minute}, {0, running, 12 * time.Minute}} {
		got, ok := report.Expectation{Took: took, Parallel: tt.limit}.Forecast(p, tt.step, now)
		if diff := cmp.Diff(report.Forecast{Low: tt.want, Likely: tt.want, High: tt.want}, got); diff != "" || !ok {
			t.Errorf("at most %d at once (-want +got):\n%s", tt.limit, diff)
		}
	}
	if _, ok := (report.Expectation{}).Forecast(p, pending, now); ok {
		t.Error("it is foretold from nothing")
	}
	held := func(id run.StepID) run.Step { return run.Step{ID: id, Status: run.OnHold, StartedAt: now} }
	if _, ok := (report.Expectation{Took: took}).Forecast(p, held, now); ok {
		t.Error("it is foretold when a person approves")
	}
}

// TestForecastSpread: where no component ran twice, the stated spread makes the range; the same facts give the same one.
func TestForecastSpread(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Waves: []plan.Wave{{Steps: []plan.Step{{Component: "a", Version: "1.0.0"}}}}}
	x := report.Expectation{Took: map[string][]time.Duration{"a": {10 * time.Minute}}}
	pending := func(id run.StepID) run.Step { return run.Step{ID: id, Status: run.Pending} }
	one, _ := x.Forecast(p, pending, time.Time{})
	two, _ := x.Forecast(p, pending, time.Time{})
	if one != two || one.Low < 6*time.Minute || one.Low > 9*time.Minute || one.High < 11*time.Minute || one.High > 14*time.Minute {
		t.Errorf("%+v, %+v", one, two)
	}
}

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
		id       run.StepID
		from, to int // minutes
	}{{"a@1.0.0", 0, 9}, {"b@1.0.0", 0, 10}, {"c@1.0.0", 15, 25}, {"d@1.0.0", 10, 18}, {"e@1.0.0", 10, 15}} {
		at := func(m int) time.Time { return began.Add(time.Duration(m) * time.Minute) }
		steps := []run.StepID{st.id}
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
	killed.Die(report.Killed{Component: "e", At: "sent"})
	told := report.Rehearsal{
		Product: "Acme", Version: "1.0.0", MaxParallel: 2, Began: began, WhatIf: true, Started: 6,
		Twice: []string{"gh/acme/e: pipeline 2"}, Sessions: []report.Rehearsed{killed, r},
	}
	told.Tell(report.Forecast{Low: 20 * time.Minute, Likely: 25 * time.Minute, High: 30 * time.Minute})
	for name, columns := range map[string]int{"rehearsal-terminal.txt": 80, "rehearsal-tabs.txt": 0} {
		var b strings.Builder
		if err := report.RehearsalTable(&b, told, columns); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
	}
}

// TestRehearsalForgesNothing: the name of a workflow is CircleCI's word, and release.json's are somebody's.
func TestRehearsalForgesNothing(t *testing.T) {
	t.Parallel()
	const evil = "re\x1b[31mlease\nfree\tfall"
	p := report.RehearsedStep{Wave: 1, Component: "a" + evil, Version: "1.0.0" + evil, Status: run.HasFailed, Source: "Insights: 1 run of " + evil}
	told := report.Rehearsal{Product: evil, Version: evil, Sessions: []report.Rehearsed{{
		Pipelines: []report.RehearsedStep{p}, Error: &report.Error{Message: evil},
	}}}
	for _, columns := range []int{0, 200} {
		var b strings.Builder
		if err := report.RehearsalTable(&b, told, columns); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if strings.Contains(text, "\x1b") || strings.Contains(text, "\nfree") || strings.Contains(text, "\tfall") {
			t.Errorf("%d columns: %q", columns, text)
		}
	}
}
