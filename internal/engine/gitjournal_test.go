package engine_test

import (
	"context"
	"errors"
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

// inRepository lets a release keep its journal in the release repository.
func inRepository(ctx context.Context, r *engine.Release, o journal.GitOptions) {
	r.Open = func(h run.Header) (engine.Journal, []run.Event, error) {
		g, events, err := journal.OpenGit(ctx, r.Repo.Ref(journal.GitRef), h, o)
		if err != nil {
			return nil, nil, err
		}
		return g, events, nil
	}
}

// releaseInRepository is one `gio release` by a driver of this name.
func (w *world) releaseInRepository(name string, edit func(*engine.Release)) error {
	var release *engine.Release
	w.edit = func(r *engine.Release) {
		release = r
		inRepository(context.Background(), r, journal.GitOptions{Driver: run.Driver{ID: name}})
		if edit != nil {
			edit(r)
		}
	}
	defer func() { w.edit = nil }()
	err := w.release()
	return errors.Join(err, release.Close())
}

func (w *world) journalAt(commit string) string {
	w.t.Helper()
	return gittest.Git(w.t, w.remote, "show", commit+":release/1.0.4.jsonl")
}

// TestRecordedTravels: the release and the journal's word of it arrive in one push, whichever of the two refs somebody
// else moves meanwhile.
func TestRecordedTravels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, product("a b", "c"), sim.Scenario{}, nil)
		defer w.close()
		// The hook stands for colleagues: it moves a ref while the first push of the branch is on its way.
		gittest.Hook(t, w.remote, "pre-receive", `
unset GIT_QUARANTINE_PATH
while read old new ref; do case $ref in refs/heads/1.0.x)
	if [ ! -e moved-journal ]; then
		touch moved-journal
		git update-ref refs/gio/journal $(git -c user.name=c -c user.email=c@d commit-tree -m other -p refs/gio/journal 'refs/gio/journal^{tree}')
	elif [ ! -e moved-branch ]; then
		touch moved-branch
		git update-ref $ref $(git -c user.name=c -c user.email=c@d commit-tree -m other -p $ref $ref'^{tree}')
	fi;;
esac; done`)
		if err := w.releaseInRepository("one", nil); err != nil {
			t.Fatal(err)
		}
		if got := w.manifestAt(branch); got.Version != "1.0.5-SNAPSHOT" {
			t.Errorf("the branch is at %s", got.Version)
		}
		last := w.journalAt(journal.GitRef)
		if n := strings.Count(last, `"type":"recorded"`); n != 1 || !strings.Contains(last[strings.LastIndex(last, "\n")+1:], `"type":"recorded"`) {
			t.Errorf("%d times recorded:\n%s", n, last)
		}
		if log := gittest.Git(t, w.remote, "log", "--format=%s", branch); strings.Count(log, "other") != 1 {
			t.Errorf("the branch's log:\n%s", log)
		}
		log := gittest.Git(t, w.remote, "log", "--format=%s", journal.GitRef)
		if strings.Count(log, "other") != 1 || !strings.HasPrefix(log, "release/1.0.4: recorded\n") {
			t.Errorf("the journal's log:\n%s", log)
		}
		if lease := gittest.Git(t, w.remote, "show", journal.GitRef+":leases/release/1.0.4.json"); !strings.Contains(lease, `"released":`) {
			t.Errorf("the lease goes back with the release, it says %s", lease)
		}
		w.check()
	})
}

// TestBranchRefused (S27): a protected branch keeps the record out, and the journal goes on.
func TestBranchRefusedInRepository(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, product("a"), sim.Scenario{}, nil)
		defer w.close()
		gittest.Hook(t, w.remote, "update", `case $1 in refs/heads/*) echo protected; exit 1;; esac`)
		err := w.releaseInRepository("one", nil)
		if !fault.Is(err, "push-refused") || fault.KindOf(err) != fault.Stopped {
			t.Fatalf("got %v", err)
		}
		if kept := w.journalAt(journal.GitRef); !strings.Contains(kept, `"type":"stopped"`) || strings.Contains(kept, `"type":"recorded"`) {
			t.Errorf("the journal says\n%s", kept)
		}
		gittest.Hook(t, w.remote, "update", "exit 0")
		if err := w.releaseInRepository("two", nil); err != nil {
			t.Fatal(err)
		}
		if n := w.pipelinesOf("a"); n != 1 {
			t.Errorf("%d pipelines", n)
		}
		w.check()
	})
}

