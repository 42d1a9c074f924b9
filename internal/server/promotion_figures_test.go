package server_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/store/storetest"
)

const (
	manyFiles       = 10_000
	promotionRounds = 5
)

// TestFiguresOfPromotion prints what a promotion of many files costs, beside what the database needs for the same rows.
func TestFiguresOfPromotion(t *testing.T) {
	if !*figures {
		t.Skip("skipped: it measures (make bench)")
	}
	for kind, make := range map[string]func(*testing.T) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(kind, func(t *testing.T) {
			url := make(t)
			w := prepare(t, url)
			w.settings.DefaultProject = "apim"
			w.begin()
			var environments, repositories []string
			for _, bundle := range []string{"small", "large", "bare"} {
				for round := range promotionRounds {
					environments = append(environments, fmt.Sprintf(`{"name": "%s%d"}`, bundle, round))
					repositories = append(repositories, fmt.Sprintf(`{"name": "r-%s%d", "environment": "%[1]s%[2]d"}`, bundle, round))
				}
			}
			repositories = append(repositories, `{"name": "small"}`, `{"name": "large"}`)
			w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/apim",
				`{"name": "apim", "repository": "acme/apim", "environments": [`+strings.Join(environments, ",")+`], "repositories": [`+strings.Join(repositories, ",")+`]}`)
			w.end() // SQLite is for one program
			db := storetest.Raw(t, url)
			fill(t, db, url, "small", 1<<10)
			fill(t, db, url, "large", 1<<20)
			w.end = w.serve()
			for _, bundle := range []string{"small", "large"} {
				began := time.Now()
				w.ofStatus(http.StatusCreated, w.admin, "POST", bundleRoute+"?async=false", fmt.Sprintf(
					`{"release_bundle_name": %q, "release_bundle_version": "1", "source_type": "aql", "source": {"aql": "items.find({\"repo\":\"%s\",\"path\":{\"$match\":\"*\"},\"name\":{\"$match\":\"*\"}})"}}`, bundle, bundle))
				fmt.Printf("  %s: a bundle of %d files is made and signed in %s\n", kind, manyFiles, time.Since(began).Round(time.Millisecond))
			}
			took := map[string][]time.Duration{}
			for round := range promotionRounds {
				for _, bundle := range []string{"small", "large"} {
					began := time.Now()
					w.ofStatus(http.StatusCreated, w.admin, "POST", fmt.Sprintf("%s/records/%s/1?async=false", promotionRoute, bundle), fmt.Sprintf(`{"environment": "%s%d"}`, bundle, round))
					took[bundle] = append(took[bundle], time.Since(began))
				}
				w.end()
				began := time.Now()
				bare(t, storetest.Raw(t, url), url, fmt.Sprintf("r-bare%d", round))
				took["bare"] = append(took["bare"], time.Since(began))
				w.end = w.serve()
			}
			for _, all := range took {
				slices.Sort(all)
			}
			small, large, bare := took["small"][promotionRounds/2], took["large"][promotionRounds/2], took["bare"][promotionRounds/2]
			fmt.Printf("  %s: %d files are promoted in %s (10 MB), %s (10 GB): %.2f; bare SQL %s: %.2f\n", kind, manyFiles,
				small.Round(time.Millisecond), large.Round(time.Millisecond), float64(large)/float64(small), bare.Round(time.Millisecond), float64(large)/float64(bare))
		})
	}
}

