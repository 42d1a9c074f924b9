package circleci

import (
	"cmp"
	"context"
	"net/http"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Approval is an approval job and the workflow that it holds.
type Approval struct {
	Workflow Workflow
	Job      Job
}

// Waits reports whether somebody must approve it before the workflow goes on.
func (a Approval) Waits() bool { return a.Job.Status == string(StatusOnHold) }

// Approved reports whether somebody has.
func (a Approval) Approved() bool { return a.Job.Status == string(StatusSuccess) }

// Approvals reads the approval jobs of a pipeline, of the newest workflow of every name: those that wait, those already
// approved, and those not yet reached. It passes over a workflow whose jobs CircleCI has lost, unless that leaves nothing.
func (c *Client) Approvals(ctx context.Context, pipelineID string) ([]Approval, error) {
	workflows, err := c.Workflows(ctx, pipelineID)
	if err != nil {
		return nil, err
	}
	var all []Approval
	var lost error
	for _, w := range newestOfEveryName(workflows) {
		if w.ID == "" { // expired
			continue
		}
		jobs, err := c.Jobs(ctx, w.ID)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			lost = err
		case err != nil:
			return nil, err
		}
		for _, j := range jobs {
			if j.Type == "approval" {
				all = append(all, Approval{Workflow: w, Job: j})
			}
		}
	}
	if len(all) == 0 {
		return nil, lost
	}
	return all, nil
}

// Approve asks CircleCI, once, to approve a job (contracts/circleci.md 1.11). To learn whether it did, read the job: it is
// approved when it no longer waits, whatever the answer was (contracts/circleci.md 6).
func (c *Client) Approve(ctx context.Context, a Approval) error {
	path, err := escape("workflow", a.Workflow.ID, "approve", cmp.Or(a.Job.ApprovalID, a.Job.ID))
	if err != nil {
		return err
	}
	return c.post(ctx, call{method: http.MethodPost, path: path, subject: "workflow " + a.Workflow.ID})
}
