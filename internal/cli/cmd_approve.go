package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type approveOptions struct {
	wanted
	component, job string
	yes, json      bool
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
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
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
	r := report.Approved{
		Run: k.header.Run(), Steps: report.NamesOf(sharing(k.state, st)), Workflow: a.Workflow.Name, Job: a.Job.Name,
		URL:     circleci.WorkflowURL(ci.Host(), st.Project, st.Pipeline.Number, a.Workflow.ID),
		Already: a.Approved(), Driver: report.NewDriver(k.lease, time.Now()),
	}
	if !r.Already {
		if err := env.approve(ctx, ci, a, r, o.yes); err != nil {
			return err
		}
	}
	switch {
	case o.json:
		return report.JSON(env.Stdout, r)
	case r.Already:
		fmt.Fprintf(env.Stdout, "%s was approved already  %s\n", r, r.URL)
		return nil
	}
	fmt.Fprintf(env.Stdout, "approved: %s  %s\n", r, r.URL)
	fmt.Fprintln(env.Stdout, env.onward(k, time.Now()))
	return nil
}

// approve approves a job, with the consent of who can be asked.
func (env *environment) approve(ctx context.Context, ci *circleci.Client, a circleci.Approval, r report.Approved, yes bool) error {
	if env.asks() && !yes {
		if err := env.confirm(fmt.Sprintf("%s\nApprove %s?", r.URL, r), "nothing was approved"); err != nil {
			return err
		}
	}
	ctx, done := env.interruptible(ctx, errDetached)
	defer done()
	return engine.Approve(ctx, engine.Clock{}, ci, a)
}

// sharing are a step, and those that share its pipeline.
func sharing(s *run.State, st run.Step) []run.Step {
	steps := []run.Step{st}
	for _, other := range s.Steps() {
		if other.ID != st.ID && other.Pipeline.ID == st.Pipeline.ID {
			steps = append(steps, other)
		}
	}
	return steps
}
