package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
)

type checkOptions struct {
	operate.CheckOptions
	json bool
}

func newCheckCommand(env *environment) *cobra.Command {
	o := checkOptions{}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Find what is wrong before anything starts; read-only",
		Long: `Check asks CircleCI, GitHub and the release repository for everything that can be known to be
wrong before a release, and writes nothing. gio release checks the same first: an error keeps it
from starting, a warning does not. In a run that has begun, only what is still to be triggered is
checked. "gio help findings" lists the codes of the findings.

Checks on GitHub need GITHUB_TOKEN. With --offline gio reads the checkout alone: without token
and network, for the job of a pull request.

Exit codes: 0 no error, 2 wrong usage, 3 a token or right is missing, 4 a remote did not answer,
5 no manifest, 7 errors were found.`,
		Example: `  gio check
  gio check --offline
  gio check --only gravitee-gateway --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCheck(cmd.Context(), env, o) },
	}
	cmd.Flags().StringSliceVar(&o.Only, "only", nil, "check only these components")
	cmd.Flags().StringSliceVar(&o.Except, "except", nil, "leave these components out")
	cmd.Flags().BoolVar(&o.Offline, "offline", false, "ask neither CircleCI nor GitHub nor the remote")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the findings as JSON")
	return cmd
}

func runCheck(ctx context.Context, env *environment, o checkOptions) error {
	env.offline = o.Offline
	s, err := env.open(ctx)
	if err != nil {
		return err
	}
	r, err := operate.Check(ctx, s, o.CheckOptions)
	if err != nil {
		return err
	}
	if o.json {
		return env.printJSON(r.Err(), report.NewFindings(r))
	}
	return errors.Join(r.Err(), report.FindingsTable(env.out.painted(), r, env.outColumns(), env.outColor()))
}
