package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/wire"
)

func newTokenCommand(env *environment) *cobra.Command {
	return ledgerGroup("token", "Say who may do what on gio-server",
		`A token is the right of a person or a service, for one project or all:
  reader    reads
  reporter  reports deployments, too
  deployer  deploys, rolls back and resolves, too
  approver  reads, and approves deployments
  releaser  makes candidates and freezes environments, and does what a deployer does
  admin     does all of that, declares projects, makes tokens and reads the audit`,
		newTokenCreateCommand(env, false), newTokenCreateCommand(env, true), newTokenListCommand(env), newTokenRevokeCommand(env))
}

type tokenOptions struct {
	role, project string
	expires       time.Duration
	json          bool
}

func newTokenCreateCommand(env *environment, imports bool) *cobra.Command {
	o := tokenOptions{}
	cmd := &cobra.Command{
		Use:   "create SUBJECT",
		Short: "Make a token and print its secret, this once",
		Long: `Create makes a token for a person (an address) or a service, and prints its secret: the server
keeps only a hash of it.

` + ledgerCodes,
		Example: "  gio token create ci@example.org --role releaser --project apim",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTokenCreate(cmd.Context(), env, args[0], o, imports)
		},
	}
	if imports {
		cmd.Use, cmd.Short = "import SUBJECT", "Take over a token of another system"
		cmd.Long = `Import reads the secret of another system from standard input, at least 20 characters, so that its
clients keep using it. Only a hash of it is kept.

` + ledgerCodes
		cmd.Example = "  gio token import ci@example.org --role releaser <secret.txt"
	}
	cmd.Flags().StringVar(&o.role, "role", "reader", "reader, reporter, deployer, approver, releaser, admin")
	cmd.Flags().StringVar(&o.project, "project", "", "the only project it is for (default: all)")
	cmd.Flags().DurationVar(&o.expires, "expires", 0, "how long it is valid, as in 720h (default: until it is revoked)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the token as JSON")
	return cmd
}

func runTokenCreate(ctx context.Context, env *environment, subject string, o tokenOptions, imports bool) error {
	t := wire.NewToken{Subject: subject, Role: o.role, Project: o.project}
	if o.expires < 0 {
		return fault.New(fault.Usage, "usage", "--expires cannot be negative")
	}
	if o.expires > 0 {
		end := time.Now().Add(o.expires)
		t.ExpiresAt = &end
	}
	if imports {
		var err error
		if t.Secret, err = env.secretFromInput(); err != nil {
			return err
		}
	}
	c, err := env.server()
	if err != nil {
		return err
	}
	made, err := c.CreateToken(ctx, t)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "token %s of %s, role %s\n", made.ID, made.Subject, made.Role)
	switch {
	case o.json:
		return env.writeJSON(made)
	case imports:
		return nil
	}
	_, err = fmt.Fprintln(env.Stdout, made.Secret)
	return err
}

func newTokenListCommand(env *environment) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tokens, without their secrets",
		Long:  "List shows the tokens that an admin's token sees, the newest first.\n\n" + ledgerCodes,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := env.server()
			if err != nil {
				return err
			}
			all, err := c.Tokens(cmd.Context())
			if err != nil {
				return err
			}
			var rows [][]string
			for _, t := range all {
				rows = append(rows, []string{t.ID, t.Subject, t.Role, t.Project, when(&t.CreatedAt), when(t.ExpiresAt), when(t.UsedAt), when(t.RevokedAt)})
			}
			return env.table(asJSON, all, []string{"ID", "SUBJECT", "ROLE", "PROJECT", "MADE", "EXPIRES", "USED", "REVOKED"}, rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON instead")
	return cmd
}

func newTokenRevokeCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Short:   "End a token at once",
		Long:    "Revoke ends a token: from then on the server refuses it.\n\n" + ledgerCodes,
		Example: "  gio token revoke 0193…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := env.server()
			if err != nil {
				return err
			}
			return c.RevokeToken(cmd.Context(), args[0])
		},
	}
}
