// Package cli turns a command line into calls. It is the one edge of the program: arguments,
// environment, signals, streams and the exit code live here and nowhere below.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/report"
)

// Program is one execution of gio with everything it touches from outside.
type Program struct {
	Name    string   // by which people call it; "" is gio
	Args    []string // without the program's name
	Getenv  func(string) string
	Environ []string  // of the git program; nil: there is none
	Dir     string    // working directory
	Stdin   io.Reader // answers to questions; nil when there is nobody to ask
	Stdout  io.Writer
	Stderr  io.Writer
	Signals <-chan os.Signal // interrupts; may be nil
}

// Main runs the program with the process's own arguments, environment, streams and signals.
func Main() int {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a reader that left is an error of a write, and does not end a release
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	return Program{
		Name: calledName(os.Args[0]), Args: os.Args[1:], Getenv: os.Getenv, Environ: os.Environ(), Dir: dir,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Signals: signals,
	}.Run()
}

// calledName returns the name by which packages install the program, where it was called by that: beside GLib's gio.
func calledName(path string) string {
	if strings.TrimSuffix(filepath.Base(path), ".exe") == packagedName {
		return packagedName
	}
	return ""
}

// Run executes the command line and returns its exit code: 0, or the fault.Kind of what went wrong,
// which it has then printed on Stderr.
func (p Program) Run() int {
	env := newEnvironment(p)
	args, container, err := rewriteContainer(p.Args)
	if err != nil {
		env.printError(err)
		return int(fault.KindOf(err))
	}
	if env.container = container; container {
		args = env.enterContainer(args)
	}
	root := newRootCommand(env)
	root.SetArgs(args)
	began := false
	noteBegin(root, &began)
	over := make(chan struct{})
	defer close(over)
	ctx, done := env.interruptible(context.Background(), errInterrupted)
	defer done()
	go env.signals.listen(p.Signals, over)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err != nil && !began:
		err = usage(cmd, err)
	case errors.Is(err, context.Canceled):
		err = errInterrupted // the interrupted function returned nothing better
	}
	err = env.settled(err)
	err = fault.Rendered(err, env.command)
	if err != nil && wantsJSON(cmd) && !env.printed {
		_ = env.writeJSON(report.NewFailure(err)) // if that fails, the exit code still says it
	}
	env.printError(err)
	_, _ = env.out.flush(), env.talk.flush() // the exit code is settled
	return int(fault.KindOf(err))
}

// wantsJSON reports whether one of a command's flags asks for JSON.
func wantsJSON(cmd *cobra.Command) bool {
	if on, err := cmd.Flags().GetBool("json"); err == nil && on {
		return true
	}
	format, err := cmd.Flags().GetString("format")
	return err == nil && format == "json" && cmd.Flags().Changed("format")
}

// noteBegin makes every command note that it has begun: an error before that is cobra's, about the command line.
func noteBegin(cmd *cobra.Command, began *bool) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*began = true
			return run(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		noteBegin(sub, began)
	}
}

// usage turns cobra's refusal of a command line into a fault.
func usage(cmd *cobra.Command, err error) error {
	if fault.CodeOf(err) != "" {
		return err
	}
	return fault.New(fault.Usage, "usage", "%s", err).Hint("`%s --help` shows how it is used", cmd.CommandPath())
}

