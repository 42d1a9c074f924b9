package gitrepo

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/gravitee-lab/gio/internal/git"
)

// Secret is a string that no verb of fmt prints.
type Secret string

// Format prints "***" for every verb, and nothing for an empty secret.
func (s Secret) Format(w fmt.State, _ rune) {
	if s != "" {
		_, _ = io.WriteString(w, "***")
	}
}

// MarshalText keeps the secret out of JSON and logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(s)), nil }

// Credentials are those that the caller has. Where they do not apply, an ssh remote uses the ssh program as Git would, or
// without one ssh-agent and key files; an http remote the user and password in its address, then `git credential fill`.
type Credentials struct {
	Token     Secret  // GITHUB_TOKEN; only ever sent to TokenHost
	User      string  // who has the token; "" is the user that GitHub expects
	TokenHost string  // host or host:port; "" is github.com. gio reaches an ssh remote of that host over https.
	Git       git.Git // knows the credential helpers and how to start ssh
}

// githubHost gets its token over https only.
const githubHost = "github.com"

// tokenUser is the user that GitHub expects with a token.
const tokenUser = "x-access-token"

// TokenHost returns the Git host that belongs to the address of a GitHub API (GITHUB_API_URL): github.com for
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

// appliesTo compares host names without ports, because the API, the Git server and ssh of one host may use different ports.
func (c Credentials) appliesTo(ep *transport.Endpoint) bool {
	if c.Token == "" || ep.Protocol == "file" {
		return false
	}
	return c.matches(ep) && (ep.Protocol != "http" || c.hostName() != githubHost)
}

// BelongTo reports whether a repository is on the token's host, even without a token, and under a name that only ssh knows.
func (c Credentials) BelongTo(address string) bool {
	ep, err := transport.NewEndpoint(address)
	if err != nil || ep.Protocol == "file" {
		return false
	}
	// It asks a program of this machine, which has its own limit of time.
	return c.matches(ep) || ep.Protocol == "ssh" && strings.EqualFold(c.Git.Hostname(context.Background(), loginOf(address, *ep)), c.hostName())
}

func (c Credentials) matches(ep *transport.Endpoint) bool {
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

// Secrets returns what is secret in the address of a repository: its password, and a user that is as long as a token.
func Secrets(address string) []string {
	ep, err := transport.NewEndpoint(address)
	if address == "" || err != nil {
		return nil
	}
	return Credentials{}.secrets(ep)
}

// useCredentials sets auth, and switches an ssh remote to https where the token allows that. It removes user and password
// from the address, so that no error of the HTTP library can repeat them.
func (r *remote) useCredentials(c Credentials) {
	ep := &r.endpoint
	switch {
	case c.appliesTo(ep):
		if ep.Protocol == "ssh" {
			r.endpoint = overHTTPS(c.host(), ep.Path)
		}
		r.auth = &githttp.BasicAuth{Username: cmp.Or(c.User, tokenUser), Password: string(c.Token)}
	case ep.Protocol == "ssh":
		r.auth = newSSHAuth(ep.User, ep.Host)
	case r.http() && ep.Password != "":
		r.auth = &githttp.BasicAuth{Username: ep.User, Password: ep.Password}
	case r.http():
		r.user = ep.User
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

// fillCredential asks Git's credential helpers. It reports whether there is anything to log in with: a user without a password
// may be a token.
func (r *remote) fillCredential(ctx context.Context) bool {
	ep := r.endpoint
	ep.User = r.user
	user, password := r.git.Fill(ctx, ep.String())
	switch {
	case password != "":
		r.secrets = append(r.secrets, password)
	case r.user != "":
		user = r.user
	default:
		return false
	}
	r.auth = &githttp.BasicAuth{Username: user, Password: password}
	return true
}
