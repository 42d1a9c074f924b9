package engine_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// operator is somebody at another machine than the driver's.
type operator struct {
	*world
	ref    *gitrepo.Ref
	ci     *circleci.Client
	header run.Header
}

func (w *world) operator() *operator {
	repo, err := gitrepo.Open(context.Background(), gitrepo.Options{URL: w.remote, Branch: branch})
	if err != nil {
		w.t.Fatal(err)
	}
	return &operator{
		world: w, ref: repo.Ref(journal.GitRef), ci: circleci.New(circleci.Options{Host: w.host, Token: token, HTTP: w.client()}),
		header: run.Header{Schema: run.Schema, Kind: "release", Manifest: "release.json", Version: "1.0.4", Host: w.host, Branch: branch},
	}
}

func (o *operator) read(ctx context.Context) (*run.State, error) {
	events, _, err := journal.ReadGit(ctx, o.ref, o.header)
	if err != nil {
		return nil, err
	}
	if err := run.Check(events); err != nil {
		o.t.Error(err)
	}
	return run.Fold(events)
}

func (o *operator) state() *run.State {
	o.t.Helper()
	s, err := o.read(context.Background())
	if err != nil {
		o.t.Fatal(err)
	}
	return s
}

// tell tells the driver that the run is cancelled.
func (o *operator) tell() {
	o.t.Helper()
	if _, told, err := journal.CancelGit(context.Background(), o.ref, o.header, run.Driver{ID: "operator", Login: "mona"}); err != nil || !told {
		o.t.Errorf("told %v, %v", told, err)
	}
}

// cancel is `gio cancel` while somebody drives.
func (o *operator) cancel(components ...string) map[string]engine.Fate {
	o.t.Helper()
	if len(components) == 0 {
		o.tell()
	}
	c := engine.Cancellation{CI: o.ci, Components: components, Read: o.read, Driven: true}
	ended, err := c.Run(context.Background())
	if err != nil {
		o.t.Error(err)
	}
	return fates(ended)
}

// cancelAlone is `gio cancel` when nobody drives.
func (o *operator) cancelAlone(components ...string) map[string]engine.Fate {
	o.t.Helper()
	by := run.Driver{ID: "operator", Login: "mona"}
	j, events, err := journal.OpenGit(context.Background(), o.ref, o.header, journal.GitOptions{Driver: by})
	if err != nil {
		o.t.Fatal(err)
	}
	c := engine.Cancellation{CI: o.ci, Components: components, Read: func(context.Context) (*run.State, error) { return run.Fold(events) }}
	ended, err := c.Run(context.Background())
	if err == nil {
		err = c.Note(context.Background(), j, events, ended, by)
	}
	if err != nil {
		o.t.Error(err)
	}
	if err := j.Close(); err != nil {
		o.t.Error(err)
	}
	return fates(ended)
}

func fates(ended []engine.Cancelled) map[string]engine.Fate {
	all := map[string]engine.Fate{}
	for _, t := range ended {
		for _, st := range t.Steps {
			all[st.ID.Component()] = t.Fate
		}
	}
	return all
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// inRepositoryBubble is a world whose journal is in the release repository.
func inRepositoryBubble(t *testing.T, releaseJSON string, s sim.Scenario, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, releaseJSON, s, nil)
		defer w.close()
		f(t, w)
		w.check()
	})
}

// aside does something beside a driver, and is waited for.
func aside(after time.Duration, do func()) (wait func()) {
	var g sync.WaitGroup
	g.Go(func() {
		time.Sleep(after)
		do()
	})
	return g.Wait
}

