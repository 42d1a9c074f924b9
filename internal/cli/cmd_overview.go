package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type overviewOptions struct {
	operate.OverviewOptions
	json bool
}

func newOverviewCommand(env *environment) *cobra.Command {
	o := overviewOptions{}
	cmd := &cobra.Command{
		Use:   "overview",
		Short: "Show how all release branches stand: what is open, who drives, what waits",
		Long: `Overview lists the main branch, the branches X.Y.x and the release_branches of gio.yaml: the product
version that is open there and its components to do, how its run stands and who drives it, whether
it is ready, and the version released last. Below it says what a person has to do, and where.

It reads the release repository once and asks nobody else; READY is what gio check --offline says.
With --check it is what gio check says, of the branches that nobody drives. A branch on which
nothing happened for 90 days is counted; --all shows it. A branch that cannot be read says why.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, or no branch could be read,
5 no manifest or no remote, 7 gio.yaml is wrong.`,
		Example: `  gio overview
  gio overview --check
  gio overview --repo gravitee-io/release --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runOverview(cmd.Context(), env, o) },
	}
	cmd.Flags().BoolVar(&o.Check, "check", false, "check what is open with CircleCI and GitHub, where nobody drives")
	cmd.Flags().BoolVar(&o.All, "all", false, "show the idle branches, too")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the overview as JSON")
	return cmd
}

func runOverview(ctx context.Context, env *environment, o overviewOptions) error {
	s, err := env.openAnyBranch(ctx)
	if err != nil {
		return err
	}
	read, err := operate.ReadOverview(ctx, s, o.OverviewOptions)
	if err != nil {
		return err
	}
	now := time.Now()
	made := report.NewOverview(read, o.Check, now, func(b operate.BranchOverview) []string { return env.needs(b, now) })
	if o.json {
		return env.writeJSON(made)
	}
	env.warnAll(made.Unread)
	if len(made.Branches)+len(made.Idle) == 0 {
		fmt.Fprintln(env.Stderr, "there is no release branch")
	}
	return report.OverviewTable(env.Stdout, made, env.tableColumns(), now)
}

// whyFailed is the command that shows why: what one has printed, or how several stand.
func whyFailed(failed []run.Step) string {
	if len(failed) == 1 && failed[0].Pipeline.ID != "" {
		return "gio logs " + quoted(failed[0].ID.Component())
	}
	return "gio status"
}

// needs are the commands that somebody has to type for a branch: an approval is waited for, or its run goes on by nobody.
func (env *environment) needs(b operate.BranchOverview, now time.Time) (commands []string) {
	if b.Run == nil {
		return nil
	}
	branch := env.onBranch(b.Name)
	byName := " --run " + b.Run.Header.Run()
	if env.repo != "" { // which needs a branch
		byName += branch
	}
	state := b.Run.State
	for _, st := range state.With(run.OnHold) {
		commands = append(commands, "gio approve "+quoted(st.ID.Component())+byName)
	}
	switch b.Run.Standing(now) {
	case run.StandingUnknown:
		for _, st := range state.With(run.IsUnknown) {
			commands = append(commands, "gio resolve "+quoted(st.ID.Component())+branch)
		}
	case run.StandingFailed:
		commands = append(commands, whyFailed(state.With(run.HasFailed))+byName)
	case run.StandingStopped, run.StandingPartial:
		commands = append(commands, "gio release"+branch)
	case run.StandingReleased, run.StandingDriven, run.StandingPassed, run.StandingDamaged:
	}
	return commands
}
