package gitrepo

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
)

// sshTimeout limits the connecting; the operation has its own limit.
const sshTimeout = 30 * time.Second

// sshAuth offers the keys of ssh-agent, then the key files that need no passphrase. Unlike go-git's own methods it limits
// the time to connect.
type sshAuth struct {
	user string
	host string
}

func newSSHAuth(user, host string) *sshAuth {
	if user == "" {
		user = gitssh.DefaultUsername
	}
	return &sshAuth{user: user, host: host}
}

// Name and String implement go-git's transport.AuthMethod.
func (a *sshAuth) Name() string   { return gitssh.PublicKeysCallbackName }
func (a *sshAuth) String() string { return a.user + "@" + a.host }

// ClientConfig leaves the host keys to go-git, which reads the known_hosts files.
func (a *sshAuth) ClientConfig() (*ssh.ClientConfig, error) {
	return &ssh.ClientConfig{
		User:    a.user,
		Auth:    []ssh.AuthMethod{ssh.PublicKeysCallback(a.signers)},
		Timeout: sshTimeout,
	}, nil
}

// signers never fails: without an agent or a key it only offers fewer keys, and the server decides.
func (a *sshAuth) signers() ([]ssh.Signer, error) {
	var signers []ssh.Signer
	if agent, err := gitssh.NewSSHAgentAuth(a.user); err == nil {
		if keys, err := agent.Callback(); err == nil {
			signers = append(signers, keys...)
		}
	}
	for _, file := range keyFiles(a.host) {
		pem, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if key, err := ssh.ParsePrivateKey(pem); err == nil {
			signers = append(signers, key)
		}
	}
	return signers, nil
}

// keyFiles lists the IdentityFile that ssh_config names for the host, then the files that ssh itself tries.
func keyFiles(host string) []string {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	files := []string{
		filepath.Join(home, ".ssh", "id_ed25519"),
		filepath.Join(home, ".ssh", "id_ecdsa"),
		filepath.Join(home, ".ssh", "id_rsa"),
	}
	if named := gitssh.DefaultSSHConfig.Get(host, "IdentityFile"); named != "" {
		if rest, ok := strings.CutPrefix(named, "~/"); ok {
			named = filepath.Join(home, rest)
		}
		files = append([]string{named}, files...)
	}
	return files
}
