package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/plan"
)

// Insight is what CircleCI's Insights know of how long the pipelines of a step take: what runs of this workflow took, which
// decides when the pipeline ends, the newest first. The zero value knows nothing.
type Insight struct {
	Workflow string
	Took     []time.Duration
}

// AskInsights asks CircleCI how long the pipelines of a step take. Insights do not know the parameters of a pipeline, so that
// it goes by the names of the workflows: those that must run to prove the release, else those that say "release",
// else all; of these the one that takes longest and has an answer.
func AskInsights(ctx context.Context, ci *circleci.Client, st plan.Step) (Insight, error) {
	timings, err := ci.WorkflowTimings(ctx, st.Project)
	if err != nil {
		return Insight{}, err
	}
	for _, t := range ofReleases(timings, st.Proof.Workflows) {
		took, err := ci.WorkflowDurations(ctx, st.Project, t.Name)
		if err != nil || len(took) > 0 {
			return Insight{t.Name, took[:min(len(took), insightRuns)]}, err
		}
	}
	return Insight{}, nil
}

// insightRuns is how many runs of a workflow count: as many as of gio's own.
const insightRuns = 10

// ofReleases are the workflows that releases run, as far as their names tell, those that take longest first.
func ofReleases(timings []circleci.WorkflowTiming, proof []string) []circleci.WorkflowTiming {
	slices.SortStableFunc(timings, func(a, b circleci.WorkflowTiming) int { return cmp.Compare(b.Median, a.Median) })
	for _, isOne := range []func(name string) bool{
		func(name string) bool { return slices.Contains(proof, name) },
		func(name string) bool { return strings.Contains(strings.ToLower(name), "release") },
	} {
		some := slices.DeleteFunc(slices.Clone(timings), func(t circleci.WorkflowTiming) bool { return !isOne(t.Name) })
		if len(some) > 0 {
			return some
		}
	}
	return timings
}
