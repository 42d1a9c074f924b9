package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type statusOptions struct {
	wanted
	json bool
}

func newStatusCommand(env *environment) *cobra.Command {
	o := statusOptions{}
	cmd := &cobra.Command{
		Use:   "status [VERSION]",
		Short: "Show how a run stands, whoever drives it and wherever",
		Long: `Status reads the run of the checkout's product version, or of VERSION, from the release
repository: who drives it, how its waves stand, what failed and what to type next. It drives
nothing, writes nothing and asks CircleCI nothing: it shows what the driver noted last.

When the version in release.json has no run yet, the newest run is shown, and that is said. --run
names any run that gio history lists, so those of gio stage and gio trigger, too; of a trigger
without its number it is the newest of that name.

Exit codes: 0 nothing is wrong, or somebody drives it and its end is open, 2 usage, 3 not allowed,
4 remote failed, 5 no such run, 7 release.json or the journal is wrong; when nobody drives it,
9 needs a decision (gio resolve), 10 a pipeline failed, 11 stopped: run it again.`,
		Example: `  gio status
  gio status 3.9.4 --json
  gio status --run stage/3.9.4`,
		Args: o.argument,
		RunE: func(cmd *cobra.Command, _ []string) error { return runStatus(cmd.Context(), env, o) },
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the status as JSON")
	return cmd
}

func runStatus(ctx context.Context, env *environment, o statusOptions) error {
	k, err := env.knownRun(ctx, &o.wanted, false)
	if err != nil {
		return err
	}
	now := time.Now()
	if o.json {
		env.printed = true
		result := env.stands(k, now)
		return errors.Join(result, report.JSON(env.Stdout, report.NewStatus(k.state, k.lease, k.asked, now, result)))
	}
	return env.printStatus(k, now)
}

// printStatus tells a person how a run stands, which is also the error.
func (env *environment) printStatus(k known, now time.Time) error {
	view := report.StatusView{Columns: env.outColumns(), Now: now, Color: env.outColor(), Command: env.drivenBy(k.header)}
	printed := report.WriteStatus(env.Stdout, k.state, k.lease, view)
	return errors.Join(env.stands(k, now), printed)
}

// oneVersion is for commands that are about one run.
func oneVersion(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fault.New(fault.Usage, "usage", "%s takes one version, but got %q", cmd.CommandPath(), args).Hint("%s 3.9.4", cmd.CommandPath())
	}
	return nil
}

// standsAs is the exit code that goes with a standing, as a fault. While somebody drives, nothing is settled.
func (env *environment) standsAs(s *run.State, standing report.Standing) error {
	name, again := s.Header.Run(), env.drivenBy(s.Header)
	switch standing {
	case report.AwaitsAnswer:
		return fault.New(fault.Decision, "unknown", "%s needs a decision: gio cannot know whether a pipeline was started", name).
			Hint("look at CircleCI, then answer with `gio resolve COMPONENT --pipeline N`, `--released` or `--not-triggered`%s", also(s.Header))
	case report.HasFailed:
		return fault.New(fault.PipelineFailed, "pipeline-failed", "%s failed", name).
			Hint("mend it, then %s: what succeeded is not started again", again)
	case report.HasStopped:
		return fault.New(fault.Stopped, "stopped", "%s stopped before it was done, and nobody drives it", name).
			Hint("%s goes on from there", again)
	case report.IsReleased, report.IsDriven, report.HasPassed, report.IsPartial, report.IsDamaged:
	}
	return nil
}

// also is what an answer needs beside, where it is not about a release.
func also(h run.Header) string {
	if h.Flags() == "" {
		return ""
	}
	return ", and" + h.Flags()
}
