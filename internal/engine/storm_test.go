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
	"github.com/gravitee-lab/gio/internal/plan"
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
					weather(t, w, plainStorm(lag), components, lag, fmt.Sprintf("simulated time, seed %d", seed))
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
				weather(t, w, plainStorm(lag), components, lag, fmt.Sprintf("Git journal, seed %d", seed))
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
			weather(t, w, plainStorm(0), components, 200*time.Millisecond, fmt.Sprintf("over TCP, seed %d", seed))
		})
	}
}

// storm is what a storm has beyond the plain one, and what gio may do about it.
type storm struct {
	name  string
	asks  bool // gio may ask, and the test answers
	fails bool // steps may fail
	runs  int  // of gio release, at most
	seeds int  // in full; 0 is five
	brew  func(*sim.Scenario)
}

func plainStorm(lag time.Duration) storm { return storm{asks: lag >= 2*time.Minute, runs: 6} }

// storms are those in which what CircleCI says leaves doubt.
func storms() []storm {
	silent := sim.Run{Silence: sim.Silence{Nulls: []string{"vcs", "trigger.actor"}}}
	return []storm{
		{name: "clocks -3h..+3h", runs: 6, seeds: 20, brew: func(s *sim.Scenario) { s.Chaos.Clocks, s.Chaos.NoDate = 3*time.Hour, 0.05 }},
		{name: "clocks that jump", runs: 6, brew: func(s *sim.Scenario) { s.Clocks = jumping() }},
		{name: "silent, one in ten", asks: true, runs: 12, brew: sometimes(0.1, silent)},
		{name: "silent in any way, every other", asks: true, runs: 12, brew: func(s *sim.Scenario) { s.Chaos.Silent = 0.5 }},
		{name: "late by 75 s, one in three", asks: true, runs: 12, brew: sometimes(0.3, sim.Run{Late: 75 * time.Second})},
		{name: "refusals that created", asks: true, fails: true, runs: 12, brew: alsoKinds(sim.AnswerAfter, sim.ThrottleAfter)},
		{name: "mixed-up answers", runs: 6, brew: alsoKinds(sim.MixedUp, sim.DeadPageToken)},
		{name: "late workflows", runs: 6, brew: sometimes(0.1, sim.Run{Workflows: []sim.Workflow{
			{Name: "release"}, {Name: "publish", AppearsAfter: 16 * time.Second},
		}}, sim.Run{Workflows: []sim.Workflow{{Name: "check", Duration: time.Second}, {Name: "release", AppearsAfter: 16 * time.Second}}})},
		{name: "setup reruns", runs: 6, brew: sometimes(0.2, sim.Run{Setup: &sim.Setup{RerunAfter: time.Second}})},
		{name: "failures that hide", fails: true, runs: 60, brew: sometimes(
			0.02,
			sim.Run{Outcome: sim.Errored, BuildError: true},
			sim.Run{Outcome: sim.Failed, Hold: &sim.Hold{BesideFailure: true, CanceledAfter: 10 * time.Minute}},
			sim.Run{Workflows: []sim.Workflow{{Name: "release", Outcome: sim.Failed, Refused: "no credits"}}},
		)},
		{name: "all doubts", asks: true, fails: true, runs: 20, brew: func(s *sim.Scenario) {
			s.Chaos.Clocks, s.Chaos.NoDate, s.Chaos.Silent = 3*time.Hour, 0.05, 0.1
			sometimes(0.05, sim.Run{Late: 75 * time.Second}, silent)(s)
			alsoKinds(sim.AnswerAfter, sim.ThrottleAfter, sim.MixedUp, sim.DeadPageToken)(s)
		}},
	}
}

// sometimes gives each of the runs that share of the pipelines.
func sometimes(share float64, runs ...sim.Run) func(*sim.Scenario) {
	return func(s *sim.Scenario) {
		for _, r := range runs {
			s.Chaos.Fates = append(s.Chaos.Fates, sim.Fate{Share: share, Run: r})
		}
	}
}

// alsoKinds lets more kinds of faults come by chance, beside those of the plain storm.
func alsoKinds(more ...sim.FaultKind) func(*sim.Scenario) {
	return func(s *sim.Scenario) {
		s.Chaos.Kinds = append([]sim.FaultKind{
			sim.ErrorBefore, sim.ErrorAfter, sim.HangBefore, sim.HangAfter, sim.ResetBefore, sim.ResetAfter, sim.Throttle, sim.TruncateAfter,
		}, more...)
	}
}

