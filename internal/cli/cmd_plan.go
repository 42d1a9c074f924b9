package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type planOptions struct {
	operate.PlanOptions
	order  string
	format string
	json   bool
	freed  bool
}

// orderUsage is the usage of --order.
const orderUsage = "`graph` or waves: for what a component waits (gio help order)"

func newPlanCommand(env *environment) *cobra.Command {
	o := planOptions{}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what would run, in which wave, on which branch, and why",
		Long: `Plan reads release.json of the checkout and shows what a release would do: the waves, the
branch that each component is built from and why, and the pipeline parameters; by the graph
(--order graph) also who needs whom, the line that says so, and what that saves. It starts
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
	cmd.Flags().StringSliceVar(&o.Only, "only", nil, "release only these components")
	cmd.Flags().StringSliceVar(&o.Except, "except", nil, "leave these components out")
	cmd.Flags().StringVar(&o.order, "order", "", orderUsage)
	cmd.Flags().StringVar(&o.format, "format", "table", "table, json or mermaid (a flowchart for Markdown)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the plan as JSON")
	cmd.Flags().BoolVar(&o.freed, "freed", false, "by the graph: list what no longer waits for what")
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
	var err error
	if o.Order, err = config.ParseOrder(o.order); err != nil {
		return err
	}
	s, err := env.open(ctx)
	if err != nil {
		return err
	}
	of := report.PlanOf{Remote: s.Remote(), Freed: o.freed}
	o.Learned = func(x run.Expectation) { of.Expected = x }
	p, refs, err := operate.Plan(ctx, s, o.PlanOptions)
	if err != nil {
		return err
	}
	env.warnAll(p.Warnings)
	if err := s.Checkout.Refused; err != nil {
		env.warn("nothing can be released from here: " + err.Error())
	}
	of.Plan, of.Refs = p, refs
	if o.freed && !p.IsByGraph() {
		env.warn("the plan is by waves: --freed lists what --order graph frees")
	}
	switch o.format {
	case "json":
		return env.writeJSON(of)
	case "mermaid":
		return report.PlanMermaid(env.Stdout, p)
	}
	return of.Table(env.Stdout, env.outColumns())
}
