package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gravitee-lab/gio/internal/fault"
)

// tx is a ledger.Tx.
type tx struct {
	sql     asked
	meaning func(error) meaning
	clock   string // query of the database's time in milliseconds; "" for our own
}

// asked is a transaction, or a database where each statement is one of its own.
type asked interface {
	ExecContext(ctx context.Context, query string, arguments ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, arguments ...any) *sql.Row
}

// row is a row of a result.
type row interface{ Scan(columns ...any) error }

// one reads the only row of a query, or returns the fault that says what is missing.
func one[T any](ctx context.Context, t tx, missing *fault.Fault, scan func(row) (T, error), query string, arguments ...any) (T, error) {
	if err := checkText(arguments); err != nil {
		var none T
		return none, err
	}
	found, err := scan(t.sql.QueryRowContext(ctx, query, arguments...))
	if errors.Is(err, sql.ErrNoRows) {
		return found, missing
	}
	return found, err
}

// all reads the rows of a query.
func all[T any](ctx context.Context, t tx, scan func(row) (T, error), query string, arguments ...any) ([]T, error) {
	if err := checkText(arguments); err != nil {
		return nil, err
	}
	rows, err := t.sql.QueryContext(ctx, query, arguments...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []T
	for rows.Next() {
		each, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, each)
	}
	return found, rows.Err()
}

// exec writes, and returns how many rows that changed.
func (t tx) exec(ctx context.Context, query string, arguments ...any) (int64, error) {
	if err := checkText(arguments); err != nil {
		return 0, err
	}
	result, err := t.sql.ExecContext(ctx, query, arguments...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// insert writes a row. Exists is the fault of one that is there already, missing of one whose relatives are not.
func (t tx) insert(ctx context.Context, exists, missing *fault.Fault, query string, arguments ...any) error {
	_, err := t.exec(ctx, query, arguments...)
	return t.named(err, exists, missing)
}

// existing is the fault of a row that was there already.
type existing struct{ error }

func (e existing) Unwrap() error { return e.error }

// named gives the constraint that failed its name in the ledger. What the database calls it helps nobody.
func (t tx) named(err error, exists, missing *fault.Fault) error {
	switch t.meaning(err) {
	case duplicate:
		return existing{exists}
	case dangling:
		return missing
	default:
		return err
	}
}

// update changes a row that must be there.
func (t tx) update(ctx context.Context, missing error, query string, arguments ...any) error {
	rows, err := t.exec(ctx, query, arguments...)
	if err == nil && rows == 0 {
		return missing
	}
	return err
}

// checkText refuses what PostgreSQL cannot keep, on both databases.
func checkText(arguments []any) error {
	for _, a := range arguments {
		if text, is := a.(string); is && (!utf8.ValidString(text) || strings.ContainsRune(text, 0)) {
			return fault.New(fault.Invalid, "invalid-text", "%.80q is not text: it must be UTF-8 without zero bytes", text)
		}
	}
	return nil
}

// millis is how a time is kept.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

func missing(code, format string, arguments ...any) *fault.Fault {
	return fault.New(fault.NotFound, code, format, arguments...)
}

func exists(code, format string, arguments ...any) *fault.Fault {
	return fault.New(fault.Invalid, code, format, arguments...)
}