func (w *world) triggered() string {
	var names []string
	for _, p := range w.sim.Pipelines() {
		names = append(names, p.Project[strings.LastIndex(p.Project, "/")+1:])
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestCancelBetweenTwoSlots: the run is cancelled while its other pipelines wait for a slot: none of them starts. The next
// command starts what was cancelled anew, and nothing else twice.
func TestCancelBetweenTwoSlots(t *testing.T) {
	s := sim.Scenario{Default: sim.Project{Duration: time.Minute}, ActLag: 3 * time.Second}
	inRepositoryBubble(t, product("a b c", "d"), s, func(t *testing.T, w *world) {
		o := w.operator()
		var got map[string]engine.Fate
		wait := aside(90*time.Second, func() { got = o.cancel() })
		began := time.Now()
		err := w.releaseInRepository("one", func(r *engine.Release) { r.MaxParallel = 1 })
		wait()
		if !fault.Is(err, "run-cancelled") || fault.KindOf(err) != fault.Cancelled || !strings.Contains(err.Error(), "cancelled by mona at 2") {
			t.Errorf("the driver ends with %v", err)
		}
		if took := time.Since(began); took > 4*time.Minute {
			t.Errorf("it took %s", took)
		}
		begun := strings.Fields(w.triggered()) // which comes first is chance
		if len(begun) != 2 || len(got) != 1 {
			t.Fatalf("%v were triggered, %v cancelled", begun, got)
		}
		for _, st := range o.state().Steps() {
			if st.Attempt > 0 && !slices.Contains(begun, st.ID.Component()) {
				t.Errorf("%s was about to be triggered after the cancel", st.ID)
			}
		}
		for _, name := range begun {
			c, _ := w.manifestAt(branch).Component(name)
			if cancelled := got[name] == engine.IsCancelled; c.Open() != cancelled {
				t.Errorf("%s is recorded as %s, cancelled %v", name, c.Version, cancelled)
			}
		}
		if err := w.releaseInRepository("two", nil); err != nil {
			t.Fatal(err)
		}
		if all := w.triggered(); len(strings.Fields(all)) != 5 {
			t.Errorf("triggered in all: %s", all)
		}
	})
}

// TestCancelBeforeTheIntent: the cancel is there before the intent: no request follows, and the step is as if never begun.
func TestCancelBeforeTheIntent(t *testing.T) {
	inRepositoryBubble(t, product("a b", "c"), sim.Scenario{}, func(t *testing.T, w *world) {
		o := w.operator()
		err := w.releaseInRepository("one", func(r *engine.Release) {
			r.Notify = func(e run.Event, _ *run.State) {
				if e.Type == run.Planned {
					o.tell()
				}
			}
		})
		wantKind(t, err, fault.Cancelled)
		same(t, "triggered", "", w.triggered())
		for _, st := range o.state().Steps() {
			if st.Open() {
				t.Errorf("%s is %s", st.ID, st.Status)
			}
		}
		if err := w.releaseInRepository("two", nil); err != nil {
			t.Fatal(err)
		}
	})
}

// TestCancelAfterTheIntent: a pipeline that was about to be triggered is waited for, and cancelled; also when the answer of
// the trigger is lost.
func TestCancelAfterTheIntent(t *testing.T) {
	for name, faults := range map[string][]sim.Fault{
		"answered": nil,
		"lost":     {{Kind: sim.ResetAfter, Match: sim.Match{Endpoint: "trigger", Project: "a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := sim.Scenario{Default: sim.Project{Duration: time.Hour}, Faults: faults}
			inRepositoryBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
				o := w.operator()
				var g sync.WaitGroup
				var got map[string]engine.Fate
				begin := sync.OnceFunc(func() {
					o.tell()
					g.Go(func() {
						c := engine.Cancellation{CI: o.ci, Read: o.read, Driven: true}
						ended, err := c.Run(context.Background())
						if err != nil {
							t.Error(err)
						}
						got = fates(ended)
					})
				})
				err := w.releaseInRepository("one", func(r *engine.Release) {
					r.Notify = func(e run.Event, _ *run.State) {
						if e.Type == run.Intent && e.Steps[0] == "a@1.2.3" {
							begin()
						}
					}
				})
				g.Wait()
				wantKind(t, err, fault.Cancelled)
				want := map[string]engine.Fate{}
				for _, name := range strings.Fields(w.triggered()) { // b may have had its intent by then, or not
					want[name] = engine.IsCancelled
				}
				if want["a"] == "" || want["c"] != "" {
					t.Errorf("triggered: %v", want)
				}
				maps.DeleteFunc(got, func(_ string, f engine.Fate) bool { return f == engine.NotStarted })
				same(t, "fates", want, got)
			})
		})
	}
}

// TestCancelHeld: what waits for an approval is cancelled, too, and its driver notes that, although a failure beside it ends
// the waiting in other runs.
func TestCancelHeld(t *testing.T) {
	s := sim.Scenario{ActLag: 20 * time.Second, Projects: map[string]sim.Project{"a": {Duration: time.Hour}, "b": {Runs: []sim.Run{{Outcome: sim.Held}}}}}
	inRepositoryBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		o := w.operator()
		var got map[string]engine.Fate
		wait := aside(10*time.Minute, func() { got = o.cancel() })
		err := w.releaseInRepository("one", nil)
		wait()
		wantKind(t, err, fault.Cancelled)
		same(t, "fates", map[string]engine.Fate{"a": engine.IsCancelled, "b": engine.IsCancelled}, got)
		for _, id := range []plan.StepID{"a@1.2.3", "b@1.2.3"} {
			if st := o.state().Step(id); st.Status != run.HasFailed || st.Detail != "canceled" {
				t.Errorf("%s is %s (%s)", id, st.Status, st.Detail)
			}
		}
	})
}

