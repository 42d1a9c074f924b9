package operate

import (
	"context"
	"sync"

	"github.com/gravitee-lab/gio/internal/doctor"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// versionsBefore tells the version that an earlier release.json says of a component, and the tag that has it: that of the start of
// this release first, then those of the product version that the component names. It reads them when it is first asked; one that
// cannot be read says nothing.
func (e *editor) versionsBefore(ctx context.Context) func(component string) (version, tag string) {
	read := sync.OnceValue(func() []earlier { return e.earlier(ctx) })
	return func(component string) (version, tag string) {
		now, _ := e.before.Component(component)
		for _, b := range read() {
			c, found := b.manifest.Component(component)
			if (b.product == e.before.ReleaseVersion() || b.product == now.Since) && found && c.HasVersion() {
				return c.Version, b.tag
			}
		}
		return "", ""
	}
}

// earlier is release.json at a tag of a product version.
type earlier struct {
	product, tag string
	manifest     *manifest.Manifest
}

func (e *editor) earlier(ctx context.Context) []earlier {
	var found []earlier
	for _, product := range e.productsBefore() {
		tag, err := e.ProductTag(product)
		if err != nil {
			continue
		}
		start, released := doctor.Tags(tag)
		for _, ref := range []string{start, released} {
			if m := e.manifestOf(ctx, ref); m != nil {
				found = append(found, earlier{product, ref[len("refs/tags/"):], m})
			}
		}
	}
	return found
}

// productsBefore are this product version, and those that components without a version name.
func (e *editor) productsBefore() []string {
	all := []string{e.before.ReleaseVersion()}
	known := map[string]bool{"": true, all[0]: true}
	for _, c := range e.before.Components {
		if !c.HasVersion() && !known[c.Since] {
			known[c.Since], all = true, append(all, c.Since)
		}
	}
	return all
}

// manifestOf reads release.json at a tag; nil where there is none.
func (e *editor) manifestOf(ctx context.Context, ref string) *manifest.Manifest {
	commit := commitAt(e.repo, ref)
	if commit == "" || e.repo.Fetch(ctx, ref) != nil {
		return nil
	}
	data, err := e.repo.ReadFile(commit, e.Path)
	if err != nil {
		return nil
	}
	m, err := manifest.ParseToEdit(e.Path, data)
	if err != nil {
		return nil
	}
	return m
}
