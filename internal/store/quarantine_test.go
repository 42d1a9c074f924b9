package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

func TestQuarantine(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		is := func(since time.Time, reason string) {
			t.Helper()
			change(t, s, func(ctx context.Context, tx ledger.Tx) error {
				gotSince, gotReason, err := tx.Quarantined(ctx)
				if !gotSince.Equal(since) || gotReason != reason {
					t.Errorf("since %s: %q", gotSince, gotReason)
				}
				return err
			})
		}
		lift := func() error {
			return s.Change(t.Context(), func(tx ledger.Tx) error { return tx.EndQuarantine(t.Context()) })
		}
		is(time.Time{}, "")
		if err := lift(); !fault.Is(err, "not-quarantined") || fault.KindOf(err) != fault.NotFound {
			t.Errorf("lifted: %v", err)
		}
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.PutQuarantine(ctx, at(1), "restored") })
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.PutQuarantine(ctx, at(2), "again") })
		is(at(2), "again")
		if err := lift(); err != nil {
			t.Error(err)
		}
		is(time.Time{}, "")
	})
}
