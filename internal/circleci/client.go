// Package circleci is gio's client of CircleCI's API v2: it triggers and reads pipelines, and judges how one ended.
package circleci

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

const (
	defaultHost = "https://circleci.com"
	apiPath     = "/api/v2"
	olderPath   = "/api/v1.1"
	postTimeout = 30 * time.Second
	maxAnswer   = 32 << 20 // bytes
)

// Options sets CircleCI's address and the token.
type Options struct {
	Host  string // with scheme, and without path unless a proxy adds one; "" for https://circleci.com
	Token string // a personal API token; project tokens do not work with API v2
	// Secrets are hidden, as the token is, in what failing steps printed.
	Secrets []string
	HTTP    *http.Client // nil for transport.New
}

// Client talks to one CircleCI host with one token. It is safe for concurrent use. The faults of its reads are of kind
// Auth for 401 and 403, NotFound for 404, and otherwise Remote; a call whose context ended returns the context's cause.
// No error contains the token.
type Client struct {
	host    string
	token   string
	secrets []string // with the token
	http    *http.Client

	accepted atomic.Bool // CircleCI has answered a read with this token
}

// New makes a client. It sends nothing: a wrong host or token shows at the first call.
func New(o Options) *Client {
	if o.HTTP == nil {
		o.HTTP = transport.New(transport.Options{})
	}
	h := *o.HTTP
	h.CheckRedirect = transport.CheckRedirect // whatever client was given, the token goes to no other host
	token := strings.TrimSpace(o.Token)
	secrets := append([]string{token}, o.Secrets...)
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // the part of one may be another
	return &Client{host: cleanHost(o.Host), token: token, secrets: secrets, http: &h}
}

// Host returns the address of CircleCI, with scheme and without a trailing slash.
func (c *Client) Host() string { return c.host }

// cleanHost adds a scheme to host and removes trailing slashes.
func cleanHost(host string) string {
	host = strings.TrimSpace(host)
	if host == "" {
		return defaultHost
	}
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	return strings.TrimRight(host, "/")
}

// call is one request, with what messages name.
type call struct {
	method  string
	api     string // "" is apiPath
	path    string // below the api's, escaped
	query   url.Values
	subject string // what it is about: "project gh/org/repo"
}

func (k call) String() string { return k.method + " " + k.under() + k.path }

func (k call) under() string { return cmp.Or(k.api, apiPath) }

// request makes the request of a call; body may be nil. The body can be read only once, so that no layer can send a
// POST twice (see package transport).
func (c *Client) request(ctx context.Context, k call, body []byte) (*http.Request, error) {
	if c.token == "" || strings.ContainsFunc(c.token, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) }) {
		return nil, fault.New(fault.Auth, "circleci-token", "%s was not sent: the CircleCI token is empty or contains invalid characters", k).
			Hint("set CIRCLE_TOKEN to a personal API token")
	}
	base, err := url.Parse(c.host)
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") {
		return nil, fault.New(fault.Invalid, "circleci-host", "%s was not sent: the CircleCI host is not an http or https address", k).
			Hint("CIRCLE_HOST looks like %s", defaultHost)
	}
	target := c.host + k.under() + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target, content)
	if err != nil {
		return nil, fault.New(fault.Internal, "circleci-request", "%s could not be built", k).Because(transport.Quiet(err, c.token))
	}
	req.GetBody = nil
	if k.under() == olderPath {
		req.Header.Set("Circle-Token", c.token)
	} else {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		// Without it CircleCI ignores the body and builds the default branch (contracts/circleci.md 1.3).
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// get reads k's answer into out and returns its headers. When CircleCI refuses the token, or what it is used for, after it has
// accepted it before, get asks again, once, a second later: amid good answers one refusal may be a fluke.
func (c *Client) get(ctx context.Context, k call, out any) (http.Header, error) {
	header, err := c.getOnce(ctx, k, out)
	if fault.KindOf(err) == fault.Auth && c.accepted.Load() && transport.Sleep(ctx, time.Second) == nil {
		header, err = c.getOnce(ctx, k, out)
	}
	if err == nil {
		c.accepted.Store(true)
	}
	return header, err
}

func (c *Client) getOnce(ctx context.Context, k call, out any) (http.Header, error) {
	req, err := c.request(ctx, k, nil)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, k, err)
	}
	defer func() { _ = res.Body.Close() }() // it was read to the end, or its error is returned
	body, err := readAnswer(res.Body)
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, c.statusFault(k, res, body)
	}
	if err != nil {
		return nil, c.unreachable(ctx, k, err)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return nil, c.cannotRead(k, res.StatusCode, body, err)
	}
	return res.Header, nil
}

// post sends k once, without a body, and expects a 2xx.
func (c *Client) post(ctx context.Context, k call) error {
	limited, cancel := context.WithTimeoutCause(ctx, postTimeout, errNoAnswer)
	defer cancel()
	req, err := c.request(limited, k, nil)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(ctx, k, err)
	}
	defer func() { _ = res.Body.Close() }() // only the status counts
	if res.StatusCode >= 200 && res.StatusCode <= 299 {
		return nil
	}
	body, _ := readAnswer(res.Body) // report what could be read
	return c.statusFault(k, res, body)
}

// readAnswer reads a body to its end, which must come within 32 MiB.
func readAnswer(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fault.New(fault.Remote, unreadable, "the answer is larger than %d MiB", maxAnswer>>20)
	}
	return body, err
}

// escape joins path segments. It refuses an empty one, "." and "..", which would name another resource.
func escape(segments ...string) (string, error) {
	var path strings.Builder
	for _, s := range segments {
		if s == "" || s == "." || s == ".." {
			return "", fault.New(fault.Invalid, "circleci-path", "no request was sent to CircleCI: %q is not a path",
				strings.Join(segments, "/")).Hint("a part of it is empty: a project slug, an id or a number is missing")
		}
		path.WriteString("/" + url.PathEscape(s))
	}
	return path.String(), nil
}
