package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// reader reads one pipeline until what it says can be believed.
type reader struct {
	s  *session
	id string // of the pipeline

	answered time.Time // when CircleCI last answered
	itself   time.Time // when the pipeline itself was last read, not only its workflows; zero: never
	told     time.Time // when somebody was told that it cannot be read; zero: never
	rerunDue time.Time // since when an automatic re-run has been due

	names    int                       // how many names of workflows were seen, setup workflows left out
	appeared time.Time                 // when the last new one was
	ended    map[string][]circleci.Job // of workflows that have ended, by id: they do not change
	asked    bool                      // for the compiled configuration
	complete bool                      // every workflow of the compiled configuration had appeared when a success was first seen
}

// reader reads a pipeline that this session has just triggered, or read.
func (s *session) reader(u unit) *reader {
	now := s.clock.Now()
	return &reader{s: s, id: s.rec.step(u.ids[0]).Pipeline.ID, answered: now, itself: now}
}

// read gives the verdict of one reading. It goes on while CircleCI fails, or answers about something else, for as long as
// readPatience; a refused token ends it at once.
func (r *reader) read(ctx context.Context) (circleci.Verdict, error) {
	for {
		v, err := r.once(ctx)
		switch {
		case ctx.Err() != nil:
			return v, stopped(ctx)
		case err == nil:
			r.remember(v, r.s.clock.Now())
			r.askCompiled(ctx, v)
			return v, nil
		case fault.KindOf(err) == fault.Auth || r.s.clock.Since(r.answered) > readPatience:
			return v, err
		}
		r.s.tellSilence(r.answered, &r.told, r.s.nameOf(r.id)+": how its pipeline stands", readPatience, err)
		if err := r.s.clock.Sleep(ctx, clamp(r.s.clock.Since(r.answered)/10, soonest, apart)); err != nil {
			return v, err
		}
	}
}

// once reads workflows first and the pipeline after, so that it misses no workflow that appears between the two. While the
// workflows alone say that it runs, it reads the pipeline itself now and then only: that one may be errored all the same.
func (r *reader) once(ctx context.Context) (circleci.Verdict, error) {
	workflows, err := r.s.ci.Workflows(ctx, r.id)
	if err != nil {
		return circleci.Verdict{}, err
	}
	v := circleci.Judge(circleci.Pipeline{State: "created"}, workflows)
	goesOn := v.State == circleci.Running || v.State == circleci.OnHold
	if goesOn && !v.Unknown && r.s.clock.Since(r.itself) < itselfApart {
		return v, nil
	}
	p, err := r.s.ci.Pipeline(ctx, r.id)
	if err != nil {
		return circleci.Verdict{}, err
	}
	r.itself = r.s.clock.Now()
	return circleci.Judge(p, workflows), nil
}

// verdict reads a pipeline that nobody watches, and its state in any case.
func (s *session) verdict(ctx context.Context, id string) (circleci.Verdict, error) {
	r := &reader{s: s, id: id, answered: s.clock.Now()}
	return r.read(ctx)
}

// remember notes that CircleCI answered, and when the last new workflow was there.
func (r *reader) remember(v circleci.Verdict, now time.Time) {
	r.answered = now
	if len(v.Names) > r.names {
		r.names, r.appeared = len(v.Names), now
	}
}

// askCompiled learns, when a success is seen early, whether the compiled configuration has other workflows, which may still
// appear. What CircleCI does not tell at once may be.
func (r *reader) askCompiled(ctx context.Context, v circleci.Verdict) {
	if r.asked || r.doubt(v, r.s.clock.Now()) == 0 {
		return
	}
	r.asked = true
	compiled, err := r.s.ci.CompiledWorkflows(ctx, r.id)
	r.complete = err == nil && len(compiled) > 0 && !slices.ContainsFunc(compiled, func(name string) bool { return !slices.Contains(v.Names, name) })
}

// doubt is how long a success must still be doubted, because another workflow may appear. Workflows appear one after the other,
// and nothing says which is the last. So the last new one must have been there for youngFor where all of the compiled
// configuration have appeared, else for lateFor; or have run for so long by CircleCI's own times.
func (r *reader) doubt(v circleci.Verdict, now time.Time) time.Duration {
	need := lateFor
	if r.complete {
		need = youngFor
	}
	if v.State != circleci.Succeeded || v.Lasted >= need {
		return 0
	}
	return max(need-now.Sub(r.appeared), 0)
}

// rememberRerun notes, of a pipeline that runs, since when an automatic re-run has been due.
func (r *reader) rememberRerun(v circleci.Verdict, now time.Time) {
	switch {
	case !v.RerunDue:
		r.rerunDue = time.Time{}
	case r.rerunDue.IsZero():
		r.rerunDue = now
	}
}

// rerunMissing tells that an automatic re-run was due and has not come.
func (r *reader) rerunMissing(now time.Time) bool {
	return !r.rerunDue.IsZero() && now.Sub(r.rerunDue) > rerunFor
}

