// Package github is gio's client of GitHub's REST API: repositories, branches, files, tags, rules for pushes, commit
// statuses and GitHub releases, on github.com and GitHub Enterprise.
package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	// maxWait is the longest time that a call waits for a rate limit; for a longer one it fails and says until when.
	maxWait = time.Minute
	// GitHub allows 900 points a minute, one for a GET and five for a POST
	// (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits). No minute has
	// more than burst plus 60 times perSecond requests: 870.
	perSecond = 7
	burst     = 450
)

// cloudURLs are what people write for defaultURL: there is no API at these.
var cloudURLs = []string{"https://github.com", "https://github.com/api/v3", "https://api.github.com/api/v3"}

// Wire returns o with the limits that GitHub demands of a client: requests per second, and how long to wait for its rate
// limits. The caller must not send more than 100 requests at once.
func Wire(o transport.Options) transport.Options {
	o.PerSecond, o.Burst, o.MaxWait = perSecond, burst, maxWait
	return o
}

// Options sets GitHub's address and the token.
type Options struct {
	URL   string       // root of the API: https://api.github.com, or https://ghe.example.org/api/v3; "" for the former
	Token string       // "" reads public repositories only, 60 times an hour
	HTTP  *http.Client // of transport.New with Wire; nil for a new one
}

// Client talks to one GitHub with one token. It is safe for concurrent use. Reads are only GET requests.
//
// Every error is a fault, or wraps the cause of a context that ended. The kinds: Auth for 401 ("github-unauthorized"),
// 403 ("github-forbidden") and a call that needs a token and has none ("no-github-token"); NotFound for 404
// ("no-repository", "no-branch", "no-file", "no-tag", "no-commit", "no-release", "no-organization", "github-empty"); Invalid
// for an impossible request ("github-repository", "github-organization", "github-path", "github-file", "release-exists",
// "github-refused"); otherwise Remote ("github-limit", "github-redirect", "github-answer", "github-unreachable",
// "github-list-cut", "github-page", "github-error", and those of package transport). Calls wait for short rate limits; the fault of
// a longer one says when it ends. No error contains the token, and the token goes to no other host.
type Client struct {
	url   string
	token string
	api   *gogithub.Client
	seen  sync.Map // names of repositories that the token can see

	accepted atomic.Bool // GitHub has answered a read
}

// New makes a client. It sends nothing: a wrong token shows at the first call. Faults: "github-url" for an invalid address,
// "github-token" for a token that no header can contain.
func New(o Options) (*Client, error) {
	address := strings.TrimRight(strings.TrimSpace(o.URL), "/")
	if address == "" || slices.Contains(cloudURLs, strings.ToLower(address)) {
		address = defaultURL
	}
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" || base.User != nil || base.RawQuery != "" {
		return nil, fault.New(fault.Invalid, "github-url", "gio cannot use the address of GitHub's API").
			Hint("GITHUB_API_URL looks like %s, or https://ghe.example.org/api/v3; the token belongs into GITHUB_TOKEN", defaultURL)
	}
	token := strings.TrimSpace(o.Token)
	if strings.ContainsFunc(token, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) || r == ' ' }) {
		return nil, fault.New(fault.Auth, "github-token", "the GitHub token contains invalid characters").
			Hint("set GITHUB_TOKEN to the token and nothing else")
	}
	if o.HTTP == nil {
		o.HTTP = transport.New(Wire(transport.Options{}))
	}
	api := gogithub.NewClient(httpClient(base, token, *o.HTTP))
	base.Path += "/" // go-github requires it
	api.BaseURL = base
	return &Client{url: address, token: token, api: api}, nil
}

// URL returns the root of the API, without a trailing slash.
func (c *Client) URL() string { return c.url }

// httpClient adds the token to h, which sends it to the host of base and nowhere else.
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

// guard lets requests go to one host only. oauth2.Transport adds the token to every request that reaches it, also to a
// redirected one, so that CheckRedirect must not be the only protection.
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
		// go-github would refuse all requests until the next window, instead of waiting. It ignores the limits of an
		// answer that claims to come from a cache (BareDo in its github.go).
		res.Header.Set("X-From-Cache", "1")
	}
	return res, err
}

// call is one request, with what messages name.
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

// get reads k's answer into out. When GitHub refuses the token after it has accepted it before, get asks again, once, a second
// later: amid good answers one refusal may be a fluke.
func (c *Client) get(ctx context.Context, k call, out any) (*gogithub.Response, error) {
	k.method = http.MethodGet
	res, err := c.do(ctx, k, nil, out)
	if fault.Is(err, "github-unauthorized") && c.accepted.Load() && transport.Sleep(ctx, time.Second) == nil {
		res, err = c.do(ctx, k, nil, out)
	}
	if err == nil {
		c.accepted.Store(true)
	}
	return res, err
}

// allPages reads a list to its end, in pages of 100; k's path ends in ? or &. A list that does not exist is empty.
func allPages[T any](ctx context.Context, c *Client, k call) ([]T, error) {
	var all []T
	for path, page := k.path, 1; page != 0; {
		k.path = fmt.Sprintf("%sper_page=%d&page=%d", path, pageSize, page)
		var found []T
		res, err := c.get(ctx, k, &found)
		if fault.Is(err, k.missing) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all, page = append(all, found...), res.NextPage
	}
	return all, nil
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
		return res, c.callFault(ctx, k, res, err)
	}
	return res, nil
}

var (
	fullNameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$`)
	loginForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
)

// repoPath returns the path of a resource of a repository. It escapes the parts, including slashes in them.
func repoPath(fullName string, parts ...string) (string, error) {
	if !fullNameForm.MatchString(fullName) || strings.HasSuffix(fullName, "/.") || strings.HasSuffix(fullName, "/..") {
		return "", fault.New(fault.Invalid, "github-repository", "%q is not a repository of GitHub", fullName).
			Hint("a repository is named org/name")
	}
	path := "repos/" + fullName
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return "", fault.New(fault.Invalid, "github-path", "no request was sent to GitHub about %s: a part of the path is empty, \".\" or \"..\"", fullName)
		}
		path += "/" + url.PathEscape(part)
	}
	return path, nil
}
