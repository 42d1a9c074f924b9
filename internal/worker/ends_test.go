package worker_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// A deployment always ends, or asks a person, who can say it.

// It is canceled while nobody knows whether its trigger arrived: no pipeline is found, and one may still appear.
func TestCancelBesideALostAnswer(t *testing.T) {
	s := runs()
	s.Faults = []sim.Fault{{Match: sim.Match{Endpoint: "trigger"}, Kind: sim.ResetBefore}}
	inBubble(t, s, func(w *world) {
		d := w.deploy("qa", 1)
		end := w.work()
		time.Sleep(10 * time.Second)
		w.cancel(d.ID)
		end()
		w.until("a person is asked", func() bool { return w.deployment(d.ID).Effect != ledger.EffectIntended })
		w.wants(d.ID, ledger.Unknown, ledger.EffectUnknown, "an answer was lost")
		next := w.deploy("qa", 2)
		if err := w.resolve(d.ID, ledger.Resolution{State: ledger.Error}); err != nil {
			w.t.Fatal(err)
		}
		w.until("the next one has ended", w.ended(next.ID))
		w.wants(d.ID, ledger.Error, ledger.EffectFailed, "")
		w.wants(next.ID, ledger.Success, ledger.EffectDone, "")
	})
}

// A pipeline that runs longer than it is watched may still run: a person says so, and it is watched on.
func TestResolveAfterTimeout(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t) // hours of it take their time on the other
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, url, runs(sim.Run{Duration: 4 * time.Hour}))
		defer w.close()
		d := w.deploy("qa", 1)
		unknown := func() bool { return w.deployment(d.ID).Status == ledger.Unknown }
		w.untilWithin("it takes too long", 4*time.Hour, unknown)
		if err := w.resolve(d.ID, ledger.Resolution{Pipeline: 1}); err != nil {
			w.t.Fatal(err)
		}
		w.until("it has ended", func() bool { return w.deployment(d.ID).Status.Ended() })
		w.wants(d.ID, ledger.Success, ledger.EffectDone, "")
	})
}

// Somebody cancels while CircleCI takes no cancel: it is asked again until it does.
func TestCancelUntilItIsTaken(t *testing.T) {
	s := runs(sim.Run{Duration: time.Hour})
	s.Faults = []sim.Fault{{Match: sim.Match{Path: "/cancel$"}, Kind: sim.ErrorBefore, For: 5 * time.Minute}}
	inBubble(t, s, func(w *world) {
		d := w.deploy("qa", 1)
		w.until("it runs", func() bool { return w.deployment(d.ID).Effect == ledger.EffectRunning })
		w.cancel(d.ID)
		w.until("it has ended", w.ended(d.ID))
		w.wants(d.ID, ledger.Canceled, ledger.EffectFailed, "")
	})
}

// Where something cannot be begun, what else there is goes on.
func TestOneBrokenEnvironment(t *testing.T) {
	inBubble(t, runs(), func(w *world) {
		broken := w.deploy("prod", 1)
		w.until("prod runs", w.ended(broken.ID))
		w.freeze("prod")
		w.exec("INSERT INTO deployments (id, project, environment, rev, release, number, from_release, from_number, status, message, actor, restores, started_at, ended_at, effect, reported, forced, link) SELECT 'broken', project, environment, rev, release, number, from_release, from_number, 'pending', '', 'x', NULL, started_at, 0, 'wanted', 0, '', '' FROM deployments WHERE id = $1", broken.ID)
		w.exec("UPDATE environments SET config = '{' WHERE name = 'prod'")
		d := w.deploy("qa", 1)
		w.until("qa has ended", w.ended(d.ID))
		w.wants(d.ID, ledger.Success, ledger.EffectDone, "")
	})
}

// A connection that is gone keeps nobody from canceling.
func TestCancelWithoutConnection(t *testing.T) {
	inBubble(t, runs(sim.Run{Duration: time.Hour}), func(w *world) {
		begun := w.deploy("prod", 1)
		w.until("it runs", func() bool { return w.deployment(begun.ID).Effect == ledger.EffectRunning })
		w.runOut()
		w.gone = true
		d := w.deploy("qa", 1)
		w.until("they wait", func() bool { return strings.Contains(w.deployment(d.ID).Message, "no connection ci") })
		w.runOut()
		w.cancel(d.ID)
		w.cancel(begun.ID)
		w.until("they have ended", w.ended(d.ID, begun.ID))
		w.wants(d.ID, ledger.Canceled, ledger.EffectFailed, "")
		w.wants(begun.ID, ledger.Unknown, ledger.EffectUnknown, "no connection ci")
	})
}

// A journal that cannot be read is a question, too.
func TestDamagedJournal(t *testing.T) {
	inBubble(t, runs(sim.Run{Duration: time.Hour}), func(w *world) {
		d := w.deploy("qa", 1)
		w.until("it runs", func() bool { return w.deployment(d.ID).Effect == ledger.EffectRunning })
		w.runOut()
		w.exec("UPDATE journal SET entry = '{' WHERE seq = 2")
		w.until("a person is asked", w.ended(d.ID))
		w.wants(d.ID, ledger.Unknown, ledger.EffectUnknown, "cannot be read")
		if err := w.resolve(d.ID, ledger.Resolution{State: ledger.Failure}); err != nil {
			w.t.Error(err)
		}
	})
}

// hung is a store that stops answering.
type hung struct {
	ledger.Store
	hangs chan struct{} // closed: it does
}

func (s hung) Change(ctx context.Context, do func(ledger.Tx) error) error {
	select {
	case <-s.hangs:
		<-ctx.Done()
		return ctx.Err()
	default:
		return s.Store.Change(ctx, do)
	}
}

// A database that does not answer keeps no worker from leaving.
func TestLeavesAHungDatabase(t *testing.T) {
	inBubble(t, runs(sim.Run{Duration: time.Hour}), func(w *world) {
		d := w.deploy("qa", 1)
		hangs := make(chan struct{})
		end := w.workWith(hung{w.store, hangs}, func(next http.RoundTripper) http.RoundTripper { return next })
		for w.deployment(d.ID).Effect != ledger.EffectRunning {
			time.Sleep(time.Second)
		}
		close(hangs)
		time.Sleep(5 * time.Second)
		began := time.Now()
		end()
		if took := time.Since(began); took > 25*time.Second {
			w.t.Errorf("it left after %s", took)
		}
	})
}

// A worker that is told to end hands back all that it drives, at once.
func TestHandsBackAll(t *testing.T) {
	onSQLite(t, sim.Scenario{Default: sim.Project{Duration: time.Hour}}, func(w *world) {
		const many = 30
		var all []ledger.Environment
		for n := range many {
			e := ledger.Environment{Name: fmt.Sprintf("e%d", n), Kind: ledger.CircleCI, Deploy: deploys("e")}
			e.Deploy.Project = fmt.Sprintf("gh/acme/e%d", n)
			all = append(all, e)
		}
		w.declare(all...)
		for _, e := range all {
			w.deploy(e.Name, 1)
		}
		end := w.work()
		time.Sleep(5 * time.Minute)
		began := time.Now()
		end()
		if took := time.Since(began); took > 10*time.Second {
			w.t.Errorf("it left after %s", took)
		}
		time.Sleep(time.Second)
		if ids, _, err := w.Waiting(context.Background(), 200); err != nil || len(ids) != many {
			w.t.Errorf("%d wait for the next worker, %v", len(ids), err)
		}
		if n := len(w.sim.Pipelines()); n != many {
			w.t.Errorf("%d pipelines", n)
		}
	})
}
