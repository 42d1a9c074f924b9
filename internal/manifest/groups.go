package manifest

import "slices"

// Placement puts a component into buildDependencies: into the group of that number, counted from 1, or into a new group
// after it, where 0 makes it the first group.
type Placement struct {
	Name   string
	Group  int
	New    bool
	At     int    // position in the group, counted from 1; 0 is the end, or where it stands already
	Behind string // into the group of this name, right behind it; Group is not used then
	Out    bool   // out of all groups; nothing else is used then
}

// PutInGroups moves components to their placements in buildDependencies, one after the other, and removes them from all other
// groups. The numbers are those of the groups before the edit: new groups, and groups that become empty and are removed, do not
// change the meaning of the next placement. Several new groups after the same one keep their order. An unknown component, group
// or position, or a component with two placements, is the fault manifest-edit.
func (m *Manifest) PutInGroups(placements ...Placement) (*Manifest, error) {
	if err := m.checkPlacements(placements); err != nil {
		return nil, err
	}
	g := m.grouping()
	for _, p := range placements {
		g.takeOut(p.Name, g.stays(p))
	}
	for _, p := range placements {
		if err := g.put(p); err != nil {
			return nil, err
		}
	}
	return m.regroup(g)
}

func (m *Manifest) checkPlacements(placements []Placement) error {
	for i, p := range placements {
		if _, found := m.Component(p.Name); !found {
			return m.unknownComponent(p.Name)
		}
		if numbered := !p.Out && p.Behind == ""; numbered && (p.Group > len(m.Groups) || p.Group < 0 || p.Group == 0 && !p.New) {
			return editFault("%s: buildDependencies has no group %d for %s: it has %d", m.File, p.Group, p.Name, len(m.Groups))
		}
		if slices.ContainsFunc(placements[:i], func(q Placement) bool { return q.Name == p.Name }) {
			return editFault("%s: %s cannot have two positions in buildDependencies", m.File, p.Name)
		}
	}
	return nil
}

// RemoveFromGroups removes a name from buildDependencies, whether it is a component or not, and every group that becomes
// empty. A name that is in no group is the fault manifest-edit.
func (m *Manifest) RemoveFromGroups(name string) (*Manifest, error) {
	if len(m.occurrences()[name]) == 0 {
		return nil, editFault("%s: %q is in no group of buildDependencies", m.File, name)
	}
	g := m.grouping()
	g.takeOut(name, nil)
	return m.regroup(g)
}

func (m *Manifest) groupList() *node { return m.root.get("buildDependencies").value }

// regroup writes buildDependencies anew.
func (m *Manifest) regroup(g *grouping) (*Manifest, error) {
	list := m.groupList()
	var all []piece
	for _, group := range g.groups {
		switch {
		case group.at >= 0:
			if had := list.items[group.at]; len(group.names) > 0 || len(had.items) == 0 {
				p := piece{item: group.at}
				if text := m.arranged(had, group.names); text != m.between(had.start, had.end) {
					p.text = text
				}
				all = append(all, p)
			}
		case len(group.names) > 0:
			all = append(all, piece{item: -1, text: m.groupText(list, group.behind, group.names)})
		}
	}
	return m.rewrite(list, m.arranged(list, all))
}
