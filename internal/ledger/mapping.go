package ledger

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Mapping says what a component of a release is made of. In its path {{.Component}} and {{.Version}} stand for the component and its
// version, {{.ProductVersion}} for the version of the release, and * for any text without a slash.
type Mapping struct {
	Repository string   `json:"repository"`           // of the project; of an image the only registry of no environment, where it is left out
	Path       string   `json:"path,omitempty"`       // of files; * where they are kept here
	Image      string   `json:"image,omitempty"`      // NAME:TAG, instead of a path
	Components []string `json:"components,omitempty"` // names, * as in paths; none: of each component
}

// fields are what it says, as one line of the project file.
func (m Mapping) field(n int) field {
	value := m.Repository + "/" + m.Path + m.Image
	if len(m.Components) > 0 {
		value += " of " + strings.Join(m.Components, ", ")
	}
	return field{fmt.Sprintf("bundle.%d", n+1), value}
}

func mappingFields(all []Mapping) (fields []field) {
	for n, m := range all {
		fields = append(fields, m.field(n))
	}
	return fields
}

// mostMappings bounds those of a project: each is looked for when a candidate arrives.
const mostMappings = 1000

// checkMappings returns the fault of a bundle: that can stand for nothing.
func checkMappings(all []Mapping) error {
	invalid := func(m Mapping, format string, args ...any) error {
		return fault.New(fault.Invalid, "invalid-project", "bundle: %.420s: "+format, append([]any{m.Repository + "/" + m.Path + m.Image}, args...)...)
	}
	if len(all) > mostMappings {
		return fault.New(fault.Invalid, "invalid-project", "bundle: has more than %d items", mostMappings)
	}
	for _, m := range all {
		sample, err := m.pattern("component", "1.0.0", "1.0.0")
		switch {
		case m.Path != "" && m.Image != "":
			return invalid(m, "it has both, path: and image:")
		case err == nil && m.Image != "" && !imageText.MatchString(sample.Path):
			return invalid(m, "%.200q is no image: write NAME:TAG, in lower case", sample.Path)
		case err == nil && m.Image == "":
			err = sample.check()
		}
		if err != nil {
			return invalid(m, "%s", err)
		}
		for _, c := range m.Components {
			if c == "" || strings.Contains(c, "/") {
				return invalid(m, "%.100q is no name of a component", c)
			}
		}
	}
	return nil
}

// imageText is NAME:TAG.
var imageText = regexp.MustCompile(`^[a-z0-9]+([._/-]+[a-z0-9]+)*:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// checkMapped returns the fault of a bundle: that names what is no repository of the project's own, or is none for that. It names the
// repository of images where that is left out.
func checkMapped(ctx context.Context, tx Tx, d Declaration) error {
	for i := range d.Project.Bundle {
		m := &d.Project.Bundle[i]
		if m.Repository == "" && m.Image != "" {
			var err error
			if m.Repository, err = onlyRegistry(ctx, tx, d); err != nil {
				return err
			}
		}
		r, err := declaredRepository(ctx, tx, d, m.Repository)
		switch {
		case fault.Is(err, "no-repository"), err == nil && r.Project != d.Project.Name:
			return fault.New(fault.Invalid, "invalid-project", "bundle: there is no repository %.100q of this project", m.Repository).Hint("declare it under repositories:")
		case err != nil:
			return err
		case r.Images() && m.Image == "":
			return fault.New(fault.Invalid, "invalid-project", "bundle: the repository %s has no files, it is %s", r.Name, r.Kind).Hint("write image: NAME:TAG instead of path:")
		case !r.Images() && m.Image != "":
			return fault.New(fault.Invalid, "invalid-project", "bundle: the repository %s has no images, it is %s", r.Name, r.Kind).Hint("name one of the kind registry")
		case r.Kind == Artifactory && strings.Contains(m.Path, "*"):
			return fault.New(fault.Invalid, "invalid-project", "bundle: %.420s/%s: the repository is not kept here, and * stands for nothing there", r.Name, m.Path).
				Hint("name each file of it")
		}
	}
	return nil
}

// onlyRegistry is the repository of images that a project has beside those of its environments.
func onlyRegistry(ctx context.Context, tx Tx, d Declaration) (string, error) {
	all, err := tx.Repositories(ctx, d.Project.Name)
	if err != nil {
		return "", err
	}
	names := map[string]bool{}
	for _, r := range append(all, d.Repositories...) { // what is declared counts
		names[r.Name] = r.Images() && r.Environment == ""
	}
	maps.DeleteFunc(names, func(_ string, is bool) bool { return !is })
	found := slices.Sorted(maps.Keys(names))
	if len(found) != 1 {
		return "", fault.New(fault.Invalid, "invalid-project", "bundle: an image without repository: there is not one repository of the kind registry, of no environment, but %d", len(found)).
			Hint("write repository: beside image:")
	}
	return found[0], nil
}

// declaredRepository is a repository that a declaration has, or that there is.
func declaredRepository(ctx context.Context, tx Tx, d Declaration, name string) (Repository, error) {
	if i := slices.IndexFunc(d.Repositories, func(r Repository) bool { return r.Name == name }); i >= 0 {
		return d.Repositories[i], nil
	}
	return tx.Repository(ctx, name)
}

func (m Mapping) pattern(component, version, product string) (Pattern, error) {
	path, err := expand(m.Path+m.Image, map[string]string{"Component": component, "Version": version, "ProductVersion": product})
	return Pattern{m.Repository, path}, err
}

// wants tells whether it is for a component.
func (m Mapping) wants(component string) bool {
	return len(m.Components) == 0 || slices.ContainsFunc(m.Components, func(part string) bool { return fits(part, component) })
}

// ofProduct is what it stands for where it is about no component: its path says so.
func (m Mapping) ofProduct(product string) (Pattern, bool) {
	path, err := expand(m.Path+m.Image, map[string]string{"ProductVersion": product})
	return Pattern{m.Repository, path}, err == nil && len(m.Components) == 0
}

// errNoComponents is for a candidate of which nobody knows what it is made of.
func errNoComponents(v Version) error {
	return fault.New(fault.Invalid, "no-components", "nobody has said the components of %s: gio did not release it", v)
}

// patterns are what a candidate is made of, each once, in the order of the mappings and then of the components' names.
func patterns(all []Mapping, v Version, components map[string]string) (wanted []Pattern, err error) {
	for _, m := range all {
		if p, is := m.ofProduct(v.Release); is {
			wanted = append(wanted, p)
			continue
		}
		if len(components) == 0 {
			return nil, errNoComponents(v)
		}
		for _, name := range slices.Sorted(maps.Keys(components)) {
			if !m.wants(name) {
				continue
			}
			p, err := m.pattern(name, components[name], v.Release)
			if err != nil {
				return nil, err
			}
			wanted = append(wanted, p)
		}
	}
	seen := map[Pattern]bool{}
	return slices.DeleteFunc(wanted, func(p Pattern) bool {
		before := seen[p]
		seen[p] = true
		return before
	}), nil
}
