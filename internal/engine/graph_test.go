package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// files are what says who needs whom, as a release by the graph reads it.
type files struct {
	mu    sync.Mutex
	needs map[string][]string // by component; one that is missing cannot be read
	asked []string            // of whom, in order
}

// byGraph lets releases go by the graph of "b: a c", one component a line, after whatever edit does.
func (w *world) byGraph(edit func(*engine.Release), lines ...string) *files {
	f := &files{needs: map[string][]string{}}
	for _, line := range lines {
		from, to, _ := strings.Cut(line, ":")
		f.set(from, strings.Fields(to)...)
	}
	w.edit = func(r *engine.Release) {
		r.Order, r.Needs = plan.ByGraph, f.read
		if edit != nil {
			edit(r)
		}
	}
	return f
}

func (f *files) set(component string, needs ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.needs[component] = append([]string{}, needs...)
}

func (f *files) read(_ context.Context, of, among []plan.Step) (map[plan.StepID]plan.Found, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := map[plan.StepID]plan.Found{}
	for _, st := range of {
		f.asked = append(f.asked, st.Component)
		names, readable := f.needs[st.Component]
		said := plan.Found{}
		if !readable {
			said.Unread = errors.New("there is no such file")
		}
		for _, other := range among {
			if slices.Contains(names, other.Component) {
				said.Needs = append(said.Needs, plan.Need{Step: other.ID(), Reason: plan.NeedNamed, Artifact: other.Component, Named: other.Version, File: "pom.xml", Line: 1})
			}
		}
		found[st.ID()] = said
	}
	return found, nil
}

// times gives when each component's newest pipeline was triggered, and when its step ended, since the world began.
func (w *world) times(began time.Time) (started, ended map[string]time.Duration) {
	started, ended = map[string]time.Duration{}, map[string]time.Duration{}
	for _, st := range w.state().Steps() {
		started[st.ID.Component()], ended[st.ID.Component()] = st.StartedAt.Sub(began), st.EndedAt.Sub(began)
	}
	return started, ended
}

func (w *world) wantStatuses(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if got := w.statuses(); got != strings.Join(want, "\n") {
		w.t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// A step begins as soon as what it needs has succeeded, whatever the groups say, and its intent says so in the journal no later
// than in the same write.
func TestGraphOrder(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"slow": minutes(60), "a": minutes(5), "b": minutes(5), "last": minutes(5)}}
	inBubble(t, product("last slow", "a", "b"), s, func(t *testing.T, w *world) {
		w.byGraph(nil, "slow:", "a:", "b: a", "last: b")
		began := time.Now()
		wantKind(t, w.release(), 0)
		started, ended := w.times(began)
		if started["a"] > time.Minute || started["b"] < ended["a"] || started["last"] < ended["b"] || ended["last"] > ended["slow"] {
			t.Errorf("started %v, ended %v", started, ended)
		}
		if schema := w.kept()[0].Header.Schema; schema != run.Schema {
			t.Errorf("the journal has schema %d: an older gio would go on with it", schema)
		}
		if v := w.manifestAt("1.0.4").Version; v != "1.0.4" {
			t.Errorf("the tag holds product version %s", v)
		}
	})
}

// The journal of a release by waves stays one that an older gio can go on with.
func TestWavesKeepTheirSchema(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a", "b"), sim.Scenario{}, func(t *testing.T, w *world) {
		wantKind(t, w.release(), 0)
		for _, e := range w.kept() {
			if e.Type == run.Raised || e.Header != nil && e.Header.Schema != 1 || e.Plan != nil && e.Plan.Order != "" {
				t.Errorf("%+v", e)
			}
		}
	})
}

