package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// versions is the table in which the migrations note which of them were made.
const versions = goose.DefaultTablename

// catalogue are the questions to a database about its own tables.
type catalogue struct {
	tables  string // their names
	columns string // name and type of a table's columns
	// values is how many one statement writes when many rows are copied. PostgreSQL waits for each statement; SQLite looks for each
	// value by its name, among all of them.
	values int
}

var catalogues = map[goose.Dialect]catalogue{
	goose.DialectSQLite3: {
		tables:  `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`,
		columns: `SELECT name, LOWER(type) FROM pragma_table_info($1) ORDER BY name`,
		values:  50,
	},
	goose.DialectPostgres: {
		tables: `SELECT relname FROM pg_class WHERE relnamespace = CAST(current_schema() AS regnamespace) AND relkind IN ('r', 'p') ORDER BY relname`,
		columns: `SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
			WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relname = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname`,
		values: 8000,
	},
}

// table is one of the ledger's, as the database describes it.
type table struct {
	name    string
	columns []column
}

type column struct{ name, kind string }

func (t table) equal(o table) bool { return t.name == o.name && slices.Equal(t.columns, o.columns) }

// identifier is a name as SQL reads it, whatever the name is.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// list names the columns.
func (t table) list() string {
	names := make([]string, 0, len(t.columns))
	for _, c := range t.columns {
		names = append(names, identifier(c.name))
	}
	return strings.Join(names, ", ")
}

// tables are those that hold the ledger, by name: all of the database's but the one that counts migrations.
func (s *Store) tables(ctx context.Context, t tx) ([]table, error) {
	names, err := all(ctx, t, scanText, catalogues[s.dialect].tables)
	if err != nil {
		return nil, err
	}
	var found []table
	for _, name := range names {
		if name == versions {
			continue
		}
		scan := func(r row) (c column, err error) { return c, r.Scan(&c.name, &c.kind) }
		columns, err := all(ctx, t, scan, catalogues[s.dialect].columns, name)
		if err != nil {
			return nil, err
		}
		found = append(found, table{name, columns})
	}
	return found, nil
}

// version is that of the database's tables: the number of the newest migration, 0 where there is none.
func (s *Store) version(ctx context.Context, t tx) (int64, error) {
	names, err := all(ctx, t, scanText, catalogues[s.dialect].tables)
	if err != nil || !slices.Contains(names, versions) {
		return 0, err
	}
	scan := func(r row) (n int64, err error) { return n, r.Scan(&n) }
	return one(ctx, t, nil, scan, "SELECT COALESCE(MAX(version_id), 0) FROM "+versions)
}

// Versions returns the version of the database's tables, 0 where it has none, and that to which this program would bring them.
func (s *Store) Versions(ctx context.Context) (have, known int64, err error) {
	if known, err = newest(); err != nil {
		return 0, 0, err
	}
	err = s.within(ctx, s.read, s.reading, func(t tx) error {
		have, err = s.version(ctx, t)
		return err
	})
	return have, known, said(ctx, err)
}

// Contents is what a ledger holds.
type Contents struct {
	Tables      []Count // by name
	ledger.Head         // the end of the history
}

// Count is how many rows a table has.
type Count struct {
	Table string
	Rows  int64
}

// Contents counts the rows of all tables, and reads where the chain of events ends.
func (s *Store) Contents(ctx context.Context) (c Contents, err error) {
	err = s.within(ctx, s.read, s.reading, func(t tx) error {
		c, err = s.contents(ctx, t)
		return err
	})
	return c, said(ctx, err)
}

func (s *Store) contents(ctx context.Context, t tx) (c Contents, err error) {
	tables, err := s.tables(ctx, t)
	if err != nil {
		return c, err
	}
	if !slices.ContainsFunc(tables, func(t table) bool { return t.name == "chain" }) {
		return c, fault.New(fault.NotFound, "no-ledger", "the database holds no ledger").Hint("gio-server makes one when it starts")
	}
	for _, each := range tables {
		rows, err := each.count(ctx, t)
		if err != nil {
			return c, err
		}
		c.Tables = append(c.Tables, Count{each.name, rows})
	}
	end, err := one(ctx, t, broken(1, "the end of the chain is missing"), scanLink, chainEnd)
	c.Head = ledger.Head{Position: end.position, Hash: end.hash}
	return c, err
}

func (t table) count(ctx context.Context, in tx) (int64, error) {
	scan := func(r row) (n int64, err error) { return n, r.Scan(&n) }
	return one(ctx, in, nil, scan, fmt.Sprintf("SELECT COUNT(*) FROM %s", identifier(t.name)))
}
