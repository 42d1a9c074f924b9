package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/workspace"
)

func newPullRequestCommand(env *environment) *cobra.Command {
	o := driveOptions{}
	cmd := &cobra.Command{
		Use:   "pull-request",
		Short: "Trigger the pipelines that a pull request's branch needs, by its prefix",
		Long: `Pull-request triggers the pipelines of a branch of a component's repository, each by its gio_action:

  every branch                   build
  support- lts- sts-             then support_pr_review
  issue- fix- feat- feature-     then dev_pr_review
  snyk- dependabot-, any other   nothing more

Where the project auto-cancels, or may, the review starts after the build has succeeded: a newer
pipeline would cancel it. Otherwise both start at once. gio does not watch the last pipeline.

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
	o.flags(cmd, operate.Real, clientOnly)
	return cmd
}

func runPullRequest(ctx context.Context, env *environment, o driveOptions) error {
	env.announce(o.dryRun, false)
	at, err := workspace.FindPullRequest(ctx, env.workspaceOptions())
	if err != nil {
		return err
	}
	return env.drive(ctx, operate.PullRequestWorkspace(env.workspaceOptions()), driving{
		driveOptions: o, ends: realEnds(false),
		do: func(s operate.Setup, e operate.Ends) (*operate.Result, error) {
			return operate.PullRequest(ctx, s, e, at, o.takeOver)
		},
	})
}
