package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// schedule brings the steps of a plan as far as they go, each as soon as all for which it waits has succeeded: the earlier waves,
// or what it needs by the graph. One goroutine decides what begins; those of the units tell it that they have ended.
type schedule struct {
	s       *session
	waiting []*node        // in the plan's order
	queue   []task         // ready, and behind another unit of the same project
	busy    map[string]int // by project, how many of its units are under way
	active  int            // units under way, and nodes that settle
	ended   chan ended
	err     error // what keeps the session from going on
}

// node is the steps of a plan that share a pipeline.
type node struct {
	steps []plan.Step
	rank  rank
}

// task is a unit that is to be brought to its end.
type task struct {
	unit unit
	slot *slot
}

// ended is a unit that was brought as far as it goes, or a node that has settled.
type ended struct {
	task
	settled *node
	err     error
}

func (s *session) newSchedule() *schedule {
	d := &schedule{s: s, busy: map[string]int{}, ended: make(chan ended)}
	for _, w := range s.plan.Waves {
		for _, steps := range plan.Units(w) {
			d.waiting = append(d.waiting, &node{steps: steps})
		}
	}
	if s.plan.IsByGraph() {
		rankNodes(d.waiting, s.pace.earlier)
	}
	return d
}

// pass brings every step as far as it goes, until nothing is under way.
func (s *session) pass(ctx context.Context) error {
	s.alarm = newAlarm(s.plan.IsByGraph())
	d := s.newSchedule()
	d.begin(ctx)
	for d.active > 0 {
		e := <-d.ended
		d.active--
		d.note(ctx, e)
		d.begin(ctx)
		d.leave(e)
	}
	s.rec.hurry(ctx, noteStart)
	return d.err
}

// leave ends what a unit, or a node that settled, kept from others. What it has freed has begun already, and asked for the slot.
func (d *schedule) leave(e ended) {
	if e.settled != nil {
		d.s.alarm.move(-1)
		return
	}
	e.slot.giveBack()
	if !e.slot.holds {
		d.s.alarm.move(-1)
	}
}

// note notes that something has ended.
func (d *schedule) note(ctx context.Context, e ended) {
	if e.settled != nil {
		if d.err == nil {
			d.enqueue(ctx, e.settled)
		}
		return
	}
	d.busy[e.unit.project()]--
	if e.err != nil {
		d.err = fault.Worst(d.err, e.err)
	}
}

// begin begins what is ready. After an error nothing begins any more.
func (d *schedule) begin(ctx context.Context) {
	if d.err != nil {
		return
	}
	ready := d.takeReady()
	if len(ready) > 0 {
		d.s.rec.hurry(ctx, noteStart) // the intents of what is ready write what made it so, unless they are late
	}
	for _, n := range ready {
		if rest := d.s.unsettled(n); rest > 0 {
			d.settle(ctx, n, rest)
		} else {
			d.enqueue(ctx, n)
		}
	}
	var behind []task
	for _, t := range d.queue {
		if d.busy[t.unit.project()] > 0 {
			behind = append(behind, t)
			continue
		}
		t.slot.ask()
		d.bring(ctx, t)
	}
	d.queue = behind
}

// takeReady takes the nodes that need not wait any longer, the first to get a slot first.
func (d *schedule) takeReady() (ready []*node) {
	d.waiting = slices.DeleteFunc(d.waiting, func(n *node) bool {
		if d.s.waits(n.steps) {
			return false
		}
		ready = append(ready, n)
		return true
	})
	slices.SortStableFunc(ready, func(a, b *node) int { return a.rank.compare(b.rank) })
	return ready
}

// waits tells whether one of the steps must not start yet.
func (s *session) waits(steps []plan.Step) bool {
	return slices.ContainsFunc(steps, func(st plan.Step) (waits bool) {
		s.rec.view(func(state *run.State) { _, waits = state.WaitsFor(st.ID()) })
		return waits
	})
}

// unsettled is how long the steps still wait although what they need has succeeded: whoever serves it to their builds may lag.
func (s *session) unsettled(n *node) (rest time.Duration) {
	if s.settling == 0 {
		return 0
	}
	s.rec.view(func(state *run.State) {
		for _, st := range n.steps {
			if met := state.NeedsMet(st.ID()); !met.IsZero() {
				rest = max(rest, min(s.settling-s.clock.Since(met), s.settling)) // another driver's clock may be ahead
			}
		}
	})
	return rest
}

func (d *schedule) settle(ctx context.Context, n *node, rest time.Duration) {
	d.active++
	d.s.alarm.move(1)
	go func() {
		d.s.sleepUnlessStopped(ctx, rest)
		d.ended <- ended{settled: n}
	}()
}

// enqueue brings the units of a node to their ends. What runs already, or is held, is watched from the beginning, and takes its
// slot before anything is started. The others of one project are started one after the other, in the order in which they become
// ready: the pipelines of a branch may cancel each other, and their numbers tell whose is whose. One that waits for its turn has
// no slot yet, and one that is held keeps its turn.
func (d *schedule) enqueue(ctx context.Context, n *node) {
	running, rest := d.s.apart(d.s.split(n.steps))
	for _, u := range running {
		t := task{u, d.s.slot(n.rank)}
		if d.s.rec.step(u.ids[0]).Status == run.Running {
			t.slot.takeIfFree()
		}
		d.bring(ctx, t)
	}
	for _, u := range rest {
		d.queue = append(d.queue, task{u, d.s.slot(n.rank)})
	}
}

func (d *schedule) bring(ctx context.Context, t task) {
	d.active++
	d.busy[t.unit.project()]++
	d.s.alarm.move(1)
	go func() {
		err := d.s.noteForbidden(ctx, t.unit, d.s.finish(ctx, t.unit, t.slot))
		if err != nil {
			d.s.halt()
		}
		d.ended <- ended{task: t, err: err}
	}()
}

// rank says who of those that are ready gets a slot first: whoever has the longest way before it, then by the order of the groups.
// By waves all have the same.
type rank struct {
	way   time.Duration // until the last step that needs this one, directly or not, has ended, by earlier durations
	group int
}

func (r rank) compare(other rank) int {
	return cmp.Or(-cmp.Compare(r.way, other.way), cmp.Compare(r.group, other.group))
}

// rankNodes ranks the nodes of a plan by the graph, which come level after level. A component that never ran counts as an average
// one.
func rankNodes(nodes []*node, usual map[string]time.Duration) {
	average := run.Average(usual)
	behind := map[plan.StepID]time.Duration{} // the longest way of those that need a step
	for _, n := range slices.Backward(nodes) {
		n.rank.group = n.steps[0].Group
		for _, st := range n.steps {
			n.rank.group = min(n.rank.group, st.Group)
			n.rank.way = max(n.rank.way, behind[st.ID()])
		}
		n.rank.way += cmp.Or(usual[n.steps[0].Component], average)
		for _, st := range n.steps {
			for _, need := range st.Needs {
				behind[need.Step] = max(behind[need.Step], n.rank.way)
			}
		}
	}
}
