package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// NeedsChanged is the code of a step that was not started, because its files name other versions than when its run was planned.
const NeedsChanged = "needs-changed"

// arrange makes the plan one by the graph, where the release goes by it. What an earlier driver planned is frozen: of a step whose
// needs the journal has nobody asks, unless they have changed since.
func (r *Release) arrange(ctx context.Context) error {
	state := r.State()
	if err := r.fixOrder(state); err != nil {
		return err
	}
	all, err := r.openPlan(ctx)
	if r.Order != plan.ByGraph {
		if err != nil { // what is left out may have no plan: then it shares no pipeline
			return nil //nolint:nilerr // see above
		}
		for _, w := range all.Waves {
			if err := r.refuseSplit(state, w.Steps); err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	open := all.Steps()
	if err := r.refuseSplit(state, open); err != nil {
		return err
	}
	found := map[plan.StepID]plan.Found{}
	var ask []plan.Step
	for _, st := range r.Plan.Steps() {
		frozen, known := state.Frozen(st.ID())
		if !known || r.repeats() || state.Step(st.ID()).Code == NeedsChanged || r.vanished(state, frozen.Needs) {
			ask = append(ask, st)
			continue
		}
		found[st.ID()] = thaw(frozen)
	}
	if err := r.ask(ctx, state, ask, open, found); err != nil {
		return err
	}
	for id, f := range found {
		needs, err := r.outside(state, id, f.Needs)
		if err != nil {
			return err
		}
		found[id] = plan.Found{Needs: needs, Unread: f.Unread}
	}
	arranged, err := r.Plan.Arrange(found)
	if err == nil {
		r.Plan = arranged
	}
	return err
}

// ask asks what steps need, which the journal does not know or which has changed, and adds it to what was found.
func (r *Release) ask(ctx context.Context, state *run.State, steps, among []plan.Step, found map[plan.StepID]plan.Found) error {
	r.changed = nil
	if len(steps) == 0 {
		return nil
	}
	asked, err := r.Needs(ctx, steps, among)
	if err != nil {
		return err
	}
	for _, st := range steps {
		now := asked[st.ID()]
		found[st.ID()] = now
		frozen, was := state.Frozen(st.ID())
		if was && !r.repeats() && !plan.SameNeeds(stillOpen(frozen.Needs, among), now.Needs) {
			r.changed = append(r.changed, Change{st.ID(), frozen.Needs, now.Needs})
		}
	}
	for _, c := range r.changed {
		r.Plan.Warnings = append(r.Plan.Warnings, c.String()+": it is planned anew")
	}
	return nil
}

// errUnread is why not all needs of a step are known: an earlier driver could not read its files.
var errUnread = errors.New("its files could not be read when the run was planned")

// thaw gives the frozen needs of a step. For which earlier groups it waits is found anew: a step among them may need it by now.
func thaw(st plan.Step) plan.Found {
	named := slices.DeleteFunc(slices.Clone(st.Needs), func(n plan.Need) bool { return n.Reason == plan.NeedGroup })
	if st.Unread {
		return plan.Found{Needs: named, Unread: errUnread}
	}
	return plan.Found{Needs: named}
}

// Change is a step whose needs are not those with which its run was planned.
type Change struct {
	Step     plan.StepID
	Old, New []plan.Need
}

// Changed lists the steps whose needs the prepared run would freeze anew: a person should agree to that.
func (r *Release) Changed() []Change { return r.changed }

// String says what has changed, in one line.
func (c Change) String() string {
	return fmt.Sprintf("%s needed %s, and needs %s now", c.Step.Component(), listNeeds(c.Old), listNeeds(c.New))
}

func listNeeds(all []plan.Need) string {
	var words []string
	for _, n := range all {
		words = append(words, fmt.Sprintf("%s %s (%s)", n.Step.Component(), n.Step.Version(), n))
	}
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

// fixOrder keeps a run in the order in which it has begun.
func (r *Release) fixOrder(state *run.State) error {
	r.Order = cmp.Or(r.Order, plan.ByWaves)
	began := slices.ContainsFunc(state.Steps(), func(st run.Step) bool { return st.Attempt > 0 })
	if !began || r.Left() == 0 {
		return nil
	}
	order := cmp.Or(state.Plan.Order, plan.ByWaves)
	if order == r.Order {
		return nil
	}
	if r.OrderAsked {
		return fault.New(fault.Invalid, "order-fixed", "the release of %s has begun with --order %s, and goes on with it", r.Plan.Version, order).
			Hint("%s without --order %s", fault.Again(), r.Order)
	}
	r.Plan.Warnings = append(r.Plan.Warnings, fmt.Sprintf("the release of %s has begun with --order %s, and goes on with it", r.Plan.Version, order))
	r.Order = order
	return nil
}

// openPlan is the plan of all that is to be released, also of what --only and --except leave out. Where the default branch of one of
// these cannot be read, the main branch stands for it: what is left out must not keep the rest from being released.
func (r *Release) openPlan(ctx context.Context) (*plan.Plan, error) {
	everything := r.Options
	everything.Only, everything.Except = nil, nil
	if everything.ComponentMain == "" && len(r.Options.Only)+len(r.Options.Except) > 0 {
		if r.allBranches == nil {
			everything.DefaultBranches = nil // by them no step would seem to need its own
			all, err := plan.Make(r.manifest, everything)
			if err != nil {
				return nil, err
			}
			branches, err := DefaultBranches(ctx, r.CI, all, everything.MainBranch)
			switch {
			case err == nil:
				r.allBranches = branches
			case fault.Is(err, "project"):
				r.allBranches = r.Options.DefaultBranches
			default:
				return nil, err
			}
		}
		everything.DefaultBranches = r.allBranches
	}
	return plan.Make(r.manifest, everything)
}

// refuseSplit refuses to leave out a part of the steps that share a pipeline: it releases all of them.
func (r *Release) refuseSplit(state *run.State, open []plan.Step) error {
	planned := map[plan.StepID]bool{}
	for _, st := range r.Plan.Steps() {
		planned[st.ID()] = true
	}
	for _, unit := range plan.Units(plan.Wave{Steps: open}) {
		var in, out []string
		for _, st := range unit {
			switch {
			case planned[st.ID()]:
				in = append(in, st.Component)
			case state.Step(st.ID()).Status != run.HasSucceeded:
				out = append(out, st.Component)
			}
		}
		if len(in) > 0 && len(out) > 0 {
			return fault.New(fault.Invalid, "needed-left-out", "%s shares its pipeline with %s, which is left out and not released yet", in[0], out[0]).
				Hint("release both, or leave out both")
		}
	}
	return nil
}

// stillOpen are the needs of steps that are still to be released: whether one needs another is only then known, and only then matters.
func stillOpen(needs []plan.Need, open []plan.Step) []plan.Need {
	return slices.DeleteFunc(slices.Clone(needs), func(n plan.Need) bool {
		return !slices.ContainsFunc(open, func(st plan.Step) bool { return st.ID() == n.Step })
	})
}

// readyByGraph is asked right before the intents of steps that share a pipeline. It fails them when they need something else than
// they were planned with.
func (r *Release) readyByGraph(ctx context.Context, steps []plan.Step) error {
	if r.Ready != nil {
		if err := r.Ready(ctx, steps); err != nil {
			return err
		}
	}
	all, err := r.openPlan(ctx)
	if err != nil {
		return err
	}
	among := all.Steps()
	found, err := r.Needs(ctx, steps, among)
	if err != nil {
		return err
	}
	unit := r.unitOf(steps[0])
	for _, st := range steps {
		planned := stillOpen(st.Needs, among)
		if unread := found[st.ID()].Unread; unread != nil && !st.Unread {
			if r.Unchecked {
				continue
			}
			return fault.New(fault.Remote, "not-checked", "%s: whom it needs could not be read again", st.Component).Because(unread)
		}
		now := slices.DeleteFunc(slices.Clone(found[st.ID()].Needs), func(n plan.Need) bool { // what shares its pipeline is no need
			return slices.ContainsFunc(unit, func(other plan.Step) bool { return other.ID() == n.Step })
		})
		if !plan.SameNeeds(planned, now) {
			return fault.New(fault.Invalid, NeedsChanged, "%s", Change{st.ID(), planned, now})
		}
	}
	return nil
}

// unitOf lists the steps of the plan that share the pipeline of one, whatever has become of them.
func (r *Release) unitOf(st plan.Step) []plan.Step {
	units := plan.Units(plan.Wave{Steps: r.Plan.Steps()})
	return units[slices.IndexFunc(units, func(unit []plan.Step) bool {
		return slices.ContainsFunc(unit, func(other plan.Step) bool { return other.ID() == st.ID() })
	})]
}

// vanished tells whether something that a step needed can no longer be had: release.json has neither the version any more, nor was
// it released.
func (r *Release) vanished(state *run.State, needs []plan.Need) bool {
	return slices.ContainsFunc(needs, func(n plan.Need) bool {
		c, there := r.manifest.Component(n.Step.Component())
		gone := !there || c.ReleaseVersion() != n.Step.Version()
		return gone && n.Reason != plan.NeedGroup && state.Step(n.Step).Status != run.HasSucceeded
	})
}

// outside says of each need that the plan does not hold how it is met: the journal has it as released, or release.json. One that is
// left out, and still to be released, cannot be met.
func (r *Release) outside(state *run.State, id plan.StepID, needs []plan.Need) (kept []plan.Need, err error) {
	planned := map[plan.StepID]bool{}
	for _, st := range r.Plan.Steps() {
		planned[st.ID()] = true
	}
	for _, n := range needs {
		c, _ := r.manifest.Component(n.Step.Component())
		open := c.Open() && c.ReleaseVersion() == n.Step.Version()
		switch {
		case planned[n.Step] || state.Step(n.Step).Status == run.HasSucceeded:
			n.Released = false
		case open && n.Reason != plan.NeedGroup:
			return nil, fault.New(fault.Invalid, "needed-left-out", "%s needs %s %s, which is left out and not released yet: %s",
				id.Component(), c.Name, n.Step.Version(), n).
				Hint("release both, or leave out both")
		case open || n.Reason == plan.NeedGroup:
			continue
		default:
			n.Released = true
		}
		kept = append(kept, n)
	}
	return kept, nil
}
