package store

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	approvalsOf = `SELECT deployment, subject, at FROM approvals WHERE deployment = $1 ORDER BY subject`
	putApproval = `INSERT INTO approvals (deployment, subject, at) VALUES ($1, $2, $3) ON CONFLICT (deployment, subject) DO NOTHING`

	freezeReturned = `id, project, COALESCE(environment, ''), reason, actor, created_at, ends_at`
	freezesOf      = `SELECT ` + freezeReturned + ` FROM freezes WHERE project = $1 AND lifted_at = 0 ORDER BY id`
	insertFreeze   = `INSERT INTO freezes (id, project, environment, reason, actor, created_at, ends_at, lifted_at, lifted_by)
		VALUES ($1, $2, NULLIF($3, ''), $4, $5, $6, $7, 0, '')`
	liftFreeze = `UPDATE freezes SET lifted_at = $3, lifted_by = $4 WHERE id = $1 AND project = $2 AND lifted_at = 0 RETURNING ` + freezeReturned
)

func scanApproval(r row) (a ledger.Approval, err error) {
	var at int64
	err = r.Scan(&a.Deployment, &a.Subject, &at)
	a.At = moment(at)
	return a, err
}

func (t tx) Approvals(ctx context.Context, deployment string) ([]ledger.Approval, error) {
	return all(ctx, t, scanApproval, approvalsOf, deployment)
}

func (t tx) PutApproval(ctx context.Context, a ledger.Approval) error {
	return t.insert(ctx, noDeployment(a.Deployment), noDeployment(a.Deployment), putApproval, a.Deployment, a.Subject, millis(a.At))
}

func scanFreeze(r row) (f ledger.Freeze, err error) {
	var created, ends int64
	err = r.Scan(&f.ID, &f.Project, &f.Environment, &f.Reason, &f.Actor, &created, &ends)
	f.CreatedAt, f.EndsAt = moment(created), moment(ends)
	return f, err
}

func (t tx) Freezes(ctx context.Context, project string) ([]ledger.Freeze, error) {
	return all(ctx, t, scanFreeze, freezesOf, project)
}

func (t tx) InsertFreeze(ctx context.Context, f ledger.Freeze) error {
	return t.insert(ctx, exists("freeze-exists", "there is a freeze %s already", f.ID), noProject(f.Project), insertFreeze,
		f.ID, f.Project, f.Environment, f.Reason, f.Actor, millis(f.CreatedAt), millis(f.EndsAt))
}

func (t tx) LiftFreeze(ctx context.Context, project, id, by string, at time.Time) (ledger.Freeze, error) {
	none := fault.New(fault.NotFound, "no-freeze", "no freeze %.120s of %.120s holds", id, project)
	return one(ctx, t, none, scanFreeze, liftFreeze, id, project, millis(at), by)
}
