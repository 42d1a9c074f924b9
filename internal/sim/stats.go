package sim

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// Stats are figures about everything that has happened so far, including requests that Requests no longer returns.
type Stats struct {
	Requests       map[string]map[int]int // how many, by endpoint ("" = no such path) and status (0 = none was sent)
	GitHub         map[string]map[int]int // the same of GitHub; the other figures are about CircleCI alone
	Throttled      int                    // answered with 429, for whatever reason
	PeakPerSecond  int                    // the most requests that arrived within one second, throttled ones too
	PeakUnfinished int                    // the most pipelines at once that were not finished, without other people's history
}

// Stats reads every pipeline: call it at the end.
func (s *Sim) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Requests: map[string]map[int]int{}, GitHub: map[string]map[int]int{}, PeakPerSecond: s.tally.peak, PeakUnfinished: s.peakUnfinished(s.scenario.Now())}
	for endpoint, statuses := range s.tally.requests {
		st.Requests[endpoint] = maps.Clone(statuses)
		st.Throttled += statuses[http.StatusTooManyRequests]
	}
	for endpoint, statuses := range s.tally.github {
		st.GitHub[endpoint] = maps.Clone(statuses)
	}
	return st
}

// tally counts requests.
type tally struct {
	requests map[string]map[int]int
	github   map[string]map[int]int
	recent   []time.Time // of the requests of the last second
	peak     int
}

func (t *tally) count(endpoint string, status int, now time.Time) {
	increment(t.requests, endpoint, status)
	gone := 0
	for gone < len(t.recent) && now.Sub(t.recent[gone]) >= time.Second {
		gone++
	}
	t.recent = append(t.recent[gone:], now)
	t.peak = max(t.peak, len(t.recent))
}

func (t *tally) countGitHub(endpoint string, status int) { increment(t.github, endpoint, status) }

func increment(counts map[string]map[int]int, endpoint string, status int) {
	if counts[endpoint] == nil {
		counts[endpoint] = map[int]int{}
	}
	counts[endpoint][status]++
}

// peakUnfinished returns the most pipelines that were unfinished at the same time.
func (s *Sim) peakUnfinished(now time.Time) int {
	type edge struct {
		at    time.Time
		delta int
	}
	var edges []edge
	for _, p := range s.pipelines {
		for _, busy := range p.unfinished(now) {
			edges = append(edges, edge{busy.from, 1}, edge{busy.to, -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.delta - b.delta // at the same time, ends come before begins
	})
	unfinished, peak := 0, 0
	for _, e := range edges {
		unfinished += e.delta
		peak = max(peak, unfinished)
	}
	return peak
}

// unfinished returns the spans in which the pipeline was not finished. That changes only where something begins or ends.
func (p *pipeline) unfinished(now time.Time) []span {
	times := []time.Time{p.received, p.ready, now}
	if p.setup != nil {
		if read := p.continued(); !read.IsZero() {
			times = append(times, read.Add(p.project.PendingFor))
		}
	}
	for _, w := range p.workflows {
		c := w.course()
		times = append(times, c.birth, c.end, c.cut)
	}
	slices.SortFunc(times, time.Time.Compare)
	var spans []span
	for i, t := range times {
		if i == len(times)-1 || t.Before(p.received) || !t.Before(now) {
			continue
		}
		if next := times[i+1]; next.After(t) && !final(p.fate(t)) {
			spans = append(spans, span{t, next})
		}
	}
	return spans
}
