package sim

import (
	"cmp"
	"time"
)

type jobItem struct {
	ID                string   `json:"id"`
	Name              string   `json:"name"`
	Type              string   `json:"type"`
	Status            string   `json:"status"`
	Number            int64    `json:"job_number,omitempty"`
	ProjectSlug       string   `json:"project_slug"`
	Dependencies      []string `json:"dependencies"`
	StartedAt         *string  `json:"started_at"`
	StoppedAt         *string  `json:"stopped_at,omitempty"`
	ApprovalRequestID string   `json:"approval_request_id,omitempty"`
	CanceledBy        string   `json:"canceled_by,omitempty"`
}

func (j jobItem) key() string { return j.ID }

// Every workflow has a first job that succeeds, perhaps an approval, and a last job that decides.
const (
	firstJob = "prepare"
	holdJob  = "approval" // what its id is made from; the name is the scenario's
	lastJob  = "last"
)

func (s *Sim) jobID(w *workflow, which string) string { return s.uuid("job", w.id, which) }

func (s *Sim) listJobs(c *call) answer {
	w := s.workflow(c.args[0], c.now)
	if w == nil {
		return noWorkflow()
	}
	return page(s, c, s.jobs(w, c.now))
}

func (s *Sim) jobs(w *workflow, now time.Time) []jobItem {
	first := jobItem{ID: s.jobID(w, firstJob), Name: firstJob, Type: "build", Number: w.firstJob, Dependencies: []string{}}
	w.fill(&first, span{w.created, w.split()}, Success, now)
	list, begin := []jobItem{first}, w.split()
	if w.Hold != nil {
		id := s.jobID(w, holdJob)
		held := jobItem{ID: id, Name: cmp.Or(w.Hold.Job, "hold"), Type: "approval", ApprovalRequestID: id, Dependencies: []string{first.ID}}
		begin = w.approval()
		w.fill(&held, span{w.split(), begin}, Success, now)
		list = append(list, held)
	}
	last := jobItem{ID: s.jobID(w, lastJob), Name: w.Job, Type: "build", Number: w.firstJob + 1, Dependencies: []string{list[len(list)-1].ID}}
	w.fill(&last, span{begin, w.end()}, w.Outcome, now)
	return append(list, last)
}

// span is the time of a job; a zero time is one that nobody knows yet.
type span struct{ from, to time.Time }

// fill sets what a job that does its work in that span and ends with that outcome looks like.
func (w *workflow) fill(j *jobItem, at span, outcome Outcome, now time.Time) {
	j.ProjectSlug = w.pipeline.project.slug
	j.Status = w.jobStatus(at, outcome, now)
	if j.Type == "approval" && j.Status == "running" {
		j.Status = "on_hold"
	}
	switch j.Status {
	case "blocked", "not_run", "unauthorized":
		j.Number = 0
		return
	case "on_hold":
		return
	case "canceled":
		j.Number, j.CanceledBy = 0, w.canceler
	}
	j.StartedAt = maybe(at.from)
	if j.Status != "running" {
		j.StoppedAt = maybe(at.to)
	}
	if j.Status == "canceled" && !w.stopped.IsZero() {
		j.StoppedAt = maybe(w.stopped)
	}
}

func (w *workflow) jobStatus(at span, outcome Outcome, now time.Time) string {
	cut := !w.stopped.IsZero() && !now.Before(w.stopped)
	if cut {
		now = w.stopped
	}
	begun := !at.from.IsZero() && !now.Before(at.from)
	done := begun && !at.to.IsZero() && !now.Before(at.to)
	switch {
	case w.Outcome == NotRun, cut && !begun:
		return "not_run"
	case done && outcome == InternalErr:
		return "infrastructure_fail"
	case done:
		return string(outcome)
	case cut:
		return "canceled"
	case begun:
		return "running"
	}
	return "blocked"
}
