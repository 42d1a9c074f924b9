package gitrepo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// Secret is a string that does not print itself.
type Secret string

// Format prints "***" for every verb, and nothing for an empty secret.
func (s Secret) Format(w fmt.State, _ rune) {
	if s != "" {
		_, _ = io.WriteString(w, "***")
	}
}

// MarshalText keeps the secret out of JSON and logs as well.
func (s Secret) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(s)), nil }

// Credentials are what the caller knows. Where they do not apply, an ssh remote uses ssh-agent and key files, an http
// remote the user and password of its address, then `git credential fill`.
type Credentials struct {
	Token     Secret // GITHUB_TOKEN; only ever sent to TokenHost
	TokenHost string // host or host:port; "" is github.com. An ssh remote of that host is used over https.
}

// githubHost gets its token over https only.
const githubHost = "github.com"

// tokenUser is the user that GitHub wants beside a token.
const tokenUser = "x-access-token"

// TokenHost is the Git host that belongs to the address of a GitHub API (GITHUB_API_URL): github.com for
// https://api.github.com, ghe.example.org for https://ghe.example.org/api/v3.
func TokenHost(apiURL string) string {
	u, err := url.Parse(apiURL)
	if err != nil || u.Host == "" {
		return githubHost
	}
	host := strings.ToLower(u.Host)
	if rest, ok := strings.CutPrefix(host, "api."); ok && (rest == githubHost || strings.HasSuffix(rest, ".ghe.com")) {
		return rest
	}
	return host
}

func (c Credentials) host() string {
	if c.TokenHost == "" {
		return githubHost
	}
	return strings.ToLower(c.TokenHost)
}

// appliesTo holds by host name, because the API, the Git server and ssh of one host may listen on different ports.
func (c Credentials) appliesTo(ep *transport.Endpoint) bool {
	if c.Token == "" || ep.Protocol == "file" {
		return false
	}
	return c.knows(ep) && (ep.Protocol != "http" || c.hostName() != githubHost)
}

// BelongTo tells whether a repository lies on the token's host, whether there is a token or not.
func (c Credentials) BelongTo(address string) bool {
	ep, err := transport.NewEndpoint(address)
	return err == nil && ep.Protocol != "file" && c.knows(ep)
}

func (c Credentials) knows(ep *transport.Endpoint) bool {
	return strings.EqualFold(strings.Trim(ep.Host, "[]"), c.hostName())
}

func (c Credentials) hostName() string { return (&url.URL{Host: c.host()}).Hostname() }

func (c Credentials) secrets(ep *transport.Endpoint) []string {
	var secrets []string
	for _, s := range []string{string(c.Token), ep.Password} {
		if s != "" {
			secrets = append(secrets, s)
		}
	}
	// https://TOKEN@host is a common way to write a token.
	if strings.HasPrefix(ep.Protocol, "http") && len(ep.User) > len(tokenUser) {
		secrets = append(secrets, ep.User)
	}
	return secrets
}

// useCredentials sets auth, and moves an ssh remote to https where the token opens that door. User and password leave the
// address, so that no error of the HTTP library can repeat them.
func (r *remote) useCredentials(c Credentials) {
	ep := &r.endpoint
	switch {
	case c.appliesTo(ep):
		if ep.Protocol == "ssh" {
			r.endpoint = overHTTPS(c.host(), ep.Path)
		}
		r.auth = &githttp.BasicAuth{Username: tokenUser, Password: string(c.Token)}
	case ep.Protocol == "ssh":
		r.auth = newSSHAuth(ep.User, ep.Host)
	case r.http() && ep.User != "":
		r.auth = &githttp.BasicAuth{Username: ep.User, Password: ep.Password}
	}
	if r.http() {
		ep.User, ep.Password = "", ""
	}
}

func overHTTPS(host, path string) transport.Endpoint {
	ep, err := transport.NewEndpoint("https://" + host + "/" + strings.TrimPrefix(path, "/"))
	if err != nil {
		return transport.Endpoint{Protocol: "https", Host: host, Path: "/" + strings.TrimPrefix(path, "/")}
	}
	return *ep
}

// helperTimeout ends a credential helper that waits for somebody to answer.
const helperTimeout = 30 * time.Second

// fillCredential asks `git credential fill`, which asks the helpers that the user configured. It never prompts.
func (r *remote) fillCredential(ctx context.Context) bool {
	git, err := exec.LookPath("git")
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, helperTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, git, "credential", "fill")
	// An empty GIT_ASKPASS keeps Git from looking for another program that opens a window.
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GCM_INTERACTIVE=never")
	cmd.Stdin = strings.NewReader("url=" + r.endpoint.String() + "\n\n")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return false
	}
	auth := parseCredential(string(out))
	if auth == nil {
		return false
	}
	r.auth = auth
	r.secrets = append(r.secrets, auth.Password)
	return true
}

// parseCredential reads the key=value lines of git-credential(1); nil without a password.
func parseCredential(out string) *githttp.BasicAuth {
	auth := &githttp.BasicAuth{}
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		switch key, value, _ := strings.Cut(lines.Text(), "="); key {
		case "username":
			auth.Username = value
		case "password":
			auth.Password = value
		}
	}
	if auth.Password == "" {
		return nil
	}
	return auth
}
