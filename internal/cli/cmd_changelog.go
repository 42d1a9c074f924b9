package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
)

type changelogOptions struct {
	operate.ChangelogOptions
	format string
	json   bool
}

func newChangelogCommand(env *environment) *cobra.Command {
	o := changelogOptions{}
	cmd := &cobra.Command{
		Use:   "changelog [A..B | B]",
		Short: "Show what changed between two product versions: components, commits, links",
		Long: `Changelog compares release.json of two product versions, and asks GitHub for the commits of each
component that changed: with one request each, at most 250 commits; more are counted. A and B are
product versions, release branches, which stand for what is open there, or env:NAME, which stands
for what runs in an environment of gio-server. B alone is compared with the version released before
it; without an argument that is the release branch.

Merges and the commits that releases make are left out and counted; --all shows them. As text each
component has its newest 10 commits; --all, --component, markdown and json have all that were read.
Of a component whose version is lower in B the commits are those that B lacks. Without
GITHUB_TOKEN, and where a component has no such tag, there are versions alone, and the reason.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 no manifest, or no such version or
component, 7 release.json or gio.yaml is wrong.`,
		Example: `  gio changelog
  gio changelog 3.9.4 --format markdown
  gio changelog 3.9.3..master --component gravitee-gateway
  gio changelog env:prod..env:qa`,
		Args: oneRange,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Range = args[0]
			}
			return runChangelog(cmd.Context(), env, o)
		},
	}
	cmd.Flags().StringSliceVar(&o.Components, "component", nil, "compare only these components")
	cmd.Flags().BoolVar(&o.All, "all", false, "show every commit that was read, also merges and those of releases")
	cmd.Flags().StringVar(&o.format, "format", "text", "text, markdown or json")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the changelog as JSON")
	cmd.MarkFlagsMutuallyExclusive("format", "json")
	return cmd
}

// oneRange returns a fault for more than one argument.
func oneRange(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fault.New(fault.Usage, "usage", "%s takes one argument, but got %q", cmd.CommandPath(), args).Hint("two versions are written as 3.9.3..3.9.4")
	}
	return nil
}

// listedCommits is how many commits of a component a text has that shows not all.
const listedCommits = 10

func runChangelog(ctx context.Context, env *environment, o changelogOptions) error {
	if o.json {
		o.format = "json"
	}
	if o.format != "text" && o.format != "markdown" && o.format != "json" {
		return fault.New(fault.Usage, "usage", "there is no format %q", o.format).Hint("--format text, markdown or json")
	}
	var err error
	if o.Range, err = env.withVersions(ctx, o.Range); err != nil {
		return err
	}
	s, err := env.openAnyBranch(ctx)
	if err != nil {
		return err
	}
	compared, err := operate.ReadChangelog(ctx, s, o.ChangelogOptions)
	if err != nil {
		return err
	}
	c := report.NewChangelog(compared)
	if o.format == "json" {
		return env.writeJSON(c)
	}
	env.warnAll(c.Unread)
	if n := c.LeftOut(); n > 0 {
		fmt.Fprintf(env.Stderr, "left out, --all shows them: %d merges and commits of releases\n", n)
	}
	if o.format == "markdown" {
		return report.ChangelogMarkdown(env.Stdout, c, 0)
	}
	listed := listedCommits
	if o.All || len(o.Components) > 0 {
		listed = 0
	}
	return report.ChangelogText(env.Stdout, c, listed, env.tableColumns())
}
