package gittest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// SSHServer is a Git server over ssh: it runs git for those whose key it knows.
type SSHServer struct {
	Address string        // host:port
	Host    ssh.PublicKey // its own key

	mu     sync.Mutex
	keys   map[string]string // what is allowed, by the marshalled key: its name
	logins []SSHLogin
}

// SSHLogin is one program that a server ran.
type SSHLogin struct{ User, Key, Command string }

// SSH serves all repositories of this machine on 127.0.0.1 until the test ends.
func SSH(t testing.TB) *SSHServer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	s := &SSHServer{Address: listener.Addr().String(), Host: signer.PublicKey(), keys: map[string]string{}}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		name := s.nameOf(key)
		if name == "" {
			return nil, errors.New("unknown key")
		}
		return &ssh.Permissions{Extensions: map[string]string{"key": name}}, nil
	}}
	config.AddHostKey(signer)
	go s.accept(listener, config)
	return s
}

func (s *SSHServer) accept(listener net.Listener, config *ssh.ServerConfig) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go s.serve(conn, config)
	}
}

// Allow lets a key in, under a name.
func (s *SSHServer) Allow(name string, key ssh.PublicKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[string(key.Marshal())] = name
}

func (s *SSHServer) nameOf(key ssh.PublicKey) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[string(key.Marshal())]
}

// Logins returns what was run, in order.
func (s *SSHServer) Logins() []SSHLogin {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]SSHLogin(nil), s.logins...)
}

// KnownHosts returns the line of the server for a known_hosts file.
func (s *SSHServer) KnownHosts() string {
	host, port, _ := net.SplitHostPort(s.Address)
	return fmt.Sprintf("[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(s.Host))
}

func (s *SSHServer) serve(conn net.Conn, config *ssh.ServerConfig) {
	defer func() { _ = conn.Close() }()
	login, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		go func() {
			for request := range requests {
				_ = request.Reply(request.Type == "exec", nil)
				if request.Type == "exec" {
					command := string(request.Payload[4:])
					s.mu.Lock()
					s.logins = append(s.logins, SSHLogin{login.User(), login.Permissions.Extensions["key"], command})
					s.mu.Unlock()
					go runSSH(channel, strings.Replace(command, "git-", "git ", 1))
				}
			}
		}()
	}
}

func runSSH(channel ssh.Channel, command string) {
	cmd := exec.Command("sh", "-c", command)
	cmd.Env, cmd.Stdout, cmd.Stderr = Env(), channel, channel.Stderr()
	// An explicit pipe: Run would wait for the client to hang up, although git may end before.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(stdin, channel)
		_ = stdin.Close()
	}()
	status := []byte{0, 0, 0, 0}
	if err := cmd.Run(); err != nil {
		status[3] = 1
	}
	_, _ = channel.SendRequest("exit-status", false, status)
	_ = channel.Close()
}

// Key writes a new private key without a passphrase to a file, and returns its public part.
func Key(t testing.TB, file string) ssh.PublicKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
