package operate

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// askInsights asks CircleCI how long the pipelines of these steps take, at most atOnce at a time. It calls learned, perhaps from
// several goroutines, for each component that CircleCI knows durations of. A project that CircleCI does not know is no error.
func askInsights(ctx context.Context, ci *circleci.Client, steps []plan.Step, atOnce int, learned func(component string, i engine.Insight)) error {
	g, ctx := errgroup.WithContext(ctx) // when one request fails, the others would, too
	g.SetLimit(atOnce)
	for _, st := range steps {
		g.Go(func() error {
			i, err := engine.AskInsights(ctx, ci, st)
			if err == nil && len(i.Took) > 0 {
				learned(st.Component, i)
			}
			if fault.KindOf(err) == fault.NotFound {
				return nil
			}
			return err
		})
	}
	return g.Wait()
}

const (
	insightsAtOnce = 25               // requests at a time
	insightsProbe  = 10 * time.Second // within which CircleCI must answer the first request
)

// AskInsights asks CircleCI's Insights how long these steps take, at the pace of a check. It calls learned from several goroutines.
func AskInsights(ctx context.Context, s Setup, steps []plan.Step, learned func(component string, i engine.Insight)) error {
	p, err := newPrecheck(s)
	if err != nil {
		return err
	}
	if p.noToken != nil {
		return p.noToken
	}
	soon, cancel := context.WithTimeout(ctx, insightsProbe)
	defer cancel()
	if _, err := p.question.CI.Me(soon); err != nil {
		return err
	}
	return askInsights(ctx, p.question.CI, steps, insightsAtOnce, learned)
}

// NeverSeen returns the steps whose components have no known duration.
func NeverSeen(took map[string][]time.Duration, p *plan.Plan) []plan.Step {
	return slices.DeleteFunc(slices.Clone(p.Steps()), func(st plan.Step) bool { return len(took[st.Component]) > 0 })
}

// durations collects what is known of how long a release takes while it runs.
type durations struct {
	mu       sync.Mutex
	expected run.Expectation
}

func (l *durations) expectation() run.Expectation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.expected
}

// add replaces the map, because a view may be reading it.
func (l *durations) add(component string, i engine.Insight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := maps.Clone(l.expected.Took)
	if took == nil {
		took = map[string][]time.Duration{}
	}
	took[component] = i.Took
	l.expected.Took = took
}

// learn begins with the durations of earlier runs, and asks Insights for the others while the release runs. It serves views
// only: an error is ignored.
func (t *releaseRunner) learn(ctx context.Context) func() run.Expectation {
	return learn(ctx, t.check.hints, t.x).expectation
}

func learn(ctx context.Context, hints *circleci.Client, x *engine.Execution) *durations {
	l := &durations{expected: Expected(x)}
	if unseen := NeverSeen(x.Earlier, x.Plan); len(unseen) > 0 {
		go func() { _ = askInsights(ctx, hints, unseen, 1, l.add) }()
	}
	return l
}
