package sim

import (
	"slices"
	"time"
)

// strangerAge is how much older an invented pipeline is.
const strangerAge = time.Hour

// orAnother returns the pipeline, or another one when the answer to the call is mixed up.
func (s *Sim) orAnother(c *call, p *pipeline) *pipeline {
	if !c.mixedUp {
		return p
	}
	if old := s.green(p, c); old != nil {
		return old
	}
	return s.stranger(p)
}

// green returns the newest other pipeline of the project that has succeeded, nil when there is none.
func (s *Sim) green(p *pipeline, c *call) *pipeline {
	for _, other := range slices.Backward(p.project.pipelines) {
		if other != p && !other.relic && other.fate(c.now) == string(Success) {
			return other
		}
	}
	return nil
}

// stranger invents a pipeline of the project that succeeded an hour before the given one. No other answer knows it.
func (s *Sim) stranger(p *pipeline) *pipeline {
	made := *p
	made.id, made.number = s.uuid("stranger", p.id), p.number+1000
	made.received, made.created, made.ready = p.received.Add(-strangerAge), p.created.Add(-strangerAge), p.created.Add(-strangerAge)
	made.errors, made.setup, made.late, made.silence = nil, nil, 0, Silence{}
	made.workflows = []*workflow{{Workflow: Run{}.fates(p.project.Project)[0], id: s.uuid("workflow", made.id, 0), pipeline: &made, created: made.ready}}
	made.workflows[0].finished = made.ready
	return &made
}