// fill puts many files of a size into a repository.
func fill(t *testing.T, db *sql.DB, url, repository string, size int) {
	t.Helper()
	series, number := "generate_series(1, $1) AS s(n)", "LPAD(CAST(s.n AS TEXT), 8, '0')"
	if storetest.IsSQLite(url) {
		series, number = "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < $1) SELECT n FROM s) AS s", "printf('%08d', s.n)"
	}
	sum := strings.Repeat(map[string]string{"small": "a", "large": "b"}[repository], 56)
	for _, query := range []string{
		fmt.Sprintf(`INSERT INTO blobs (sha256, sha1, md5, place, size, created_at) SELECT '%s' || %s, '%s', '%s', '%s' || s.n, %d, 1 FROM %s`,
			sum, number, strings.Repeat("a", 40), strings.Repeat("b", 32), repository, size, series),
		fmt.Sprintf(`INSERT INTO files (repository, path, sha256, properties, created_at, created_by, modified_at)
			SELECT '%s', 'io/acme/gateway/policies/' || %s || '/policy.zip', '%s' || %[2]s, '{"build.name":["shop"],"build.number":["7"]}', 1, 'ann', 1 FROM %[4]s`,
			repository, number, sum, series),
	} {
		if _, err := db.ExecContext(t.Context(), query, manyFiles); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	if _, err := db.ExecContext(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
}

// bare is the least that a database must do to put the files of a bundle into another repository, lastingly.
func bare(t *testing.T, db *sql.DB, url, repository string) {
	t.Helper()
	if storetest.IsSQLite(url) {
		db.SetMaxOpenConns(1)
		for _, pragma := range []string{"journal_mode = WAL", "synchronous = FULL", "foreign_keys = 1"} {
			if _, err := db.ExecContext(t.Context(), "PRAGMA "+pragma); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO files (repository, path, sha256, properties, created_at, created_by, modified_at)
		SELECT $1, i.path, i.sha256, i.properties, 1, 'ann', 1 FROM items i JOIN bundles b ON b.id = i.bundle WHERE b.name = 'small'`, repository); err != nil {
		t.Fatal(err)
	}
}

// TestFiguresOfBundleLists prints how lists of bundles grow with what they do not return.
func TestFiguresOfBundleLists(t *testing.T) {
	if !*figures {
		t.Skip("skipped: it measures (make bench)")
	}
	for kind, make := range map[string]func(*testing.T) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(kind, func(t *testing.T) {
			few, many := filledBundles(t, make(t), 10_000), filledBundles(t, make(t), 1_000_000)
			for _, list := range []struct{ of, path, field string }{
				{"names", bundleRoute + "/groups", "release_bundles"}, {"versions", bundleRoute + "/records/Commons-Bundle", "release_bundles"}, {"promotions", commons, "promotions"},
			} {
				var ratios []float64
				for range 3 { // in turn, since others use the machine, too
					ratios = append(ratios, float64(many.p99Of(list.path, list.field))/float64(few.p99Of(list.path, list.field)))
				}
				slices.Sort(ratios)
				fmt.Printf("  %s: a page of 1,000,000 %s takes %.2f times that of 10,000 (p99)\n", kind, list.of, ratios[1])
			}
		})
	}
}

// filledBundles is a server with that many names of bundles, versions of one, and promotions of these.
func filledBundles(t *testing.T, url string, n int) *world {
	t.Helper()
	w := shelved(prepare(t, url))
	w.bundled("1.0.0")
	w.promotes("QA", "copy")
	w.end()
	series := "generate_series(1, $1) AS s(n)"
	if storetest.IsSQLite(url) {
		series = "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < $1) SELECT n FROM s) AS s"
	}
	db := storetest.Raw(t, url)
	if !storetest.IsSQLite(url) { // millions of references that are right need not be looked at
		db.SetMaxOpenConns(1)
		if _, err := db.ExecContext(t.Context(), "SET session_replication_role = replica"); err != nil {
			t.Fatal(err)
		}
	}
	for _, query := range []string{
		`INSERT INTO bundles (id, project, name, version, status, signing_key, created_at, created_by) SELECT 'filled-' || s.n, project, name, 'v' || s.n, status, signing_key, 1, 'ann' FROM bundles, ` + series,
		`UPDATE bundle_names SET versions = 1 + $1`,
		`INSERT INTO bundle_names (project, name, versions, latest, latest_at) SELECT project, 'filled-' || s.n, 1, '1', s.n FROM bundle_names, ` + series,
		`UPDATE projects SET bundle_names = 1 + $1`,
		`INSERT INTO promotions (id, bundle, name, environment, rev, created_millis, operation, status, source_environment, included, excluded, properties, signing_key, messages, created_by, ended_at)
			SELECT 'filled-' || s.n, CASE WHEN s.n <= 200 THEN bundle ELSE 'filled-' || s.n END, name, environment, rev, s.n, operation, status, '', included, excluded, properties, signing_key, messages,
			created_by, 1 FROM promotions, ` + series,
		`UPDATE bundles SET promotions = CASE WHEN $1 > 0 AND version = '1.0.0' THEN 201 ELSE 1 END`,
	} {
		if _, err := db.ExecContext(t.Context(), query, n); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	if _, err := db.ExecContext(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	w.end = w.serve()
	return w
}

// p99Of is how long the slowest of a hundred pages of a list takes, of a thousand.
func (w *world) p99Of(path, field string) time.Duration {
	w.Helper()
	var took []time.Duration
	for n := range 1000 {
		began := time.Now()
		said := w.ofStatus(http.StatusOK, w.admin, "GET", fmt.Sprintf("%s?limit=10&offset=%d", path, n%20*10), "")
		took = append(took, time.Since(began))
		if list := `"` + field + `":[{`; !strings.Contains(said, list) || strings.Count(said, `"created":`) != 10 || strings.Contains(said, `"total":1,`) {
			w.Fatal(said)
		}
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}
