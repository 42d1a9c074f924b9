package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/gofrs/flock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gravitee-lab/gio/internal/fault"
)

// readers is how many connections read while the one writes.
const readers = 4

// openSQLite opens a file. A lock beside it keeps others out: leases and sealing rely on one program.
func openSQLite(ctx context.Context, path string) (*Store, error) {
	path, err := prepareFile(path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "database-url", "the database %s cannot be made", path).Because(err).Hint("write sqlite:PATH, in a directory that you may write to")
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, said(ctx, err)
	}
	if !locked {
		return nil, fault.New(fault.Stopped, "database-in-use", "another program uses the database %s", path).Hint("stop the other one; several share a database only with PostgreSQL")
	}
	s, err := openFile(path, "_pragma=journal_mode(WAL)", "mode=ro&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(said(ctx, err), lock.Unlock())
	}
	if err := s.write.PingContext(ctx); err != nil { // before any that read: they cannot make a file WAL
		return nil, errors.Join(said(ctx, err), s.Close(), lock.Unlock())
	}
	s.release = lock.Unlock
	return s, nil
}

// prepareFile makes the directory and the file, which nobody else may read, and returns its one true path.
func prepareFile(path string) (string, error) {
	if path == "" {
		return path, errors.New("it has no name")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return path, err
	}
	if err := os.MkdirAll(filepath.Dir(absolute), 0o700); err != nil {
		return absolute, err
	}
	file, err := os.OpenFile(absolute, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return absolute, err
	}
	file.Close()
	return filepath.EvalSymlinks(absolute)
}

// dsn names a file as SQLite's own URIs do, in which ?, # and % mean something.
func dsn(path, parameters string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	return "file://" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&" + parameters
}

func ofSQLite(err error) meaning {
	failed, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return other
	}
	switch failed.Code() {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		return duplicate
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return dangling
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_BUSY_RECOVERY:
		return again
	}
	return other
}

// asides is how many copies of a file are kept, one for each version of its tables.
const asides = 2

// copyAside keeps a file as it was at a version of its tables, beside it, in case the next version is a mistake.
func (s *Store) copyAside(ctx context.Context, version int64) error {
	var path string
	if err := s.write.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path); err != nil {
		return err
	}
	final := fmt.Sprintf("%s.before-%05d", path, version+1)
	partial, err := os.OpenFile(final+".partial", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	partial.Close()
	if _, err := s.write.ExecContext(ctx, "VACUUM INTO $1", partial.Name()); err != nil {
		return err
	}
	if err := publish(partial.Name(), final); err != nil {
		return err
	}
	return removeAsides(path)
}

var aside = regexp.MustCompile(`^\.before-[0-9]{5}$`)

// removeAsides leaves the newest copies.
func removeAsides(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	var kept []string // by age
	for _, entry := range entries {
		if end, ours := strings.CutPrefix(entry.Name(), filepath.Base(path)); ours && aside.MatchString(end) {
			kept = append(kept, filepath.Join(filepath.Dir(path), entry.Name()))
		}
	}
	for _, old := range kept[:max(0, len(kept)-asides)] {
		if err := os.Remove(old); err != nil {
			return err
		}
	}
	return nil
}
