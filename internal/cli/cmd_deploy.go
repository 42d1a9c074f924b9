package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/wire"
)

// starting are the flags of the commands that start a deployment.
type starting struct {
	ofProject
	forcing
	wait bool
}

func (s *starting) flags(cmd *cobra.Command) {
	s.ofProject.flags(cmd)
	s.forcing.flags(cmd)
	cmd.Flags().BoolVar(&s.wait, "wait", false, "wait for its end, and tell each change")
}

// forcing is the flag of the commands that a freeze refuses.
type forcing struct{ reason string }

func (f *forcing) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.reason, "force", "", "pass a freeze, for this `reason`")
}

// forced is what --force says.
func (f *forcing) forced(cmd *cobra.Command) (*wire.Force, error) {
	if !cmd.Flags().Changed("force") {
		return nil, nil
	}
	if oneLine(f.reason) == "" {
		return nil, fault.New(fault.Usage, "usage", "--force needs a reason").Hint(`as in --force "security fix"`)
	}
	return &wire.Force{Reason: f.reason}, nil
}

func newDeployCommand(env *environment) *cobra.Command {
	s := starting{}
	cmd := &cobra.Command{
		Use:   "deploy VERSION|CANDIDATE ENVIRONMENT",
		Short: "Deploy a release in an environment",
		Long: `Deploy asks gio-server to deploy a candidate, or of a version the newest candidate that is ready. It
begins at once where nothing else is under way and all holds that the environment requires;
otherwise it waits, and says for what. To an environment with repositories it promotes the bundle of
the candidate first, if there is one. An older one that has not begun and that nobody has approved
is superseded. In a frozen environment it is refused: --force passes that, and nothing else.

With --wait it ends when the deployment does. Ctrl-C leaves: the deployment goes on.

` + waitCodes,
		Example: `  gio deploy 3.9.4 staging --wait
  gio deploy 3.9.4-rc2 production
  gio deploy 3.9.4 production --force "security fix"`,
		Args: exactly("VERSION or CANDIDATE", "ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			force, err := s.forced(cmd)
			if err != nil {
				return err
			}
			n := wire.NewDeployment{Version: args[0], Force: force}
			if candidateName.MatchString(args[0]) {
				n.Version, n.Candidate = "", args[0]
			}
			return runDeploy(cmd.Context(), env, args[1], n, s)
		},
	}
	s.flags(cmd)
	return cmd
}

func runDeploy(ctx context.Context, env *environment, environment string, n wire.NewDeployment, s starting) error {
	c, project, err := env.inProject(ctx, s.ofProject)
	if err != nil {
		return err
	}
	d, err := c.Deploy(ctx, project, environment, n)
	if err != nil {
		return perhaps(err, "gio deployment list "+quoted(environment))
	}
	return env.asked(ctx, c, d.ID, s.wait, s.json)
}

func newRollbackCommand(env *environment) *cobra.Command {
	s, to, app := starting{}, "", ""
	cmd := &cobra.Command{
		Use:   "rollback ENVIRONMENT",
		Short: "Deploy what ran in an environment before",
		Long: `Rollback deploys the newest candidate that ran there before another one, or that ran when the newest
deployment failed; --to names any that ever ran there. What is under way is stopped first. It needs
no approval, and obeys a freeze: --force passes that. Until somebody deploys by name, or says gio
env resume, no policy deploys there.

With --wait it ends when the deployment does. Ctrl-C leaves: the deployment goes on.

` + waitCodes,
		Example: `  gio rollback production --wait
  gio rollback production --to 3.9.2-rc1
  gio rollback staging --app shop`,
		Args: exactly("an ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			force, err := s.forced(cmd)
			if err != nil {
				return err
			}
			return runRollback(cmd.Context(), env, args[0], wire.NewRollback{To: to, App: app, Force: force}, s)
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&to, "to", "", "this `candidate` instead; of an app a commit or a shipment")
	cmd.Flags().StringVar(&app, "app", "", "of an environment that is deployed by Git: this `app`")
	return cmd
}

func runRollback(ctx context.Context, env *environment, environment string, n wire.NewRollback, s starting) error {
	c, project, err := env.inProject(ctx, s.ofProject)
	if err != nil {
		return err
	}
	d, err := c.RollBack(ctx, project, environment, n)
	if err != nil {
		return perhaps(err, "gio deployment list "+quoted(environment))
	}
	return env.asked(ctx, c, d.ID, s.wait, s.json)
}
