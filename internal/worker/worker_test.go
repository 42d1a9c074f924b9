package worker_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

func TestDeploys(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, url, sim.Scenario{})
			defer w.close()
			d := w.deploy("qa", 1)
			w.until("it has ended", w.ended(d.ID))
			if got := w.deployment(d.ID); got.Status != ledger.Success || got.Effect != ledger.EffectDone || got.Link == "" {
				t.Errorf("%+v", got)
			}
			if got := w.pipelines(); got != "qa success" {
				t.Errorf("CircleCI saw %s", got)
			}
		})
	})
}

// inBubble runs a test on each database, with simulated time.
func inBubble(t *testing.T, s sim.Scenario, test func(w *world)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, url, s)
			defer w.close()
			test(w)
		})
	})
}

// onSQLite is inBubble where effects rest: PostgreSQL's clock does not follow the bubble's.
func onSQLite(t *testing.T, s sim.Scenario, test func(w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, storetest.SQLite(t), s)
		defer w.close()
		test(w)
	})
}

// wants fails unless a deployment is like that.
func (w *world) wants(id string, s ledger.Status, e ledger.EffectState, message string) {
	w.t.Helper()
	if d := w.deployment(id); d.Status != s || d.Effect != e || !strings.Contains(d.Message, message) {
		w.t.Errorf("%s: %s, %s, %q; want %s, %s, %q", d.Candidate, d.Status, d.Effect, d.Message, s, e, message)
	}
}

// runs is deploy of one project whose pipelines have these fates.
func runs(all ...sim.Run) sim.Scenario {
	return sim.Scenario{Projects: map[string]sim.Project{"deploy": {Runs: all}}}
}

// A pipeline that fails fails the deployment, and says where; the next one may begin.
func TestFails(t *testing.T) {
	inBubble(t, runs(sim.Run{Outcome: sim.Failed}), func(w *world) {
		first := w.deploy("qa", 1)
		w.until("the first has ended", w.ended(first.ID))
		w.wants(first.ID, ledger.Failure, ledger.EffectFailed, "/pipelines/gh/acme/deploy/1/workflows/")
		second := w.deploy("qa", 2)
		w.until("the second has ended", w.ended(second.ID))
		w.wants(second.ID, ledger.Success, ledger.EffectDone, "")
	})
}

// What CircleCI does not know never ran.
func TestNeverRan(t *testing.T) {
	inBubble(t, sim.Scenario{Strict: true}, func(w *world) {
		d := w.deploy("qa", 1)
		w.until("it has ended", w.ended(d.ID))
		w.wants(d.ID, ledger.Error, ledger.EffectFailed, slug)
	})
}

// A deployment that is canceled while its pipeline runs is canceled when that has ended; and one whose cancel came too late says
// the truth.
func TestCancel(t *testing.T) {
	long := sim.Run{Duration: time.Hour}
	inBubble(t, runs(long, sim.Run{}), func(w *world) {
		d := w.deploy("qa", 1)
		w.until("it runs", func() bool { return w.deployment(d.ID).Effect == ledger.EffectRunning })
		w.cancel(d.ID)
		w.wants(d.ID, ledger.Canceling, ledger.EffectRunning, "canceled by")
		w.until("it has ended", w.ended(d.ID))
		w.wants(d.ID, ledger.Canceled, ledger.EffectFailed, "")
		early := w.deploy("qa", 2)
		w.cancel(early.ID) // nobody drives it yet
		w.until("it has ended", w.ended(early.ID))
		w.wants(early.ID, ledger.Canceled, ledger.EffectFailed, "before it began")
		if got := w.pipelines(); got != "qa canceled" {
			w.t.Errorf("CircleCI saw %s", got)
		}
	})
}

func (w *world) cancel(id string) {
	w.t.Helper()
	if _, err := w.Cancel(context.Background(), storetest.Admin(), id, ""); err != nil {
		w.t.Fatal(err)
	}
}

// A rollback starts as soon as what runs has been stopped.
func TestRollbackStopsWhatRuns(t *testing.T) {
	inBubble(t, runs(sim.Run{}, sim.Run{Duration: time.Hour}), func(w *world) {
		first := w.deploy("qa", 1)
		w.until("the first runs", w.ended(first.ID))
		second := w.deploy("qa", 2)
		w.until("the second is under way", func() bool { return w.deployment(second.ID).Effect == ledger.EffectRunning })
		back, err := w.Rollback(context.Background(), storetest.Admin(), "acme", "qa", ledger.RollbackOptions{To: new(rc(1))})
		if err != nil {
			w.t.Fatal(err)
		}
		w.wants(back.ID, ledger.Pending, ledger.EffectWanted, "waits for the end of 1.0-rc2")
		w.until("it is rolled back", w.ended(back.ID))
		w.wants(second.ID, ledger.Canceled, ledger.EffectFailed, "")
		w.wants(back.ID, ledger.Success, ledger.EffectDone, "")
	})
}

