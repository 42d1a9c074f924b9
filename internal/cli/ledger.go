package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/client"
	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/transport"
)

// ledgerGroupID is the heading of the commands that ask gio-server.
const ledgerGroupID = "Deploy (gio-server):"

// ledgerCodes are the exit codes of every command that asks gio-server.
const ledgerCodes = "Exit codes: 0 done, 2 usage, 3 not allowed, 4 the server failed, 5 not found, 7 refused."

// server makes a client of the gio-server that the environment or gio login names.
func (env *environment) server() (*client.Client, error) {
	found, err := config.FindServer(env.Getenv)
	if err != nil {
		return nil, err
	}
	env.hide([]string{found.Token})
	env.printSetting("gio-server", found.Host)
	env.printSetting("gio-server token", config.Value{Value: "***", Source: found.From})
	return env.clientOf(found.Host.Value, found.Token), nil
}

func (env *environment) clientOf(server, token string) *client.Client {
	return client.New(server, token, transport.New(transport.Options{
		Version: config.Version(), Log: env.log(), Impatient: true, Trouble: func(sentence string) { fmt.Fprintln(env.Stderr, sentence) },
	}))
}

// project is the project of a command: the flag's, GIO_PROJECT's, else the only one that the token sees, else the server's default.
func (env *environment) project(ctx context.Context, c *client.Client, flag string) (string, error) {
	if v := config.First(config.Value{Value: flag, Source: "--project"}, config.Env(env.Getenv, "GIO_PROJECT")); v.Value != "" {
		env.printSetting("project", v)
		return v.Value, nil
	}
	all, err := c.Projects(ctx)
	if err != nil {
		return "", err
	}
	if len(all) == 1 {
		env.printSetting("project", config.Value{Value: all[0].Name, Source: "the only one"})
		return all[0].Name, nil
	}
	var names []string
	for _, p := range all {
		if p.Default {
			env.printSetting("project", config.Value{Value: p.Name, Source: "the server's default"})
			return p.Name, nil
		}
		names = append(names, p.Name)
	}
	f := fault.New(fault.Usage, "no-project", "no project is named")
	if len(names) == 0 {
		return "", f.Hint("there is none yet: gio project init, then gio project apply")
	}
	return "", f.Hint("name one with --project or GIO_PROJECT: %s", strings.Join(names, ", "))
}

// table prints rows, or v as JSON.
func (env *environment) table(asJSON bool, v any, header []string, rows [][]string) error {
	if asJSON {
		return env.writeJSON(v)
	}
	return report.Table(env.Stdout, header, rows, env.outColumns())
}

func ledgerGroup(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long + "\n\n" + ledgerCodes, Args: cobra.ArbitraryArgs, RunE: group}
	cmd.AddCommand(commands...)
	return cmd
}

// secretFromInput reads one line, so that no secret stands on a command line.
func (env *environment) secretFromInput() (string, error) {
	if env.Stdin == nil {
		return "", fault.New(fault.Usage, "no-input", "the secret is read from standard input")
	}
	data, err := io.ReadAll(io.LimitReader(env.Stdin, 64<<10))
	if err != nil {
		return "", fault.New(fault.Usage, "no-input", "the secret cannot be read").Because(err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	secret := strings.TrimSpace(line)
	env.hide([]string{secret})
	return secret, nil
}

func when(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}
