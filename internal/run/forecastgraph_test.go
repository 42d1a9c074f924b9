package run

import (
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
)

// By the graph the rest takes as long as its longest way, unless there are too few slots: then who has the longest way is first.
func TestForecastByGraph(t *testing.T) {
	t.Parallel()
	step := func(name string, needs ...string) plan.Step {
		st := plan.Step{Component: name, Version: "1", Project: name}
		for _, n := range needs {
			st.Needs = append(st.Needs, plan.Need{Step: plan.ID(n, "1")})
		}
		return st
	}
	p := &plan.Plan{Order: plan.ByGraph, Waves: []plan.Wave{
		{Steps: []plan.Step{step("slow"), step("x"), step("a"), step("released", "gone")}}, {Steps: []plan.Step{step("b", "a")}}, {Steps: []plan.Step{step("c", "b", "x")}},
	}}
	took := map[string][]time.Duration{}
	for name, minutes := range map[string]time.Duration{"slow": 25, "x": 1, "a": 10, "b": 10, "c": 10, "released": 1} {
		took[name] = []time.Duration{minutes * time.Minute, minutes * time.Minute}
	}
	now := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		limit  int
		status map[plan.StepID]Status
		want   time.Duration
		ok     bool
	}{
		{"no limit", 0, nil, 30 * time.Minute, true},
		{"two at once", 2, nil, 31 * time.Minute, true}, // x waits for b, which has the longer way, and c for x
		{"one at once", 1, nil, 57 * time.Minute, true},
		{"a runs", 0, map[plan.StepID]Status{"a@1": Running}, 26 * time.Minute, true},
		{"more run than may", 1, map[plan.StepID]Status{"a@1": Running, "slow@1": Running, "x@1": HasSucceeded, "released@1": HasSucceeded}, 41 * time.Minute, true},
		{"b has succeeded", 0, map[plan.StepID]Status{"a@1": HasSucceeded, "b@1": HasSucceeded}, 25 * time.Minute, true},
		{"a has failed", 0, map[plan.StepID]Status{"a@1": HasFailed}, 25 * time.Minute, true},
		{"a waits for a person", 0, map[plan.StepID]Status{"a@1": OnHold}, 0, false},
		{"and x has failed", 0, map[plan.StepID]Status{"a@1": OnHold, "x@1": HasFailed}, 25 * time.Minute, true},
		{"all has ended", 0, map[plan.StepID]Status{"slow@1": HasSucceeded, "x@1": HasSucceeded, "a@1": HasFailed, "released@1": HasSucceeded}, 0, true},
	}
	for _, tt := range tests {
		of := func(id plan.StepID) Step {
			st := Step{ID: id, Status: Pending}
			if status, set := tt.status[id]; set {
				st.Status = status
			}
			if st.Status == Running {
				st.StartedAt = now.Add(-4 * time.Minute)
			}
			return st
		}
		got, ok := Expectation{Took: took, Parallel: tt.limit}.Forecast(p, of, now)
		if got.Likely != tt.want || ok != tt.ok {
			t.Errorf("%s: %v %t, want %v", tt.name, got.Likely, ok, tt.want)
		}
	}
}