// A unit is one node, whatever the groups of its steps: it begins once, after all that one of them needs.
func TestGraphUnitAcrossGroups(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"x": minutes(7)}}
	inBubble(t, product("c2", "x", "c3"), s, func(t *testing.T, w *world) {
		w.byGraph(sharedRepository, "c2:", "x:", "c3: x c2")
		began := time.Now()
		wantKind(t, w.release(), 0)
		if started, ended := w.times(began); started["c2"] < ended["x"] || started["c2"] != started["c3"] || len(w.sim.Pipelines()) != 2 {
			t.Errorf("started %v, ended %v, %d pipelines", started, ended, len(w.sim.Pipelines()))
		}
	})
}

// Pipelines of one project follow each other as they become ready: a and b differ in their parameters, and x between them would
// never begin if b had its turn by its group. One that is held keeps its turn.
func TestGraphProjectQueue(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{
		"mono": {Runs: []sim.Run{{Outcome: sim.Success, Duration: 5 * time.Minute, Hold: &sim.Hold{ApprovedAfter: 20 * time.Minute}}}},
		"x":    minutes(3),
	}}
	inBubble(t, product("b", "x", "a", "c"), s, func(t *testing.T, w *world) {
		w.byGraph(func(r *engine.Release) {
			r.MaxParallel = 1
			r.Options.Overrides = map[string]plan.Override{}
			for _, name := range []string{"a", "b", "c"} {
				r.Options.Overrides[name] = plan.Override{Repository: "mono", Parameters: map[string]any{"module": name}}
			}
		}, "a:", "x: a", "b: x", "c:")
		began := time.Now()
		wantKind(t, w.release(), 0)
		started, ended := w.times(began)
		if started["c"] < ended["a"] || started["b"] < ended["x"] || started["b"] < ended["c"] {
			t.Errorf("started %v, ended %v", started, ended)
		}
	})
}

// A failure skips what needs it, directly or not, names it, and says so once at the end. The rest is released and recorded.
func TestS62GraphFailureSkipsOnlyDescendants(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{
		"a": {Duration: time.Minute, Runs: []sim.Run{{Outcome: sim.Failed}}}, "b": {Duration: 2 * time.Minute, Runs: []sim.Run{{Outcome: sim.Failed}}}, "x": minutes(30),
	}}
	inBubble(t, product("a b", "c d", "x y z"), s, func(t *testing.T, w *world) {
		w.byGraph(nil, "a:", "b:", "c: a", "d: c", "x:", "y: x", "z: b")
		wantKind(t, w.release(), fault.PipelineFailed)
		w.wantStatuses("a@1.2.3 failed", "b@1.2.3 failed", "c@1.2.3 skipped", "d@1.2.3 skipped", "x@1.2.3 succeeded", "y@1.2.3 succeeded", "z@1.2.3 skipped")
		var told []string
		last := run.Type("")
		for _, e := range w.kept() {
			if e.Type == run.Skipped {
				told = append(told, strings.Join(components(e.Steps), " ")+": "+e.Reason)
			} else if len(told) > 0 && (e.Type == run.Intent || e.Type == run.Succeeded) {
				last = e.Type
			}
		}
		want := []string{"c d: upstream: a has not succeeded", "z: upstream: b has not succeeded"}
		if !slices.Equal(told, want) || last != "" {
			t.Errorf("skipped %q, and then came %q", told, last)
		}
		for name, open := range map[string]bool{"x": false, "y": false, "c": true} {
			if c, _ := w.manifestAt(branch).Component(name); c.Open() != open {
				t.Errorf("%s is recorded as %s", name, c.Version)
			}
		}
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("x"); n != 1 {
			t.Errorf("x ran %d times", n)
		}
	})
}

func components(ids []plan.StepID) (names []string) {
	for _, id := range ids {
		names = append(names, id.Component())
	}
	return names
}

// What somebody re-runs on CircleCI while the rest goes on is read once more when nothing runs any more, and frees what needs it.
func TestGraphReRunFreesDescendants(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"a": {Duration: time.Minute, Runs: []sim.Run{{Outcome: sim.Failed}}}, "x": minutes(30)}}
	inBubble(t, product("a x", "b"), s, func(t *testing.T, w *world) {
		w.byGraph(nil, "a:", "b: a", "x:")
		time.AfterFunc(10*time.Minute, func() {
			if err := w.sim.Rerun("a", 1, sim.Success); err != nil {
				t.Error(err)
			}
		})
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("a"); n != 1 {
			t.Errorf("a ran %d times", n)
		}
	})
}

