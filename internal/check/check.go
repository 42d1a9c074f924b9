package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

const (
	// most components are looked at at once; each asks GitHub for four things at once, and it wants no more than 100
	// (docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api).
	most = 20
	// fresh is how long what was found of the first wave holds: it is triggered right behind the check, and what GitHub
	// allows in a minute is mostly used up by then.
	fresh = 15 * time.Second
)

// Check is what is looked at and who is asked. All but Plan may be left out: what cannot be asked then is said once.
type Check struct {
	Plan    *plan.Plan
	State   *run.State   // of the run; nil for none: only what is still to be triggered is looked at
	Options plan.Options // that Plan was made with
	DryRun  bool         // the pipelines are told that it is a dry run

	CI       *circleci.Client
	NoCI     string // why CI is nil
	GitHub   *github.Client
	NoGitHub string // why GitHub is nil
	Repo     *gitrepo.Repo
	Release  string // the release repository on GitHub, "org/name"; "" where it is elsewhere
	Job      Job    // the CircleCI job that gio runs in

	// Manifest and Path ask, besides, for what is only worth knowing: other release branches, and commits of components
	// that stay as they are. Repo is fetched anew for it.
	Manifest *manifest.Manifest
	Path     string // of release.json in the repository

	Skip []string // codes whose errors keep nothing from starting

	looked time.Time       // when Run began
	first  map[string]bool // the ids of the steps of the first wave that Run looked at

	mu        sync.Mutex
	findings  []Finding
	unchecked []unchecked
}

// Job is where gio runs, as CircleCI's variables say it.
type Job struct {
	Project string // slug; "" outside of CircleCI
	Branch  string
}

// unchecked is something that was not looked at, and why.
type unchecked struct {
	what, component string
	err             error
}

// Run looks at everything, and gives what it found together with earlier findings. Its only error is the cause of a context
// that ended.
func (c *Check) Run(ctx context.Context, earlier ...Finding) (Report, error) {
	for _, f := range earlier {
		c.add(f)
	}
	c.looked = time.Now()
	steps := c.toTrigger(ctx)
	c.first = c.firstWave(steps)
	var g errgroup.Group
	for _, look := range []func(context.Context, []plan.Step){c.circle, c.components, c.archives, c.releaseRepository, c.besides} {
		g.Go(func() error {
			look(ctx, steps)
			return nil
		})
	}
	_ = g.Wait() // what went wrong is a finding
	if ctx.Err() != nil {
		return Report{}, context.Cause(ctx)
	}
	c.sayUnchecked()
	r := Report{Findings: slices.Clone(c.findings), Components: len(steps)}
	if r.Findings == nil {
		r.Findings = []Finding{} // for JSON
	}
	r.sort()
	r.Skip(c.Skip)
	return r, nil
}

// add notes a finding. Its severity is that of its code unless it says one.
func (c *Check) add(f Finding) {
	rule := rules[place(f.Code)]
	f.Severity = cmp.Or(f.Severity, rule.Severity)
	f.kind = cmp.Or(f.kind, rule.Kind)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.findings = append(c.findings, f)
}

// unable notes that something could not be looked at.
func (c *Check) unable(what, component string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unchecked = append(c.unchecked, unchecked{what, component, err})
}

// sayUnchecked says once for each reason what was not looked at.
func (c *Check) sayUnchecked() {
	said := map[string]bool{}
	for _, u := range c.unchecked {
		code := fault.CodeOf(u.err)
		if said[u.what+code] {
			continue
		}
		said[u.what+code] = true
		var names []string
		for _, other := range c.unchecked {
			if other.component != "" && other.what == u.what && fault.CodeOf(other.err) == code {
				names = append(names, other.component)
			}
		}
		slices.Sort(names)
		of := ""
		if names = slices.Compact(names); len(names) > 0 {
			of = " of " + few(names)
		}
		c.add(Finding{
			Code: NotChecked, Severity: Error, kind: kindOf(u.err), What: fmt.Sprintf("not checked: %s%s: %s", u.what, of, oneLine(u.err)),
			Do: fmt.Sprintf("try again; `gio release --skip-check %s` goes on without", NotChecked),
		})
	}
}

// kindOf is the kind of what keeps a check from being made: not allowed, or a remote that does not answer.
func kindOf(err error) fault.Kind {
	if kind := fault.KindOf(err); kind == fault.Auth {
		return kind
	}
	return fault.Remote
}

func few(names []string) string {
	if len(names) <= 4 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
}

// oneLine is an error without its line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// toTrigger lists the steps that this run is still to trigger. One that has a pipeline, or may have one, may have its tag
// and its next version already: it is the run's business, not the check's.
func (c *Check) toTrigger(ctx context.Context) []plan.Step {
	if c.Plan == nil {
		return nil
	}
	steps := c.Plan.Steps()
	if c.State == nil {
		return steps
	}
	open := make([]bool, len(steps))
	var g errgroup.Group
	g.SetLimit(most)
	for i, st := range steps {
		g.Go(func() error {
			open[i] = c.isToTrigger(ctx, c.State.Step(run.StepID(st.ID())))
			return nil
		})
	}
	_ = g.Wait() // nothing of it fails
	return slices.Collect(func(yield func(plan.Step) bool) {
		for i, st := range steps {
			if open[i] && !yield(st) {
				return
			}
		}
	})
}

// firstWave is those of the steps that come first, by id.
func (c *Check) firstWave(steps []plan.Step) map[string]bool {
	if c.Plan == nil {
		return nil
	}
	looked := map[string]bool{}
	for _, st := range steps {
		looked[st.ID()] = true
	}
	for _, w := range c.Plan.Waves {
		first := map[string]bool{}
		for _, st := range w.Steps {
			if looked[st.ID()] {
				first[st.ID()] = true
			}
		}
		if len(first) > 0 {
			return first
		}
	}
	return nil
}

// isToTrigger: of a failed pipeline, whether nobody has re-run it on CircleCI since, as far as can be read.
func (c *Check) isToTrigger(ctx context.Context, st run.Step) bool {
	switch st.Status {
	case run.Pending, run.WasSkipped:
		return true
	case run.HasFailed:
		if st.Pipeline.ID == "" || c.CI == nil {
			return true
		}
		workflows, err := c.CI.Workflows(ctx, st.Pipeline.ID)
		if err != nil {
			return true
		}
		p, err := c.CI.Pipeline(ctx, st.Pipeline.ID)
		return err != nil || circleci.Judge(p, workflows).State == circleci.Failed
	case run.Intended, run.Running, run.OnHold, run.HasSucceeded, run.IsUnknown:
	}
	return false
}
