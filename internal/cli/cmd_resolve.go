package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/workspace"
)

type resolveOptions struct {
	dryRun, takeOver bool
	run              runName
}

func newResolveCommand(env *environment) *cobra.Command {
	a, o := engine.Answer{}, resolveOptions{}
	cmd := &cobra.Command{
		Use:   "resolve [COMPONENT] (--pipeline N | --released | --not-triggered)",
		Short: "Answer what gio cannot know about a component's pipeline",
		Long: `When CircleCI's answer to a trigger was lost, and no pipeline or more than one can be the one it
started, gio stops and asks: to start a second one could release twice. Look at the component's
pipelines on CircleCI, then answer, then run gio release again. Without COMPONENT it is the only
one about which gio asks; of several it lists them.

  --pipeline N      it started pipeline number N: gio watches it like any other
  --released        the version is released: gio records that
  --not-triggered   it started nothing: the next gio release does. For a component that has
                    succeeded it means: release it again. Refused while its tag exists.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 no such component or pipeline,
7 this answer is not possible, 11 somebody drives the run.`,
		Example: `  gio resolve gravitee-gateway --pipeline 421
  gio resolve gravitee-gateway --not-triggered
  gio resolve gravitee-gateway --released --run stage/3.9.4`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fault.New(fault.Usage, "usage", "gio resolve takes one component, but got %d", len(args)).Hint("gio resolve COMPONENT --pipeline N")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("pipeline") && !a.Released && !a.NotTriggered {
				return fault.New(fault.Usage, "usage", "gio resolve needs your answer: --pipeline N, --released or --not-triggered").
					Hint("look at the component's pipelines on CircleCI; `gio resolve --help` says what each answer means")
			}
			a.Component = strings.Join(args, "")
			return runResolve(cmd.Context(), env, a, o)
		},
	}
	cmd.Flags().Int64Var(&a.Pipeline, "pipeline", 0, "number of the pipeline that is the component's")
	cmd.Flags().BoolVar(&a.Released, "released", false, "the version is released")
	cmd.Flags().BoolVar(&a.NotTriggered, "not-triggered", false, "no pipeline was started, or release it again")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "answer for a run of gio release --dry-run=server")
	cmd.Flags().BoolVar(&o.takeOver, "take-over", false, "answer at once for a run whose driver is gone")
	cmd.Flags().Var(&o.run, "run", "answer for this run of gio stage or gio trigger")
	cmd.MarkFlagsMutuallyExclusive("run", "dry-run")
	cmd.MarkFlagsMutuallyExclusive("pipeline", "released", "not-triggered")
	return cmd
}

func runResolve(ctx context.Context, env *environment, a engine.Answer, o resolveOptions) error {
	noted, err := env.resolve(ctx, a, o)
	if err != nil {
		return err
	}
	for _, st := range noted.Steps {
		fmt.Fprintf(env.Stdout, "%s %s: noted; %s goes on from there\n", st.ID.Component(), st.ID.Version(), env.resumeCommand(noted.Run))
	}
	return nil
}

func (env *environment) resolve(ctx context.Context, a engine.Answer, o resolveOptions) (operate.Resolved, error) {
	if o.run.Kind == "" {
		s, err := env.open(ctx)
		if err != nil {
			return operate.Resolved{}, err
		}
		return operate.Resolve(ctx, s, a, o.dryRun, o.takeOver)
	}
	ws, inRepository, err := workspace.OpenOptional(ctx, env.workspaceOptions())
	if err != nil {
		return operate.Resolved{}, err
	}
	return operate.ResolveRun(ctx, env.setup(ws), a, o.run.Name, inRepository, o.takeOver)
}
