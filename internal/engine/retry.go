package engine

import (
	"context"
	"errors"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// Retry is a failed workflow of a step's pipeline that can be run again from what failed, as CircleCI shows it.
type Retry struct {
	Step     run.Step
	Workflow circleci.Workflow
	Others   []circleci.Workflow // of its pipeline, that have failed, too
	Commit   string              // of the pipeline; "" where CircleCI does not say

	before []circleci.Workflow
}

// Again returns the workflow that the retry has become.
type Again struct {
	Retry
	ID string // of the new workflow; "" where CircleCI does not say
}

// FindRetry reads the pipeline of a step. Faults: Invalid "no-retry" where nothing can be run again from what failed; those of
// the client.
func FindRetry(ctx context.Context, clock Clock, ci *circleci.Client, st run.Step) (Retry, error) {
	workflows, err := ci.Workflows(ctx, st.Pipeline.ID)
	if err != nil {
		return Retry{}, err
	}
	p, err := ci.Pipeline(ctx, st.Pipeline.ID)
	if err != nil {
		return Retry{}, err
	}
	failures := circleci.Failures(workflows)
	v := circleci.Judge(p, workflows)
	switch {
	case len(p.Errors) > 0 || p.State == circleci.PipelineErrored:
		return Retry{}, noRetry(st, "has a build error, so that there is no workflow to run again (%s)", v.Reason).
			Hint("mend its .circleci/config.yml; %s then starts it anew", fault.Next{Action: fault.Resume})
	case len(failures) == 0 && v.State == circleci.Succeeded:
		return Retry{}, noRetry(st, "has succeeded on CircleCI").
			Hint("%s notes that, and says what is missing", fault.Next{Action: fault.Resume})
	case len(failures) == 0 && v.State != circleci.Failed:
		return Retry{}, noRetry(st, "runs (%s)", v.Reason).Hint("look at %s", st.Pipeline.URL)
	case len(failures) == 0:
		return Retry{}, noRetry(st, "cannot be run again from what failed: %s", v.Reason).
			Hint("%s starts it anew", fault.Next{Action: fault.Resume})
	case clock.Since(failures[0].CreatedAt) > circleci.RerunWithin:
		return Retry{}, noRetry(st, "is older than 90 days: CircleCI runs it no more").
			Hint("%s starts it anew", fault.Next{Action: fault.Resume})
	}
	return Retry{Step: st, Workflow: failures[0], Others: failures[1:], Commit: p.Revision, before: workflows}, nil
}

func noRetry(st run.Step, format string, args ...any) *fault.Fault {
	return fault.New(fault.Invalid, "no-retry", "pipeline %d of %s %s "+format, append([]any{st.Pipeline.Number, st.ID.Component(), st.ID.Version()}, args...)...)
}

// Send asks CircleCI, once, to run it again, and returns when CircleCI lists the new workflow, so that whoever reads the pipeline from
// then on sees it; it looks for a minute, also where the answer was lost. Faults: those of
// the client; Decision "retry-unknown" where nothing is found.
func (r Retry) Send(ctx context.Context, clock Clock, ci *circleci.Client) (Again, error) {
	id, err := ci.RerunFailed(ctx, r.Workflow.ID)
	failed, ok := errors.AsType[*circleci.TriggerError](err)
	if err != nil && (!ok || failed.Outcome != circleci.Uncertain) {
		return Again{}, err
	}
	for began := clock.Now(); clock.Since(began) < lookUpFor; {
		workflows, unread := ci.Workflows(ctx, r.Step.Pipeline.ID)
		if next, found := circleci.Successor(r.Workflow, r.before, workflows); unread == nil && found {
			return Again{r, next.ID}, nil
		}
		if clock.Sleep(ctx, time.Second) != nil {
			return Again{}, stopped(ctx)
		}
	}
	if err == nil {
		return Again{r, id}, nil
	}
	return Again{}, fault.New(fault.Decision, "retry-unknown", "CircleCI did not say whether it runs %s of %s again, and shows no new workflow", r.Workflow.Name, r.Step.ID.Component()).
		Because(err).Hint("look at %s: where nothing runs, %s", r.Step.Pipeline.URL, fault.Again())
}

// Await reads the pipeline until it has ended, and returns how; told gets each change in a word. It has no time limit.
func (a Again) Await(ctx context.Context, clock Clock, ci *circleci.Client, told func(circleci.Verdict)) (circleci.Verdict, error) {
	var last circleci.Verdict
	for silent := clock.Now(); ; {
		v, err := a.verdict(ctx, ci)
		switch {
		case ctx.Err() != nil:
			return v, stopped(ctx)
		case err != nil && (fault.KindOf(err) != fault.Remote || clock.Since(silent) > readPatience):
			return v, err
		case err == nil:
			silent = clock.Now()
			if v.State != last.State {
				told(v)
			}
			if last = v; v.State == circleci.Succeeded || v.State == circleci.Failed {
				return v, nil
			}
		}
		if clock.Sleep(ctx, 5*time.Second) != nil {
			return v, stopped(ctx)
		}
	}
}

// verdict reads the pipeline. While the list of workflows does not yet have the new one, it is as if that ran.
func (a Again) verdict(ctx context.Context, ci *circleci.Client) (circleci.Verdict, error) {
	workflows, err := ci.Workflows(ctx, a.Step.Pipeline.ID)
	if err != nil {
		return circleci.Verdict{}, err
	}
	p, err := ci.Pipeline(ctx, a.Step.Pipeline.ID)
	if err != nil {
		return circleci.Verdict{}, err
	}
	if _, there := circleci.Successor(a.Workflow, a.before, workflows); !there {
		return circleci.Verdict{State: circleci.Running}, nil
	}
	return circleci.Judge(p, workflows), nil
}
