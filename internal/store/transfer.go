package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// Transfer says more about a copy from one database to another.
type Transfer struct {
	// Copied is told of each table that was copied, before anything is committed. It may be nil.
	Copied func(Count)
	// Last is the end of the transaction in which the target is filled, once the target was found to hold what the source does.
	// It may be nil.
	Last func(ledger.Tx, Contents) error
}

// Copy fills a database that holds nothing with all that another one does. Both are opened as a server opens them, which keeps
// servers from a SQLite file. All is written in one transaction, and compared before it is committed: the number of each table's
// rows, and the chain of events, which must hold on both sides. Faults: not-empty, other-tables, broken-chain, copy-differs.
func Copy(ctx context.Context, from, to string, more Transfer) (Contents, error) {
	source, err := Open(ctx, from)
	if err != nil {
		return Contents{}, err
	}
	defer func() { _ = source.Close() }()
	return transferTo(ctx, source, to, more)
}

func transferTo(ctx context.Context, source *Store, url string, more Transfer) (Contents, error) {
	target, err := Open(ctx, url)
	if err != nil {
		return Contents{}, err
	}
	held, err := transfer(ctx, source, target, more)
	if closed := target.Close(); err == nil {
		err = closed
	}
	return held, err
}

// transfer reads one state of the source and writes it to the target, in one transaction of each.
func transfer(ctx context.Context, source, target *Store, more Transfer) (held Contents, err error) {
	err = source.within(ctx, source.read, source.reading, func(from tx) error {
		if err := source.patient(ctx, from); err != nil {
			return err
		}
		if _, err := from.verify(ctx); err != nil {
			return err
		}
		return target.within(ctx, target.write, target.changing, func(to tx) error {
			held, err = fill(ctx, source, target, from, to, more)
			if err != nil || more.Last == nil {
				return err
			}
			return more.Last(to, held)
		})
	})
	return held, said(ctx, err)
}

func fill(ctx context.Context, source, target *Store, from, to tx, more Transfer) (Contents, error) {
	tables, err := sameTables(ctx, source, target, from, to)
	if err != nil {
		return Contents{}, err
	}
	if err := target.reserve(ctx, to, tables); err != nil {
		return Contents{}, err
	}
	settle, err := target.deferReferences(ctx, to)
	if err != nil {
		return Contents{}, err
	}
	var copied []Count
	for _, each := range tables {
		rows, err := each.copy(ctx, from, to, catalogues[target.dialect].values)
		if err != nil {
			return Contents{}, fmt.Errorf("the table %s: %w", each.name, err)
		}
		copied = append(copied, Count{each.name, rows})
		if more.Copied != nil {
			more.Copied(copied[len(copied)-1])
		}
	}
	if err := settle(); err != nil {
		return Contents{}, err
	}
	return compare(ctx, source, target, from, to, copied)
}

// sameTables are those of both databases, which must be of one version.
func sameTables(ctx context.Context, source, target *Store, from, to tx) ([]table, error) {
	has, err := source.version(ctx, from)
	if err != nil {
		return nil, err
	}
	wants, err := target.version(ctx, to)
	if err != nil {
		return nil, err
	}
	other := fault.New(fault.Invalid, "other-tables", "the tables of the two databases are of the versions %d and %d", has, wants).
		Hint("use the gio-server of the newer one for both")
	if has != wants {
		return nil, other
	}
	tables, err := source.tables(ctx, from)
	if err != nil {
		return nil, err
	}
	theirs, err := target.tables(ctx, to)
	if err == nil && !slices.EqualFunc(tables, theirs, table.equal) {
		err = other.Because(fmt.Errorf("they are not the same all the same"))
	}
	return tables, err
}

