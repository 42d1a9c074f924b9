package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/transport"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// environment is what the commands share: the program and its global flags. It makes the setup of operations.
type environment struct {
	Program
	signals   signals
	out, talk *outlet // stdout and stderr; Stdout and Stderr are their streams for plain text

	file, branch, config     string
	repo                     string // instead of a checkout
	offline                  bool   // the checkout alone is read
	verbose, quiet           bool
	yaml                     bool // --output yaml
	colors                   colorWhen
	outTerminal, errTerminal bool     // decided once, by stream
	drove                    bool     // a run was driven, and not as a client dry run
	printed                  bool     // a command has printed its JSON result
	container                bool     // started in the container form of the release jobs
	notes                    []string // about the container, printed when the command begins
	closing                  string   // the last line but `exit N`, if any
}

func newEnvironment(p Program) *environment {
	env := &environment{
		Program: p, outTerminal: isTerminal(p.Stdout), errTerminal: isTerminal(p.Stderr),
		out: &outlet{name: "stdout", w: p.Stdout, called: p.Name}, talk: &outlet{name: "stderr", w: p.Stderr, called: p.Name},
	}
	env.out.color, env.talk.color = env.outColor(), env.color()
	env.Stdout, env.Stderr = env.out.plain(), env.talk.plain()
	return env
}

// workspaceOptions returns the options of the global flags.
func (env *environment) workspaceOptions() workspace.Options {
	return workspace.Options{
		Dir: env.Dir, File: env.file, Repo: env.repo, Branch: env.branch, Offline: env.offline, Config: env.config,
		Getenv: env.Getenv, Environ: env.Environ, Container: env.container, Version: config.Version(), Resolved: env.printSetting, Warn: env.warn,
	}
}

// setup makes the setup of operations on a workspace, without questions and without a view.
func (env *environment) setup(ws workspace.Workspace) operate.Setup {
	env.hide(ws.Secrets())
	return operate.Setup{
		Workspace: ws, HoldLimit: env.holdLimit(), Tell: env.tell, Warn: env.warn, Saw: env.saw(ws),
		Wire: transport.Options{Version: config.Version(), Log: env.log(), Impatient: env.errTerminal, Trouble: func(sentence string) {
			fmt.Fprintln(env.Stderr, sentence)
		}},
		Leaving: func(ctx context.Context) (context.Context, func()) {
			return env.interruptible(ctx, operate.ErrDetached)
		},
	}
}

// open makes the setup of operations on the workspace that the command was started in.
func (env *environment) open(ctx context.Context) (operate.Setup, error) {
	ws, err := workspace.Open(ctx, env.workspaceOptions())
	if err != nil {
		return operate.Setup{}, err
	}
	return env.setup(ws), nil
}

// openAnyBranch is open for commands about all of the release repository: with --repo they need no --branch.
func (env *environment) openAnyBranch(ctx context.Context) (operate.Setup, error) {
	options := env.workspaceOptions()
	options.AnyBranch = true
	ws, err := workspace.Open(ctx, options)
	if err != nil {
		return operate.Setup{}, err
	}
	return env.setup(ws), nil
}

// hide keeps secrets out of all that is printed from now on.
func (env *environment) hide(secrets []string) {
	env.out.hide(secrets)
	env.talk.hide(secrets)
}

// path makes a path of the command line absolute.
func (env *environment) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(env.Dir, p)
}

// holdLimit is how long gio waits for an approval: a day where a person is watching.
func (env *environment) holdLimit() time.Duration {
	if env.errTerminal {
		return 24 * time.Hour
	}
	return 15 * time.Minute
}

// printSetting prints a setting with its source under --verbose.
func (env *environment) printSetting(what string, v config.Value) {
	if env.verbose {
		fmt.Fprintf(env.Stderr, "%s: %s\n", what, v)
	}
}

// warn prints one line: a name with a line end in it must not look like one of gio's own.
func (env *environment) warn(sentence string) {
	fmt.Fprintf(env.Stderr, "warning: %s\n", strings.ReplaceAll(sentence, "\n", " "))
}

func (env *environment) warnAll(sentences []string) {
	for _, sentence := range sentences {
		env.warn(sentence)
	}
}

func (env *environment) log() zerolog.Logger {
	if !env.verbose {
		return zerolog.Nop()
	}
	return zerolog.New(zerolog.ConsoleWriter{Out: env.Stderr, NoColor: true, TimeFormat: time.TimeOnly}).With().Timestamp().Logger()
}
