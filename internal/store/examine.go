package store

import (
	"context"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Examine looks at all that a database holds, and returns it: whether a SQLite file is whole, whether every row that another one
// refers to is there, and whether the chain of events holds. Faults of kind Invalid: broken-file, broken-reference, broken-chain.
func (s *Store) Examine(ctx context.Context) (held Contents, err error) {
	return held, said(ctx, s.within(ctx, s.read, s.reading, func(t tx) error {
		if err := s.patient(ctx, t); err != nil {
			return err
		}
		if err := s.verifyFile(ctx, t); err != nil {
			return err
		}
		if held, err = s.contents(ctx, t); err != nil {
			return err
		}
		if err := s.verifyReferences(ctx, t); err != nil {
			return err
		}
		_, err := t.verify(ctx)
		return err
	}))
}

// verifyFile has SQLite look at its own pages. PostgreSQL looks at its pages as it reads them.
func (s *Store) verifyFile(ctx context.Context, t tx) error {
	if s.dialect != goose.DialectSQLite3 {
		return nil
	}
	found, err := all(ctx, t, scanText, "PRAGMA integrity_check(5)")
	if err == nil && strings.Join(found, "") != "ok" {
		err = fault.New(fault.Invalid, "broken-file", "the file of the database is damaged: %s", strings.Join(found, "; ")).Hint("restore a backup")
	}
	return err
}

const (
	sqliteDangling = `SELECT "table", parent, COUNT(*) FROM pragma_foreign_key_check GROUP BY "table", parent ORDER BY "table", parent`
	// A query for each reference, which finds the rows whose relative is missing.
	postgresDangling = `SELECT format('SELECT %L, %L, COUNT(*) FROM %s AS child WHERE %s AND NOT EXISTS (SELECT 1 FROM %s AS parent WHERE %s)',
			child.relname, parent.relname, CAST(k.conrelid AS regclass),
			(SELECT string_agg(format('child.%I IS NOT NULL', a.attname), ' AND ')
				FROM unnest(k.conkey) AS u (n) JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n),
			CAST(k.confrelid AS regclass),
			(SELECT string_agg(format('child.%I = parent.%I', a.attname, b.attname), ' AND ')
				FROM unnest(k.conkey, k.confkey) AS u (n, m)
				JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.m))
		FROM pg_constraint k JOIN pg_class child ON child.oid = k.conrelid JOIN pg_class parent ON parent.oid = k.confrelid
		WHERE k.contype = 'f' AND k.connamespace = CAST(current_schema() AS regnamespace) ORDER BY child.relname, parent.relname, k.oid`
)

// dangle are the rows of a table whose relatives in another one are missing.
type dangle struct {
	table, parent string
	rows          int64
}

func scanDangle(r row) (d dangle, err error) { return d, r.Scan(&d.table, &d.parent, &d.rows) }

// verifyReferences finds rows without those that they refer to, which a database allows only to those who ask it to look away.
func (s *Store) verifyReferences(ctx context.Context, t tx) error {
	queries := []string{sqliteDangling}
	if s.dialect == goose.DialectPostgres {
		var err error
		if queries, err = all(ctx, t, scanText, postgresDangling); err != nil {
			return err
		}
	}
	for _, query := range queries {
		found, err := all(ctx, t, scanDangle, query)
		if err != nil {
			return err
		}
		for _, d := range found {
			if d.rows > 0 {
				return fault.New(fault.Invalid, "broken-reference", "%d rows of %s refer to rows of %s that are not there", d.rows, d.table, d.parent).Hint("restore a backup")
			}
		}
	}
	return nil
}
