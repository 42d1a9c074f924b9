package gitrepo

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// sshHome makes a key and a home for it; known_hosts knows the server.
func sshHome(t *testing.T, address string, host ssh.PublicKey) ssh.PublicKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	write(t, filepath.Join(home, ".ssh", "id_ed25519"), string(pem.EncodeToMemory(block)))
	name, port, _ := net.SplitHostPort(address)
	write(t, filepath.Join(home, "known_hosts"), fmt.Sprintf("[%s]:%s %s", name, port, ssh.MarshalAuthorizedKey(host)))
	t.Setenv("HOME", home)
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("SSH_KNOWN_HOSTS", filepath.Join(home, "known_hosts"))
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sshServer runs git for whoever holds the key that allowed names.
func sshServer(t *testing.T, allowed *ssh.PublicKey) (address string, host ssh.PublicKey) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if *allowed == nil || string(key.Marshal()) != string((*allowed).Marshal()) {
			return nil, fmt.Errorf("unknown key")
		}
		return nil, nil
	}}
	config.AddHostKey(signer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveSSH(conn, config)
		}
	}()
	return listener.Addr().String(), signer.PublicKey()
}

func serveSSH(conn net.Conn, config *ssh.ServerConfig) {
	defer func() { _ = conn.Close() }()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		for request := range requests {
			_ = request.Reply(request.Type == "exec", nil)
			if request.Type == "exec" {
				go runSSH(channel, strings.Replace(string(request.Payload[4:]), "git-", "git ", 1))
			}
		}
	}
}

func runSSH(channel ssh.Channel, command string) {
	cmd := exec.Command("sh", "-c", command)
	cmd.Env, cmd.Stdout, cmd.Stderr = gittest.Env(), channel, channel.Stderr()
	// A pipe of our own: Run would wait for the client to hang up, although git may end before.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(stdin, channel)
		_ = stdin.Close()
	}()
	status := []byte{0, 0, 0, 0}
	if cmd.Run() != nil {
		status[3] = 1
	}
	_, _ = channel.SendRequest("exit-status", false, status)
	_ = channel.Close()
}

// Not parallel, like all that needs a home of its own.
func TestSSH(t *testing.T) {
	dir := gittest.Bare(t, files, branch)
	var allowed ssh.PublicKey
	address, host := sshServer(t, &allowed)
	key := sshHome(t, address, host)
	url := "ssh://git@" + address + dir

	_, err := Open(t.Context(), options(url))
	wantFault(t, err, fault.Auth, "git-auth", url)

	allowed = key
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
	gittest.Hook(t, dir, "pre-receive", "echo no >&2; exit 1")
	wantFault(t, r.Push(t.Context(), commit(t, r, "y", "3.9.5")), fault.Stopped, "push-refused", "pre-receive hook declined", "no")

	_, err = Open(t.Context(), options(url+".other"))
	wantFault(t, err, fault.NotFound, "repository-missing")

	if err := os.WriteFile(os.Getenv("SSH_KNOWN_HOSTS"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), options(url))
	wantFault(t, err, fault.Auth, "git-auth", "knownhosts")
}

func TestSSHUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, host := sshServer(t, new(ssh.PublicKey))
	sshHome(t, listener.Addr().String(), host)
	_ = listener.Close()
	_, err = Open(t.Context(), options("ssh://git@"+listener.Addr().String()+"/r.git"))
	wantFault(t, err, fault.Remote, "git-remote")
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

// The key of an agent opens the door, without any file and before a file's key is tried.
func TestSSHAgent(t *testing.T) {
	for _, withFile := range []bool{false, true} {
		dir := gittest.Bare(t, files, branch)
		var allowed ssh.PublicKey
		address, host := sshServer(t, &allowed)
		sshHome(t, address, host)
		if !withFile {
			if err := os.RemoveAll(filepath.Join(os.Getenv("HOME"), ".ssh")); err != nil {
				t.Fatal(err)
			}
		}
		url := "ssh://git@" + address + dir
		key := agentWith(t)
		_, err := Open(t.Context(), options(url))
		wantFault(t, err, fault.Auth, "git-auth", url)

		allowed = key
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
