// Package github is GitHub's REST API as gio needs it: repositories, branches, files, tags, branch rules, commit
// statuses and GitHub releases, on github.com and GitHub Enterprise.
package github

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"

	gogithub "github.com/google/go-github/v57/github"
	"golang.org/x/oauth2"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

const (
	defaultURL  = "https://api.github.com"
	postTimeout = 30 * time.Second
	pageSize    = 100 // GitHub's largest
	// maxWait is the longest wait of a rate limit that is waited for; beyond it a call fails and says until when.
	maxWait = time.Minute
	// GitHub wants at most 900 points a minute, one for a GET and five for a POST
	// (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits). In no minute are
	// there more than burst and 60 times perSecond: 870.
	perSecond = 7
	burst     = 450
)

// Wire is o with what GitHub wants of a client: how often it may be asked, and how long its limits are waited for. More
// than 100 requests at once are the caller's to avoid.
func Wire(o transport.Options) transport.Options {
	o.PerSecond, o.Burst, o.MaxWait = perSecond, burst, maxWait
	return o
}

// Options says where GitHub is and who asks.
type Options struct {
	URL   string       // root of the API: https://api.github.com, or https://ghe.example.org/api/v3; "" for the former
	Token string       // "" reads public repositories only, 60 times an hour
	HTTP  *http.Client // of transport.New with Wire; nil for a new one
}

// Client talks to one GitHub with one token. It is safe for concurrent use. Reads are GET requests and nothing else.
//
// Every error is a fault, or holds the cause of a context that ended. The kinds: Auth for 401 ("github-unauthorized"),
// 403 ("github-forbidden") and a call that needs a token and has none ("no-github-token"); NotFound for 404
// ("no-repository", "no-branch", "no-file", "no-tag", "no-commit", "no-release", "no-organization", "github-empty"); Invalid
// for what cannot be asked or made ("github-repository", "github-organization", "github-path", "github-file",
// "release-exists", "github-refused"); else Remote ("github-limit", "github-redirect", "github-answer", "github-unreachable",
// "github-error"). Short rate limits are waited for; of a longer one the fault says when it ends. No error holds the
// token, and the token goes to no other host.
type Client struct {
	url   string
	token string
	api   *gogithub.Client
	seen  sync.Map // names of repositories that were read
}

// New makes a client. It asks nothing: a wrong token shows at the first call. The faults: "github-url" for an address
// that is none, "github-token" for a token that no header can hold.
func New(o Options) (*Client, error) {
	address := strings.TrimRight(strings.TrimSpace(o.URL), "/")
	if address == "" {
		address = defaultURL
	}
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" || base.User != nil || base.RawQuery != "" {
		return nil, fault.New(fault.Invalid, "github-url", "the address of GitHub's API is none that gio can use").
			Hint("GITHUB_API_URL looks like %s, or https://ghe.example.org/api/v3; the token stands in GITHUB_TOKEN", defaultURL)
	}
	token := strings.TrimSpace(o.Token)
	if strings.ContainsFunc(token, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) || r == ' ' }) {
		return nil, fault.New(fault.Auth, "github-token", "the GitHub token holds characters that no token has").
			Hint("set GITHUB_TOKEN to the token alone")
	}
	if o.HTTP == nil {
		o.HTTP = transport.New(Wire(transport.Options{}))
	}
	api := gogithub.NewClient(httpClient(base, token, *o.HTTP))
	base.Path += "/" // what go-github wants
	api.BaseURL = base
	return &Client{url: address, token: token, api: api}, nil
}

// URL is the root of the API, without a slash at its end.
func (c *Client) URL() string { return c.url }

// httpClient is h with the token, which goes to the host of base and nowhere else.
func httpClient(base *url.URL, token string, h http.Client) *http.Client {
	if h.Transport == nil {
		h.Transport = http.DefaultTransport
	}
	if token != "" {
		source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})
		h.Transport = &oauth2.Transport{Source: source, Base: h.Transport}
	}
	h.Transport = &guard{base: base, next: h.Transport}
	h.CheckRedirect = transport.CheckRedirect
	return &h
}

// guard lets requests go to one host only. oauth2.Transport gives the token to every request that reaches it, a
// redirected one too, so that CheckRedirect alone must not be what keeps it at home.
type guard struct {
	base *url.URL
	next http.RoundTripper
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.EqualFold(req.URL.Host, g.base.Host) || req.URL.Scheme != g.base.Scheme {
		if req.Body != nil {
			_ = req.Body.Close() // nothing was read from it
		}
		return nil, redirected(req.URL.Host)
	}
	res, err := g.next.RoundTrip(req)
	if err == nil && transport.Rests(res, maxWait) {
		// go-github would refuse all requests until the window begins anew, and not wait. It does not look at the
		// limits of an answer that says it comes from a cache (BareDo in its github.go).
		res.Header.Set("X-From-Cache", "1")
	}
	return res, err
}

// call is one request as messages name it.
type call struct {
	method  string
	path    string // below the root, escaped
	subject string // what it is about: "branch 3.9.x of acme/alpha"
	missing string // code of its 404
}

func (k call) String() string {
	path, _, _ := strings.Cut(k.path, "?")
	return k.method + " /" + path
}

// get reads k's answer into out.
func (c *Client) get(ctx context.Context, k call, out any) (*gogithub.Response, error) {
	k.method = http.MethodGet
	return c.do(ctx, k, nil, out)
}

// post sends k once.
func (c *Client) post(ctx context.Context, k call, body, out any) error {
	k.method = http.MethodPost
	limited, cancel := context.WithTimeoutCause(ctx, postTimeout, errNoAnswer)
	defer cancel()
	_, err := c.do(limited, k, body, out)
	return err
}

func (c *Client) do(ctx context.Context, k call, body, out any) (*gogithub.Response, error) {
	req, err := c.api.NewRequest(k.method, k.path, body)
	if err != nil {
		return nil, fault.New(fault.Internal, "github-request", "%s could not be built", k).Because(transport.Quiet(err, c.token))
	}
	res, err := c.api.Do(ctx, req, out)
	if err != nil {
		return res, c.failed(ctx, k, res, err)
	}
	return res, nil
}

var (
	fullNameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$`)
	loginForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
)

// under is the path of a resource of a repository; the parts are escaped, a slash in them too.
func under(fullName string, parts ...string) (string, error) {
	if !fullNameForm.MatchString(fullName) || strings.HasSuffix(fullName, "/.") || strings.HasSuffix(fullName, "/..") {
		return "", fault.New(fault.Invalid, "github-repository", "%q is not a repository of GitHub", fullName).
			Hint("a repository is named org/name")
	}
	path := "repos/" + fullName
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return "", fault.New(fault.Invalid, "github-path", "nothing was asked of GitHub about %s: a part of the path is empty or dots", fullName)
		}
		path += "/" + url.PathEscape(part)
	}
	return path, nil
}
