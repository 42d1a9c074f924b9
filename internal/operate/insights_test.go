package operate

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
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
		hints := circleci.New(circleci.Options{Host: sim.URL, Token: "any", HTTP: s.Client()})
		x := &engine.Execution{Plan: p, Earlier: map[string][]time.Duration{"known": {time.Second}}}
		l := learn(t.Context(), hints, x)
		synctest.Wait()
		learned := l.expectation()
		if len(learned.Took) != 3 || learned.Took["a"][0] != 10*time.Minute || learned.Took["known"][0] != time.Second {
			t.Errorf("learned %v", learned.Took)
		}
		left, ok := learned.Forecast(p, func(id plan.StepID) run.Step { return run.Step{ID: id, Status: run.Pending} }, time.Now())
		if !ok || left.Likely < 18*time.Minute || left.Likely > 26*time.Minute {
			t.Errorf("%+v left", left)
		}
	})
}

// TestThrottledHint: when CircleCI throttles, all requests of the process rest. Those for hints end instead.
func TestThrottledHint(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = io.WriteString(w, `{"items":[]}`) // to who has waited
	}))
	defer s.Close()
	vars := map[string]string{"CIRCLE_TOKEN": "any", "CIRCLE_HOST": s.URL}
	p, err := newPrecheck(setupOf(vars))
	if err != nil {
		t.Fatal(err)
	}
	steps := []plan.Step{{Component: "a", Project: "gh/acme/a"}, {Component: "b", Project: "gh/acme/b"}}
	err = askInsights(t.Context(), p.hints, steps, 1, func(string, engine.Insight) {})
	if err == nil || asked.Load() != 1 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}
