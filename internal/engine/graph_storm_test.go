package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// The crash sweep by the graph, with the journal in the release repository: c2 and d1, of two groups, share a pipeline, b2 fails the
// first time, and a1 is needed by an earlier group than its own would be.
func TestCrashSweepGraph(t *testing.T) {
	t.Parallel()
	sweep(t, fails("b2"), stride(13), func(w *world) {
		w.ref, w.drivers = newGitRef(w.power), w.power.at%2
		w.ref.delay = 300 * time.Millisecond
		w.byGraph(func(r *engine.Release) {
			r.Options.Overrides = map[string]plan.Override{"c2": {Repository: "mono"}, "d1": {Repository: "mono"}}
		}, "a1: d2", "a2:", "a3: a2", "b1: a1", "b2:", "b3: b2", "c1: b2 a3", "c2: b1", "c3:", "c4: c3", "d1: a2", "d2:") // c5 cannot be read
	})
}

// draw is a random product and its graph: groups that are not in its order, projects that several components share, some of them one
// pipeline, files that cannot be read, failures, approvals, and pipelines of any length.
type draw struct {
	rnd       *rand.Rand
	groups    []string
	lines     []string
	overrides map[string]plan.Override
	scenario  sim.Scenario
	names     []string // in an order in which each needs only those before it
}

func newDraw(seed uint64, n int) *draw {
	d := &draw{rnd: rand.New(rand.NewPCG(seed, 62)), overrides: map[string]plan.Override{}, groups: make([]string, 6)} //nolint:gosec // it protects no secret
	d.scenario = sim.Scenario{Seed: int64(seed), ListLag: 200 * time.Millisecond, Default: sim.Project{Duration: 10 * time.Minute}, Projects: map[string]sim.Project{}}
	var units []string // the nodes: several components of a unit have one place in the order
	for i := range n {
		name, unit := fmt.Sprint("c", i), fmt.Sprint("c", i)
		switch d.rnd.IntN(6) {
		case 0:
			unit = fmt.Sprint("mono", d.rnd.IntN(1+n/8))
			d.overrides[name] = plan.Override{Repository: unit}
		case 1: // the project of others, and a pipeline of its own
			project := fmt.Sprint("mono", d.rnd.IntN(1+n/8))
			d.overrides[name] = plan.Override{Repository: project, Parameters: map[string]any{"module": name}}
		default:
			d.scenario.Projects[name] = d.project()
		}
		d.names, units = append(d.names, name), append(units, unit)
		d.groups[d.rnd.IntN(len(d.groups))] += " " + name
	}
	d.groups = slices.DeleteFunc(d.groups, func(g string) bool { return g == "" })
	place := map[string]int{}
	for _, unit := range units {
		if _, known := place[unit]; !known {
			place[unit] = len(place)
		}
	}
	for i, name := range d.names {
		if d.rnd.IntN(12) == 0 {
			continue // it cannot be read
		}
		line := name + ":"
		for j, other := range d.names {
			if place[units[j]] < place[units[i]] && d.rnd.IntN(n) < 3 {
				line += " " + other
			}
		}
		d.lines = append(d.lines, line)
	}
	return d
}

func (d *draw) project() sim.Project {
	r := sim.Run{Duration: time.Duration(1+d.rnd.IntN(30)) * time.Minute}
	switch d.rnd.IntN(6) {
	case 0:
		r.Outcome = sim.Failed
	case 1:
		r.Hold = &sim.Hold{ApprovedAfter: time.Duration(1+d.rnd.IntN(90)) * time.Minute}
	}
	return sim.Project{Runs: []sim.Run{r, {Duration: r.Duration}}}
}

// Random graphs with the journal in the release repository, where one push or reading in five goes wrong: drivers die, leave, take
// a part of the components only, and find other needs than were planned. No intent comes before its needs, nothing is triggered
// twice, and all is released.
//
// In full (make storm): 200 components.
func TestStormGraph(t *testing.T) {
	t.Parallel()
	seeds, components := 4, 14
	if *figures {
		seeds, components = 12, 200
	}
	if testing.Short() {
		seeds = 2
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { stormGraph(t, newDraw(seed, components)) })
		})
	}
}

// graphStorm counts what happened.
type graphStorm struct {
	sessions, crashes, left, partial, refused, intents, needs int
}

