package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type statusOptions struct {
	runFlags
	json, refresh, web bool
}

func newStatusCommand(env *environment) *cobra.Command {
	o := statusOptions{}
	cmd := &cobra.Command{
		Use:   "status [VERSION]",
		Short: "Show where a run stands, whoever drives it and wherever",
		Long: `Status reads the run of the checkout's product version, or of VERSION, from the release
repository: who drives it, where its waves stand, what failed and what to type next. It drives
nothing and writes nothing. It shows what the driver noted last; with --refresh it asks CircleCI,
and shows what the next driver would find.

When the version in release.json has no run yet, it shows the newest run, and says so. --run names
any run that gio history lists, also one of gio stage and gio trigger; the name of a trigger
without its number means the newest run of that name.

Exit codes: 0 nothing is wrong, or the run still has a driver, 2 usage, 3 not allowed, 4 remote
failed, 5 no such run, 7 release.json or the journal is wrong; when the run has no driver, 9 needs
a decision (gio resolve), 10 a pipeline failed, 11 stopped: run it again.`,
		Example: `  gio status
  gio status 3.9.4 --json
  gio status --run stage/3.9.4`,
		Args: o.argument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.web {
				return env.openRun(cmd.Context(), &o.runFlags)
			}
			return runStatus(cmd.Context(), env, o)
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.refresh, "refresh", false, "ask CircleCI where the pipelines stand now")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the status as JSON")
	webFlag(cmd, &o.web, "what failed, waits or runs")
	cmd.MarkFlagsMutuallyExclusive("web", "json")
	cmd.MarkFlagsMutuallyExclusive("web", "refresh")
	return cmd
}

func runStatus(ctx context.Context, env *environment, o statusOptions) error {
	s, k, err := env.read(ctx, &o.runFlags)
	if err == nil && o.refresh {
		k, err = operate.Refresh(ctx, s, k)
	}
	if err != nil {
		return err
	}
	now := time.Now()
	if o.json {
		result := fault.Rendered(k.Err(now), env.command)
		return env.printJSON(result, report.NewStatus(k.State, k.Lease, k.Requested, now, result))
	}
	printed := report.WriteStatus(env.out.painted(), k.State, k.Lease, env.statusView(k, now))
	if !o.refresh {
		env.tellAge(k, now)
	}
	return errors.Join(k.Err(now), printed)
}

// tellAge says how old a status may be: what somebody has approved meanwhile is not in it yet.
func (env *environment) tellAge(k operate.Snapshot, now time.Time) {
	refresh := fault.Next{Action: fault.Status, Run: k.Header.Run(), Args: []string{"--refresh"}}
	switch {
	case k.Driven(now) && len(k.State.With(run.OnHold)) > 0:
		env.tell("this is what its driver noted, up to half a minute ago: %s asks CircleCI", refresh)
	case !k.Driven(now) && k.HasOpenPipelines():
		env.tell("this is what the last driver noted: %s asks CircleCI", refresh)
	}
}

func (env *environment) statusView(k operate.Snapshot, now time.Time) report.StatusView {
	return report.StatusView{Columns: env.outColumns(), Now: now, Color: env.outColor(), Command: env.resumeCommand(k.Header)}
}

// oneVersion returns a fault for more than one argument.
func oneVersion(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fault.New(fault.Usage, "usage", "%s takes one version, but got %q", cmd.CommandPath(), args).Hint("%s 3.9.4", cmd.CommandPath())
	}
	return nil
}
