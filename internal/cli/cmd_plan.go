package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
)

type planOptions struct {
	only, except []string
	format       string
	json         bool
}

func newPlanCommand(env *environment) *cobra.Command {
	o := planOptions{}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what would run, in which wave, on which branch, and why",
		Long: `Plan reads release.json of the checkout and shows what a release would do: the waves, the
branch that each component is built from and why, and the pipeline parameters. It starts
nothing and writes nothing.

Where the release repository can be reached it says why "gio release" would be refused as things
are there, and what is released already; else how old the checkout is. With a CircleCI token it
reads the default branch of the projects that are built from their main branch; without one it
assumes the release repository's main branch, and says so.

Exit codes: 0 done, 2 wrong usage, 5 no manifest, 7 release.json or gio.yaml is wrong.`,
		Example: `  gio plan
  gio plan --only gravitee-gateway,gravitee-common
  gio plan --file 3.9.x/release.json --branch 3.9.x --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runPlan(cmd.Context(), env, o) },
	}
	cmd.Flags().StringSliceVar(&o.only, "only", nil, "release only these components")
	cmd.Flags().StringSliceVar(&o.except, "except", nil, "leave these components out")
	cmd.Flags().StringVar(&o.format, "format", "table", "table, json or mermaid (a flowchart for Markdown)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the plan as JSON")
	cmd.MarkFlagsMutuallyExclusive("format", "json")
	return cmd
}

func runPlan(ctx context.Context, env *environment, o planOptions) error {
	if o.json {
		o.format = "json"
	}
	if o.format != "table" && o.format != "json" && o.format != "mermaid" {
		return fault.New(fault.Usage, "usage", "there is no format %q", o.format).Hint("--format table, json or mermaid")
	}
	s, err := env.open(ctx)
	if err != nil {
		return err
	}
	p, refs, err := operate.Plan(ctx, s, o.only, o.except)
	if err != nil {
		return err
	}
	env.warnAll(p.Warnings)
	if err := s.Checkout.Refused; err != nil {
		env.warn("nothing can be released from here: " + err.Error())
	}
	of := report.PlanOf{Plan: p, Remote: s.Remote(), Refs: refs}
	switch o.format {
	case "json":
		return env.writeJSON(of)
	case "mermaid":
		return report.PlanMermaid(env.Stdout, p)
	}
	return of.Table(env.Stdout, env.outColumns())
}
