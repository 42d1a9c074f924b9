package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// dryLevel is the flag --dry-run.
type dryLevel operate.Level

func (l dryLevel) is(level operate.Level) bool { return operate.Level(l) == level }

// Set reads the flag's value.
func (l *dryLevel) Set(value string) error {
	switch value {
	case "true", string(operate.Client):
		*l = dryLevel(operate.Client)
	case string(operate.Server):
		*l = dryLevel(operate.Server)
	case "false", "none":
		*l = dryLevel(operate.Real)
	default:
		return errors.New("it is client, server, or false for a real run")
	}
	return nil
}

func (l *dryLevel) String() string { return string(*l) }

// Type is what the help calls the value.
func (*dryLevel) Type() string { return "level" }

// notBehindDryRun refuses an argument after --dry-run that looks like its value: it must never turn a dry run into a release, or
// the other way round.
func notBehindDryRun(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && cmd.Flags().Changed("dry-run") {
		level := new(dryLevel)
		if level.Set(args[0]) == nil {
			return fault.New(fault.Usage, "usage", "%q follows --dry-run but is not its value", args[0]).
				Hint("write --dry-run=%s, with the equals sign; --dry-run alone is --dry-run=client, a real run is --dry-run=false", args[0])
		}
	}
	if f := cmd.Flags().Lookup("only"); f != nil && len(args) > 0 {
		return fault.New(fault.Usage, "usage", "%s takes no argument, but got %q", cmd.CommandPath(), args[0]).
			Hint("%s --only %s, for these components alone", cmd.CommandPath(), strings.Join(args, ","))
	}
	return noArguments(cmd, args)
}

// noServerLevel refuses the server level for a command whose pipelines may not know the parameter dry_run.
func noServerLevel(cmd *cobra.Command, l dryLevel) error {
	if !l.is(operate.Server) {
		return nil
	}
	return fault.New(fault.Usage, "usage", "%s has no --dry-run=server: what it starts need not know the parameter dry_run, and would really run", cmd.CommandPath()).
		Hint("--dry-run=client shows what would be sent")
}

// serverDryRun returns the last line of a server dry run.
func serverDryRun(what string) string {
	return "this was a dry run, level server: " + what + "; --dry-run=client only shows what would be done"
}

// announce prints, as the first line and the last, which level of dry run this is and what the other one is; serverToo says that
// the command has the server level. Then it prints the notes about the container.
func (env *environment) announce(l dryLevel, serverToo bool) {
	other := "--dry-run=false really runs the pipelines"
	if serverToo {
		other = "--dry-run=server really runs the pipelines, with dry_run: true"
	}
	switch operate.Level(l) {
	case operate.Client:
		no := ""
		if !serverToo {
			no = "; there is no level server"
		}
		fmt.Fprintf(env.Stderr, "dry run, level client: nothing is started and nothing is written (%s%s)\n", other, no)
		env.closing = "this was a dry run, level client: nothing was started, nothing was written; " + other
	case operate.Server:
		fmt.Fprintln(env.Stderr, "dry run, level server: the pipelines really run, with dry_run: true; nothing but gio's journal is written (--dry-run=client only shows what would be done)")
		env.closing = serverDryRun("nothing was started, and nothing was released") // until a run begins
	case operate.Real:
	}
	for _, note := range env.notes {
		fmt.Fprintln(env.Stderr, note)
	}
}

// announceRemote prints, before anything starts, which repository is released and recorded in: it need not be origin.
func (env *environment) announceRemote(ws workspace.Workspace) {
	if remote := ws.Remote(); remote != "" {
		fmt.Fprintf(env.Stderr, "release repository: %s\n", remote)
	}
}
