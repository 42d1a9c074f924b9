package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/store/storetest"
	"github.com/gravitee-lab/gio/internal/worker"
)

// News of a deployment reach each receiver, whatever one of them does: at least once, in Slack as a sentence.
func TestNews(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		slack, hook := &receiver{answers: []string{"200"}}, &receiver{answers: []string{"503", "lost", "200"}}
		w := newWorld(t, url, sim.Scenario{Projects: map[string]sim.Project{"deploy": {Runs: []sim.Run{{}, {Outcome: sim.Failed}}}}})
		defer w.close()
		w.Receivers = []string{"slack", "webhook"}
		w.receivers = map[string]worker.Receiver{
			"slack":   {URL: "https://hooks.slack.test/planted-path", Slack: true, Wire: slack},
			"webhook": {URL: "https://hooks.test/planted-path", Secret: planted, Wire: hook},
		}
		w.declare(ledger.Environment{Name: "qa", Kind: ledger.CircleCI, Deploy: deploys("qa"), Requires: ledger.Requirements{Approvals: 1}})
		for n, v := range []int64{1, 2} {
			d := w.deploy("qa", v)
			eve := ledger.Caller{Token: ledger.Token{Subject: "eve@example.org", Role: ledger.Approver}}
			if _, err := w.Approve(context.Background(), eve, d.ID); err != nil {
				t.Fatal(err)
			}
			w.until(fmt.Sprintf("deployment %d has ended", n), w.ended(d.ID))
		}
		back, err := w.Rollback(context.Background(), storetest.Admin(), "acme", "qa", ledger.RollbackOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w.until("the rollback has ended", w.ended(back.ID))
		db := storetest.Raw(t, url)
		w.until("all is told", func() bool { return storetest.Count(t, db, "outbox") == 0 })
		var told []string
		seen := map[string]bool{}
		for i, body := range slack.bodies {
			if id := slack.got[i].Header.Get("X-Gio-Delivery"); !seen[id] {
				seen[id] = true
				told = append(told, strings.TrimSuffix(strings.TrimPrefix(body, `{"text":"`), `"}`))
			}
		}
		want := []string{
			"acme: the deployment of 1.0-rc1 to qa waits for 1 approval", "acme: the deployment of 1.0-rc1 to qa begins", "acme: 1.0-rc1 runs in qa",
			"acme: the deployment of 1.0-rc2 to qa waits for 1 approval", "acme: the deployment of 1.0-rc2 to qa begins", "acme: the deployment of 1.0-rc2 to qa failed",
			"acme: ann@example.org rolls qa back to 1.0-rc1", "acme: the deployment of 1.0-rc1 to qa begins",
			"acme: 1.0-rc1 runs in qa",
		}
		for _, sentence := range want {
			if n := count(told, sentence); n != count(want, sentence) {
				t.Errorf("%d times: %s", n, sentence)
			}
		}
		if first := hook.bodies[0]; !strings.HasPrefix(first, `{"type":"deployment.`) || !strings.Contains(first, `"project":"acme"`) {
			t.Errorf("the webhook gets %s", first)
		}
		if ids := deliveries(hook); len(ids) != len(seen) || len(hook.got) < len(ids)+2 {
			t.Errorf("the webhook got %d news in %d requests, Slack %d", len(ids), len(hook.got), len(seen))
		}
		if text := w.everything(); strings.Contains(text, "planted") {
			t.Errorf("a secret is kept: %s", text)
		}
	})
}

func count(all []string, prefix string) (n int) {
	for _, each := range all {
		if strings.HasPrefix(each, prefix) {
			n++
		}
	}
	return n
}

// deliveries are the different ones that a receiver got.
func deliveries(r *receiver) map[string]bool {
	ids := map[string]bool{}
	for _, req := range r.got {
		ids[req.Header.Get("X-Gio-Delivery")] = true
	}
	return ids
}

// What nobody takes is given up: at once where the receiver does not want it, else after a day. Nothing is told that did not happen.
func TestNewsGivenUp(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		gone, dead := &receiver{answers: []string{"410"}}, &receiver{answers: []string{"lost"}}
		w := newWorld(t, url, sim.Scenario{})
		defer w.close()
		w.Receivers = []string{"gone", "dead", "forgotten"}
		w.receivers = map[string]worker.Receiver{"gone": {URL: "https://gone.test", Wire: gone}, "dead": {URL: "https://dead.test", Wire: dead}}
		d := w.deploy("qa", 1)
		stopped := errors.New("it is not so")
		err := w.store.Change(context.Background(), func(tx ledger.Tx) error {
			return errors.Join(tx.InsertNews(context.Background(), ledger.News{ID: "lie", Receiver: "gone", Body: "{}"}), stopped)
		})
		if !errors.Is(err, stopped) {
			t.Fatal(err)
		}
		w.until("it has ended", w.ended(d.ID))
		db := storetest.Raw(t, url)
		w.until("only what may be sent again is left", func() bool { return storetest.Count(t, db, "outbox") == 2 })
		if len(gone.got) != 2 { // it began, and ended
			t.Errorf("%d were refused", len(gone.got))
		}
		for range 26 {
			if _, err := db.ExecContext(context.Background(), "UPDATE outbox SET next_at = 0"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			end := w.work()
			time.Sleep(time.Second)
			end()
		}
		if n := storetest.Count(t, db, "outbox"); n != 0 {
			t.Errorf("%d news are left a day later", n)
		}
		if len(dead.got) < 40 {
			t.Errorf("only %d requests", len(dead.got))
		}
	})
}
