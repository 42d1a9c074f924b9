package operate

import (
	"context"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// LogWish says what of a component's pipelines is to be read.
type LogWish struct {
	Component string
	Attempt   int    // from 1; 0 is the newest
	Job       string // JOB or WORKFLOW/JOB; "" is what failed, else what runs
	Step      string // a name, or a part of one; "" is what failed, else what runs, else all
}

// Log is the pipeline of a component, and what of it is to be read.
type Log struct {
	Snapshot
	Step     run.Step
	Attempt  int // that many pipelines it had, this one included
	Pipeline circleci.Pipeline
	URL      string   // of the pipeline on CircleCI
	Jobs     []LogJob // what was wished for, or failed, or runs
	Others   []LogJob // where Jobs is empty, all there are
	Waits    []LogJob // approvals that somebody must give

	wish LogWish
	ci   *circleci.Client
}

// LogJob is a job of the newest workflow of its name.
type LogJob struct {
	circleci.Job
	Workflow circleci.Workflow
	URL      string // on CircleCI
}

// Name returns WORKFLOW/JOB.
func (j LogJob) Name() string { return j.Workflow.Name + "/" + j.Job.Name }

// FindLog finds what is to be read. Faults: those of engine.PipelineOf; NotFound "no-attempt" and "no-job".
func FindLog(ctx context.Context, s Setup, sel Selector, wish LogWish) (*Log, error) {
	k, ci, err := s.withCircleCI(ctx, sel)
	if err != nil {
		return nil, err
	}
	st, err := engine.PipelineOf(k.State, wish.Component)
	if err != nil {
		return nil, err
	}
	l := &Log{Snapshot: k, Step: st, wish: wish, ci: ci}
	pipelines := append(slices.Clone(st.Earlier), st.Pipeline.ID)
	if l.Attempt = wish.Attempt; l.Attempt == 0 {
		l.Attempt = len(pipelines)
	}
	if l.Attempt < 1 || l.Attempt > len(pipelines) {
		return nil, fault.New(fault.NotFound, "no-attempt", "%s %s has no attempt %d: it had %d", wish.Component, st.ID.Version(), wish.Attempt, len(pipelines)).
			Hint("leave --attempt out for the newest")
	}
	if l.Pipeline, err = ci.Pipeline(ctx, pipelines[l.Attempt-1]); err != nil {
		return nil, err
	}
	l.URL = circleci.PipelineURL(ci.Host(), l.Step.Project, l.Pipeline.Number)
	return l, l.read(ctx)
}

// read reads workflows and jobs anew, and chooses.
func (l *Log) read(ctx context.Context) error {
	workflows, err := l.ci.Workflows(ctx, l.Pipeline.ID)
	if err != nil {
		return err
	}
	var all []LogJob
	for _, w := range circleci.NewestOfEveryName(workflows) {
		jobs, err := l.ci.Jobs(ctx, w.ID)
		if err != nil && fault.KindOf(err) != fault.NotFound { // CircleCI forgets those of old workflows
			return err
		}
		for _, j := range jobs {
			all = append(all, LogJob{j, w, circleci.JobURL(l.ci.Host(), l.Step.Project, l.Pipeline.Number, w.ID, j.Number)})
		}
	}
	if l.Jobs, err = chosenJobs(all, l.wish); err != nil {
		return err
	}
	l.Others, l.Waits = nil, nil
	for _, j := range all {
		if len(l.Jobs) == 0 {
			l.Others = append(l.Others, j)
		}
		if j.Waits() {
			l.Waits = append(l.Waits, j)
		}
	}
	return nil
}

// chosenJobs are those that a wish names, else those that have failed, else the first that runs.
func chosenJobs(all []LogJob, wish LogWish) ([]LogJob, error) {
	pick := func(fits func(LogJob) bool) (picked []LogJob) {
		for _, j := range all {
			if fits(j) {
				picked = append(picked, j)
			}
		}
		return picked
	}
	if wish.Job != "" {
		named := pick(func(j LogJob) bool { return wish.Job == j.Job.Name || wish.Job == j.Name() })
		if len(named) == 0 {
			f := fault.New(fault.NotFound, "no-job", "%s has no job %q", wish.Component, wish.Job)
			for _, j := range all {
				f = f.Hint("--job %s", j.Name())
			}
			return nil, f
		}
		return named, nil
	}
	if failed := pick(func(j LogJob) bool { return circleci.JobFailed(j.Status) }); len(failed) > 0 {
		return failed, nil
	}
	running := pick(func(j LogJob) bool { return j.Status == "running" && j.Number > 0 })
	return running[:min(len(running), 1)], nil
}

// Steps reads the steps of a job that are to be shown: those of the wish, else those that failed, else what runs and what ran last
// before, else all that have output. Said is what CircleCI says of a job that it refused to run. Fault: NotFound "no-step".
func (l *Log) Steps(ctx context.Context, j LogJob) (steps []circleci.JobStep, said []string, err error) {
	if j.Number <= 0 {
		return nil, nil, nil
	}
	all, said, err := l.ci.Steps(ctx, l.Step.Project, j.Number)
	if err != nil {
		return nil, nil, err
	}
	steps, err = chosenSteps(all, l.wish.Step, j)
	return steps, said, err
}

func chosenSteps(all []circleci.JobStep, name string, j LogJob) ([]circleci.JobStep, error) {
	pick := func(fits func(circleci.JobStep) bool) []circleci.JobStep {
		return slices.DeleteFunc(slices.Clone(all), func(s circleci.JobStep) bool { return !fits(s) })
	}
	if name != "" {
		for _, fits := range []func(string) bool{
			func(of string) bool { return of == name },
			func(of string) bool { return strings.Contains(strings.ToLower(of), strings.ToLower(name)) },
		} {
			if named := pick(func(s circleci.JobStep) bool { return fits(s.Name) }); len(named) > 0 {
				return named, nil
			}
		}
		f := fault.New(fault.NotFound, "no-step", "the job %s has no step %q", j.Name(), name)
		for _, s := range all {
			f = f.Hint("--step %q", s.Name)
		}
		return nil, f
	}
	if failed := pick(func(s circleci.JobStep) bool { return s.Failed }); len(failed) > 0 {
		return failed, nil
	}
	withOutput := pick(circleci.JobStep.HasOutput)
	if j.Rests() {
		return withOutput, nil
	}
	running := pick(circleci.JobStep.Runs)
	if len(withOutput) > 0 && !slices.ContainsFunc(running, circleci.JobStep.HasOutput) {
		running = append(withOutput[len(withOutput)-1:], running...)
	}
	return running, nil
}

// Output reads what a step printed; see circleci.Client.Output.
func (l *Log) Output(ctx context.Context, s circleci.JobStep, each func(line string) error) error {
	return l.ci.Output(ctx, s, each)
}

// Again reads a job anew. Of one that CircleCI has lost meanwhile it returns what it was.
func (l *Log) Again(ctx context.Context, j LogJob) (LogJob, error) {
	jobs, err := l.ci.Jobs(ctx, j.Workflow.ID)
	if err != nil {
		return j, err
	}
	if i := slices.IndexFunc(jobs, func(now circleci.Job) bool { return now.ID == j.ID }); i >= 0 {
		j.Job = jobs[i]
	}
	return j, nil
}

// Following reads the steps of a job that is followed: those of the wish, else all.
func (l *Log) Following(ctx context.Context, j LogJob) ([]circleci.JobStep, error) {
	steps, _, err := l.ci.Steps(ctx, l.Step.Project, j.Number)
	if err != nil || l.wish.Step == "" {
		return steps, err
	}
	named, err := chosenSteps(steps, l.wish.Step, j)
	if fault.Is(err, "no-step") && !j.Rests() {
		return nil, nil // its turn may come
	}
	return named, err
}
