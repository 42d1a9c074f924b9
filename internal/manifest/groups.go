package manifest

import "slices"

// Place is where a component is to stand in buildDependencies: in the group of that number, counted from 1,
// or in a new group behind it, where 0 makes it the first one.
type Place struct {
	Name  string
	Group int
	New   bool
}

// PutInGroups gives components their places in buildDependencies, and takes them away from every other. The
// numbers are those of the groups as they are before: new groups and groups that are left empty, which go,
// do not change what the next place means. Of several new groups behind the same one the first comes first.
// An unknown component or group, and a component with two places, is the fault manifest-edit.
func (m *Manifest) PutInGroups(places ...Place) (*Manifest, error) {
	if err := m.checkPlaces(places); err != nil {
		return nil, err
	}
	next, kept, err := m.join(places)
	if err != nil {
		return nil, err
	}
	if next, err = next.addGroups(places, kept); err != nil {
		return nil, err
	}
	return next.removeEntries(func(name string, at entryAt) bool {
		keep, placed := kept[name]
		return placed && at != keep
	})
}

func (m *Manifest) checkPlaces(places []Place) error {
	for i, p := range places {
		if _, found := m.Component(p.Name); !found {
			return m.unknown(p.Name)
		}
		if p.Group > len(m.Groups) || p.Group < 0 || p.Group == 0 && !p.New {
			return editFault("%s: buildDependencies has no group %d for %s: it has %d", m.File, p.Group, p.Name, len(m.Groups))
		}
		if slices.ContainsFunc(places[:i], func(q Place) bool { return q.Name == p.Name }) {
			return editFault("%s: %s cannot have two places in buildDependencies", m.File, p.Name)
		}
	}
	return nil
}

// join puts the names into the groups that exist, and tells where each of them then is to stay.
func (m *Manifest) join(places []Place) (next *Manifest, kept map[string]entryAt, err error) {
	next, kept = m, map[string]entryAt{}
	for _, p := range places {
		if p.New {
			continue
		}
		group := next.groupList().items[p.Group-1]
		at := slices.IndexFunc(group.items, func(n *node) bool { return n.text == p.Name })
		if at < 0 {
			at = len(group.items)
			var e edit
			e.insert(next, group, at, quote(p.Name))
			if next, err = e.apply(next); err != nil {
				return nil, nil, err
			}
		}
		kept[p.Name] = entryAt{p.Group - 1, at}
	}
	return next, kept, nil
}

// addGroups makes the new groups, the last one first, so that no number moves before it is used.
func (m *Manifest) addGroups(places []Place, kept map[string]entryAt) (*Manifest, error) {
	byGroup := slices.Clone(places)
	slices.Reverse(byGroup)
	slices.SortStableFunc(byGroup, func(a, b Place) int { return b.Group - a.Group })
	next := m
	for _, p := range byGroup {
		if !p.New {
			continue
		}
		list := next.groupList()
		var e edit
		e.insert(next, list, p.Group, next.groupText(list, p.Group, p.Name))
		var err error
		if next, err = e.apply(next); err != nil {
			return nil, err
		}
		for name, at := range kept {
			if at.group >= p.Group {
				kept[name] = entryAt{at.group + 1, at.item}
			}
		}
		kept[p.Name] = entryAt{p.Group, 0}
	}
	return next, nil
}

// RemoveFromGroups takes a name away from buildDependencies, whether it is a component or not, and every
// group that it leaves empty. A name that stands in no group is the fault manifest-edit.
func (m *Manifest) RemoveFromGroups(name string) (*Manifest, error) {
	if len(m.places()[name]) == 0 {
		return nil, editFault("%s: %q stands in no group of buildDependencies", m.File, name)
	}
	return m.removeEntries(func(entry string, _ entryAt) bool { return entry == name })
}

func (m *Manifest) groupList() *node { return m.root.get("buildDependencies").value }

// entryAt is an index into the groups and one into the names of that group.
type entryAt struct{ group, item int }

// removeEntries removes the entries that gone tells. It goes from the end to the beginning, one at a time,
// so that what it removes never moves what it will remove.
func (m *Manifest) removeEntries(gone func(name string, at entryAt) bool) (*Manifest, error) {
	next := m
	for g, group := range slices.Backward(m.Groups) {
		for i, entry := range slices.Backward(group) {
			if !gone(entry.Name, entryAt{g, i}) {
				continue
			}
			list := next.groupList()
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
