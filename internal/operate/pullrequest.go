package operate

import (
	"context"
	"strings"

	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// pullRequests stands for the path of the manifest in the journals of pull requests, which have none.
const pullRequests = "pull-request"

// PullRequestWorkspace returns the workspace of pull requests: their journals are kept on this machine.
func PullRequestWorkspace(o workspace.Options) workspace.Workspace {
	return workspace.OpenDirectory(o, pullRequests)
}

// PullRequest starts the pipelines that a branch of a component's repository needs, by the prefix of its name. The result is nil
// when the run did not begin.
func PullRequest(ctx context.Context, s Setup, e Ends, at workspace.PullRequest, takeOver bool) (*Result, error) {
	p, err := s.pullRequestPlan(ctx, e, at)
	if err != nil {
		return nil, err
	}
	return s.drivePlan(ctx, e, p, takeOver)
}

// reviewAction returns the gio_action that follows the build of a branch, "" for none; listed says that the table has its prefix.
func reviewAction(branch string) (action string, listed bool) {
	for _, row := range []struct{ prefixes, action string }{
		{"support- lts- sts-", "support_pr_review"},
		{"issue- fix- feat- feature-", "dev_pr_review"},
		{"snyk- dependabot-", ""},
	} {
		for _, prefix := range strings.Fields(row.prefixes) {
			if strings.HasPrefix(branch, prefix) {
				return row.action, true
			}
		}
	}
	return "", false
}

// pullRequestPlan plans the build and, for some branches, a review: after the build where a newer pipeline would cancel it.
func (s Setup) pullRequestPlan(ctx context.Context, e Ends, at workspace.PullRequest) (*plan.Plan, error) {
	p, err := pullRequestPipeline(at, "build")
	if err != nil {
		return nil, err
	}
	p.Product, p.Unwatched = "pull request", true
	p.Version = at.Repository + "-" + at.Branch
	if at.Commit != "" { // another commit is another run
		p.Version += "-" + at.Commit[:min(10, len(at.Commit))]
	}
	action, listed := reviewAction(at.Branch)
	if !listed {
		s.tell("%s has no prefix that asks for a review: only the build is started", at.Branch)
	}
	if action == "" {
		return p, nil
	}
	second, err := pullRequestPipeline(at, action)
	if err != nil {
		return nil, err
	}
	settings, err := e.CI.Settings(ctx, p.Steps()[0].Project)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err == nil && !settings.Autocancel:
		p.Waves[0].Steps = append(p.Waves[0].Steps, second.Steps()...)
		return p, nil
	case err != nil:
		s.tell("whether %s auto-cancels is not known, so %s waits for the build: %s", at.Repository, action, oneLine(err))
	}
	second.Waves[0].Group = 2
	p.Waves = append(p.Waves, second.Waves...)
	return p, nil
}

// pullRequestPipeline plans one pipeline of the branch.
func pullRequestPipeline(at workspace.PullRequest, action string) (*plan.Plan, error) {
	c := manifest.ProcessComponent{Name: at.Repository, Version: action, Branch: Literal(at.Branch), Parameters: map[string]any{"gio_action": action}}
	return plan.MakeProcess(&manifest.Process{File: commandLine, Components: []manifest.ProcessComponent{c}}, plan.Options{Organization: at.Organization})
}
