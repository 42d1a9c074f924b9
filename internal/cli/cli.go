// Package cli turns a command line into calls. It is the one edge of the program: arguments,
// environment, signals, streams and the exit code live here and nowhere below.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
)

// version is set by the linker (see Makefile); a `go install` takes the module's.
var version string

// Version is the version of this gio.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// Program is one execution of gio with everything it touches from outside.
type Program struct {
	Args    []string // without the program's name
	Getenv  func(string) string
	Dir     string    // working directory
	Stdin   io.Reader // where a question is answered; nil when there is nobody
	Stdout  io.Writer
	Stderr  io.Writer
	Signals <-chan os.Signal // interrupts; may be nil
}

// Main runs the program with the process's own arguments, environment, streams and signals.
func Main() int {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	return Program{
		Args: os.Args[1:], Getenv: os.Getenv, Dir: dir,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Signals: signals,
	}.Run()
}

// Run executes the command line and gives its exit code: 0, or the fault.Kind of what went wrong,
// which it has then told on Stderr.
func (p Program) Run() int {
	env := &environment{Program: p, outTerminal: isTerminal(p.Stdout), errTerminal: isTerminal(p.Stderr)}
	env.Stderr = &shared{w: p.Stderr}
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
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
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
		err = errInterrupted // whoever was interrupted said no more than that
	}
	if asked := cmd.Flags().Lookup("json"); err != nil && asked != nil && asked.Changed && !env.printed {
		_ = report.JSON(env.Stdout, report.NewFailure(err)) // the exit code says it, too
	}
	env.printError(err)
	return int(fault.KindOf(err))
}

// shared is a writer for several goroutines: the engine and the signals both talk on stderr.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// noteBegin makes every command note that it has begun: what cobra says before that is about the command line.
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

// usage is cobra's own refusal of a command line, which is no fault, as one.
func usage(cmd *cobra.Command, err error) error {
	if fault.CodeOf(err) != "" {
		return err
	}
	return fault.New(fault.Usage, "usage", "%s", err).Hint("`%s --help` shows how it is used", cmd.CommandPath())
}

func newRootCommand(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "gio",
		Short: "Release a product made of many Git repositories with one command",
		Long: `gio reads release.json, triggers the CircleCI pipelines of its components wave by wave, watches
them to the end, records what succeeded in the release repository, tags it and prepares the
next version. A run that failed or was killed is finished by the same command.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       Version(),
		Args:          cobra.ArbitraryArgs, // group refuses them better than cobra
		RunE:          group,

		SuggestionsMinimumDistance: 2,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&env.file, "file", "release.json", "the manifest to release from")
	flags.StringVar(&env.repo, "repo", "", "release repository (org/name or address) instead of a checkout")
	flags.StringVar(&env.branch, "branch", "", "release branch (default: the checkout's)")
	flags.StringVar(&env.config, "config", "", "configuration (default: gio.yaml beside the manifest)")
	flags.BoolVar(&env.verbose, "verbose", false, "say every request, and where every setting came from")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if name := firstWord(env.Args); cmd == root && name != "" { // its flags are unknown because it is
			return unknownCommand(root, name)
		}
		return fault.New(fault.Usage, "usage", "%s", err).Hint("`%s --help` lists the flags", cmd.CommandPath())
	})
	addCommands(root, env)
	root.AddCommand(helpTopics()...)
	root.SetHelpCommand(newHelpCommand())
	root.SetUsageTemplate(usageTemplate(root.UsageTemplate()))
	root.InitDefaultCompletionCmd()
	if cmd, _, err := root.Find([]string{"completion"}); err == nil {
		cmd.Args, cmd.RunE = cobra.ArbitraryArgs, group
		cmd.Long = strings.TrimSpace(cmd.Long) + "\n\nExit codes: 0 done, 2 wrong usage."
	}
	return root
}

// addCommands adds them under the headings under which `gio help` lists them.
func addCommands(root *cobra.Command, env *environment) {
	const beside = "Beside:"
	for _, g := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Before a release:", []*cobra.Command{
			newInitCommand(env), newPrepareCommand(env), newPlanCommand(env), newCheckCommand(env), newRehearseCommand(env),
		}},
		{"A release:", []*cobra.Command{
			newReleaseCommand(env), newStatusCommand(env), newWatchCommand(env), newApproveCommand(env), newCancelCommand(env), newDoctorCommand(env),
			newResolveCommand(env),
		}},
		{"Afterwards:", []*cobra.Command{
			newStageCommand(env), newHistoryCommand(env), newReportCommand(env), newBOMCommand(env),
		}},
		{beside, []*cobra.Command{newTriggerCommand(env), newPullRequestCommand(env), newSimCommand(env), newVersionCommand(env)}},
	} {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, cmd := range g.commands {
			cmd.GroupID = g.title
		}
		root.AddCommand(g.commands...)
	}
	root.SetCompletionCommandGroupID(beside)
}

// firstWord is the first argument, unless it is a flag.
func firstWord(args []string) string {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return ""
	}
	return args[0]
}

// group is what a command does that only groups others: help without arguments, else a clear no.
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

// noArguments refuses arguments of a command that takes none.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fault.New(fault.Usage, "usage", "%s takes no argument, but got %q", cmd.CommandPath(), args[0]).
			Hint("`%s --help` shows how it is used", cmd.CommandPath())
	}
	return nil
}

func newVersionCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of gio", Args: noArguments,
		Long: "Version prints the version of this gio.\n\nExit codes: 0 done, 2 wrong usage.",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(env.Stdout, "gio", Version())
			return err
		},
	}
}

// isTerminal tells it of a stream, which may be nil.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