// After a failure a person is waited for while something else runs, and no longer.
func TestGraphHoldAfterFailure(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		approved time.Duration
		status   string
		over     time.Duration // the end, at most
	}{
		"approved while x runs": {20 * time.Minute, "held@1.2.3 succeeded", 42 * time.Minute},
		"not approved":          {0, "held@1.2.3 held", 42 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sim.Scenario{Projects: map[string]sim.Project{
				"a":    {Duration: time.Minute, Runs: []sim.Run{{Outcome: sim.Failed}}},
				"held": {Runs: []sim.Run{{Outcome: sim.Success, Duration: 2 * time.Minute, Hold: &sim.Hold{ApprovedAfter: tt.approved}}}},
				"x":    minutes(20), "y": minutes(20),
			}}
			inBubble(t, product("a held x", "y"), s, func(t *testing.T, w *world) {
				w.byGraph(nil, "a:", "held:", "x:", "y: x")
				began := time.Now()
				wantKind(t, w.release(), fault.PipelineFailed)
				w.wantStatuses("a@1.2.3 failed", tt.status, "x@1.2.3 succeeded", "y@1.2.3 succeeded")
				if took := time.Since(began); took > tt.over {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

func TestGraphFailFast(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{
		"a": minutes(1), "b": {Duration: time.Minute, Runs: []sim.Run{{Outcome: sim.Failed}}}, "x": minutes(60),
	}}
	inBubble(t, product("a x", "b"), s, func(t *testing.T, w *world) {
		w.byGraph(func(r *engine.Release) { r.FailFast = true }, "a:", "b: a", "x:")
		began := time.Now()
		wantKind(t, w.release(), fault.PipelineFailed)
		if st := w.state().Step("x@1.2.3"); st.Detail != "canceled" || time.Since(began) > 10*time.Minute {
			t.Errorf("x is %s %s after %s", st.Status, st.Detail, time.Since(began))
		}
	})
}

// With one slot, whoever has the longest way before it goes first, by earlier durations; without any, the groups say.
func TestGraphCriticalPath(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		earlier map[string][]time.Duration
		needs   []string
		want    string
	}{
		"by durations": {map[string][]time.Duration{"a": {time.Minute}, "b": {time.Minute}, "c": {20 * time.Minute}, "d": {5 * time.Minute}}, []string{"a:", "b:", "c: b", "d:"}, "b c d a"},
		"by groups":    {nil, []string{"a:", "b: d", "c:", "d:"}, "d a b c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, product("d", "a b", "c"), sim.Scenario{}, func(t *testing.T, w *world) {
				w.byGraph(func(r *engine.Release) { r.MaxParallel, r.Earlier = 1, tt.earlier }, tt.needs...)
				wantKind(t, w.release(), 0)
				var order []string
				for _, p := range w.sim.Pipelines() {
					order = append(order, p.Project[strings.LastIndex(p.Project, "/")+1:])
				}
				if got := strings.Join(order, " "); got != tt.want {
					t.Errorf("begun in the order %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// What a success puts somewhere may take a while to be seen: whoever needs it waits for that long, by waves and by the graph.
func TestSettle(t *testing.T) {
	t.Parallel()
	for name, needs := range map[string][]string{"graph": {"a:", "b: a", "x:"}, "waves": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, product("a x", "b"), sim.Scenario{}, func(t *testing.T, w *world) {
				settle := func(r *engine.Release) { r.Settle = 4 * time.Minute }
				if w.edit = settle; needs != nil {
					w.byGraph(settle, needs...)
				}
				began := time.Now()
				wantKind(t, w.release(), 0)
				started, ended := w.times(began)
				if gap := started["b"] - ended["a"]; gap < 4*time.Minute || gap > 5*time.Minute || started["x"] > time.Minute {
					t.Errorf("b began %s after the end of a, x after %s", gap, started["x"])
				}
			})
		})
	}
}

// The graph of a run is frozen: what its files say later changes nothing for a step that is planned, and a new one is asked about
// alone.
func TestGraphIsFrozen(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"a": {Runs: []sim.Run{{Outcome: sim.Failed}}}}}
	inBubble(t, product("a c:1.0.0", "b"), s, func(t *testing.T, w *world) {
		f := w.byGraph(nil, "a:", "b: a", "c: b")
		wantKind(t, w.release(), fault.PipelineFailed)
		f.asked = nil
		f.set("a", "c") // which is no reason to ask, until the intent of a is due
		if err := w.push(`"version": "1.0.0"`, `"version": "1.0.1-SNAPSHOT"`); err != nil {
			t.Error(err)
		}
		wantKind(t, w.release(), fault.Invalid)
		if got := strings.Join(f.asked, " "); got != "c a" {
			t.Errorf("asked about %s", got)
		}
		w.wantStatuses("a@1.2.3 failed", "b@1.2.3 skipped", "c@1.0.1 skipped")
	})
}

// What a step needs is compared right before its intent. Where it has changed, nothing is sent; the next run says old and new, and
// plans that step anew.
func TestNeedsChanged(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"a": minutes(5), "late": minutes(30)}}
	inBubble(t, product("a late", "b c"), s, func(t *testing.T, w *world) {
		f := w.byGraph(nil, "a:", "b: a", "c: b", "late:")
		time.AfterFunc(time.Minute, func() { f.set("b", "a", "late") })
		err := w.release()
		if wantKind(t, err, fault.Invalid); fault.CodeOf(err) != engine.NeedsChanged {
			t.Errorf("got %v", err)
		}
		w.wantStatuses("a@1.2.3 succeeded", "b@1.2.3 failed", "c@1.2.3 skipped", "late@1.2.3 succeeded")
		if st := w.state().Step("b@1.2.3"); st.Attempt != 0 || !strings.Contains(st.Reason, "b needed a 1.2.3 (pom.xml:1 names a 1.2.3), and needs a 1.2.3") || !strings.Contains(st.Reason, "late 1.2.3") {
			t.Errorf("attempt %d, %q", st.Attempt, st.Reason)
		}
		var changed []engine.Change
		edit := w.edit
		w.edit = func(r *engine.Release) {
			edit(r)
			r.Notify = func(run.Event, *run.State) { changed = r.Changed() }
		}
		wantKind(t, w.release(), 0)
		if len(changed) != 0 { // late is released by now, so that b needs nothing else than before
			t.Errorf("changed: %v", changed)
		}
	})
}

func TestNeedsChangedIsFrozenAnew(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"a": minutes(5), "late": {Runs: []sim.Run{{Outcome: sim.Failed, Duration: time.Minute}}}}}
	inBubble(t, product("a late", "b"), s, func(t *testing.T, w *world) {
		f := w.byGraph(nil, "a:", "b: a", "late:")
		time.AfterFunc(time.Minute, func() { f.set("b", "a", "late") })
		wantKind(t, w.release(), fault.PipelineFailed)
		var changed []engine.Change
		edit := w.edit
		w.edit = func(r *engine.Release) {
			edit(r)
			r.Notify = func(run.Event, *run.State) { changed = r.Changed() }
		}
		began := time.Now()
		wantKind(t, w.release(), 0)
		if len(changed) != 1 || changed[0].Step != "b@1.2.3" {
			t.Errorf("changed: %v", changed)
		}
		if started, ended := w.times(began); started["b"] < ended["late"] {
			t.Errorf("b began %s, late ended %s", started["b"], ended["late"])
		}
	})
}

