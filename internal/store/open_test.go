package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReopenKeepsAll(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		db := storetest.Raw(t, url)
		s := open(t, url)
		l := newLedger(s)
		d := ledger.Declaration{Project: ledger.Project{Name: "acme", Repository: "acme/shop"}, Environments: []ledger.Environment{{Name: "qa", Kind: ledger.None}}}
		_, err := l.Apply(t.Context(), storetest.Admin(), d, false)
		_, err2 := l.CreateCandidate(t.Context(), storetest.Admin(), "acme", rc(1), "acme/shop", candidate(1).Commit, ledger.CandidateOptions{})
		_, err3 := l.Deploy(t.Context(), storetest.Admin(), "acme", "qa", rc(1), ledger.DeployOptions{})
		_, _, err4 := l.Recover(t.Context(), "ann@example.org")
		if err := errors.Join(err, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
		seal(t, s, 4)
		before := content(t, db)
		for range 2 { // the second time the tables are up to date as well
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, url)
			same(t, content(t, db), before)
			if err := s.Verify(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Change(t.Context(), func(ledger.Tx) error { return nil }); !fault.Is(err, "database") {
			t.Errorf("a closed store changes: %v", err)
		}
	})
}

func TestASecondProgramIsRefused(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	s := storetest.Open(t, url)
	path := strings.TrimPrefix(url, "sqlite:")
	names := []string{url, path}
	if runtime.GOOS != "windows" {
		link := filepath.Join(t.TempDir(), "link.db")
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		names = append(names, link)
	}
	for _, name := range names {
		_, err := store.Open(t.Context(), name)
		if !fault.Is(err, "database-in-use") || fault.KindOf(err) != fault.Stopped {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, url).Close(); err != nil {
		t.Error(err)
	}
}

// The file's name is a name, whatever it means to a URL, and only its owner may read what it holds.
func TestFileNames(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows forbids these names")
	}
	dir := t.TempDir()
	for _, name := range []string{"a b.db", "q?mode=memory", "h#x", "p%20.db", "é&vfs=no", "new/below/gio.db", ":memory:"} {
		path := filepath.Join(dir, name)
		s := open(t, "sqlite:"+path)
		write(t, s, 1)
		for _, file := range []string{path, path + "-wal", path + ".lock"} {
			info, err := os.Stat(file)
			if err != nil {
				t.Errorf("%q: %v", name, err)
			} else if info.Mode().Perm() != 0o600 {
				t.Errorf("%q has the mode %o", file, info.Mode())
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("this is no database, but it is long enough to be taken for one, with all that a header would have: 0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		url, code string
		kind      fault.Kind
	}{
		{"mysql://gio:planted@localhost/gio", "database-url", fault.Invalid},
		{"postgres://gio:planted@localhost:no/gio", "database-url", fault.Invalid},
		{"postgres:gio:planted@localhost", "database-url", fault.Invalid},
		{"postgres://gio:planted@127.0.0.1:1/gio", "database", fault.Internal},
		{"sqlite:", "database-url", fault.Invalid},
		{"", "database-url", fault.Invalid},
		{"sqlite:" + filepath.Join(file, "below", "gio.db"), "database-url", fault.Invalid},
		{"sqlite:" + t.TempDir(), "database-url", fault.Invalid},
		{"sqlite:" + file, "database", fault.Internal},
	}
	for _, test := range tests {
		s, err := store.Open(t.Context(), test.url)
		if s != nil || !fault.Is(err, test.code) || fault.KindOf(err) != test.kind {
			t.Errorf("%q: %v, kind %d", test.url, err, fault.KindOf(err))
		}
		if err != nil && strings.Contains(err.Error(), "planted") {
			t.Errorf("%q: the error shows the password: %v", test.url, err)
		}
	}
}

// TestSettings: what was answered lasts, and relatives are kept.
func TestSettings(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.SQLite(t))
	same(t, s.Settings(t.Context(), "journal_mode", "synchronous", "foreign_keys", "busy_timeout"), []string{"wal", "2", "1", "10000"})
}

// Several programs start at once on a new database: one makes the tables, and all go on.
func TestReplicasStartAtOnce(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	db := storetest.Raw(t, url)
	tamper(t, db, "DROP SCHEMA public CASCADE")
	tamper(t, db, "CREATE SCHEMA public")
	atOnce(t, 5, func(int) error {
		s, err := store.Open(t.Context(), url)
		if err != nil {
			return err
		}
		return s.Close()
	})
	same(t, rows(t, db, "SELECT position FROM chain"), []string{"0"})
}

// newer are the migrations of a later version: ours, and what comes then.
func newer(t *testing.T, texts ...string) (files fstest.MapFS, version int64) {
	t.Helper()
	ours, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(ours) == 0 {
		t.Fatal(ours, err)
	}
	files = fstest.MapFS{}
	for _, file := range ours {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(file)] = &fstest.MapFile{Data: text}
		version, err = strconv.ParseInt(filepath.Base(file)[:5], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range texts {
		version++
		files[fmt.Sprintf("%05d_newer.sql", version)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
	}
	return files, version
}

// migrate brings a store up to a later version.
func migrate(t *testing.T, s *store.Store, texts ...string) (version int64, err error) {
	t.Helper()
	files, version := newer(t, texts...)
	return version, s.MigrateBy(t.Context(), files, version)
}

func TestNewerTables(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		write(t, s, 2)
		for range 2 {
			if _, err := migrate(t, s, "CREATE TABLE later (id BTEXT PRIMARY KEY);\nALTER TABLE events ADD COLUMN more BTEXT;"); err != nil {
				t.Fatal(err)
			}
		}
		seal(t, s, 2)
		db := storetest.Raw(t, url)
		same(t, rows(t, db, "SELECT id FROM later"), []string(nil))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		older := storetest.Open(t, url) // the program before it serves them, too
		write(t, older, 1)
		seal(t, older, 1)
		if n := len(allEvents(t, older, "")); n != 3 {
			t.Errorf("%d events", n)
		}
	})
}

// A migration that fails changes nothing, and the program starts as before.
func TestMigrationFails(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		write(t, s, 1)
		before := content(t, storetest.Raw(t, url))
		_, err := migrate(t, s, "DELETE FROM events;\nCREATE TABLE a (id BTEXT);\nINSERT INTO nowhere VALUES (1);")
		if !fault.Is(err, "database") || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("the migration: %v", err)
		}
		same(t, content(t, storetest.Raw(t, url)), before)
		seal(t, s, 1)
	})
}

