package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

const (
	batch = 2000                   // events of one seal, at most
	pace  = 200 * time.Millisecond // from one round to the next

	anyUnsealed = `SELECT COUNT(*) FROM (SELECT id FROM events WHERE position IS NULL LIMIT 1) AS one`
	lockChain   = `UPDATE chain SET position = position WHERE id = 1 RETURNING position, hash`
	giveOut     = `UPDATE events SET position = $1 + batch.n
		FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS n FROM events WHERE position IS NULL ORDER BY id LIMIT $2) AS batch
		WHERE events.id = batch.id`
	digests    = `SELECT digest FROM events WHERE position > $1 ORDER BY position`
	insertSeal = `INSERT INTO seals (first_position, last_position, hash) VALUES ($1, $2, $3)`
	moveChain  = `UPDATE chain SET position = $1, hash = $2 WHERE id = 1`
)

// Run seals events as they come, until ctx ends. What could not be sealed is told, and tried again.
func (s *Store) Run(ctx context.Context, failed func(error)) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for ctx.Err() == nil {
		switch n, err := s.Seal(ctx); {
		case err != nil && ctx.Err() == nil:
			failed(err)
		case n == batch:
			continue
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// Seal gives at most 2,000 events their positions, and returns how many it gave.
func (s *Store) Seal(ctx context.Context) (int, error) {
	waiting := 0
	if err := s.read.QueryRowContext(ctx, anyUnsealed).Scan(&waiting); err != nil || waiting == 0 {
		return 0, said(ctx, err)
	}
	var sealed int64
	err := s.change(ctx, func(t tx) (err error) {
		sealed, err = t.seal(ctx)
		return err
	})
	return int(sealed), err
}

// link is the end of a chain of seals.
type link struct {
	position int64
	hash     string
}

func scanLink(r row) (l link, err error) { return l, r.Scan(&l.position, &l.hash) }

func (t tx) seal(ctx context.Context) (int64, error) {
	end, err := one(ctx, t, fault.New(fault.Internal, "broken-chain", "the end of the chain of events is missing"), scanLink, lockChain)
	if err != nil {
		return 0, err
	}
	n, err := t.exec(ctx, giveOut, end.position, batch)
	if err != nil || n == 0 {
		return 0, err
	}
	rows, err := all(ctx, t, scanText, digests, end.position)
	if err != nil {
		return 0, err
	}
	next := end.after(rows)
	if _, err := t.exec(ctx, insertSeal, end.position+1, next.position, next.hash); err != nil {
		return 0, err
	}
	_, err = t.exec(ctx, moveChain, next.position, next.hash)
	return n, err
}

func scanText(r row) (text string, err error) { return text, r.Scan(&text) }

// after is the link after these digests.
func (l link) after(digests []string) link {
	hash := sha256.New()
	hash.Write([]byte(l.hash))
	for _, d := range digests {
		hash.Write([]byte(d))
	}
	return link{l.position + int64(len(digests)), hex.EncodeToString(hash.Sum(nil))}
}
