//go:build unix

package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/server"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// Storms: real programs that are killed while they deploy.

var kills = flag.Int("kills", 0, "how many deployments storms make, a multiple of 100, and how often one kills its program; 0 leaves storms out")

// serving tells a copy of the tests to be a server, with these settings.
const serving = "GIO_TEST_SERVES"

// TestServes is the program that storms start and kill.
func TestServes(t *testing.T) {
	settings := os.Getenv(serving)
	if settings == "" {
		t.Skip("skipped: this is the program that the storms start")
	}
	s, err := server.ReadSettings(server.Settings{}, settings, []string{"CI_TOKEN=a-token"})
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(settings+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Run(t.Context(), s, nil, log, func(string) {}); err != nil {
		t.Fatal(err)
	}
}

// storm is a simulated CircleCI, a database, and programs on it.
type storm struct {
	*testing.T
	dir, database string
	sim           *sim.Sim
	circleCI      string
	token         string
	replicas      []*replica
	environments  int
}

type replica struct {
	settings, address string
	cmd               *exec.Cmd
	mu                sync.Mutex
	starts            int
}

func newStorm(t *testing.T, database string, replicas int) *storm {
	t.Helper()
	s := &storm{T: t, dir: t.TempDir(), database: database, sim: sim.New(sim.Scenario{
		Default: sim.Project{Duration: 2 * time.Second}, Chaos: &sim.Chaos{Rate: 0.03, Kinds: []sim.FaultKind{sim.ResetBefore, sim.ResetAfter, sim.ErrorBefore, sim.ErrorAfter}},
	})}
	ci := httptest.NewServer(s.sim)
	t.Cleanup(ci.Close)
	s.circleCI = ci.URL
	for i := range replicas {
		s.replicas = append(s.replicas, s.replica(i))
	}
	t.Cleanup(func() {
		for _, r := range s.replicas {
			r.kill()
		}
	})
	return s
}

func (s *storm) replica(i int) *replica {
	s.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	r := &replica{settings: filepath.Join(s.dir, fmt.Sprintf("%d.yaml", i)), address: free.Addr().String()}
	text := fmt.Sprintf("listen: %s\ndatabase: %q\ndata: %s\nconnections:\n  ci: {kind: circleci, host: %s, token: env:CI_TOKEN}\n",
		r.address, s.database, s.dir, s.circleCI)
	if err := errors.Join(free.Close(), os.WriteFile(r.settings, []byte(text), 0o600)); err != nil {
		s.Fatal(err)
	}
	return r
}

// start starts a program, and waits until it answers.
func (s *storm) start(r *replica) {
	s.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cmd = exec.Command(os.Args[0], "-test.run=^TestServes$", "-test.timeout=0")
	r.cmd.Env = append(os.Environ(), serving+"="+r.settings, "CI_TOKEN=a-token")
	if err := r.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	r.starts++
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		res, err := http.Get("http://" + r.address + "/ready")
		if err == nil {
			_ = res.Body.Close()
			return
		}
	}
	log, _ := os.ReadFile(r.settings + ".log")
	s.Fatalf("the server does not start:\n%s", log)
}

// kill ends a program as a power failure does.
func (r *replica) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		r.cmd = nil
	}
}

// ask sends a request to any program that answers, until one does. A POST has a key, so that what was done is not done again.
func (s *storm) ask(method, path, body string) (int, string) {
	s.Helper()
	key := fmt.Sprintf("%d-%d", time.Now().UnixNano(), rand.Int64())
	for began := time.Now(); time.Since(began) < 2*time.Minute; time.Sleep(50 * time.Millisecond) {
		r := s.replicas[rand.IntN(len(s.replicas))]
		req, err := http.NewRequestWithContext(s.Context(), method, "http://"+r.address+path, strings.NewReader(body))
		if err != nil {
			s.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.token)
		req.Header.Set("Content-Type", "application/json")
		if method == http.MethodPost {
			req.Header.Set("Idempotency-Key", key)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			continue // it was killed
		}
		answer, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode == http.StatusConflict || res.StatusCode >= http.StatusInternalServerError {
			continue
		}
		return res.StatusCode, string(bytes.TrimSpace(answer))
	}
	s.Fatalf("nobody answers %s %s", method, path)
	return 0, ""
}

func (s *storm) must(status int, method, path, body string) string {
	s.Helper()
	got, said := s.ask(method, path, body)
	if got != status {
		s.Fatalf("%s %s: %d %s", method, path, got, said)
	}
	return said
}

// declare makes a project with so many environments, of which two always share a project of CircleCI.
func (s *storm) declare(environments int) {
	s.Helper()
	secret, err := os.ReadFile(filepath.Join(s.dir, "admin-token"))
	if err != nil {
		s.Fatal(err)
	}
	s.token = strings.TrimSpace(string(secret))
	s.environments = environments
	var all []string
	for i := range environments {
		all = append(all, fmt.Sprintf(`{"name": "e%d", "kind": "circleci", "deploy": {"connection": "ci", "project": "gh/acme/deploy%d", "branch": "main",
			"parameters": {"deployment": "{{.DeploymentID}}"}}}`, i, i/2))
	}
	s.must(http.StatusOK, "PUT", "/v1/projects/apim", `{"name": "apim", "repository": "acme/apim", "environments": [`+strings.Join(all, ",")+`]}`)
	s.must(http.StatusCreated, "POST", "/api/releases/apim/releases/1.0.0-rc1", `{"repo": "acme/apim", "commit": "0123456789abcdef0123456789abcdef01234567"}`)
}

type listed struct {
	ID, Status string
}

