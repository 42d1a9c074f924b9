package git_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/git"
)

// programs makes a directory of programs that print their arguments, each in a line; ssh-like ones know -G.
func programs(t *testing.T, names ...string) string {
	t.Helper()
	bin := t.TempDir()
	for _, name := range names {
		script := "#!/bin/sh\nfor a; do echo \"$a\"; done\n"
		if strings.HasPrefix(name, "odd") {
			script = "#!/bin/sh\ntest \"$1\" != -G || exit 1\nfor a; do echo \"$a\"; done\n"
		}
		write(t, filepath.Join(bin, name), script)
	}
	return bin
}

// SSH starts the program that git would, with the arguments of its kind.
func TestSSH(t *testing.T) {
	t.Parallel()
	bin := programs(t, "git", "ssh", "plink", "odd", "wrapped")
	path := "PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH")
	login := git.Login{User: "u", Host: "h", Port: 22}
	const batch = "-o BatchMode=yes "
	for _, test := range []struct {
		name   string
		login  git.Login
		env    []string
		config []string
		want   string // the arguments; "" is a fault
	}{
		{"ssh on the PATH", login, nil, nil, batch + "-p 22 u@h run it"},
		{"neither user nor port", git.Login{Host: "h"}, nil, nil, batch + "h run it"},
		{"core.sshCommand", login, nil, []string{"core.sshcommand ssh -i 'a b'"}, "-i a b " + batch + "-p 22 u@h run it"},
		{"GIT_SSH_COMMAND first", login, []string{"GIT_SSH_COMMAND=ssh -4"}, []string{"core.sshcommand ssh -6"}, "-4 " + batch + "-p 22 u@h run it"},
		{"GIT_SSH last", login, []string{"GIT_SSH=" + filepath.Join(bin, "wrapped")}, nil, batch + "-p 22 u@h run it"},
		{"GIT_SSH by name", login, []string{"GIT_SSH=plink"}, nil, "-batch -P 22 u@h run it"},
		{"plink in a line", login, []string{"GIT_SSH_COMMAND=\"" + filepath.Join(bin, "plink") + "\" -v"}, nil, "-v -batch -P 22 u@h run it"},
		{"a wrapper that knows -G", login, []string{"GIT_SSH_COMMAND=wrapped"}, nil, batch + "-p 22 u@h run it"},
		{"a program that does not", git.Login{User: "u", Host: "h"}, []string{"GIT_SSH_COMMAND=odd"}, nil, "u@h run it"},
		{"a program that does not, and a port", login, []string{"GIT_SSH_COMMAND=odd"}, nil, ""},
		{"its variant is named", login, []string{"GIT_SSH_COMMAND=odd"}, []string{"ssh.variant ssh"}, batch + "-p 22 u@h run it"},
		{"named in the environment", login, []string{"GIT_SSH_COMMAND=odd", "GIT_SSH_VARIANT=plink"}, []string{"ssh.variant ssh"}, "-batch -P 22 u@h run it"},
		{"a host that is an option", git.Login{Host: "-oProxyCommand=x"}, nil, nil, ""},
	} {
		g := find(append([]string{path}, test.env...))
		g = g.Own(config(test.config...), t.TempDir())
		cmd, err := g.SSH(t.Context(), test.login, "run it")
		if test.want == "" {
			if !fault.Is(err, "ssh-command") {
				t.Errorf("%s: %v, %v", test.name, cmd, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		out, err := cmd.Output()
		if got := strings.Join(strings.Fields(string(out)), " "); err != nil || got != test.want {
			t.Errorf("%s: %q, want %q, %v", test.name, got, test.want, err)
		}
	}
}

// Without an ssh program there is no command, and no error: gio has a way of its own.
func TestSSHThatIsNotThere(t *testing.T) {
	t.Parallel()
	g := find([]string{"PATH=" + programs(t, "git")})
	if cmd, err := g.SSH(t.Context(), git.Login{Host: "h"}, "x"); cmd != nil || err != nil {
		t.Errorf("%v, %v", cmd, err)
	}
}

// What git starts has git's environment, without what ties it to one repository.
func TestSSHEnvironment(t *testing.T) {
	t.Parallel()
	g := find([]string{"PATH=" + programs(t, "git", "ssh"), "SSH_AUTH_SOCK=/s", "GIT_DIR=/d"})
	cmd, err := g.SSH(t.Context(), git.Login{Host: "h"}, "x")
	if err != nil || !slices.Contains(cmd.Env, "SSH_AUTH_SOCK=/s") || slices.Contains(cmd.Env, "GIT_DIR=/d") {
		t.Errorf("%v, %v", cmd, err)
	}
}

// Hostname is what ssh's configuration makes of a name.
func TestHostname(t *testing.T) {
	t.Parallel()
	bin := programs(t, "git")
	write(t, filepath.Join(bin, "ssh"), "#!/bin/sh\ntest \"$*\" = '-G git@work' || exit 255\necho user git\necho hostname github.com\n")
	g := find([]string{"PATH=" + bin})
	for login, want := range map[git.Login]string{
		{User: "git", Host: "work"}: "github.com", {User: "git", Host: "home"}: "", {Host: "-x"}: "",
	} {
		if got := g.Hostname(t.Context(), login); got != want {
			t.Errorf("%s: %q", login, got)
		}
	}
	if got := (git.Git{}).Hostname(t.Context(), git.Login{Host: "work"}); got != "" {
		t.Errorf("without git: %q", got)
	}
}