func stormGraph(t *testing.T, d *draw) {
	w := newWorld(t, product(d.groups...), d.scenario, nil)
	defer w.close()
	w.ref = newGitRef(w.power)
	w.ref.delay, w.ref.storm = 300*time.Millisecond, rand.New(rand.NewPCG(d.rnd.Uint64(), 5)) //nolint:gosec // it protects no secret
	var only []string
	var changed atomic.Int64
	var s graphStorm
	f := w.byGraph(func(r *engine.Release) {
		r.MaxParallel, r.Settle, r.HoldLimit = 1+d.rnd.IntN(10), time.Duration(d.rnd.IntN(2))*time.Minute, 2*time.Hour
		r.Options.Overrides, r.Options.Only = d.overrides, only
		r.Notify = func(e run.Event, _ *run.State) {
			if e.Type == run.Planned {
				changed.Add(int64(len(r.Changed())))
			}
		}
	}, d.lines...)
	for released := false; !released; s.sessions++ {
		if s.sessions == 60 {
			t.Fatalf("not released after %d sessions:\n%s", s.sessions, w.statuses())
		}
		calm := s.sessions >= 30 // an end must be possible
		if only = nil; d.rnd.IntN(4) == 0 && !calm {
			only = []string{d.names[d.rnd.IntN(len(d.names))]}
			s.partial++
		}
		err := d.session(w, f, &s, calm)
		switch kind := fault.KindOf(err); {
		case err == nil:
			released = only == nil
		case fault.Is(err, "needed-left-out"), fault.Is(err, engine.NeedsChanged), fault.Is(err, "not-open"):
			s.refused++
		case w.power.isDead():
			s.crashes++
		case kind == fault.Decision:
			t.Fatalf("gio must not ask: %v\n%s", err, w.statuses())
		case kind != fault.PipelineFailed && kind != fault.Remote && kind != fault.Stopped && kind != fault.Timeout:
			t.Fatal(err)
		}
	}
	for _, c := range w.manifestAt("1.0.4").Components {
		if c.Open() {
			t.Errorf("%s is not recorded", c.Name)
		}
	}
	w.check()
	s.intents, s.needs = reckon(t, w.kept())
	figure(t, "%s: %d components, %d intents after %d needs, %d sessions (%d crashes, %d left, %d partial, %d refused), %d planned anew: 0 twice, all recorded",
		t.Name(), len(d.names), s.intents, s.needs, s.sessions, s.crashes, s.left, s.partial, s.refused, changed.Load())
}

// session is one driver's time: it may die at some push, be sent away, or find that somebody has changed a file.
func (d *draw) session(w *world, f *files, s *graphStorm, calm bool) error {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.power.kind = ""
	switch n := d.rnd.IntN(6); {
	case calm:
	case n == 0:
		w.power.kind, w.power.failed = []string{"push", "pushed", "request", "answer"}[d.rnd.IntN(4)], false
		w.power.at = w.power.count[w.power.kind] + 1 + d.rnd.IntN(60)
	case n == 1:
		time.AfterFunc(time.Duration(d.rnd.IntN(60))*time.Minute, cancel)
		s.left++
	case n == 2:
		for range 1 + len(d.names)/8 {
			i := 1 + d.rnd.IntN(len(d.names)-1)
			name, needs := d.names[i], d.before(i)
			if _, shares := d.overrides[name]; !shares { // else its place in the order is not its own
				time.AfterFunc(time.Duration(d.rnd.IntN(40))*time.Minute, func() { f.set(name, needs...) })
			}
		}
	}
	return w.releaseUntil(ctx, nil)
}

// before is one component that comes before the i-th in the order, and shares its pipeline with nobody.
func (d *draw) before(i int) []string {
	other := d.names[d.rnd.IntN(i)]
	if _, shares := d.overrides[other]; shares {
		return nil
	}
	return []string{other}
}

// reckon proves of each intent, by a reckoning of its own, that all that its step needs by the newest plan has succeeded before, or
// was released before. It counts the intents and their needs.
func reckon(t *testing.T, events []run.Event) (intents, needs int) {
	t.Helper()
	planned, done := map[plan.StepID]plan.Step{}, map[plan.StepID]bool{}
	for _, e := range events {
		switch e.Type {
		case run.Planned:
			for _, st := range e.Plan.Steps() {
				planned[st.ID()] = st
			}
		case run.Succeeded:
			for _, id := range e.Steps {
				done[id] = true
			}
		case run.Intent:
			for _, id := range e.Steps {
				intents++
				for _, n := range planned[id].Needs {
					if needs++; !done[n.Step] && !n.Released {
						t.Errorf("event %d: %s begins before %s", e.Seq, id, n.Step)
					}
				}
			}
		default:
		}
	}
	if needs == 0 {
		t.Error("nothing needed anything")
	}
	return intents, needs
}