func newRootCommand(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:           cmp.Or(env.Name, "gio"),
		Short:         "Release a product made of many Git repositories with one command",
		Long:          `gio releases a product of many Git repositories. The same command finishes a failed run.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       config.Version(),
		Args:          cobra.ArbitraryArgs, // group's message is better than cobra's
		RunE:          group,

		SuggestionsMinimumDistance: 2,
	}
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	addGlobals(root, env)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if name := firstWord(env.Args); cmd == root && name != "" { // the command is unknown, not only its flag
			return unknownCommand(root, name)
		}
		f := fault.New(fault.Usage, "usage", "%s", err)
		if near := nearestFlag(cmd, err); near != "" {
			f = f.Hint("did you mean --%s?", near)
		}
		return f.Hint("`%s --help` lists the flags", cmd.CommandPath())
	})
	addCommands(root, env)
	root.AddCommand(helpTopics()...)
	root.SetHelpCommand(newHelpCommand())
	root.SetUsageTemplate(usageTemplate(root.UsageTemplate(), root.PersistentFlags()))
	root.InitDefaultCompletionCmd()
	if cmd, _, err := root.Find([]string{"completion"}); err == nil {
		cmd.Args, cmd.RunE = cobra.ArbitraryArgs, group
		cmd.Long = strings.TrimSpace(cmd.Long) + "\n\nExit codes: 0 done, 2 wrong usage."
	}
	addOutputs(root, env)
	completeBash(root)
	addCompletions(root, env)
	return root
}

// addCommands adds the commands with the headings of `gio help`.
func addCommands(root *cobra.Command, env *environment) {
	for _, g := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Before a release:", []*cobra.Command{
			newInitCommand(env), newPrepareCommand(env), newPlanCommand(env), newCheckCommand(env), newRehearseCommand(env),
		}},
		{"A release:", []*cobra.Command{
			newOverviewCommand(env),
			newReleaseCommand(env), newStatusCommand(env), newWatchCommand(env), newApproveCommand(env), newCancelCommand(env), newDoctorCommand(env), newLogsCommand(env),
			newResolveCommand(env), newRetryCommand(env),
		}},
		{"Afterwards:", []*cobra.Command{
			newStageCommand(env), newHistoryCommand(env), newReportCommand(env), newBOMCommand(env), newChangelogCommand(env), newWhereCommand(env),
		}},
		{ledgerGroupID, []*cobra.Command{
			newCandidateCommand(env), newDeployCommand(env), newDeploymentCommand(env), newRollbackCommand(env), newFreezeCommand(env),
			newBundleCommand(env), newPromoteCommand(env), newShipmentCommand(env), newEnvCommand(env), newProjectCommand(env), newTokenCommand(env), newAuditCommand(env), newLoginCommand(env),
		}},
		{othersGroupID, []*cobra.Command{newTriggerCommand(env), newPullRequestCommand(env), newSimCommand(env), newVersionCommand(env)}},
	} {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, cmd := range g.commands {
			cmd.GroupID = g.title
		}
		root.AddCommand(g.commands...)
	}
	root.SetCompletionCommandGroupID(othersGroupID)
}

// firstWord returns the first argument, "" where it is a flag.
func firstWord(args []string) string {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return ""
	}
	return args[0]
}

// group runs a command that only groups others: it shows its help, and refuses an unknown command.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return unknownCommand(cmd, args[0])
}

func unknownCommand(cmd *cobra.Command, name string) error {
	f := fault.New(fault.Usage, "usage", "there is no command %q", name)
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		f = f.Hint("did you mean %s?", strings.Join(near, " or "))
	}
	return f.Hint("`%s --help` lists the commands", cmd.CommandPath())
}

// nearestFlag returns the flag that an unknown one is a misspelling of; "" for none.
func nearestFlag(cmd *cobra.Command, err error) string {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return ""
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return manifest.Misspelt(names, unknown.GetSpecifiedName())
}

// noArguments returns a fault for arguments of a command that takes none.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fault.New(fault.Usage, "usage", "%s takes no argument, but got %q", cmd.CommandPath(), args[0]).
			Hint("`%s --help` shows how it is used", cmd.CommandPath())
	}
	return nil
}

func newVersionCommand(env *environment) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version of gio", Args: noArguments,
		Long: "Version prints the version of this gio; --json adds commit, date and Go version.\n\nExit codes: 0 done, 2 wrong usage.",
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return env.writeJSON(config.ThisBuild())
			}
			_, err := fmt.Fprintln(env.Stdout, "gio", config.Version())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what is known of this build as JSON")
	return cmd
}

// isTerminal reports whether a stream, which may be nil, is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
