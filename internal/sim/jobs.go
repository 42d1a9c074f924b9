package sim

import (
	"cmp"
	"fmt"
	"net/http"
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

// Every workflow but Build Error has a first job that succeeds, perhaps an approval, and a last job that decides. Where a job must run
// while another has failed or is held, there is an other job.
const (
	firstJob = "prepare"
	holdJob  = "approval" // what its id is made from; the name is the scenario's
	lastJob  = "last"
	otherJob = "other"
)

// jobCount returns how many job numbers a workflow uses: an approval has none.
func (w *workflow) jobCount() int {
	switch {
	case w.Outcome == Errored:
		return 0
	case w.FailingFor > 0, w.Hold != nil && (w.Hold.Beside > 0 || w.Hold.BesideFailure):
		return 3
	}
	return 2
}

func (s *Sim) jobID(w *workflow, which string) string { return s.uuid("job", w.id, which) }

func (s *Sim) listJobs(c *call) answer {
	w := s.workflow(c.args[0], c.now)
	if w == nil {
		return noWorkflow()
	}
	return page(s, c, s.jobs(w, c.now))
}

func (s *Sim) jobs(w *workflow, now time.Time) []jobItem {
	if w.jobCount() == 0 {
		return nil
	}
	c := w.course()
	first := jobItem{ID: s.jobID(w, firstJob), Name: firstJob, Type: "build", Number: w.firstJob, Dependencies: []string{}}
	s.fill(w, &first, c, span{c.start, c.split}, Success, now)
	if first.Status == "blocked" {
		first.Status = "queued" // it depends on nothing: only the serial group keeps it
	}
	list, before := []jobItem{first}, first.ID
	if w.Hold != nil {
		id := s.jobID(w, holdJob)
		held := jobItem{ID: id, Name: cmp.Or(w.Hold.Job, "hold"), Type: "approval", ApprovalRequestID: id, Dependencies: []string{first.ID}}
		s.fill(w, &held, c, span{c.split, c.approval}, Success, now)
		list, before = append(list, held), id
	}
	last := jobItem{ID: s.jobID(w, lastJob), Name: w.Job, Type: "build", Number: w.firstJob + 1, Dependencies: []string{before}}
	at, outcome := span{c.begin(), c.end}, w.Outcome
	switch {
	case c.failing:
		outcome = Success // what is behind the approval succeeds, and saves nothing
	case !c.fails.IsZero():
		at.to, outcome = c.fails, Failed
	}
	s.fill(w, &last, c, at, outcome, now)
	list = append(list, last)
	if w.jobCount() > 2 {
		list = append(list, s.other(w, c, now))
	}
	return list
}

// other returns the job that runs, or fails, beside the hold, or runs on after the last one failed.
func (s *Sim) other(w *workflow, c course, now time.Time) jobItem {
	j := jobItem{ID: s.jobID(w, otherJob), Name: otherJob, Type: "build", Number: w.firstJob + 2, Dependencies: []string{s.jobID(w, firstJob)}}
	switch {
	case w.FailingFor > 0:
		outcome := Success
		if w.Outcome == Canceled {
			outcome = Canceled
		}
		s.fill(w, &j, c, span{c.begin(), c.end}, outcome, now)
	case c.failing:
		s.fill(w, &j, c, span{c.split, c.fails}, Failed, now)
	default:
		s.fill(w, &j, c, span{c.split, c.beside}, Success, now)
	}
	return j
}

// span is the time of a job; a zero time is not known yet.
type span struct{ from, to time.Time }

// fill sets status, times and number of a job that works in that span and ends with that outcome.
func (s *Sim) fill(w *workflow, j *jobItem, c course, at span, outcome Outcome, now time.Time) {
	j.ProjectSlug = w.pipeline.project.slug
	j.Status = c.jobStatus(at, outcome, now)
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
	j.StartedAt = timeOrNull(s.workedAt(at.from))
	if j.Status != "running" {
		j.StoppedAt = timeOrNull(s.workedAt(at.to))
	}
	if j.Status == "canceled" && !c.cut.IsZero() {
		j.StoppedAt = timeOrNull(s.workedAt(c.cut))
	}
}

func (c course) jobStatus(at span, outcome Outcome, now time.Time) string {
	cut := reached(c.cut, now)
	if cut {
		now = c.cut
	}
	begun := reached(at.from, now)
	done := begun && reached(at.to, now)
	switch {
	case c.outcome == NotRun, cut && !begun:
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

// jobDetails is a job read by its number, which has other fields than a job in a workflow's list.
type jobDetails struct {
	WebURL         string       `json:"web_url"`
	Project        jobHome      `json:"project"`
	ParallelRuns   []jobRun     `json:"parallel_runs"`
	LatestWorkflow named        `json:"latest_workflow"`
	Name           string       `json:"name"`
	Executor       executor     `json:"executor"`
	Parallelism    int          `json:"parallelism"`
	Status         string       `json:"status"`
	Number         int64        `json:"number"`
	Pipeline       named        `json:"pipeline"`
	Duration       *int64       `json:"duration"` // milliseconds
	CreatedAt      string       `json:"created_at"`
	QueuedAt       string       `json:"queued_at"`
	StartedAt      *string      `json:"started_at"`
	StoppedAt      *string      `json:"stopped_at"`
	Messages       []jobMessage `json:"messages"`
	Contexts       []named      `json:"contexts"`
	Organization   named        `json:"organization"`
}

type jobHome struct {
	ID          string `json:"id"`
	Slug        string `json:"slug"`
	Name        string `json:"name"`
	ExternalURL string `json:"external_url"`
}

type jobRun struct {
	Index  int    `json:"index"`
	Status string `json:"status"`
}

type named struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

type executor struct {
	ResourceClass string `json:"resource_class"`
	Type          string `json:"type"`
}

// readJob answers a job by its number.
func (s *Sim) readJob(c *call) answer {
	p := s.ensureProject(c.args[0], c.now)
	if p == nil {
		return noProject()
	}
	w, job := s.job(p, number(c.args[1]), c.now)
	if w == nil {
		return fail(http.StatusNotFound, "Job not found")
	}
	_, org, name := p.parts()
	d := jobDetails{
		WebURL:       fmt.Sprintf("%s/%s/%d", c.base, p.slug, job.Number),
		Project:      jobHome{ID: s.projectID(p), Slug: p.slug, Name: name, ExternalURL: p.url()},
		ParallelRuns: []jobRun{{Status: job.Status}}, Parallelism: 1,
		LatestWorkflow: named{ID: w.id, Name: w.Name}, Pipeline: named{ID: w.pipeline.id},
		Name: job.Name, Number: job.Number, Status: job.Status,
		Executor:  executor{ResourceClass: "medium", Type: "docker"},
		CreatedAt: millis(s.workedAt(w.created)), QueuedAt: millis(s.workedAt(w.created)), StartedAt: job.StartedAt, StoppedAt: job.StoppedAt,
		Messages: w.refusals(job), Contexts: []named{}, Organization: named{Name: org},
	}
	if job.StoppedAt != nil {
		d.Duration = took(*job.StartedAt, *job.StoppedAt)
	}
	return reply(http.StatusOK, d)
}

// jobMessage is what CircleCI says of a job; the older API has level, too.
type jobMessage struct {
	Level   string `json:"level,omitempty"`
	Type    string `json:"type"`
	Message string `json:"message"`
}

// refusals returns why CircleCI did not run a job, nothing when it did.
func (w *workflow) refusals(job jobItem) []jobMessage {
	if w.Refused == "" || job.Number != w.firstJob+1 {
		return []jobMessage{}
	}
	return []jobMessage{{Type: "error", Message: w.Refused}}
}

// took is the milliseconds between two times on the wire.
func took(from, to string) *int64 {
	began, _ := time.Parse(time.RFC3339, from) // the simulator wrote them
	ended, _ := time.Parse(time.RFC3339, to)
	ms := ended.Sub(began).Milliseconds()
	return &ms
}
