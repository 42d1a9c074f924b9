package store

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	putImport = `INSERT INTO imports (environment, done, due_at, problem, message, problem_since, said) VALUES ($1, 0, 0, '', '', 0, 0)
		ON CONFLICT (environment) DO NOTHING`
	dueImports   = `SELECT environment FROM imports WHERE done = 0 AND due_at <= $1 ORDER BY due_at, environment LIMIT $2`
	openImport   = `SELECT problem, message, problem_since, said FROM imports WHERE environment = $1 AND done = 0`
	putOffImport = `UPDATE imports SET due_at = $2, problem = $3, message = $4, problem_since = $5, said = $6 WHERE environment = $1 AND done = 0`
	endImport    = `UPDATE imports SET done = 1, problem = '', message = '', problem_since = 0, said = 0 WHERE environment = $1 AND done = 0`
	keepShipment = insertShipment + ` ON CONFLICT (id) DO NOTHING`
	// What happened before the ledger knew the environment comes before all that it did there.
	makeOldest = `UPDATE deployments SET rev = 0 WHERE id = $1`
)

func noImport(environment string) *fault.Fault {
	return missing("no-import", "nothing is to be imported into the environment %.120s", environment)
}

func (t tx) PutImport(ctx context.Context, environment string) error {
	none := noEnvironmentID(environment)
	return t.insert(ctx, none, none, putImport, environment)
}

func (t tx) DueImports(ctx context.Context, limit int) ([]string, error) {
	now, err := t.now(ctx)
	if err != nil {
		return nil, err
	}
	return all(ctx, t, scanText, dueImports, now, limit)
}

func scanProblem(r row) (*ledger.Problem, error) {
	var p ledger.Problem
	var since, said int64
	if err := r.Scan(&p.Code, &p.Message, &since, &said); err != nil || p.Code == "" {
		return nil, err
	}
	p.Since, p.Said = moment(since), said == 1
	return &p, nil
}

func (t tx) Import(ctx context.Context, environment string) (*ledger.Problem, error) {
	return one(ctx, t, noImport(environment), scanProblem, openImport, environment)
}

func (t tx) PutOffImport(ctx context.Context, environment string, p ledger.Problem, after time.Duration) error {
	now, err := t.now(ctx)
	if err != nil {
		return err
	}
	return t.update(ctx, noImport(environment), putOffImport, environment, now+after.Milliseconds(), p.Code, p.Message, millis(p.Since), bit(p.Said))
}

func (t tx) EndImport(ctx context.Context, environment string) error {
	return t.update(ctx, noImport(environment), endImport, environment)
}

func (t tx) KeepShipment(ctx context.Context, s ledger.Shipment) error {
	r := s.Revision
	return t.insert(ctx, noProject(s.Project), noProject(s.Project), keepShipment,
		s.ID, s.Project, s.Made, r.Repository, r.SHA, r.Branch, string(r.Event), inJSON(r), inJSON(s.Contents), millis(s.CreatedAt), s.CreatedBy)
}

func (t tx) InsertPastDeployment(ctx context.Context, d ledger.Deployment) error {
	if err := t.InsertDeployment(ctx, d); err != nil {
		return err
	}
	return t.update(ctx, noDeployment(d.ID), makeOldest, d.ID)
}
