package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/server"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

const (
	clients = 50
	rounds  = 7   // what is measured is measured in turn, each time for a second: others use this machine, too
	fresh   = 100 // environments in which a client may deploy in one round
)

// TestFigures prints what the server costs, as ratios to one durable commit of one small row by as many clients.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("skipped: it measures (make bench)")
	}
	for kind, make := range map[string]func(*testing.T) string{"sqlite": storetest.SQLite, "postgres": storetest.DurablePostgres} {
		t.Run(kind, func(t *testing.T) {
			w := prepare(t, make(t)).busy()
			bare := bareCommits(t, make(t))
			idle, reports, deployments, starts := w.health(), w.reports(), w.deployments(), w.starts()
			var took [5][]float64
			for range rounds {
				for i, do := range []func() float64{bare, idle, reports, deployments, starts} {
					took[i] = append(took[i], do())
				}
			}
			fmt.Printf("  %s: %.0f durable commits of one row a second, %.0f requests without any\n", kind, median(took[0]), median(took[1]))
			for i, name := range []string{"PATCH", "POST", "POST that starts work"} {
				ratios := slices.Clone(took[2+i])
				for round := range ratios {
					ratios[round] /= took[0][round]
				}
				fmt.Printf("  %s: %s: %.0f a second, %.2f of the commits\n", kind, name, median(took[2+i]), median(ratios))
			}
			fmt.Printf("  %s: memory of the tests with the server in them: %s\n", kind, w.resident())
		})
	}
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// atOnce lets the clients do something for a second, and returns how often that was in a second.
func atOnce(t *testing.T, do func(client int) error) float64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var all sync.WaitGroup
	var done [clients]int
	began := time.Now()
	for client := range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := do(client); err != nil {
					t.Error(err)
					return
				}
				done[client]++
			}
		})
	}
	all.Wait()
	sum := 0
	for _, n := range done {
		sum += n
	}
	return float64(sum) / time.Since(began).Seconds()
}

// bareCommits commits one row after the other to a database of the same kind by the server's own store.
func bareCommits(t *testing.T, url string) func() float64 {
	t.Helper()
	s := storetest.Open(t, url)
	var n [clients]int
	return func() float64 {
		return atOnce(t, func(client int) error {
			n[client]++
			return s.Change(t.Context(), func(tx ledger.Tx) error {
				return tx.InsertNews(t.Context(), ledger.News{ID: fmt.Sprintf("%d/%d", client, n[client]), Receiver: "nobody", Body: "{}"})
			})
		})
	}
}

// busy is a server that has so much to do in one project of CircleCI, which does not answer, that nobody waits for more of it. The
// project has an environment for each client that others deploy.
func (w *world) busy() *world {
	w.Helper()
	circleCI := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	w.Cleanup(circleCI.Close)
	file := filepath.Join(w.TempDir(), "gio-server.yaml")
	if err := os.WriteFile(file, []byte("connections: {ci: {kind: circleci, host: "+circleCI.URL+", token: env:CI_TOKEN}}\n"), 0o600); err != nil {
		w.Fatal(err)
	}
	s, err := server.ReadSettings(w.settings, file, []string{"CI_TOKEN=a-token"})
	if err != nil {
		w.Fatal(err)
	}
	w.settings = s
	w.begin()
	w.project("apim", clients, "")
	return w
}

// project is one with so many environments, and a candidate.
func (w *world) project(name string, environments int, deploy string) {
	w.Helper()
	var all []string
	for i := range environments {
		all = append(all, fmt.Sprintf(`{"name": "e%d"%s}`, i, deploy))
	}
	w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/"+name, fmt.Sprintf(`{"name": %q, "repository": "acme/%s", "environments": [%s]}`, name, name, strings.Join(all, ",")))
	w.ofStatus(http.StatusCreated, w.admin, "POST", "/api/releases/"+name+"/releases/1.0.0-rc1", fmt.Sprintf(`{"repo": "acme/%s", "commit": "0123456789abcdef0123456789abcdef01234567"}`, name))
}

