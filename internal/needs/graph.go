package needs

import (
	"slices"
	"strings"
)

// Cycles are components that need each other, each by what binds: one way round for each knot, from its first name, in order of names.
func Cycles(all []Need) (cycles [][]string) {
	next := map[string][]string{}
	var names []string
	for _, n := range all {
		if n.Binds() {
			next[n.From] = append(next[n.From], n.To)
			names = append(names, n.From)
		}
	}
	slices.Sort(names)
	inCycle := map[string]bool{}
	for _, name := range slices.Compact(names) {
		if inCycle[name] {
			continue
		}
		if way := wayBack(name, next); way != nil {
			cycles = append(cycles, way)
			for _, n := range way {
				inCycle[n] = true
			}
		}
	}
	return cycles
}

// wayBack is the shortest way from a component to itself; nil for none.
func wayBack(from string, next map[string][]string) []string {
	before, queue := map[string]string{}, []string{from}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, to := range next[at] {
			if to == from {
				way := []string{at}
				for at != from {
					at = before[at]
					way = append(way, at)
				}
				slices.Reverse(way)
				return way
			}
			if _, seen := before[to]; !seen {
				before[to] = at
				queue = append(queue, to)
			}
		}
	}
	return nil
}

// Snapshot is a version that is still to be released, of an artifact that none of the components has.
type Snapshot struct {
	From, Artifact, Named string
	Place                 Place
}

// snapshots are those that a component names. One of its own version is of a module that was not read.
func (all reading) snapshots(c *read) (found []Snapshot) {
	seen := map[string]bool{}
	for _, f := range c.files {
		for _, m := range f.mentions {
			m.group = all.resolve(c, m, m.group)
			named := all.resolve(c, m, m.version)
			s := Snapshot{c.Name, m.artifact(), named, Place{f.path, m.line}}
			if strings.HasSuffix(named, snapshot) && named != c.Version+snapshot && len(all.owners[s.Artifact]) == 0 && !seen[s.Artifact] {
				seen[s.Artifact] = true
				found = append(found, s)
			}
		}
	}
	return found
}
