package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

const lease = time.Minute

// effect makes an effect of a deployment with the same id; target "" is nobody's.
func effect(t *testing.T, s *store.Store, id, target string) ledger.Effect {
	t.Helper()
	insert(t, s, deployment(id, 1, ledger.InProgress))
	e := ledger.Effect{
		ID: "effect-" + id, Kind: ledger.CircleCI, Project: "acme", Environment: "environment-qa", Deployment: id, State: ledger.EffectIntended,
		Target: target, CreatedAt: at(1),
		Intent: ledger.Intent{
			Trigger: ledger.Trigger{Connection: "ci", Project: "gh/acme/shop", Branch: "main", Parameters: ledger.Parameters{"n": int64(1 << 60), "yes": true, "v": "1"}},
			Commit:  "abc", Version: "1-rc1",
		},
	}
	change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.InsertEffect(ctx, e) })
	return e
}

func taken(t *testing.T, s *store.Store, id string) (l ledger.Lease) {
	t.Helper()
	change(t, s, func(ctx context.Context, tx ledger.Tx) error {
		e, err := tx.TakeEffect(ctx, id, lease)
		l = ledger.Lease{Effect: id, Token: e.Token}
		return err
	})
	return l
}

// age makes the lease of an effect as old as that.
func age(t *testing.T, s *store.Store, l ledger.Lease, by time.Duration) {
	t.Helper()
	change(t, s, func(ctx context.Context, tx ledger.Tx) error { _, err := tx.RenewLease(ctx, l, -by); return err })
}

func waiting(t *testing.T, s *store.Store) []string {
	t.Helper()
	return get(t, s, func(ctx context.Context, tx ledger.Tx) ([]string, error) { return tx.WaitingEffects(ctx, lease, 10) })
}

func fails(t *testing.T, s *store.Store, what, code string, do func(ctx context.Context, tx ledger.Tx) error) {
	t.Helper()
	err := s.Change(t.Context(), func(tx ledger.Tx) error { return do(t.Context(), tx) })
	if !fault.Is(err, code) {
		t.Errorf("%s: %v, want %q", what, err, code)
	}
}

// Who has no lease, an old one, or one of an effect that ended changes nothing.
func TestFence(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		e := effect(t, s, "1", "ci shop")
		db := storetest.Raw(t, url)
		entry := func(seqs ...int64) (all []ledger.Entry) {
			for _, n := range seqs {
				all = append(all, ledger.Entry{Seq: n, Text: fmt.Sprintf(`{"n": %d}`, n)})
			}
			return all
		}
		l := taken(t, s, e.ID)
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.AppendJournal(ctx, l, entry(1, 2)) })
		none, old, next := ledger.Lease{Effect: "other", Token: 1}, ledger.Lease{Effect: e.ID, Token: l.Token - 1}, ledger.Lease{Effect: e.ID, Token: l.Token + 1}
		refuse := func(what string, l ledger.Lease) {
			t.Helper()
			before := content(t, db)
			fails(t, s, what, "no-effect", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.RenewLease(ctx, l, 0); return err })
			fails(t, s, what, "no-effect", func(ctx context.Context, tx ledger.Tx) error { return tx.SetEffect(ctx, l, ledger.EffectDone, false) })
			fails(t, s, what, "no-effect", func(ctx context.Context, tx ledger.Tx) error { return tx.AppendJournal(ctx, l, entry(3)) })
			fails(t, s, what, "no-effect", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.AddLooked(ctx, l, 2, lease); return err })
			if content(t, db) != before {
				t.Errorf("%s: something was changed", what)
			}
		}
		refuse("no such effect", none)
		refuse("an old lease", old)
		refuse("a lease that nobody has given", next)
		for what, entries := range map[string][]ledger.Entry{"a gap": entry(4), "one again": entry(2), "two, the first again": entry(2, 3), "from the beginning": entry(1)} {
			fails(t, s, what, "no-effect", func(ctx context.Context, tx ledger.Tx) error { return tx.AppendJournal(ctx, l, entries) })
		}
		journal := func() []ledger.Entry {
			return get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Entry, error) { return tx.Journal(ctx, e.ID) })
		}
		same(t, journal(), entry(1, 2))
		looks := func(l ledger.Lease, intent int64, more, want time.Duration) {
			t.Helper()
			sum := time.Duration(0)
			change(t, s, func(ctx context.Context, tx ledger.Tx) (err error) {
				sum, err = tx.AddLooked(ctx, l, intent, more)
				return err
			})
			if sum != want {
				t.Errorf("the look-up of %d has lasted %s, and not %s", intent, sum, want)
			}
		}
		looks(l, 1, lease, lease)
		looks(l, 2, time.Second, time.Second) // another intent begins anew
		age(t, s, l, lease+time.Second)
		l2 := taken(t, s, e.ID)
		refuse("another one drives it", l)
		looks(l2, 2, time.Second, 2*time.Second)
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.AppendJournal(ctx, l2, entry(3)) })
		same(t, journal(), entry(1, 2, 3))
		got := get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Effect, error) { return tx.Effect(ctx, e.ID) })
		e.Held, e.Token, e.Seq = true, 2, 3
		same(t, got, e)
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			return tx.SetEffect(ctx, l2, ledger.EffectUnknown, true)
		})
		refuse("it is unknown", l2)
		fails(t, s, "taking it", "no-effect", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.TakeEffect(ctx, e.ID, -lease); return err })
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.AnswerEffect(ctx, "1", "77") })
		refuse("a person answered", l2)
		l3 := taken(t, s, e.ID) // at once
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.EndEffect(ctx, "1", ledger.EffectDone) })
		refuse("somebody said its end", l3)
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { // nothing is open any more
			return errors.Join(tx.CancelEffect(ctx, "1"), tx.AnswerEffect(ctx, "1", "78"), tx.EndEffect(ctx, "1", ledger.EffectFailed))
		})
		got = get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Effect, error) { return tx.EffectOf(ctx, "1") })
		e.Held, e.State, e.Token, e.Answer = false, ledger.EffectDone, 5, "77"
		same(t, got, e)
		fails(t, s, "a second effect of one deployment", "effect-exists", func(ctx context.Context, tx ledger.Tx) error {
			e.ID = "another"
			return tx.InsertEffect(ctx, e)
		})
	})
}

