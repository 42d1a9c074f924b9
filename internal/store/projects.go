package store

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	projectByName = `SELECT name, repository, config FROM projects WHERE name = $1`
	lockProject   = `UPDATE projects SET applied_at = applied_at WHERE name = $1`
	allProjects   = `SELECT name, repository, config FROM projects ORDER BY name`
	// A project's repository is for good, whoever declares it another one at the same time.
	putProject = `INSERT INTO projects (name, repository, created_at, applied_at, config) VALUES ($1, $2, $3, $3, $4)
		ON CONFLICT (name) DO UPDATE SET applied_at = excluded.applied_at, config = excluded.config WHERE projects.repository = excluded.repository`

	environmentReturned = `id, project, name, tier, kind, config, hold,
		CASE WHEN EXISTS (SELECT 1 FROM repositories r WHERE r.project = environments.project AND r.environment = environments.id) THEN 1 ELSE 0 END`
	environmentColumns = `SELECT ` + environmentReturned + ` FROM environments`
	environmentByID    = environmentColumns + ` WHERE id = $1`
	environmentByName  = environmentColumns + ` WHERE project = $1 AND name = $2`
	allEnvironments    = environmentColumns + ` WHERE project = $1 ORDER BY id`
	lockEnvironment    = `UPDATE environments SET rev = rev + 1 WHERE project = $1 AND name = $2 RETURNING ` + environmentReturned
	lockByID           = `UPDATE environments SET rev = rev + 1 WHERE id = $1 RETURNING ` + environmentReturned
	setHold            = `UPDATE environments SET hold = $2 WHERE id = $1`
	putEnvironment     = `INSERT INTO environments (id, project, name, tier, kind, created_at, config) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (project, name) DO UPDATE SET tier = excluded.tier, kind = excluded.kind, config = excluded.config`

	candidateColumns    = `SELECT id, project, release, number, commit_hash, author, state, message, created_at, created_by FROM candidates`
	candidateByVersion  = candidateColumns + ` WHERE project = $1 AND release = $2 AND number = $3`
	candidateByID       = candidateColumns + ` WHERE id = $1`
	candidatesOf        = candidateColumns + ` WHERE project = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	candidatesOfRelease = candidateColumns + ` WHERE project = $1 AND release = $2 ORDER BY number DESC LIMIT $3`
	updateCandidate     = `UPDATE candidates SET state = $2, message = $3 WHERE id = $1`
	insertCandidate     = `INSERT INTO candidates (id, project, release, number, commit_hash, state, created_at, created_by, author, message)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
)

func noProject(name string) *fault.Fault {
	return missing("no-project", "there is no project %.120q", name).Hint("an admin declares it: gio project apply")
}

func noEnvironment(project, name string) *fault.Fault {
	return missing("no-environment", "there is no environment %.120q of %.120q", name, project).
		Hint("gio env list shows those there are; an admin declares others: gio project apply")
}

func noCandidate(project string, v ledger.Version) *fault.Fault {
	return missing("no-candidate", "there is no candidate %.120s of %.120s", v, project).
		Hint("gio candidate list shows those there are, gio candidate create makes one")
}

// projectConfig and environmentConfig are what stands in the columns config.
type (
	projectConfig struct {
		Build    *ledger.Trigger
		Releases *ledger.Releases
		Bundle   []ledger.Mapping
	}
	environmentConfig struct {
		Deploy   *ledger.Trigger
		GitOps   *ledger.Desired
		Requires ledger.Requirements
	}
)

// inJSON is how something is kept that has no columns.
func inJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil { // cannot be: these are texts, numbers and booleans
		panic(err)
	}
	return string(data)
}

func scanProject(r row) (p ledger.Project, err error) {
	var text string
	if err := r.Scan(&p.Name, &p.Repository, &text); err != nil {
		return p, err
	}
	var config projectConfig
	err = json.Unmarshal([]byte(text), &config)
	p.Build, p.Releases, p.Bundle = config.Build, config.Releases, config.Bundle
	return p, err
}

func (t tx) Project(ctx context.Context, name string) (ledger.Project, error) {
	return one(ctx, t, noProject(name), scanProject, projectByName, name)
}

func (t tx) LockProject(ctx context.Context, name string) error {
	return t.update(ctx, noProject(name), lockProject, name)
}

func (t tx) Projects(ctx context.Context) ([]ledger.Project, error) {
	return all(ctx, t, scanProject, allProjects)
}

