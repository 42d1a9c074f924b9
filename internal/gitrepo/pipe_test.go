package gitrepo

import (
	"errors"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/gravitee-lab/gio/internal/fault"
)

// What ssh and the servers say is sorted into: not allowed, not there, and the network.
func TestSSHError(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code             int
		words            string
		refused, missing bool
	}{
		{255, "git@github.com: Permission denied (publickey).", true, false},
		{255, "Host key verification failed.", true, false},
		{255, "Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures", true, false},
		{255, "ssh: connect to host github.com port 22: Connection refused", false, false},
		{255, "ssh: Could not resolve hostname githib.com: Name or service not known", false, false},
		{255, "", false, false},
		{1, "ERROR: Repository not found.", false, true},
		{128, "fatal: '/x.git' does not appear to be a git repository", false, true},
		{1, "remote: The project you were looking for could not be found or you don't have permission to view it.", false, true},
		{1, "ERROR: Permission to acme/release.git denied to robot.", true, false},
		{1, "GitLab: You are not allowed to push code to this project.", true, false},
		{127, "sh: 1: git-upload-pack: not found", false, true},
	} {
		err := newSSHError(test.code, test.words)
		said, _ := errors.AsType[*sshError](err)
		if refused := said != nil && said.refused; refused != test.refused || errors.Is(err, transport.ErrRepositoryNotFound) != test.missing {
			t.Errorf("%d %q: refused %t: %v", test.code, test.words, refused, err)
		}
	}
}

// The path goes to the server as Git sends it, and cannot leave its quotes.
func TestSSHPath(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"ssh://h/srv/r.git": "'/srv/r.git'", "ssh://h/~me/r.git": "'~me/r.git'", "git@h:r.git": "'r.git'", "git@h:it's!": `'it'\''s'\!''`,
		"git@h:/srv/r.git/": "'/srv/r.git'",
	} {
		r, err := newRemote(t.Context(), address, Credentials{})
		if err != nil {
			t.Fatal(err)
		}
		if got := quoted(r.sshPath()); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// A scp-like address names no port, so that the one of ssh's configuration holds.
func TestLoginOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"git@h:r": "git@h 0", "ssh://h/r": "h 0", "ssh://git@h:22/r": "git@h 22", "ssh://git@[::1]:2222/r": "git@::1 2222"} {
		ep, err := transport.NewEndpoint(address)
		if err != nil {
			t.Fatal(err)
		}
		if l := loginOf(address, *ep); sprint("%s %d", l, l.Port) != want {
			t.Errorf("%s: %s %d", address, l, l.Port)
		}
	}
}

// What a server says in place of Git's protocol is no question of the login.
func TestSSHThatTalks(t *testing.T) {
	t.Parallel()
	o := options("ssh://git@h/r.git")
	for script, code := range map[string]string{
		"echo Welcome": "git-remote", "exit 0": "git-remote", "exec 1>&-; sleep 0; exit 255": "git-remote",
		"echo 'Permission denied (publickey).' >&2; exit 255": "git-auth", "printf 0000": "repository-empty",
	} {
		o.Credentials.Git = gitWith(t, "[core]\n\tsshCommand = \"f() { "+script+"; }; f\"\n[ssh]\n\tvariant = ssh\n")
		if _, err := Open(t.Context(), o); fault.CodeOf(err) != code {
			t.Errorf("%s: %v", script, err)
		}
	}
}
