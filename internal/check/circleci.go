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
	workflowWait = 5 * time.Minute // a pipeline that has no workflow by then gets none
	maxListed    = 500             // pipelines of the token's user that are looked through
)

// checkCircleCI asks CircleCI: one request for each project, and one list for each organization.
func (i *inspection) checkCircleCI(ctx context.Context, steps []plan.Step) {
	if i.CI == nil {
		i.add(Finding{Code: NotChecked, What: "not checked without CircleCI: token, projects, auto-cancel, running pipelines", Do: i.NoCI})
		i.checkUndefined(steps)
		return
	}
	me, err := i.CI.Me(ctx)
	if err != nil {
		i.add(tokenFinding(err))
		i.checkUndefined(steps)
		return
	}
	tasks := []func(){func() { i.checkOwnJob(ctx) }}
	for project, members := range groupBy(steps, func(st plan.Step) string { return st.Project }) {
		tasks = append(tasks, func() { i.checkProject(ctx, project, members) })
	}
	for organization, members := range groupBy(steps, organizationOf) {
		tasks = append(tasks, func() { i.checkRunning(ctx, organization, me, members) })
	}
	together(tasks...)
}

// tokenFinding is the finding when CircleCI does not say whose the token is.
func tokenFinding(err error) Finding {
	if fault.KindOf(err) == fault.Auth {
		return Finding{Code: Token, Where: "CIRCLE_TOKEN", What: oneLine(err), Do: firstHint(err)}
	}
	return Finding{
		Code: NotChecked, Severity: Error, Do: cmp.Or(firstHint(err), tryAgain),
		What: "not checked: token, projects, auto-cancel, running pipelines: " + oneLine(err),
	}
}

// groupBy groups steps by a key.
func groupBy(steps []plan.Step, key func(plan.Step) string) map[string][]plan.Step {
	groups := map[string][]plan.Step{}
	for _, st := range steps {
		groups[key(st)] = append(groups[key(st)], st)
	}
	return groups
}

// organizationOf is CircleCI's slug of the organization that a step's project belongs to: gh/org.
func organizationOf(st plan.Step) string {
	provider, rest, _ := strings.Cut(plan.ShortSlug(st.Project), "/")
	organization, _, _ := strings.Cut(rest, "/")
	return provider + "/" + organization
}

// checkProject checks that CircleCI knows a project, its settings and its pipeline definitions. To read the settings answers both, as long as they can
// be read.
func (i *inspection) checkProject(ctx context.Context, slug string, steps []plan.Step) {
	settings, err := i.CI.Settings(ctx, slug)
	if hidden(err) { // the settings are, or the whole project
		_, err = i.CI.Project(ctx, slug)
	}
	if err == nil {
		i.checkDefinitions(ctx, slug, steps)
	}
	for _, st := range steps {
		switch {
		case hidden(err):
			i.add(Finding{
				Code: ProjectUnknown, Component: st.Component, Where: slug, What: "CircleCI knows no such project, or the token cannot see it",
				Do: "set it up on CircleCI, or give the token's user access; gio.yaml can name another one (project: under the component's name)",
			})
		case err != nil:
			i.addFailure("the CircleCI project", st.Component, err)
		case settings.Autocancel && !i.onDefaultBranch(st):
			i.add(Finding{
				Code: AutoCancel, Component: st.Component, Where: slug + " " + st.Branch,
				What: "auto-cancel is on: a push to its branch, the release job's own too, cancels the pipeline",
				Do:   "turn off \"Auto-cancel redundant workflows\" in the project's settings, or push nothing there meanwhile",
			})
		}
	}
}

// hidden tells of an error whether it is the answer about something that does not exist or that the token may not read.
func hidden(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.NotFound || kind == fault.Auth
}

// onDefaultBranch tells whether a step is built from the default branch of its repository: auto-cancel spares that one
// (contracts/circleci.md 2.7).
func (i *inspection) onDefaultBranch(st plan.Step) bool {
	return st.Branch == cmp.Or(i.Options.DefaultBranches[st.Project], i.Options.ComponentMain, i.Options.MainBranch)
}

// checkOwnJob checks that gio's own push of the release does not cancel the job that gio runs in.
func (i *inspection) checkOwnJob(ctx context.Context) {
	if i.Job.Project == "" || i.Plan == nil || i.Job.Branch != i.Plan.Branch || i.Job.Branch == i.Options.MainBranch {
		return
	}
	settings, err := i.CI.Settings(ctx, i.Job.Project)
	if err != nil {
		return // the token need not see the project that gio runs in
	}
	if settings.Autocancel {
		i.add(Finding{
			Code: AutoCancel, Where: i.Job.Project + " " + i.Job.Branch,
			What: "auto-cancel is on for the job that gio runs in: a push to the release branch, gio's own at the end too, cancels it",
			Do:   "turn off \"Auto-cancel redundant workflows\" in the release repository's project; a cancelled run is finished by the same command",
		})
	}
}

