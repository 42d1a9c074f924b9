package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

// The crash sweep: stop dead at every write of the journal and at every request, before and after it
// acted; resume; and hold that nothing was triggered twice and that everything ends the same.
//
// The product has 13 components in 4 waves, two of which share a repository (c2 and c3), and one (b2)
// that fails the first time, so that the sweep covers a failure, its recording and its resume.
func TestCrashSweep(t *testing.T) {
	t.Parallel()
	sweep(t, fails("b2"), stride(1), nil)
}

// The same with the journal in the release repository: dead before a push, after the server took it, and after its answer.
// Every other driver that follows takes over at once, the others wait for the lease to stand still. Only every seventh point
// unless the figures are wanted.
func TestCrashSweepGit(t *testing.T) {
	t.Parallel()
	sweep(t, fails("b2"), stride(7), func(w *world) {
		w.ref, w.drivers = newGitRef(w.power), w.power.at%2
		w.ref.delay = 300 * time.Millisecond
	})
}

// The same with answers that are lost, refused and late. Only every seventh point, unless the figures
// are wanted.
func TestCrashSweepWithFaults(t *testing.T) {
	t.Parallel()
	s := fails("b2")
	for project, kind := range map[string]sim.FaultKind{
		"a1": sim.ErrorAfter, "a2": sim.ResetBefore, "b1": sim.TruncateAfter, "b3": sim.HangBefore, "c1": sim.ResetAfter, "mono": sim.Throttle, "d1": sim.HangAfter,
	} {
		s.Faults = append(s.Faults,
			sim.Fault{Match: sim.Match{Endpoint: "trigger", Project: project}, Kind: kind},
			sim.Fault{Match: sim.Match{Endpoint: "workflows", Project: project}, Kind: sim.ErrorBefore, Nth: 2, Times: 2})
	}
	slices.SortFunc(s.Faults, func(a, b sim.Fault) int { return strings.Compare(a.Match.Project, b.Match.Project) })
	sweep(t, s, stride(7), nil)
}

func fails(component string) sim.Scenario {
	return sim.Scenario{Projects: map[string]sim.Project{component: {Runs: []sim.Run{{Outcome: sim.Failed}}}}}
}

// stride is how many points a sweep goes on at once: all count for the figures; the race detector, which makes them slow, has
// seen what it can see in a few.
func stride(usual int) int {
	switch {
	case *figures:
		return 1
	case testing.Short():
		return 4*usual + 1
	}
	return usual
}

// sweep stops dead at every so-manieth point. Edit changes the world before it is used; it may be nil.
func sweep(t *testing.T, s sim.Scenario, every int, edit func(*world)) {
	want := crashRun(t, s, "", 0, edit)
	if want.duplicates != "" || want.state == "" {
		t.Fatalf("the run without a crash: %+v", want)
	}
	points := 0
	var survived atomic.Int64
	for _, kind := range slices.Sorted(maps.Keys(want.uses)) {
		for n := 1; n <= want.uses[kind]; n += every {
			points++
			t.Run(fmt.Sprintf("%s%d", kind, n), func(t *testing.T) {
				t.Parallel()
				got := crashRun(t, s, kind, n, edit)
				if got.duplicates != "" {
					t.Errorf("triggered twice:\n%s", got.duplicates)
				}
				if got.state != want.state {
					t.Errorf("it ended as\n%s\nwithout the crash it ends as\n%s", got.state, want.state)
				}
				if !t.Failed() {
					survived.Add(1)
				}
			})
		}
	}
	t.Cleanup(func() {
		figure(t, "%s: %d points, %d ended like the run without a crash, nothing triggered twice", t.Name(), points, survived.Load())
	})
	if points*every < 200 {
		t.Errorf("only %d points: the sweep does not see the run", points)
	}
}

type crashed struct {
	uses       map[string]int // of each kind, in a run without a crash
	state      string         // release.json on both ends, the refs, the statuses of the steps
	duplicates string
}

func crashRun(t *testing.T, s sim.Scenario, kind string, at int, edit func(*world)) (end crashed) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, product("a1 a2 a3", "b1 b2 b3", "c1 c2 c3 c4 c5", "d1 d2"), s, nil)
		defer w.close()
		w.edit = sharedRepository
		w.power.kind, w.power.at = kind, at
		if edit != nil {
			edit(w)
		}
		runs := 0
		for ; runs < 5; runs++ {
			if w.release() == nil {
				break
			}
		}
		w.check()
		if runs == 5 {
			t.Errorf("not finished after %d runs:\n%s", runs, w.statuses())
		}
		refs := slices.Sorted(maps.Keys(gittest.Refs(t, w.remote)))
		end = crashed{
			uses: w.power.count, duplicates: strings.Join(w.sim.Duplicates(), "\n"),
			state: strings.Join([]string{
				string(w.manifestAt(branch).Bytes()), string(w.manifestAt("1.0.4").Bytes()), strings.Join(refs, "\n"), w.statuses(),
			}, "\n"),
		}
	})
	return end
}

// sharedRepository puts c2 and c3 into one repository, so that they share a pipeline.
func sharedRepository(r *engine.Release) {
	r.Options.Overrides = map[string]plan.Override{"c2": {Repository: "mono"}, "c3": {Repository: "mono"}}
}