// Files that cannot be read right before the intent are said, and nothing is sent, unless that is to be passed over.
func TestNeedsUnreadBeforeIntent(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a", "b"), sim.Scenario{}, func(t *testing.T, w *world) {
		f := w.byGraph(nil, "a:", "b: a")
		edit, readable := w.edit, 1 // so often b can be read
		w.edit = func(r *engine.Release) {
			edit(r)
			asked := 0
			r.Needs = func(ctx context.Context, of, among []plan.Step) (map[plan.StepID]plan.Found, error) {
				if asked++; asked > readable && of[0].Component == "b" {
					return map[plan.StepID]plan.Found{of[0].ID(): {Unread: errors.New("no network")}}, nil
				}
				return f.read(ctx, of, among)
			}
		}
		wantKind(t, w.release(), fault.Invalid)
		w.wantStatuses("a@1.2.3 succeeded", "b@1.2.3 failed")
		if n := w.pipelinesOf("b"); n != 0 {
			t.Errorf("b has %d pipelines", n)
		}
		readable = 0 // frozen is what it needs, and is not asked for but before the intent
		wantKind(t, w.release(), fault.Invalid)
		unread := w.edit
		w.edit = func(r *engine.Release) {
			unread(r)
			r.Unchecked = true
		}
		wantKind(t, w.release(), 0)
	})
}

