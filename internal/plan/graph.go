package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Arrange returns the plan by the graph that has the steps of p, a plan by waves, with what was found of each. A step of which not
// all could be read waits for all steps of earlier groups, too, except those that need the step itself; and those of later groups
// wait for it, except those that it needs: what they name may be its own. Needs between steps that share a pipeline vanish. The waves of the result are levels: a step stands in the first one after all that it needs, whatever its group.
// The fault is dependency-cycle.
func (p *Plan) Arrange(found map[StepID]Found) (*Plan, error) {
	g := newGraph(p)
	for i, st := range g.steps {
		g.need(i, found[st.ID()].Needs)
	}
	if cycle := g.cycle(); cycle != nil {
		return nil, g.cycleFault(cycle)
	}
	var unread []string
	var why error
	for i, st := range g.steps {
		if own, known := found[st.ID()]; !known || own.Unread != nil {
			g.needGroups(i)
			g.neededByGroups(i)
			unread = append(unread, st.Component)
			if why == nil {
				why = own.Unread
			}
		}
	}
	arranged := *p
	arranged.Order, arranged.Waves = ByGraph, g.levels()
	if len(unread) > 0 {
		arranged.Warnings = append(slices.Clone(p.Warnings), unreadWarning(unread, why))
	}
	return &arranged, nil
}

// unreadWarning says who waits for all earlier groups, and why the first one does.
func unreadWarning(components []string, why error) string {
	const most = 6
	names := strings.Join(components[:min(len(components), most)], ", ")
	if n := len(components) - most; n > 0 {
		names += fmt.Sprintf(" and %d more", n)
	}
	warning := "who needs whom could not be read of these, which wait for all earlier groups: " + names
	if why != nil {
		warning += " (" + strings.Join(strings.Fields(why.Error()), " ") + ")"
	}
	return warning
}

// graph is the steps of a plan, and which nodes need which ones. A node is a unit: the steps that share a pipeline, of whatever
// group.
type graph struct {
	steps []Step         // in the plan's order
	node  map[StepID]int // of each step
	names []string       // of the nodes
	needs []map[int]bool // by node
}

func newGraph(p *Plan) *graph {
	g := &graph{node: map[StepID]int{}}
	for _, w := range p.Waves {
		for _, st := range w.Steps {
			st.Group, st.Needs = w.Group, nil
			g.steps = append(g.steps, st)
		}
	}
	for n, unit := range Units(Wave{Steps: g.steps}) {
		var names []string
		for _, st := range unit {
			g.node[st.ID()] = n
			names = append(names, st.Component)
		}
		g.names, g.needs = append(g.names, strings.Join(names, "+")), append(g.needs, map[int]bool{})
	}
	return g
}

// need gives a step its needs, each step once. One that the plan does not hold is kept: the journal knows how it stands.
func (g *graph) need(step int, all []Need) {
	st := &g.steps[step]
	from := g.node[st.ID()]
	for _, n := range all {
		to, planned := g.node[n.Step]
		twice := slices.ContainsFunc(st.Needs, func(has Need) bool { return has.Step == n.Step })
		if twice || planned && to == from {
			continue
		}
		if planned {
			n.Released = false
			g.needs[from][to] = true
		}
		st.Needs = append(st.Needs, n)
	}
}

// needGroups makes a step need all those of earlier groups that do not need it.
func (g *graph) needGroups(step int) {
	g.steps[step].Unread = true
	st := g.steps[step]
	behind := g.behind(g.node[st.ID()])
	var all []Need
	for _, other := range g.steps {
		if other.Group < st.Group && !behind[g.node[other.ID()]] {
			all = append(all, Need{Step: other.ID(), Reason: NeedGroup})
		}
	}
	g.need(step, all)
}

// neededByGroups makes all steps of later groups need a step, unless they do already or the step needs them.
func (g *graph) neededByGroups(step int) {
	st := g.steps[step]
	node := g.node[st.ID()]
	behind := g.behind(node)
	for i, later := range g.steps {
		other := g.node[later.ID()]
		if later.Group > st.Group && !behind[other] && !g.behind(other)[node] {
			g.need(i, []Need{{Step: st.ID(), Reason: NeedGroup}})
		}
	}
}

// behind are the nodes that need a node, directly or not, and the node itself.
func (g *graph) behind(node int) map[int]bool {
	behind := map[int]bool{node: true}
	for queue := []int{node}; len(queue) > 0; queue = queue[1:] {
		for n, needs := range g.needs {
			if needs[queue[0]] && !behind[n] {
				behind[n] = true
				queue = append(queue, n)
			}
		}
	}
	return behind
}

// levels puts each node into the first level after all that it needs. The graph has no cycle.
func (g *graph) levels() []Wave {
	level := make([]int, len(g.names)) // from 1; 0 is not known yet
	var of func(node int) int
	of = func(node int) int {
		if level[node] == 0 {
			deepest := 0
			for n := range g.needs[node] {
				deepest = max(deepest, of(n))
			}
			level[node] = deepest + 1
		}
		return level[node]
	}
	waves := []Wave{}
	for _, st := range g.steps {
		for n := of(g.node[st.ID()]); len(waves) < n; {
			waves = append(waves, Wave{})
		}
		w := &waves[level[g.node[st.ID()]]-1]
		w.Steps = append(w.Steps, st)
	}
	return waves
}

// cycle is a shortest way from a node to itself, from the first one that has any; nil for none.
func (g *graph) cycle() []int {
	for start := range g.names {
		before, queue := map[int]int{}, []int{start}
		for ; len(queue) > 0; queue = queue[1:] {
			for to := range len(g.names) {
				if !g.needs[queue[0]][to] {
					continue
				}
				if to == start {
					way := []int{start}
					for at := queue[0]; at != start; at = before[at] {
						way = append(way, at)
					}
					slices.Reverse(way[1:])
					return way
				}
				if _, seen := before[to]; !seen {
					before[to] = queue[0]
					queue = append(queue, to)
				}
			}
		}
	}
	return nil
}

func (g *graph) cycleFault(cycle []int) error {
	var way, shared []string
	for _, n := range append(cycle, cycle[0]) {
		way = append(way, g.names[n])
	}
	for _, n := range cycle {
		if strings.Contains(g.names[n], "+") {
			shared = append(shared, fmt.Sprintf("%s share one pipeline", strings.ReplaceAll(g.names[n], "+", " and ")))
		}
	}
	what := strings.Join(way, " -> ")
	if len(shared) > 0 {
		what += " (" + strings.Join(shared, "; ") + ")"
	}
	return fault.New(fault.Invalid, "dependency-cycle", "nothing can be the first of what needs each other's version of this run: %s", what).
		Hint("let one of them name a version that is released already").
		Hint("or release in the order of the groups, with `--order waves`")
}