// health asks for nothing: what remains is HTTP, and the clients themselves.
func (w *world) health() func() float64 {
	text := w.request("GET", "/health", "")
	return func() float64 {
		lines := w.lines()
		return atOnce(w.T, func(client int) error { return lines[client].ask(text, http.StatusOK) })
	}
}

// reports say that deployments go on and succeed, in turn: each time that of another environment, as nobody reports one again and again.
func (w *world) reports() func() float64 {
	w.project("reports", clients*fresh, "")
	var n [clients]int
	return func() float64 {
		lines := w.lines()
		return atOnce(w.T, func(client int) error {
			status := []string{"in_progress", "success"}[n[client]/fresh%2]
			text := w.request("PATCH", deploymentsIn("reports", client*fresh+n[client]%fresh), fmt.Sprintf(`{"release_candidate_version": "1.0.0-rc1", "status": %q}`, status))
			n[client]++
			return lines[client].ask(text, http.StatusOK)
		})
	}
}

const anew = `{"release_candidate_version": "1.0.0-rc1"}`

// deployments are asked for of those who deploy: each takes the place of the one before.
func (w *world) deployments() func() float64 {
	var texts [clients][]byte
	for client := range clients {
		texts[client] = w.request("POST", deploymentsIn("apim", client), anew)
	}
	return func() float64 {
		lines := w.lines()
		return atOnce(w.T, func(client int) error { return lines[client].ask(texts[client], http.StatusCreated) })
	}
}

// starts are deployments that begin at once: each in an environment where nothing was deployed before.
func (w *world) starts() func() float64 {
	round := 0
	return func() float64 {
		round++
		name := fmt.Sprintf("round%d", round)
		w.project(name, clients*fresh, `, "kind": "circleci", "deploy": {"connection": "ci", "project": "gh/acme/apim", "branch": "main"}`)
		lines := w.lines()
		var n [clients]int
		return atOnce(w.T, func(client int) error {
			if n[client] == fresh {
				return fmt.Errorf("more than %d deployments by a client: it needs more environments", fresh)
			}
			text := w.request("POST", deploymentsIn(name, client*fresh+n[client]), anew)
			n[client]++
			return lines[client].ask(text, http.StatusCreated)
		})
	}
}

func deploymentsIn(project string, environment int) string {
	return fmt.Sprintf("/api/releases/%s/environments/e%d/deployments", project, environment)
}

// request is one as it is sent.
func (w *world) request(method, path, body string) []byte {
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method, path, w.address, w.admin, len(body), body)
}

// line is a client's connection, for one round: the server closes those that send nothing. It reads as little of an answer as can be, because who measures shares the processors with the server.
type line struct {
	net.Conn
	in *bufio.Reader
}

func (w *world) lines() (all [clients]line) {
	w.Helper()
	for i := range all {
		conn, err := (&net.Dialer{}).DialContext(w.Context(), "tcp", w.address)
		if err != nil {
			w.Fatal(err)
		}
		w.Cleanup(func() { _ = conn.Close() })
		all[i] = line{conn, bufio.NewReader(conn)}
	}
	return all
}

// ask sends a request, and reads its answer, which must have a status.
func (l line) ask(request []byte, status int) error {
	if _, err := l.Write(request); err != nil {
		return err
	}
	first, err := l.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(first, fmt.Appendf(nil, "HTTP/1.1 %d ", status)) {
		return fmt.Errorf("%s: %s", bytes.Fields(request)[0], first)
	}
	length := 0
	for {
		header, err := l.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		name, value, more := bytes.Cut(bytes.TrimSpace(header), []byte(": "))
		if !more {
			break
		}
		if string(name) == "Content-Length" {
			length, err = strconv.Atoi(string(value))
			if err != nil {
				return err
			}
		}
	}
	_, err = l.in.Discard(length)
	return err
}
