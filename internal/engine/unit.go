package engine

import (
	"fmt"
	"slices"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// unit is the steps that share one pipeline, and the facts they have in common.
type unit struct {
	steps []plan.Step // never empty; the first one speaks for all
	ids   []plan.StepID
}

func newUnit(steps []plan.Step) unit {
	u := unit{steps: steps}
	for _, st := range steps {
		u.ids = append(u.ids, plan.ID(st.Component, st.Version))
	}
	return u
}

// grouped puts together what has the same key, in the order in which the keys first come.
func grouped[T any, K comparable](all []T, key func(T) K) [][]T {
	var groups [][]T
	index := map[K]int{}
	for _, one := range all {
		k := key(one)
		i, known := index[k]
		if !known {
			i = len(groups)
			index[k], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], one)
	}
	return groups
}

// unitsBy are the units of the steps that have the same key.
func unitsBy[K comparable](steps []plan.Step, key func(plan.Step) K) []unit {
	var units []unit
	for _, group := range grouped(steps, key) {
		units = append(units, newUnit(group))
	}
	return units
}

func (u unit) project() string { return u.steps[0].Project }

// apart separates the units that run, or are held, from those that are to be started or looked up.
func (s *session) apart(units []unit) (running, rest []unit) {
	for _, u := range units {
		switch s.rec.step(u.ids[0]).Status {
		case run.Running, run.OnHold:
			running = append(running, u)
		case run.Pending, run.Intended, run.HasSucceeded, run.HasFailed, run.IsUnknown, run.WasSkipped:
			rest = append(rest, u)
		}
	}
	return running, rest
}

// split separates the steps whose pipelines differ already: what succeeded stays out, what runs is
// watched by itself, what must be started is started together.
func (s *session) split(steps []plan.Step) []unit {
	var start, begun []plan.Step
	for _, st := range steps {
		switch s.rec.step(st.ID()).Status {
		case run.HasSucceeded, run.IsUnknown:
		case run.Pending, run.WasSkipped, run.HasFailed:
			start = append(start, st)
		default:
			begun = append(begun, st)
		}
	}
	units := unitsBy(begun, func(st plan.Step) string {
		now := s.rec.step(st.ID())
		return fmt.Sprint(now.Pipeline.ID, now.Intent)
	})
	if len(start) > 0 {
		units = append(units, newUnit(start))
	}
	return units
}

// begun are the units of the steps that an earlier attempt has begun and that have not succeeded, by the pipeline they have or
// the intent that is open.
func (s *session) begun(steps []plan.Step) []unit {
	begun := slices.DeleteFunc(slices.Clone(steps), func(st plan.Step) bool {
		now := s.rec.step(st.ID())
		open := now.Status == run.Intended
		read := now.Pipeline.ID != "" && slices.Contains([]run.Status{run.Running, run.OnHold, run.HasFailed, run.IsUnknown}, now.Status)
		return !open && !read
	})
	return unitsBy(begun, func(st plan.Step) string {
		now := s.rec.step(st.ID())
		return fmt.Sprint(now.Pipeline.ID, "/", now.Intent)
	})
}
