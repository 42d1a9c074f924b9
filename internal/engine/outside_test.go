package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// What a caller that drives many executions knows beside them: its user, whose a pipeline is, what a webhook told.

// readings counts the requests whose path ends so.
func (w *world) readings(end string) (times []time.Time) {
	for _, r := range w.sim.Requests() {
		if strings.HasSuffix(r.Path, end) {
			times = append(times, r.Time)
		}
	}
	return times
}

func (w *world) login() string {
	w.t.Helper()
	me, err := circleci.New(circleci.Options{Host: w.host, Token: token, HTTP: w.client()}).Me(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return me.Login
}

// TestLoginGiven: CircleCI is not asked who we are, and a lost answer is found all the same, also by the next
// driver.
func TestLoginGiven(t *testing.T) {
	t.Parallel()
	for _, kind := range []sim.FaultKind{sim.ErrorAfter, sim.ErrorBefore} {
		inBubble(t, product("a b"), sim.Scenario{Faults: []sim.Fault{onTrigger(kind, 1)}}, func(t *testing.T, w *world) {
			login := w.login()
			w.edit = func(r *engine.Release) { r.Login = login }
			before := len(w.readings("/me"))
			wantKind(t, w.release(), 0)
			if n := len(w.readings("/me")) - before; n != 0 {
				t.Errorf("%s: CircleCI was asked %d times who we are", kind, n)
			}
			if n := w.pipelinesOf("b"); n != 1 {
				t.Errorf("%s: %d pipelines of b", kind, n)
			}
			if driver := w.state().Driver; driver.Login != login {
				t.Errorf("%s: it was driven by %q", kind, driver.Login)
			}
		})
	}
}

func TestLoginGivenToTheNextDriver(t *testing.T) {
	t.Parallel()
	for at := 2; at < 40; at += 3 { // the power fails at that answer; the first one says who we are
		inBubble(t, product("a b", "c"), sim.Scenario{Faults: []sim.Fault{onTrigger(sim.ErrorAfter, 1)}}, func(t *testing.T, w *world) {
			login := w.login()
			w.edit = func(r *engine.Release) { r.Login = login }
			w.power.kind, w.power.at = "answer", at
			if w.release() == nil {
				return // it needed fewer
			}
			time.Sleep(time.Hour)
			before := len(w.readings("/me"))
			wantKind(t, w.release(), 0)
			if n := len(w.readings("/me")) - before; n != 0 {
				t.Errorf("request %d: CircleCI was asked %d times who we are", at, n)
			}
			if n := len(w.sim.Pipelines()); n != 3 {
				t.Errorf("request %d: %d pipelines", at, n)
			}
		})
	}
}

// registry knows whose pipelines are, as a server's table does.
type registry struct {
	mu      sync.Mutex
	asked   []string
	foreign func(pipeline string) (bool, error)
}

func (g *registry) free(_ context.Context, pipeline string) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, pipeline)
	if g.foreign == nil {
		return true, nil
	}
	foreign, err := g.foreign(pipeline)
	return !foreign, err
}

// claimed is a world whose pipelines may be another execution's: what was triggered twice is for the test to say.
func claimed(t *testing.T, s sim.Scenario, g *registry, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, product("a b"), s, nil)
		defer w.close()
		w.edit = func(r *engine.Release) { r.Free = g.free }
		f(t, w)
		if err := run.Check(w.kept()); err != nil {
			t.Errorf("the journal cannot be true: %v", err)
		}
	})
}

// TestFreeIsAsked of every pipeline, once, before the journal holds it.
func TestFreeIsAsked(t *testing.T) {
	t.Parallel()
	g := &registry{}
	claimed(t, sim.Scenario{Faults: []sim.Fault{onTrigger(sim.ErrorAfter, 1)}}, g, func(t *testing.T, w *world) {
		g.foreign = func(pipeline string) (bool, error) {
			if owner, known := w.state().Owner(pipeline); known {
				t.Errorf("%s is noted as %s's before anybody was asked", pipeline, owner)
			}
			return false, nil
		}
		wantKind(t, w.release(), 0)
		var made []string
		for _, p := range w.sim.Pipelines() {
			made = append(made, p.ID)
		}
		slices.Sort(made)
		if slices.Sort(g.asked); !slices.Equal(made, g.asked) {
			t.Errorf("made were %v, asked was about %v", made, g.asked)
		}
	})
}

// TestFoundButAnothers: the only pipeline that a look-up finds is another execution's. It is not adopted.
func TestFoundButAnothers(t *testing.T) {
	t.Parallel()
	g := &registry{}
	claimed(t, sim.Scenario{Faults: []sim.Fault{onTrigger(sim.ErrorAfter, 1)}}, g, func(t *testing.T, w *world) {
		first := func() string {
			for _, p := range w.sim.Pipelines() {
				if strings.HasSuffix(p.Project, "/b") {
					return p.ID
				}
			}
			return ""
		}
		g.foreign = func(pipeline string) (bool, error) { return pipeline == first(), nil }
		wantKind(t, w.release(), 0)
		if st := w.state().Step("b@1.2.3"); st.Pipeline.ID == first() || w.pipelinesOf("b") != 2 {
			t.Errorf("b has pipeline %s, another's is %s of %d", st.Pipeline.ID, first(), w.pipelinesOf("b"))
		}
	})
}

