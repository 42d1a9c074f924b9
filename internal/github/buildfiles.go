package github

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/needs"
)

const (
	// maxModules bounds the modules of one component that are read: each costs a request.
	maxModules = 200
	// modulesAtOnce is how many of them are read at the same time. A check reads those of twenty components at once, and GitHub wants
	// no more than 100 requests under way.
	modulesAtOnce = 5
)

// BuildFiles reads the files that say of what a component is built, as they are at a ref: its pom.xml or package.json, and those of its
// modules or workspaces; none where it has neither file. The faults are those of File, and "too-many-modules".
func (c *Client) BuildFiles(ctx context.Context, repo, ref string) ([]needs.File, error) {
	file, data, err := c.VersionFile(ctx, repo, ref)
	if err != nil || file == "" {
		return nil, err
	}
	return c.WithModules(ctx, repo, ref, needs.File{Path: file, Data: data})
}

// WithModules reads the modules of a file that was read already, and theirs, and returns all, the nearest to it first. A module whose
// file does not exist is left out: it may be made in the build.
func (c *Client) WithModules(ctx context.Context, repo, ref string, root needs.File) ([]needs.File, error) {
	files, seen := []needs.File{root}, map[string]bool{root.Path: true}
	for level := files; len(level) > 0; {
		var paths []string
		for _, f := range level {
			for _, module := range needs.Modules(f) {
				if !seen[module] {
					seen[module], paths = true, append(paths, module)
				}
			}
		}
		if len(seen) > maxModules {
			return nil, fault.New(fault.Invalid, "too-many-modules", "%s has more than %d modules", repo, maxModules)
		}
		var err error
		if level, err = c.existing(ctx, repo, ref, paths); err != nil {
			return nil, err
		}
		files = append(files, level...)
	}
	return files, nil
}

// existing reads those of the files that exist.
func (c *Client) existing(ctx context.Context, repo, ref string, paths []string) (files []needs.File, err error) {
	read := make([]needs.File, len(paths))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(modulesAtOnce)
	for i, path := range paths {
		g.Go(func() error {
			data, err := c.File(ctx, repo, ref, path)
			if fault.Is(err, "no-file") {
				return nil
			}
			read[i] = needs.File{Path: path, Data: data}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, f := range read {
		if f.Path != "" {
			files = append(files, f)
		}
	}
	return files, nil
}
