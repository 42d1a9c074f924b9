// Package storetest gives tests databases: SQLite always, PostgreSQL where it is installed.
package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
)

// required is the variable that makes a missing PostgreSQL a failure.
const required = "GIO_TEST_POSTGRES"

// Each runs a test on a database of each kind, side by side. It gets the database's address; the tables are there, and empty.
func Each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for kind, make := range map[string]func(*testing.T) string{"sqlite": SQLite, "postgres": Postgres} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, make(t))
		})
	}
}

// IsSQLite tells the kind of an address.
func IsSQLite(url string) bool { return strings.HasPrefix(url, "sqlite:") }

// Open opens a database until the test ends.
func Open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Raw opens a database behind the store's back, until the test ends.
func Raw(t *testing.T, url string) *sql.DB {
	t.Helper()
	driver := "pgx"
	if path := strings.TrimPrefix(url, "sqlite:"); IsSQLite(url) {
		driver, url = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Tables are the names of a database's tables but for the one that counts migrations, by name. The database is asked, so that
// nobody forgets a new one.
func Tables(t *testing.T, db *sql.DB) (names []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
	if err != nil {
		rows, err = db.QueryContext(t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename`)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if name != "goose_db_version" && !strings.HasPrefix(name, "sqlite_") {
			names = append(names, name)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

var last atomic.Int64

// NewID makes ids for a ledger, each after those before it.
func NewID() string { return fmt.Sprintf("id-%012d", last.Add(1)) }

// Admin is a caller who may do everything.
func Admin() ledger.Caller {
	return ledger.Caller{Token: ledger.Token{Subject: "ann@example.org", Role: ledger.Admin}, Dialect: "v1", Address: "192.0.2.1"}
}

// SQLite makes a file, and returns its address.
func SQLite(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "gio.db") }

// cluster is a PostgreSQL that the tests of one program share.
type cluster struct {
	dir  string
	err  error
	bare *sql.DB // connected to no test's database
}

const template = "template_gio"

// Two clusters: nothing that tests write must outlive them, but for those who measure what that costs.
var (
	hasty   = sync.OnceValue(func() *cluster { return start("off") })
	durable = sync.OnceValue(func() *cluster { return start("on") })
)

func start(fsync string) *cluster {
	c := &cluster{}
	if c.dir, c.err = startPostgres(fsync); c.err != nil {
		return c
	}
	if c.bare, c.err = sql.Open("pgx", c.url("postgres")); c.err != nil {
		return c
	}
	if c.err = c.create(); c.err != nil {
		return c
	}
	s, err := store.Open(context.Background(), c.url(template))
	if c.err = err; err == nil {
		c.err = s.Close()
	}
	return c
}

// create makes the database that others are copies of. It speaks a language that sorts otherwise than byte by byte, where it can.
func (c *cluster) create() error {
	_, err := c.bare.ExecContext(context.Background(), "CREATE DATABASE "+template+" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'")
	if err != nil { // PostgreSQL before 15, or built without ICU
		_, err = c.bare.ExecContext(context.Background(), "CREATE DATABASE "+template)
	}
	return err
}

func (c *cluster) url(database string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&user=postgres", database, c.dir)
}

var databases atomic.Int64

// Postgres makes a database, and returns its address. It skips the test where PostgreSQL is not installed, unless
// GIO_TEST_POSTGRES is set.
func Postgres(t *testing.T) string {
	t.Helper()
	return database(t, hasty)
}

// DurablePostgres is Postgres where each commit waits for the disk, as those of SQLite do: it is for measuring.
func DurablePostgres(t *testing.T) string {
	t.Helper()
	return database(t, durable)
}

func database(t *testing.T, start func() *cluster) string {
	t.Helper()
	if _, err := initdb(); err != nil {
		if os.Getenv(required) != "" {
			t.Fatalf("%v, and %s is set", err, required)
		}
		t.Skipf("skipped: %v", err)
	}
	c := start()
	if c.err != nil {
		t.Fatalf("PostgreSQL does not start: %v", c.err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if _, err := c.bare.ExecContext(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.bare.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)") })
	return c.url(name)
}

// Count returns how many rows a table has.
func Count(t *testing.T, db *sql.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(context.Background(), "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
