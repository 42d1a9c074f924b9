package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/wire"
)

func newEnvCommand(env *environment) *cobra.Command {
	return ledgerGroup("env", "Show what runs where",
		"An environment is where a project runs. gio-server knows which candidate runs there, and what is\nunder way.",
		newEnvListCommand(env), newEnvShowCommand(env), newEnvDiffCommand(env), newEnvResumeCommand(env))
}

func newEnvListCommand(env *environment) *cobra.Command {
	o := ofProject{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the environments of a project, and what runs there",
		Long: `List shows each environment with the candidate that runs there, or with each app and its commit,
since when, by whom, and what is under way; also whether it is frozen, or held since a rollback.

` + ledgerCodes,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEnvList(cmd.Context(), env, o) },
	}
	o.flags(cmd)
	return cmd
}

func runEnvList(ctx context.Context, env *environment, o ofProject) error {
	c, project, err := env.inProject(ctx, o)
	if err != nil {
		return err
	}
	all, err := c.Running(ctx, project)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, r := range all {
		rows = append(rows, runningRows(r)...)
	}
	return env.table(o.json, all, []string{"ENVIRONMENT", "TIER", "RUNS", "SINCE", "BY", "STATE", "UNDER WAY"}, rows)
}

// runningRows are what runs in an environment: one row, or one for each app.
func runningRows(r wire.Running) (rows [][]string) {
	for _, a := range r.Apps {
		one := r
		one.Current, one.Held, one.Active = a.Current, a.Held, nil
		for _, d := range r.Active {
			if d.App != nil && d.App.Name == a.Name {
				one.Active = append(one.Active, d)
			}
		}
		cells := runningCells(one)
		if cells[2] = a.Name; a.SHA != "" {
			cells[2] += " " + shortCommit(a.SHA)
		} else if a.Current == nil {
			cells[2] += " (nothing)"
		}
		rows = append(rows, cells)
	}
	if len(rows) == 0 || r.Current != nil {
		rows = append([][]string{runningCells(r)}, rows...)
	}
	return rows
}

func runningCells(r wire.Running) []string {
	cells := []string{r.Environment.Name, r.Environment.Tier, "", "", "", "", ""}
	if d := r.Current; d != nil {
		cells[2], cells[3], cells[4] = deployedIn(*d), when(&d.StartedAt), d.Actor
	}
	var active []string
	for _, d := range r.Active {
		active = append(active, fmt.Sprintf("%s %s", deployedIn(d), said(d.Status, d.Message)))
	}
	var state []string
	if r.Frozen {
		state = append(state, "frozen")
	}
	if r.Held {
		state = append(state, "held")
	}
	cells[5], cells[6] = strings.Join(state, ", "), strings.Join(active, "; ")
	return cells
}

func newLoginCommand(env *environment) *cobra.Command {
	local := false
	cmd := &cobra.Command{
		Use:   "login SERVER | --local",
		Short: "Keep the address of gio-server and a token for it",
		Long: `Login reads a token from standard input, tries it, and keeps it with the server's address in
$XDG_CONFIG_HOME/gio/server.json, which only you may read. GIO_SERVER and GIO_TOKEN come first.

` + ledgerCodes,
		Example: "  gio login https://gio.example.org <token.txt",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case local && len(args) == 0:
				return env.loginLocally(cmd.Context())
			case !local && len(args) == 1:
				return env.login(cmd.Context(), args[0], env.secretFromInput)
			}
			return fault.New(fault.Usage, "usage", "gio login takes the address of a server, or --local")
		},
	}
	cmd.Flags().BoolVar(&local, "local", false, "the server of this user on this machine, with its first token")
	return cmd
}

// loginLocally takes the token that a server of this user has written at its first start.
func (env *environment) loginLocally(ctx context.Context) error {
	file := filepath.Join(config.ServerData(env.Getenv), config.AdminTokenFile)
	return env.login(ctx, "http://"+config.ServerListen, func() (string, error) {
		secret, err := os.ReadFile(file)
		if err != nil {
			return "", fault.New(fault.NotFound, "no-admin-token", "there is no first token of a server").Because(err).
				Hint("start gio-server, which writes it; or gio login SERVER with another token")
		}
		return strings.TrimSpace(string(secret)), nil
	})
}

func (env *environment) login(ctx context.Context, server string, read func() (string, error)) error {
	if err := config.CheckServer(server); err != nil {
		return err
	}
	secret, err := read()
	if err != nil {
		return err
	}
	env.hide([]string{secret})
	if _, err := env.clientOf(server, secret).Projects(ctx); err != nil {
		return err
	}
	file, err := config.Login(env.Getenv, server, secret)
	if err == nil {
		fmt.Fprintf(env.Stderr, "%s takes the token; both are kept in %s\n", server, file)
	}
	return err
}
