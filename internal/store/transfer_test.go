package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// complete is a database with a row in every table, and relatives that come before those that they refer to.
func complete(t *testing.T, url string) {
	t.Helper()
	s := open(t, url)
	defer func() {
		// Who opens a SQLite file frees the leases: what follows changes nothing any more.
		if err := errors.Join(s.Close(), open(t, url).Close()); err != nil {
			t.Error(err)
		}
	}()
	change(t, s, func(ctx context.Context, tx ledger.Tx) error {
		return errors.Join(
			tx.PutProject(ctx, ledger.Project{Name: "acme", Repository: "acme/shop"}, at(0)),
			tx.PutProject(ctx, ledger.Project{Name: "»ü« \"'", Repository: "acme/odd"}, at(0)),
			tx.PutEnvironment(ctx, environment("qa"), at(0)),
			tx.InsertCandidate(ctx, candidate(1)),
			tx.InsertComponents(ctx, candidate(1).ID, map[string]string{"api": "1.25.1", "»ü«": "1"}),
			tx.PutWatch(ctx, "acme"),
			tx.InsertToken(ctx, token("all", "")),
			tx.InsertToken(ctx, token("bound", "acme")),
			tx.PutQuarantine(ctx, at(1), "restored once"),
			tx.InsertShipment(ctx, shipment(1)),
			tx.InsertBatch(ctx, batch("batch", "acme/shop-1", ledger.OfShipment)),
			tx.AppendEvent(ctx, event("1")),
			tx.AppendEvent(ctx, event("2")),
		)
	})
	insert(t, s, deployment("z", 1, ledger.Success))
	restoring := deployment("a", 1, ledger.Pending) // before what it restores, by name
	restoring.Restores = "z"
	insert(t, s, restoring)
	change(t, s, func(ctx context.Context, tx ledger.Tx) error {
		effect := ledger.Effect{ID: "effect", Kind: ledger.CircleCI, Project: "acme", Environment: "environment-qa", Deployment: "a", State: ledger.EffectIntended, Target: "ci gh/acme/shop"}
		if err := tx.InsertEffect(ctx, effect); err != nil {
			return err
		}
		taken, err := tx.TakeEffect(ctx, "effect", ledger.LeaseFor)
		return errors.Join(
			err,
			tx.AppendJournal(ctx, ledger.Lease{Effect: "effect", Token: taken.Token}, []ledger.Entry{{Seq: 1, Text: "{}"}, {Seq: 2, Text: "{}"}}),
			tx.InsertPipeline(ctx, "https://circleci.com", "pipeline", "effect"),
			tx.InsertFreeze(ctx, ledger.Freeze{ID: "freeze", Project: "acme", Reason: "holidays", Actor: "ann@example.org", CreatedAt: at(2)}),
			tx.PutDelivery(ctx, "https://circleci.com", "pipeline"),
			tx.InsertNews(ctx, ledger.News{ID: "news", Receiver: "slack", Body: "{}", CreatedAt: at(2)}),
			tx.PutApproval(ctx, ledger.Approval{Deployment: "a", Subject: "ann@example.org", At: at(2)}),
			tx.KeepAnswer(ctx, ledger.Request{Token: "all", Method: "POST", Path: "/", Key: "k", Body: ledger.HashOf("b")}, ledger.Answer{Body: ledger.HashOf("b"), Text: "{}", At: at(2)}, at(1)),
		)
	})
	seal(t, s, 2)
	write(t, s, 1) // not sealed yet
	db := storetest.Raw(t, url)
	sum := strings.Repeat("a", 64)
	for _, row := range []string{
		`INSERT INTO repositories VALUES ('libs', 'acme', 'environment-qa', 'hosted', 'maven', '', '', 1)`,
		`INSERT INTO blobs VALUES ('` + sum + `', '` + sum[:40] + `', '` + sum[:32] + `', 'aa/1', 7, 1)`,
		`INSERT INTO files VALUES ('libs', 'io/acme/»ü«.jar', '` + sum + `', '{"k":["v"]}', 1, 'ann', 1)`,
		`INSERT INTO builds VALUES ('artifactory-build-info', 'shop', '7', 'acme', 1, '{}', 1)`,
		`INSERT INTO bundles (id, project, name, version, status, signing_key, created_at, created_by)
			VALUES ('bundle', 'acme', 'shop', '1', 'COMPLETED', 'key', 1, 'ann')`,
		`INSERT INTO signatures VALUES ('bundle', 'key', '{}', 1)`,
		`INSERT INTO bundle_names VALUES ('acme', 'shop', 1, '1', 1)`,
		`INSERT INTO items VALUES ('bundle', 1, 'file', 'maven', 'libs', 'io/acme/»ü«.jar', '` + sum + `', 7, '` + sum + `', '{}')`,
		`INSERT INTO promotions (id, bundle, name, environment, rev, created_millis, operation, status, source, source_environment, included, excluded, properties, signing_key, messages, created_by, ended_at)
			VALUES ('p1', 'bundle', 'shop', 'environment-qa', 1, 1, 'copy', 'COMPLETED', NULL, '', '[]', '[]', '[]', '', '[]', 'ann', 1),
			('p0', 'bundle', 'shop', 'environment-qa', 2, 2, 'move', 'PROCESSING', 'p1', 'qa', '[]', '[]', '[]', '', '[]', 'ann', 0)`,
		`INSERT INTO shelves VALUES ('p1', 'file', 'maven', 'libs', 'done', '')`,
		`INSERT INTO promoted VALUES ('p1', 1, 'libs', 'io/acme/»ü«.jar', 'done', '', '', 0)`,
		`INSERT INTO apps VALUES ('environment-qa', 'shop', '')`,
		`INSERT INTO imports VALUES ('environment-qa', 0, 1, 'branch-missing', 'there is none', 1, 1)`,
		`INSERT INTO occupied VALUES ('libs', 'p0')`,
	} {
		if _, err := db.ExecContext(t.Context(), row); err != nil {
			t.Fatalf("%s: %v", row, err)
		}
	}
	for _, table := range storetest.Tables(t, db) {
		if len(rows(t, db, "SELECT * FROM "+table)) == 0 {
			t.Fatalf("the table %s is empty: put a row into it here, so that the tests of copies know of it", table)
		}
	}
}

