package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Backup writes what a database holds at one moment to a new SQLite file, beside those who use the database, and returns what the
// backup holds. The file gets its name when it is whole, on the disk, and was found right. Of PostgreSQL it is the copy of all
// rows, so that one way leads back from every backup. Faults: backup-exists, backup-place, newer-tables, and those of Examine.
func Backup(ctx context.Context, url, path string) (held Contents, err error) {
	if _, err := os.Lstat(path); err == nil {
		return held, fault.New(fault.Invalid, "backup-exists", "there is a file %s already", path).Hint("name a new file: a backup replaces none")
	}
	s, err := OpenBeside(ctx, url)
	if err != nil {
		return held, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".partial-*")
	if err != nil {
		return held, fault.New(fault.Invalid, "backup-place", "the backup cannot be written").Because(err)
	}
	file.Close()
	partial := file.Name()
	defer func() { _ = removeFile(partial) }()
	if s.dialect == goose.DialectSQLite3 {
		err = s.vacuumInto(ctx, partial)
	} else {
		err = s.copyInto(ctx, partial)
	}
	if err != nil {
		return held, err
	}
	if held, err = examineFile(ctx, partial); err != nil {
		return held, err
	}
	if err := publish(partial, path); err != nil {
		return held, fault.New(fault.Invalid, "backup-place", "the backup cannot be written").Because(err)
	}
	return held, nil
}

// vacuumInto writes one state of a SQLite file to an empty one.
func (s *Store) vacuumInto(ctx context.Context, path string) error {
	_, err := s.read.ExecContext(ctx, "VACUUM INTO $1", path)
	return said(ctx, err)
}

// copyInto writes one state of a database to an empty file, with tables of the same version.
func (s *Store) copyInto(ctx context.Context, path string) error {
	have, known, err := s.Versions(ctx)
	switch {
	case err != nil:
		return err
	case have == 0:
		return fault.New(fault.NotFound, "no-ledger", "the database holds no ledger").Hint("gio-server makes one when it starts")
	case have > known:
		return newerTables(have, known)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	target, err := openFile(absolute, "", "mode=ro")
	if err != nil {
		return said(ctx, err)
	}
	if err = target.migrateTo(ctx, have); err == nil {
		_, err = transfer(ctx, s, target, Transfer{})
	}
	return errors.Join(err, target.Close())
}

func newerTables(have, known int64) error {
	return fault.New(fault.Invalid, "newer-tables", "the tables are of version %d, and this gio-server knows those up to %d", have, known).
		Hint("use a newer gio-server")
}

func examineFile(ctx context.Context, path string) (Contents, error) {
	s, err := OpenBeside(ctx, path)
	if err != nil {
		return Contents{}, err
	}
	held, err := s.Examine(ctx)
	return held, errors.Join(err, s.Close())
}

// publish gives a file that was written its name, once it is on the disk.
func publish(partial, path string) error {
	file, err := os.OpenFile(partial, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil { // Windows renames no open file
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	_ = dir.Sync() // Windows has no such thing
	return dir.Close()
}

// removeFile removes a file of SQLite's and those beside it, as far as they are there.
func removeFile(path string) error {
	var errs []error
	for _, end := range []string{"", "-wal", "-shm", "-journal", ".lock"} {
		if err := os.Remove(path + end); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Restore fills a database that holds nothing with what a backup does, as Copy does, once the backup was found right. A backup of
// an older gio-server is brought up to date first, in a copy. Faults: those of Copy and Examine, newer-tables.
func Restore(ctx context.Context, path, url string, more Transfer) (held Contents, err error) {
	source, err := OpenBeside(ctx, path)
	if err != nil {
		return held, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if held, err = source.Examine(ctx); err != nil {
		return held, err
	}
	switch have, known, err := source.Versions(ctx); {
	case err != nil:
		return held, err
	case have > known:
		return held, newerTables(have, known)
	case have < known:
		return source.restoreOlder(ctx, url, more)
	}
	return transferTo(ctx, source, url, more)
}

func (s *Store) restoreOlder(ctx context.Context, url string, more Transfer) (held Contents, err error) {
	dir, err := os.MkdirTemp("", "gio-restore-")
	if err != nil {
		return held, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	scratch := filepath.Join(dir, "ledger.db")
	if err := s.vacuumInto(ctx, scratch); err != nil {
		return held, err
	}
	newer, err := openSQLite(ctx, scratch)
	if err != nil {
		return held, err
	}
	defer func() { err = errors.Join(err, newer.Close()) }() // before the files go
	known, err := newest()
	if err != nil {
		return held, err
	}
	if err := newer.migrateTo(ctx, known); err != nil {
		return held, err
	}
	return transferTo(ctx, newer, url, more)
}
