package store_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

func newLedger(s *store.Store) *ledger.Ledger {
	return &ledger.Ledger{Store: s, Now: func() time.Time { return at(30) }, NewID: storetest.NewID}
}

func event(id string) ledger.Event {
	return ledger.Event{
		ID: id, Time: at(3), Project: "acme", Type: "candidate.created", Subject: "candidate-1", Actor: "ann@example.org",
		Dialect: "v1", Address: "192.0.2.1", Data: map[string]string{"candidate": "3.9.4-rc1", "note": "»ü«\n\x00"},
	}
}

// content is every row of every table of ours, as text.
func content(t *testing.T, db *sql.DB) string {
	t.Helper()
	var all strings.Builder
	for _, table := range storetest.Tables(t, db) {
		found := rows(t, db, "SELECT * FROM "+table)
		slices.Sort(found)
		fmt.Fprintf(&all, "%s:\n%s\n", table, strings.Join(found, "\n"))
	}
	return all.String()
}

// rows are the rows of a query, as text.
func rows(t *testing.T, db *sql.DB, query string, arguments ...any) (found []string) {
	t.Helper()
	result, err := db.QueryContext(t.Context(), query, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = result.Close() }()
	columns, err := result.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for result.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(any)
		}
		if err := result.Scan(cells...); err != nil {
			t.Fatal(err)
		}
		line := make([]string, len(cells))
		for i, cell := range cells {
			line[i] = fmt.Sprint(*cell.(*any))
		}
		found = append(found, strings.Join(line, "|"))
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// tamper changes rows behind the store's back.
func tamper(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// snapshot keeps the history aside, and returns what brings it back.
func snapshot(t *testing.T, db *sql.DB) (back func()) {
	tables := []string{"events", "seals", "chain"}
	for _, table := range tables {
		tamper(t, db, "CREATE TEMPORARY TABLE kept_"+table+" AS SELECT * FROM "+table)
	}
	return func() {
		for _, table := range tables {
			tamper(t, db, "DELETE FROM "+table)
			tamper(t, db, "INSERT INTO "+table+" SELECT * FROM kept_"+table)
		}
	}
}
