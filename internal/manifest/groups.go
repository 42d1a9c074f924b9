package manifest

import "slices"

// Slot is a place in buildDependencies: the group of that number, counted from 1, or a new group behind it,
// where 0 makes it the first one.
type Slot struct {
	Group int
	New   bool
}

// PutInGroup gives a component its place in buildDependencies, and takes it away from every other. A group
// that this leaves empty goes with it, so that later groups count one less. An unknown component or group
// is the fault manifest-edit.
func (m *Manifest) PutInGroup(name string, at Slot) (*Manifest, error) {
	if _, found := m.Component(name); !found {
		return nil, m.unknown(name)
	}
	if at.Group > len(m.Groups) || at.Group < 0 || at.Group == 0 && !at.New {
		return nil, editFault("%s: buildDependencies has no group %d for %s: it has %d", m.File, at.Group, name, len(m.Groups))
	}
	if places := m.places()[name]; len(places) == 1 && !at.New && places[0].group == at.Group {
		return m, nil
	}
	return m.put(name, at)
}

func (m *Manifest) put(name string, at Slot) (*Manifest, error) {
	list := m.root.get("buildDependencies").value
	var e edit
	keep := entryAt{at.Group, 0}
	if at.New {
		e.insert(m, list, at.Group, m.groupText(list, at.Group, name))
	} else {
		group := list.items[at.Group-1]
		keep = entryAt{at.Group - 1, slices.IndexFunc(group.items, func(n *node) bool { return n.text == name })}
		if keep.item < 0 {
			keep.item = len(group.items)
			e.insert(m, group, keep.item, quote(name))
		}
	}
	next, err := e.apply(m)
	if err != nil {
		return nil, err
	}
	return next.removeEntries(name, &keep)
}

// RemoveFromGroups takes a name away from buildDependencies, whether it is a component or not, and every
// group that it leaves empty. A name that stands in no group is the fault manifest-edit.
func (m *Manifest) RemoveFromGroups(name string) (*Manifest, error) {
	if len(m.places()[name]) == 0 {
		return nil, editFault("%s: %q stands in no group of buildDependencies", m.File, name)
	}
	return m.removeEntries(name, nil)
}

// entryAt is an index into the groups and one into the names of that group.
type entryAt struct{ group, item int }

// removeEntries removes a name everywhere but at one place. It goes from the end to the beginning, one at
// a time, so that what it removes never moves what it will remove.
func (m *Manifest) removeEntries(name string, keep *entryAt) (*Manifest, error) {
	next := m
	for g, group := range slices.Backward(m.Groups) {
		for i, entry := range slices.Backward(group) {
			if entry.Name != name || keep != nil && *keep == (entryAt{g, i}) {
				continue
			}
			list := next.root.get("buildDependencies").value
			var e edit
			if len(list.items[g].items) == 1 {
				e.remove(list, g)
			} else {
				e.remove(list.items[g], i)
			}
			var err error
			if next, err = e.apply(next); err != nil {
				return nil, err
			}
		}
	}
	return next, nil
}