// patient keeps PostgreSQL from ending a transaction that waits for the other database.
func (s *Store) patient(ctx context.Context, t tx) error {
	if s.dialect != goose.DialectPostgres {
		return nil
	}
	_, err := t.exec(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0")
	return err
}

// reserve keeps everybody else from the tables, and refuses what is not empty. What the migrations have written goes: the
// source has that, too.
func (s *Store) reserve(ctx context.Context, t tx, tables []table) error {
	if err := s.patient(ctx, t); err != nil {
		return err
	}
	if s.dialect == goose.DialectPostgres {
		for _, each := range tables {
			if _, err := t.exec(ctx, "LOCK TABLE "+identifier(each.name)+" IN ACCESS EXCLUSIVE MODE"); err != nil {
				return err
			}
		}
	}
	for _, each := range tables {
		rows, err := each.count(ctx, t)
		if err != nil {
			return err
		}
		if rows > 0 && each.name != "chain" {
			return fault.New(fault.Invalid, "not-empty", "the database is not empty: %s has %d rows", each.name, rows).
				Hint("name a database that holds nothing: a new file, or the result of CREATE DATABASE")
		}
	}
	_, err := t.exec(ctx, "DELETE FROM chain")
	return err
}

// deferReferences lets rows come before those that they refer to, of their own table too, until settle looks at all.
func (s *Store) deferReferences(ctx context.Context, t tx) (settle func() error, err error) {
	if s.dialect == goose.DialectSQLite3 {
		_, err := t.exec(ctx, "PRAGMA defer_foreign_keys = 1") // until the end of the transaction
		return func() error { return s.verifyReferences(ctx, t) }, err
	}
	references, err := all(ctx, t, scanText, postgresReferences)
	if err != nil {
		return nil, err
	}
	alter := func(how string) error {
		for _, reference := range references {
			if _, err := t.exec(ctx, reference+how); err != nil {
				return err
			}
		}
		return nil
	}
	settle = func() error {
		if _, err := t.exec(ctx, "SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
			return err
		}
		return alter("NOT DEFERRABLE")
	}
	return settle, alter("DEFERRABLE INITIALLY DEFERRED")
}

// postgresReferences begins the statement that changes when a reference is looked at, for each.
const postgresReferences = `SELECT format('ALTER TABLE %s ALTER CONSTRAINT %I ', CAST(conrelid AS regclass), conname) FROM pg_constraint
	WHERE contype = 'f' AND NOT condeferrable AND connamespace = CAST(current_schema() AS regnamespace) ORDER BY oid`

// copy copies all rows, each statement writes that many values, and returns how many rows there were.
func (t table) copy(ctx context.Context, from, to tx, values int) (copied int64, err error) {
	rows, err := from.sql.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s", t.list(), identifier(t.name)))
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	full := max(1, values/len(t.columns)) * len(t.columns)
	var batch []any
	for rows.Next() {
		cells, err := t.scan(rows)
		if err != nil {
			return copied, err
		}
		batch = append(batch, cells...)
		if len(batch) == full {
			if err := t.write(ctx, to, batch); err != nil {
				return copied, err
			}
			batch = batch[:0]
		}
		copied++
	}
	if err := rows.Err(); err != nil || len(batch) == 0 {
		return copied, err
	}
	return copied, t.write(ctx, to, batch)
}

// scan reads a row by the types of the columns. Those of the ledger have two.
func (t table) scan(r row) ([]any, error) {
	cells := make([]any, len(t.columns))
	for i, c := range t.columns {
		switch c.kind {
		case "btext":
			cells[i] = new(sql.NullString)
		case "bigint":
			cells[i] = new(sql.NullInt64)
		default:
			return nil, fmt.Errorf("the column %s has the type %s, of which a copy knows nothing", c.name, c.kind)
		}
	}
	return cells, r.Scan(cells...)
}

func (t table) write(ctx context.Context, to tx, values []any) error {
	var text strings.Builder
	fmt.Fprintf(&text, "INSERT INTO %s (%s) VALUES ", identifier(t.name), t.list())
	for i := range values {
		switch {
		case i == 0:
			text.WriteString("(")
		case i%len(t.columns) == 0:
			text.WriteString("), (")
		default:
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "$%d", i+1)
	}
	text.WriteString(")")
	_, err := to.sql.ExecContext(ctx, text.String(), values...)
	return err
}

// compare holds the target to what was read of the source.
func compare(ctx context.Context, source, target *Store, from, to tx, copied []Count) (Contents, error) {
	was, err := source.contents(ctx, from)
	if err != nil {
		return was, err
	}
	is, err := target.contents(ctx, to)
	if err != nil {
		return is, err
	}
	end, err := to.verify(ctx)
	if err != nil {
		return is, err
	}
	if !slices.Equal(was.Tables, copied) || !slices.Equal(is.Tables, copied) || was.Head != (ledger.Head{Position: end.position, Hash: end.hash}) {
		return is, fault.New(fault.Internal, "copy-differs", "the copy is not what was copied, and was thrown away: %v at %d, from %v at %d", is.Tables, is.Position, was.Tables, was.Position).
			Hint("look at the disks of both databases, and run gio-server verify")
	}
	return is, nil
}
