package ledger_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

var errDead = errors.New("the power has failed")

// mortal is a store whose program dies before or after the n-th write of a transaction, or before its commit.
type mortal struct {
	ledger.Store
	at     int
	writes *int
}

func (s mortal) Change(ctx context.Context, do func(ledger.Tx) error) error {
	return s.Store.Change(ctx, func(tx ledger.Tx) error {
		t := mortalTx{tx, s}
		if err := do(t); err != nil {
			return err
		}
		return t.use() // the commit
	})
}

type mortalTx struct {
	ledger.Tx
	mortal
}

func (t mortalTx) use() error {
	if *t.writes++; *t.writes == t.at {
		return errDead
	}
	return nil
}

// write is a write, and the two moments beside it.
func (t mortalTx) write(do func() error) error {
	if err := t.use(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return t.use()
}

func (t mortalTx) LockBundle(ctx context.Context, project, name, version string) (b ledger.Bundle, err error) {
	return b, t.write(func() error { b, err = t.Tx.LockBundle(ctx, project, name, version); return err })
}

func (t mortalTx) LockBundleByID(ctx context.Context, id string) (b ledger.Bundle, err error) {
	return b, t.write(func() error { b, err = t.Tx.LockBundleByID(ctx, id); return err })
}

func (t mortalTx) LockEnvironmentByID(ctx context.Context, id string) (e ledger.Environment, err error) {
	return e, t.write(func() error { e, err = t.Tx.LockEnvironmentByID(ctx, id); return err })
}

func (t mortalTx) InsertBundle(ctx context.Context, b ledger.Bundle) error {
	return t.write(func() error { return t.Tx.InsertBundle(ctx, b) })
}

func (t mortalTx) InsertItems(ctx context.Context, bundle string, items []ledger.Item) error {
	return t.write(func() error { return t.Tx.InsertItems(ctx, bundle, items) })
}

func (t mortalTx) PutSignature(ctx context.Context, bundle, key, envelope string, now time.Time) error {
	return t.write(func() error { return t.Tx.PutSignature(ctx, bundle, key, envelope, now) })
}

func (t mortalTx) DeleteBundle(ctx context.Context, b ledger.Bundle) error {
	return t.write(func() error { return t.Tx.DeleteBundle(ctx, b) })
}

func (t mortalTx) InsertPromotion(ctx context.Context, p ledger.Promotion, now time.Time) (millis int64, err error) {
	return millis, t.write(func() error { millis, err = t.Tx.InsertPromotion(ctx, p, now); return err })
}

func (t mortalTx) UpdatePromotion(ctx context.Context, p ledger.Promotion) error {
	return t.write(func() error { return t.Tx.UpdatePromotion(ctx, p) })
}

func (t mortalTx) RemovePromotion(ctx context.Context, p ledger.Promotion) error {
	return t.write(func() error { return t.Tx.RemovePromotion(ctx, p) })
}

func (t mortalTx) InsertShelf(ctx context.Context, p ledger.Promotion, to ledger.Target) error {
	return t.write(func() error { return t.Tx.InsertShelf(ctx, p, to) })
}

func (t mortalTx) ShelveFiles(ctx context.Context, p ledger.Promotion, now time.Time) error {
	return t.write(func() error { return t.Tx.ShelveFiles(ctx, p, now) })
}

func (t mortalTx) DropShelves(ctx context.Context, promotion string) error {
	return t.write(func() error { return t.Tx.DropShelves(ctx, promotion) })
}

func (t mortalTx) TakeAway(ctx context.Context, p ledger.Promotion, from string, now time.Time) error {
	return t.write(func() error { return t.Tx.TakeAway(ctx, p, from, now) })
}

func (t mortalTx) TakeOut(ctx context.Context, promotion string) error {
	return t.write(func() error { return t.Tx.TakeOut(ctx, promotion) })
}

func (t mortalTx) Restore(ctx context.Context, move ledger.Promotion, from string, o ledger.Overwrite, now time.Time) error {
	return t.write(func() error { return t.Tx.Restore(ctx, move, from, o, now) })
}

func (t mortalTx) AppendEvent(ctx context.Context, e ledger.Event) error {
	return t.write(func() error { return t.Tx.AppendEvent(ctx, e) })
}

// content is every row of each table that has to do with bundles.
func (w *world) content(db *sql.DB) string {
	w.t.Helper()
	var lines []string
	for _, table := range []string{"bundles", "bundle_names", "items", "signatures", "promotions", "shelves", "promoted", "occupied", "files", "environments", "projects", "events"} {
		rows, err := db.QueryContext(w.t.Context(), "SELECT * FROM "+table)
		if err != nil {
			w.t.Fatal(err)
		}
		columns, err := rows.Columns()
		for err == nil && rows.Next() {
			row := make([]any, len(columns))
			for i := range row {
				row[i] = new(any)
			}
			err = rows.Scan(row...)
			line := table
			for _, value := range row {
				line += fmt.Sprintf("|%v", *value.(*any))
			}
			lines = append(lines, line)
		}
		if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
			w.t.Fatal(err)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// The crash sweep of what happens to bundles: the program dies before and after each write, and before each commit. Nothing of what it did
// is there then, and the same done again ends as if nothing had happened.
func TestPromotionCrashSweep(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := shelves(t, url)
		ctx, admin := t.Context(), storetest.Admin()
		w.put("libs/a/one.txt", "one")
		w.put("jars/three.jar", "three")
		w.declares(func(d *ledger.Declaration) {
			d.Environments = append(d.Environments, ledger.Environment{Name: "far"})
			d.Repositories = append(d.Repositories, ledger.Repository{Name: "far-generic", Environment: "far"},
				ledger.Repository{Name: "far-remote", Environment: "far", Kind: ledger.Artifactory, Type: "maven", Connection: "art", Path: "far"})
		})
		promote := func(environment string, o ledger.PromoteOptions) func(*ledger.Ledger) error {
			return func(l *ledger.Ledger) error {
				_, err := l.Promote(ctx, admin, "acme", "box", "1", environment, o)
				return err
			}
		}
		back := func(environment string) func(*ledger.Ledger) error {
			return func(l *ledger.Ledger) error {
				_, err := l.RollBackPromotion(ctx, admin, "acme", "box", "1", environment, ledger.UnpromoteOptions{})
				return err
			}
		}
		driven := func(do func(*ledger.Ledger, ledger.Lease) error) func(*ledger.Ledger) error {
			return func(l *ledger.Ledger) error {
				all, _, err := l.Promotions(ctx, admin, "acme", "box", "1", ledger.List{Limit: 1})
				if err != nil {
					return err
				}
				return do(l, w.leaseOf(all[0].ID))
			}
		}
		end := driven(func(l *ledger.Ledger, lease ledger.Lease) error { _, err := l.EndPromotion(ctx, lease); return err })
		abandon := driven(func(l *ledger.Ledger, lease ledger.Lease) error { return l.Abandon(ctx, lease, "it is not to be") })
		db, points, every := storetest.Raw(t, url), 0, 1
		if testing.Short() {
			every = 4
		}
		for _, step := range []struct {
			title string
			do    func(*ledger.Ledger) error
		}{
			{"a bundle is made", func(l *ledger.Ledger) error {
				_, err := l.CreateBundle(ctx, admin, "acme", ledger.NewBundle{Name: "box", Version: "1", Sources: []ledger.Source{files("libs/a/one.txt", "jars/three.jar")}})
				return err
			}},
			{"the first promotion", promote("qa", ledger.PromoteOptions{Key: "other"})},
			{"a move", promote("prod", move())},
			{"a rollback of a move", back("prod")},
			{"a move", promote("prod", move())},
			{"what fails", func(l *ledger.Ledger) error {
				w.put("edge-maven/three.jar", "other")
				return promote("edge", move())(l)
			}},
			{"what is carried outside, too", promote("far", move())},
			{"is not to be", abandon},
			{"and fails there", end},
			{"what is carried outside, too", promote("far", move())},
			{"and arrives", func(l *ledger.Ledger) error {
				w.exec("UPDATE promoted SET state = 'done' WHERE state = 'wanted'")
				return end(l)
			}},
			{"a rollback, outside too", back("far")},
			{"what it takes away there", func(*ledger.Ledger) error {
				w.exec("UPDATE promoted SET state = 'removed' WHERE state = 'done' AND repository = 'far-remote'")
				w.exec("UPDATE promoted SET state = 'done' WHERE state = 'wanted'")
				return nil
			}},
			{"and its end", end},
			{"a bundle is deleted", func(l *ledger.Ledger) error {
				_, err := l.DeleteBundle(ctx, admin, "acme", "box", "1", ledger.UnpromoteOptions{})
				return err
			}},
		} {
			w.now = w.now.Add(time.Second)
			for n := 1; ; n += every {
				writes := 0
				l := &ledger.Ledger{Store: mortal{w.store, n, &writes}, Now: w.Now, NewID: w.NewID, Signing: w.Signing}
				before := w.content(db)
				err := step.do(l)
				if !errors.Is(err, errDead) {
					if err != nil {
						t.Fatalf("%s: %v", step.title, err)
					}
					break
				}
				points++
				if after := w.content(db); after != before && !strings.HasPrefix(step.title, "what fails") && step.title != "and arrives" {
					t.Errorf("%s, dead at %d: something is left of it:\n%s", step.title, n, diffOf(before, after))
				}
			}
		}
		if points*every < 100 {
			t.Errorf("only %d points", points)
		}
		w.stand("libs", "a/one.txt one")
		w.stand("jars", "three.jar three")
		for _, repository := range []string{"qa-generic", "qa-maven", "prod-generic", "prod-maven", "far-generic"} {
			w.stand(repository)
		}
		same(t, w.types("bundle."), []string{
			"bundle.created", "bundle.promoted", "bundle.promoted", "bundle.rollback", "bundle.promoted", "bundle.promotion-failed", "bundle.promoting", "bundle.promotion-failed",
			"bundle.promoting", "bundle.promoted", "bundle.rollback", "bundle.promotion-deleted", "bundle.deleted",
		})
	})
}

// diffOf is what is in one text only, line by line.
func diffOf(before, after string) string {
	var lines []string
	for line := range strings.SplitSeq(after, "\n") {
		if !strings.Contains(before, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
