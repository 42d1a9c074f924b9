package ledger

import (
	"context"
	"time"
)

// Delivery is what CircleCI has told of a pipeline, so many times.
type Delivery struct {
	Host, Pipeline string
	Count          int64
}

// deliveriesLast is how long they are kept.
const deliveriesLast = 24 * time.Hour

// Delivered notes that a system outside has told of a pipeline. Whoever watches it reads it sooner then; what it reads decides.
func (l *Ledger) Delivered(ctx context.Context, host, pipeline string) error {
	err := l.Store.Change(ctx, func(tx Tx) error { return tx.PutDelivery(ctx, host, pipeline) })
	if err == nil {
		l.changed()
	}
	return err
}

// Deliveries lists what was told lately. Transactions end in another order than they began: who asks again and again must ask for
// longer than the time between, and compare the counts.
func (l *Ledger) Deliveries(ctx context.Context, within time.Duration) (all []Delivery, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		all, err = tx.Deliveries(ctx, within)
		return err
	})
	return all, err
}
