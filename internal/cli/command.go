package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// tell prints a sentence; it renders next steps as commands.
func (env *environment) tell(format string, args ...any) {
	fmt.Fprintln(env.Stderr, fault.Render(env.command, format, args...))
}

// command renders a next step as a command in a sentence. The command that continues a run names the same release repository as
// this command line.
func (env *environment) command(n fault.Next) string {
	if n.Action != fault.Resume {
		return n.String()
	}
	name, err := run.ParseName(n.Run)
	if err != nil { // the release of the version in release.json, or its dry run
		name = run.Name{Kind: cmp.Or(run.Kind(n.Run), run.Release)}
	}
	return env.resume(name)
}

// resume returns the command that continues a run.
func (env *environment) resume(name run.Name) string {
	command := "gio release"
	switch name.Kind {
	case run.DryRun:
		command += " --dry-run=server"
	case run.Staging:
		command = "gio stage " + quoted(name.Version) + " --dry-run=false"
	case run.Trigger:
		return "the command that began it"
	case run.Release:
	}
	return "`" + command + env.onBranch(env.branch) + "`"
}

// onBranch returns the flags with which another command works on this branch of the same release repository; "" is the checkout's.
func (env *environment) onBranch(branch string) (flags string) {
	for _, flag := range []struct{ name, value, usual string }{
		{"--repo", env.repo, ""}, {"--branch", branch, ""}, {"--file", env.file, workspace.ManifestName}, {"--config", env.config, ""},
	} {
		if flag.value != flag.usual {
			flags += " " + flag.name + " " + quoted(env.redacted(flag.value))
		}
	}
	return flags
}

// resumeCommand returns the command that continues the run of a header, for a sentence.
func (env *environment) resumeCommand(h run.Header) string { return env.resume(h.Name()) }

// commandLine returns this command line for a sentence; "" in the container form, which is not gio's own.
func (env *environment) commandLine() string {
	if env.container {
		return ""
	}
	words := []string{"gio"}
	for _, arg := range env.Args {
		words = append(words, quoted(env.redacted(arg)))
	}
	return "`" + strings.Join(words, " ") + "`"
}

// redacted removes from a word of the command line the password that the address of --repo may contain.
func (env *environment) redacted(word string) string {
	if env.repo == "" {
		return word
	}
	return strings.ReplaceAll(word, env.repo, gitrepo.Redact(env.repo))
}

// quoted quotes a word for a shell.
func quoted(word string) string {
	if word == "" || strings.ContainsAny(word, " \t\n'\"\\$`*?&|;<>()#~!{}[]") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
