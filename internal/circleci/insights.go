package circleci

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// WorkflowTiming is how long a workflow of a project usually takes, including failed and held runs.
type WorkflowTiming struct {
	Name   string
	Median time.Duration
}

// WorkflowTimings reads the workflows of a project that ended in the last 90 days, on any branch, in CircleCI's order.
// CircleCI updates them once a day (contracts/circleci.md 1.12).
func (c *Client) WorkflowTimings(ctx context.Context, slug string) ([]WorkflowTiming, error) {
	k, err := insightsCall(slug)
	if err != nil {
		return nil, err
	}
	items, err := whole[wireTiming](ctx, c, k)
	if err != nil {
		return nil, err
	}
	var all []WorkflowTiming
	for _, w := range items {
		all = append(all, WorkflowTiming{Name: string(w.Name), Median: time.Duration(w.Metrics.is.Durations.is.Median) * time.Second})
	}
	return all, nil
}

// WorkflowDurations reads how long the newest successful runs of a workflow took, on any branch, the newest first: those of
// CircleCI's first page. It omits runs that waited for an approval, because their duration includes that time
// (contracts/circleci.md 1.12), and runs without a duration.
func (c *Client) WorkflowDurations(ctx context.Context, slug, workflow string) ([]time.Duration, error) {
	k, err := insightsCall(slug, workflow)
	if err != nil {
		return nil, err
	}
	p, err := readPage[wireRun](ctx, c, k)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(p.Items, func(a, b wireRun) int { return cmp.Compare(b.CreatedAt.UnixNano(), a.CreatedAt.UnixNano()) })
	var took []time.Duration
	for _, r := range p.Items {
		if Status(r.Status) == StatusSuccess && !bool(r.IsApproval) && r.Duration > 0 {
			took = append(took, time.Duration(r.Duration)*time.Second)
		}
	}
	return took, nil
}

func insightsCall(slug string, workflow ...string) (call, error) {
	parts, err := splitSlug(slug)
	if err != nil {
		return call{}, err
	}
	path, err := escape(slices.Concat([]string{"insights"}, parts, []string{"workflows"}, workflow)...)
	query := url.Values{"all-branches": {"true"}}
	return call{method: http.MethodGet, path: path, query: query, subject: "project " + slug}, err
}

type wireTiming struct {
	Name    text `json:"name"`
	Metrics loose[struct {
		Durations loose[struct {
			Median count `json:"median"`
		}] `json:"duration_metrics"`
	}] `json:"metrics"`
}

type wireRun struct {
	Status     text  `json:"status"`
	Duration   count `json:"duration"` // seconds
	CreatedAt  stamp `json:"created_at"`
	IsApproval flag  `json:"is_approval"`
}
