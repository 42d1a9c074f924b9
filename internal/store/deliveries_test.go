package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

func TestDeliveries(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		l, db := newLedger(s), storetest.Raw(t, url)
		lately := func() map[ledger.Delivery]bool {
			found := map[ledger.Delivery]bool{}
			for _, d := range get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Delivery, error) {
				return tx.Deliveries(ctx, time.Minute)
			}) {
				found[d] = true
			}
			return found
		}
		for _, d := range []string{"a", "b", "a"} {
			if err := l.Delivered(t.Context(), "ci.test", d); err != nil {
				t.Fatal(err)
			}
		}
		same(t, lately(), map[ledger.Delivery]bool{{Host: "ci.test", Pipeline: "a", Count: 2}: true, {Host: "ci.test", Pipeline: "b", Count: 1}: true})
		tamper(t, db, "UPDATE deliveries SET at = at - 120000 WHERE pipeline = 'b'")
		same(t, lately(), map[ledger.Delivery]bool{{Host: "ci.test", Pipeline: "a", Count: 2}: true})
		tamper(t, db, "UPDATE deliveries SET at = at - 86400000 WHERE pipeline = 'b'")
		if err := l.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		same(t, rows(t, db, "SELECT pipeline, count FROM deliveries"), []string{"a|2"})
	})
}
