package circleci

import (
	"context"
	"net/http"
)

// Definition is a pipeline definition of a project (contracts/circleci.md 1.2).
type Definition struct{ ID, Name string }

// Definitions reads the pipeline definitions of a project, in CircleCI's order. A CircleCI Server has none, and answers NotFound.
func (c *Client) Definitions(ctx context.Context, slug string) ([]Definition, error) {
	k, w, err := c.readProject(ctx, slug)
	if err != nil {
		return nil, err
	}
	if w.ID == "" {
		return nil, missing(k, "project's id")
	}
	path, err := escape("projects", string(w.ID), "pipeline-definitions")
	if err != nil {
		return nil, err
	}
	items, err := whole[wireDefinition](ctx, c, call{method: http.MethodGet, path: path, subject: "pipeline definitions of project " + slug})
	var all []Definition
	for _, d := range items {
		all = append(all, Definition{ID: string(d.ID), Name: string(d.Name)})
	}
	return all, err
}

type wireDefinition struct {
	ID   text `json:"id"`
	Name text `json:"name"`
}