// otherKind is an empty database of the other kind.
func otherKind(t *testing.T, url string) string {
	t.Helper()
	if storetest.IsSQLite(url) {
		return storetest.Postgres(t)
	}
	return storetest.SQLite(t)
}

// Every row of every table arrives as it was, in either direction, and the source stays as it is.
func TestCopy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		complete(t, url)
		before := content(t, storetest.Raw(t, url))
		for _, to := range []string{otherKind(t, url), storetest.SQLite(t)} {
			copied := map[string]int64{}
			held, err := store.Copy(t.Context(), url, to, store.Transfer{Copied: func(c store.Count) { copied[c.Table] = c.Rows }})
			if err != nil {
				t.Fatal(err)
			}
			same(t, content(t, storetest.Raw(t, to)), before)
			same(t, content(t, storetest.Raw(t, url)), before)
			if held.Position != 2 || len(held.Hash) != 64 || len(held.Tables) != len(copied) || copied["deployments"] != 2 {
				t.Errorf("it says %+v, and %v before", held, copied)
			}
			s := storetest.Open(t, to) // and goes on: references, chain, locks
			seal(t, s, 1)
			insert(t, s, deployment("next", 1, ledger.Pending))
			if _, err := s.Examine(t.Context()); err != nil {
				t.Error(err)
			}
			stray := deployment("stray", 9, ledger.Pending)
			if err := s.Change(t.Context(), func(tx ledger.Tx) error { return tx.InsertDeployment(t.Context(), stray) }); !fault.Is(err, "no-candidate") {
				t.Errorf("references are not kept any more: %v", err)
			}
		}
	})
}