// A lease is as old as the database says, whatever the ledger's clock says.
func TestLeases(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		e := effect(t, s, "1", "ci shop")
		same(t, waiting(t, s), []string{e.ID})
		l := taken(t, s, e.ID)
		same(t, waiting(t, s), []string(nil))
		fails(t, s, "a second taker", "no-effect", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.TakeEffect(ctx, e.ID, lease); return err })
		age(t, s, l, lease-10*time.Second)
		same(t, waiting(t, s), []string(nil))
		age(t, s, l, lease+time.Second)
		same(t, waiting(t, s), []string{e.ID})
		led := newLedger(s) // at a time that is far away
		if _, err := led.Renew(t.Context(), l); err != nil {
			t.Error(err)
		}
		same(t, waiting(t, s), []string(nil))
		if err := led.GiveBack(t.Context(), l, -time.Second); err != nil { // at once
			t.Error(err)
		}
		same(t, waiting(t, s), []string{e.ID})
		if err := led.GiveBack(t.Context(), l, time.Hour); err != nil {
			t.Error(err)
		}
		same(t, waiting(t, s), []string(nil))
		if err := led.GiveBack(t.Context(), ledger.Lease{Effect: "other", Token: 1}, 0); err != nil { // nothing is to be given back
			t.Error(err)
		}
	})
}

// One at a time begins on a target, and others wait until it is free.
func TestTarget(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		one, two, other := effect(t, s, "1", "ci shop"), effect(t, s, "2", "ci shop"), effect(t, s, "3", "ci other")
		effect(t, s, "4", "")
		effect(t, s, "5", "")
		same(t, waiting(t, s), []string{one.ID, two.ID, other.ID, "effect-4", "effect-5"})
		l := taken(t, s, one.ID)
		same(t, waiting(t, s), []string{other.ID, "effect-4", "effect-5"})
		taken(t, s, "effect-4")
		taken(t, s, "effect-5")
		refuse := func(what string) {
			t.Helper()
			fails(t, s, what, "target-taken", func(ctx context.Context, tx ledger.Tx) error {
				_, err := tx.TakeEffect(ctx, two.ID, lease)
				return err
			})
		}
		set := func(state ledger.EffectState, held bool) {
			t.Helper()
			change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.SetEffect(ctx, l, state, held) })
		}
		refuse("it begins")
		set(ledger.EffectRunning, true)
		refuse("it runs, and holds it")
		age(t, s, l, time.Hour)
		refuse("nobody drives it any more")
		same(t, waiting(t, s), []string{other.ID, one.ID})
		set(ledger.EffectUnknown, true)
		refuse("nobody knows")
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.AnswerEffect(ctx, "1", "7") })
		refuse("a person has answered")
		l = taken(t, s, one.ID)
		set(ledger.EffectRunning, false)
		taken(t, s, two.ID)
		age(t, s, l, time.Hour)
		same(t, waiting(t, s), []string{other.ID, one.ID}) // what runs needs no target
		l = taken(t, s, one.ID)
		for _, id := range []string{"effect-4", "effect-5"} {
			free := ledger.Lease{Effect: id, Token: 1}
			change(t, s, func(ctx context.Context, tx ledger.Tx) error {
				return tx.SetEffect(ctx, free, ledger.EffectRunning, true)
			})
		}
	})
}

