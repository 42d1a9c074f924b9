// Package store keeps the ledger in a database: SQLite in a file, or PostgreSQL. Both get the same SQL, and hold the ledger's
// conditions as constraints.
package store

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// Store is a ledger.Store in a database. It is safe for concurrent use.
type Store struct {
	write, read       *sql.DB
	changing, reading sql.TxOptions
	dialect           goose.Dialect
	meaning           func(error) meaning
	clock             string       // query of the time that all programs share; "" where there is one program
	release           func() error // what else is held while the store is open
}

// meaning is what an error of a database asks for.
type meaning int

const (
	other     meaning = iota
	again             // the transaction met another one: run it again
	duplicate         // a row with this key exists
	dangling          // a row that this one refers to does not exist
)

// Open opens a database and brings its tables up to date: "sqlite:PATH" or a path makes the file where there is none and keeps
// every other program out of it; "postgres://…" must exist, and any number of programs may share it. Faults: kind Invalid
// "database-url", kind Stopped "database-in-use", kind Internal "database".
func Open(ctx context.Context, url string) (*Store, error) {
	s, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.dialect == goose.DialectSQLite3 { // no other program can have a lease
		for _, free := range []string{freeLeases, freePromotions} {
			if _, err := s.write.ExecContext(ctx, free); err != nil {
				return nil, errors.Join(said(ctx, err), s.Close())
			}
		}
	}
	return s, nil
}

func connect(ctx context.Context, url string) (*Store, error) {
	scheme, path, found := strings.Cut(url, ":")
	switch {
	case scheme == "postgres" || scheme == "postgresql":
		return openPostgres(ctx, url)
	case found && scheme == "sqlite":
		return openSQLite(ctx, path)
	case strings.Contains(url, "://"):
		return nil, fault.New(fault.Invalid, "database-url", "there is no database of the kind %.20q", scheme).Hint("write sqlite:PATH or postgres://…")
	}
	return openSQLite(ctx, url)
}

// Close ends all connections.
func (s *Store) Close() error {
	return errors.Join(s.read.Close(), s.write.Close(), s.release())
}

// mostTries bounds how often a transaction is run that meets others.
const mostTries = 20

// Change runs do in one transaction, and again when it met another one. What exists already is tried once more, too: those who
// look before they insert find then what another one made at the same time.
func (s *Store) Change(ctx context.Context, do func(ledger.Tx) error) error {
	if within := ledger.Join(ctx); within != nil {
		return within.Change(do)
	}
	return s.change(ctx, func(t tx) error { return do(t) })
}

func (s *Store) change(ctx context.Context, do func(tx) error) error {
	twice := false
	for try := 1; ; try++ {
		err := s.within(ctx, s.write, s.changing, do)
		_, found := errors.AsType[existing](err)
		if try == mostTries || s.meaning(err) != again && (!found || twice) {
			return said(ctx, err)
		}
		twice = twice || found
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// Read runs do on one state of the ledger.
func (s *Store) Read(ctx context.Context, do func(ledger.Tx) error) error {
	if within := ledger.Join(ctx); within != nil {
		return within.Read(do)
	}
	return said(ctx, s.within(ctx, s.read, s.reading, func(t tx) error { return do(t) }))
}

// within runs do in one transaction, which is committed unless do fails.
func (s *Store) within(ctx context.Context, db *sql.DB, options sql.TxOptions, do func(tx) error) error {
	t, err := db.BeginTx(ctx, &options)
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }() // it does nothing after a commit
	if err := do(tx{t, s.meaning, s.clock}); err != nil {
		return err
	}
	return t.Commit()
}

// pause waits a little, for a time that those who met do not share.
func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(rand.N(time.Duration(try) * 5 * time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// said makes a fault of a database's own error. What ended with its context says that, and no more.
func said(ctx context.Context, err error) error {
	switch {
	case err == nil || fault.CodeOf(err) != "":
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fault.New(fault.Internal, "database", "the database failed").Because(err).Hint("look at its log and its disk, and try again")
}