// TestTriggeredButAnothers: another execution has adopted what this one has just triggered. A person is asked.
func TestTriggeredButAnothers(t *testing.T) {
	t.Parallel()
	g := &registry{}
	claimed(t, sim.Scenario{}, g, func(t *testing.T, w *world) {
		g.foreign = func(pipeline string) (bool, error) {
			i := slices.IndexFunc(w.sim.Pipelines(), func(p sim.Pipeline) bool { return p.ID == pipeline })
			return strings.HasSuffix(w.sim.Pipelines()[i].Project, "/b"), nil
		}
		wantKind(t, w.release(), fault.Decision)
		st := w.state().Step("b@1.2.3")
		if st.Status != run.IsUnknown || st.Pipeline.ID != "" || !strings.Contains(st.Reason, "another's") {
			t.Errorf("b is %s: %s", st.Status, st.Reason)
		}
		if st := w.state().Step("a@1.2.3"); st.Status != run.HasSucceeded || w.pipelinesOf("b") != 1 {
			t.Errorf("a is %s, %d pipelines of b", st.Status, w.pipelinesOf("b"))
		}
	})
}

// TestFreeCannotTell: a pipeline that exists is in no journal while nobody can say whose it is; the next session finds it, and
// nothing is started twice.
func TestFreeCannotTell(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lost bool // the answer of the trigger
		kind fault.Kind
		want fault.Kind // of the first session
	}{
		{false, fault.Internal, fault.Internal},
		{false, fault.Remote, fault.Remote},
		{true, fault.Internal, fault.Internal},
		{true, fault.Remote, 0}, // a look-up asks again
	} {
		s := sim.Scenario{}
		if tt.lost {
			s.Faults = []sim.Fault{onTrigger(sim.ErrorAfter, 1)}
		}
		g := &registry{}
		claimed(t, s, g, func(t *testing.T, w *world) {
			down := errors.New("no answer")
			g.foreign = func(pipeline string) (bool, error) {
				i := slices.IndexFunc(w.sim.Pipelines(), func(p sim.Pipeline) bool { return p.ID == pipeline })
				if down == nil || !strings.HasSuffix(w.sim.Pipelines()[i].Project, "/b") {
					return false, nil
				}
				err := fault.New(tt.kind, "registry", "it cannot be told whose the pipeline is").Because(down)
				down = nil
				return false, err
			}
			wantKind(t, w.release(), tt.want)
			if tt.want != 0 {
				if st := w.state().Step("b@1.2.3"); st.Status != run.Intended {
					t.Errorf("%+v: b is %s", tt, st.Status)
				}
				wantKind(t, w.release(), 0)
			}
			if n := w.pipelinesOf("b"); n != 1 {
				t.Errorf("%+v: %d pipelines of b", tt, n)
			}
			w.check()
		})
	}
}

// bell wakes whoever watches a pipeline.
type bell struct {
	mu    sync.Mutex
	waits map[string]chan struct{}
}

func (b *bell) wake(pipeline string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waits == nil {
		b.waits = map[string]chan struct{}{}
	}
	if b.waits[pipeline] == nil {
		b.waits[pipeline] = make(chan struct{})
	}
	return b.waits[pipeline]
}

func (b *bell) ring(pipeline string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.waits[pipeline]; c != nil {
		close(c)
		delete(b.waits, pipeline)
	}
}

// TestWake: what a webhook told is read at once, and only of the pipeline that it told of; nothing else is read sooner or later.
func TestWake(t *testing.T) {
	t.Parallel()
	const takes = 7*time.Minute + 3*time.Second
	s := sim.Scenario{Projects: map[string]sim.Project{"a": {Duration: takes}, "b": {Duration: takes}}}
	late := func(w *world, component string) time.Duration {
		st := w.state().Step(plan.ID(component, "1.2.3"))
		return st.EndedAt.Sub(st.StartedAt) - takes
	}
	var without time.Duration
	var requests int
	inBubble(t, product("a b"), s, func(t *testing.T, w *world) {
		wantKind(t, w.release(), 0)
		without, requests = late(w, "b"), len(w.readings("/workflow"))
	})
	inBubble(t, product("a b"), s, func(t *testing.T, w *world) {
		b := &bell{}
		w.edit = func(r *engine.Release) {
			r.Wake = b.wake
			r.Notify = func(e run.Event, s *run.State) {
				if e.Type == run.Triggered && e.Steps[0].Component() == "a" {
					id := e.Pipeline.ID
					time.AfterFunc(takes+2*time.Second, func() { b.ring(id) })
				}
			}
		}
		wantKind(t, w.release(), 0)
		if got := late(w, "a"); got > 4*time.Second {
			t.Errorf("the end of a was seen %s late", got)
		}
		if got := late(w, "b"); got != without {
			t.Errorf("the end of b was seen %s late, without anybody being woken %s", got, without)
		}
		if n := len(w.readings("/workflow")); n > requests+2 {
			t.Errorf("%d readings, %d without anybody being woken", n, requests)
		}
	})
}

// TestWakeAllTheTime: a bell that never stops makes nobody read more often than four times a second, and one that rings during a
// reading is not missed.
func TestWakeAllTheTime(t *testing.T) {
	t.Parallel()
	ringing := make(chan struct{})
	close(ringing)
	inBubble(t, product("b"), sim.Scenario{Projects: map[string]sim.Project{"b": {Duration: 10 * time.Minute}}}, func(t *testing.T, w *world) {
		rung := 0
		w.edit = func(r *engine.Release) {
			r.Wake = func(string) <-chan struct{} {
				if rung++; rung > 20 {
					return nil
				}
				return ringing
			}
		}
		wantKind(t, w.release(), 0)
		times := w.readings("/workflow")
		for i := 1; i < len(times) && i < 20; i++ {
			if apart := times[i].Sub(times[i-1]); apart < 250*time.Millisecond || apart > 300*time.Millisecond {
				t.Errorf("reading %d comes %s after the one before", i, apart)
			}
		}
	})
}
