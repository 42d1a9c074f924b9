package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

const named = "at its tag 1.2.3, pom.xml:7 names a SNAPSHOT"

// misnaming is a world whose b names what it must not, for as long as wrong says so.
func misnaming(t *testing.T, mode string, wrong *atomic.Bool, f func(t *testing.T, w *world)) {
	t.Helper()
	v := plan.Verification{Verify: plan.VerifyPoms, Poms: mode}
	proven(t, product("a b", "c"), tagging("", "a", "b", "c"), v, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) {
			w.wants(r, v)
			r.Poms = func(_ context.Context, st plan.Step) (string, error) {
				if st.Component == "b" && wrong.Load() {
					return named, nil
				}
				return "", nil
			}
		}
		f(t, w)
	})
}

func yes() *atomic.Bool {
	b := &atomic.Bool{}
	b.Store(true)
	return b
}

// A released step that names what is not released is neither a success nor a failure: nothing builds on it, and nothing is started
// again, until somebody says that it counts.
func TestWrongPomsThatCount(t *testing.T) {
	t.Parallel()
	misnaming(t, "", yes(), func(t *testing.T, w *world) {
		for range 3 {
			err := w.release()
			wantKind(t, err, fault.Decision)
			if !fault.Is(err, "wrong-poms") {
				t.Errorf("got %v", err)
			}
			w.wantStep("a", run.HasSucceeded, "")
			w.wantStep("b", run.IsUnknown, "wrong-poms")
			w.wantStep("c", run.WasSkipped, "")
			if st := w.state().Step("b@1.2.3"); st.Reason != named || st.URL == "" {
				t.Errorf("b: %+v", st)
			}
		}
		events := len(w.kept())
		if err := w.tryResolve(engine.Answer{Component: "b", NotTriggered: true}, true); !fault.Is(err, "tag-exists") || len(w.kept()) != events {
			t.Errorf("while its tag exists it can be started anew: %v", err)
		}
		w.resolve(engine.Answer{Component: "b", Released: true}, true)
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("b"); n != 1 {
			t.Errorf("%d pipelines of b", n)
		}
		w.check()
	})
}

// By the graph what needs it waits for the answer, and nothing else does.
func TestWrongPomsByGraph(t *testing.T) {
	t.Parallel()
	v := plan.Verification{Verify: plan.VerifyPoms}
	proven(t, product("a b", "c d"), tagging("", "a", "b", "c", "d"), v, func(t *testing.T, w *world) {
		w.byGraph(func(r *engine.Release) {
			w.wants(r, v)
			r.Poms = func(_ context.Context, st plan.Step) (string, error) {
				return map[string]string{"b": named}[st.Component], nil
			}
		}, "a:", "b:", "c: b", "d: a")
		wantKind(t, w.release(), fault.Decision)
		w.wantStatuses("a@1.2.3 succeeded", "b@1.2.3 unknown", "c@1.2.3 skipped", "d@1.2.3 succeeded")
		w.resolve(engine.Answer{Component: "b", Released: true}, true)
		wantKind(t, w.release(), 0)
		w.check()
	})
}

// Once the tag is gone, it is released anew.
func TestWrongPomsReleasedAnew(t *testing.T) {
	t.Parallel()
	wrong := yes()
	misnaming(t, plan.PomsStrict, wrong, func(t *testing.T, w *world) {
		wantKind(t, w.release(), fault.Decision)
		if err := w.sim.Untag("acme/b", "1.2.x", "1.2.3"); err != nil {
			t.Fatal(err)
		}
		wantKind(t, w.release(), fault.Decision) // whose tag is gone is not known to be started anew
		w.wantStep("b", run.IsUnknown, "wrong-poms")
		wrong.Store(false)
		w.resolve(engine.Answer{Component: "b", NotTriggered: true}, false)
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("b"); n != 2 {
			t.Errorf("%d pipelines of b", n)
		}
	})
}

// Somebody moves the tag to files that are right: the next run sees it.
func TestWrongPomsMended(t *testing.T) {
	t.Parallel()
	wrong := yes()
	misnaming(t, "", wrong, func(t *testing.T, w *world) {
		wantKind(t, w.release(), fault.Decision)
		wrong.Store(false)
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("b"); n != 1 {
			t.Errorf("%d pipelines of b", n)
		}
		w.check()
	})
}

// A warning is kept with the success.
func TestWrongPomsAreSaid(t *testing.T) {
	t.Parallel()
	misnaming(t, plan.PomsWarn, yes(), func(t *testing.T, w *world) {
		wantKind(t, w.release(), 0)
		if st := w.state().Step("b@1.2.3"); st.Status != run.HasSucceeded || st.Reason != named {
			t.Errorf("b: %+v", st)
		}
		w.check()
	})
}

// While GitHub does not show the files the step is neither, and the wave waits for it. In a dry run nobody asks.
func TestPomsCannotBeTold(t *testing.T) {
	t.Parallel()
	v := plan.Verification{Verify: plan.VerifyPoms}
	proven(t, product("a", "b"), tagging("", "a", "b"), v, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) {
			w.wants(r, v)
			began := time.Now()
			r.Poms = func(context.Context, plan.Step) (string, error) {
				if time.Since(began) < 2*time.Minute {
					return "", fault.New(fault.Remote, "github", "no answer")
				}
				return "", nil
			}
		}
		wantKind(t, w.release(), 0)
		w.check()
	})
	proven(t, product("a", "b"), tagging("", "a", "b"), v, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) {
			w.wants(r, v)
			r.Options.DryRun = true
			r.Poms = func(context.Context, plan.Step) (string, error) {
				t.Error("asked in a dry run")
				return "", nil
			}
		}
		wantKind(t, w.release(), 0)
	})
}

// Stopped dead at any write and any request, the end is the same: nothing is started twice before somebody says so.
func TestWrongPomsSurviveCrashes(t *testing.T) {
	t.Parallel()
	const every = 6
	uses := pomsCrash(t, "", 0)
	points := 0
	for _, kind := range []string{"write", "written", "request", "answer"} {
		for n := 1; n <= uses[kind]; n += every {
			points++
			t.Run(fmt.Sprintf("%s%d", kind, n), func(t *testing.T) {
				t.Parallel()
				pomsCrash(t, kind, n)
			})
		}
	}
	if points < 10 {
		t.Errorf("only %d points, of %v", points, uses)
	}
}

func pomsCrash(t *testing.T, kind string, at int) (uses map[string]int) {
	misnaming(t, "", yes(), func(t *testing.T, w *world) {
		w.power.kind, w.power.at = kind, at
		for runs := 0; w.state().Step("b@1.2.3").Code != run.WrongPoms; runs++ {
			if err := w.release(); runs == 5 {
				t.Fatalf("b is not asked about: %v\n%s", err, w.statuses())
			}
		}
		for w.state().Step("b@1.2.3").Status == run.IsUnknown {
			w.power.on(func() {})
			_ = w.tryResolve(engine.Answer{Component: "b", Released: true}, true) // its write may be the one that fails
		}
		for runs := 0; !w.state().Finished; runs++ {
			if err := w.release(); runs == 5 {
				t.Fatalf("not finished: %v\n%s", err, w.statuses())
			}
		}
		if n := w.pipelinesOf("b"); n != 1 || strings.Contains(w.statuses(), "unknown") {
			t.Errorf("%d pipelines of b\n%s", n, w.statuses())
		}
		w.check()
		uses = w.power.count
	})
	return uses
}