func (s *storm) list(environment string) (all []listed) {
	s.Helper()
	for page := 1; ; page++ {
		var some []listed
		said := s.must(http.StatusOK, "GET", fmt.Sprintf("/api/releases/apim/environments/%s/deployments?per_page=100&page=%d", environment, page), "")
		if err := json.Unmarshal([]byte(said), &some); err != nil {
			s.Fatal(err)
		}
		if all = append(all, some...); len(some) < 100 {
			return all
		}
	}
}

// deploy makes n deployments, in each environment one after the other.
func (s *storm) deploy(n int) {
	var all sync.WaitGroup
	for e := range s.environments {
		name := fmt.Sprintf("e%d", e)
		all.Go(func() {
			for range n / s.environments {
				s.must(http.StatusCreated, "POST", "/api/releases/apim/environments/"+name+"/deployments", `{"release_candidate_version": "1.0.0-rc1"}`)
				s.wait(name)
			}
		})
	}
	all.Wait()
}

// wait waits until nothing is under way in an environment.
func (s *storm) wait(environment string) {
	s.Helper()
	for began := time.Now(); time.Since(began) < 20*time.Minute; time.Sleep(time.Second) {
		var newest []listed
		said := s.must(http.StatusOK, "GET", "/api/releases/apim/environments/"+environment+"/deployments?per_page=1", "")
		if err := json.Unmarshal([]byte(said), &newest); err != nil {
			s.Fatal(err)
		}
		if newest[0].Status != "pending" && newest[0].Status != "in_progress" {
			return
		}
	}
	s.Fatalf("%s does not end", environment)
}

// count holds that all deployments succeeded, each with one pipeline.
func (s *storm) count(n int) {
	s.Helper()
	deployed := map[string]bool{}
	for e := range s.environments {
		for _, d := range s.list(fmt.Sprintf("e%d", e)) {
			deployed[d.ID] = true
			if d.Status != "success" {
				s.Errorf("%s ended as %s", d.ID, d.Status)
			}
		}
	}
	triggered := map[any]int{}
	for _, p := range s.sim.Pipelines() {
		triggered[p.Parameters["deployment"]]++
	}
	twice, lost := 0, 0
	for _, n := range triggered {
		twice += n - 1
	}
	for id := range deployed {
		if triggered[id] == 0 {
			lost++
		}
	}
	starts := 0
	for _, r := range s.replicas {
		starts += r.starts
	}
	fmt.Printf("  %s: %d deployments of %d, %d pipelines, %d twice, %d lost; programs started %d times\n", s.Name(), len(deployed), n, len(s.sim.Pipelines()), twice, lost, starts)
	if len(deployed) != n || twice > 0 || lost > 0 {
		s.Error("that must not be")
	}
}

// A server on SQLite is killed again and again, and started again, while it deploys.
func TestStormOfKills(t *testing.T) {
	if *kills == 0 {
		t.Skip("skipped: a storm takes minutes (make storm)")
	}
	s := newStorm(t, storetest.SQLite(t), 1)
	s.start(s.replicas[0])
	s.declare(10)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; n < *kills && ctx.Err() == nil; n++ {
			time.Sleep(time.Duration(200+rand.IntN(1500)) * time.Millisecond)
			s.replicas[0].kill()
			s.start(s.replicas[0])
		}
	}()
	s.deploy(*kills)
	stop()
	<-ended
	s.count(*kills)
}

// Three servers share a PostgreSQL, and one of them is killed every twenty-five seconds.
func TestStormOfReplicas(t *testing.T) {
	if *kills == 0 {
		t.Skip("skipped: a storm takes minutes (make storm)")
	}
	s := newStorm(t, storetest.Postgres(t), 3)
	for _, r := range s.replicas {
		s.start(r)
	}
	s.declare(100) // a killed driver costs a lease: many at once
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ctx.Err() == nil; i++ {
			// A look-up after a lost answer takes a minute, and begins anew with each driver: each lives a little longer.
			time.Sleep(time.Duration(22000+rand.IntN(6000)) * time.Millisecond)
			s.replicas[i%3].kill()
			s.start(s.replicas[i%3])
		}
	}()
	s.deploy(*kills)
	stop()
	<-ended
	s.count(*kills)
}

// A server sleeps longer than its lease while another one goes on. When it wakes it writes nothing about the effect any more, and
// sends nothing that changes anything.
func TestSleepingServer(t *testing.T) {
	if *kills == 0 {
		t.Skip("skipped: a lease takes a minute (make storm)")
	}
	s := newStorm(t, storetest.Postgres(t), 2)
	first, second := s.replicas[0], s.replicas[1]
	s.start(first)
	s.declare(1)
	s.must(http.StatusCreated, "POST", "/api/releases/apim/environments/e0/deployments", `{"release_candidate_version": "1.0.0-rc1"}`)
	time.Sleep(500 * time.Millisecond)
	if err := first.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.replicas = s.replicas[1:]
	s.start(second)
	s.wait("e0")
	written, sent := s.entries(), s.changes()
	if err := first.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	time.Sleep(30 * time.Second)
	if a, b := s.entries(), s.changes(); a != written || b != sent {
		t.Errorf("after it woke: %d entries, before %d; %d requests that change something, before %d", a, written, b, sent)
	}
	s.replicas = append(s.replicas, first)
	s.count(1)
}

func (s *storm) entries() (n int) {
	s.Helper()
	if err := storetest.Raw(s.T, s.database).QueryRowContext(s.Context(), "SELECT COUNT(*) FROM journal").Scan(&n); err != nil {
		s.Fatal(err)
	}
	return n
}

func (s *storm) changes() (n int) {
	for _, r := range s.sim.Requests() {
		if r.Method != http.MethodGet {
			n++
		}
	}
	return n
}
