package cli

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
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

With a CircleCI token it reads the default branch of the projects that are built from their
main branch; without one it assumes the release repository's, and says so.

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
	ws, err := env.workspace(ctx)
	if err != nil {
		return err
	}
	m, err := manifest.Parse(ws.Path, ws.Local)
	if err != nil {
		return err
	}
	assumed := ws.assume(m)
	options := env.planOptions(ws, o.only, o.except)
	options.MainBranch = ws.Checkout.MainBranch
	p, err := env.planOffline(ctx, ws, m, options)
	if err != nil {
		return err
	}
	p.Warnings = append(assumed, p.Warnings...)
	env.warn(p.Warnings)
	switch o.format {
	case "json":
		return report.JSON(env.Stdout, p)
	case "mermaid":
		return report.PlanMermaid(env.Stdout, p)
	}
	return report.PlanTable(env.Stdout, p, env.outColumns())
}

var supportBranch = regexp.MustCompile(`^\d+\.\d+\.x$`)

// assume fills what only a checkout would say, and says that it did.
func (ws *workspace) assume(m *manifest.Manifest) []string {
	var said []string
	v, err := manifest.ParseVersion(m.Version)
	if ws.Branch.Value == "" && err == nil {
		ws.Branch = config.Value{Value: fmt.Sprintf("%d.%d.x", v.Major(), v.Minor()), Source: "the product version"}
		said = append(said, fmt.Sprintf("no checkout and no --branch say the release branch: assuming %s", ws.Branch.Value))
	}
	if ws.Checkout.MainBranch == "" {
		ws.Checkout.MainBranch = "master"
		if !supportBranch.MatchString(ws.Branch.Value) {
			ws.Checkout.MainBranch = ws.Branch.Value
		}
	}
	return said
}

// planOffline plans, and reads the default branches only where a token is at hand and CircleCI answers
// soon: a plan must not need the network.
func (env *environment) planOffline(ctx context.Context, ws workspace, m *manifest.Manifest, o plan.Options) (*plan.Plan, error) {
	p, err := plan.Make(m, o)
	if err != nil || o.ComponentMain != "" {
		return p, err
	}
	var onMain int
	for _, st := range p.Steps() {
		if st.Branch == o.MainBranch {
			onMain++
		}
	}
	if onMain == 0 {
		return p, nil
	}
	ci, err := env.circleCI(ws)
	if err == nil {
		soon, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		o.DefaultBranches, err = engine.DefaultBranches(soon, ci, p, o.MainBranch)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		p.Warnings = append(p.Warnings, fmt.Sprintf("the default branch of %d projects was not read (%s): assuming %s", onMain, err, o.MainBranch))
		return p, nil
	}
	return plan.Make(m, o)
}
