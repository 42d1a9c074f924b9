package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
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

// appDeployment is one of an app in qa.
func appDeployment(id, app string, s ledger.Status) ledger.Deployment {
	d := deployment(id, 1, s)
	d.Candidate = ledger.Version{}
	d.AppDeployment = ledger.AppDeployment{
		App: app, Action: ledger.DeployApp, Shipment: "acme/shop-1", FromShipment: "acme/shop-0", Batch: "batch", To: "to",
		Commit: ledger.Commit{Hash: "hash-" + id, Status: ledger.NotReconciled, Message: "m", At: at(3)},
	}
	return d
}

// What is one at a time, and what runs, is so for each app.
func TestAppDeployments(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			return errors.Join(tx.InsertShipment(ctx, shipment(1)), tx.InsertBatch(ctx, batch("batch", "acme/shop-1", ledger.OfShipment)),
				tx.PutApp(ctx, "environment-qa", "shop"), tx.PutApp(ctx, "environment-qa", "shop"), tx.PutApp(ctx, "environment-qa", "api"))
		})
		plain, shop, api := deployment("1", 1, ledger.Success), appDeployment("2", "shop", ledger.Success), appDeployment("3", "api", ledger.Success)
		plain.Effect, shop.Effect, api.Effect = ledger.EffectRunning, ledger.EffectRunning, ledger.EffectUnknown
		insert(t, s, plain, shop, api)
		one := func(read func(ctx context.Context, tx ledger.Tx) (ledger.Deployment, error)) ledger.Deployment {
			return get(t, s, read)
		}
		for app, want := range map[string]ledger.Deployment{"": plain, "shop": shop, "api": api} {
			same(t, one(func(ctx context.Context, tx ledger.Tx) (ledger.Deployment, error) {
				return tx.Succeeded(ctx, "environment-qa", app)
			}), want)
		}
		second := appDeployment("4", "shop", ledger.InProgress)
		second.Effect = ledger.EffectIntended
		err := s.Change(t.Context(), func(tx ledger.Tx) error { return tx.InsertDeployment(t.Context(), second) })
		if err == nil {
			t.Error("two deployments of one app have the slot")
		}
		second.Effect = ledger.EffectDone
		insert(t, s, second)
		list := func(read func(ctx context.Context, tx ledger.Tx) ([]ledger.Deployment, error)) []string {
			return ids(get(t, s, read))
		}
		same(t, list(func(ctx context.Context, tx ledger.Tx) ([]ledger.Deployment, error) {
			return tx.DeploymentsOfApp(ctx, "environment-qa", "shop", 9)
		}), []string{"4", "2"})
		same(t, list(func(ctx context.Context, tx ledger.Tx) ([]ledger.Deployment, error) {
			return tx.DeploymentsOfBatch(ctx, "batch")
		}), []string{"2", "3", "4"})
		same(t, list(func(ctx context.Context, tx ledger.Tx) ([]ledger.Deployment, error) {
			return tx.Committed(ctx, "environment-qa", 2)
		}), []string{"4", "3"})
		same(t, list(func(ctx context.Context, tx ledger.Tx) ([]ledger.Deployment, error) {
			return tx.CommittedUpTo(ctx, "environment-qa", "3", 9)
		}), []string{"3", "2"})
		same(t, one(func(ctx context.Context, tx ledger.Tx) (ledger.Deployment, error) {
			return tx.DeploymentOfCommit(ctx, "environment-qa", "hash-3")
		}), api)
		second.Commit, second.FromShipment = ledger.Commit{Hash: "other", Status: "Progressing", Message: "n", At: at(4)}, "from"
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			return errors.Join(tx.UpdateDeployment(ctx, second), tx.SetAppHold(ctx, "environment-qa", "shop", "4"), tx.DropApp(ctx, "environment-qa", "api"))
		})
		same(t, one(func(ctx context.Context, tx ledger.Tx) (ledger.Deployment, error) { return tx.Deployment(ctx, "4") }), second)
		same(t, get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.App, error) { return tx.Apps(ctx, "environment-qa") }), []ledger.App{{Name: "shop", Hold: "4"}})
		same(t, get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.App, error) {
			return tx.App(ctx, "environment-qa", "shop")
		}), ledger.App{Name: "shop", Hold: "4"})
		same(t, get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Revision, error) {
			return tx.Revision(ctx, "acme", "acme/shop-1")
		}), shipment(1).Revision)
	})
}