// More rows than one statement writes.
func TestCopyOfMany(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		write(t, s, 2500)
		seal(t, s, 2000)
		seal(t, s, 500)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		to := otherKind(t, url)
		held, err := store.Copy(t.Context(), url, to, store.Transfer{})
		if err != nil || held.Position != 2500 {
			t.Fatal(held, err)
		}
		same(t, content(t, storetest.Raw(t, to)), content(t, storetest.Raw(t, url)))
	})
}

// A target that is not empty, a chain that is broken, what Last refuses: nothing is written, and an empty target can be used.
func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		complete(t, url)
		db := storetest.Raw(t, url)
		full, empty := otherKind(t, url), otherKind(t, url)
		s := open(t, full)
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.InsertToken(ctx, token("first", "")) })
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := open(t, empty).Close(); err != nil {
			t.Fatal(err)
		}
		refuses := func(to, code string, last error) {
			t.Helper()
			before := content(t, storetest.Raw(t, to))
			_, err := store.Copy(t.Context(), url, to, store.Transfer{Last: func(ledger.Tx, store.Contents) error { return last }})
			if !fault.Is(err, code) {
				t.Errorf("the copy: %v, want %s", err, code)
			}
			same(t, content(t, storetest.Raw(t, to)), before)
		}
		refuses(full, "not-empty", nil)
		refuses(empty, "refused", fault.New(fault.Invalid, "refused", "no"))
		back := snapshot(t, db)
		tamper(t, db, "UPDATE events SET actor = 'eve' WHERE position = 1")
		refuses(empty, "broken-chain", nil)
		back()
		if _, err := store.Copy(t.Context(), url, empty, store.Transfer{}); err != nil {
			t.Errorf("the target cannot be used any more: %v", err)
		}
	})
}

// copying tells a copy of the tests from where to where to copy, and to die on the way.
const copying = "GIO_TEST_DIES_COPYING"

func TestDiesCopying(t *testing.T) {
	from, to, found := strings.Cut(os.Getenv(copying), " ")
	if !found {
		t.Skip("skipped: this is the program that TestKilledCopy starts")
	}
	more := store.Transfer{Copied: func(c store.Count) {
		if c.Table == "events" {
			os.Exit(77)
		}
	}}
	do := store.Copy
	if strings.HasSuffix(from, ".backup") {
		do = store.Restore
	}
	t.Error(do(t.Context(), from, to, more))
}

// A copy or a restore that is killed leaves an empty target, which the next one fills.
func TestKilledCopy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, to string) {
		from := storetest.SQLite(t)
		complete(t, from)
		backup := filepath.Join(t.TempDir(), "kept.backup")
		if _, err := store.Backup(t.Context(), from, backup); err != nil {
			t.Fatal(err)
		}
		for _, source := range []string{from, backup} {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDiesCopying$")
			cmd.Env = append(os.Environ(), copying+"="+source+" "+to)
			out, err := cmd.CombinedOutput()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 77 {
				t.Fatalf("it did not die as it should: %v\n%s", err, out)
			}
			s := open(t, to)
			held, err := s.Examine(t.Context())
			if err := errors.Join(err, s.Close()); err != nil {
				t.Fatal(err)
			}
			for _, c := range held.Tables {
				if c.Rows > 0 && c.Table != "chain" {
					t.Errorf("%d rows of %s are left", c.Rows, c.Table)
				}
			}
		}
		if _, err := store.Restore(t.Context(), backup, to, store.Transfer{}); err != nil {
			t.Fatal(err)
		}
		same(t, content(t, storetest.Raw(t, to)), content(t, storetest.Raw(t, from)))
	})
}

