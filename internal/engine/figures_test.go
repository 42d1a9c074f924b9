package engine_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/sim"
)

// figures makes the tests that measure measure in full, as `make bench` and `make storm` do.
var figures = flag.Bool("figures", false, "measure in full and print the figures")

func figure(t *testing.T, format string, args ...any) {
	t.Helper()
	if *figures {
		fmt.Printf("  "+format+"\n", args...)
	}
}

// How often CircleCI is asked and how late an end is seen, with pipelines of ten minutes: with what an
// earlier run took known (give or take a tenth), and without.
func TestFiguresRequests(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		known    bool
		requests float64 // a component, at most
		late     float64 // of the duration, at most
	}{
		{"with an earlier run", true, 25, 0.03},
		{"without", false, 40, 30.0 / 600},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		waves := []string{"a", "b1 b2", "c", "d1 d2 d3", "e", "f", "g1 g2 g3", "h", "i1 i2 i3 i4 i5 i6 i7 i8 i9 i10 i11", "j1 j2 j3"}
		s := sim.Scenario{Projects: map[string]sim.Project{}}
		durations, earlier := map[string]time.Duration{}, map[string][]time.Duration{}
		for _, name := range strings.Fields(strings.Join(waves, " ")) {
			durations[name] = about(r, 10*time.Minute)
			earlier[name] = []time.Duration{about(r, durations[name])}
			s.Projects[name] = sim.Project{Duration: durations[name]}
		}
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, product(waves...), s, nil)
			defer w.close()
			if tt.known {
				w.edit = func(r *engine.Release) { r.Earlier = earlier }
			}
			wantKind(t, w.release(), 0)
			requests := float64(len(w.sim.Requests())) / float64(len(durations))
			var worst, sum float64
			for _, st := range w.state().Steps() {
				d := durations[st.ID.Component()]
				late := float64(st.EndedAt.Sub(st.StartedAt)-d) / float64(d)
				worst, sum = max(worst, late), sum+late
			}
			figure(t, "ten-minute pipelines, %-20s %5.1f requests a component, ends seen %.1f %% late on average, %.1f %% at worst",
				tt.name+":", requests, 100*sum/float64(len(durations)), 100*worst)
			if requests > tt.requests || worst > tt.late {
				t.Errorf("%s: %.1f requests a component (at most %.0f), %.2f %% late (at most %.0f)", tt.name, requests, tt.requests, 100*worst, 100*tt.late)
			}
			w.check()
		})
	}
}

// about is d, give or take a tenth.
func about(r *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*r.Float64()))
}

// What gio itself costs as products grow: CPU and memory of a run of 100 waves in simulated time. The
// CPU is that of the simulator, too.
func TestFiguresScale(t *testing.T) {
	sizes := []int{300}
	if *figures {
		sizes = []int{1000, 10000}
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(150 << 20)) // the garbage that Go would keep says nothing
	var first time.Duration
	for _, n := range sizes {
		cpu, peak := scale(t, n)
		if first == 0 {
			first = cpu
		}
		figure(t, "%6d components in 100 waves: %6.2f s CPU (%.1f times the first), peak heap %3d MB", n, cpu.Seconds(), float64(cpu)/float64(first), peak>>20)
	}
}

func scale(t *testing.T, n int) (cpu time.Duration, peak uint64) {
	waves := make([]string, 100)
	for i := range n {
		waves[i%100] += fmt.Sprintf(" c%d", i)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, product(waves...), sim.Scenario{Default: sim.Project{Duration: 10 * time.Minute}, KeepRequests: 1}, nil)
		defer w.close()
		runtime.GC()
		began := cpuTime(t)
		var m runtime.MemStats
		w.edit = func(r *engine.Release) { r.MaxParallel = 100 }
		wantKind(t, w.release(), 0)
		cpu = cpuTime(t) - began
		runtime.ReadMemStats(&m)
		peak = m.HeapSys - m.HeapReleased
		if got := len(w.sim.Pipelines()); got != n {
			t.Errorf("%d pipelines, want %d", got, n)
		}
	})
	return cpu, peak
}

// What the journal in the release repository costs: pushes, and the time that they add to one that costs nothing, on the 27
// components of a real release in 11 waves whose pipelines take 6 to 18 seconds, with a remote that takes 300 ms for a push.
func TestFiguresGit(t *testing.T) {
	t.Parallel()
	const push, groups, seeds = 300 * time.Millisecond, 11, 8
	var free, took time.Duration
	pushes, worst := 0, 0
	for seed := range uint64(seeds) { // when a pipeline is looked at, and its end seen, is chance
		var ref *gitRef
		free += benchGit(t, seed, func(w *world) { w.delay = push })
		took += benchGit(t, seed, func(w *world) {
			w.ref = newGitRef(w.power)
			w.ref.delay, ref = push, w.ref
		})
		pushes, worst = pushes+len(ref.pushed), max(worst, ref.worst)
	}
	added := 100 * (took.Seconds()/free.Seconds() - 1)
	figure(t, "27 components in %d waves, %s a push: %.1f pushes of the journal, %.1f for each launch, %d at most; they add %.2f %% to %.0f s",
		groups, push, float64(pushes)/seeds, float64(pushes)/seeds/groups, worst, added, free.Seconds()/seeds)
	if worst > 3 || added > 3 {
		t.Errorf("%d pushes for a launch, %.2f %% more time; at most 3 of each", worst, added)
	}
}

func benchGit(t *testing.T, seed uint64, edit func(*world)) (took time.Duration) {
	waves := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i1 i2 i3", "j1 j2 j3 j4 j5 j6 j7 j8 j9 j10 j11 j12 j13", "k1 k2 k3"}
	r := rand.New(rand.NewPCG(3, seed))
	s := sim.Scenario{Default: sim.Project{WorkflowDelay: 200 * time.Millisecond}, Projects: map[string]sim.Project{}}
	for _, name := range strings.Fields(strings.Join(waves, " ")) {
		s.Projects[name] = sim.Project{Duration: 6*time.Second + time.Duration(r.Int64N(int64(12*time.Second)))}
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, product(waves...), s, nil)
		defer w.close()
		edit(w)
		began := time.Now()
		wantKind(t, w.release(), 0)
		took = time.Since(began)
		w.check()
	})
	return took
}
