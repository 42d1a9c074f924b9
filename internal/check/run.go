package check

import (
	"cmp"
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// maxAtOnce is how many components are checked at the same time. Each sends GitHub four requests at once, and GitHub wants no
// more than 100 (docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api).
const maxAtOnce = 20

// Question is what Run checks and whom it asks. A field may be left out: the report then says once what was not checked for
// want of it.
type Question struct {
	Plan    *plan.Plan
	State   *run.State   // of the run; nil when there is none. Run checks only what the run is still to trigger
	Options plan.Options // that Plan was made with
	ByGraph bool         // the release would go by the graph, also where Plan is by waves, because it could not be prepared
	DryRun  bool         // the pipelines are told that it is a dry run
	// ParameterAt gives the place in gio.yaml (file:line:column) that decides a component's pipeline parameter, and how the value is
	// written there; "" where gio.yaml does not set it. Nil knows no place.
	ParameterAt func(component, name string) (where, written string)

	CI       *circleci.Client
	NoCI     string // why CI is nil
	GitHub   *github.Client
	NoGitHub string // why GitHub is nil
	Files    *Files // what was read of GitHub to make the plan; nil reads anew
	Repo     *gitrepo.Repo
	Release  string // the release repository on GitHub, "org/name"; "" when it is elsewhere
	Job      Job    // the CircleCI job that gio runs in
	// Refs are what the release writes to its repository, from its start to its end: each is proven.
	Refs []plan.Ref

	Path string // of release.json in the repository

	// Manifest asks for the findings that are only worth knowing, too: the other release branches, and new commits of components
	// that stay as they are. Run fetches Repo again for them.
	Manifest *manifest.Manifest

	// Known tells whether a run of the journal, whichever, has a pipeline, and knows that it has succeeded. Nil knows none.
	Known  func(pipeline string) (owned, over bool)
	Opened time.Time // when the version was opened for development; zero where nothing says it

	Skip    []string  // codes whose errors keep nothing from starting
	Earlier []Finding // what was found before, while the plan was made: it belongs to the report
}

// Job is where gio runs, as CircleCI's variables say it.
type Job struct {
	Project string // slug; "" outside of CircleCI
	Branch  string
}

// Run answers a question: it checks everything at once and reports what it found. Its only error is the cause of a context
// that ended.
func Run(ctx context.Context, q Question) (Report, error) {
	began := time.Now()
	i := &inspection{Question: q}
	for _, f := range q.Earlier {
		i.add(f)
	}
	steps := q.toTrigger(ctx)
	together(
		func() { i.checkCircleCI(ctx, steps) },
		func() { i.checkComponents(ctx, steps) },
		func() { i.checkArchived(ctx, steps) },
		func() { i.checkReleaseRepository(ctx) },
		func() { i.checkExtras(ctx, steps) },
	)
	if ctx.Err() != nil {
		return Report{}, context.Cause(ctx)
	}
	i.addFailures()
	return Report{Findings: sorted(skipped(i.findings, q.Skip)), Components: len(steps), began: began, first: q.firstWave(steps)}, nil
}

// inspection is one call of Run: the question, and what has been found so far. Its methods may be called concurrently.
type inspection struct {
	Question

	mu       sync.Mutex
	findings []Finding
	failures []failure
}

// add adds a finding. Its severity and kind are those of its code, unless it says others.
func (i *inspection) add(f Finding) {
	rule := rules[indexOf(f.Code)]
	f.Severity = cmp.Or(f.Severity, rule.Severity)
	f.kind = cmp.Or(f.kind, rule.Kind)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.findings = append(i.findings, f)
}

// toTrigger lists the steps that the run is still to trigger. A step that has a pipeline, or may have one, may have its tag
// and its next version already: that is the run's business, not the check's.
func (q Question) toTrigger(ctx context.Context) []plan.Step {
	if q.Plan == nil {
		return nil
	}
	steps := q.Plan.Steps()
	if q.State == nil {
		return steps
	}
	open := make([]bool, len(steps))
	forEach(steps, func(n int, st plan.Step) { open[n] = q.isToTrigger(ctx, q.State.Step(st.ID())) })
	var remaining []plan.Step
	for n, st := range steps {
		if open[n] {
			remaining = append(remaining, st)
		}
	}
	return remaining
}

// isToTrigger tells whether the run is still to trigger a step. A failed one is not, when somebody has re-run its pipeline on
// CircleCI and it has not failed again; where that cannot be read, it is.
func (q Question) isToTrigger(ctx context.Context, st run.Step) bool {
	switch st.Status {
	case run.Pending, run.WasSkipped:
		return true
	case run.HasFailed:
		if st.Pipeline.ID == "" || q.CI == nil {
			return true
		}
		workflows, err := q.CI.Workflows(ctx, st.Pipeline.ID)
		if err != nil {
			return true
		}
		p, err := q.CI.Pipeline(ctx, st.Pipeline.ID)
		return err != nil || circleci.Judge(p, workflows).State == circleci.Failed
	case run.Intended, run.Running, run.OnHold, run.HasSucceeded, run.IsUnknown:
	}
	return false
}

// firstWave is the ids of those of the steps that are triggered first.
func (q Question) firstWave(steps []plan.Step) map[plan.StepID]bool {
	if len(steps) == 0 {
		return nil
	}
	wanted, first := map[plan.StepID]bool{}, map[plan.StepID]bool{}
	for _, st := range steps {
		wanted[st.ID()] = true
	}
	for _, w := range q.Plan.Waves {
		for _, st := range w.Steps {
			if wanted[st.ID()] {
				first[st.ID()] = true
			}
		}
		if len(first) > 0 {
			break
		}
	}
	return first
}

// together does all tasks at the same time and waits for them.
func together(tasks ...func()) {
	var wg sync.WaitGroup
	for _, task := range tasks {
		wg.Go(task)
	}
	wg.Wait()
}

// forEach calls do for each item, for maxAtOnce of them at the same time, and waits for all.
func forEach[T any](items []T, do func(n int, item T)) {
	var g errgroup.Group
	g.SetLimit(maxAtOnce)
	for n, item := range items {
		g.Go(func() error {
			do(n, item)
			return nil
		})
	}
	_ = g.Wait() // nothing of it fails
}