// A backup beside fifty who write is one state: each deployment has its event, and each event of one its deployment.
func TestBackupBesideWriters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		l := newLedger(s)
		d := ledger.Declaration{Project: ledger.Project{Name: "acme", Repository: "acme/shop"}, Environments: []ledger.Environment{{Name: "qa", Kind: ledger.None}}}
		_, err := l.Apply(t.Context(), storetest.Admin(), d, false)
		_, err2 := l.CreateCandidate(t.Context(), storetest.Admin(), "acme", rc(1), "acme/shop", candidate(1).Commit, ledger.CandidateOptions{})
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		begun := make(chan struct{}, 1)
		for range 50 {
			writers.Go(func() {
				for ctx.Err() == nil {
					if _, err := l.Deploy(ctx, storetest.Admin(), "acme", "qa", rc(1), ledger.DeployOptions{}); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
					select {
					case begun <- struct{}{}:
					default:
					}
				}
			})
		}
		writers.Go(func() { s.Run(ctx, func(err error) { t.Error(err) }) })
		dir := t.TempDir()
		var backups []string
		for n := range 3 {
			<-begun
			backups = append(backups, filepath.Join(dir, fmt.Sprintf("%d.db", n)))
			if _, err := store.Backup(t.Context(), url, backups[n]); err != nil {
				t.Error(err)
			}
		}
		cancel()
		writers.Wait()
		for _, backup := range backups {
			db := storetest.Raw(t, "sqlite:"+backup)
			if n := len(rows(t, db, "SELECT id FROM deployments")); n == 0 {
				t.Error("the backup holds no deployment: this test finds nothing")
			}
			same(t, rows(t, db, "SELECT id FROM deployments WHERE id NOT IN (SELECT subject FROM events WHERE type = 'deployment.created')"), []string(nil))
			same(t, rows(t, db, "SELECT subject FROM events WHERE type = 'deployment.created' AND subject NOT IN (SELECT id FROM deployments)"), []string(nil))
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
		to := otherKind(t, url)
		if _, err := store.Restore(t.Context(), backups[2], to, store.Transfer{}); err != nil {
			t.Error(err)
		}
		entries, err := os.ReadDir(dir) // no partial file, and none of SQLite's beside
		if err != nil || len(entries) != len(backups) {
			t.Errorf("%v, %v", entries, err)
		}
	})
}

// A backup replaces nothing, is not written of what is broken, and holds what the database does, of whatever version.
func TestBackup(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		complete(t, url)
		db := storetest.Raw(t, url)
		dir := t.TempDir()
		path := filepath.Join(dir, "b.db")
		held, err := store.Backup(t.Context(), url, path)
		if err != nil || held.Position != 2 {
			t.Fatal(held, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("others may read it: %v, %v", info, err)
		}
		same(t, content(t, storetest.Raw(t, "sqlite:"+path)), content(t, db))
		for to, code := range map[string]string{path: "backup-exists", dir: "backup-exists", filepath.Join(dir, "no", "b.db"): "backup-place"} {
			if _, err := store.Backup(t.Context(), url, to); !fault.Is(err, code) {
				t.Errorf("to %s: %v, want %s", to, err, code)
			}
		}
		tamper(t, db, "UPDATE events SET actor = 'eve' WHERE position = 1")
		if _, err := store.Backup(t.Context(), url, filepath.Join(dir, "broken.db")); !fault.Is(err, "broken-chain") {
			t.Errorf("a backup of what is broken: %v", err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("left: %v, %v", entries, err)
		}
	})
}

