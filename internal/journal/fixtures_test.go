package journal

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Package journaltest, which imports this one, has these, too; its suite runs in conform_test.go.

func header() run.Header {
	return run.Header{
		Schema: run.Schema, Kind: "release", Manifest: "release.json", Product: "Acme", Version: "3.9.4",
		Host: "https://circleci.com", Branch: "3.9.x",
	}
}

// calls is a whole run, by calls of Append.
func calls() [][]run.Event {
	h := header()
	p := &plan.Plan{Product: "Acme", Version: "3.9.4", Branch: "3.9.x", Excluded: []plan.Excluded{}, Waves: []plan.Wave{{Group: 1, Steps: []plan.Step{
		{Component: "alpha", Version: "1.0.0", Parameters: map[string]any{"dry_run": false, "gio_action": "release", "depth": int64(1<<53 + 1)}},
		{Component: "beta", Version: "1.0.0"},
	}}}}
	alpha, beta := plan.ID("alpha", "1.0.0"), plan.ID("beta", "1.0.0")
	all := [][]run.Event{
		{{Type: run.Opened, Header: &h}, {Type: run.Planned, Plan: p, Driver: &run.Driver{ID: "one"}}},
		{
			{Type: run.Intent, Steps: []plan.StepID{alpha}, Send: 1},
			{Type: run.Intent, Steps: []plan.StepID{beta}, Send: 1},
			{Type: run.Triggered, Steps: []plan.StepID{alpha}, Pipeline: &run.Pipeline{ID: "p1", Number: 41}},
		},
		{{Type: run.Failed, Steps: []plan.StepID{beta}, Reason: "<html> & \"quotes\"\n\u2028 and a second line\t"}},
		{{Type: run.Succeeded, Steps: []plan.StepID{alpha}}},
		{{Type: run.Recording, Record: &run.Record{Steps: []plan.StepID{alpha}, Refs: map[string]string{"refs/heads/3.9.x": "c1"}}}},
	}
	seq := int64(0)
	for _, call := range all {
		for i := range call {
			seq++
			call[i].Run, call[i].Seq = h.Run(), seq
			call[i].Time = time.Date(2026, 1, 2, 3, 4, int(seq), 5678, time.UTC)
		}
	}
	return all
}

func same(t *testing.T, what string, want, got []run.Event) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s:\n%s", what, diff)
	}
}

func closed(t *testing.T, j Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func isFault(t *testing.T, err error, kind fault.Kind, code string, say ...string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Fatalf("error %v is %v %q, want %v %q", err, fault.KindOf(err), fault.CodeOf(err), kind, code)
	}
	for _, text := range say {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

func stopped(seq int) run.Event {
	return run.Event{Run: header().Run(), Seq: int64(seq), Type: run.Stopped, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}