// A pipeline belongs to one effect.
func TestPipelines(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		one, two := effect(t, s, "1", "a"), effect(t, s, "2", "b")
		put := func(host, effect string) func(context.Context, ledger.Tx) error {
			return func(ctx context.Context, tx ledger.Tx) error { return tx.InsertPipeline(ctx, host, "p", effect) }
		}
		change(t, s, put("a.test", one.ID))
		change(t, s, put("a.test", one.ID))
		fails(t, s, "another effect's", "pipeline-taken", put("a.test", two.ID))
		change(t, s, put("b.test", two.ID))
		l := newLedger(s)
		for _, row := range []struct {
			host, effect string
			free         bool
		}{{"a.test", one.ID, true}, {"a.test", two.ID, false}, {"b.test", one.ID, false}, {"c.test", one.ID, true}} {
			if free, err := l.IsFree(t.Context(), row.host, "p", row.effect); err != nil || free != row.free {
				t.Errorf("%+v: %v, %v", row, free, err)
			}
		}
		// What the pipeline of another one says is not kept, nor is the entry.
		lease := taken(t, s, two.ID)
		err := l.Note(t.Context(), lease, []ledger.Entry{{Seq: 1, Text: "{}"}}, ledger.Noted{Pipeline: "p", Host: "a.test"})
		if !fault.Is(err, "pipeline-taken") {
			t.Errorf("%v", err)
		}
		got := get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Effect, error) { return tx.Effect(ctx, two.ID) })
		if got.Seq != 0 || got.State != ledger.EffectIntended {
			t.Errorf("%+v", got)
		}
	})
}

// The slot is a constraint: two that may begin are refused by the database, whoever writes.
func TestSlot(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		holders := []ledger.EffectState{ledger.EffectIntended, ledger.EffectRunning, ledger.EffectUnknown}
		first, second := deployment("1", 1, ledger.InProgress), deployment("2", 2, ledger.InProgress)
		insert(t, s, first, second)
		set := func(d ledger.Deployment, state ledger.EffectState) error {
			d.Effect = state
			return s.Change(t.Context(), func(tx ledger.Tx) error { return tx.UpdateDeployment(t.Context(), d) })
		}
		for _, a := range holders {
			if err := set(first, a); err != nil {
				t.Error(err)
			}
			for _, b := range holders {
				if err := set(second, b); err == nil {
					t.Errorf("one is %s, and another one %s", a, b)
				}
			}
			for _, b := range []ledger.EffectState{ledger.NoEffect, ledger.EffectDone, ledger.EffectFailed, ledger.EffectWanted} {
				if err := set(second, b); err != nil {
					t.Errorf("one is %s, the other one %s: %v", a, b, err)
				}
			}
		}
		same(t, get(t, s, func(ctx context.Context, tx ledger.Tx) ([]string, error) { return tx.WantedIn(ctx) }), []string{"environment-qa"})
		if err := set(second, "dreaming"); err == nil {
			t.Error("an effect was kept that is no word of ours")
		}
	})
}

func TestFreezesAndApprovals(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		insert(t, s, deployment("1", 1, ledger.Pending), deployment("2", 1, ledger.Pending))
		eve, bob := ledger.Approval{Deployment: "1", Subject: "eve", At: at(1)}, ledger.Approval{Deployment: "1", Subject: "bob", At: at(2)}
		late := eve
		late.At = at(9)
		for _, a := range []ledger.Approval{eve, bob, late} {
			change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.PutApproval(ctx, a) })
		}
		of := func(id string) []ledger.Approval {
			return get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Approval, error) { return tx.Approvals(ctx, id) })
		}
		same(t, of("1"), []ledger.Approval{bob, eve})
		same(t, of("2"), []ledger.Approval(nil))
		all := ledger.Freeze{ID: "1", Project: "acme", Reason: "r", Actor: "ann", CreatedAt: at(1)}
		qa := ledger.Freeze{ID: "2", Project: "acme", Environment: "environment-qa", Reason: "r", Actor: "ann", CreatedAt: at(1), EndsAt: at(9)}
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			return errors.Join(tx.InsertFreeze(ctx, all), tx.InsertFreeze(ctx, qa))
		})
		fails(t, s, "the same id", "freeze-exists", func(ctx context.Context, tx ledger.Tx) error { return tx.InsertFreeze(ctx, all) })
		list := func() []ledger.Freeze {
			return get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Freeze, error) { return tx.Freezes(ctx, "acme") })
		}
		same(t, list(), []ledger.Freeze{all, qa})
		lift := func(project string) func(ctx context.Context, tx ledger.Tx) error {
			return func(ctx context.Context, tx ledger.Tx) error {
				f, err := tx.LiftFreeze(ctx, project, "2", "bob", at(5))
				if err == nil {
					same(t, f, qa)
				}
				return err
			}
		}
		fails(t, s, "of another project", "no-freeze", lift("other"))
		change(t, s, lift("acme"))
		fails(t, s, "a second time", "no-freeze", lift("acme"))
		same(t, list(), []ledger.Freeze{all})
	})
}
