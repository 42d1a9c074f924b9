package client

import (
	"context"
	"net/http"

	"github.com/gravitee-lab/gio/internal/wire"
)

// BundleNames lists at most limit names of a project's bundles, up to 100; after is the Next of the page before, or "".
func (c *Client) BundleNames(ctx context.Context, project, after string, limit int) (page wire.BundleNames, err error) {
	return page, c.ask(ctx, http.MethodGet, pageOf(projectPath(project, "bundles"), after, limit), nil, &page)
}

// Bundles lists at most limit versions of a bundle, up to 100, the newest first; after is the Next of the page before, or "".
func (c *Client) Bundles(ctx context.Context, project, bundle, after string, limit int) (page wire.Bundles, err error) {
	return page, c.ask(ctx, http.MethodGet, pageOf(projectPath(project, "bundles", bundle), after, limit), nil, &page)
}

// CreateBundle makes a bundle of files.
func (c *Client) CreateBundle(ctx context.Context, project string, n wire.NewBundle) (b wire.Bundle, err error) {
	return b, c.ask(ctx, http.MethodPost, projectPath(project, "bundles"), n, &b)
}

// Bundle returns all about one bundle.
func (c *Client) Bundle(ctx context.Context, project, bundle, version string) (s wire.ShownBundle, err error) {
	return s, c.ask(ctx, http.MethodGet, projectPath(project, "bundles", bundle, version), nil, &s)
}

// VerifyBundle asks whether a bundle is what was signed, and whether all is there.
func (c *Client) VerifyBundle(ctx context.Context, project, bundle, version string) (v wire.VerifiedBundle, err error) {
	return v, c.ask(ctx, http.MethodGet, projectPath(project, "bundles", bundle, version, "verify"), nil, &v)
}

// Promote carries a bundle to the repositories of an environment.
func (c *Client) Promote(ctx context.Context, project, bundle, version string, n wire.NewPromotion) (p wire.Promotion, err error) {
	return p, c.ask(ctx, http.MethodPost, projectPath(project, "bundles", bundle, version, "promotions"), n, &p)
}

// Promotions lists the newest promotions of a bundle.
func (c *Client) Promotions(ctx context.Context, project, bundle, version string) (p wire.Promotions, err error) {
	return p, c.ask(ctx, http.MethodGet, projectPath(project, "bundles", bundle, version, "promotions"), nil, &p)
}
