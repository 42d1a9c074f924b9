package store_test

import (
	"context"
	"testing"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// deployment is one of qa.
func deployment(id string, n int64, s ledger.Status) ledger.Deployment {
	d := ledger.Deployment{ID: id, Environment: "environment-qa", Candidate: rc(n), Status: s, Actor: "ann@example.org", StartedAt: at(1)}
	if s.Ended() {
		d.EndedAt = at(2)
	}
	return d
}

// insert makes deployments, each in a transaction that locks qa.
func insert(t *testing.T, s *store.Store, all ...ledger.Deployment) {
	t.Helper()
	for _, d := range all {
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			if _, err := tx.LockEnvironment(ctx, "acme", "qa"); err != nil {
				return err
			}
			return tx.InsertDeployment(ctx, d)
		})
	}
}

func ids(all []ledger.Deployment) (ids []string) {
	for _, d := range all {
		ids = append(ids, d.ID)
	}
	return ids
}

func TestDeployments(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		// A replica whose clock is late makes ids that sort before those of others. The order is the one of the locks.
		first, second, third := deployment("9", 1, ledger.Success), deployment("1", 2, ledger.Pending), deployment("5", 1, ledger.InProgress)
		first.Message, second.From, third.Restores = "it »works«", rc(1), "9"
		insert(t, s, first, second, third)
		list := func(offset, limit int) []ledger.Deployment {
			return get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Deployment, error) {
				return tx.Deployments(ctx, "environment-qa", offset, limit)
			})
		}
		same(t, list(0, 100), []ledger.Deployment{third, second, first})
		same(t, list(1, 1), []ledger.Deployment{second})
		same(t, list(3, 10), []ledger.Deployment(nil))
		succeeded := get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Deployment, error) {
			return tx.Succeeded(ctx, "environment-qa", "")
		})
		same(t, succeeded, first)
		other := get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Deployment, error) {
			return tx.Deployments(ctx, "environment-prod", 0, 10)
		})
		same(t, other, []ledger.Deployment(nil))
	})
}

func TestUpdateDeployment(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		d := deployment("1", 1, ledger.Pending)
		insert(t, s, d)
		for _, status := range ledger.Statuses() {
			changed := deployment("1", 1, status)
			changed.Message, changed.Actor, changed.From = "because", "somebody else", rc(3)
			change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.UpdateDeployment(ctx, changed) })
			want := d // only status, message, what ran before, and end
			want.Status, want.Message, want.From, want.EndedAt = changed.Status, changed.Message, changed.From, changed.EndedAt
			got := get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Deployment, error) { return tx.Deployment(ctx, d.ID) })
			same(t, got, want)
		}
	})
}

// Open is what has not ended in word, or not in deed.
func TestOpen(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		var want []string
		make := func(status ledger.Status, effect ledger.EffectState) {
			d := deployment(string(status)+" "+string(effect), 1, status)
			d.Effect = effect
			insert(t, s, d)
			if status.Active() || effect == ledger.EffectWanted || effect.Slot() {
				want = append([]string{d.ID}, want...)
			}
		}
		for _, status := range ledger.Statuses() {
			for _, effect := range []ledger.EffectState{ledger.NoEffect, ledger.EffectWanted, ledger.EffectDone, ledger.EffectFailed} {
				make(status, effect)
			}
		}
		open := func() []string {
			return ids(get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Deployment, error) {
				return tx.Open(ctx, "environment-qa")
			}))
		}
		same(t, open(), want)
		make(ledger.Success, ledger.EffectUnknown)
		same(t, open(), want)
		now, err := s.Standing(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same(t, now.Deployments, map[string]int64{"pending": 4, "in_progress": 4, "canceling": 4, "unknown": 4}) // by what is said
	})
}

// A report is about the deployment that has the slot, or about the newest of its candidate.
func TestReportable(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		reportable := func(n int64) []string {
			return ids(get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Deployment, error) {
				return tx.Reportable(ctx, "environment-qa", rc(n))
			}))
		}
		same(t, reportable(1), []string(nil))
		running := deployment("2", 1, ledger.InProgress)
		running.Effect = ledger.EffectRunning
		insert(t, s, deployment("1", 1, ledger.Pending), deployment("3", 2, ledger.Pending), running, deployment("4", 2, ledger.Pending), deployment("0", 1, ledger.Pending))
		same(t, reportable(1), []string{"2", "0"})
		same(t, reportable(2), []string{"2", "4"})
		same(t, reportable(3), []string{"2"})
		running.Effect = ledger.EffectDone
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.UpdateDeployment(ctx, running) })
		same(t, reportable(1), []string{"0"})
	})
}

// A deployment that ended has an end, and no other one has: the database holds that, whoever writes.
func TestEndIsAConstraint(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		endless, early := deployment("1", 1, ledger.Success), deployment("2", 1, ledger.Pending)
		endless.EndedAt, early.EndedAt = early.EndedAt, endless.EndedAt
		wordless := deployment("3", 1, "finished")
		for _, d := range []ledger.Deployment{endless, early, wordless} {
			if err := s.Change(t.Context(), func(tx ledger.Tx) error { return tx.InsertDeployment(t.Context(), d) }); err == nil {
				t.Errorf("%s with the end %v was kept", d.Status, d.EndedAt)
			}
		}
	})
}
