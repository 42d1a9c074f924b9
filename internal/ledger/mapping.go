package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Mapping says what a component of a release is made of. In its path {{.Component}} and {{.Version}} stand for the component and its
// version, {{.ProductVersion}} for the version of the release, and * for any text without a slash.
type Mapping struct {
	Repository string   `json:"repository"` // of the project, kept here
	Path       string   `json:"path"`
	Components []string `json:"components,omitempty"` // names, * as in paths; none: of each component
}

// fields are what it says, as one line of the project file.
func (m Mapping) field(n int) field {
	value := m.Repository + "/" + m.Path
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
		return fault.New(fault.Invalid, "invalid-project", "bundle: %.420s: "+format, append([]any{m.Repository + "/" + m.Path}, args...)...)
	}
	if len(all) > mostMappings {
		return fault.New(fault.Invalid, "invalid-project", "bundle: has more than %d items", mostMappings)
	}
	for _, m := range all {
		sample, err := m.pattern("component", "1.0.0", "1.0.0")
		if err == nil {
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

// checkMapped returns the fault of a bundle: that names what is no repository of the project's own.
func checkMapped(ctx context.Context, tx Tx, d Declaration) error {
	for _, m := range d.Project.Bundle {
		r, err := declaredRepository(ctx, tx, d, m.Repository)
		switch {
		case fault.Is(err, "no-repository"), err == nil && r.Project != d.Project.Name:
			return fault.New(fault.Invalid, "invalid-project", "bundle: there is no repository %.100q of this project", m.Repository).Hint("declare it under repositories:")
		case err != nil:
			return err
		case r.Kind != Hosted:
			return fault.New(fault.Invalid, "invalid-project", "bundle: the repository %s is not kept here, it is %s", r.Name, r.Kind).
				Hint("name one of the kind hosted")
		}
	}
	return nil
}

// declaredRepository is a repository that a declaration has, or that there is.
func declaredRepository(ctx context.Context, tx Tx, d Declaration, name string) (Repository, error) {
	if i := slices.IndexFunc(d.Repositories, func(r Repository) bool { return r.Name == name }); i >= 0 {
		return d.Repositories[i], nil
	}
	return tx.Repository(ctx, name)
}

func (m Mapping) pattern(component, version, product string) (Pattern, error) {
	path, err := expand(m.Path, map[string]string{"Component": component, "Version": version, "ProductVersion": product})
	return Pattern{m.Repository, path}, err
}

// wants tells whether it is for a component.
func (m Mapping) wants(component string) bool {
	return len(m.Components) == 0 || slices.ContainsFunc(m.Components, func(part string) bool { return fits(part, component) })
}

// ofProduct is what it stands for where it is about no component: its path says so.
func (m Mapping) ofProduct(product string) (Pattern, bool) {
	path, err := expand(m.Path, map[string]string{"ProductVersion": product})
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
