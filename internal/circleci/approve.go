package circleci

import (
	"cmp"
	"context"
	"net/http"
)

// Approval is an approval job, in the workflow that it holds up.
type Approval struct {
	Workflow Workflow
	Job      Job
}

// Waits tells whether somebody must approve it before the workflow goes on.
func (a Approval) Waits() bool { return a.Job.Status == string(StatusOnHold) }

// Approved tells whether somebody has.
func (a Approval) Approved() bool { return a.Job.Status == string(StatusSuccess) }

// Approvals reads the approval jobs of a pipeline, of the newest workflow of every name: those that wait, those that have
// been approved, and those whose turn has not come.
func (c *Client) Approvals(ctx context.Context, pipelineID string) ([]Approval, error) {
	workflows, err := c.Workflows(ctx, pipelineID)
	if err != nil {
		return nil, err
	}
	var all []Approval
	for _, w := range newestOfEveryName(workflows) {
		if w.ID == "" { // expired
			continue
		}
		jobs, err := c.Jobs(ctx, w.ID)
		if err != nil {
			return nil, err
		}
		for _, j := range jobs {
			if j.Type == "approval" {
				all = append(all, Approval{Workflow: w, Job: j})
			}
		}
	}
	return all, nil
}

// Approve asks CircleCI, once, to approve a job (contracts/circleci.md 1.11). Whether it did is read from the job: one that
// waits no longer is done, whatever was answered (contracts/circleci.md 6).
func (c *Client) Approve(ctx context.Context, a Approval) error {
	path, err := escape("workflow", a.Workflow.ID, "approve", cmp.Or(a.Job.ApprovalID, a.Job.ID))
	if err != nil {
		return err
	}
	return c.post(ctx, call{method: http.MethodPost, path: path, subject: "workflow " + a.Workflow.ID})
}