// A run keeps the order in which it has begun.
func TestOrderIsFixed(t *testing.T) {
	t.Parallel()
	for name, graphFirst := range map[string]bool{"graph": true, "waves": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sim.Scenario{Projects: map[string]sim.Project{"a": {Runs: []sim.Run{{Outcome: sim.Failed}}}}}
			inBubble(t, product("a", "b"), s, func(t *testing.T, w *world) {
				order, asked := map[bool]plan.Order{true: plan.ByGraph, false: plan.ByWaves}, false
				now := order[graphFirst]
				w.byGraph(func(r *engine.Release) { r.Order, r.OrderAsked = now, asked }, "a:", "b:")
				wantKind(t, w.release(), fault.PipelineFailed)
				now, asked = order[!graphFirst], true
				err := w.release()
				if wantKind(t, err, fault.Invalid); fault.CodeOf(err) != "order-fixed" {
					t.Errorf("got %v", err)
				}
				asked = false // what gio.yaml says by now is no reason to stop
				wantKind(t, w.release(), 0)
				for _, e := range w.kept() {
					if e.Plan != nil && e.Plan.IsByGraph() != graphFirst {
						t.Errorf("planned with order %q", e.Plan.Order)
					}
				}
			})
		})
	}
}

// Before the first intent the order may change: then the journal says that an older gio must not go on with it.
func TestOrderBeforeTheFirstIntent(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{}
	inBubble(t, product("a", "b"), s, func(t *testing.T, w *world) {
		stop := make(chan struct{})
		close(stop)
		wantKind(t, w.releaseUntil(t.Context(), stop), fault.Stopped)
		w.byGraph(func(r *engine.Release) { r.OrderAsked = true }, "a: b", "b:")
		wantKind(t, w.release(), 0)
		raised := slices.IndexFunc(w.kept(), func(e run.Event) bool { return e.Type == run.Raised })
		if raised < 0 || w.kept()[raised].Header.Schema != run.Schema || !w.kept()[raised+1].Plan.IsByGraph() {
			t.Error("the journal is not raised before the plan by the graph")
		}
	})
}

// A pipeline releases all that share it: none of them is left out alone.
func TestUnitLeftOut(t *testing.T) {
	t.Parallel()
	inBubble(t, product("c2", "x", "c3"), sim.Scenario{}, func(t *testing.T, w *world) {
		only := []string{"c3"}
		w.byGraph(func(r *engine.Release) {
			sharedRepository(r)
			r.Options.Only = only
		}, "c2:", "x:", "c3: x")
		err := w.release()
		if wantKind(t, err, fault.Invalid); fault.CodeOf(err) != "needed-left-out" || !strings.Contains(err.Error(), "c3 shares its pipeline with c2") {
			t.Errorf("got %v", err)
		}
		only = []string{"x"}
		wantKind(t, w.release(), 0)
		only = []string{"c2", "c3"}
		wantKind(t, w.release(), 0)
	})
}

