package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
)

type whereOptions struct {
	operate.WhereOptions
	json bool
}

func newWhereCommand(env *environment) *cobra.Command {
	o := whereOptions{}
	cmd := &cobra.Command{
		Use:   "where COMPONENT[@VERSION] | COMMIT",
		Short: "Show which product versions contain a component or a commit",
		Long: `Where lists the product versions with a component, or with one version of it, by release.json at the
tags of all products and on the release branches; it needs no token for that.

With 7 digits or more of a commit's id it asks GitHub which component has it, looks for the oldest
tag of each line of its versions that contains it, and lists the product versions that have such a
one, and what is open with a branch that contains it. When nothing does, it says on which branch
the commit is. Release branches without it are named; those on which nothing happened for 90 days
are counted. Where GIO_SERVER names a gio-server, there are the environments that run a version.

Exit codes: 0 done, also when a commit is not released yet, 2 usage, 3 not allowed, or no
GITHUB_TOKEN to look for a commit with, 4 remote failed, 5 no manifest, or no such component,
version or commit, 7 several components have the commit, or release.json or gio.yaml is wrong.`,
		Example: `  gio where gravitee-gateway
  gio where gravitee-gateway@3.9.4
  gio where 71aa6e0 --component gravitee-gateway`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fault.New(fault.Usage, "usage", "%s takes a component or a commit, but got %q", cmd.CommandPath(), args).Hint("%s gravitee-gateway", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.What = args[0]
			return runWhere(cmd.Context(), env, o)
		},
	}
	cmd.Flags().StringSliceVar(&o.Components, "component", nil, "look for a commit in these components only")
	cmd.Flags().BoolVar(&o.json, "json", false, "print what was found as JSON")
	return cmd
}

func runWhere(ctx context.Context, env *environment, o whereOptions) error {
	s, err := env.openAnyBranch(ctx)
	if err != nil {
		return err
	}
	found, err := operate.Find(ctx, s, o.WhereOptions)
	if err != nil {
		return err
	}
	w := report.NewWhere(found)
	if !o.json {
		env.warnAll(w.Unread)
	}
	environments := env.addEnvironments(ctx, &w)
	if o.json {
		return env.writeJSON(w)
	}
	return report.WhereTable(env.Stdout, w, env.tableColumns(), environments)
}
