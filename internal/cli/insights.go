package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
)

// askInsights asks CircleCI how long the components take of which no run is known, so many at a time. Told may be called from
// several goroutines, for each component of which something is known then. A project that CircleCI does not know is no error.
func askInsights(ctx context.Context, ci *circleci.Client, steps []plan.Step, atOnce int, told func(component string, i engine.Insight)) error {
	g, ctx := errgroup.WithContext(ctx) // what one cannot learn, the others cannot either
	g.SetLimit(atOnce)
	for _, st := range steps {
		g.Go(func() error {
			i, err := engine.AskInsights(ctx, ci, st)
			if err == nil && len(i.Took) > 0 {
				told(st.Component, i)
			}
			if fault.KindOf(err) == fault.NotFound {
				return nil
			}
			return err
		})
	}
	return g.Wait()
}

// unknownTo are the steps whose components have never been seen to run.
func unknownTo(took map[string][]time.Duration, p *plan.Plan) []plan.Step {
	return slices.DeleteFunc(slices.Clone(p.Steps()), func(st plan.Step) bool { return len(took[st.Component]) > 0 })
}

// learning is what is known of how long a release takes, and grows while it runs.
type learning struct {
	mu    sync.Mutex
	known report.Expectation
}

func (l *learning) expectation() report.Expectation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known
}

// add keeps the map that a view may be reading.
func (l *learning) add(component string, i engine.Insight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := maps.Clone(l.known.Took)
	if took == nil {
		took = map[string][]time.Duration{}
	}
	took[component] = i.Took
	l.known.Took = took
}

// learn begins with what earlier runs took, and asks Insights for the rest while the release runs. It is a hint for views: an
// error is no news.
func (a *asker) learn(ctx context.Context, x *engine.Execution) *learning {
	l := &learning{known: expected(x)}
	if unknown := unknownTo(x.Earlier, x.Plan); len(unknown) > 0 {
		go func() { _ = askInsights(ctx, a.hints, unknown, 1, l.add) }()
	}
	return l
}

// insightOf says where a duration comes from.
func insightOf(i engine.Insight) string {
	return fmt.Sprintf("Insights: %s of %s", count(len(i.Took), "run"), i.Workflow)
}
