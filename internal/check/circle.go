package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
)

const (
	longest    = 25 * time.Hour  // that a pipeline runs, with the longest hold that gio waits for
	noWorkflow = 5 * time.Minute // after which a pipeline without workflows gets none
	mostListed = 500             // pipelines of one user that are looked through
)

// circle asks CircleCI: one request for each project, and one list for each organization.
func (c *Check) circle(ctx context.Context, steps []plan.Step) {
	if c.CI == nil {
		c.add(Finding{Code: NotChecked, What: "not checked without CircleCI: token, projects, auto-cancel, running pipelines", Do: c.NoCI})
		return
	}
	me, err := c.CI.Me(ctx)
	if err != nil {
		c.add(tokenFinding(err))
		return
	}
	var g errgroup.Group
	for project, members := range by(steps, func(st plan.Step) string { return st.Project }) {
		g.Go(func() error {
			c.project(ctx, project, members)
			return nil
		})
	}
	for organization, members := range by(steps, organization) {
		g.Go(func() error {
			c.running(ctx, organization, me, members)
			return nil
		})
	}
	g.Go(func() error {
		c.ownJob(ctx)
		return nil
	})
	_ = g.Wait() // what went wrong is a finding
}

// tokenFinding is what it means that CircleCI does not say who we are.
func tokenFinding(err error) Finding {
	f := Finding{Code: Token, Where: "CIRCLE_TOKEN", What: oneLine(err), Do: hint(err)}
	if fault.KindOf(err) != fault.Auth {
		f = Finding{Code: NotChecked, Severity: Error, What: "not checked: token, projects, auto-cancel, running pipelines: " + oneLine(err), Do: hint(err)}
	}
	return f
}

// by groups steps.
func by(steps []plan.Step, key func(plan.Step) string) map[string][]plan.Step {
	groups := map[string][]plan.Step{}
	for _, st := range steps {
		groups[key(st)] = append(groups[key(st)], st)
	}
	return groups
}

// organization is CircleCI's slug of it: gh/org.
func organization(st plan.Step) string {
	provider, rest, _ := strings.Cut(canonical(st.Project), "/")
	org, _, _ := strings.Cut(rest, "/")
	return provider + "/" + org
}

// canonical is a slug as CircleCI's answers write it (contracts/circleci.md 5).
func canonical(slug string) string {
	for long, short := range map[string]string{"github/": "gh/", "bitbucket/": "bb/"} {
		if rest, found := strings.CutPrefix(slug, long); found {
			return short + rest
		}
	}
	return slug
}

// project reads the settings, which also tell whether CircleCI knows the project.
func (c *Check) project(ctx context.Context, slug string, steps []plan.Step) {
	settings, err := c.CI.Settings(ctx, slug)
	if kind := fault.KindOf(err); kind == fault.NotFound || kind == fault.Auth { // of the settings, or of the project
		_, err = c.CI.Project(ctx, slug)
	}
	for _, st := range steps {
		switch kind := fault.KindOf(err); {
		case kind == fault.NotFound || kind == fault.Auth:
			c.add(Finding{
				Code: ProjectUnknown, Component: st.Component, Where: slug, What: "CircleCI knows no such project, or the token cannot see it",
				Do: "set it up on CircleCI, or let the token's user see it; project: under its name in gio.yaml can say another one",
			})
		case err != nil:
			c.unable("the CircleCI project", st.Component, err)
		case settings.Autocancel && !c.isMain(st):
			c.add(Finding{
				Code: AutoCancel, Component: st.Component, Where: slug + " " + st.Branch,
				What: "auto-cancel is on: a push to its branch, the release job's own too, cancels the pipeline",
				Do:   "turn off \"Auto-cancel redundant workflows\" in the project's settings, or push nothing there meanwhile",
			})
		}
	}
}

// isMain tells whether a step is built from its default branch, which auto-cancel spares (contracts/circleci.md 2.7).
func (c *Check) isMain(st plan.Step) bool {
	return st.Branch == cmp.Or(c.Options.DefaultBranches[st.Project], c.Options.ComponentMain, c.Options.MainBranch)
}

// ownJob: gio's own push of the release would cancel the job it runs in.
func (c *Check) ownJob(ctx context.Context) {
	if c.Job.Project == "" || c.Plan == nil || c.Job.Branch != c.Plan.Branch || c.Job.Branch == c.Options.MainBranch {
		return
	}
	settings, err := c.CI.Settings(ctx, c.Job.Project)
	if err != nil {
		return // the token need not see the project that gio runs in
	}
	if settings.Autocancel {
		c.add(Finding{
			Code: AutoCancel, Where: c.Job.Project + " " + c.Job.Branch,
			What: "auto-cancel is on for the job that gio runs in: a push to the release branch, gio's own at the end too, cancels it",
			Do:   "turn off \"Auto-cancel redundant workflows\" in the release repository's project; a cancelled run is finished by the same command",
		})
	}
}

// running looks for pipelines of the token's user on the branches of the steps that have not ended and are not this run's:
// a second one could release the same version, and auto-cancel would end the first.
func (c *Check) running(ctx context.Context, organization string, me circleci.User, steps []plan.Step) {
	now := me.ServerTime
	var g errgroup.Group
	g.SetLimit(most)
	listed := 0
	for p, err := range c.CI.Mine(ctx, organization) {
		if err != nil {
			c.unable("running pipelines in "+organization, "", err)
			break
		}
		if listed++; listed > mostListed || !p.CreatedAt.IsZero() && now.Sub(p.CreatedAt) > longest {
			break
		}
		mine := c.concerned(p, me.Login, steps)
		if len(mine) == 0 {
			continue
		}
		g.Go(func() error {
			c.runningPipeline(ctx, p, mine, now)
			return nil
		})
	}
	_ = g.Wait() // what went wrong is a finding
}

// concerned lists the steps on whose branch such a pipeline runs, none for one that is this run's own.
func (c *Check) concerned(p circleci.Pipeline, login string, steps []plan.Step) []plan.Step {
	if p.Trigger != "api" || !strings.EqualFold(p.Actor, login) || p.State == circleci.PipelineErrored {
		return nil
	}
	if c.State != nil {
		if _, own := c.State.Owner(p.ID); own {
			return nil
		}
	}
	return slices.DeleteFunc(slices.Clone(steps), func(st plan.Step) bool {
		return canonical(st.Project) != canonical(p.Project) || st.Branch != p.Branch
	})
}

func (c *Check) runningPipeline(ctx context.Context, p circleci.Pipeline, steps []plan.Step, now time.Time) {
	workflows, err := c.CI.Workflows(ctx, p.ID)
	if err != nil {
		c.unable("whether a pipeline runs", steps[0].Component, err)
		return
	}
	v := circleci.Judge(p, workflows)
	switch v.State {
	case circleci.Succeeded, circleci.Failed:
		return
	case circleci.Waiting:
		if v.NoWorkflow && now.Sub(p.CreatedAt) > noWorkflow {
			return
		}
	case circleci.Running, circleci.OnHold:
	}
	for _, st := range steps {
		c.add(Finding{
			Code: PipelineRunning, Component: st.Component, Where: circleci.PipelineURL(c.CI.Host(), p.Project, p.Number),
			What: fmt.Sprintf("pipeline %d of %s was triggered by %s and has not ended (%s); it is not this run's", p.Number, p.Branch, p.Actor, v.State),
			Do:   "wait until it has ended, or cancel it on CircleCI",
		})
	}
}

// hint is the first hint of an error, "" without any.
func hint(err error) string {
	if hints := hintsOf(err); len(hints) > 0 {
		return hints[0]
	}
	return ""
}