// TestCancelOneComponent: without a word to the driver, the run goes on as after a failure.
func TestCancelOneComponent(t *testing.T) {
	s := sim.Scenario{Projects: map[string]sim.Project{"a": {Duration: time.Hour}, "b": {Duration: 30 * time.Minute}}}
	inRepositoryBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		o := w.operator()
		var got map[string]engine.Fate
		wait := aside(5*time.Minute, func() { got = o.cancel("a") })
		err := w.releaseInRepository("one", nil)
		wait()
		wantKind(t, err, fault.PipelineFailed)
		same(t, "fates", map[string]engine.Fate{"a": engine.IsCancelled}, got)
		if st := o.state().Step("b@1.2.3"); st.Status != run.HasSucceeded {
			t.Errorf("b is %s", st.Status)
		}
	})
}

// TestCancelTooLate: every component has succeeded when the driver hears of it: the product is released.
func TestCancelTooLate(t *testing.T) {
	inRepositoryBubble(t, product("a"), sim.Scenario{}, func(t *testing.T, w *world) {
		o := w.operator()
		err := w.releaseInRepository("one", func(r *engine.Release) {
			r.Notify = func(e run.Event, _ *run.State) {
				if e.Type == run.Triggered {
					o.tell()
				}
			}
		})
		if err != nil || !o.state().Finished {
			t.Errorf("%v", err)
		}
	})
}

// TestCancelBesideAFailure: a real failure is worth more than a cancel.
func TestCancelBesideAFailure(t *testing.T) {
	s := sim.Scenario{Projects: map[string]sim.Project{"a": {Runs: []sim.Run{{Outcome: sim.Failed, Duration: time.Minute}}}, "b": {Duration: time.Hour}}}
	inRepositoryBubble(t, product("a b"), s, func(t *testing.T, w *world) {
		o := w.operator()
		wait := aside(5*time.Minute, func() { o.cancel() })
		err := w.releaseInRepository("one", nil)
		wait()
		if !fault.Is(err, "pipeline-failed") || strings.Contains(err.Error(), "b") {
			t.Errorf("got %v", err)
		}
	})
}

// left is a run whose driver left at that time.
func (w *world) left(after time.Duration) {
	w.t.Helper()
	var release *engine.Release
	w.edit = func(r *engine.Release) {
		release = r
		inRepository(context.Background(), r, journal.GitOptions{Driver: run.Driver{ID: "gone"}})
	}
	defer func() { w.edit = nil }()
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	err := w.releaseUntil(ctx, nil)
	if closed := release.Close(); err == nil || closed != nil {
		w.t.Fatal(err, closed)
	}
}

// TestCancelAlone: when nobody drives, the outcome is noted by who cancels: what came too late is a success. The next
// command records it and starts the rest anew.
func TestCancelAlone(t *testing.T) {
	rerun := sim.Workflow{Name: "release", Outcome: sim.Failed, Duration: 3 * time.Minute, AutoRerun: &sim.AutoRerun{Max: 1, Delay: 30 * time.Second, Outcomes: []sim.Outcome{sim.Success}}}
	s := sim.Scenario{ActLag: 3 * time.Second, Projects: map[string]sim.Project{
		"a": {Duration: time.Hour},
		"b": {Runs: []sim.Run{{Outcome: sim.Held}}},
		"c": {Duration: 150 * time.Second},
		"d": {Runs: []sim.Run{{Outcome: sim.Failed, Duration: 150 * time.Second}}},
		"e": {Runs: []sim.Run{{Workflows: []sim.Workflow{rerun}}}},
		"f": {Runs: []sim.Run{{Workflows: []sim.Workflow{{Name: "x", Duration: time.Minute}, {Name: "y", Duration: time.Hour}}}}},
	}}
	inRepositoryBubble(t, product("a b c d e f", "g"), s, func(t *testing.T, w *world) {
		w.left(2 * time.Minute)
		time.Sleep(time.Minute + 5*time.Second)
		o := w.operator()
		got := o.cancelAlone()
		same(t, "fates", map[string]engine.Fate{
			"a": engine.IsCancelled, "b": engine.IsCancelled, "c": engine.HadSucceeded, "d": engine.HadFailed, "e": engine.IsCancelled, "f": engine.IsCancelled,
		}, got)
		state := o.state()
		for name, want := range map[string]string{"a": "cancelled", "b": "cancelled", "c": "", "d": "pipeline-failed", "e": "cancelled", "f": "cancelled"} {
			st := state.Step(plan.ID(name, "1.2.3"))
			if st.Code != want || (want == "") != (st.Status == run.HasSucceeded) || want == "cancelled" && !strings.HasPrefix(st.Reason, "cancelled by mona: ") {
				t.Errorf("%s is %s, %q: %s", name, st.Status, st.Code, st.Reason)
			}
		}
		same(t, "again", map[string]engine.Fate{}, o.cancelAlone())
		if err := w.releaseInRepository("next", nil); err != nil {
			t.Fatal(err)
		}
		same(t, "triggered in all", "a a b b c d d e e f f g", w.triggered())
	})
}

