package manifest

import "slices"

// grouping is buildDependencies while they are edited.
type grouping struct {
	groups []*editedGroup
}

// editedGroup is one group of a grouping.
type editedGroup struct {
	at     int // of the group before the edit; -1 for a new one
	behind int // how many groups before the edit a new one stands behind
	names  []piece
}

func (m *Manifest) grouping() *grouping {
	g := &grouping{}
	for i, item := range m.groupList().items {
		g.groups = append(g.groups, &editedGroup{at: i, names: pieces(item)})
	}
	return g
}

// index returns where a name stands in a group, -1 for nowhere.
func (of *editedGroup) index(name string) int {
	return slices.IndexFunc(of.names, func(p piece) bool { return p.name == name })
}

// stays is the group in which a component keeps the position that it has; nil where it gets another one.
func (g *grouping) stays(p Placement) *editedGroup {
	if p.Out || p.New || p.At > 0 || p.Behind != "" {
		return nil
	}
	return g.groups[p.Group-1]
}

// takeOut removes a name from all groups, but leaves its first mention in one of them.
func (g *grouping) takeOut(name string, but *editedGroup) {
	for _, group := range g.groups {
		first := group == but
		group.names = slices.DeleteFunc(group.names, func(p piece) bool {
			stays := p.name != name || first
			first = first && p.name != name
			return !stays
		})
	}
}

// put puts a component that stands in no group, or stays, to its placement.
func (g *grouping) put(p Placement) error {
	added := piece{item: -1, text: quote(p.Name), name: p.Name}
	switch {
	case p.Out:
	case p.Behind != "":
		for _, group := range g.groups {
			if i := group.index(p.Behind); i >= 0 {
				group.names = slices.Insert(group.names, i+1, added)
				return nil
			}
		}
		return editFault("%s cannot stand behind %s, which is in no group of buildDependencies", p.Name, p.Behind)
	case p.New:
		g.insertGroup(p.Group, added)
	default:
		return g.join(p, added)
	}
	return nil
}

// insertGroup makes a new group behind that many groups, and behind new ones that stand there already.
func (g *grouping) insertGroup(behind int, first piece) {
	at := slices.IndexFunc(g.groups, func(group *editedGroup) bool { return group.at >= behind })
	if at < 0 {
		at = len(g.groups)
	}
	g.groups = slices.Insert(g.groups, at, &editedGroup{at: -1, behind: behind, names: []piece{first}})
}

func (g *grouping) join(p Placement, added piece) error {
	at := slices.IndexFunc(g.groups, func(group *editedGroup) bool { return group.at == p.Group-1 })
	group := g.groups[at]
	switch {
	case group.index(p.Name) >= 0:
	case p.At == 0:
		group.names = append(group.names, added)
	case p.At > len(group.names)+1:
		return editFault("%s cannot be at position %d of group %d, which has %d names", p.Name, p.At, p.Group, len(group.names))
	default:
		group.names = slices.Insert(group.names, p.At-1, added)
	}
	return nil
}
