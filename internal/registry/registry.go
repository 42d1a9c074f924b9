// Package registry copies images and Helm charts between repositories of OCI registries: by digest, and their tags last.
package registry

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	ociwire "github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

// callLimit bounds everything but a copy, which may take as long as something moves.
const callLimit = 2 * time.Minute

// Options says where a registry is and who uses it.
type Options struct {
	URL   string       // https://HOST, perhaps with a path that all repositories begin with; http:// only where it is this machine
	User  string       // "" where the token alone is enough, and is sent as it is
	Token string       // or password; "" for what everybody may do
	HTTP  *http.Client // of transport.NewStream; nil for a new one
}

// Client talks to one registry. It is safe for concurrent use.
//
// Every error is a fault, or wraps the cause of a context that ended. The kinds: NotFound for what is not there ("no-image"), Auth for
// 401 and 403 ("registry-unauthorized", "registry-forbidden"), Invalid for what cannot be asked ("registry-url", "registry-token",
// "registry-name") and for a tag that names something else ("tag-taken"), otherwise Remote ("registry-limit", "registry-error",
// "registry-unreachable", "registry-insecure", "registry-kept", and those of package transport). No error contains the token. It goes to
// the registry and, as the protocol wants it, to where the registry says that tokens are made; never over plain HTTP.
type Client struct {
	registry name.Registry
	prefix   string
	auth     authn.Authenticator
	wire     http.RoundTripper
	secrets  []string
	backoff  remote.Backoff // between attempts of what can be repeated
}

// New makes a client. It sends nothing: a wrong host or token shows at the first call.
func New(o Options) (*Client, error) {
	u, err := url.Parse(strings.TrimSpace(o.URL))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.New(fault.Invalid, "registry-url", "gio cannot use the address of the registry").
			Hint("it looks like https://registry.example.org, perhaps with a path; user and token are settings of their own")
	}
	if transport.Exposed(u) {
		return nil, fault.New(fault.Invalid, "registry-url", "%s is not used over http, which others can read and change", u.Host).Hint("write https://")
	}
	registry, err := name.NewRegistry(strings.ToLower(u.Host))
	if err != nil {
		return nil, fault.New(fault.Invalid, "registry-url", "%s is not the name of a registry", u.Host)
	}
	for _, secret := range []string{o.User, o.Token} {
		if strings.ContainsFunc(secret, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) }) {
			return nil, fault.New(fault.Auth, "registry-token", "the user or the token of %s contains invalid characters", u.Host)
		}
	}
	if o.HTTP == nil {
		o.HTTP = transport.NewStream(transport.Options{})
	}
	c := &Client{
		registry: registry, prefix: strings.Trim(u.Path, "/"), auth: authn.Anonymous,
		wire:    &guard{host: registry.RegistryStr(), scheme: u.Scheme, next: o.HTTP.Transport},
		backoff: remote.Backoff{Duration: time.Second, Factor: 3, Jitter: 0.1, Steps: 3},
	}
	if o.Token != "" {
		c.auth, c.secrets = credentials(o.User, o.Token)
	}
	return c, nil
}

func credentials(user, token string) (authn.Authenticator, []string) {
	config := authn.AuthConfig{Username: user, Password: token}
	if user == "" {
		config = authn.AuthConfig{RegistryToken: token}
	}
	basic := base64Of(user + ":" + token)
	return authn.FromConfig(config), []string{basic, token}
}

// guard decides by which scheme a request leaves, whatever the library below believes about hosts and redirects: with the registry it
// is the one of its address, elsewhere https. Plain HTTP stays on this machine.
type guard struct {
	host, scheme string
	next         http.RoundTripper
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	switch {
	case strings.EqualFold(req.URL.Host, g.host):
		if req.URL.Scheme != g.scheme {
			req = req.Clone(req.Context())
			req.URL.Scheme = g.scheme
		}
	case req.URL.Scheme == "https", g.scheme == "http" && !transport.Exposed(req.URL):
	default:
		if req.Body != nil {
			_ = req.Body.Close() // nothing was read from it
		}
		return nil, fault.New(fault.Remote, "registry-insecure", "%s sends gio to %s over plain http, which others can read and change: nothing was sent", g.host, req.URL.Host)
	}
	return g.next.RoundTrip(req)
}

// Check asks the registry whether it is one, and takes the token.
func (c *Client) Check(ctx context.Context) error {
	limited, cancel := context.WithTimeoutCause(ctx, callLimit, errNoAnswer)
	defer cancel()
	at := Repository{client: c}
	what := "asking " + c.registry.RegistryStr()
	wire, err := ociwire.NewWithContext(limited, c.registry, c.auth, c.wire, nil)
	if err != nil {
		return at.explain(ctx, what, err)
	}
	req, err := http.NewRequestWithContext(limited, http.MethodGet, c.registry.Scheme()+"://"+c.registry.RegistryStr()+"/v2/", nil)
	if err != nil {
		return at.explain(ctx, what, err)
	}
	res, err := (&http.Client{Transport: wire}).Do(req)
	if err != nil {
		return at.explain(ctx, what, err)
	}
	defer func() { _ = res.Body.Close() }() // only its status counts
	if err := ociwire.CheckError(res, http.StatusOK); err != nil {
		return at.explain(ctx, what, err)
	}
	return nil
}

// Repository is where the versions of one image or chart are.
type Repository struct {
	client *Client
	repo   name.Repository
}

var (
	// The names of the OCI distribution specification 1.1.
	repositoryName = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagName        = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	digestName     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// Repository returns the repository at a path below the registry's address, as in acme/web. Fault: "registry-name".
func (c *Client) Repository(below string) (Repository, error) {
	full := below
	if c.prefix != "" && below != "" {
		full = c.prefix + "/" + below
	} else if below == "" {
		full = c.prefix
	}
	if !repositoryName.MatchString(full) || len(full) > 255 {
		return Repository{}, fault.New(fault.Invalid, "registry-name", "%q is not the name of a repository at %s", full, c.registry).
			Hint("names are lower case: acme/web")
	}
	return Repository{c, c.registry.Repo(full)}, nil
}

// String returns the repository with its registry, as in registry.example.org/acme/web.
func (r Repository) String() string { return r.registryHost() + "/" + r.repo.RepositoryStr() }

func (r Repository) registryHost() string { return r.client.registry.RegistryStr() }

// reference understands a tag or a digest.
func (r Repository) reference(identifier string) (name.Reference, error) {
	switch {
	case digestName.MatchString(identifier):
		return r.repo.Digest(identifier), nil
	case tagName.MatchString(identifier):
		return r.repo.Tag(identifier), nil
	}
	return nil, fault.New(fault.Invalid, "registry-name", "%.200q is neither a tag nor a digest of %s", identifier, r).
		Hint("a tag has letters, digits, '.', '_' and '-': Helm writes '_' for the '+' of a version; a digest begins with sha256:")
}

// options are the library's for calls that belong together; they share nothing with others. What is repeated must be safe to be.
func (c *Client) options(ctx context.Context, repeat bool) []remote.Option {
	backoff := c.backoff
	if !repeat {
		backoff.Steps = 1
	}
	return []remote.Option{
		remote.WithContext(ctx), remote.WithAuth(c.auth), remote.WithTransport(c.wire), remote.WithRetryBackoff(backoff),
	}
}
