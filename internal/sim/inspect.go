package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Pipeline is a pipeline as tests see it.
type Pipeline struct {
	Project    string // slug, with the short provider name
	Number     int64
	ID         string
	Branch     string
	Tag        string
	Parameters map[string]any // as received: string, bool, int64
	Trigger    string         // api or webhook, also when Run.TriggerType makes the API say another word
	Actor      string
	CreatedAt  time.Time
	Cancelled  bool // somebody cancelled one of its workflows; auto-cancel does not count
	// Outcome is the truth as of now, whatever Workflow.Shows makes the API say: setup-pending, setup, pending, errored,
	// none (no workflow but a setup workflow will ever exist), rerun_due (failed, and an automatic rerun will come),
	// workflow_due (the others are final, and one with Workflow.AppearsAfter will come), a
	// workflow status that is not final, success when the newest workflow of every name is, else the first that is not.
	// A setup workflow that ends otherwise than with success ends its pipeline; after a continuation it decides nothing.
	Outcome string
}

// Pipelines returns all pipelines created so far, the oldest first, without other people's history.
func (s *Sim) Pipelines() []Pipeline {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.scenario.Now()
	var all []Pipeline
	for _, p := range s.pipelines {
		all = append(all, show(p, now))
	}
	return all
}

func show(p *pipeline, now time.Time) Pipeline {
	return Pipeline{
		Project: p.project.slug, Number: p.number, ID: p.id, Branch: p.ref.branch, Tag: p.ref.tag,
		Parameters: maps.Clone(p.parameters), Trigger: p.trigger, Actor: p.actor, CreatedAt: p.created,
		Cancelled: p.cancelled(), Outcome: p.fate(now),
	}
}

func (p *pipeline) cancelled() bool {
	return slices.ContainsFunc(p.workflows, func(w *workflow) bool { return !w.stopped.IsZero() && w.canceler != "" })
}

// Requests returns the requests that have arrived so far, in that order; of more than Scenario.KeepRequests the newest.
func (s *Sim) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests[max(0, len(s.requests)-s.scenario.KeepRequests):])
}

// OutcomeAt returns Pipeline.Outcome as it was at a time, "" when there was no such pipeline. It is the verdict on "only true
// results": a client that takes a pipeline for success must have read it when this was success.
func (s *Sim) OutcomeAt(id string, at time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.byID[id]
	if p == nil || at.Before(p.received) {
		return ""
	}
	return p.fate(at)
}

// Duplicates is the verdict on "never twice": one line for every pair of pipelines that must not both exist,
// none when all is well. A pair is two API pipelines of Scenario.Login with the same project, the same branch or
// tag and equal parameters, where the later one was received while the earlier one
//   - was not finished (pending or setup, without its workflows yet, or the newest workflow of a name not final, or
//     failed with an automatic rerun that will come), or
//   - had succeeded (created, and the newest workflow of every name was success).
//
// A pair is excused when somebody cancelled a workflow of one of the two before it was final. Auto-cancel
// excuses nothing: it is what a duplicate causes.
func (s *Sim) Duplicates() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	seen := map[string][]*pipeline{}
	for _, later := range s.pipelines {
		if later.trigger != "api" || later.actor != s.scenario.Login {
			continue
		}
		what := later.purpose()
		for _, earlier := range seen[what] {
			fate := earlier.fate(later.received)
			if (!final(fate) || fate == string(Success)) && !earlier.cancelled() && !later.cancelled() {
				lines = append(lines, fmt.Sprintf("%s: pipeline %d was triggered when pipeline %d was %s", what, later.number, earlier.number, fate))
			}
		}
		seen[what] = append(seen[what], later)
	}
	return lines
}

// purpose says what a pipeline is for: project, branch or tag, and parameters.
func (p *pipeline) purpose() string {
	values, err := json.Marshal(p.parameters) // sorts the names
	if err != nil {
		panic("sim: " + err.Error())
	}
	return fmt.Sprintf("%s %s %s", p.project.slug, p.ref.full(), values)
}
