package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/registry/registrytest"
)

// talk is what the program says. It may be read while it runs.
type talk struct {
	mu   sync.Mutex
	text bytes.Buffer
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

// program is one that runs.
type program struct {
	*testing.T
	address, token string
	talk           talk
}

// begin runs the program with settings, until the test ends.
func begin(t *testing.T, settings string) *program {
	t.Helper()
	p, data := &program{T: t}, t.TempDir()
	file := filepath.Join(data, "gio-server.yaml")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--config", file, "--data", data, "--listen", "127.0.0.1:0"}, io.Discard, &p.talk)
	}()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	p.until("it listens", func() bool {
		for line := range strings.Lines(p.talk.String()) {
			var said struct{ Message, Address string }
			if json.Unmarshal([]byte(line), &said) == nil && said.Message == "listening" {
				p.address = said.Address
			}
		}
		return p.address != ""
	})
	token, err := os.ReadFile(filepath.Join(data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	p.token = strings.TrimSpace(string(token))
	return p
}

// until waits for what comes by itself.
func (p *program) until(what string, holds func() bool) {
	p.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.Fatalf("it does not come to that: %s\n%s", what, &p.talk)
		}
	}
}

// ask sends a request, which must be answered with that status, and returns the body.
func (p *program) ask(want int, method, path, body string) string {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), method, p.address+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != want {
		p.Fatalf("%s %s: %d %s, %v", method, path, answer.StatusCode, said, err)
	}
	return string(said)
}

// deploys ships an app file, deploys its app to staging and returns how that ends.
func (p *program) deploys(name, file string) string {
	p.Helper()
	var made struct{ ID string }
	decode := func(text string, into any) {
		p.Helper()
		if err := json.Unmarshal([]byte(text), into); err != nil {
			p.Fatalf("%v: %s", err, text)
		}
	}
	decode(p.ask(http.StatusCreated, "POST", "/api/artifact", fmt.Sprintf(
		`{"version": {"repositoryName": "acme/shop", "sha": "0714000000000000000000000000000000000001"}, "environments": [{"app": %q, "env": "staging", %s}], "vars": {"SHA": "0714"}}`, name, file)), &made)
	decode(p.ask(http.StatusCreated, "POST", "/api/releases", fmt.Sprintf(`{"env": "staging", "app": %q, "artifactId": %q}`, name, made.ID)), &made)
	var track struct {
		Status  string
		Results []struct{ Status, StatusDesc string }
	}
	p.until(name+" is processed", func() bool {
		decode(p.ask(http.StatusOK, "GET", "/api/eventReleaseTrack?id="+made.ID, ""), &track)
		return track.Status == "processed"
	})
	if len(track.Results) != 1 {
		p.Fatalf("%s: %+v", name, track)
	}
	return track.Results[0].Status + " " + track.Results[0].StatusDesc
}

// TestCharts: the program commits what a chart of a folder makes, patched; it asks its registries, and says what it cannot render.
func TestCharts(t *testing.T) {
	t.Parallel()
	bare := gittest.Bare(t, map[string]string{"README.md": "the state of our environments\n"}, "main")
	images := registrytest.Memory(t)
	registrytest.Chart(t, images, "acme/charts/odd:1.0.0")
	charts, err := filepath.Abs("../../internal/helm/testdata/charts")
	if err != nil {
		t.Fatal(err)
	}
	p := begin(t, fmt.Sprintf(`default_project: shop
connections:
  git: {url: "file://%s"}
  images: {kind: registry, url: %q}
charts:
- {repository: "https://charts.example.org", folder: %q}
- {connection: images, path: acme/charts}
`, filepath.Dir(bare), images, charts))
	p.ask(http.StatusOK, "PUT", "/v1/projects/shop", fmt.Sprintf(
		`{"name": "shop", "repository": "acme/shop", "environments": [{"name": "staging", "kind": "gitops", "gitops": {"connection": "git", "repository": %q, "confirm": "push"}}]}`, filepath.Base(bare)))

	web := `"namespace": "team", "chart": {"repository": "https://charts.example.org/", "name": "web", "version": "1.2.0"}, "values": {"replicas": 2, "image": {"repository": "web", "tag": "{{ .SHA }}"}}`
	if got := p.deploys("web", web+`, "json6902Patches": [{"target": {"kind": "Deployment"}, "patch": "[{op: replace, path: /spec/replicas, value: 5}]"}]`); got != "success " {
		t.Fatalf("%s\n%s", got, &p.talk)
	}
	text := gittest.Git(t, bare, "show", "main:staging/web/deployment.yaml")
	for _, want := range []string{"replicas: 5\n", "image: web:0714\n", "namespace: team\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	for name, test := range map[string]struct{ file, want string }{
		"odd":     {`"chart": {"name": "odd", "version": "1.0.0"}`, "the chart odd 1.0.0: it is no .tgz"},
		"missing": {`"chart": {"name": "missing", "version": "1.0.0"}`, "the chart missing 1.0.0 is not where the server looks for charts"},
		"values":  {strings.Replace(web, `"replicas": 2`, `"replicas": "two"`, 1), "at '/replicas': got string, want integer"},
		"patched": {web + `, "strategicMergePatches": "\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: other}\n"`, "strategicMergePatches, document 1 (from line 3), of Deployment other: there is no such object"},
	} {
		if got := p.deploys(name, test.file); !strings.HasPrefix(got, "failure ") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %s, want %q", name, got, test.want)
		}
	}
	if n := strings.TrimSpace(gittest.Git(t, bare, "rev-list", "--count", "main")); n != "2" {
		t.Errorf("%s commits", n)
	}
}
