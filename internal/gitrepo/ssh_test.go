package gitrepo

import (
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// sshHome makes a home directory with a key, and a known_hosts that has the server.
func sshHome(t *testing.T, server *gittest.SSHServer) ssh.PublicKey {
	t.Helper()
	home := t.TempDir()
	key := gittest.Key(t, filepath.Join(home, ".ssh", "id_ed25519"))
	write(t, filepath.Join(home, "known_hosts"), server.KnownHosts())
	t.Setenv("HOME", home)
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("SSH_KNOWN_HOSTS", filepath.Join(home, "known_hosts"))
	return key
}

// withSSH returns options that start the ssh program, which is told everything that it would read in the home of the person.
func withSSH(t *testing.T, url string, server *gittest.SSHServer) Options {
	t.Helper()
	home := os.Getenv("HOME")
	config := filepath.Join(home, "ssh_config")
	write(t, config, "UserKnownHostsFile "+os.Getenv("SSH_KNOWN_HOSTS")+"\nIdentityFile "+filepath.Join(home, ".ssh", "id_ed25519")+"\n")
	o := options(url)
	o.Credentials.Git = gitWith(t, "[core]\n\tsshCommand = ssh -F '"+config+"'\n")
	return o
}

// bothSSH are the two ways to reach a server: gio's own, and by the ssh program as git would.
func bothSSH(t *testing.T, test func(t *testing.T, server *gittest.SSHServer, o func(url string) Options)) {
	t.Run("own", func(t *testing.T) { test(t, gittest.SSH(t), options) })
	t.Run("by ssh", func(t *testing.T) {
		server := gittest.SSH(t)
		test(t, server, func(url string) Options { return withSSH(t, url, server) })
	})
}

// Not parallel, because it sets HOME.
func TestSSH(t *testing.T) { bothSSH(t, testSSH) }

func testSSH(t *testing.T, server *gittest.SSHServer, options func(url string) Options) {
	dir := gittest.Bare(t, files, branch)
	key := sshHome(t, server)
	url := "ssh://git@" + server.Address + dir

	_, err := Open(t.Context(), options(url))
	wantFault(t, err, fault.Auth, "git-auth", url)

	server.Allow("the key", key)
	r, err := Open(t.Context(), options(url))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.ProvePush(t.Context()); err != nil {
		t.Error(err)
	}
	if err := r.Push(t.Context(), commit(t, r, "x", "3.9.4")); err != nil {
		t.Error(err)
	}
	if got := gittest.Git(t, dir, "rev-parse", branch); got != string(r.Head()) {
		t.Error("the push is not there")
	}
	gittest.Hook(t, dir, "pre-receive", "echo no >&2; exit 1")
	wantFault(t, r.Push(t.Context(), commit(t, r, "y", "3.9.5")), fault.Stopped, "push-refused", "pre-receive hook declined", "no")

	_, err = Open(t.Context(), options(url+".other"))
	wantFault(t, err, fault.NotFound, "repository-missing")

	if err := os.WriteFile(os.Getenv("SSH_KNOWN_HOSTS"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), options(url))
	wantFault(t, err, fault.Auth, "git-auth")
}

func TestSSHUnreachable(t *testing.T) {
	bothSSH(t, func(t *testing.T, server *gittest.SSHServer, options func(url string) Options) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		sshHome(t, server)
		_ = listener.Close()
		_, err = Open(t.Context(), options("ssh://git@"+listener.Addr().String()+"/r.git"))
		wantFault(t, err, fault.Remote, "git-remote")
	})
}

// agentWith serves an ssh-agent that holds one new key.
func agentWith(t *testing.T) ssh.PublicKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keyring := agent.NewKeyring()
	if err := keyring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "agent") //nolint:usetesting // t.TempDir has a long path, and a socket's must be short
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() }) // the client keeps it
			go func() { _ = agent.ServeAgent(keyring, conn) }()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-ended
		_ = os.RemoveAll(dir)
	})
	t.Setenv("SSH_AUTH_SOCK", socket)
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// The key of an agent suffices without any file, and is tried before a file's key.
func TestSSHAgent(t *testing.T) {
	for _, withFile := range []bool{false, true} {
		dir := gittest.Bare(t, files, branch)
		server := gittest.SSH(t)
		sshHome(t, server)
		if !withFile {
			if err := os.RemoveAll(filepath.Join(os.Getenv("HOME"), ".ssh")); err != nil {
				t.Fatal(err)
			}
		}
		url := "ssh://git@" + server.Address + dir
		key := agentWith(t)
		_, err := Open(t.Context(), options(url))
		wantFault(t, err, fault.Auth, "git-auth", url)

		server.Allow("the agent's", key)
		r := open(t, url)
		if err := r.ProvePush(t.Context()); err != nil {
			t.Error(err)
		}
		if err := r.Push(t.Context(), commit(t, r, "x", "3.9.4")); err != nil {
			t.Error(err)
		}
		if got := gittest.Git(t, dir, "rev-parse", branch); got != string(r.Head()) {
			t.Error("the push is not there")
		}

		t.Setenv("SSH_AUTH_SOCK", filepath.Join(dir, "nobody")) // an agent that has ended
		_, err = Open(t.Context(), options(url))
		wantFault(t, err, fault.Auth, "git-auth", url)
	}
}