// Before a file changes, it is copied as it is, and a new one is not.
func TestFileIsCopiedAside(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	s := storetest.Open(t, url)
	path := strings.TrimPrefix(url, "sqlite:")
	if found, _ := filepath.Glob(path + ".before*"); len(found) > 0 {
		t.Fatalf("a new file was copied: %v", found)
	}
	write(t, s, 2)
	_, now := newer(t)
	aside := func(version int64) string { return fmt.Sprintf("%s.before-%05d", path, version) }
	if err := os.WriteFile(aside(now+1)+".partial", []byte("left by a crash"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := migrate(t, s, "DELETE FROM events;"); err != nil {
		t.Fatal(err)
	}
	found, _ := filepath.Glob(path + ".before*")
	same(t, found, []string{aside(now + 1)})
	info, err := os.Stat(aside(now + 1))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
	old := storetest.Open(t, "sqlite:"+aside(now+1))
	seal(t, old, 2)
	seal(t, s, 0)
	for _, texts := range [][]string{{"SELECT 1;", "SELECT 2;"}, {"SELECT 1;", "SELECT 2;", "SELECT 3;"}, {"SELECT 1;", "SELECT 2;", "SELECT 3;"}} {
		if _, err := migrate(t, s, texts...); err != nil {
			t.Fatal(err)
		}
	}
	found, _ = filepath.Glob(path + ".before-?????")
	same(t, found, []string{aside(now + 2), aside(now + 3)}) // the newest two, and none where there was nothing to do
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		before := content(t, storetest.Raw(t, url))
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Change(ctx, func(tx ledger.Tx) error {
			err := writeAllButDeployments(ctx, tx)
			cancel()
			return err
		})
		if !errors.Is(err, context.Canceled) || fault.CodeOf(err) != "" {
			t.Errorf("the change: %v", err)
		}
		if err := s.Read(ctx, func(ledger.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("the reading: %v", err)
		}
		same(t, content(t, storetest.Raw(t, url)), before)
	})
}
