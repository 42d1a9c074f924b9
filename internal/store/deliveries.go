package store

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	putDelivery = `INSERT INTO deliveries (host, pipeline, count, at) VALUES ($1, $2, 1, $3)
		ON CONFLICT (host, pipeline) DO UPDATE SET count = deliveries.count + 1, at = excluded.at`
	deliveriesSince = `SELECT host, pipeline, count FROM deliveries WHERE at >= $1`
	pruneDeliveries = `DELETE FROM deliveries WHERE at < $1`
)

func (t tx) PutDelivery(ctx context.Context, host, pipeline string) error {
	now, err := t.now(ctx)
	if err == nil {
		_, err = t.exec(ctx, putDelivery, host, pipeline, now)
	}
	return err
}

func (t tx) Deliveries(ctx context.Context, within time.Duration) ([]ledger.Delivery, error) {
	now, err := t.now(ctx)
	if err != nil {
		return nil, err
	}
	scan := func(r row) (d ledger.Delivery, err error) { return d, r.Scan(&d.Host, &d.Pipeline, &d.Count) }
	return all(ctx, t, scan, deliveriesSince, now-within.Milliseconds())
}

func (t tx) PruneDeliveries(ctx context.Context, older time.Duration) error {
	now, err := t.now(ctx)
	if err == nil {
		_, err = t.exec(ctx, pruneDeliveries, now-older.Milliseconds())
	}
	return err
}
