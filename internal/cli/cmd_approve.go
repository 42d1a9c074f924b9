package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

type approveOptions struct {
	wanted
	component, job string
	yes            bool
}

func newApproveCommand(env *environment) *cobra.Command {
	o := approveOptions{}
	cmd := &cobra.Command{
		Use:   "approve COMPONENT",
		Short: "Approve the job for which a component's pipeline waits",
		Long: `Approve approves the job on hold in the component's pipeline, in the run of the checkout's
product version, of --version or of --run, whoever drives it. It asks CircleCI once, reads the
job until it waits no longer, and writes nothing: the driver of the run notes what follows. When
several jobs wait, --job names one. One that it names and that was approved already is no failure.

The user of the CircleCI token must be allowed to approve: where the jobs behind it use a
restricted context that this user may not use, they end unauthorized.
On a terminal, outside CI, gio asks first.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 no such run, component or job,
6 cancelled, 7 no job waits, or several do, 11 left before it was certain.`,
		Example: `  gio approve gravitee-gateway
  gio approve gravitee-gateway --job release/sign-off --yes
  gio approve gravitee-gateway --run stage/3.9.4`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fault.New(fault.Usage, "usage", "gio approve takes one component, but got %d", len(args)).Hint("gio approve COMPONENT")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.component = args[0]
			return runApprove(cmd.Context(), env, o)
		},
	}
	o.flags(cmd)
	o.versionFlag(cmd)
	cmd.Flags().StringVar(&o.job, "job", "", "JOB or WORKFLOW/JOB, when several wait")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "answer the question yes")
	return cmd
}

func runApprove(ctx context.Context, env *environment, o approveOptions) error {
	k, ci, err := env.operated(ctx, &o.wanted)
	if err != nil {
		return err
	}
	st, err := engine.PipelineOf(k.state, o.component)
	if err != nil {
		return err
	}
	all, err := ci.Approvals(ctx, st.Pipeline.ID)
	if err != nil {
		return err
	}
	a, err := engine.ChooseApproval(all, st, o.job)
	if err != nil {
		return err
	}
	link := circleci.WorkflowURL(ci.Host(), st.Project, st.Pipeline.Number, a.Workflow.ID)
	what := fmt.Sprintf("%s/%s of %s", a.Workflow.Name, a.Job.Name, sharing(k.state, st))
	if a.Approved() {
		fmt.Fprintf(env.Stdout, "%s was approved already  %s\n", what, link)
		return nil
	}
	if env.asks() && !o.yes {
		if err := env.confirm(fmt.Sprintf("%s\nApprove %s?", link, what), "nothing was approved"); err != nil {
			return err
		}
	}
	ctx, done := env.interruptible(ctx, errDetached)
	defer done()
	if err := engine.Approve(ctx, engine.Clock{}, ci, a); err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "approved: %s  %s\n", what, link)
	fmt.Fprintln(env.Stdout, env.onward(k, time.Now()))
	return nil
}

// sharing names a step, and those that share its pipeline.
func sharing(s *run.State, st run.Step) string {
	text := fmt.Sprintf("%s %s", st.ID.Component(), st.ID.Version())
	for _, other := range s.Steps() {
		if other.ID != st.ID && other.Pipeline.ID == st.Pipeline.ID {
			text += fmt.Sprintf(", %s %s", other.ID.Component(), other.ID.Version())
		}
	}
	return text
}