// silent is a CircleCI whose pipelines say nothing of whose they are, and that loses an answer: nobody can know.
func silent() sim.Scenario {
	s := runs()
	s.Projects["deploy"] = sim.Project{VCS: sim.NoVCS}
	s.Faults = []sim.Fault{{Match: sim.Match{Endpoint: "trigger"}, Kind: sim.ResetAfter}}
	return s
}

// Where nobody can know whose a pipeline is, a person says it. Until then the slot is kept.
func TestUnknown(t *testing.T) {
	inBubble(t, silent(), func(w *world) {
		d := w.deploy("qa", 1)
		w.until("a person is asked", func() bool { return w.deployment(d.ID).Status == ledger.Unknown })
		w.wants(d.ID, ledger.Unknown, ledger.EffectUnknown, "")
		next := w.deploy("qa", 2)
		w.wants(next.ID, ledger.Pending, ledger.EffectWanted, "gio deployment resolve "+d.ID)
		if w.resolve(d.ID, ledger.Resolution{Pipeline: 99}) != nil {
			w.t.Error("it was not asked")
		}
		w.until("CircleCI knows no pipeline 99", func() bool { return w.deployment(d.ID).Status == ledger.Unknown })
		w.wants(d.ID, ledger.Unknown, ledger.EffectUnknown, "99")
		if err := w.resolve(d.ID, ledger.Resolution{Pipeline: 1}); err != nil {
			w.t.Fatal(err)
		}
		w.until("both have ended", w.ended(d.ID, next.ID))
		w.wants(d.ID, ledger.Success, ledger.EffectDone, "")
		w.wants(next.ID, ledger.Success, ledger.EffectDone, "")
	})
}

func (w *world) resolve(id string, r ledger.Resolution) error {
	r.Reason = "seen on CircleCI"
	_, err := w.Resolve(context.Background(), storetest.Admin(), id, r)
	return err
}

// Two deployments of one project and branch begin one after the other, and none takes the other's pipeline when an answer is lost.
func TestTwoOfOneBranch(t *testing.T) {
	s := runs()
	s.Faults = []sim.Fault{{Match: sim.Match{Endpoint: "trigger"}, Kind: sim.ResetAfter, Times: 2}}
	inBubble(t, s, func(w *world) {
		qa, prod := w.deploy("qa", 1), w.deploy("prod", 2)
		w.until("both have ended", w.ended(qa.ID, prod.ID))
		for _, d := range []ledger.Deployment{qa, prod} {
			w.wants(d.ID, ledger.Success, ledger.EffectDone, "")
		}
		for _, p := range w.sim.Pipelines() {
			id, _ := p.Parameters["deployment"].(string)
			if link := w.deployment(id).Link; !strings.HasSuffix(link, fmt.Sprintf("/%d", p.Number)) {
				w.t.Errorf("pipeline %d of %s: its link is %s", p.Number, p.Parameters["environment"], link)
			}
		}
		if n := len(w.sim.Pipelines()); n != 2 {
			w.t.Errorf("%d pipelines", n)
		}
	})
}

// On a branch that is not the default one CircleCI cancels the older of two pipelines: the second begins when the first has ended.
func TestOtherBranch(t *testing.T) {
	s := runs()
	s.Projects["deploy"] = sim.Project{Autocancel: new(true), Duration: time.Minute}
	inBubble(t, s, func(w *world) {
		side := func(name string) ledger.Environment {
			e := ledger.Environment{Name: name, Kind: ledger.CircleCI, Deploy: deploys(name)}
			e.Deploy.Branch = "deployments"
			return e
		}
		w.declare(side("qa"), side("prod"))
		qa, prod := w.deploy("qa", 1), w.deploy("prod", 1)
		w.until("both have ended", w.ended(qa.ID, prod.ID))
		w.wants(qa.ID, ledger.Success, ledger.EffectDone, "")
		w.wants(prod.ID, ledger.Success, ledger.EffectDone, "")
	})
}

// However often a worker is told of changes, it looks now and then, and at the last one in a moment.
func TestLooksNowAndThen(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, url, sim.Scenario{})
		defer w.close()
		counting := &counting{Store: w.store}
		defer w.workWith(counting, func(next http.RoundTripper) http.RoundTripper { return next })()
		for range 1000 {
			time.Sleep(time.Millisecond)
			w.Changed()
		}
		time.Sleep(time.Second / 2)
		if n := counting.reads.Load(); n < 10 || n > 200 { // a look reads two or three times
			t.Errorf("it read %d times in a second with 1,000 changes", n)
		}
		before := counting.reads.Load()
		w.Changed()
		time.Sleep(50 * time.Millisecond)
		if counting.reads.Load() == before {
			t.Error("it has not looked after the last change")
		}
	})
}

// counting is a store that counts those who read.
type counting struct {
	ledger.Store
	reads atomic.Int64
}

func (s *counting) Read(ctx context.Context, do func(ledger.Tx) error) error {
	s.reads.Add(1)
	return s.Store.Read(ctx, do)
}
