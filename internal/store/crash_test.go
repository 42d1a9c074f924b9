package store_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// dying tells a copy of the tests which database to die on.
const dying = "GIO_TEST_DIES_ON"

// TestDies is the program that TestCrash kills: it ends in the middle of its second change.
func TestDies(t *testing.T) {
	url := os.Getenv(dying)
	if url == "" {
		t.Skip("skipped: this is the program that TestCrash starts")
	}
	s := open(t, url)
	write(t, s, 3)
	_ = s.Change(t.Context(), func(tx ledger.Tx) error {
		if err := writeAllButDeployments(t.Context(), tx); err != nil {
			t.Error(err)
		}
		if !t.Failed() {
			os.Exit(77)
		}
		return nil
	})
}

// What was committed before a program died is there, what was not has left nothing, and nothing has to be unlocked.
func TestCrash(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		if err := filled(t, url).Close(); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDies$")
		cmd.Env = append(os.Environ(), dying+"="+url)
		out, err := cmd.CombinedOutput()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 77 {
			t.Fatalf("it did not die as it should: %v\n%s", err, out)
		}
		s := storetest.Open(t, url)
		seal(t, s, 3)
		if projects := get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Project, error) { return tx.Projects(ctx) }); len(projects) != 1 {
			t.Errorf("half of a change is left: %v", projects)
		}
		change(t, s, writeAllButDeployments)
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A connection that is lost in the middle of a change: nothing is kept, and the next change finds another connection.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	s := filled(t, url)
	db := storetest.Raw(t, url)
	err := s.Change(t.Context(), func(tx ledger.Tx) error {
		if err := writeAllButDeployments(t.Context(), tx); err != nil {
			t.Error(err)
		}
		rows(t, db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'")
		_, err := tx.LockEnvironment(t.Context(), "acme", "qa")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "the database failed") {
		t.Errorf("the change: %v", err)
	}
	change(t, s, writeAllButDeployments)
	seal(t, s, 1)
}
