package run

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/plan"
)

// TestForecast: equal durations give no range; a limit makes the pipelines of a wave wait, and a running one has less to go.
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
	now := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	pending := func(id plan.StepID) Step { return Step{ID: id, Status: Pending} }
	running := func(id plan.StepID) Step {
		return Step{ID: id, Status: Running, StartedAt: now.Add(-4 * time.Minute)}
	}
	for _, tt := range []struct {
		limit int
		step  func(plan.StepID) Step
		want  time.Duration
	}{{0, pending, 20 * time.Minute}, {1, pending, 40 * time.Minute}, {2, pending, 30 * time.Minute}, {0, running, 12 * time.Minute}} {
		got, ok := Expectation{Took: took, Parallel: tt.limit}.Forecast(p, tt.step, now)
		if diff := cmp.Diff(Forecast{Low: tt.want, Likely: tt.want, High: tt.want}, got); diff != "" || !ok {
			t.Errorf("at most %d at once (-want +got):\n%s", tt.limit, diff)
		}
	}
	if _, ok := (Expectation{}).Forecast(p, pending, now); ok {
		t.Error("it is foretold from nothing")
	}
	held := func(id plan.StepID) Step { return Step{ID: id, Status: OnHold, StartedAt: now} }
	if _, ok := (Expectation{Took: took}).Forecast(p, held, now); ok {
		t.Error("it is foretold when a person approves")
	}
}

// TestForecastSpread: where no component ran twice, Spread determines the range; the same facts give the same one.
func TestForecastSpread(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Waves: []plan.Wave{{Steps: []plan.Step{{Component: "a", Version: "1.0.0"}}}}}
	x := Expectation{Took: map[string][]time.Duration{"a": {10 * time.Minute}}}
	pending := func(id plan.StepID) Step { return Step{ID: id, Status: Pending} }
	one, _ := x.Forecast(p, pending, time.Time{})
	two, _ := x.Forecast(p, pending, time.Time{})
	if one != two || one.Low < 6*time.Minute || one.Low > 9*time.Minute || one.High < 11*time.Minute || one.High > 14*time.Minute {
		t.Errorf("%+v, %+v", one, two)
	}
}
