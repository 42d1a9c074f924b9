package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// write appends n events.
func write(t *testing.T, s *store.Store, n int) {
	t.Helper()
	change(t, s, func(ctx context.Context, tx ledger.Tx) error {
		for range n {
			if err := tx.AppendEvent(ctx, event(storetest.NewID())); err != nil {
				return err
			}
		}
		return nil
	})
}

func seal(t *testing.T, s *store.Store, want int) {
	t.Helper()
	if n, err := s.Seal(t.Context()); err != nil || n != want {
		t.Fatalf("%d events were sealed, want %d: %v", n, want, err)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		first, second, third := event("1"), event("2"), event("3")
		second.Project, third.Data = "", nil
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			for _, e := range []ledger.Event{second, first} { // their ids are their order
				if err := tx.AppendEvent(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if all := allEvents(t, s, ""); len(all) > 0 {
			t.Errorf("%d events are listed before they are sealed", len(all))
		}
		seal(t, s, 2)
		seal(t, s, 0)
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.AppendEvent(ctx, third) })
		seal(t, s, 1)
		first.Position, second.Position, third.Position = 1, 2, 3
		list := func(project string, after int64, limit int) []ledger.Event {
			return get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Event, error) {
				return tx.Events(ctx, project, after, limit)
			})
		}
		same(t, list("", 0, 10), []ledger.Event{first, second, third})
		same(t, list("", 1, 1), []ledger.Event{second})
		same(t, list("acme", 0, 10), []ledger.Event{first, third})
		same(t, list("acme", 1, 10), []ledger.Event{third})
		same(t, list("other", 0, 10), []ledger.Event(nil))
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Many write while several seal: no position is left out or given twice, no reader who asks for what comes after misses one, and
// the chain verifies.
func TestSealingWhileManyWrite(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		programs := replicas(t, url, s)
		ctx, done := context.WithCancel(t.Context())
		followed := make(chan []ledger.Event)
		go func() { followed <- follow(ctx, t, s) }()
		for _, p := range programs {
			go func() {
				for ctx.Err() == nil {
					if _, err := p.Seal(ctx); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			}()
		}
		atOnce(t, crowd, func(i int) error {
			for range 10 {
				err := programs[i%len(programs)].Change(t.Context(), func(tx ledger.Tx) error { return tx.AppendEvent(t.Context(), event(storetest.NewID())) })
				if err != nil {
					return err
				}
			}
			return nil
		})
		done()
		seen := <-followed
		sealAll(t, s)
		all := allEvents(t, s, "")
		if len(all) != crowd*10 {
			t.Fatalf("%d events, want %d", len(all), crowd*10)
		}
		for i, e := range all {
			if e.Position != int64(i+1) {
				t.Fatalf("event %d has position %d", i+1, e.Position)
			}
		}
		same(t, append([]ledger.Event{}, seen...), all[:len(seen)]) // perhaps none yet
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// follow reads what comes after the last that it saw, until ctx ends.
func follow(ctx context.Context, t *testing.T, s *store.Store) (seen []ledger.Event) {
	for ctx.Err() == nil {
		err := s.Read(t.Context(), func(tx ledger.Tx) error {
			more, err := tx.Events(t.Context(), "", int64(len(seen)), 7)
			seen = append(seen, more...)
			return err
		})
		if err != nil {
			t.Error(err)
			return seen
		}
	}
	return seen
}

func TestOneSealHoldsAtMost2000(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		write(t, s, 2001)
		seal(t, s, 2000)
		seal(t, s, 1)
		same(t, rows(t, storetest.Raw(t, url), "SELECT first_position, last_position FROM seals ORDER BY 1"), []string{"1|2000", "2001|2001"})
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Six events in three seals, and one way to falsify them: Verify names the first position that does not fit.
func TestVerifyFinds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		do    string // what is done to them
		found int    // first position that does not fit, 0 for none
	}{
		{"UPDATE events SET position = position", 0},
		{"UPDATE events SET actor = 'eve' WHERE position = 4", 4},
		{"UPDATE events SET at = at + 1 WHERE position = 1", 1},
		{"UPDATE events SET id = 'another' WHERE position = 5", 5},
		{"UPDATE events SET project = 'b' WHERE position = 6", 6},
		{"UPDATE events SET type = 'b' WHERE position = 6", 6},
		{"UPDATE events SET subject = 'b' WHERE position = 6", 6},
		{"UPDATE events SET dialect = 'b' WHERE position = 6", 6},
		{"UPDATE events SET address = 'b' WHERE position = 6", 6},
		{"UPDATE events SET data = '{}' WHERE position > 2", 3},
		{"UPDATE events SET type = type || subject, subject = '' WHERE position = 2", 2},
		{"UPDATE events SET digest = '" + ledger.HashOf("") + "' WHERE position = 4", 4},
		{"DELETE FROM events WHERE position = 1", 1},
		{"DELETE FROM events WHERE position = 3", 3},
		{"DELETE FROM events WHERE position = 6", 6},
		{"UPDATE events SET position = NULL WHERE position = 3", 3},
		{"UPDATE events SET position = 7 WHERE position = 3", 3},
		{"UPDATE events SET position = position + 10 WHERE position = 6", 6},
		{"INSERT INTO events SELECT 'new', 7, at, project, type, subject, actor, dialect, address, data, digest FROM events WHERE position = 6", 7},
		{"UPDATE seals SET hash = '' WHERE first_position = 3", 3},
		{"DELETE FROM seals WHERE first_position = 1", 1},
		{"DELETE FROM seals WHERE first_position = 3", 3},
		{"DELETE FROM seals WHERE first_position = 5", 5},
		{"UPDATE seals SET last_position = 5 WHERE first_position = 3", 3},
		{"UPDATE seals SET last_position = 1 WHERE first_position = 1", 1},
		{"UPDATE seals SET last_position = 9000000 WHERE first_position = 5", 7},
		{"UPDATE chain SET hash = ''", 7},
		{"UPDATE chain SET position = 5", 6},
		{"DELETE FROM chain", 7},
	}
	storetest.Each(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		db := storetest.Raw(t, url)
		for range 3 {
			write(t, s, 2)
			seal(t, s, 2)
		}
		db.SetMaxOpenConns(1)
		backup := snapshot(t, db)
		for _, test := range tests {
			tamper(t, db, test.do)
			err := s.Verify(t.Context())
			if want := fmt.Sprintf("at position %d:", test.found); test.found == 0 && err != nil ||
				test.found > 0 && (!fault.Is(err, "broken-chain") || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: %v, want %s", test.do, err, want)
			}
			backup()
		}
		if err := s.Verify(t.Context()); err != nil {
			t.Fatalf("the test does not repair what it broke: %v", err)
		}
	})
}

