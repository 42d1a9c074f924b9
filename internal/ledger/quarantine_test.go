package ledger_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// TestQuarantine: what was restored is quarantined, records what is asked, and goes on once somebody says so; both are events.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		if since, reason, err := w.Quarantined(t.Context()); err != nil || !since.IsZero() || reason != "" {
			t.Errorf("a new ledger: %s %q %v", since, reason, err)
		}
		if err := w.EndQuarantine(t.Context(), "ann"); !fault.Is(err, "not-quarantined") {
			t.Errorf("resumed: %v", err)
		}
		err := w.store.Change(t.Context(), func(tx ledger.Tx) error {
			return w.Restored(t.Context(), tx, "bob", ledger.Head{Position: 17, Hash: "abc"})
		})
		if err != nil {
			t.Fatal(err)
		}
		since, reason, err := w.Quarantined(t.Context())
		if err != nil || !since.Equal(w.now) || !strings.Contains(reason, "position 17") {
			t.Errorf("restored: %s %q %v", since, reason, err)
		}
		if _, err := w.Deploy(t.Context(), storetest.Admin(), "acme", "qa", rc(1), ledger.DeployOptions{}); err != nil {
			t.Errorf("a deployment is not recorded: %v", err)
		}
		if err := w.EndQuarantine(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		if since, _, err := w.Quarantined(t.Context()); err != nil || !since.IsZero() {
			t.Errorf("resumed: %s %v", since, err)
		}
		if _, err := w.store.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		events, err := w.Events(t.Context(), storetest.Admin(), "", 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, e := range events {
			if strings.HasPrefix(e.Type, "ledger.") {
				said = append(said, e.Type+" by "+e.Actor+" via "+e.Dialect+" at "+e.Data["position"])
			}
		}
		if got := strings.Join(said, ", "); got != "ledger.restored by bob via local at 17, ledger.resumed by ann via local at " {
			t.Errorf("the events: %s", got)
		}
	})
}

// TestQuarantineHoldsEffects: what had begun is driven by nobody, and what is asked for does not begin, until the quarantine ends.
func TestQuarantineHoldsEffects(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		w.Connections = map[string]ledger.Kind{"ci": ledger.CircleCI}
		d := declaration()
		for i := range d.Environments {
			d.Environments[i].Kind = ledger.CircleCI
			d.Environments[i].Deploy = &ledger.Trigger{Connection: "ci", Project: "gh/acme/" + d.Environments[i].Name, Branch: "main"}
		}
		if _, err := w.Apply(t.Context(), storetest.Admin(), d, false); err != nil {
			t.Fatal(err)
		}
		deploy := func(environment string, o ledger.DeployOptions) ledger.Deployment {
			t.Helper()
			d, err := w.Deploy(t.Context(), storetest.Admin(), "acme", environment, rc(1), o)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		waiting := func(n int) []string {
			t.Helper()
			if err := w.BeginWaiting(t.Context()); err != nil {
				t.Fatal(err)
			}
			ids, _, err := w.Waiting(t.Context(), 10)
			if err != nil || len(ids) != n {
				t.Fatalf("%v wait for a driver, %v; want %d", ids, err, n)
			}
			return ids
		}
		deploy("qa", ledger.DeployOptions{})
		begun := waiting(1)[0]
		waits := deploy("qa", ledger.DeployOptions{})
		if err := w.store.Change(t.Context(), func(tx ledger.Tx) error {
			return w.Restored(t.Context(), tx, "bob", ledger.Head{Position: 17, Hash: "abc"})
		}); err != nil {
			t.Fatal(err)
		}
		waiting(0)
		// Each change of a deployment has its event, before the one of the restoring.
		types := w.events()
		same(t, types[len(types)-3:], []string{"deployment.canceled", "deployment.unknown", "ledger.restored"})
		if got := w.history()[len(types)-3]; got.Subject != waits.ID || got.Dialect != "local" {
			t.Errorf("the first is of %s by %s", got.Subject, got.Dialect)
		}
		if _, _, _, err := w.Take(t.Context(), begun); !fault.Is(err, "quarantined") || fault.KindOf(err) != fault.Stopped {
			t.Errorf("taken: %v", err)
		}
		held := deploy("prod", ledger.DeployOptions{Force: &ledger.Force{Reason: "now"}})
		if held.Status != ledger.Pending || held.Effect != ledger.EffectWanted || !strings.Contains(held.Message, "gio-server resume") {
			t.Errorf("it began: %+v", held)
		}
		waiting(0)
		if err := w.EndQuarantine(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		waiting(1) // what was deployed since
		if _, _, _, err := w.Take(t.Context(), begun); !fault.Is(err, "driven-elsewhere") {
			t.Errorf("what may have begun elsewhere is taken: %v", err)
		}
	})
}
