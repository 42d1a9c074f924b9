package store_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// No query reads a table from one end to the other, or sorts what it found: none grows with what it does not return. (The
// environments of one project are sorted, and they are what is returned.)
func TestQueriesUseIndexes(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		url := storetest.SQLite(t)
		filled(t, url)
		db := storetest.Raw(t, url)
		all := store.Queries()
		maps.Copy(all, store.WholeQueries())
		for query, arguments := range all {
			plan := strings.Join(rows(t, db, "EXPLAIN QUERY PLAN "+query, arguments...), "\n")
			whole := strings.Contains(plan, "SCAN ")
			for _, harmless := range []string{"SCAN (subquery", "SCAN batch", "SCAN one", "SCAN newest"} { // what another query chose
				whole = whole && !strings.Contains(plan, harmless)
			}
			inOrder := len(arguments) == 0 && strings.Contains(plan, " USING ") // it returns all
			_, goesThrough := store.WholeQueries()[query]
			if whole && !inOrder || strings.Contains(plan, "TEMP B-TREE") && !goesThrough {
				t.Errorf("%s\n%s", query, plan)
			}
		}
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := storetest.Postgres(t)
		db := storetest.Raw(t, url)
		db.SetMaxOpenConns(1)
		for _, without := range []string{"seqscan", "sort", "bitmapscan"} { // with empty tables it would take them anyway
			tamper(t, db, "SET enable_"+without+" = off")
		}
		for query, arguments := range store.Queries() {
			plan := strings.Join(rows(t, db, "EXPLAIN "+query, arguments...), "\n")
			if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Sort") || strings.Contains(plan, "Filter:") && !findsOne(plan) {
				t.Errorf("%s\n%s", query, plan)
			}
		}
		for query, arguments := range store.WholeQueries() {
			if plan := strings.Join(rows(t, db, "EXPLAIN "+query, arguments...), "\n"); strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s\n%s", query, plan)
			}
		}
	})
}

// findsOne tells whether an index leads to one row, which a filter then looks at, or to rows that all wait for the same.
func findsOne(plan string) bool {
	for _, harmless := range []string{
		"((id)::text = 'a'", "((shipment)::text = 'a'", "((deployment)::text = 'a'", "((candidate)::text = 'a'", "(id)::text = 'a'::text))", "((sha256)::text = 'a'", "((sha1)::text = 'a'",
		"effects_open on effects mine", // those whose target is taken
		"watches_pkey",                 // one row, which may not be due
		"candidates_newest",            // PostgreSQL takes any index of an empty table
		"bundles_newest", "bundle_names_pkey",
	} {
		if strings.Contains(plan, harmless) {
			return true
		}
	}
	return false
}
