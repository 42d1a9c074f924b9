package ledger

import (
	"context"
	"time"
)

// Batch is what one request has made: deployments of apps. What it asked for and was not made is refused.
type Batch struct {
	ID, Project string
	Kind        BatchKind
	Shipment    string // id; "" where none is deployed
	Message     string // what else is to be said of it
	Refused     []Refused
	CreatedAt   time.Time
	CreatedBy   string
}

// BatchKind is what was asked for.
type BatchKind string

// The kinds.
const (
	OfShipment    BatchKind = "shipment" // something was shipped: the policies deploy
	OfDeploy      BatchKind = "deploy"
	OfRollback    BatchKind = "rollback"
	OfDelete      BatchKind = "delete"
	BranchDeleted BatchKind = "branch-deleted" // the apps that say so are deleted with it
)

// Refused is an app that was not deployed.
type Refused struct {
	App         string `json:"app"`
	Environment string `json:"environment"` // name
	Why         string `json:"why"`
}

// ShownBatch is a batch with its deployments, in the order of their making, and the names of their environments by id.
type ShownBatch struct {
	Batch
	Deployments  []Deployment
	Environments map[string]Environment
}

// Batch reads one by its id. Faults: no-project, no-batch.
func (l *Ledger) Batch(ctx context.Context, c Caller, project, id string) (ShownBatch, error) {
	return l.batch(ctx, c, project, func(tx Tx) (Batch, error) { return tx.Batch(ctx, project, id) })
}

// BatchOfShipment reads what the policies have made of a shipment. Faults: no-project, no-batch.
func (l *Ledger) BatchOfShipment(ctx context.Context, c Caller, project, shipment string) (ShownBatch, error) {
	return l.batch(ctx, c, project, func(tx Tx) (Batch, error) { return tx.BatchOfShipment(ctx, project, shipment) })
}

func (l *Ledger) batch(ctx context.Context, c Caller, project string, find func(Tx) (Batch, error)) (b ShownBatch, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		b = ShownBatch{}
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		found, err := find(tx)
		if err != nil {
			return err
		}
		b, err = l.shownBatch(ctx, tx, found)
		return err
	})
	return b, err
}

// shownBatch adds what was made of a batch.
func (l *Ledger) shownBatch(ctx context.Context, tx Tx, found Batch) (ShownBatch, error) {
	b := ShownBatch{Batch: found, Environments: map[string]Environment{}}
	all, err := tx.DeploymentsOfBatch(ctx, found.ID)
	for i := 0; err == nil && i < len(all); i++ {
		id := all[i].Environment
		if _, known := b.Environments[id]; !known {
			b.Environments[id], err = tx.EnvironmentByID(ctx, id)
		}
	}
	b.Deployments = all
	return b, err
}
