package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/gravitee-lab/gio/internal/fault"
)

// OpenBeside opens a database that exists and that others may be using, of whatever version its tables are: it changes none of them
// and keeps nobody out. It is for reading, and for one small change. Nobody seals there what it adds: that is for those who serve.
// Faults: those of Open, and kind NotFound "no-database".
func OpenBeside(ctx context.Context, url string) (*Store, error) {
	path, isFile := filePath(url)
	if !isFile {
		return connect(ctx, url)
	}
	path, err := existingFile(path)
	if err != nil {
		return nil, fault.New(fault.NotFound, "no-database", "there is no database %s", path).Because(err).Hint("name it with --database; gio-server makes it when it starts")
	}
	s, err := openFile(path, "mode=rw", "mode=ro")
	if err != nil {
		return nil, said(ctx, err)
	}
	if err := s.read.PingContext(ctx); err != nil {
		return nil, errors.Join(said(ctx, err), s.Close())
	}
	return s, nil
}

// filePath is the path that an address of a database names, if it names a file.
func filePath(url string) (path string, isFile bool) {
	scheme, path, found := strings.Cut(url, ":")
	switch {
	case found && scheme == "sqlite":
		return path, true
	case found && (scheme == "postgres" || scheme == "postgresql" || strings.HasPrefix(path, "//")):
		return "", false
	}
	return url, true
}

// existingFile returns the one true path of a file.
func existingFile(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return path, err
	}
	info, err := os.Stat(absolute)
	switch {
	case err != nil:
		return absolute, err
	case !info.Mode().IsRegular():
		return absolute, errors.New("it is no file")
	}
	return filepath.EvalSymlinks(absolute)
}

// openFile makes the connections to a file, one that writes and some that read, which nobody has used yet.
func openFile(path, writing, reading string) (*Store, error) {
	write, err := openKeeping(dsn(path, "_txlock=immediate&_pragma=synchronous(FULL)&"+writing))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := openKeeping(dsn(path, reading))
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return &Store{
		write: write, read: read, reading: sql.TxOptions{ReadOnly: true},
		dialect: goose.DialectSQLite3, meaning: ofSQLite, release: func() error { return nil },
	}, nil
}
