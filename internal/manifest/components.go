package manifest

import (
	"regexp"
	"slices"

	"github.com/gravitee-lab/gio/internal/fault"
)

// usableVersion is what a version may consist of to be the name of a Git tag.
var usableVersion = regexp.MustCompile(`^[0-9A-Za-z](?:[0-9A-Za-z_+-]|\.[0-9A-Za-z_+-])*$`)

// SetComponent gives a component a version: X.Y.Z-SNAPSHOT opens it, any other says that it is released.
// Since, the product version that it was released with, stays as it is when it is "". An unknown name, and
// a version that Check would refuse, is the fault manifest-edit. Whether the whole still fits together (an
// open component needs an open product and a group) is for Check, when all edits are made.
func (m *Manifest) SetComponent(name, version, since string) (*Manifest, error) {
	c, found := m.Component(name)
	if !found {
		return nil, m.unknown(name)
	}
	if err := acceptable(name, version); err != nil {
		return nil, err
	}
	var wanted []setting
	if c.Own || version != c.Version {
		wanted = append(wanted, setting{"version", version})
	}
	if since != "" {
		wanted = append(wanted, setting{"since", since})
	}
	var e edit
	e.set(m, m.nodes[name], wanted...)
	return e.apply(m)
}

// AddComponent adds a component, written like its neighbours: where its name belongs in a list that is
// sorted by name, else at the end. A name that is there already, a name that no repository can have, and a
// version that Check would refuse, is the fault manifest-edit.
func (m *Manifest) AddComponent(name, version string) (*Manifest, error) {
	if c, found := m.Component(name); found {
		return nil, editFault("%s: %s is a component already", c.At, name)
	}
	if !usableName.MatchString(name) {
		return nil, editFault("component %q cannot be added: its name cannot be a repository's: use letters, digits, '.', '_' and '-'", name)
	}
	if err := acceptable(name, version); err != nil {
		return nil, err
	}
	at := len(m.Components)
	byName := func(a, b Component) int { return compareNames(a.Name, b.Name) }
	if slices.IsSortedFunc(m.Components, byName) {
		at, _ = slices.BinarySearchFunc(m.Components, Component{Name: name}, byName)
	}
	list := m.root.get("components").value
	var e edit
	e.insert(m, list, at, m.componentText(list, at, name, version))
	return e.apply(m)
}

// RemoveComponent removes a component from the list, and nothing else: its places in the groups are for
// RemoveFromGroups. An unknown name is the fault manifest-edit.
func (m *Manifest) RemoveComponent(name string) (*Manifest, error) {
	i, found := m.index[name]
	if !found {
		return nil, m.unknown(name)
	}
	var e edit
	e.remove(m.root.get("components").value, i)
	return e.apply(m)
}

func (m *Manifest) unknown(name string) error {
	f := fault.New(fault.Invalid, "manifest-edit", "%s has no component %q", m.File, name)
	if near := m.Nearest(name); near != "" {
		f = f.Hint("did you mean %s?", near)
	}
	return f
}

// acceptable holds what a component's version must be, so that no edit writes what Check refuses.
func acceptable(name, version string) error {
	if meant, misspelled := correctSnapshot(version); misspelled {
		return editFault("%q cannot be the version of %s: it is a misspelled SNAPSHOT: write %q", version, name, meant)
	}
	if !usableVersion.MatchString(version) {
		return editFault("%q cannot be the version of %s: use letters, digits, '.', '_', '+' and '-'", version, name)
	}
	if _, err := ParseVersion(version); err != nil && isOpen(version) {
		return editFault("%q cannot be the version of %s: what is to be released must be X.Y.Z-SNAPSHOT or X.Y.Z-PRE-SNAPSHOT", version, name)
	}
	return nil
}