func (t tx) PutProject(ctx context.Context, p ledger.Project, now time.Time) error {
	other := exists("other-repository", "the repository of %s is not %s", p.Name, p.Repository)
	return t.update(ctx, existing{other}, putProject, p.Name, p.Repository, millis(now), inJSON(projectConfig{p.Build, p.Releases, p.Bundle}))
}

func scanEnvironment(r row) (e ledger.Environment, err error) {
	var text string
	var shelved int64
	if err := r.Scan(&e.ID, &e.Project, &e.Name, &e.Tier, &e.Kind, &text, &e.Hold, &shelved); err != nil {
		return e, err
	}
	e.Shelved = shelved == 1
	var config environmentConfig
	err = json.Unmarshal([]byte(text), &config)
	e.Deploy, e.GitOps, e.Requires = config.Deploy, config.GitOps, config.Requires
	return e, err
}

func noEnvironmentID(id string) *fault.Fault {
	return missing("no-environment", "there is no environment %.120s", id)
}

func (t tx) EnvironmentByID(ctx context.Context, id string) (ledger.Environment, error) {
	return one(ctx, t, noEnvironmentID(id), scanEnvironment, environmentByID, id)
}

func (t tx) LockEnvironmentByID(ctx context.Context, id string) (ledger.Environment, error) {
	return one(ctx, t, noEnvironmentID(id), scanEnvironment, lockByID, id)
}

func (t tx) SetHold(ctx context.Context, environment, deployment string) error {
	return t.update(ctx, noEnvironmentID(environment), setHold, environment, deployment)
}

func (t tx) LockEnvironment(ctx context.Context, project, name string) (ledger.Environment, error) {
	return one(ctx, t, noEnvironment(project, name), scanEnvironment, lockEnvironment, project, name)
}

func (t tx) Environment(ctx context.Context, project, name string) (ledger.Environment, error) {
	return one(ctx, t, noEnvironment(project, name), scanEnvironment, environmentByName, project, name)
}

func (t tx) Environments(ctx context.Context, project string) ([]ledger.Environment, error) {
	return all(ctx, t, scanEnvironment, allEnvironments, project)
}

func (t tx) PutEnvironment(ctx context.Context, e ledger.Environment, now time.Time) error {
	return t.insert(ctx, exists("environment-exists", "there is another environment with the id %s", e.ID), noProject(e.Project), putEnvironment,
		e.ID, e.Project, e.Name, string(e.Tier), string(e.Kind), millis(now), inJSON(environmentConfig{e.Deploy, e.GitOps, e.Requires}))
}

func scanCandidate(r row) (c ledger.Candidate, err error) {
	var created int64
	err = r.Scan(&c.ID, &c.Project, &c.Version.Release, &c.Version.Number, &c.Commit, &c.Author, &c.State, &c.Message, &created, &c.CreatedBy)
	c.CreatedAt = moment(created)
	return c, err
}

func (t tx) Candidate(ctx context.Context, project string, v ledger.Version) (ledger.Candidate, error) {
	return one(ctx, t, noCandidate(project, v), scanCandidate, candidateByVersion, project, v.Release, v.Number)
}

func (t tx) InsertCandidate(ctx context.Context, c ledger.Candidate) error {
	return t.insert(ctx, exists("candidate-exists", "there is a candidate %s of %s already", c.Version, c.Project), noProject(c.Project), insertCandidate,
		c.ID, c.Project, c.Version.Release, c.Version.Number, c.Commit, string(c.State), millis(c.CreatedAt), c.CreatedBy, c.Author, c.Message)
}

func (t tx) CandidateByID(ctx context.Context, id string) (ledger.Candidate, error) {
	return one(ctx, t, missing("no-candidate", "there is no candidate %.120s", id), scanCandidate, candidateByID, id)
}

// afterAll is greater than every id.
const afterAll = "~"

func (t tx) Candidates(ctx context.Context, project, before string, limit int) ([]ledger.Candidate, error) {
	return all(ctx, t, scanCandidate, candidatesOf, project, cmp.Or(before, afterAll), limit)
}

func (t tx) CandidatesOf(ctx context.Context, project, release string, limit int) ([]ledger.Candidate, error) {
	return all(ctx, t, scanCandidate, candidatesOfRelease, project, release, limit)
}

func (t tx) UpdateCandidate(ctx context.Context, c ledger.Candidate) error {
	return t.update(ctx, noCandidate(c.Project, c.Version), updateCandidate, c.ID, string(c.State), c.Message)
}
