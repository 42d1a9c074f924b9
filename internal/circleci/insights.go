package circleci

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// WorkflowTiming is how long a workflow of a project usually takes, failed and held runs among them.
type WorkflowTiming struct {
	Name   string
	Median time.Duration
}

// WorkflowTimings reads which workflows of a project ended in the last 90 days, on any branch, in CircleCI's order. CircleCI
// counts them once a day (contracts/circleci.md 1.12).
func (c *Client) WorkflowTimings(ctx context.Context, slug string) ([]WorkflowTiming, error) {
	k, err := insightsCall(slug)
	if err != nil {
		return nil, err
	}
	var all []WorkflowTiming
	for p, err := range pages[wireTiming](ctx, c, k) {
		if err != nil {
			return nil, err
		}
		for _, w := range p.Items {
			all = append(all, WorkflowTiming{Name: w.Name, Median: time.Duration(w.Metrics.Durations.Median) * time.Second})
		}
	}
	return all, nil
}

// WorkflowDurations reads how long the newest successful runs of a workflow took, on any branch, the newest first: those of
// CircleCI's first page. A run that waited for an approval is left out, because that time is in it (contracts/circleci.md
// 1.12); so is one that says no duration.
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
		if Status(r.Status) == StatusSuccess && !r.IsApproval && r.Duration > 0 {
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
	Name    string `json:"name"`
	Metrics struct {
		Durations struct {
			Median count `json:"median"`
		} `json:"duration_metrics"`
	} `json:"metrics"`
}

type wireRun struct {
	Status     string `json:"status"`
	Duration   count  `json:"duration"` // seconds
	CreatedAt  stamp  `json:"created_at"`
	IsApproval bool   `json:"is_approval"`
}
