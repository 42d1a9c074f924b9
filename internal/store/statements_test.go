package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/gravitee-lab/gio/internal/store"
)

// keepingOne is the one connection to a file with the table t, whose rows are 1 to 3.
func keepingOne(t *testing.T) *sql.DB {
	t.Helper()
	db, err := store.OpenKeeping("file://" + filepath.ToSlash(filepath.Join(t.TempDir(), "kept.db")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	db.SetMaxOpenConns(1)
	tamper(t, db, "CREATE TABLE t (n BIGINT PRIMARY KEY)")
	tamper(t, db, "INSERT INTO t (n) VALUES (1), (2), (3)")
	return db
}

// A statement whose rows are being read is another one's than the same text within.
func TestKeptStatementWithinItself(t *testing.T) {
	t.Parallel()
	db := keepingOne(t)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	const query = "SELECT n FROM t WHERE n > $1 ORDER BY n"
	var pairs []string
	for range 2 { // the second time both are kept ones
		outer, err := tx.QueryContext(t.Context(), query, 1)
		if err != nil {
			t.Fatal(err)
		}
		for outer.Next() {
			var n, next int
			if err := errors.Join(outer.Scan(&n), tx.QueryRowContext(t.Context(), query, 0).Scan(&next)); err != nil {
				t.Fatal(err)
			}
			pairs = append(pairs, fmt.Sprint(n, next))
		}
		if err := errors.Join(outer.Err(), outer.Close()); err != nil {
			t.Fatal(err)
		}
	}
	same(t, pairs, []string{"2 1", "3 1", "2 1", "3 1"})
}

// What was kept sees tables as they are now, and goes on after an error or an end of its context.
func TestKeptStatementLaterOn(t *testing.T) {
	t.Parallel()
	db := keepingOne(t)
	const newest, insert = "SELECT * FROM t ORDER BY n DESC LIMIT 1", "INSERT INTO t (n) VALUES ($1)"
	columns := func() int {
		found, err := db.QueryContext(t.Context(), newest)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = found.Close() }()
		names, err := found.Columns()
		if err := errors.Join(err, found.Err()); err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	same(t, columns(), 1)
	tamper(t, db, "ALTER TABLE t ADD COLUMN more BIGINT")
	same(t, columns(), 2)
	for range 2 {
		if _, err := db.ExecContext(t.Context(), insert, 1); err == nil {
			t.Error("a second row with one key")
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.ExecContext(over, insert, 4); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
	if _, err := db.ExecContext(t.Context(), insert, 4); err != nil {
		t.Error(err)
	}
	same(t, rows(t, db, "SELECT n FROM t ORDER BY n"), []string{"1", "2", "3", "4"})
}

// A PRAGMA does what it says each time, and a script all that it says.
func TestNotKept(t *testing.T) {
	t.Parallel()
	db := keepingOne(t)
	for range 2 {
		for _, value := range []string{"1", "0"} {
			tamper(t, db, "PRAGMA foreign_keys = "+value)
			same(t, rows(t, db, "PRAGMA foreign_keys"), []string{value})
		}
	}
	for n := range 2 {
		tamper(t, db, "INSERT INTO t (n) SELECT MAX(n) + 1 FROM t; INSERT INTO t (n) SELECT MAX(n) + 1 FROM t")
		same(t, rows(t, db, "SELECT COUNT(*) FROM t"), []string{fmt.Sprint(5 + 2*n)})
	}
	for n := range 500 { // more than are kept
		same(t, rows(t, db, fmt.Sprintf("SELECT %d", n)), []string{fmt.Sprint(n)})
	}
}