// TestCancelInVain: what cannot be cancelled is said, each with its reason, and noted as what it is: running.
func TestCancelInVain(t *testing.T) {
	s := sim.Scenario{
		Default:  sim.Project{Duration: time.Hour},
		Projects: map[string]sim.Project{"a": {Duration: time.Hour}},
		Faults: []sim.Fault{
			{Kind: sim.Answer, Status: 403, Times: -1, Match: sim.Match{Endpoint: "cancel", Project: "a"}},
			{Kind: sim.ErrorBefore, Times: -1, Match: sim.Match{Endpoint: "cancel", Project: "b"}},
			{Kind: sim.ResetAfter, Times: 3, Match: sim.Match{Endpoint: "cancel", Project: "c"}},
			{Kind: sim.ErrorBefore, Times: 5, Match: sim.Match{Endpoint: "cancel", Project: "d"}},
		},
	}
	inRepositoryBubble(t, product("a b c d"), s, func(t *testing.T, w *world) {
		w.left(2 * time.Minute)
		o := w.operator()
		began := time.Now()
		same(t, "fates", map[string]engine.Fate{
			"a": engine.StillRuns, "b": engine.StillRuns, "c": engine.IsCancelled, "d": engine.IsCancelled,
		}, o.cancelAlone())
		if took := time.Since(began); took > 3*time.Minute {
			t.Errorf("it took %s", took)
		}
		for _, id := range []plan.StepID{"a@1.2.3", "b@1.2.3"} {
			if st := o.state().Step(id); st.Status != run.Running {
				t.Errorf("%s is %s", id, st.Status)
			}
		}
	})
}

// TestCancelUnknown: a pipeline that nobody knows cannot be cancelled.
func TestCancelUnknown(t *testing.T) {
	s := sim.Scenario{
		Projects: map[string]sim.Project{"a": {Duration: time.Hour}},
		Faults:   []sim.Fault{{Kind: sim.ResetBefore, Times: -1, Match: sim.Match{Endpoint: "trigger", Project: "b"}}},
	}
	inRepositoryBubble(t, product("a b"), s, func(t *testing.T, w *world) {
		w.left(30 * time.Second) // b is intended, and looked up
		o := w.operator()
		same(t, "intended", map[string]engine.Fate{"b": engine.NotKnown}, o.cancelAlone("b"))
		if err := w.releaseInRepository("two", nil); fault.KindOf(err) != fault.Decision {
			t.Fatalf("got %v", err)
		}
		same(t, "unknown", map[string]engine.Fate{"b": engine.NotKnown}, o.cancelAlone())
	})
}

// TestCancellable: components that share a pipeline go together; what has no part in the run is said.
func TestCancellable(t *testing.T) {
	t.Parallel()
	state := &run.State{}
	if _, err := engine.Cancellable(state, []string{"nobody"}); !fault.Is(err, "no-step") || fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
	if open, err := engine.Cancellable(state, nil); err != nil || len(open) != 0 {
		t.Errorf("%v, %v", open, err)
	}
}

// TestCancelShared: two components in one repository on one branch have one pipeline, which is cancelled once for both.
func TestCancelShared(t *testing.T) {
	inRepositoryBubble(t, product("a b"), sim.Scenario{Default: sim.Project{Duration: time.Hour}}, func(t *testing.T, w *world) {
		share := func(r *engine.Release) {
			r.Options.Overrides = map[string]plan.Override{"a": {Repository: "mono"}, "b": {Repository: "mono"}}
		}
		o := w.operator()
		wait := aside(5*time.Minute, func() {
			same(t, "fates", map[string]engine.Fate{"a": engine.IsCancelled, "b": engine.IsCancelled}, o.cancel("a"))
		})
		err := w.releaseInRepository("one", share)
		wait()
		wantKind(t, err, fault.PipelineFailed)
		if n := len(w.sim.Pipelines()); n != 1 {
			t.Errorf("%d pipelines", n)
		}
	})
}
