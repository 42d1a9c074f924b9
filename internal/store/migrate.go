package store

import (
	"context"
	"embed"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/gravitee-lab/gio/internal/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ours are the migrations of this program.
func ours() (fs.FS, error) { return fs.Sub(migrations, "migrations") }

// newest is the version to which this program brings a database.
func newest() (version int64, err error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	for _, file := range files {
		n, err := goose.NumericComponent(file)
		if err != nil {
			return 0, err
		}
		version = max(version, n)
	}
	return version, err
}

// migrate brings the tables up to date, one program after the other. A newer program's tables are left as they are: each version
// also serves the one before it.
func (s *Store) migrate(ctx context.Context) error {
	version, err := newest()
	if err != nil {
		return err
	}
	return s.migrateTo(ctx, version)
}

// migrateTo stops at a version.
func (s *Store) migrateTo(ctx context.Context, version int64) error {
	files, err := ours()
	if err != nil {
		return err
	}
	return s.migrateBy(ctx, files, version)
}

func (s *Store) migrateBy(ctx context.Context, files fs.FS, version int64) error {
	up := func() error { return s.up(ctx, files, version) }
	var err error
	if s.dialect == goose.DialectPostgres {
		err = s.alone(ctx, up)
	} else {
		err = up()
	}
	if err != nil {
		return fault.New(fault.Internal, "database", "the tables of the database could not be brought up to date").Because(err)
	}
	return nil
}

func (s *Store) up(ctx context.Context, files fs.FS, version int64) error {
	provider, err := goose.NewProvider(s.dialect, s.write, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	current, err := provider.GetDBVersion(ctx)
	if err != nil || current >= version {
		return err
	}
	if current > 0 && s.dialect == goose.DialectSQLite3 {
		if err := s.copyAside(ctx, current); err != nil {
			return err
		}
	}
	_, err = provider.UpTo(ctx, version)
	return err
}
