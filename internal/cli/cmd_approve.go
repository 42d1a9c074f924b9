package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type approveOptions struct {
	runFlags
	component, job string
	yes, json, web bool
}

func newApproveCommand(env *environment) *cobra.Command {
	o := approveOptions{}
	cmd := &cobra.Command{
		Use:   "approve [COMPONENT]",
		Short: "Approve the job that a component's pipeline waits for",
		Long: `Approve approves the job on hold in the component's pipeline, in the run of the checkout's
product version, of --version or of --run, whoever drives it. It sends one request to CircleCI,
reads the job until it waits no longer, and writes nothing: the driver of the run notes what
follows. Without COMPONENT it is the only one that waits; of several it lists them. When several
jobs of it wait, choose one with --job; if that one is approved already, that is no failure.

The user of the CircleCI token must be allowed to approve: later jobs end unauthorized where they
use a restricted context that this user may not use.
On a terminal, outside CI, gio asks first.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 no such run, component or job,
6 cancelled, 7 no job waits, or several do, 11 left before the outcome was certain.`,
		Example: `  gio approve gravitee-gateway
  gio approve gravitee-gateway --job release/sign-off --yes
  gio approve gravitee-gateway --run stage/3.9.4`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fault.New(fault.Usage, "usage", "gio approve takes one component, but got %d", len(args)).Hint("gio approve COMPONENT")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.component = strings.Join(args, "")
			return runApprove(cmd.Context(), env, o)
		},
	}
	o.flags(cmd)
	o.versionFlag(cmd)
	cmd.Flags().StringVar(&o.job, "job", "", "JOB or WORKFLOW/JOB, when several wait")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "answer the question yes")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	webFlag(cmd, &o.web, "the job, without approving it")
	cmd.MarkFlagsMutuallyExclusive("web", "json")
	return cmd
}

func runApprove(ctx context.Context, env *environment, o approveOptions) error {
	s, err := env.open(ctx)
	if err != nil {
		return operate.HintOutsideRepository(o.selector(), err)
	}
	a, err := operate.FindApproval(ctx, s, o.selector(), o.component, o.job)
	if err != nil {
		return err
	}
	if o.web {
		return env.openPage(ctx, a.URL)
	}
	r := report.Approved{
		Run: a.Header.Run(), Steps: report.NamesOf(a.Steps), Workflow: a.Job.Workflow.Name, Job: a.Job.Job.Name,
		URL: a.URL, Already: a.Already, Driver: a.DriverStatus(time.Now()),
	}
	if !r.Already {
		if err := env.approve(ctx, a, r, o.yes); err != nil {
			return err
		}
	}
	switch {
	case o.json:
		return env.writeJSON(r)
	case r.Already:
		fmt.Fprintf(env.Stdout, "%s was approved already  %s\n", r, r.URL)
		return nil
	}
	fmt.Fprintf(env.Stdout, "approved: %s  %s\n", r, r.URL)
	fmt.Fprintln(env.Stdout, env.continuation(a.Snapshot, time.Now()))
	return nil
}

// approve approves a job; where somebody can be asked, it asks first.
func (env *environment) approve(ctx context.Context, a *operate.Approval, r report.Approved, yes bool) error {
	if env.canAsk() && !yes {
		if err := env.confirm(fmt.Sprintf("%s\nApprove %s?", r.URL, r), "nothing was approved"); err != nil {
			return err
		}
	}
	ctx, done := env.interruptible(ctx, operate.ErrDetached)
	defer done()
	return a.Approve(ctx)
}

// continuation says who continues the run, or how to continue it.
func (env *environment) continuation(k operate.Snapshot, now time.Time) string {
	switch d := k.DriverStatus(now); d.State {
	case run.Drives:
		return fmt.Sprintf("%s goes on, driven by %s", k.Header.Run(), k.Lease)
	case run.Silent:
		return fmt.Sprintf("its driver is silent: %s, last heard from %s; if it is gone, %s continues the run", k.Lease, d.Heard.Format(time.RFC3339), env.resumeCommand(k.Header))
	case run.NoDriver, run.GaveBack:
	}
	return fmt.Sprintf("%s has no driver: %s continues it", k.Header.Run(), env.resumeCommand(k.Header))
}
