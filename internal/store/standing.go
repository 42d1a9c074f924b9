package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	unsealed = `SELECT COUNT(*) FROM events WHERE position IS NULL`
	statuses = `SELECT status FROM deployments WHERE ` + underWay
	unknowns = `SELECT COUNT(*) FROM deployments WHERE status = 'unknown'`
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
		open, err := all(ctx, t, scanText, statuses)
		if err != nil {
			return err
		}
		unknown, err := one(ctx, t, nil, number, unknowns)
		if err != nil {
			return err
		}
		now = Standing{Position: end.position, Unsealed: waiting, Deployments: map[string]int64{string(ledger.Unknown): unknown}}
		for _, status := range open {
			if ledger.Status(status).Active() { // the end of what runs may have been said already
				now.Deployments[status]++
			}
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
