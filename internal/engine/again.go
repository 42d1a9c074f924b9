package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// askIfGreen asks a person, and so holds a new attempt back, when every workflow of an earlier attempt's pipeline is green on
// CircleCI, or one still runs, although the pipeline counts as failed: a new one might release the same again. A pipeline that
// has proven nothing is no reason.
func (s *session) askIfGreen(ctx context.Context, u unit) (asked bool, err error) {
	var green []plan.Step
	reason := ""
	for _, st := range u.steps {
		why, err := s.greenBefore(ctx, st)
		if err != nil {
			return false, err
		}
		if why != "" {
			green, reason = append(green, st), why
		}
	}
	if len(green) == 0 {
		return false, nil
	}
	return true, s.ask(ctx, newUnit(green), reason)
}

// greenBefore says which of the pipelines of a failed step is green, or runs, "" for none.
func (s *session) greenBefore(ctx context.Context, planned plan.Step) (why string, err error) {
	st := s.rec.step(planned.ID())
	if st.Status != run.HasFailed {
		return "", nil
	}
	ids := slices.Clone(st.Earlier[st.Dropped:])
	if st.Pipeline.ID != "" && st.Code != noProof {
		ids = append(ids, st.Pipeline.ID)
	}
	for _, id := range ids {
		workflows, err := s.workflows(ctx, id)
		if err != nil {
			return "", err
		}
		if circleci.Runs(workflows) {
			return fmt.Sprintf("the pipeline %s of an earlier attempt counts as failed, and a workflow of it still runs on CircleCI", id), nil
		}
		if unproven, err := s.greenUnproven(ctx, planned, circleci.Green(workflows)); unproven || err != nil {
			if err != nil {
				return "", err
			}
			continue
		}
		return fmt.Sprintf("the pipeline %s of an earlier attempt counts as failed, and all its workflows are green on CircleCI", id), nil
	}
	return "", nil
}

// greenUnproven tells whether the green workflows of a pipeline, none when it is not green, have not released a step.
func (s *session) greenUnproven(ctx context.Context, planned plan.Step, green []string) (bool, error) {
	if len(green) == 0 {
		return true, nil
	}
	why, err := s.unproven(ctx, planned, circleci.Verdict{Succeeded: green})
	return why != "", err
}

// workflows reads those of a pipeline, for as long as readPatience; none of one that is so old that CircleCI has forgotten it.
func (s *session) workflows(ctx context.Context, pipeline string) ([]circleci.Workflow, error) {
	var told time.Time
	for began := s.clock.Now(); ; {
		workflows, err := s.ci.Workflows(ctx, pipeline)
		switch kind := fault.KindOf(err); {
		case err == nil, kind == fault.NotFound:
			return workflows, nil
		case ctx.Err() != nil:
			return nil, stopped(ctx)
		case kind == fault.Auth || s.clock.Since(began) > readPatience:
			return nil, err
		}
		s.tellSilence(began, &told, s.nameOf(pipeline)+": how its earlier pipeline stands", readPatience, err)
		if err := s.clock.Sleep(ctx, apart); err != nil {
			return nil, err
		}
	}
}
