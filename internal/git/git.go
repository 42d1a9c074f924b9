// Package git asks the git program, where it is on the PATH, what only it knows: its configuration with all that it includes,
// and the credentials that its helpers have. By that configuration it knows where Git pushes a branch, and with which ssh.
//
// It runs git rarely: one process reads the whole configuration. It changes the checkout in FastForward alone.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Git is the git program with an environment, a directory and the configuration that holds there. The zero value stands for no
// program and an empty configuration.
type Git struct {
	Config Config

	getenv    func(string) string
	path, dir string
	env       []string
}

// Find finds the git program on the PATH of an environment, which git and what it starts will have ("NAME=value" each). There
// is none where environ is nil: the result then only knows getenv.
func Find(getenv func(string) string, environ []string) Git {
	g := Git{getenv: getenv, env: environ}
	if environ == nil {
		return g
	}
	for _, dir := range filepath.SplitList(g.Getenv("PATH")) {
		if !filepath.IsAbs(dir) { // not a program of the working directory
			continue
		}
		if path, err := exec.LookPath(filepath.Join(dir, "git")); err == nil {
			g.path = path
			return g
		}
	}
	return g
}

// Format prints no variable of the environment, which has secrets.
func (g Git) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "git in "+g.dir) }

// Found reports whether there is a git program.
func (g Git) Found() bool { return g.path != "" }

// Getenv returns a variable of the environment, "" where it is not set.
func (g Git) Getenv(name string) string {
	if g.getenv == nil {
		return ""
	}
	return g.getenv(name)
}

// Elsewhere returns the repository that GIT_DIR names, "" where it names none, or this directory.
func (g Git) Elsewhere(gitDir string) string {
	named := g.Getenv("GIT_DIR")
	want, err := os.Stat(gitDir)
	if named == "" || err != nil {
		return ""
	}
	if got, err := os.Stat(named); err == nil && os.SameFile(got, want) {
		return ""
	}
	return named
}

// At returns the same program in a directory, with the configuration that holds there. Without a program the configuration is
// empty. Fault: "git-config" (kind Invalid), with the words of git.
func (g Git) At(ctx context.Context, dir string) (Git, error) {
	g.dir, g.Config = dir, nil
	if !g.Found() {
		return g, nil
	}
	ctx, cancel := context.WithTimeout(ctx, configTimeout)
	defer cancel()
	out, err := g.output(ctx, "", "config", "--list", "--null", "--show-origin")
	if err != nil {
		return g, fault.New(fault.Invalid, "git-config", "git cannot read its configuration in %s", dir).Because(err).
			Hint("correct the file that git names")
	}
	g.Config = parseConfig(string(out), dir)
	return g, nil
}

// Outside is At for no checkout: only the configuration of the person and of the machine holds.
func (g Git) Outside(ctx context.Context, near string) (Git, error) {
	return g.At(ctx, filepath.VolumeName(near)+string(filepath.Separator))
}

// Own returns the program for a directory in which git refuses to work: it runs outside of it, with this configuration.
func (g Git) Own(config Config, near string) Git {
	g.Config, g.dir = config, filepath.VolumeName(near)+string(filepath.Separator)
	return g
}

const (
	configTimeout = 30 * time.Second
	// helperTimeout ends a credential helper that waits for a person.
	helperTimeout = 30 * time.Second
)

// Fill asks the credential helpers for the user and the password of an address, whose user, if it has one, they must know. The
// password is "" where they have none. Git never prompts; a program that GIT_ASKPASS or core.askPass names may.
func (g Git) Fill(ctx context.Context, address string) (user, password string) {
	if !g.Found() {
		return "", ""
	}
	ctx, cancel := context.WithTimeout(ctx, helperTimeout)
	defer cancel()
	out, err := g.output(ctx, "url="+address+"\n\n", "credential", "fill")
	if err != nil {
		return "", ""
	}
	for line := range strings.Lines(string(out)) {
		switch key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "="); key {
		case "username":
			user = value
		case "password":
			password = value
		}
	}
	return user, password
}

