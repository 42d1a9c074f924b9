package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

func shipment(n int) ledger.Shipment {
	return ledger.Shipment{
		ID: fmt.Sprintf("acme/shop-%d", n), Project: "acme", Made: fmt.Sprintf("made-%d", n),
		Revision: ledger.Revision{Repository: "acme/shop", SHA: fmt.Sprintf("0123456%d", n), Branch: "main", Event: ledger.Push, Message: "»ü«\x00"},
		Contents: ledger.Contents{
			Files: []json.RawMessage{json.RawMessage(`{"app":"shop","json6902Patches":null}`)}, Context: map[string]string{"A": "\x00"}, CUE: []string{"cue"},
			Items: []map[string]any{{"name": "CI"}}, Vars: map[string]string{"SHA": "1"}, Fake: true, Dropped: []string{"TOKEN"},
		},
		CreatedAt: at(n), CreatedBy: "ann@example.org",
	}
}

func batch(id, shipment string, kind ledger.BatchKind) ledger.Batch {
	return ledger.Batch{
		ID: id, Project: "acme", Kind: kind, Shipment: shipment, Message: "m", Refused: []ledger.Refused{{App: "a", Environment: "qa", Why: "because"}},
		CreatedAt: at(1), CreatedBy: "ann@example.org",
	}
}

func TestShipments(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			for _, n := range []int{2, 1, 3} { // whoever comes first: the clocks decide
				if err := tx.InsertShipment(ctx, shipment(n)); err != nil {
					return err
				}
			}
			twin := shipment(4) // of the same moment as the third
			twin.CreatedAt, twin.Revision.Branch = at(3), "dev"
			return tx.InsertShipment(ctx, twin)
		})
		list := func(o ledger.ShipmentList) (ids []string) {
			for _, one := range get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Shipment, error) {
				return tx.Shipments(ctx, "acme", o)
			}) {
				ids = append(ids, one.ID[len("acme/shop-"):])
			}
			return ids
		}
		same(t, list(ledger.ShipmentList{Limit: 9}), []string{"4", "3", "2", "1"})
		same(t, list(ledger.ShipmentList{Limit: 1, Offset: 1}), []string{"3"})
		same(t, list(ledger.ShipmentList{Limit: 9, After: "made-3"}), []string{"2", "1"})
		same(t, list(ledger.ShipmentList{Limit: 9, Since: at(2), Until: at(3)}), []string{"2"})
		same(t, list(ledger.ShipmentList{Limit: 9, Repository: "acme/shop", Branch: "dev", Event: ledger.Push}), []string{"4"})
		same(t, list(ledger.ShipmentList{Limit: 9, SHAs: []string{"01234561", "01234563"}}), []string{"3", "1"})
		same(t, get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Shipment, error) {
			return tx.Shipment(ctx, "acme", "acme/shop-2")
		}), shipment(2))
	})
}

func TestBatches(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		first, deploy := batch("1", "acme/shop-1", ledger.OfShipment), batch("2", "acme/shop-1", ledger.OfDeploy)
		deploy.Refused = nil
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			if err := tx.InsertShipment(ctx, shipment(1)); err != nil {
				return err
			}
			if err := tx.InsertBatch(ctx, deploy); err != nil {
				return err
			}
			return tx.InsertBatch(ctx, first)
		})
		same(t, get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Batch, error) { return tx.Batch(ctx, "acme", "2") }), deploy)
		same(t, get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Batch, error) {
			return tx.BatchOfShipment(ctx, "acme", "acme/shop-1")
		}), first)
		// The policies of a shipment deploy once, whoever writes.
		err := s.Change(t.Context(), func(tx ledger.Tx) error {
			return tx.InsertBatch(t.Context(), batch("3", "acme/shop-1", ledger.OfShipment))
		})
		if err == nil {
			t.Error("a shipment has two batches of its policies")
		}
	})
}
