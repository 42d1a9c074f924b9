package prepare

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

// draft is an edit in the making.
type draft struct {
	Question
	edit     *Edit
	openings map[string]opening // what the repositories say, by component
}

// change makes a change, unless it changes no byte.
func (d *draft) change(edited *manifest.Manifest, err error, c Change) error {
	if err != nil {
		return err
	}
	if edited != d.edit.After {
		d.edit.After = edited
		d.edit.Changes = append(d.edit.Changes, c)
	}
	return nil
}

// validate refuses what no repository need be asked about: the request names a component once, and names none that
// does not exist, unless to add it.
func (d *draft) validate() error {
	m, seen := d.edit.After, map[string]bool{}
	for _, name := range d.Request.names() {
		if seen[name] {
			return fault.New(fault.Usage, "usage", "%s is named twice", name)
		}
		seen[name] = true
	}
	for _, name := range d.Request.existing() {
		if _, found := m.Component(name); !found {
			return d.unknown(name)
		}
	}
	for _, name := range d.Request.Remove {
		if _, found := m.Component(name); !found && groupOf(m, name) == "" {
			return d.unknown(name)
		}
	}
	for _, s := range d.Request.Set {
		if s.Version == OfProduct { // which may get another one first
			continue
		}
		if err := manifest.CheckVersion(s.Component, s.Version); err != nil {
			return err
		}
	}
	return d.validateGroups()
}

// validateGroups refuses groups that do not exist.
func (d *draft) validateGroups() error {
	m := d.edit.After
	for _, p := range d.Request.Groups {
		placed := slices.ContainsFunc(d.Request.Groups, func(q manifest.Placement) bool { return q.Name == p.Behind })
		if p.Behind != "" && groupOf(m, p.Behind) == "" && !placed {
			return usage("%s@%s: %q is no group, and stands in none: write %s", p.Name, p.Behind, p.Behind, groupForms)
		}
	}
	for _, s := range d.Request.Add {
		var err error
		if m, err = m.AddComponent(s.Component, cmp.Or(d.version(s), "0.0.0")); err != nil {
			return err
		}
	}
	_, err := m.PutInGroups(d.Request.Groups...)
	return err
}

// version is the version of a setting, with the product's in its place.
func (d *draft) version(s Setting) string {
	if s.Version == OfProduct {
		return d.edit.After.Version
	}
	return s.Version
}

func (d *draft) unknown(name string) error {
	f := fault.New(fault.Usage, "unknown-component", "%q is no component of %s", name, d.Manifest.File)
	if near := d.edit.After.Nearest(name); near != "" {
		return f.Hint("did you mean %s?", near)
	}
	return f.Hint("--add %s@GROUP adds it", name)
}

// check refuses a result that is worse than what was there.
func (d *draft) check() error {
	if len(d.edit.Changes) == 0 {
		return nil
	}
	if err := d.releasable(); err != nil {
		return err
	}
	d.edit.Warnings = d.edit.After.FreshWarnings(d.edit.Before)
	remaining, err := d.edit.After.CheckEdit(d.edit.Before)
	if err != nil {
		return err
	}
	if d.edit.Remaining = remaining; len(remaining) > 0 { // plan.Make would refuse these
		return nil
	}
	_, err = plan.Make(d.edit.After, d.Options)
	return err
}

// releasable refuses what people forget most often, with the flag that says it: CheckEdit would refuse it, too.
func (d *draft) releasable() error {
	before, after := d.edit.Before, d.edit.After
	for _, change := range d.edit.Changes {
		c, _ := after.Component(change.Component)
		if was, _ := before.Component(c.Name); was.Open() && groupOf(before, c.Name) == "" {
			continue // CheckEdit says what is left
		}
		if c.Open() && groupOf(after, c.Name) == "" {
			flag := "--group"
			if d.Request.adds(c.Name) {
				flag = "--add"
			}
			return fault.New(fault.Invalid, "no-group", "%s is to be released (%s) but would stand in no group of buildDependencies", c.Name, c.Version).
				Hint("say which: %s %s@GROUP", flag, c.Name)
		}
	}
	if after.Open() || !anyOpen(after) || !before.Open() && anyOpen(before) {
		return nil
	}
	f := fault.New(fault.Invalid, "product-released", "%s: version %s of the product counts as released: there is nothing yet that components can be opened for", after.VersionAt, after.Version)
	if next, err := plan.NextVersions(after.Version, d.Options.Branch, d.Options.MainBranch, ""); err == nil {
		f = f.Hint("--version %s sets the next one", next.Version)
	}
	return f
}

func anyOpen(m *manifest.Manifest) bool {
	return slices.ContainsFunc(m.Components, manifest.Component.Open)
}

// groupOf is the number of the group that a name stands in, "" for none, several numbers for several.
func groupOf(m *manifest.Manifest, name string) string {
	var numbers []string
	for i, group := range m.Groups {
		if slices.ContainsFunc(group, func(e manifest.Entry) bool { return e.Name == name }) {
			numbers = append(numbers, strconv.Itoa(i+1))
		}
	}
	return strings.Join(numbers, ", ")
}