// checkRunning checks that no pipeline of the token's user, which is not this run's, still runs on the branch of a step, or has
// released it already: the two could release the same version, and auto-cancel would end the first. However old a pipeline is,
// it may wait for an approval.
func (i *inspection) checkRunning(ctx context.Context, organization string, me circleci.User, steps []plan.Step) {
	var g errgroup.Group
	g.SetLimit(maxAtOnce)
	listed := 0
	for p, err := range i.CI.Mine(ctx, organization) {
		if err != nil {
			i.addFailure("running pipelines in "+organization, "", err)
			break
		}
		if listed++; listed > maxListed { // the list is newest first
			i.add(Finding{
				Code: NotChecked, Severity: Note, Where: organization,
				What: fmt.Sprintf("older pipelines of %s are not checked: %d were looked through, the last of %s", me.Login, maxListed, p.CreatedAt.UTC().Format(time.DateOnly)),
			})
			break
		}
		affected := i.affected(p, me.Login, steps)
		if len(affected) == 0 {
			continue
		}
		owned, over := i.known(p.ID) // reads the journal, so it is asked last
		if over {
			continue
		}
		g.Go(func() error {
			i.checkPipeline(ctx, p, affected, me, owned)
			return nil
		})
	}
	_ = g.Wait() // nothing of it fails
}

// known tells whether a run of the journal has a pipeline, and knows that it is over.
func (i *inspection) known(pipeline string) (owned, over bool) {
	if i.Known == nil {
		return false, false
	}
	return i.Known(pipeline)
}

// affected lists the steps that a pipeline gets in the way of, should it run: those whose own it could be, as far as it says.
// The run's own gets in nobody's way.
func (i *inspection) affected(p circleci.Pipeline, login string, steps []plan.Step) []plan.Step {
	if p.State == circleci.PipelineErrored {
		return nil
	}
	if i.State != nil {
		if _, own := i.State.Owner(p.ID); own {
			return nil
		}
	}
	return slices.DeleteFunc(slices.Clone(steps), func(st plan.Step) bool {
		return plan.ShortSlug(st.Project) != plan.ShortSlug(p.Project) || match(p, login, st) == circleci.NotOurs
	})
}

func match(p circleci.Pipeline, login string, st plan.Step) circleci.Match {
	return circleci.MatchOf(p, circleci.Query{Logins: []string{login}, Branch: st.Branch})
}

// checkPipeline checks that a pipeline has ended, for the steps that it gets in the way of, and that it has released none of
// them.
func (i *inspection) checkPipeline(ctx context.Context, p circleci.Pipeline, steps []plan.Step, me circleci.User, owned bool) {
	workflows, err := i.CI.Workflows(ctx, p.ID)
	if err != nil {
		i.addFailure("whether a pipeline runs", steps[0].Component, err)
		return
	}
	v := circleci.Judge(p, workflows)
	url := circleci.PipelineURL(i.CI.Host(), p.Project, p.Number)
	switch {
	case v.State == circleci.Succeeded && !owned:
		i.checkReleased(p, url, me.Login, steps)
	case v.State == circleci.Succeeded, v.State == circleci.Failed, v.NoWorkflow && me.ServerTime.Sub(p.CreatedAt) > workflowWait:
	default:
		for _, st := range steps {
			i.add(Finding{
				Code: PipelineRunning, Component: st.Component, Where: url,
				What: fmt.Sprintf("pipeline %d of %s was triggered by %s and has not ended (%s); it is not this run's", p.Number, cmp.Or(p.Branch, "an unknown branch"), cmp.Or(p.Actor, "an unknown user"), v.State),
				Do:   "wait until it has ended, or cancel it on CircleCI",
			})
		}
	}
}

// checkReleased finds what has lost its journal: a step that nobody has begun, as far as the journal says, and a green pipeline
// that could be its release, younger than the version.
func (i *inspection) checkReleased(p circleci.Pipeline, url, login string, steps []plan.Step) {
	if i.DryRun || i.Opened.IsZero() || !p.CreatedAt.After(i.Opened) {
		return
	}
	for _, st := range steps {
		if i.State != nil && i.State.Step(st.ID()).Attempt > 0 || match(p, login, st) != circleci.Ours {
			continue
		}
		i.add(Finding{
			Code: ReleasedUnknown, Component: st.Component, Where: url,
			What: fmt.Sprintf("pipeline %d of %s is green, %s triggered it since %s was opened, and no run knows it: has it released %s?", p.Number, p.Branch, p.Actor, i.Plan.Version, st.Version),
			Do:   fmt.Sprintf("when the journal was lost or put back, %s finds out; when it released something else, --skip-check %s", fault.Next{Action: fault.Doctor}, ReleasedUnknown),
		})
	}
}
