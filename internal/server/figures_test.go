package server_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/server"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

var figures = flag.Bool("figures", false, "measure")

// resident is how much memory this program has, tests included.
func (w *world) resident() string {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err.Error()
	}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "VmRSS") {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return "no VmRSS"
}

// TestFiguresOfLists prints how lists grow with what they do not return.
func TestFiguresOfLists(t *testing.T) {
	if !*figures {
		t.Skip("skipped: it measures (make bench)")
	}
	for kind, make := range map[string]func(*testing.T) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(kind, func(t *testing.T) {
			few, many := filledList(t, make(t), 10_000), filledList(t, make(t), 1_000_000)
			var ratios []float64
			for range 3 {
				ratios = append(ratios, float64(many.p99())/float64(few.p99()))
			}
			slices.Sort(ratios)
			fmt.Printf("  %s: a page of 1,000,000 deployments takes %.2f times that of 10,000 (p99)\n", kind, ratios[1])
		})
	}
}

// filledList is a server with that many deployments in one environment.
func filledList(t *testing.T, url string, n int) *world {
	w := start(t, url).declared()
	w.ofStatus(http.StatusCreated, w.admin, "POST", "/api/releases/apim/releases/1.0.0-rc1", `{"repo": "acme/apim", "commit": "0123456789abcdef0123456789abcdef01234567"}`)
	w.wants(w.admin, "PATCH", qa, `{"release_candidate_version": "1.0.0-rc1", "status": "success"}`, http.StatusOK, "")
	w.end()
	series := "generate_series(1, $1) AS s(n)"
	if storetest.IsSQLite(url) {
		series = "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < $1) SELECT n FROM s) AS s"
	}
	db := storetest.Raw(t, url)
	if _, err := db.ExecContext(t.Context(), `INSERT INTO deployments (id, project, environment, rev, release, number, from_release, from_number, status, message, actor, restores,
		started_at, ended_at) SELECT 'filled-' || s.n, project, environment, rev + s.n, release, number, '', 0, 'success', '', 'ann@example.org', NULL, 1, 2
		FROM deployments, `+series, n); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	w.end = w.serve()
	return w
}

// p99 is how long the slowest of a hundred pages takes, of a thousand.
func (w *world) p99() time.Duration {
	w.Helper()
	var took []time.Duration
	for n := range 1000 {
		began := time.Now()
		said := w.ofStatus(http.StatusOK, w.admin, "GET", fmt.Sprintf("%s?page=%d", qa, n%20+1), "")
		took = append(took, time.Since(began))
		var page []struct{ ID string }
		if err := json.Unmarshal([]byte(said), &page); err != nil || len(page) != 10 {
			w.Fatalf("%d on the page: %v", len(page), err)
		}
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// TestFiguresOfWork prints how soon an effect begins after the commit that wants it, how late the end of its pipeline is known when
// CircleCI tells of it, with how many requests, and how long a server takes to start.
func TestFiguresOfWork(t *testing.T) {
	if !*figures {
		t.Skip("skipped: it measures (make bench)")
	}
	for kind, make := range map[string]func(*testing.T) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			ci := sim.New(sim.Scenario{Default: sim.Project{Duration: time.Second}, Projects: map[string]sim.Project{"long30": {Duration: 2 * time.Minute}}})
			circleCI := httptest.NewServer(ci)
			defer circleCI.Close()
			w := prepare(t, make(t))
			file := filepath.Join(t.TempDir(), "gio-server.yaml")
			text := "connections:\n  ci: {kind: circleci, host: " + circleCI.URL + ", token: env:CI_TOKEN, webhook_secret: env:HOOK_SECRET}\n"
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := server.ReadSettings(w.settings, file, []string{"CI_TOKEN=a-token", "HOOK_SECRET=a-secret"})
			if err != nil {
				t.Fatal(err)
			}
			w.settings = s
			began := time.Now()
			w.begin()
			fmt.Printf("  %s: ready after %s\n", kind, time.Since(began).Round(time.Millisecond))
			w.fiftyOnCircleCI()
			var starts, posts []time.Duration
			for client := range 10 {
				asked, before := len(ci.Requests()), len(ci.Pipelines())
				posted := time.Now()
				w.ofStatus(http.StatusCreated, w.admin, "POST", deploymentsIn("apim", client), anew)
				answered := time.Now()
				for len(ci.Requests()) == asked {
					time.Sleep(time.Millisecond)
				}
				starts = append(starts, time.Since(answered))
				for len(ci.Pipelines()) == before {
					time.Sleep(time.Millisecond)
				}
				posts = append(posts, time.Since(posted))
				for newest(ci).Outcome != "success" {
					time.Sleep(10 * time.Millisecond)
				}
				w.tell(ci)
				w.ended(fmt.Sprintf("e%d", client))
			}
			slices.Sort(starts)
			slices.Sort(posts)
			fmt.Printf("  %s: from the answer to the effect's first request: p90 %s; from the POST to the pipeline: p90 %s\n",
				kind, starts[len(starts)*9/10].Round(time.Millisecond), posts[len(posts)*9/10].Round(time.Millisecond))
			asked := len(ci.Requests())
			w.ofStatus(http.StatusCreated, w.admin, "POST", deploymentsIn("apim", 30), anew)
			for newest(ci).Project != "gh/acme/long30" || newest(ci).Outcome != "success" {
				time.Sleep(10 * time.Millisecond)
			}
			over := time.Now()
			w.tell(ci)
			w.ended("e30")
			fmt.Printf("  %s: a pipeline of two minutes whose end CircleCI tells: known %s later, after %d requests\n",
				kind, time.Since(over).Round(time.Millisecond), len(ci.Requests())-asked)
		})
	}
}

func newest(ci *sim.Sim) sim.Pipeline {
	all := ci.Pipelines()
	return all[len(all)-1]
}

// tell is what CircleCI tells when the newest pipeline ends.
func (w *world) tell(ci *sim.Sim) {
	w.Helper()
	done := `{"type": "workflow-completed", "pipeline": {"id": "` + newest(ci).ID + `"}}`
	w.hook("/hooks/circleci/ci", signature("a-secret", done), done)
}

// ended waits until nothing is under way in an environment.
func (w *world) ended(environment string) {
	w.Helper()
	for {
		said := w.ofStatus(http.StatusOK, w.admin, "GET", "/api/releases/apim/environments/"+environment+"/deployments?per_page=1", "")
		if !strings.Contains(said, `"in_progress"`) && !strings.Contains(said, `"pending"`) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// fiftyOnCircleCI is a project with an environment, and a project of CircleCI, for each client.
func (w *world) fiftyOnCircleCI() {
	w.Helper()
	var all []string
	for i := range clients {
		length := "short"
		if i >= 30 {
			length = "long"
		}
		all = append(all, fmt.Sprintf(`{"name": "e%d", "kind": "circleci", "deploy": {"connection": "ci", "project": "gh/acme/%s%d", "branch": "main"}}`, i, length, i))
	}
	w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/apim", `{"name": "apim", "repository": "acme/apim", "environments": [`+strings.Join(all, ",")+`]}`)
	w.ofStatus(http.StatusCreated, w.admin, "POST", "/api/releases/apim/releases/1.0.0-rc1", `{"repo": "acme/apim", "commit": "0123456789abcdef0123456789abcdef01234567"}`)
}
