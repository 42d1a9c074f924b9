package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// wrapped is a journal in another type, which knows of its guards no more than that they are part of the contract.
type wrapped struct{ engine.Journal }

// wrap lets a release keep its journal in the release repository, in another type.
func wrap(r *engine.Release) {
	open := r.Open
	r.Open = func(h run.Header) (engine.Journal, []run.Event, error) {
		j, events, err := open(h)
		if err != nil {
			return nil, nil, err
		}
		return wrapped{j}, events, nil
	}
}

// meanwhile does something between the intent of b and its trigger, after a pause that makes the lease an old one.
func meanwhile(r *engine.Release, asleep *time.Duration, do func()) {
	inRepository(context.Background(), r, journal.GitOptions{
		Driver: run.Driver{ID: "one"}, Now: func() time.Time { return time.Now().Add(*asleep) },
	})
	r.Notify = func(e run.Event, _ *run.State) {
		if e.Type == run.Intent && e.Steps[0] == plan.ID("b", "1.2.3") {
			*asleep = 10 * time.Minute
			do()
		}
	}
}

// TestWrappedLeaseLost: another machine takes the run over before the trigger, which is not made.
func TestWrappedLeaseLost(t *testing.T) {
	inRepositoryBubble(t, product("a", "b"), sim.Scenario{}, func(t *testing.T, w *world) {
		var asleep time.Duration
		var second *journal.Git
		err := w.releaseInRepository("one", func(r *engine.Release) {
			meanwhile(r, &asleep, func() {
				o := w.operator()
				var err error
				if second, _, err = journal.OpenGit(context.Background(), o.ref, o.header, journal.GitOptions{Driver: run.Driver{ID: "two"}, TakeOver: true}); err != nil {
					t.Error(err)
				}
			})
			wrap(r)
		})
		if !fault.Is(err, "driven-elsewhere") {
			t.Errorf("got %v", err)
		}
		if n := w.pipelinesOf("b"); n != 0 {
			t.Errorf("%d pipelines of b were triggered without the lease", n)
		}
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestWrappedCancelled: somebody cancels the run before the trigger, which is not made.
func TestWrappedCancelled(t *testing.T) {
	inRepositoryBubble(t, product("a", "b"), sim.Scenario{}, func(t *testing.T, w *world) {
		var asleep time.Duration
		err := w.releaseInRepository("one", func(r *engine.Release) {
			meanwhile(r, &asleep, func() { w.operator().tell() })
			wrap(r)
		})
		if wantKind(t, err, fault.Cancelled); !fault.Is(err, "run-cancelled") {
			t.Errorf("got %v", err)
		}
		if n := w.pipelinesOf("b"); n != 0 {
			t.Errorf("%d pipelines of b were triggered after the cancel", n)
		}
	})
}

// TestWrappedTravels: the start's tag and the release each arrive in one push with what the journal says of them, the tag says
// whose journal that is, and closing gives the lease back.
func TestWrappedTravels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, product("a", "b"), fails("b"), nil)
		defer w.close()
		// Each line is one push: the refs that it moves.
		gittest.Hook(t, w.remote, "pre-receive", `echo $(while read old new ref; do echo ${ref#refs/}; done | sort) >> pushes`)
		wantKind(t, w.releaseInRepository("one", wrap), fault.PipelineFailed)
		lease := gittest.Git(t, w.remote, "show", journal.GitRef+":leases/release/1.0.4.json")
		if !strings.Contains(lease, `"released":`) {
			t.Errorf("the lease was not given back: %s", lease)
		}
		if message := gittest.Git(t, w.remote, "tag", "-l", "--format=%(contents)", "1.0.4_START"); !strings.Contains(message, "\n\nGio-Run: release/1.0.4 of release.json") {
			t.Errorf("the tag says %q", message)
		}
		wantKind(t, w.releaseInRepository("two", wrap), 0)
		pushes, err := os.ReadFile(filepath.Join(w.remote, "pushes"))
		if err != nil {
			t.Fatal(err)
		}
		for _, together := range []string{"gio/journal tags/1.0.4_START", "gio/journal heads/1.0.x", "gio/journal heads/1.0.x tags/1.0.4"} {
			if !strings.Contains(string(pushes), together+"\n") {
				t.Errorf("no push moved %s:\n%s", together, pushes)
			}
		}
		w.check()
	})
}
