//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// shop is what several machines share: a release repository and CircleCI.
type shop struct {
	*testing.T
	remote, host string
	sim          *sim.Sim
	later        atomic.Int64 // by how much CircleCI's clock is ahead: a time.Duration
	mute         atomic.Int64 // whoever triggers the pipeline of that count, or a later one, gets no answer; 0 for none
}

// newShop serves a simulator and makes a release repository with these branches, each with its release.json.
func newShop(t *testing.T, scenario sim.Scenario, manifests map[string]string) *shop {
	t.Helper()
	s := &shop{T: t}
	scenario.Default.WorkflowDelay = 10 * time.Millisecond
	s.sim = sim.New(scenario)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		s.sim.ServeHTTP(dated{answer, time.Duration(s.later.Load())}, r)
		if n := int(s.mute.Load()); n > 0 && r.Method == http.MethodPost && len(s.sim.Pipelines()) >= n {
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(func() {
		server.CloseClientConnections() // a request without an answer would keep it open
		server.Close()
		s.sim.Close()
	})
	s.host = server.URL
	s.remote = gittest.Bare(t, map[string]string{"README.md": "release.json is on the branches"}, "master")
	t.Cleanup(func() {
		if err := settle(s.remote); err != nil {
			t.Error(err)
		}
	})
	for branch, manifest := range manifests {
		gittest.Push(t, s.remote, branch, map[string]string{"release.json": manifest}, "first commit")
	}
	return s
}

// dated is an answer from a time to come.
type dated struct {
	http.ResponseWriter
	later time.Duration
}

func (d dated) WriteHeader(status int) {
	d.Header().Set("Date", time.Now().Add(d.later).UTC().Format(http.TimeFormat))
	d.ResponseWriter.WriteHeader(status)
}

// process is gio on a machine of its own.
type process struct {
	*exec.Cmd
	output bytes.Buffer
}

// start starts gio as a process on another machine: in a fresh clone, with an empty home and state directory.
func (s *shop) start(branch string, args ...string) *process {
	s.Helper()
	return s.startIn(s.clone(branch), args...)
}

func (s *shop) clone(branch string) string {
	s.Helper()
	dir := filepath.Join(s.TempDir(), "checkout")
	gittest.Git(s, "", "clone", "--quiet", "--branch", branch, s.remote, dir)
	return dir
}

func (s *shop) startIn(checkout string, args ...string) *process {
	s.Helper()
	p := &process{Cmd: exec.Command("gio", args...)}
	home := s.TempDir()
	p.Dir, p.Stdout, p.Stderr = checkout, &p.output, &p.output
	p.Env = append(gittest.Env(), "HOME="+home, "XDG_STATE_HOME="+filepath.Join(home, "state"), "CIRCLE_HOST="+s.host, "CIRCLE_TOKEN=any")
	// A git program that outlives its killed gio must not be waited for.
	p.WaitDelay = time.Second
	if err := p.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { // for a test that failed half-way
		_ = p.Process.Kill()
		_ = p.Wait()
	})
	return p
}

// end waits for the process and gives its exit code, -1 when it was killed.
func (p *process) end(t *testing.T) int {
	t.Helper()
	if err := p.Wait(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			t.Fatal(err)
		}
	}
	return p.ProcessState.ExitCode()
}

// events is the journal of a product version, none before its first write.
func (s *shop) events(version string) []run.Event {
	s.Helper()
	data, err := exec.CommandContext(context.WithoutCancel(s.Context()), "git", "-C", s.remote, "show", journal.GitRef+":release/"+version+".jsonl").Output()
	if err != nil {
		return nil // git ends with 128 while there is no such file
	}
	var events []run.Event
	for d := json.NewDecoder(bytes.NewReader(data)); ; {
		var e run.Event
		switch err := d.Decode(&e); {
		case errors.Is(err, io.EOF):
			return events
		case err != nil:
			s.Fatal(err)
		}
		events = append(events, e)
	}
}

// await waits for events of a journal.
func (s *shop) await(version, what string, there func([]run.Event) bool) {
	s.Helper()
	for end := time.Now().Add(patience); !there(s.events(version)); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("waited %s in vain for %s", patience, what)
		}
	}
}

// finish ends the first pipeline of these projects, each as soon as it runs.
func (s *shop) finish(projects ...string) {
	s.Helper()
	for _, name := range projects {
		for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			err := s.sim.Finish(name, 1)
			if err == nil {
				break
			}
			if time.Now().After(end) {
				s.Fatal(err)
			}
		}
	}
}

// pipelines counts them by component.
func (s *shop) pipelines() map[string]int {
	counts := map[string]int{}
	for _, p := range s.sim.Pipelines() {
		counts[p.Project[strings.LastIndex(p.Project, "/")+1:]]++
	}
	return counts
}

// checkWorld: nothing was triggered twice, the journal is a possible one, and the repository is sound.
func (s *shop) checkWorld(versions ...string) {
	s.Helper()
	if twice := s.sim.Duplicates(); len(twice) > 0 {
		s.Errorf("triggered twice:\n%s", strings.Join(twice, "\n"))
	}
	for _, version := range versions {
		if err := run.Check(s.events(version)); err != nil {
			s.Errorf("the journal of %s: %v", version, err)
		}
	}
	gittest.Git(s, s.remote, "fsck", "--strict", "--no-dangling")
}

// versions are those in release.json at a revision: by component, and the product's as "".
func (s *shop) versions(revision string) map[string]string {
	s.Helper()
	text := gittest.Git(s, s.remote, "show", revision+":release.json")
	var m struct {
		Version    string
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		s.Fatalf("%v in\n%s", err, text)
	}
	found := map[string]string{"": m.Version}
	for _, c := range m.Components {
		found[c.Name] = c.Version
	}
	return found
}

// checkReleased: the tag and the branch say that these components are released as 1.0.4, and 1.0.5 comes next. The
// number of components that are not recorded is the result.
func (s *shop) checkReleased(branch string, components []string) (lost int) {
	s.Helper()
	want := map[string]string{"": "1.0.4"}
	for _, name := range components {
		want[name] = "1.0.4"
	}
	if kind := gittest.Git(s, s.remote, "cat-file", "-t", "1.0.4"); kind != "tag" {
		s.Errorf("1.0.4 is a %s, want a tag", kind)
	}
	got := s.versions("1.0.4^{commit}")
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("release.json at the tag (-want +got):\n%s", diff)
	}
	for _, name := range components {
		if got[name] != want[name] {
			lost++
		}
	}
	want[""] = "1.0.5-SNAPSHOT"
	if diff := cmp.Diff(want, s.versions(branch)); diff != "" {
		s.Errorf("release.json on %s (-want +got):\n%s", branch, diff)
	}
	return lost
}