// What is left out must not be needed, unless it is released.
func TestNeededLeftOut(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a x", "b", "c"), sim.Scenario{}, func(t *testing.T, w *world) {
		only := []string{"b"}
		w.byGraph(func(r *engine.Release) { r.Options.Only = only }, "a:", "b: a", "x:")
		err := w.release()
		if wantKind(t, err, fault.Invalid); fault.CodeOf(err) != "needed-left-out" || !strings.Contains(err.Error(), "b needs a 1.2.3") || !strings.Contains(err.Error(), "pom.xml:1") {
			t.Errorf("got %v", err)
		}
		if len(w.kept()) > 0 || len(w.sim.Pipelines()) > 0 {
			t.Errorf("%d events, %d pipelines", len(w.kept()), len(w.sim.Pipelines()))
		}
		for _, only = range [][]string{{"a"}, {"b"}, {"c"}, nil} { // what c needs cannot be read: of the earlier groups, what this run holds
			wantKind(t, w.release(), 0)
		}
		if v := w.manifestAt("1.0.4").Version; v != "1.0.4" {
			t.Errorf("the tag holds product version %s", v)
		}
	})
}

// What is left out is built from the default branch of its own repository, too: there its files are read.
func TestLeftOutOnItsDefaultBranch(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a:1.3.0-SNAPSHOT", "b:1.3.0-SNAPSHOT"), sim.Scenario{Default: sim.Project{DefaultBranch: "trunk"}}, func(t *testing.T, w *world) {
		var branches []string
		var f *files
		f = w.byGraph(func(r *engine.Release) {
			r.Options.Only = []string{"a"}
			r.Needs = func(ctx context.Context, of, among []plan.Step) (map[plan.StepID]plan.Found, error) {
				for _, st := range among {
					branches = append(branches, st.Component+" "+st.Branch)
				}
				return f.read(ctx, of, among)
			}
		}, "a:", "b: a")
		wantKind(t, w.release(), 0)
		if got := strings.Join(branches, ", "); got != "a trunk, b trunk, a trunk, b trunk" {
			t.Errorf("read: %s", got)
		}
	})
}

// A server dry run that has finished begins anew with what its components need by now, and nobody is asked about that.
func TestGraphDryRunAnew(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a b"), sim.Scenario{}, func(t *testing.T, w *world) {
		var changed []engine.Change
		f := w.byGraph(func(r *engine.Release) {
			r.Options.DryRun = true
			r.Notify = func(run.Event, *run.State) { changed = r.Changed() }
		}, "a:", "b: a")
		wantKind(t, w.release(), 0)
		f.set("a", "b")
		f.set("b")
		stop := make(chan struct{})
		close(stop)
		wantKind(t, w.releaseUntil(t.Context(), stop), fault.Stopped)
		if first := w.state().Plan.Steps()[0]; first.Component != "b" || len(changed) > 0 {
			t.Errorf("%s comes first, changed: %v", first.Component, changed)
		}
	})
}

// What only waits for its needs to be seen everywhere does not keep a run with --fail-fast from ending.
func TestSettleEndsWithFailFast(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{
		"a": minutes(1), "x": {Duration: 10 * time.Minute, Runs: []sim.Run{{Outcome: sim.Failed}}},
	}}
	inBubble(t, product("a x", "b"), s, func(t *testing.T, w *world) {
		w.byGraph(func(r *engine.Release) { r.FailFast, r.Settle = true, time.Hour }, "a:", "b: a", "x:")
		began := time.Now()
		wantKind(t, w.release(), fault.PipelineFailed)
		if took := time.Since(began); took > 30*time.Minute || w.pipelinesOf("b") != 0 {
			t.Errorf("it took %s, b has %d pipelines", took, w.pipelinesOf("b"))
		}
	})
}
