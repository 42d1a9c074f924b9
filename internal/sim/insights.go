package sim

import (
	"cmp"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"
)

// Insights are computed from the workflows that have finished so far. The real service refreshes them only daily.

type metricsItem struct {
	Name        string  `json:"name"`
	ProjectID   string  `json:"project_id"`
	WindowStart string  `json:"window_start"`
	WindowEnd   string  `json:"window_end"`
	Metrics     metrics `json:"metrics"`
}

func (m metricsItem) key() string { return m.Name }

type metrics struct {
	TotalRuns      int             `json:"total_runs"`
	SuccessfulRuns int             `json:"successful_runs"`
	FailedRuns     int             `json:"failed_runs"`
	SuccessRate    float64         `json:"success_rate"`
	Throughput     float64         `json:"throughput"` // runs a day
	Durations      durationMetrics `json:"duration_metrics"`
}

type durationMetrics struct {
	Min       int64   `json:"min"`
	Mean      int64   `json:"mean"`
	Median    int64   `json:"median"`
	P95       int64   `json:"p95"`
	Max       int64   `json:"max"`
	Deviation float64 `json:"standard_deviation"`
}

type runItem struct {
	ID         string `json:"id"`
	Branch     string `json:"branch"`
	Status     string `json:"status"`
	Duration   int64  `json:"duration"`
	CreatedAt  string `json:"created_at"`
	StoppedAt  string `json:"stopped_at"`
	Credits    int64  `json:"credits_used"`
	IsApproval bool   `json:"is_approval"`

	name    string
	stopped time.Time
}

func (r runItem) key() string { return r.ID }

const day = 24 * time.Hour

// windows are the values of reporting-window; the empty one is the default.
var windows = map[string]time.Duration{
	"": 90 * day, "last-24-hours": day, "last-7-days": 7 * day, "last-30-days": 30 * day, "last-60-days": 60 * day, "last-90-days": 90 * day,
}

func (s *Sim) workflowMetrics(c *call) answer {
	p := s.ensureProject(c.args[0], c.now)
	if p == nil {
		return noProject()
	}
	window, ok := windows[c.query.Get("reporting-window")]
	if !ok {
		return fail(http.StatusBadRequest, "Unknown reporting-window")
	}
	from := c.now.Add(-window)
	byName := map[string][]runItem{}
	for _, r := range p.finished(c, from, c.now) {
		byName[r.name] = append(byName[r.name], r)
	}
	items := []metricsItem{}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		items = append(items, metricsItem{
			Name: name, ProjectID: s.projectID(p), WindowStart: millis(from), WindowEnd: millis(c.now),
			Metrics: measure(byName[name], window),
		})
	}
	return page(s, c, items)
}

// workflowRuns answers the runs of one workflow, the newest first.
func (s *Sim) workflowRuns(c *call) answer {
	p := s.ensureProject(c.args[0], c.now)
	if p == nil {
		return noProject()
	}
	from, to, ok := dates(c)
	if !ok {
		return fail(http.StatusBadRequest, "Dates are RFC 3339, an end-date needs a start-date at most 90 days before")
	}
	items := []runItem{}
	for _, r := range p.finished(c, from, to) {
		if r.name == c.args[1] {
			items = append(items, r)
		}
	}
	slices.SortStableFunc(items, func(a, b runItem) int { return b.stopped.Compare(a.stopped) })
	return page(s, c, items)
}

// dates returns the bounds that the query asks for.
func dates(c *call) (from, to time.Time, ok bool) {
	from, to = c.now.Add(-90*day), c.now
	start, end := c.query.Get("start-date"), c.query.Get("end-date")
	var err, err2 error
	if start != "" {
		from, err = time.Parse(time.RFC3339, start)
	}
	if end != "" {
		to, err2 = time.Parse(time.RFC3339, end)
	}
	return from, to, err == nil && err2 == nil && (end == "" || start != "" && to.Sub(from) <= 90*day)
}

// finished returns the workflows of the requested branch, by default the default branch, that became final in that time,
// without those that never ran (contracts/circleci.md 1.12).
func (p *project) finished(c *call, from, to time.Time) []runItem {
	branch := cmp.Or(c.query.Get("branch"), p.DefaultBranch)
	all := c.query.Get("all-branches") == "true"
	var runs []runItem
	for _, made := range p.pipelines {
		if !all && made.ref.branch != branch {
			continue
		}
		for _, w := range made.visible(c.now) {
			course := w.course()
			stop := course.stop(c.now)
			if status := course.status(c.now); Outcome(status).isJobOutcome() && !stop.Before(from) && !stop.After(to) {
				runs = append(runs, runItem{
					ID: w.id, Branch: made.ref.branch, Status: status, Duration: int64(stop.Sub(course.birth) / time.Second),
					CreatedAt: millis(course.birth), StoppedAt: millis(stop), IsApproval: course.held, name: w.Name, stopped: stop,
				})
			}
		}
	}
	return runs
}

func measure(runs []runItem, window time.Duration) metrics {
	m := metrics{TotalRuns: len(runs), Throughput: float64(len(runs)) / (window.Hours() / 24)}
	var durations []int64
	for _, r := range runs {
		durations = append(durations, r.Duration)
		switch Outcome(r.Status) {
		case Success:
			m.SuccessfulRuns++
		case Failed:
			m.FailedRuns++
		default: // counted in neither
		}
	}
	m.SuccessRate = float64(m.SuccessfulRuns) / float64(len(runs))
	m.Durations = spread(durations)
	return m
}

// spread needs at least one duration.
func spread(d []int64) durationMetrics {
	slices.Sort(d)
	n := len(d)
	var sum, squares float64
	for _, x := range d {
		sum += float64(x)
	}
	mean := sum / float64(n)
	for _, x := range d {
		squares += (float64(x) - mean) * (float64(x) - mean)
	}
	return durationMetrics{
		Min: d[0], Max: d[n-1], Mean: int64(math.Round(mean)), Median: d[(n-1)/2], P95: d[(95*n+99)/100-1],
		Deviation: math.Sqrt(squares / float64(n)),
	}
}
