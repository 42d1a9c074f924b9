package manifest

import (
	"regexp"
	"slices"

	"github.com/gravitee-lab/gio/internal/fault"
)

// usableVersion matches versions that can be the name of a Git tag.
var usableVersion = regexp.MustCompile(`^[0-9A-Za-z](?:[0-9A-Za-z_+-]|\.[0-9A-Za-z_+-])*$`)

// SetComponent sets the version of a component, its own also where it is the product's: X.Y.Z-SNAPSHOT opens it, any other means that
// it is released. An unknown name, or a
// version that Check would refuse, is the fault manifest-edit. Whether the whole is still consistent (an open component needs an
// open product and a group) is for Check, after all edits.
func (m *Manifest) SetComponent(name, version string) (*Manifest, error) {
	i, found := m.index[name]
	if !found {
		return nil, m.unknownComponent(name)
	}
	if err := CheckVersion(name, version); err != nil {
		return nil, err
	}
	var e edit
	e.set(m, m.object(i), setting{"version", version})
	return e.apply(m)
}

// SetSince sets the product version with which a component was released; "" removes it. An unknown name, or what is no version, is
// the fault manifest-edit.
func (m *Manifest) SetSince(name, since string) (*Manifest, error) {
	c, found := m.Component(name)
	if !found {
		return nil, m.unknownComponent(name)
	}
	var e edit
	obj := m.object(m.index[name])
	if since == "" {
		e.unset(obj, "since")
		return e.apply(m)
	}
	if v, err := ParseVersion(since); err != nil || v.Original() != since {
		return nil, editFault("%q cannot be the since of %s: it is the product version X.Y.Z that it was released with", since, name)
	}
	settings := []setting{{"since", since}}
	if obj.get("version") != nil { // it stands behind the version
		settings = slices.Insert(settings, 0, setting{"version", c.Version})
	}
	e.set(m, obj, settings...)
	return e.apply(m)
}

// FollowProduct removes a component's own version, so that it has the product's. An unknown name is the fault manifest-edit.
func (m *Manifest) FollowProduct(name string) (*Manifest, error) {
	if _, found := m.index[name]; !found {
		return nil, m.unknownComponent(name)
	}
	var e edit
	e.unset(m.object(m.index[name]), "version")
	return e.apply(m)
}

// Rename gives a component another name, in its entry and in every group. An unknown name, and a new one that is a component
// already or that no repository can have, is the fault manifest-edit.
func (m *Manifest) Rename(name, to string) (*Manifest, error) {
	if _, found := m.index[name]; !found {
		return nil, m.unknownComponent(name)
	}
	if err := m.checkNew(to, "have this name"); err != nil {
		return nil, err
	}
	var e edit
	for i, c := range m.Components {
		if c.Name == name {
			e.set(m, m.object(i), setting{"name", to})
		}
	}
	for _, group := range m.groupList().items {
		for _, n := range group.items {
			if n.text == name {
				e = append(e, splice{n.start, n.end, quote(to)})
			}
		}
	}
	return e.apply(m)
}

// AddComponent adds a component in the layout of its neighbours: in order when the list is sorted by name, else at the
// end. An existing name, a name that no repository can have, or a version that Check would refuse, is the fault
// manifest-edit.
func (m *Manifest) AddComponent(name, version string) (*Manifest, error) {
	if err := m.checkNew(name, "be added"); err != nil {
		return nil, err
	}
	if err := CheckVersion(name, version); err != nil {
		return nil, err
	}
	at := len(m.Components)
	byName := func(a, b Component) int { return compareNames(a.Name, b.Name) }
	if slices.IsSortedFunc(m.Components, byName) {
		at, _ = slices.BinarySearchFunc(m.Components, Component{Name: name}, byName)
	}
	added := piece{item: -1, text: m.componentText(m.componentList(), at, name, version)}
	return m.arrange(func(all []piece) []piece { return slices.Insert(all, at, added) })
}

// RemoveComponent removes a component from the list only, all its entries; RemoveFromGroups removes it from the groups. An unknown
// name is the fault manifest-edit.
func (m *Manifest) RemoveComponent(name string) (*Manifest, error) {
	if _, found := m.index[name]; !found {
		return nil, m.unknownComponent(name)
	}
	return m.arrange(func(all []piece) []piece {
		return slices.DeleteFunc(all, func(p piece) bool { return m.Components[p.item].Name == name })
	})
}

// Place is a position in the list of components: at that position, counted from 1, or right behind a component.
type Place struct {
	At     int
	Behind string // At is not used then
}

// MoveComponent moves a component in the list; its entry keeps its bytes. An unknown component or position is the fault
// manifest-edit.
func (m *Manifest) MoveComponent(name string, to Place) (*Manifest, error) {
	from, found := m.index[name]
	if !found {
		return nil, m.unknownComponent(name)
	}
	if to.Behind == name {
		return nil, editFault("%s: %s cannot stand behind itself", m.File, name)
	}
	if behind, found := m.index[to.Behind]; found {
		if to.At = behind + 2; behind > from {
			to.At--
		}
	} else if to.Behind != "" {
		return nil, m.unknownComponent(to.Behind)
	}
	if to.At < 1 || to.At > len(m.Components) {
		return nil, editFault("%s: %s cannot be at position %d of the components: there are %d", m.File, name, to.At, len(m.Components))
	}
	return m.arrange(func(all []piece) []piece {
		moved := all[from]
		return slices.Insert(slices.Delete(all, from, from+1), to.At-1, moved)
	})
}

// checkNew checks the name of a component that does not exist yet; what is what it cannot.
func (m *Manifest) checkNew(name, what string) error {
	if c, found := m.Component(name); found {
		return editFault("%s: %s is already a component", c.At, name)
	}
	if !usableName.MatchString(name) {
		return editFault("component %q cannot %s: its name cannot be a repository's: use letters, digits, '.', '_' and '-'", name, what)
	}
	return nil
}

func (m *Manifest) unknownComponent(name string) error {
	f := fault.New(fault.Invalid, "manifest-edit", "%s has no component %q", m.File, name)
	if near := m.Nearest(name); near != "" {
		f = f.Hint("did you mean %s?", near)
	}
	return f
}

// CheckVersion checks a version of a component, so that nobody writes what Check refuses; it says what is wrong in the fault
// manifest-edit.
func CheckVersion(name, version string) error {
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
