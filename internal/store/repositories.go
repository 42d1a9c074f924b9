package store

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	repositoryColumns = `SELECT r.name, r.project, COALESCE(e.name, ''), r.kind, r.type, r.connection, r.path
		FROM repositories r LEFT JOIN environments e ON e.id = r.environment`
	repositoryByName = repositoryColumns + ` WHERE r.name = $1`
	repositoriesOf   = repositoryColumns + ` WHERE r.project = $1 ORDER BY r.name`
	// A repository stays with its project and its kind, whoever declares another one of that name at the same time.
	putRepository = `INSERT INTO repositories (name, project, environment, kind, type, connection, path, created_at)
		VALUES ($1, $2, (SELECT id FROM environments WHERE project = $9 AND name = $3), $4, $5, $6, $7, $8)
		ON CONFLICT (name) DO UPDATE SET environment = excluded.environment, type = excluded.type, connection = excluded.connection, path = excluded.path
		WHERE repositories.project = excluded.project AND repositories.kind = excluded.kind`
)

func noRepository(name string) *fault.Fault {
	return missing("no-repository", "there is no repository %.120q", name).Hint("an admin declares it in a project file: gio project apply")
}

func scanRepository(r row) (found ledger.Repository, err error) {
	return found, r.Scan(&found.Name, &found.Project, &found.Environment, &found.Kind, &found.Type, &found.Connection, &found.Path)
}

func (t tx) Repository(ctx context.Context, name string) (ledger.Repository, error) {
	return one(ctx, t, noRepository(name), scanRepository, repositoryByName, name)
}

func (t tx) Repositories(ctx context.Context, project string) ([]ledger.Repository, error) {
	return all(ctx, t, scanRepository, repositoriesOf, project)
}

func (t tx) PutRepository(ctx context.Context, r ledger.Repository, now time.Time) error {
	taken := exists("repository-taken", "the repository %s belongs to another project, or is of another kind", r.Name)
	return t.update(ctx, existing{taken}, putRepository,
		r.Name, r.Project, r.Environment, string(r.Kind), r.Type, r.Connection, r.Path, millis(now), r.Project)
}
