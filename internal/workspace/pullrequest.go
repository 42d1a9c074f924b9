package workspace

import (
	"context"
	"strings"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
)

// PullRequest is the branch of a component's repository whose pipelines a pull request needs.
type PullRequest struct{ Organization, Repository, Branch, Commit string }

// FindPullRequest finds the branch by the checkout, else by CircleCI's variables; GH_ORG and Branch come first. Fault:
// "no-pull-request" (kind Usage).
func FindPullRequest(ctx context.Context, o Options) (PullRequest, error) {
	checkout, err := gitrepo.OpenCheckout(ctx, o.git(), o.Dir)
	if err != nil && !fault.Is(err, "not-a-checkout") {
		return PullRequest{}, err
	}
	var remote []string
	if origin := checkout.Origin(); origin != "" {
		remote = strings.Split(gitrepo.RepoID(origin), "/")
	}
	if len(remote) > 0 && remote[0] == "local" { // a directory of this machine is no organization
		remote = nil
	}
	part := func(fromEnd int) config.Value {
		if len(remote) < 3 {
			return config.Value{}
		}
		return config.Value{Value: remote[len(remote)-fromEnd], Source: "the checkout"}
	}
	organization := config.First(config.Env(o.Getenv, "GH_ORG"), part(2), config.Env(o.Getenv, "CIRCLE_PROJECT_USERNAME"))
	repository := config.First(part(1), config.Env(o.Getenv, "CIRCLE_PROJECT_REPONAME"))
	branch := config.First(config.Value{Value: shortBranch(o.Branch), Source: "--branch"}, config.Value{Value: checkout.Branch, Source: "the checkout"}, config.Env(o.Getenv, "CIRCLE_BRANCH"))
	ws := Workspace{o: o}
	ws.ReportSetting("organization", organization)
	ws.ReportSetting("repository", repository)
	ws.ReportSetting("branch", branch)
	at := PullRequest{organization.Value, repository.Value, branch.Value, o.Getenv("CIRCLE_SHA1")}
	if at.Organization == "" || at.Repository == "" || at.Branch == "" {
		return at, fault.New(fault.Usage, "no-pull-request", "the branch of the pull request is not known: organization %q, repository %q, branch %q", at.Organization, at.Repository, at.Branch).
			Hint("run gio in a checkout of the component's repository, on its branch, or in a CircleCI job of it")
	}
	return at, nil
}