// jumping are clocks that differ from each other, jump ahead and go back while pipelines of ten minutes run.
func jumping() *sim.Clocks {
	return &sim.Clocks{
		Date:     []sim.Drift{{By: 2 * time.Minute}, {After: 15 * time.Minute, By: -3 * time.Hour}, {After: 40 * time.Minute, By: 3 * time.Hour}, {After: time.Hour}},
		Received: []sim.Drift{{By: -8 * time.Second}, {After: 20 * time.Minute, By: 3 * time.Hour}, {After: 50 * time.Minute, By: -time.Hour}},
		Created:  []sim.Drift{{By: 8 * time.Second}, {After: 30 * time.Minute, By: -2 * time.Hour}},
	}
}

// The storms that leave doubt: whatever CircleCI leaves open, nothing is triggered twice and everything ends as released.
func TestStormsOfDoubt(t *testing.T) {
	t.Parallel()
	for _, st := range storms() {
		seeds, components := 1, 80
		if *figures {
			seeds, components = max(st.seeds, 5), 400
		}
		for seed := range int64(seeds) {
			seed++
			t.Run(fmt.Sprintf("%s/seed%d", st.name, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const lag = 200 * time.Millisecond
					s := stormScenario(seed, lag, 10*time.Minute)
					st.brew(&s)
					w := newWorld(t, product(stormWaves(components, 8)...), s, nil)
					defer w.close()
					weather(t, w, st, components, lag, fmt.Sprintf("%s, seed %d", st.name, seed))
				})
			})
		}
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

func weather(t *testing.T, w *world, st storm, components int, lag time.Duration, what string) {
	runs, asked := 0, 0
	for done := false; !done; runs++ {
		if runs == st.runs {
			t.Fatalf("not released after %d runs:\n%s", runs, w.statuses())
		}
		err := w.release()
		switch kind := fault.KindOf(err); {
		case err == nil:
			done = true
		case kind == fault.Decision && st.asks:
			if st.name != "" {
				time.Sleep(5 * time.Minute) // an operator is slower than what comes late
			}
			asked += w.answer()
		case (kind == fault.PipelineFailed || kind == fault.Auth) && st.fails:
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
	for _, lie := range w.lies() {
		t.Errorf("promise 3 is broken: %s", lie)
	}
	requests := 0
	for _, statuses := range w.sim.Stats().Requests {
		for _, n := range statuses {
			requests += n
		}
	}
	figure(t, "%-24s lag %-6s %d triggers: %d duplicates, all recorded in %d runs, %d questions, %d requests",
		what+",", lag.String()+",", components, len(w.sim.Duplicates()), runs, asked, requests)
}

// lies are the steps that succeeded by the journal before their pipelines had.
func (w *world) lies() (lies []string) {
	pipelines := map[plan.StepID]string{}
	for _, e := range w.kept() {
		for _, id := range e.Steps {
			if e.Pipeline != nil {
				pipelines[id] = e.Pipeline.ID
			}
			if e.Type != run.Succeeded {
				continue
			}
			if truth := w.sim.OutcomeAt(pipelines[id], e.Time); truth != string(sim.Success) {
				lies = append(lies, fmt.Sprintf("%s was noted as succeeded while its pipeline was %s", id, truth))
			}
		}
	}
	return lies
}

// answer does what gio asks a person for: looks at CircleCI, cancels what is there twice and says what is there.
func (w *world) answer() (asked int) {
	for _, st := range w.state().With(run.IsUnknown) {
		component := st.ID.Component()
		a := engine.Answer{Component: component, NotTriggered: true}
		if n := w.keepOne(component); n != 0 {
			a = engine.Answer{Component: component, Pipeline: n}
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

// keepOne cancels all pipelines of a component but one, and returns its number: one that has succeeded, else the newest; 0 when
// there is none.
func (w *world) keepOne(component string) (number int64) {
	live := slices.DeleteFunc(w.sim.Pipelines(), func(p sim.Pipeline) bool { return p.Cancelled || !strings.HasSuffix(p.Project, "/"+component) })
	for _, p := range live {
		if p.Outcome == string(sim.Success) {
			number = p.Number
			break
		}
		number = p.Number
	}
	for _, p := range live {
		if p.Number != number {
			_ = w.sim.Cancel(p.Project, p.Number) // one that has ended stays as it is
		}
	}
	return number
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