// TestSleepingDriver: a laptop sleeps between the waves, another machine takes over; awake again it triggers nothing.
func TestSleepingDriver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, product("a", "b"), sim.Scenario{}, nil)
		defer w.close()
		var asleep time.Duration
		var second *journal.Git
		err := w.releaseInRepository("one", func(r *engine.Release) {
			inRepository(context.Background(), r, journal.GitOptions{
				Driver: run.Driver{ID: "one"}, Now: func() time.Time { return time.Now().Add(asleep) },
			})
			repo := r.Repo
			r.Notify = func(e run.Event, _ *run.State) {
				if e.Type != run.Intent || e.Steps[0] != plan.ID("b", "1.2.3") {
					return
				}
				// It has written its intent: now it sleeps, before the POST.
				asleep = 10 * time.Minute
				h := run.Header{Schema: run.Schema, Kind: "release", Manifest: "release.json", Version: "1.0.4", Host: r.CI.Host(), Branch: branch}
				var err error
				second, _, err = journal.OpenGit(context.Background(), repo.Ref(journal.GitRef), h, journal.GitOptions{Driver: run.Driver{ID: "two"}, TakeOver: true})
				if err != nil {
					t.Error(err)
				}
			}
		})
		if !fault.Is(err, "driven-elsewhere") {
			t.Errorf("got %v", err)
		}
		if n := w.pipelinesOf("b"); n != 0 {
			t.Errorf("%d pipelines were triggered by the one that slept", n)
		}
		if err := second.Close(); err != nil {
			t.Error(err)
		}
		if err := w.releaseInRepository("three", nil); err != nil {
			t.Fatal(err)
		}
		if n := w.pipelinesOf("b"); n != 1 {
			t.Errorf("%d pipelines", n)
		}
		w.check()
	})
}

// TestLostJournal: gio began a run whose journal somebody deleted. It does not begin anew what may run or be released, but
// after a start that was not its own, or one that a person takes away, it does.
func TestLostJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, product("a b", "c"), fails("b"), nil)
		defer w.close()
		wantKind(t, w.releaseInRepository("one", nil), fault.PipelineFailed)
		if message := gittest.Git(t, w.remote, "tag", "-l", "--format=%(contents)", "1.0.4_START"); !strings.Contains(message, "\n\nGio-Run: release/1.0.4 of release.json") {
			t.Errorf("the tag says %q", message)
		}
		gittest.Git(t, w.remote, "update-ref", "-d", journal.GitRef)
		err := w.releaseInRepository("two", nil)
		if wantKind(t, err, fault.Invalid); !fault.Is(err, "journal-lost") || !strings.Contains(err.Error(), "1.0.4_START") {
			t.Errorf("got %v", err)
		}
		err = w.releaseInRepository("two", func(r *engine.Release) { r.Options.ProductTag = "acme-{{.Version}}" })
		wantFault(t, err, "journal-lost", "as its tag 1.0.4_START says", "set product_tag of gio.yaml back", "git push --delete origin 1.0.4_START")
		if n := len(w.sim.Pipelines()); n != 2 {
			t.Errorf("%d pipelines, want 2: nothing may be started", n)
		}
		gittest.Git(t, w.remote, "tag", "-d", "1.0.4_START")
		gittest.Git(t, w.remote, "tag", "-a", "-m", "Acme 1.0.4: release started", "1.0.4_START", branch)
		wantKind(t, w.releaseInRepository("three", nil), 0)
		if n := len(w.sim.Pipelines()); n != 4 {
			t.Errorf("%d pipelines, want 4", n)
		}
		w.check()
	})
}

// TestWrittenInTime (promise 2): what succeeded is in the journal within 30 seconds, however long the others take; and the
// steps that begin together share one push.
func TestWrittenInTime(t *testing.T) {
	s := sim.Scenario{Projects: map[string]sim.Project{"a": {Duration: time.Minute}}, Default: sim.Project{Duration: 10 * time.Minute}}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, product("a b c", "d"), s, nil)
		defer w.close()
		w.ref = newGitRef(w.power)
		w.ref.delay = 300 * time.Millisecond
		var seen time.Time // when the engine saw it
		w.edit = func(r *engine.Release) {
			r.Notify = func(e run.Event, _ *run.State) {
				if e.Type == run.Succeeded && e.Steps[0] == plan.ID("a", "1.2.3") {
					seen = time.Now()
				}
			}
		}
		done := make(chan error)
		go func() { done <- w.release() }()
		time.Sleep(2 * time.Minute)
		if st := w.state().Step("a@1.2.3"); st.Status != run.HasSucceeded {
			t.Errorf("after two minutes a is %s in the journal", st.Status)
		}
		wantKind(t, <-done, 0)
		if after := w.ref.succeeded.Sub(seen); after <= 0 || after > 30*time.Second {
			t.Errorf("it was written %s after it was seen", after)
		}
		if n := w.ref.launches; n != 2 {
			t.Errorf("%d pushes held intents, want 2: one for each wave", n)
		}
		w.check()
	})
}
