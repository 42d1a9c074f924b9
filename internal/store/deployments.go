package store

import (
	"context"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	deploymentColumns = `SELECT id, environment, COALESCE(release, ''), COALESCE(number, 0), from_release, from_number, status, effect, reported,
		message, actor, COALESCE(restores, ''), forced, link, started_at, ended_at, app, action, COALESCE(shipment, ''), from_shipment,
		COALESCE(batch, ''), target, commit_hash, commit_status, commit_message, commit_at FROM deployments`
	ofEnvironment     = deploymentColumns + ` WHERE environment = $1`
	newestFirst       = ` ORDER BY rev DESC, id DESC`
	deploymentsOf     = ofEnvironment + newestFirst + ` LIMIT $2 OFFSET $3`
	deploymentsBefore = ofEnvironment + ` AND (rev, id) < ((SELECT rev FROM deployments WHERE id = $2), $2)` + newestFirst + ` LIMIT $3`
	underWay          = `(status = 'pending' OR status = 'in_progress' OR status = 'canceling' OR effect = 'wanted' OR effect = 'intended' OR effect = 'running' OR effect = 'unknown')`
	openDeployments   = ofEnvironment + ` AND ` + underWay + newestFirst
	succeeded         = ofEnvironment + ` AND app = $2 AND status = 'success'` + newestFirst + ` LIMIT 1`
	deploymentsOfApp  = ofEnvironment + ` AND app = $2 AND app <> ''` + newestFirst + ` LIMIT $3`
	deploymentsOfOne  = deploymentColumns + ` WHERE batch = $1 ORDER BY id`
	ofCommit          = ofEnvironment + ` AND commit_hash = $2 AND commit_hash <> ''` + newestFirst + ` LIMIT 1`
	committed         = ofEnvironment + ` AND commit_hash <> ''` + newestFirst + ` LIMIT $2`
	committedUpTo     = ofEnvironment + ` AND commit_hash <> '' AND (rev, id) <= ((SELECT rev FROM deployments WHERE id = $2), $2)` + newestFirst + ` LIMIT $3`
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
		from_release = $8, from_number = $9, from_shipment = $10, commit_hash = $11, commit_status = $12, commit_message = $13, commit_at = $14
		WHERE id = $1`
	insertDeployment = `INSERT INTO deployments (id, project, environment, rev, release, number, from_release, from_number,
		status, message, actor, restores, started_at, ended_at, effect, reported, forced, link, app, action, shipment, from_shipment, batch,
		target, commit_hash, commit_status, commit_message, commit_at)
		SELECT $1, project, id, rev, NULLIF($3, ''), NULLIF($4, 0), $5, $6, $7, $8, $9, NULLIF($10, ''), $11, $12, $13, $14, $15, $16, $17, $18,
		NULLIF($19, ''), $20, NULLIF($21, ''), $22, $23, $24, $25, $26 FROM environments WHERE id = $2`

	putApp     = `INSERT INTO apps (environment, name) VALUES ($1, $2) ON CONFLICT (environment, name) DO NOTHING`
	dropApp    = `DELETE FROM apps WHERE environment = $1 AND name = $2`
	appsOf     = `SELECT name, hold FROM apps WHERE environment = $1 ORDER BY name`
	appByName  = `SELECT name, hold FROM apps WHERE environment = $1 AND name = $2`
	setAppHold = `UPDATE apps SET hold = $3 WHERE environment = $1 AND name = $2`
)

func noDeployment(what string) *fault.Fault {
	return missing("no-deployment", "there is no deployment %.120s", what)
}

func scanDeployment(r row) (d ledger.Deployment, err error) {
	var started, ended, reported, pushed int64
	err = r.Scan(&d.ID, &d.Environment, &d.Candidate.Release, &d.Candidate.Number, &d.From.Release, &d.From.Number,
		&d.Status, &d.Effect, &reported, &d.Message, &d.Actor, &d.Restores, &d.Forced, &d.Link, &started, &ended,
		&d.App, &d.Action, &d.Shipment, &d.FromShipment, &d.Batch, &d.To, &d.Commit.Hash, &d.Commit.Status, &d.Commit.Message, &pushed)
	d.Reported = reported == 1
	d.StartedAt, d.EndedAt, d.Commit.At = moment(started), moment(ended), moment(pushed)
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

func (t tx) Succeeded(ctx context.Context, environment, app string) (ledger.Deployment, error) {
	return one(ctx, t, noDeployment("that succeeded"), scanDeployment, succeeded, environment, app)
}

func (t tx) DeploymentsOfApp(ctx context.Context, environment, app string, limit int) ([]ledger.Deployment, error) {
	return all(ctx, t, scanDeployment, deploymentsOfApp, environment, app, limit)
}

func (t tx) DeploymentsOfBatch(ctx context.Context, batch string) ([]ledger.Deployment, error) {
	return all(ctx, t, scanDeployment, deploymentsOfOne, batch)
}

func (t tx) DeploymentOfCommit(ctx context.Context, environment, hash string) (ledger.Deployment, error) {
	return one(ctx, t, noDeployment("of the commit "+hash), scanDeployment, ofCommit, environment, hash)
}

func (t tx) Committed(ctx context.Context, environment string, limit int) ([]ledger.Deployment, error) {
	return all(ctx, t, scanDeployment, committed, environment, limit)
}

func (t tx) CommittedUpTo(ctx context.Context, environment, id string, limit int) ([]ledger.Deployment, error) {
	return all(ctx, t, scanDeployment, committedUpTo, environment, id, limit)
}

func (t tx) PutApp(ctx context.Context, environment, app string) error {
	none := noEnvironmentID(environment)
	return t.insert(ctx, none, none, putApp, environment, app)
}

func (t tx) DropApp(ctx context.Context, environment, app string) error {
	_, err := t.exec(ctx, dropApp, environment, app)
	return err
}

func scanApp(r row) (a ledger.App, err error) { return a, r.Scan(&a.Name, &a.Hold) }

func (t tx) Apps(ctx context.Context, environment string) ([]ledger.App, error) {
	return all(ctx, t, scanApp, appsOf, environment)
}

func (t tx) App(ctx context.Context, environment, app string) (ledger.App, error) {
	return one(ctx, t, missing("no-app", "there is no app %.120s", app), scanApp, appByName, environment, app)
}

func (t tx) SetAppHold(ctx context.Context, environment, app, deployment string) error {
	_, err := t.exec(ctx, setAppHold, environment, app, deployment)
	return err
}

func (t tx) Reportable(ctx context.Context, environment string, v ledger.Version) ([]ledger.Deployment, error) {
	return all(ctx, t, scanDeployment, reportable, environment, v.Release, v.Number)
}

// InsertDeployment takes the place in the order of its environment's locks.
func (t tx) InsertDeployment(ctx context.Context, d ledger.Deployment) error {
	rows, err := t.exec(ctx, insertDeployment, d.ID, d.Environment, d.Candidate.Release, d.Candidate.Number, d.From.Release, d.From.Number,
		string(d.Status), d.Message, d.Actor, d.Restores, millis(d.StartedAt), millis(d.EndedAt),
		string(d.Effect), bit(d.Reported), d.Forced, d.Link, d.App, string(d.Action), d.Shipment, d.FromShipment, d.Batch,
		d.To, d.Commit.Hash, d.Commit.Status, d.Commit.Message, millis(d.Commit.At))
	if err == nil && rows == 0 {
		return missing("no-environment", "there is no environment %.120s", d.Environment)
	}
	return t.named(err, exists("deployment-exists", "there is a deployment %s already", d.ID), noCandidate("its project", d.Candidate))
}

func (t tx) UpdateDeployment(ctx context.Context, d ledger.Deployment) error {
	return t.update(ctx, noDeployment(d.ID), updateDeployment,
		d.ID, string(d.Status), d.Message, millis(d.EndedAt), string(d.Effect), bit(d.Reported), d.Link,
		d.From.Release, d.From.Number, d.FromShipment, d.Commit.Hash, d.Commit.Status, d.Commit.Message, millis(d.Commit.At))
}

func (t tx) Deployment(ctx context.Context, id string) (ledger.Deployment, error) {
	return one(ctx, t, noDeployment(id), scanDeployment, deploymentByID, id)
}

func (t tx) WantedIn(ctx context.Context) ([]string, error) { return all(ctx, t, scanText, wantedIn) }