// A deployment is of a candidate or of an app, and never of both or neither.
func TestAppOrCandidate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			return errors.Join(tx.InsertShipment(ctx, shipment(1)), tx.InsertBatch(ctx, batch("batch", "acme/shop-1", ledger.OfShipment)))
		})
		both, neither, idle := appDeployment("1", "shop", ledger.Pending), deployment("2", 1, ledger.Pending), appDeployment("3", "shop", ledger.Pending)
		both.Candidate, neither.Candidate, idle.Action = rc(1), ledger.Version{}, ""
		for _, d := range []ledger.Deployment{both, neither, idle} {
			if err := s.Change(t.Context(), func(tx ledger.Tx) error { return tx.InsertDeployment(t.Context(), d) }); err == nil {
				t.Errorf("%+v is kept", d)
			}
		}
	})
}

// What was there before there were apps is there afterwards, and whoever refers to it still does.
func TestAppsArrive(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		if !storetest.IsSQLite(url) { // it has all tables already
			db := storetest.Raw(t, url)
			tamper(t, db, "DROP SCHEMA public CASCADE")
			tamper(t, db, "CREATE SCHEMA public")
		}
		old, err := store.OpenAt(t.Context(), url, 11)
		if err != nil {
			t.Fatal(err)
		}
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
		db := storetest.Raw(t, url)
		for _, row := range []string{
			`INSERT INTO projects (name, repository, created_at, applied_at) VALUES ('acme', 'acme/shop', 1, 1)`,
			`INSERT INTO environments (id, project, name, tier, kind, created_at) VALUES ('qa', 'acme', 'qa', 'staging', 'circleci', 1)`,
			`INSERT INTO candidates (id, project, release, number, commit_hash, state, created_at, created_by) VALUES ('c', 'acme', '1.0', 1, 'abc', 'ready', 1, 'ann')`,
			`INSERT INTO deployments (id, project, environment, rev, release, number, from_release, from_number, status, message, actor, restores, started_at, ended_at, effect)
				VALUES ('z', 'acme', 'qa', 1, '1.0', 1, '', 0, 'success', 'm', 'ann', NULL, 1, 2, 'done'), ('a', 'acme', 'qa', 2, '1.0', 1, '1.0', 1, 'in_progress', '', 'ann', 'z', 1, 0, 'running')`,
			`INSERT INTO effects (id, kind, project, environment, deployment, state, target, held, cancel, answer, intent, token, seq, renewed_at, created_at)
				VALUES ('e', 'circleci', 'acme', 'qa', 'a', 'running', 't', 1, 0, '', '{}', 1, 1, 0, 1)`,
			`INSERT INTO journal VALUES ('e', 1, '{}')`, `INSERT INTO pipelines VALUES ('h', 'p', 'e')`, `INSERT INTO approvals VALUES ('a', 'ann', 1)`,
		} {
			tamper(t, db, row)
		}
		tables := []string{"deployments", "effects", "journal", "pipelines", "approvals"}
		columns := "id, rev, release, number, from_release, from_number, status, message, actor, restores, started_at, ended_at, effect, reported, forced, link"
		read := func() (all []string) {
			all = rows(t, db, "SELECT "+columns+" FROM deployments ORDER BY id")
			for _, table := range tables[1:] {
				all = append(all, rows(t, db, "SELECT * FROM "+table)...)
			}
			return all
		}
		before := read()
		s := storetest.Open(t, url)
		same(t, read(), before)
		for deployment, want := range map[string]string{"a": "", "none": "no-deployment"} {
			err := s.Change(t.Context(), func(tx ledger.Tx) error {
				return tx.PutApproval(t.Context(), ledger.Approval{Deployment: deployment, Subject: "bob"})
			})
			if fault.CodeOf(err) != want {
				t.Errorf("an approval of %s: %v", deployment, err)
			}
		}
	})
}
