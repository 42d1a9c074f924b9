package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/gravitee-lab/gio/internal/fault"
)

// connections is how many one program opens. PostgreSQL gives 100 to all of them, if nobody changed that.
const connections = 16

// openPostgres opens a database that exists. A transaction that changes reads what was committed when each of its statements
// began: after the one that locks an environment, that is all that others did there. One that reads sees one state.
func openPostgres(ctx context.Context, url string) (*Store, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil { // its text can hold the password
		return nil, fault.New(fault.Invalid, "database-url", "the address of the database cannot be read").
			Hint("write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with %%40 for an @ in the password; files that it names must exist")
	}
	setDefault(config.RuntimeParams, "application_name", "gio-server")
	// A program that hangs, or whose machine is gone, must not keep an environment locked.
	setDefault(config.RuntimeParams, "idle_in_transaction_session_timeout", "60000")
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(said(ctx, err), db.Close())
	}
	return &Store{
		write: db, changing: sql.TxOptions{Isolation: sql.LevelReadCommitted},
		read: db, reading: sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		dialect: goose.DialectPostgres, meaning: ofPostgres, release: func() error { return nil },
		clock: "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT",
	}, nil
}

func setDefault(parameters map[string]string, name, value string) {
	if _, set := parameters[name]; !set {
		parameters[name] = value
	}
}

// The names of PostgreSQL's errors are in appendix A of its manual.
func ofPostgres(err error) meaning {
	failed, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return other
	}
	switch failed.Code {
	case "23505": // unique_violation
		return duplicate
	case "23503": // foreign_key_violation
		return dangling
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return again
	}
	return other
}

// migrating is the advisory lock of the one program that changes the tables.
const migrating = 0x67696f

// alone runs do while no other program that shares the database does. It makes what is added, too: PostgreSQL compares text by the
// language of the database unless it is told otherwise.
func (s *Store) alone(ctx context.Context, do func() error) error {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrating); err != nil {
		return err
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrating)
	}()
	for is, make := range added {
		var exists bool
		if err := conn.QueryRowContext(ctx, "SELECT "+is+" IS NOT NULL").Scan(&exists); err != nil {
			return err
		}
		if !exists {
			if _, err := conn.ExecContext(ctx, make); err != nil {
				return err
			}
		}
	}
	return do()
}

// added is what PostgreSQL has to be given so that it takes the SQL that SQLite takes: the question whether it is there, and what makes it.
var added = map[string]string{
	"to_regtype('btext')": `CREATE DOMAIN btext AS TEXT COLLATE "C"`,
	// As SQLite's own: the keys of an object replace those of another one.
	"to_regprocedure('json_patch(text, text)')": `CREATE FUNCTION json_patch(text, text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS 'SELECT CAST(CAST($1 AS JSONB) || CAST($2 AS JSONB) AS TEXT)'`,
}
