package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/server"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// world is a gio-server on a SQLite file.
type world struct {
	*testing.T
	address string
	admin   string // its token
	data    string // directory
	log     *talk
	key     string // Idempotency-Key of the requests
	client  string // the address that requests are said to come from

	signingKey string // X-JFrog-Signing-Key-Name of the requests

	replayed bool // the last answer was an old one
	settings server.Settings
	end      func() // ends the server
}

// each tests a server on each database.
func each(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) { test(start(t, url)) })
}

// eachPrepared is each, before the server begins.
func eachPrepared(t *testing.T, test func(w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, url string) { test(prepare(t, url)) })
}

// start serves until the test ends.
func start(t *testing.T, url string) *world {
	t.Helper()
	return prepare(t, url).begin()
}

// prepare makes what start starts.
func prepare(t *testing.T, url string) *world {
	t.Helper()
	w := &world{T: t, data: filepath.Join(t.TempDir(), "data"), log: &talk{}}
	w.settings = server.Settings{Listen: "127.0.0.1:0", Data: w.data, Database: url, TrustedProxies: proxies("127.0.0.1/32")}
	return w
}

func (w *world) begin() *world {
	w.Helper()
	w.end = w.serve()
	secret, err := os.ReadFile(filepath.Join(w.data, "admin-token"))
	if err != nil {
		w.Fatal(err)
	}
	w.admin = strings.TrimSpace(string(secret))
	return w
}

// talk is what servers have logged. It may be read while they run.
type talk struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *talk) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *talk) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// serve runs a server, and ends it with the test or by the function that it returns.
func (w *world) serve() (end func()) {
	w.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, w.settings, nil, w.log, func(address string) { listening <- address })
	}()
	select {
	case w.address = <-listening:
	case err := <-ended:
		w.Fatal(err)
	}
	once := false
	end = func() {
		if once {
			return
		}
		once = true
		cancel()
		if err := <-ended; err != nil {
			w.Error(err)
		}
	}
	w.Cleanup(end)
	return end
}

// ask sends a request and returns the answer's status and body.
func (w *world) ask(token, method, path, body string) (int, string) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, "http://"+w.address+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if w.key != "" {
		req.Header.Set("Idempotency-Key", w.key)
	}
	if w.signingKey != "" {
		req.Header.Set("X-JFrog-Signing-Key-Name", w.signingKey)
	}
	if w.client != "" {
		req.Header.Set("X-Forwarded-For", w.client)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	w.replayed = res.Header.Get("Idempotency-Replayed") == "true"
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return res.StatusCode, strings.TrimSpace(string(answer))
}

// wants fails unless a request is answered like that; body "" is an empty one.
func (w *world) wants(token, method, path, body string, status int, answer string) {
	w.Helper()
	if got, said := w.ask(token, method, path, body); got != status || said != answer {
		w.Errorf("%s %s %s: %d %s, want %d %s", method, path, body, got, said, status, answer)
	}
}

// declared makes the project "apim" with the environments qa and prod.
func (w *world) declared() *world {
	w.Helper()
	w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/apim",
		`{"name": "apim", "repository": "acme/apim", "environments": [{"name": "qa", "tier": "staging"}, {"name": "prod", "tier": "production"}, {"name": "frozen"}]}`)
	return w
}

// deployment makes a candidate and asks for its deployment in qa. It returns the deployment's id.
func (w *world) deployment(candidate string) string {
	w.Helper()
	w.ofStatus(http.StatusCreated, w.admin, "POST", own+"/candidates", `{"version": "`+candidate+`", "commit": "`+commit+`"}`)
	var made struct{ ID string }
	w.decode(w.ofStatus(http.StatusCreated, w.admin, "POST", own+"/environments/qa/deployments", `{"candidate": "`+candidate+`"}`), &made)
	return made.ID
}

func (w *world) ofStatus(status int, token, method, path, body string) string {
	w.Helper()
	got, said := w.ask(token, method, path, body)
	if got != status {
		w.Fatalf("%s %s: %d %s, want %d\n%s", method, path, got, said, status, w.log)
	}
	return said
}

// token makes a token of a role; project "" is for all.
func (w *world) token(role, project string) string {
	w.Helper()
	var made struct{ Secret string }
	w.decode(w.ofStatus(http.StatusOK, w.admin, "POST", "/v1/tokens", fmt.Sprintf(`{"subject": "ann@example.org", "role": %q, "project": %q}`, role, project)), &made)
	return made.Secret
}

func (w *world) decode(text string, into any) {
	w.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		w.Fatalf("%v: %s", err, text)
	}
}

// sealed waits until that many events are sealed.
func (w *world) sealed(n int) {
	w.Helper()
	for range 100 {
		var events []struct{ Position int64 }
		w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/events?limit=1000", ""), &events)
		if len(events) >= n {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.Fatalf("%d events were not sealed", n)
}

// rows is all that the database holds.
func (w *world) rows() (all string) {
	w.Helper()
	w.end() // SQLite is for one program
	db := storetest.Raw(w.T, w.settings.Database)
	for _, table := range storetest.Tables(w.T, db) {
		rows, err := db.QueryContext(w.Context(), "SELECT * FROM "+table)
		if err != nil {
			w.Fatal(err)
		}
		columns, err := rows.Columns()
		for err == nil && rows.Next() {
			row := make([]any, len(columns))
			for i := range row {
				row[i] = new(any)
			}
			err = rows.Scan(row...)
			for _, value := range row {
				all += fmt.Sprintf("%s ", *value.(*any))
			}
		}
		if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
			w.Fatal(err)
		}
	}
	return all
}
