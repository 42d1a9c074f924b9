package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gravitee-lab/gio/internal/wire"
)

func projectPath(project string, more ...string) string {
	path := "/v1/projects/" + url.PathEscape(project)
	for _, word := range more {
		path += "/" + url.PathEscape(word)
	}
	return path
}

func pageOf(path, after string, limit int) string {
	query := url.Values{"limit": {fmt.Sprint(limit)}}
	if after != "" {
		query.Set("after", after)
	}
	return path + "?" + query.Encode()
}

// Environment returns all about one environment.
func (c *Client) Environment(ctx context.Context, project, environment string) (o wire.Overview, err error) {
	return o, c.ask(ctx, http.MethodGet, projectPath(project, "environments", environment), nil, &o)
}

// Resume lets policies deploy again where a rollback holds them.
func (c *Client) Resume(ctx context.Context, project, environment string) (o wire.Overview, err error) {
	return o, c.ask(ctx, http.MethodPost, projectPath(project, "environments", environment, "resume"), nil, &o)
}

// Candidates lists at most limit of them, up to 100, the newest first; after is the Next of the page before, or "".
func (c *Client) Candidates(ctx context.Context, project, after string, limit int) (page wire.Candidates, err error) {
	return page, c.ask(ctx, http.MethodGet, pageOf(projectPath(project, "candidates"), after, limit), nil, &page)
}

// CreateCandidate makes a candidate.
func (c *Client) CreateCandidate(ctx context.Context, project string, n wire.NewCandidate) (made wire.Candidate, err error) {
	return made, c.ask(ctx, http.MethodPost, projectPath(project, "candidates"), n, &made)
}

// Block keeps a candidate from being deployed, for good.
func (c *Client) Block(ctx context.Context, project, candidate, reason string) (blocked wire.Candidate, err error) {
	return blocked, c.ask(ctx, http.MethodPost, projectPath(project, "candidates", candidate, "block"), wire.Reason{Reason: reason}, &blocked)
}

// Deployments lists at most limit of an environment, up to 100, the newest first; after is the Next of the page before, or "".
func (c *Client) Deployments(ctx context.Context, project, environment, after string, limit int) (page wire.Deployments, err error) {
	return page, c.ask(ctx, http.MethodGet, pageOf(projectPath(project, "environments", environment, "deployments"), after, limit), nil, &page)
}

// Deploy asks for a deployment.
func (c *Client) Deploy(ctx context.Context, project, environment string, n wire.NewDeployment) (d wire.Deployment, err error) {
	return d, c.ask(ctx, http.MethodPost, projectPath(project, "environments", environment, "deployments"), n, &d)
}

// RollBack asks for what ran before.
func (c *Client) RollBack(ctx context.Context, project, environment string, n wire.NewRollback) (d wire.Deployment, err error) {
	return d, c.ask(ctx, http.MethodPost, projectPath(project, "environments", environment, "rollback"), n, &d)
}

// Deployment returns one with what it waits for, by its id or the beginning of that.
func (c *Client) Deployment(ctx context.Context, id string) (g wire.Gate, err error) {
	return g, c.ask(ctx, http.MethodGet, "/v1/deployments/"+url.PathEscape(id), nil, &g)
}

// Approve says yes to a deployment.
func (c *Client) Approve(ctx context.Context, id string) (g wire.Gate, err error) {
	return c.act(ctx, id, "approve", nil)
}

// Reject says no to a deployment that waits.
func (c *Client) Reject(ctx context.Context, id, reason string) (g wire.Gate, err error) {
	return c.act(ctx, id, "reject", wire.Reason{Reason: reason})
}

// Cancel cancels a deployment, or asks what runs to stop.
func (c *Client) Cancel(ctx context.Context, id, reason string) (g wire.Gate, err error) {
	return c.act(ctx, id, "cancel", wire.Reason{Reason: reason})
}

// Resolve says what became of a deployment of which nobody knows it.
func (c *Client) Resolve(ctx context.Context, id string, r wire.Resolution) (g wire.Gate, err error) {
	return c.act(ctx, id, "resolve", r)
}

func (c *Client) act(ctx context.Context, id, what string, body any) (g wire.Gate, err error) {
	return g, c.ask(ctx, http.MethodPost, "/v1/deployments/"+url.PathEscape(id)+"/"+what, body, &g)
}

// Freezes lists those of a project that hold.
func (c *Client) Freezes(ctx context.Context, project string) (all []wire.Freeze, err error) {
	return all, c.ask(ctx, http.MethodGet, projectPath(project, "freezes"), nil, &all)
}

// Freeze keeps an environment, or all of a project, from taking anything new.
func (c *Client) Freeze(ctx context.Context, project string, n wire.NewFreeze) (f wire.Freeze, err error) {
	return f, c.ask(ctx, http.MethodPost, projectPath(project, "freezes"), n, &f)
}

// Unfreeze ends a freeze.
func (c *Client) Unfreeze(ctx context.Context, project, id string) error {
	return c.ask(ctx, http.MethodDelete, projectPath(project, "freezes", id), nil, nil)
}
