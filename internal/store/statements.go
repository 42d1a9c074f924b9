package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"regexp"

	"modernc.org/sqlite"
)

// openKeeping opens a file of SQLite over connections that keep their statements, as pgx does for PostgreSQL: to read one takes
// SQLite longer than to run it.
func openKeeping(dsn string) (*sql.DB, error) {
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(keeper{c}), nil
}

type keeper struct{ driver.Connector }

func (k keeper) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &keeping{connection: c.(connection), kept: map[string]*statement{}}, nil // the driver says that all its connections are that
}

// connection is what database/sql uses of one to SQLite. It runs nothing itself: then database/sql prepares a statement and closes it
// afterwards.
type connection interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// keeping is a connection with the statements that were closed. One that runs is in use by nobody else.
type keeping struct {
	connection
	kept map[string]*statement
}

// mostKept bounds the statements of one connection: more than the store has, whatever else is asked over it.
const mostKept = 200

// What else SQLite is told, as a PRAGMA, may do something when it is prepared.
var worthKeeping = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b`)

// PrepareContext returns the statement that was kept, or another one.
func (c *keeping) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if s := c.kept[query]; s != nil {
		delete(c.kept, query)
		return s, nil
	}
	s, err := c.connection.PrepareContext(ctx, query)
	if err != nil || !worthKeeping.MatchString(query) {
		return s, err
	}
	return &statement{prepared: s.(prepared), of: c, query: query}, nil // as above
}

// Unwrap lets the driver find its own connection.
func (c *keeping) Unwrap() driver.Conn { return c.connection }

// Close closes the statements, too.
func (c *keeping) Close() error {
	for _, s := range c.kept {
		_ = s.prepared.Close() // the connection says what is wrong
	}
	return c.connection.Close()
}

// prepared is what database/sql uses of a statement.
type prepared interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type statement struct {
	prepared
	of    *keeping
	query string
}

// Close keeps the statement, unless the same is kept.
func (s *statement) Close() error {
	if s.of.kept[s.query] != nil || len(s.of.kept) == mostKept {
		return s.prepared.Close()
	}
	s.of.kept[s.query] = s
	return nil
}
