package worker_test

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// A backup is taken while one deployment runs, one is about to begin and one waits; after it all of them come to their end. The backup
// is restored elsewhere, and resumed: nothing is sent twice, the one that ran is watched on, and of the others a person is asked
// or told.
func TestRestored(t *testing.T) {
	t.Parallel()
	for kind, make := range map[string]func(*testing.T) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url, elsewhere, backup := storetest.SQLite(t), make(t), filepath.Join(t.TempDir(), "backup.db")
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, url, runs(sim.Run{Duration: 5 * time.Minute}))
				defer w.close()
				running := w.deploy("qa", 1)
				w.until("it runs", func() bool { return w.deployment(running.ID).Effect == ledger.EffectRunning })
				beginning, waiting := w.deploy("prod", 1), w.deploy("qa", 2)
				w.wants(beginning.ID, ledger.InProgress, ledger.EffectIntended, "")
				if _, err := store.Backup(context.Background(), url, backup); err != nil {
					t.Fatal(err)
				}
				all := []string{running.ID, beginning.ID, waiting.ID}
				w.until("all have ended", w.ended(all...))
				before := w.pipelines()

				if _, err := store.Restore(context.Background(), backup, elsewhere, restoring(w)); err != nil {
					t.Fatal(err)
				}
				restored, err := store.Open(context.Background(), elsewhere)
				if err != nil {
					t.Fatal(err)
				}
				first := w.store
				defer func() { _ = first.Close() }()
				w.store, w.url, w.Ledger = restored, elsewhere, w.ledger(restored)
				w.wants(running.ID, ledger.InProgress, ledger.EffectRunning, "")
				if err := w.EndQuarantine(context.Background(), "ann"); err != nil {
					t.Fatal(err)
				}
				w.runOut() // whoever drove it is gone
				w.until("what ran has ended", w.ended(running.ID))
				w.wants(running.ID, ledger.Success, ledger.EffectDone, "")
				w.wants(beginning.ID, ledger.Unknown, ledger.EffectUnknown, "restored from a backup")
				w.wants(waiting.ID, ledger.Canceled, ledger.EffectFailed, "restored from a backup")
				if err := w.resolve(beginning.ID, ledger.Resolution{Pipeline: 2}); err != nil {
					t.Fatal(err)
				}
				w.until("it is watched", w.ended(beginning.ID))
				w.wants(beginning.ID, ledger.Success, ledger.EffectDone, "")
				if after := w.pipelines(); after != before {
					t.Errorf("CircleCI saw %s, before %s", after, before)
				}
			})
		})
	}
}

// restoring is what gio-server does in the transaction that restores.
func restoring(w *world) store.Transfer {
	return store.Transfer{Last: func(tx ledger.Tx, held store.Contents) error {
		return w.Restored(context.Background(), tx, "ann", held.Head)
	}}
}