// HTTP returns the settings of http.* for an address, by name in lower case.
func (g Git) HTTP(ctx context.Context, address string) map[string]string {
	if !g.Found() || !slices.ContainsFunc(g.Config, func(e Entry) bool { return strings.HasPrefix(e.Key, "http.") }) {
		return nil
	}
	out, err := g.output(ctx, "", "config", "--null", "--get-urlmatch", "http", address)
	if err != nil {
		return nil
	}
	settings := map[string]string{}
	for entry := range strings.SplitSeq(string(out), "\x00") {
		name, value, _ := strings.Cut(entry, "\n")
		settings[strings.TrimPrefix(name, "http.")] = value
	}
	return settings
}

// Branches lists the names of the repository's branches and of its remotes' ones as they were when they were fetched, each once; none
// where the program cannot say.
func (g Git) Branches(ctx context.Context) (names []string) {
	if !g.Found() {
		return nil
	}
	for _, refs := range [][]string{{"--format=%(refname:lstrip=2)", "refs/heads"}, {"--format=%(refname:lstrip=3)", "refs/remotes"}} {
		out, err := g.output(ctx, "", append([]string{"for-each-ref"}, refs...)...)
		if err != nil {
			return nil
		}
		for _, name := range strings.Fields(string(out)) {
			if name != "HEAD" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// HasOwn reports whether the checkout holds what is nowhere else: changes of files that git knows, or commits that no branch of a
// remote had when it was fetched. It is true, too, where the program cannot say.
func (g Git) HasOwn(ctx context.Context) bool {
	if !g.Found() {
		return true
	}
	for _, question := range [][]string{{"status", "--porcelain", "--untracked-files=no"}, {"rev-list", "--max-count=1", "HEAD", "--not", "--remotes"}} {
		if out, err := g.output(ctx, "", question...); err != nil || len(out) > 0 {
			return true
		}
	}
	return false
}

// Behind counts the commits that a remote's branch had when it was fetched, and HEAD has not; 0 where the program cannot say.
func (g Git) Behind(ctx context.Context, remote, branch string) int {
	if !g.Found() {
		return 0
	}
	out, err := g.output(ctx, "", "rev-list", "--count", "HEAD..refs/remotes/"+remote+"/"+branch)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(out))) // what is no number is not known
	return n
}

// FastForward brings the branch that is checked out, and its files, to where that branch of a remote is now. It changes nothing
// where that is no fast-forward, or would overwrite a file. Fault: "no-fast-forward" (kind Stopped), with the words of git.
func (g Git) FastForward(ctx context.Context, remote, branch string) error {
	for _, step := range [][]string{{"fetch", "--quiet", remote, "refs/heads/" + branch}, {"merge", "--quiet", "--ff-only", "FETCH_HEAD"}} {
		if _, err := g.output(ctx, "", step...); err != nil {
			return fault.New(fault.Stopped, "no-fast-forward", "the checkout was not fast-forwarded to %s of %s", branch, remote).Because(err).
				Hint("`git pull`")
		}
	}
	return nil
}

// output runs git in the directory and returns what it prints; the error has git's own words.
func (g Git) output(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, g.path, args...)
	// SSH_ASKPASS is a program with a window, for which Git itself does not ask.
	cmd.Dir, cmd.Env = g.dir, append(g.clean(), "GIT_TERMINAL_PROMPT=0", "SSH_ASKPASS=", "GCM_INTERACTIVE=never", "LC_ALL=C")
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = time.Second
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if said := strings.TrimSpace(words.String()); err != nil && said != "" {
		err = errors.New(said)
	}
	return out, err
}

// local are the variables that tie git to one repository, whatever directory it runs in. Git sets them for its hooks.
var local = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE",
	"GIT_INDEX_FILE", "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
}

// clean returns the environment without them: gio has found the checkout already.
func (g Git) clean() []string {
	return slices.DeleteFunc(slices.Clone(g.env), func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return slices.Contains(local, name)
	})
}
