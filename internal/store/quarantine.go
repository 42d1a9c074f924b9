package store

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	quarantined   = `SELECT since, reason FROM quarantine WHERE id = 1`
	putQuarantine = `INSERT INTO quarantine (id, since, reason) VALUES (1, $1, $2)
		ON CONFLICT (id) DO UPDATE SET since = excluded.since, reason = excluded.reason`
	endQuarantine = `DELETE FROM quarantine WHERE id = 1`

	doubtEffects = `UPDATE effects SET state = 'unknown', token = token + 1 WHERE state = 'intended' RETURNING ` + effectReturned // reads all, once
)

func notQuarantined() *fault.Fault {
	return missing("not-quarantined", "the ledger is not quarantined: nothing is held back")
}

func (t tx) Quarantined(ctx context.Context) (since time.Time, reason string, err error) {
	type held struct {
		since  int64
		reason string
	}
	scan := func(r row) (h held, err error) { return h, r.Scan(&h.since, &h.reason) }
	h, err := one(ctx, t, notQuarantined(), scan, quarantined)
	if fault.Is(err, "not-quarantined") {
		return time.Time{}, "", nil
	}
	return moment(h.since), h.reason, err
}

func (t tx) DoubtEffects(ctx context.Context) ([]ledger.Effect, error) {
	return all(ctx, t, scanEffect, doubtEffects)
}

func (t tx) PutQuarantine(ctx context.Context, since time.Time, reason string) error {
	_, err := t.exec(ctx, putQuarantine, millis(since), reason)
	return err
}

func (t tx) EndQuarantine(ctx context.Context) error {
	return t.update(ctx, notQuarantined(), endQuarantine)
}
