// Package client speaks to gio-server's own API, /v1.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/wire"
)

// timeout limits one request; those that only read are repeated within it.
const timeout = time.Minute

// Client asks one server with one token. Its faults have the codes of the server; what is no answer of it is server-unreachable
// or server-answer (kind Remote).
type Client struct {
	host  string
	token string
	http  *http.Client
}

// New makes a client of the server at host, https://gio.example.org.
func New(host, token string, h *http.Client) *Client {
	return &Client{strings.TrimRight(host, "/"), token, h}
}

// Projects lists the projects that the token sees.
func (c *Client) Projects(ctx context.Context) (all []wire.ListedProject, err error) {
	return all, c.ask(ctx, http.MethodGet, "/v1/projects", nil, &all)
}

// Project returns a project with its environments.
func (c *Client) Project(ctx context.Context, name string) (p wire.Project, err error) {
	return p, c.ask(ctx, http.MethodGet, "/v1/projects/"+url.PathEscape(name), nil, &p)
}

// Apply makes a project what is declared, or says what would change.
func (c *Client) Apply(ctx context.Context, p wire.Project, dry bool) (a wire.Applied, err error) {
	return a, c.ask(ctx, http.MethodPut, fmt.Sprintf("/v1/projects/%s?dry_run=%t", url.PathEscape(p.Name), dry), p, &a)
}

// Running lists what runs where.
func (c *Client) Running(ctx context.Context, project string) (all []wire.Running, err error) {
	return all, c.ask(ctx, http.MethodGet, "/v1/projects/"+url.PathEscape(project)+"/environments", nil, &all)
}

// Tokens lists the tokens that the token sees.
func (c *Client) Tokens(ctx context.Context) (all []wire.Token, err error) {
	return all, c.ask(ctx, http.MethodGet, "/v1/tokens", nil, &all)
}

// CreateToken makes a token, or imports a secret.
func (c *Client) CreateToken(ctx context.Context, t wire.NewToken) (made wire.CreatedToken, err error) {
	return made, c.ask(ctx, http.MethodPost, "/v1/tokens", t, &made)
}

// RevokeToken ends a token at once.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.ask(ctx, http.MethodDelete, "/v1/tokens/"+url.PathEscape(id), nil, nil)
}

// Events lists what happened after a position; project "" is all.
func (c *Client) Events(ctx context.Context, project string, after int64, limit int) (all []wire.Event, err error) {
	query := url.Values{"after": {fmt.Sprint(after)}, "limit": {fmt.Sprint(limit)}}
	if project != "" {
		query.Set("project", project)
	}
	return all, c.ask(ctx, http.MethodGet, "/v1/events?"+query.Encode(), nil, &all)
}

// Head returns the end of the history.
func (c *Client) Head(ctx context.Context) (h wire.Head, err error) {
	return h, c.ask(ctx, http.MethodGet, "/v1/audit/head", nil, &h)
}

// Verify asks whether the history is what was written, held against an end that was kept; the zero Head stands for none.
func (c *Client) Verify(ctx context.Context, kept wire.Head) (v wire.Verified, err error) {
	query := url.Values{}
	if kept.Position != 0 || kept.Hash != "" {
		query = url.Values{"position": {fmt.Sprint(kept.Position)}, "hash": {kept.Hash}}
	}
	return v, c.ask(ctx, http.MethodGet, "/v1/audit/verify?"+query.Encode(), nil, &v)
}

func (c *Client) ask(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return fault.New(fault.Internal, "server-request", "%s %s", method, path).Because(err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.host+path, &sent)
	if err != nil {
		return c.badAddress()
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= http.StatusBadRequest {
		return c.refusal(res)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		return fault.New(fault.Remote, "server-answer", "%s is no gio-server, or a newer one: %s %s", c.host, method, path).Because(err)
	}
	return nil
}

func (c *Client) badAddress() error {
	return fault.New(fault.Usage, "server-address", "%s is no address of a server", c.host).Hint("set GIO_SERVER, as in https://gio.example.org")
}

func (c *Client) unreachable(err error) error {
	return fault.New(fault.Remote, "server-unreachable", "gio-server at %s does not answer", c.host).Because(err).
		Hint("check GIO_SERVER, and that the server runs")
}

var kinds = map[int]fault.Kind{
	http.StatusBadRequest: fault.Invalid, http.StatusUnprocessableEntity: fault.Invalid, http.StatusConflict: fault.Invalid,
	http.StatusUnauthorized: fault.Auth, http.StatusForbidden: fault.Auth, http.StatusNotFound: fault.NotFound,
}

// refusal is the fault that the server answered.
func (c *Client) refusal(res *http.Response) error {
	var p struct {
		Detail, Code string
		Hints        []string
		Errors       []struct{ Message, Location string }
	}
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil || p.Detail == "" {
		return fault.New(fault.Remote, "server-answer", "%s answered %s, and not as a gio-server does", c.host, res.Status).Hint("check GIO_SERVER")
	}
	kind, known := kinds[res.StatusCode]
	if !known {
		kind = fault.Remote
	}
	f := fault.New(kind, p.Code, "%s", p.Detail)
	for _, e := range p.Errors {
		f = f.Hint("%s: %s", e.Location, e.Message)
	}
	for _, hint := range p.Hints {
		f = f.Hint("%s", hint)
	}
	return f
}
