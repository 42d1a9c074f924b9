package client

import (
	"context"
	"net/http"

	"github.com/gravitee-lab/gio/internal/wire"
)

// Watched is what is known of the release repository of a project.
func (c *Client) Watched(ctx context.Context, project string) (w wire.Watched, err error) {
	return w, c.ask(ctx, http.MethodGet, projectPath(project, "releases"), nil, &w)
}

// Look tells of a release, so that the server looks at its repository now. It returns what came of it in each project that names it.
func (c *Client) Look(ctx context.Context, l wire.Look) (all []wire.Looked, err error) {
	return all, c.ask(ctx, http.MethodPost, "/v1/releases/look", l, &all)
}

// Candidate is a candidate with what it is made of, where that is known.
func (c *Client) Candidate(ctx context.Context, project, candidate string) (found wire.Candidate, err error) {
	return found, c.ask(ctx, http.MethodGet, projectPath(project, "candidates", candidate), nil, &found)
}
