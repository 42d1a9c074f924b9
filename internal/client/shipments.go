package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/gravitee-lab/gio/internal/wire"
)

// Shipments lists at most limit of them, up to 100, the newest first; after is the Next of the page before, or "". Repository and branch
// may be "".
func (c *Client) Shipments(ctx context.Context, project, repository, branch, after string, limit int) (page wire.Shipments, err error) {
	path := pageOf(projectPath(project, "shipments"), after, limit)
	for name, value := range map[string]string{"repository": repository, "branch": branch} {
		if value != "" {
			path += "&" + name + "=" + url.QueryEscape(value)
		}
	}
	return page, c.ask(ctx, http.MethodGet, path, nil, &page)
}

// Shipment returns all about one shipment.
func (c *Client) Shipment(ctx context.Context, project, id string) (s wire.ShownShipment, err error) {
	return s, c.ask(ctx, http.MethodGet, projectPath(project, "shipment")+"?id="+url.QueryEscape(id), nil, &s)
}

// DeployShipment deploys the apps of a shipment.
func (c *Client) DeployShipment(ctx context.Context, project string, d wire.DeployShipment) (b wire.Batch, err error) {
	return b, c.ask(ctx, http.MethodPost, projectPath(project, "shipments", "deploy"), d, &b)
}

// Batch returns what one request has made of apps.
func (c *Client) Batch(ctx context.Context, project, id string) (b wire.Batch, err error) {
	return b, c.ask(ctx, http.MethodGet, projectPath(project, "batches", id), nil, &b)
}

// BranchDeleted tells that a branch is gone.
func (c *Client) BranchDeleted(ctx context.Context, project string, d wire.DeletedBranch) (b wire.Batch, err error) {
	return b, c.ask(ctx, http.MethodPost, projectPath(project, "branches", "deleted"), d, &b)
}
