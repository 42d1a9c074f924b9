package sim

import (
	"net/http"
	"slices"
	"time"
)

type workflowItem struct {
	ID             *string `json:"id"`
	Name           string  `json:"name"`
	Status         *string `json:"status"`
	PipelineID     string  `json:"pipeline_id"`
	PipelineNumber int64   `json:"pipeline_number"`
	ProjectSlug    string  `json:"project_slug"`
	StartedBy      string  `json:"started_by"`
	CanceledBy     string  `json:"canceled_by,omitempty"`
	CreatedAt      string  `json:"created_at"`
	StoppedAt      *string `json:"stopped_at"`
	Tag            string  `json:"tag,omitempty"`
	AutoRerun      *int    `json:"auto_rerun_number,omitempty"`
	MaxAutoReruns  int     `json:"max_auto_reruns,omitempty"`

	id string // also where the API shows null
}

func (w workflowItem) key() string { return w.id }

func (s *Sim) workflowItem(w *workflow, now time.Time) workflowItem {
	c := w.course()
	it := workflowItem{
		ID: &w.id, id: w.id, Name: w.Name, Status: w.shownStatus(c, now), Tag: w.tag, PipelineID: w.pipeline.id, PipelineNumber: w.pipeline.number,
		ProjectSlug: w.pipeline.project.slug, StartedBy: s.user(w.pipeline.actor),
		CreatedAt: seconds(s.workedAt(c.birth)), StoppedAt: timeOrNull(s.workedAt(c.stop(now))),
	}
	if w.NullID || w.pipeline.relic {
		it.ID = nil
	}
	if w.AutoRerun != nil {
		it.AutoRerun, it.MaxAutoReruns = &w.attempt, w.AutoRerun.Max
	}
	if it.Status != nil && *it.Status == string(Canceled) {
		it.CanceledBy = w.canceler
	}
	return it
}

// listWorkflows answers newest first. CircleCI promises no order (contracts/circleci.md 1.7): a client that needs one sorts.
func (s *Sim) listWorkflows(c *call) answer {
	p := s.pipeline(c.args[0], c.now)
	if p == nil {
		return noPipeline()
	}
	p = s.orAnother(c, p)
	items := []workflowItem{}
	for i, w := range p.visible(c.now) {
		if lag := s.scenario.WorkflowListLag * time.Duration(i+1); reached(w.birth().Add(lag), c.now) {
			items = append(items, s.workflowItem(w, c.now))
		}
	}
	slices.Reverse(items)
	return page(s, c, items)
}

func (s *Sim) readWorkflow(c *call) answer {
	w := s.workflow(c.args[0], c.now)
	if w == nil {
		return noWorkflow()
	}
	return reply(http.StatusOK, s.workflowItem(w, c.now))
}

func noWorkflow() answer { return fail(http.StatusNotFound, "Workflow not found") }

func accepted() answer { return reply(http.StatusAccepted, message{"Accepted."}) }

// cancelWorkflow also accepts a final workflow, without any effect.
func (s *Sim) cancelWorkflow(c *call) answer {
	w := s.workflow(c.args[0], c.now)
	if w == nil {
		return noWorkflow()
	}
	if w.stopped.IsZero() { // a second request does not postpone it
		w.cancel(c.now.Add(s.scenario.ActLag), s.user(s.scenario.Login))
	}
	return accepted()
}

type rerunBody struct {
	FromFailed bool     `json:"from_failed"`
	Jobs       []string `json:"jobs"`
}

type rerunItem struct {
	WorkflowID string `json:"workflow_id"`
}

// rerunWorkflow makes a workflow that comes to the next of Reruns.
func (s *Sim) rerunWorkflow(c *call) answer {
	w := s.workflow(c.args[0], c.now)
	if w == nil {
		return noWorkflow()
	}
	var body rerunBody
	err := c.decode(&body)
	switch status := w.status(c.now); {
	case err != nil || body.FromFailed && len(body.Jobs) > 0:
		return fail(http.StatusBadRequest, "Unexpected request body provided")
	case body.FromFailed && status != string(Failed):
		return fail(http.StatusBadRequest, "Only a failed workflow can be rerun from failed")
	case !final(status):
		return fail(http.StatusBadRequest, "The workflow is not finished")
	}
	outcome, left := Success, w.Reruns
	if len(left) > 0 {
		outcome, left = left[0], left[1:]
	}
	made := s.rerun(w, outcome, c.now)
	made.Reruns = left
	return reply(http.StatusAccepted, rerunItem{made.id})
}

// approveJob expects the id of the approval job (contracts/circleci.md 1.11).
func (s *Sim) approveJob(c *call) answer {
	w := s.workflow(c.args[0], c.now)
	if w == nil {
		return noWorkflow()
	}
	if w.Hold == nil || s.jobID(w, holdJob) != c.args[1] {
		return fail(http.StatusNotFound, "Job not found")
	}
	if !w.holds(c.now) {
		return fail(http.StatusBadRequest, "Job is not on hold")
	}
	if w.approved.IsZero() {
		w.approved = c.now.Add(s.scenario.ActLag)
	}
	return accepted()
}
