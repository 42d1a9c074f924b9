package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// at is a time that every test can count from.
func at(seconds int) time.Time {
	return time.Date(2026, 11, 30, 10, 0, seconds, 250_000_000, time.UTC)
}

func rc(n int64) ledger.Version { return ledger.Version{Release: "3.9.4", Number: n} }

// change runs a change that must succeed.
func change(t *testing.T, s *store.Store, do func(ctx context.Context, tx ledger.Tx) error) {
	t.Helper()
	if err := s.Change(t.Context(), func(tx ledger.Tx) error { return do(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

// get reads one thing that must be there.
func get[T any](t *testing.T, s *store.Store, read func(ctx context.Context, tx ledger.Tx) (T, error)) (found T) {
	t.Helper()
	err := s.Read(t.Context(), func(tx ledger.Tx) (err error) {
		found, err = read(t.Context(), tx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// filled is a store with the project acme, its environments qa and prod, and three candidates.
func filled(t *testing.T, url string) *store.Store {
	t.Helper()
	s := storetest.Open(t, url)
	change(t, s, func(ctx context.Context, tx ledger.Tx) error {
		errs := []error{
			tx.PutProject(ctx, ledger.Project{Name: "acme", Repository: "acme/shop"}, at(0)),
			tx.PutEnvironment(ctx, environment("qa"), at(0)),
			tx.PutEnvironment(ctx, environment("prod"), at(0)),
		}
		for n := range int64(3) {
			errs = append(errs, tx.InsertCandidate(ctx, candidate(n+1)))
		}
		return errors.Join(errs...)
	})
	return s
}

func environment(name string) ledger.Environment {
	return ledger.Environment{ID: "environment-" + name, Project: "acme", Name: name, Tier: ledger.Staging, Kind: ledger.None}
}

func candidate(n int64) ledger.Candidate {
	return ledger.Candidate{
		ID: "candidate-" + rc(n).String(), Project: "acme", Version: rc(n), Commit: "0123456789012345678901234567890123456789",
		State: ledger.Ready, CreatedAt: at(int(n)), CreatedBy: "ann@example.org",
	}
}

func TestProjects(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		shop, bar, bare := ledger.Project{Name: "Shop", Repository: "acme/shop"}, ledger.Project{Name: "bar", Repository: "acme/bar"}, ledger.Project{Name: "b are", Repository: "acme/bare"}
		for range 2 { // the same again changes nothing
			change(t, s, func(ctx context.Context, tx ledger.Tx) error {
				return errors.Join(tx.PutProject(ctx, bar, at(0)), tx.PutProject(ctx, shop, at(0)), tx.PutProject(ctx, bare, at(1)))
			})
		}
		same(t, get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Project, error) { return tx.Project(ctx, "bar") }), bar)
		// By name is byte by byte on both databases, whatever language they speak.
		same(t, get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Project, error) { return tx.Projects(ctx) }), []ledger.Project{shop, bare, bar})
		moved := ledger.Project{Name: "bar", Repository: "acme/elsewhere"}
		err := s.Change(t.Context(), func(tx ledger.Tx) error { return tx.PutProject(t.Context(), moved, at(2)) })
		if !fault.Is(err, "other-repository") || fault.KindOf(err) != fault.Invalid {
			t.Errorf("a repository is for good: %v", err)
		}
	})
}

func TestEnvironments(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		qa := environment("qa")
		qa.ID, qa.Tier = "another", ledger.Production
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.PutEnvironment(ctx, qa, at(9)) })
		qa.ID = "environment-qa" // it stays what it was
		same(t, get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Environment, error) {
			return tx.Environment(ctx, "acme", "qa")
		}), qa)
		same(t, get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Environment, error) {
			return tx.Environments(ctx, "acme")
		}),
			[]ledger.Environment{environment("prod"), qa})
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			locked, err := tx.LockEnvironment(ctx, "acme", "qa")
			same(t, locked, qa)
			return err
		})
		if all := get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Environment, error) {
			return tx.Environments(ctx, "other")
		}); len(all) > 0 {
			t.Errorf("another project has %v", all)
		}
	})
}

func TestCandidates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		for n := range int64(3) {
			got := get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Candidate, error) {
				return tx.Candidate(ctx, "acme", rc(n+1))
			})
			same(t, got, candidate(n+1))
		}
	})
}
