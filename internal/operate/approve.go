package operate

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// Approval is a job for whose approval a component's pipeline waits, or that has been approved.
type Approval struct {
	Snapshot
	Steps   []run.Step // those that share the pipeline
	URL     string     // of the workflow on CircleCI
	Already bool       // somebody approved it before: there is nothing to do
	Job     circleci.Approval

	ci *circleci.Client
}

// FindApproval finds the only job that waits, or the one that job names as JOB or WORKFLOW/JOB. Component may be "" where only one
// is held.
func FindApproval(ctx context.Context, s Setup, sel Selector, component, job string) (*Approval, error) {
	k, ci, err := s.withCircleCI(ctx, sel)
	if err != nil {
		return nil, err
	}
	if component == "" {
		if component, err = engine.TheOnly(k.State, run.OnHold, fault.Approve); err != nil {
			return nil, err
		}
	}
	st, err := engine.PipelineOf(k.State, component)
	if err != nil {
		return nil, err
	}
	all, err := ci.Approvals(ctx, st.Pipeline.ID)
	if err != nil {
		return nil, err
	}
	a, err := engine.ChooseApproval(all, st, job)
	if err != nil {
		return nil, err
	}
	return &Approval{
		Snapshot: k, Steps: sharing(k.State, st), Already: a.Approved(), Job: a, ci: ci,
		URL: circleci.WorkflowURL(ci.Host(), st.Project, st.Pipeline.Number, a.Workflow.ID),
	}, nil
}

// Approve approves the job, and reads it until it waits no longer.
func (a *Approval) Approve(ctx context.Context) error {
	return engine.Approve(ctx, engine.Clock{}, a.ci, a.Job)
}

// DriverStatus returns who drives the run at this time, or drove it last.
func (k Snapshot) DriverStatus(now time.Time) run.DriverStatus { return k.Lease.Status(now) }

// sharing returns a step, followed by those that share its pipeline.
func sharing(s *run.State, st run.Step) []run.Step {
	steps := []run.Step{st}
	for _, other := range s.Steps() {
		if other.ID != st.ID && other.Pipeline.ID == st.Pipeline.ID {
			steps = append(steps, other)
		}
	}
	return steps
}