// failure says where a pipeline failed: workflow, link, and job where CircleCI tells it.
func (s *session) failure(ctx context.Context, u unit, v circleci.Verdict) run.Event {
	e := run.Event{Code: "pipeline-failed", Reason: v.Reason, Workflow: v.Workflow.Name, Status: string(v.Workflow.Status)}
	e.URL = s.workflowURL(u, s.rec.step(u.ids[0]), v)
	if v.Workflow.ID == "" {
		return e
	}
	jobs, err := s.ci.Jobs(ctx, v.Workflow.ID)
	if err != nil {
		return e
	}
	if j, ok := failedJob(jobs); ok {
		e.Job = j.Name
		e.Output = s.ci.FailureOutput(ctx, u.steps[0].Project, j.Number)
	}
	return e
}

// failedJob is the job that made a workflow fail: the first kind that there is, as a cancelled job is seldom the cause.
func failedJob(jobs []circleci.Job) (circleci.Job, bool) {
	for _, status := range []string{"failed", "timedout", "infrastructure_fail", "terminated-unknown", "unauthorized", "canceled"} {
		if i := slices.IndexFunc(jobs, func(j circleci.Job) bool { return j.Status == status }); i >= 0 {
			return jobs[i], true
		}
	}
	return circleci.Job{}, false
}

func (s *session) workflowURL(u unit, st run.Step, v circleci.Verdict) string {
	if v.Workflow.ID == "" {
		return st.Pipeline.URL
	}
	return circleci.WorkflowURL(s.ci.Host(), u.steps[0].Project, st.Pipeline.Number, v.Workflow.ID)
}

// ApprovalLeft is the code of a failure: a workflow has failed, or is failing, and all that is left of the pipeline waits for a
// person.
const ApprovalLeft = "approval-left"

// loss is what a reading tells of a pipeline that has not ended and can only succeed if somebody re-runs it.
type loss struct {
	job   string   // that failed; "" where CircleCI does not tell it
	waits []string // for an approval
	over  bool     // nothing else is left
}

// lookAtLoss reads the jobs of the workflows that are failing, and of the one that is lost: that what is left of a workflow only
// waits for approvals stands nowhere else (contracts/circleci.md 2). A pipeline that is failing and waits is on hold; when
// CircleCI re-runs it by itself afterwards, nothing is lost yet.
func (r *reader) lookAtLoss(ctx context.Context, v *circleci.Verdict) loss {
	if v.State != circleci.Running && v.State != circleci.OnHold || len(v.Failing) == 0 && !v.IsLost() {
		return loss{}
	}
	var l loss
	onlyApprovals := !v.OthersRun
	look := slices.Clone(v.Failing)
	if v.IsLost() && !slices.Contains(look, v.Lost) {
		look = append(look, v.Lost)
	}
	for _, w := range look {
		jobs, err := r.jobs(ctx, w)
		if j, ok := failedJob(jobs); ok && w == v.Lost {
			l.job = j.Name
		}
		for _, j := range jobs {
			if j.Waits() {
				l.waits = append(l.waits, j.Name)
			}
		}
		if w.Status == circleci.StatusFailing {
			onlyApprovals = onlyApprovals && err == nil && circleci.OnlyApprovalsLeft(jobs)
		}
	}
	if onlyApprovals {
		v.State = circleci.OnHold
	}
	l.over = v.State == circleci.OnHold && v.IsLost()
	return l
}

// jobs reads the jobs of a workflow, once when it has ended. While it is failing they change without its status.
func (r *reader) jobs(ctx context.Context, w circleci.Workflow) ([]circleci.Job, error) {
	if jobs, known := r.ended[w.ID]; known {
		return jobs, nil
	}
	jobs, err := r.s.ci.Jobs(ctx, w.ID)
	if err == nil && w.Status != circleci.StatusFailing {
		if r.ended == nil {
			r.ended = map[string][]circleci.Job{}
		}
		r.ended[w.ID] = jobs
	}
	return jobs, err
}

// said puts a loss into words, "" for none.
func (l loss) said(v circleci.Verdict) string {
	if !v.IsLost() || v.State == circleci.Failed {
		return ""
	}
	if len(l.waits) == 0 {
		return v.Reason
	}
	return fmt.Sprintf("%s; %s waits for an approval", v.Reason, strings.Join(l.waits, ", "))
}

// failLost fails a pipeline that has failed in part and whose other part waits for a person. While it waits, no later driver
// starts another one: the next attempt begins when it has ended.
func (w *watcher) failLost(ctx context.Context, v circleci.Verdict, l loss) error {
	reason := l.said(v) + ". It cannot succeed any more: cancel it on CircleCI, or give the approval, and a new attempt can begin"
	v.Workflow = v.Lost
	e := w.s.failure(ctx, w.u, v)
	e.Code, e.Reason = ApprovalLeft, reason
	return w.s.fail(ctx, w.u, e)
}
