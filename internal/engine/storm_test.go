package engine_test

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// The storm: one request in five goes wrong in one of the ways that can be survived, and lists show
// pipelines late. Everything must end as released, nothing twice, within six runs. What gio cannot know
// it asks (exit 9); the test answers as an operator who looks at CircleCI would.
//
// In full (make storm): 400 triggers in 8 waves in simulated time and 60 over TCP, five seeds, three lags.
func TestStorm(t *testing.T) {
	t.Parallel()
	seeds, components := []int64{1}, 80
	if *figures {
		seeds, components = []int64{1, 2, 3, 4, 5}, 400
	}
	for _, lag := range []time.Duration{200 * time.Millisecond, 30 * time.Second, 120 * time.Second} {
		for _, seed := range seeds {
			t.Run(fmt.Sprintf("lag%s/seed%d", lag, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, product(stormWaves(components, 8)...), stormScenario(seed, lag, 10*time.Minute), nil)
					defer w.close()
					began := time.Now()
					weather(t, w, components, lag, fmt.Sprintf("simulated time, seed %d", seed))
					figure(t, "    in %s of simulated time", time.Since(began).Round(time.Second))
				})
			})
		}
	}
}

// The same with the journal in the release repository, where one push or reading in five goes wrong as well.
func TestStormGit(t *testing.T) {
	t.Parallel()
	seeds, components := []int64{1}, 80
	if *figures {
		seeds, components = []int64{1, 2, 3, 4, 5}, 400
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const lag = 200 * time.Millisecond
				w := newWorld(t, product(stormWaves(components, 8)...), stormScenario(seed, lag, 10*time.Minute), nil)
				defer w.close()
				w.ref = newGitRef(w.power)
				w.ref.delay, w.ref.storm = 300*time.Millisecond, rand.New(rand.NewPCG(uint64(seed), 5))
				weather(t, w, components, lag, fmt.Sprintf("Git journal, seed %d", seed))
				figure(t, "    %d pushes of the journal arrived, %d readings and pushes went wrong", len(w.ref.pushed), w.ref.spoilt)
			})
		})
	}
}

// The same over TCP, in real time and therefore small.
func TestStormTCP(t *testing.T) {
	t.Parallel()
	seeds, components := []int64{1}, 12
	if *figures {
		seeds, components = []int64{1, 2, 3, 4, 5}, 60
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			t.Parallel()
			s := stormScenario(seed, 200*time.Millisecond, 500*time.Millisecond)
			s.Chaos.Kinds = []sim.FaultKind{sim.ErrorBefore, sim.ErrorAfter, sim.ResetBefore, sim.ResetAfter, sim.TruncateAfter, sim.Throttle}
			w := newWorld(t, product(stormWaves(components, 1)...), s, nil)
			defer w.close()
			w.edit = func(r *engine.Release) { r.MaxParallel = components }
			server := httptest.NewServer(w.sim)
			defer server.Close()
			w.host, w.transport = server.URL, server.Client().Transport
			weather(t, w, components, 200*time.Millisecond, fmt.Sprintf("over TCP, seed %d", seed))
		})
	}
}

func stormScenario(seed int64, lag, duration time.Duration) sim.Scenario {
	return sim.Scenario{
		Seed: seed, ListLag: lag, Default: sim.Project{Duration: duration, WorkflowDelay: duration / 100},
		Chaos: &sim.Chaos{Rate: 0.2},
	}
}

func stormWaves(components, waves int) []string {
	all := make([]string, waves)
	for i := range components {
		all[i*waves/components] += fmt.Sprintf(" c%d", i)
	}
	return all
}

func weather(t *testing.T, w *world, components int, lag time.Duration, what string) {
	runs, asked := 0, 0
	for done := false; !done; runs++ {
		if runs == 6 {
			t.Fatalf("not released after %d runs:\n%s", runs, w.statuses())
		}
		err := w.release()
		switch kind := fault.KindOf(err); {
		case err == nil:
			done = true
		case kind == fault.Decision && lag >= 2*time.Minute:
			asked += w.answer()
		case kind == fault.Decision:
			t.Fatalf("with a lag of %s gio must not ask: %v", lag, err)
		case kind != fault.Remote && kind != fault.Stopped:
			t.Fatal(err)
		}
	}
	for _, c := range w.manifestAt("1.0.4").Components {
		if c.Open() {
			t.Errorf("%s is not recorded", c.Name)
		}
	}
	w.check()
	requests := 0
	for _, statuses := range w.sim.Stats().Requests {
		for _, n := range statuses {
			requests += n
		}
	}
	figure(t, "%-24s lag %-6s %d triggers: %d duplicates, all recorded in %d runs, %d questions, %d requests",
		what+",", lag.String()+",", components, len(w.sim.Duplicates()), runs, asked, requests)
}

// answer does what gio asks a person for: looks at CircleCI and says what is there.
func (w *world) answer() (asked int) {
	for _, st := range w.state().With(run.IsUnknown) {
		component := st.ID.Component()
		a := engine.Answer{Component: component, NotTriggered: true}
		for _, p := range w.sim.Pipelines() {
			if strings.HasSuffix(p.Project, "/"+component) && !p.Cancelled {
				a = engine.Answer{Component: component, Pipeline: p.Number}
			}
		}
		for try := 0; ; try++ { // the API is as stormy for an operator
			err := w.tryResolve(a, false)
			if err == nil {
				break
			}
			if try == 10 {
				w.t.Fatal(err)
			}
		}
		asked++
	}
	return asked
}

// S32: the list shows new pipelines two minutes late while answers are lost: no duplicates; asking is
// allowed.
func TestS32LateLists(t *testing.T) {
	t.Parallel()
	for _, kind := range []sim.FaultKind{sim.ErrorAfter, sim.HangAfter, sim.ErrorBefore} {
		for name, late := range map[string]sim.Scenario{
			"list":            {ListLag: 2 * time.Minute},
			"list and number": {ListLag: 2 * time.Minute, NumberLag: 2 * time.Minute},
		} {
			late.Faults = []sim.Fault{onTrigger(kind, 1)}
			t.Run(fmt.Sprintf("%s/%s", kind, name), func(t *testing.T) {
				t.Parallel()
				inBubble(t, product("a b", "c"), late, func(t *testing.T, w *world) {
					err := w.release()
					if fault.KindOf(err) == fault.Decision {
						time.Sleep(5 * time.Minute)
						w.answer()
						err = w.release()
					}
					wantKind(t, err, 0)
					running := slices.DeleteFunc(w.sim.Pipelines(), func(p sim.Pipeline) bool { return p.Cancelled || !strings.HasSuffix(p.Project, "/b") })
					if len(running) != 1 {
						t.Errorf("%d pipelines of b ran", len(running))
					}
				})
			})
		}
	}
}
