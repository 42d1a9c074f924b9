package plan

import (
	"maps"
	"slices"
)

// ByGroups returns the plan by waves that has the steps of a plan by the graph; any other plan as it is.
func (p *Plan) ByGroups() *Plan {
	if !p.IsByGraph() {
		return p
	}
	groups := map[int][]Step{}
	for _, st := range p.Steps() {
		groups[st.Group] = append(groups[st.Group], st)
	}
	waves := *p
	waves.Order, waves.Waves = "", []Wave{}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		waves.Waves = append(waves.Waves, Wave{Group: g, Steps: groups[g]})
	}
	return &waves
}

// Free lists the steps of a plan by the graph that start at once although a group comes before theirs: no file says what they need.
func (p *Plan) Free() (free []Step) {
	steps := p.Steps()
	if !p.IsByGraph() || len(steps) == 0 {
		return nil
	}
	first := slices.MinFunc(steps, func(a, b Step) int { return a.Group - b.Group }).Group
	for _, unit := range Units(Wave{Steps: steps}) {
		if slices.ContainsFunc(unit, func(st Step) bool { return st.Group == first || len(st.Needs) > 0 }) {
			continue
		}
		free = append(free, unit...)
	}
	return free
}

// Freed is a step and those that it would wait for by waves, and does not by the graph.
type Freed struct {
	Step Step
	Of   []Step // in the plan's order
}

// Freed lists what a plan by the graph no longer keeps apart, in its order.
func (p *Plan) Freed() (all []Freed) {
	if !p.IsByGraph() {
		return nil
	}
	steps := p.Steps()
	before := reaches(steps)
	for _, st := range steps {
		f := Freed{Step: st}
		for _, other := range steps {
			if other.Group < st.Group && !before[st.ID()][other.ID()] {
				f.Of = append(f.Of, other)
			}
		}
		if len(f.Of) > 0 {
			all = append(all, f)
		}
	}
	return all
}

// reaches gives each step's needs, and theirs, and those with which they share a pipeline. Steps come in levels.
func reaches(steps []Step) map[StepID]map[StepID]bool {
	before := map[StepID]map[StepID]bool{}
	unit := map[StepID][]Step{}
	for _, u := range Units(Wave{Steps: steps}) {
		for _, st := range u {
			unit[st.ID()] = u
		}
	}
	for _, st := range steps {
		all := map[StepID]bool{}
		for _, one := range unit[st.ID()] {
			all[one.ID()] = one.ID() != st.ID()
			for _, n := range one.Needs {
				all[n.Step] = true
				maps.Copy(all, before[n.Step])
				for _, beside := range unit[n.Step] {
					all[beside.ID()] = true
				}
			}
		}
		before[st.ID()] = all
	}
	return before
}
