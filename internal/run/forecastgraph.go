package run

import (
	"cmp"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
)

// remainingNode is a pipeline of a plan by the graph that has not ended, and those of the others that need it.
type remainingNode struct {
	remainingPipeline
	runs   bool
	needs  int   // how many of the others it needs
	needed []int // by these, which stand behind it
	way    time.Duration
}

// remainingByGraph returns the pipelines that have not ended, each before those that need it. What needs a failed one will not run. It is
// not ok where a pipeline waits for a person, unless one has failed: then nobody waits for that person.
func remainingByGraph(p *plan.Plan, step func(plan.StepID) Step, now time.Time) (nodes []remainingNode, ok bool) {
	index, gone := map[plan.StepID]int{}, map[plan.StepID]bool{}
	failed, held := false, false
	for _, w := range p.Waves {
		for _, unit := range plan.Units(w) {
			node := remainingNode{remainingPipeline: remainingPipeline{component: unit[0].Component}}
			lost, over := lostFor(unit, gone), true
			for _, planned := range unit {
				switch st := step(planned.ID()); st.Status {
				case HasSucceeded:
					continue
				case HasFailed, IsUnknown, WasSkipped:
					failed = failed || st.Status != WasSkipped
					lost = true
				case OnHold:
					held, lost = true, true
				case Running, Intended:
					over, node.runs, node.ran = false, true, st.Elapsed(now)
				case Pending:
					over = false
				}
			}
			if lost || over {
				for _, planned := range unit {
					gone[planned.ID()] = lost
				}
				continue
			}
			nodes = append(nodes, node)
			link(nodes, index, unit)
		}
	}
	return nodes, failed || !held
}

// lostFor tells whether something that a unit needs will not come.
func lostFor(unit []plan.Step, gone map[plan.StepID]bool) bool {
	return slices.ContainsFunc(unit, func(st plan.Step) bool {
		return slices.ContainsFunc(st.Needs, func(n plan.Need) bool { return gone[n.Step] })
	})
}

// link notes what the unit of the last node needs.
func link(nodes []remainingNode, index map[plan.StepID]int, unit []plan.Step) {
	last := len(nodes) - 1
	for _, st := range unit {
		for _, n := range st.Needs {
			if i, open := index[n.Step]; open && !slices.Contains(nodes[i].needed, last) {
				nodes[i].needed = append(nodes[i].needed, last)
				nodes[last].needs++
			}
		}
	}
	for _, st := range unit {
		index[st.ID()] = last
	}
}

// rankByWay gives each node the longest way that it is the first of, by usual durations: who has it first gets a slot.
func rankByWay(nodes []remainingNode, usual func(component string) time.Duration) {
	for i, n := range slices.Backward(nodes) {
		for _, next := range n.needed {
			nodes[i].way = max(nodes[i].way, nodes[next].way)
		}
		nodes[i].way += usual(n.component)
	}
}

// moment is when a node ends.
type moment struct {
	node int
	at   time.Duration
}

// graphTakes returns when the last one ends, if each takes the given time and begins when what it needs has ended and a slot is free.
func (x Expectation) graphTakes(nodes []remainingNode, takes func(component string) time.Duration) (last time.Duration) {
	needs := make([]int, len(nodes))
	var ready []int
	var running []moment
	begin := func(node int, at time.Duration) {
		m := moment{node, at + max(takes(nodes[node].component)-nodes[node].ran, 0)}
		i, _ := slices.BinarySearchFunc(running, m, func(a, b moment) int { return cmp.Or(cmp.Compare(a.at, b.at), -1) })
		running = slices.Insert(running, i, m)
	}
	wait := func(node int) {
		i, _ := slices.BinarySearchFunc(ready, node, func(a, b int) int { return cmp.Or(-cmp.Compare(nodes[a].way, nodes[b].way), -1) })
		ready = slices.Insert(ready, i, node)
	}
	for i, n := range nodes {
		switch needs[i] = n.needs; {
		case n.runs:
			begin(i, 0)
		case n.needs == 0:
			wait(i)
		}
	}
	for len(ready)+len(running) > 0 {
		for len(ready) > 0 && (x.Parallel == 0 || len(running) < x.Parallel) {
			begin(ready[0], last)
			ready = ready[1:]
		}
		if len(running) == 0 { // more run than may at once
			break
		}
		ended := running[0]
		running, last = running[1:], ended.at
		for _, next := range nodes[ended.node].needed {
			if needs[next]--; needs[next] == 0 && !nodes[next].runs {
				wait(next)
			}
		}
	}
	return last
}
