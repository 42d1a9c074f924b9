package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

func minutes(n int) sim.Project { return sim.Project{Duration: time.Duration(n) * time.Minute} }

// S17, the first Ctrl-C: nothing new is started, what runs is watched to its end and recorded.
func TestS17StopGently(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"a": minutes(1), "b": minutes(9)}}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		stop := make(chan struct{})
		time.AfterFunc(2*time.Minute, func() { close(stop) })
		began := time.Now()
		wantKind(t, w.releaseUntil(t.Context(), stop), fault.Stopped)
		if took := time.Since(began); took < 9*time.Minute {
			t.Errorf("left after %s: b was not watched to its end", took)
		}
		for name, open := range map[string]bool{"a": false, "b": false, "c": true} {
			if c, _ := w.manifestAt(branch).Component(name); c.Open() != open {
				t.Errorf("%s is recorded as %s", name, c.Version)
			}
		}
		wantKind(t, w.release(), 0)
		if n := len(w.sim.Pipelines()); n != 3 {
			t.Errorf("%d pipelines, want 3", n)
		}
	})
}

// S17, the second Ctrl-C or SIGTERM: gio leaves at once, what succeeded is recorded, what runs runs on.
func TestS17LeaveAtOnce(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"a": minutes(1), "b": minutes(9)}}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		began := time.Now()
		wantKind(t, w.releaseUntil(ctx, nil), fault.Stopped)
		if took := time.Since(began); took > 3*time.Minute+5*time.Second {
			t.Errorf("left only after %s", took)
		}
		if c, _ := w.manifestAt(branch).Component("a"); c.Open() {
			t.Error("a is not recorded")
		}
		wantKind(t, w.release(), 0)
		if n := len(w.sim.Pipelines()); n != 3 {
			t.Errorf("%d pipelines, want 3", n)
		}
	})
}

// A pipeline that failed while nobody watched has its new attempt in the run that finds it so.
func TestFailedWhileNobodyWatched(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"a": {Duration: time.Minute, Runs: []sim.Run{{Outcome: sim.Failed, Duration: 5 * time.Minute}}}}}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		wantKind(t, w.releaseUntil(ctx, nil), fault.Stopped)
		time.Sleep(10 * time.Minute)
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("a"); n != 2 {
			t.Errorf("a ran in %d pipelines, want a second attempt", n)
		}
	})
}

func TestMaxRuntime(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"a": minutes(1), "b": minutes(8)}}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) { r.MaxRuntime = 3 * time.Minute }
		err := w.release()
		wantKind(t, err, fault.Stopped)
		if !strings.Contains(err.Error(), "--max-runtime") {
			t.Errorf("it does not say why: %v", err)
		}
		wantKind(t, w.release(), fault.Stopped) // b ends 8 minutes after its trigger
		wantKind(t, w.release(), 0)
	})
}

// --fail-fast cancels what else runs in the wave, and nothing of it counts as released.
func TestFailFast(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"a": {Runs: []sim.Run{{Outcome: sim.Failed, Duration: time.Minute}}}, "b": minutes(60)}}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) { r.FailFast = true }
		began := time.Now()
		wantKind(t, w.release(), fault.PipelineFailed)
		if took := time.Since(began); took > 5*time.Minute {
			t.Errorf("it took %s", took)
		}
		for _, p := range w.sim.Pipelines() {
			if p.Outcome == "running" {
				t.Errorf("%s still runs", p.Project)
			}
		}
		if st := w.state().Step("b@1.2.3"); st.Status != run.HasFailed {
			t.Errorf("b is %s", st.Status)
		}
		wantKind(t, w.release(), 0)
	})
}

// A stop while CircleCI throttles a trigger: it may have made a pipeline all the same, so that the next run looks before it
// starts one.
func TestStopWhileThrottled(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{onTrigger(sim.Throttle, 20)}}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		stop := make(chan struct{})
		time.AfterFunc(30*time.Second, func() { close(stop) })
		wantKind(t, w.releaseUntil(t.Context(), stop), fault.Stopped)
		if st := w.state().Step("b@1.2.3"); st.Status != run.Intended {
			t.Errorf("b is %s", st.Status)
		}
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("b"); n != 1 {
			t.Errorf("%d pipelines of b", n)
		}
	})
}

// A journal that cannot be written stops the run at once: nothing is done that is not written down, and
// the next run, on a disk with room, finishes it.
func TestS17FullDisk(t *testing.T) {
	t.Parallel()
	for _, nth := range []int{1, 2, 3, 4, 5} { // the write that fails first
		inBubble(t, product("a b", "c"), sim.Scenario{}, func(t *testing.T, w *world) {
			full := &fullDisk{Journal: disk{w}, left: nth}
			w.edit = func(r *engine.Release) {
				r.Open = func(run.Header) (engine.Journal, []run.Event, error) { return full, w.kept(), nil }
			}
			err := w.release()
			if !errors.Is(err, errFull) {
				t.Fatalf("write %d fails: %v", nth, err)
			}
			full.left = 1 << 30
			wantKind(t, w.release(), 0)
			if n := len(w.sim.Pipelines()); n != 3 {
				t.Errorf("%d pipelines, want 3", n)
			}
		})
	}
}

var errFull = errors.New("no space left on device")

type fullDisk struct {
	engine.Journal
	left int
}

func (d *fullDisk) Append(ctx context.Context, events ...run.Event) error {
	if d.left--; d.left <= 0 {
		return errFull
	}
	return d.Journal.Append(ctx, events...)
}

func (d *fullDisk) AppendWith(ctx context.Context, push journal.Push, events ...run.Event) error {
	if err := push(ctx); err != nil {
		return err
	}
	return d.Append(ctx, events...)
}
