package cli

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestFirstReleaseLearns: of a product that gio never released the time left is not known at first, and is when Insights have
// said what its components took.
func TestFirstReleaseLearns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sim.New(sim.Scenario{Default: sim.Project{Duration: 10 * time.Minute}})
		defer s.Close()
		for _, slug := range []string{"gh/acme/a", "gh/acme/b"} {
			if _, err := s.Trigger(slug, "1.0.x", "somebody", nil); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		p := &plan.Plan{Waves: []plan.Wave{
			{Steps: []plan.Step{{Component: "a", Version: "1.0.1", Project: "gh/acme/a"}, {Component: "known", Version: "1.0.1", Project: "gh/acme/known"}}},
			{Steps: []plan.Step{{Component: "b", Version: "1.0.1", Project: "gh/acme/b"}, {Component: "nobody", Version: "1.0.1", Project: "gh/acme/nobody"}}},
		}}
		a := &asker{hints: circleci.New(circleci.Options{Host: sim.URL, Token: "any", HTTP: s.Client()})}
		x := &engine.Execution{Plan: p, Earlier: map[string][]time.Duration{"known": {time.Second}}}
		l := a.learn(t.Context(), x)
		synctest.Wait()
		learned := l.expectation()
		if len(learned.Took) != 3 || learned.Took["a"][0] != 10*time.Minute || learned.Took["known"][0] != time.Second {
			t.Errorf("learned %v", learned.Took)
		}
		left, ok := learned.Forecast(p, func(id run.StepID) run.Step { return run.Step{ID: id, Status: run.Pending} }, time.Now())
		if !ok || left.Likely < 18*time.Minute || left.Likely > 26*time.Minute {
			t.Errorf("%+v left", left)
		}
	})
}
