package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

func newPullRequestCommand(env *environment) *cobra.Command {
	o := executionOptions{}
	cmd := &cobra.Command{
		Use:   "pull-request",
		Short: "Trigger what a pull request's branch needs, by its prefix",
		Long: `Pull-request triggers the pipelines of a branch of a component's repository, each by its gio_action:

  every branch                   build
  support- lts- sts-             then support_pr_review
  issue- fix- feat- feature-     then dev_pr_review
  snyk- dependabot-, any other   nothing more

Where the project auto-cancels, or does not say, the review waits until the build has succeeded: a
newer pipeline would cancel it. Elsewhere both start at once. The last one is not watched.

Organization (GH_ORG first), repository and branch are those of the checkout, else of CircleCI's
variables CIRCLE_PROJECT_USERNAME, CIRCLE_PROJECT_REPONAME and CIRCLE_BRANCH.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 not found, 6 cancelled, 7 refused,
8 timed out, 9 needs a decision (gio resolve --run), 10 a pipeline failed, 11 stopped: run again.`,
		Example: `  gio pull-request --dry-run
  gio pull-request --branch fix-npe`,
		Args: notBehindDryRun,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := noServerLevel(cmd, o.dryRun); err != nil {
				return err
			}
			return runPullRequest(cmd.Context(), env, o)
		},
	}
	o.flags(cmd, dryOff)
	return cmd
}

// pullRequests is what the runs of pull requests have for the manifest that they lack.
const pullRequests = "pull-request"

func runPullRequest(ctx context.Context, env *environment, o executionOptions) error {
	env.announceClient(o.dryRun)
	at, err := env.pullRequest()
	if err != nil {
		return err
	}
	ws := workspace{File: env.path(env.file), Path: pullRequests}
	e, err := env.ends(ctx, ws, false, o)
	if err != nil {
		return err
	}
	defer e.close()
	p, err := env.pullRequestPlan(ctx, e, at)
	if err != nil {
		return err
	}
	return env.runTriggerPlan(ctx, ws, e, p, o)
}

// pullRequest is where a pull request's pipelines run.
type pullRequest struct{ organization, repository, branch, commit string }

func (env *environment) pullRequest() (pullRequest, error) {
	checkout, err := gitrepo.OpenCheckout(env.Dir)
	if err != nil && !fault.Is(err, "not-a-checkout") {
		return pullRequest{}, err
	}
	var remote []string
	if checkout.RemoteURL != "" {
		remote = strings.Split(gitrepo.RepoID(checkout.RemoteURL), "/")
	}
	part := func(fromEnd int) config.Value {
		if len(remote) < 3 {
			return config.Value{}
		}
		return config.Value{Value: remote[len(remote)-fromEnd], Source: "the checkout"}
	}
	organization := config.First(config.Env(env.Getenv, "GH_ORG"), part(2), config.Env(env.Getenv, "CIRCLE_PROJECT_USERNAME"))
	repository := config.First(part(1), config.Env(env.Getenv, "CIRCLE_PROJECT_REPONAME"))
	branch := config.First(config.Value{Value: env.branch, Source: "--branch"}, config.Value{Value: checkout.Branch, Source: "the checkout"}, config.Env(env.Getenv, "CIRCLE_BRANCH"))
	env.say("organization", organization)
	env.say("repository", repository)
	env.say("branch", branch)
	at := pullRequest{organization.Value, repository.Value, branch.Value, env.Getenv("CIRCLE_SHA1")}
	if at.organization == "" || at.repository == "" || at.branch == "" {
		return at, fault.New(fault.Usage, "no-pull-request", "it is not known which branch of which repository is meant: organization %q, repository %q, branch %q", at.organization, at.repository, at.branch).
			Hint("run gio in a checkout of the component's repository, on its branch, or in a CircleCI job of it")
	}
	return at, nil
}

// review is the gio_action that follows the build of a branch, "" for none; known tells that its prefix is one of the table.
func review(branch string) (action string, known bool) {
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

// pullRequestPlan is the build and, for some branches, a review: after it, where a newer pipeline would cancel it.
func (env *environment) pullRequestPlan(ctx context.Context, e ends, at pullRequest) (*plan.Plan, error) {
	p, err := at.pipeline("build")
	if err != nil {
		return nil, err
	}
	p.Product, p.Unwatched = "pull request", true
	p.Version = at.repository + "-" + at.branch
	if at.commit != "" { // another commit is another run
		p.Version += "-" + at.commit[:min(10, len(at.commit))]
	}
	action, known := review(at.branch)
	if !known {
		fmt.Fprintf(env.Stderr, "%s has no prefix that asks for a review: build alone\n", at.branch)
	}
	if action == "" {
		return p, nil
	}
	second, err := at.pipeline(action)
	if err != nil {
		return nil, err
	}
	settings, err := e.ci.Settings(ctx, p.Steps()[0].Project)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err == nil && !settings.Autocancel:
		p.Waves[0].Steps = append(p.Waves[0].Steps, second.Steps()...)
		return p, nil
	case err != nil:
		fmt.Fprintf(env.Stderr, "whether %s auto-cancels is not known, so %s waits for the build: %s\n", at.repository, action, oneLine(err))
	}
	second.Waves[0].Group = 2
	p.Waves = append(p.Waves, second.Waves...)
	return p, nil
}

// pipeline is the plan of one pipeline of the branch.
func (at pullRequest) pipeline(action string) (*plan.Plan, error) {
	c := manifest.ProcessComponent{Name: at.repository, Version: action, Branch: literal(at.branch), Parameters: map[string]any{"gio_action": action}}
	return plan.MakeProcess(&manifest.Process{File: commandLine, Components: []manifest.ProcessComponent{c}}, plan.Options{Organization: at.organization})
}
