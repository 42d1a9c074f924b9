package store

import (
	"context"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	deploymentColumns = `SELECT id, environment, release, number, from_release, from_number, status, effect, reported,
		message, actor, COALESCE(restores, ''), forced, link, started_at, ended_at FROM deployments`
	ofEnvironment     = deploymentColumns + ` WHERE environment = $1`
	newestFirst       = ` ORDER BY rev DESC, id DESC`
	deploymentsOf     = ofEnvironment + newestFirst + ` LIMIT $2 OFFSET $3`
	deploymentsBefore = ofEnvironment + ` AND (rev, id) < ((SELECT rev FROM deployments WHERE id = $2), $2)` + newestFirst + ` LIMIT $3`
	underWay          = `(status = 'pending' OR status = 'in_progress' OR status = 'canceling' OR effect = 'wanted' OR effect = 'intended' OR effect = 'running' OR effect = 'unknown')`
	openDeployments   = ofEnvironment + ` AND ` + underWay + newestFirst
	succeeded         = ofEnvironment + ` AND status = 'success'` + newestFirst + ` LIMIT 1`
	busyDeployment    = ofEnvironment + ` AND (effect = 'intended' OR effect = 'running' OR effect = 'unknown')`
	newestOfCandidate = ofEnvironment + ` AND release = $2 AND number = $3` + newestFirst + ` LIMIT 1`
	reportable        = busyDeployment + ` UNION ALL SELECT * FROM (` + newestOfCandidate + `) AS newest`
	deploymentByID    = deploymentColumns + ` WHERE id = $1`
	deploymentsFrom   = deploymentColumns + ` WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3`
	unpromoted        = `SELECT d.id FROM deployments d JOIN environments e ON e.id = d.environment
		WHERE (d.status = 'pending' OR d.status = 'in_progress' OR d.status = 'canceling' OR d.effect = 'wanted' OR d.effect = 'intended' OR d.effect = 'running' OR d.effect = 'unknown')
		AND (d.effect = 'wanted' OR d.effect = '' AND d.status = 'pending') AND d.restores IS NULL
		AND EXISTS (SELECT 1 FROM repositories r WHERE r.project = e.project AND r.environment = e.id)
		AND EXISTS (SELECT 1 FROM candidates c JOIN bundles b ON b.candidate = c.id WHERE c.project = d.project AND c.release = d.release AND c.number = d.number
			AND b.status = 'COMPLETED' AND NOT EXISTS (SELECT 1 FROM promotions p WHERE p.bundle = b.id AND p.environment = e.id` + stands + `))
		ORDER BY d.environment DESC, d.rev, d.id`
	wantedIn         = `SELECT DISTINCT environment FROM deployments WHERE effect = 'wanted'`
	updateDeployment = `UPDATE deployments SET status = $2, message = $3, ended_at = $4, effect = $5, reported = $6, link = $7,
		from_release = $8, from_number = $9 WHERE id = $1`
	insertDeployment = `INSERT INTO deployments (id, project, environment, rev, release, number, from_release, from_number,
		status, message, actor, restores, started_at, ended_at, effect, reported, forced, link)
		SELECT $1, project, id, rev, $3, $4, $5, $6, $7, $8, $9, NULLIF($10, ''), $11, $12, $13, $14, $15, $16 FROM environments WHERE id = $2`
)

func noDeployment(what string) *fault.Fault {
	return missing("no-deployment", "there is no deployment %.120s", what)
}

func scanDeployment(r row) (d ledger.Deployment, err error) {
	var started, ended, reported int64
	err = r.Scan(&d.ID, &d.Environment, &d.Candidate.Release, &d.Candidate.Number, &d.From.Release, &d.From.Number,
		&d.Status, &d.Effect, &reported, &d.Message, &d.Actor, &d.Restores, &d.Forced, &d.Link, &started, &ended)
	d.Reported = reported == 1
	d.StartedAt, d.EndedAt = moment(started), moment(ended)
	return d, err
}

func (t tx) Deployments(ctx context.Context, environment string, offset, limit int) ([]ledger.Deployment, error) {
	return all(ctx, t, scanDeployment, deploymentsOf, environment, limit, offset)
}

func (t tx) DeploymentsBefore(ctx context.Context, environment, id string, limit int) ([]ledger.Deployment, error) {
	return all(ctx, t, scanDeployment, deploymentsBefore, environment, id, limit)
}

// DeploymentsNamed finds those between the prefix and what is greater than every id that begins with it.
func (t tx) DeploymentsNamed(ctx context.Context, prefix string, limit int) ([]ledger.Deployment, error) {
	return all(ctx, t, scanDeployment, deploymentsFrom, prefix, prefix+afterAll, limit)
}

func (t tx) Unpromoted(ctx context.Context) ([]string, error) {
	return all(ctx, t, scanText, unpromoted)
}

func (t tx) Open(ctx context.Context, environment string) ([]ledger.Deployment, error) {
	return all(ctx, t, scanDeployment, openDeployments, environment)
}

func (t tx) Succeeded(ctx context.Context, environment string) (ledger.Deployment, error) {
	return one(ctx, t, noDeployment("that succeeded"), scanDeployment, succeeded, environment)
}

func (t tx) Reportable(ctx context.Context, environment string, v ledger.Version) ([]ledger.Deployment, error) {
	return all(ctx, t, scanDeployment, reportable, environment, v.Release, v.Number)
}

// InsertDeployment takes the place in the order of its environment's locks.
func (t tx) InsertDeployment(ctx context.Context, d ledger.Deployment) error {
	rows, err := t.exec(ctx, insertDeployment, d.ID, d.Environment, d.Candidate.Release, d.Candidate.Number, d.From.Release, d.From.Number,
		string(d.Status), d.Message, d.Actor, d.Restores, millis(d.StartedAt), millis(d.EndedAt),
		string(d.Effect), bit(d.Reported), d.Forced, d.Link)
	if err == nil && rows == 0 {
		return missing("no-environment", "there is no environment %.120s", d.Environment)
	}
	return t.named(err, exists("deployment-exists", "there is a deployment %s already", d.ID), noCandidate("its project", d.Candidate))
}

func (t tx) UpdateDeployment(ctx context.Context, d ledger.Deployment) error {
	return t.update(ctx, noDeployment(d.ID), updateDeployment,
		d.ID, string(d.Status), d.Message, millis(d.EndedAt), string(d.Effect), bit(d.Reported), d.Link,
		d.From.Release, d.From.Number)
}

func (t tx) Deployment(ctx context.Context, id string) (ledger.Deployment, error) {
	return one(ctx, t, noDeployment(id), scanDeployment, deploymentByID, id)
}

func (t tx) WantedIn(ctx context.Context) ([]string, error) { return all(ctx, t, scanText, wantedIn) }