// A backup of an older program is brought up to date, and one of a newer program is refused.
func TestRestoreOtherVersions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		_, known := newer(t)
		from := storetest.SQLite(t)
		s, err := store.OpenAt(t.Context(), from, 1)
		if err != nil {
			t.Fatal(err)
		}
		write(t, s, 2)
		seal(t, s, 2)
		backup := filepath.Join(t.TempDir(), "old.db")
		if _, err := store.Backup(t.Context(), from, backup); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(backup)
		if err != nil {
			t.Fatal(err)
		}
		if held, err := store.Restore(t.Context(), backup, url, store.Transfer{}); err != nil || held.Position != 2 {
			t.Fatal(held, err)
		}
		if after, err := os.ReadFile(backup); err != nil || string(after) != string(before) {
			t.Errorf("the backup was changed: %v", err)
		}
		restored := storetest.Open(t, url)
		if have, _, err := restored.Versions(t.Context()); err != nil || have != known {
			t.Errorf("version %d, %v", have, err)
		}
		if _, err := migrate(t, s, "CREATE TABLE later (id BTEXT PRIMARY KEY);"); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Restore(t.Context(), strings.TrimPrefix(from, "sqlite:"), otherKind(t, url), store.Transfer{}); !fault.Is(err, "newer-tables") {
			t.Errorf("a newer one: %v", err)
		}
	})
}

// Before an upgrade: the new program backs up what the old one serves, and changes none of its tables.
func TestBackupOfOlderTables(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	db := storetest.Raw(t, url)
	tamper(t, db, "DROP SCHEMA public CASCADE")
	tamper(t, db, "CREATE SCHEMA public")
	nowhere := filepath.Join(t.TempDir(), "none.db")
	if _, err := store.Backup(t.Context(), url, nowhere); !fault.Is(err, "no-ledger") {
		t.Errorf("a backup of nothing: %v", err)
	}
	s, err := store.OpenAt(t.Context(), url, 1)
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := content(t, db)
	path := filepath.Join(t.TempDir(), "old.db")
	if _, err := store.Backup(t.Context(), url, path); err != nil {
		t.Fatal(err)
	}
	same(t, content(t, db), before)
	same(t, content(t, storetest.Raw(t, "sqlite:"+path)), before)
}

// Examine says where something is broken.
func TestExamine(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		complete(t, url)
		s := storetest.Open(t, url)
		if held, err := s.Examine(t.Context()); err != nil || held.Position != 2 {
			t.Fatal(held, err)
		}
		db := storetest.Raw(t, url)
		db.SetMaxOpenConns(1)
		if !storetest.IsSQLite(url) {
			tamper(t, db, "SET session_replication_role = replica") // it looks away, as SQLite does by itself
		}
		tamper(t, db, "DELETE FROM components")
		tamper(t, db, "DELETE FROM candidates")
		_, err := s.Examine(t.Context())
		if !fault.Is(err, "broken-reference") || !strings.Contains(err.Error(), "2 rows of deployments refer to rows of candidates") {
			t.Errorf("%v", err)
		}
	})
	t.Run("pages", func(t *testing.T) {
		t.Parallel()
		url := storetest.SQLite(t)
		complete(t, url)
		db := storetest.Raw(t, url)
		db.SetMaxOpenConns(1)
		// The index is described as another one than it is.
		tamper(t, db, "PRAGMA writable_schema = 1")
		tamper(t, db, "UPDATE sqlite_schema SET sql = replace(sql, '(project, id DESC)', '(role, id DESC)') WHERE name = 'tokens_of_project'")
		if _, err := storetest.Open(t, url).Examine(t.Context()); !fault.Is(err, "broken-file") || !strings.Contains(err.Error(), "tokens_of_project") {
			t.Errorf("%v", err)
		}
	})
}

func TestOpenBeside(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "no.db")
	for url, code := range map[string]string{file: "no-database", "sqlite:" + t.TempDir(): "no-database", "mysql://gio:planted@localhost/gio": "database-url"} {
		if s, err := store.OpenBeside(t.Context(), url); s != nil || !fault.Is(err, code) || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("it was made: %v", err)
	}
	storetest.Each(t, func(t *testing.T, url string) {
		serving := storetest.Open(t, url)
		write(t, serving, 1)
		s, err := store.OpenBeside(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.PutQuarantine(ctx, at(1), "beside") })
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		change(t, serving, func(ctx context.Context, tx ledger.Tx) error { return tx.EndQuarantine(ctx) })
		seal(t, serving, 1)
	})
}
