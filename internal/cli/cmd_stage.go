package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/workspace"
)

func newStageCommand(env *environment) *cobra.Command {
	o := driveOptions{}
	cmd := &cobra.Command{
		Use:   "stage VERSION",
		Short: "Stage the components of a released version on Nexus",
		Long: `Stage reads release.json at the tag VERSION and starts the pipelines of the components that were
released with it, all at once, each on its branch, with gio_action: nexus_staging. Components with
stage: false in gio.yaml are left out. Without --dry-run=false it starts none: it shows what it
would send. --dry-run=server is refused: older components do not know dry_run and would publish.

Like a release it notes in the release repository what it does: the same command continues with
what is missing, and nothing that succeeded, runs, or may exist is started again.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 no such tag, or nothing to stage,
6 cancelled, 7 refused, 8 timed out, 9 needs a decision (gio resolve --run stage/VERSION),
10 a pipeline failed, 11 stopped: run again.`,
		Example: `  gio stage 3.9.4
  gio stage 3.9.4 --dry-run=false`,
		Args: func(cmd *cobra.Command, args []string) error { return stageArguments(env, cmd, args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := noServerLevel(cmd, o.dryRun); err != nil {
				return err
			}
			version := ""
			if len(args) == 1 {
				version = strings.TrimSuffix(args[0], "-SNAPSHOT")
			}
			return runStage(cmd.Context(), env, version, o)
		},
	}
	o.flags(cmd, operate.Client, clientOnly)
	return cmd
}

// stageArguments checks the arguments. The container form needs no version.
func stageArguments(env *environment, cmd *cobra.Command, args []string) error {
	if len(args) == 1 || len(args) == 0 && env.container {
		return nil
	}
	if len(args) == 2 {
		return notBehindDryRun(cmd, args[1:])
	}
	return fault.New(fault.Usage, "usage", "gio stage needs one version to be staged").Hint("gio stage 3.9.4")
}

func runStage(ctx context.Context, env *environment, version string, o driveOptions) error {
	env.announce(o.dryRun, false)
	ws, err := workspace.Open(ctx, env.workspaceOptions())
	if err != nil {
		return err
	}
	env.announceRemote(ws)
	return env.drive(ctx, ws, driving{
		driveOptions: o, inRepository: true, ends: realEnds(true),
		do: func(s operate.Setup, e operate.Ends) (*operate.Result, error) {
			return operate.Stage(ctx, s, e, version, o.takeOver)
		},
	})
}
