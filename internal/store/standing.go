package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/pressly/goose/v3"
)

const (
	unsealed = `SELECT COUNT(*) FROM events WHERE position IS NULL`
	notEnded = `SELECT status, COUNT(*) FROM deployments WHERE (status = 'pending' OR status = 'in_progress' OR status = 'canceling' OR status = 'unknown') GROUP BY status`
)

// Standing is what is watched of a ledger. All of it is found by indexes that hold little.
type Standing struct {
	Position    int64            // of the newest sealed event
	Unsealed    int64            // events
	Deployments map[string]int64 // by status: those that have not ended, or of which nobody knows
	Quarantined time.Time        // zero: it is not
}

// Standing reads it.
func (s *Store) Standing(ctx context.Context) (now Standing, err error) {
	err = s.within(ctx, s.read, s.reading, func(t tx) error {
		end, err := one(ctx, t, broken(1, "the end of the chain is missing"), scanLink, chainEnd)
		if err != nil {
			return err
		}
		number := func(r row) (n int64, err error) { return n, r.Scan(&n) }
		waiting, err := one(ctx, t, nil, number, unsealed)
		if err != nil {
			return err
		}
		type counted struct {
			status string
			n      int64
		}
		scan := func(r row) (c counted, err error) { return c, r.Scan(&c.status, &c.n) }
		open, err := all(ctx, t, scan, notEnded)
		if err != nil {
			return err
		}
		now = Standing{Position: end.position, Unsealed: waiting, Deployments: map[string]int64{}}
		for _, c := range open {
			now.Deployments[c.status] = c.n
		}
		now.Quarantined, _, err = t.Quarantined(ctx)
		return err
	})
	return now, said(ctx, err)
}

// Pool is a set of connections to the database.
type Pool struct {
	Name        string // "write", "read"; "both" where they are one
	InUse, Idle int
	Waited      time.Duration // all those together who waited for a connection
}

// Pools returns the connections as they stand now.
func (s *Store) Pools() []Pool {
	pool := func(name string, db *sql.DB) Pool {
		now := db.Stats()
		return Pool{name, now.InUse, now.Idle, now.WaitDuration}
	}
	if s.write == s.read {
		return []Pool{pool("both", s.write)}
	}
	return []Pool{pool("write", s.write), pool("read", s.read)}
}

// Kind is the name of the database's kind.
func (s *Store) Kind() string {
	if s.dialect == goose.DialectPostgres {
		return "postgresql"
	}
	return "sqlite"
}