// A row and its digest that were changed together are found by their seal.
func TestVerifyFindsAPatientForger(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		write(t, s, 2)
		seal(t, s, 2)
		forged := event("forged")
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.AppendEvent(ctx, forged) })
		db := storetest.Raw(t, url)
		tamper(t, db, "DELETE FROM events WHERE position = 2")
		tamper(t, db, "UPDATE events SET position = 2 WHERE id = 'forged'")
		if err := s.Verify(t.Context()); !fault.Is(err, "broken-chain") || !strings.Contains(err.Error(), "at position 1:") {
			t.Errorf("it finds %v", err)
		}
	})
}

// A sealer that fails tells, goes on, and leaves nothing half done.
func TestSealFails(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		write(t, s, 3)
		db := storetest.Raw(t, url)
		tamper(t, db, "INSERT INTO seals (first_position, last_position, hash) VALUES (1, 1, '')")
		before := content(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		told := 0
		s.Run(ctx, func(err error) {
			if told++; told == 2 {
				cancel()
			}
			if !fault.Is(err, "database") {
				t.Error(err)
			}
		})
		same(t, content(t, db), before)
		tamper(t, db, "DELETE FROM seals")
		seal(t, s, 3)
		tamper(t, db, "DELETE FROM chain")
		write(t, s, 1)
		if _, err := s.Seal(t.Context()); !fault.Is(err, "broken-chain") {
			t.Errorf("without the chain: %v", err)
		}
	})
}

// What is written is sealed within 200 ms, and more than one seal holds at once.
func TestRun(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		s := storetest.Open(t, url)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Run(ctx, func(err error) { t.Error(err) })
		}()
		for _, n := range []int{1, 2001} {
			before := len(allEvents(t, s, ""))
			write(t, s, n)
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			if got := len(allEvents(t, s, "")) - before; got != n {
				t.Errorf("%d of %d events are sealed", got, n)
			}
		}
		cancel()
		<-ended
	})
}

// An end that was kept elsewhere shows a history that was cut, or written anew as a whole.
func TestVerifyFrom(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		empty, err := s.Head(t.Context())
		if err != nil || empty != (ledger.Head{}) {
			t.Errorf("an empty history ends at %v, %v", empty, err)
		}
		write(t, s, 2)
		seal(t, s, 2)
		kept, err := s.Head(t.Context())
		if err != nil || kept.Position != 2 || len(kept.Hash) != 64 {
			t.Errorf("it ends at %v, %v", kept, err)
		}
		write(t, s, 3)
		seal(t, s, 3)
		now, err := s.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []ledger.Head{{}, kept, now} {
			if head, err := s.VerifyFrom(t.Context(), k); err != nil || head != now {
				t.Errorf("from %v: %v, %v", k, head, err)
			}
		}
		for _, test := range []struct {
			kept ledger.Head
			says string
		}{
			{ledger.Head{Position: 3, Hash: kept.Hash}, "position 3: no seal ends there"},
			{ledger.Head{Position: 2, Hash: now.Hash}, "position 2: no seal ends there"},
			{ledger.Head{Position: 9, Hash: now.Hash}, "position 6: it ends there, and went on to 9"},
		} {
			if _, err := s.VerifyFrom(t.Context(), test.kept); !fault.Is(err, "broken-chain") || !strings.Contains(err.Error(), test.says) {
				t.Errorf("from %v: %v", test.kept, err)
			}
		}
		db := storetest.Raw(t, url)
		for _, statement := range []string{"DELETE FROM events", "DELETE FROM seals", "UPDATE chain SET position = 0, hash = ''"} {
			tamper(t, db, statement)
		}
		write(t, s, 2)
		seal(t, s, 2)
		if err := s.Verify(t.Context()); err != nil {
			t.Errorf("a new history is whole by itself: %v", err)
		}
		for _, k := range []ledger.Head{kept, now} {
			if _, err := s.VerifyFrom(t.Context(), k); !fault.Is(err, "broken-chain") {
				t.Errorf("a new history, from %v: %v", k, err)
			}
		}
	})
}
