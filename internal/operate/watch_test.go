package operate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// stage is a run in a release repository, its driver, and somebody who looks on over HTTP.
type stage struct {
	*testing.T
	driver *journal.Git
	seq    int64
	down   atomic.Int32 // so many requests more are dropped
	said   lockedBuffer
	watch  *watcher
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{T: t}
	dir := gittest.Bare(t, map[string]string{"release.json": "{}"}, "master")
	server := gittest.HTTP(t, dir, gittest.Options{Intercept: func(*http.Request) gittest.Action {
		if s.down.Add(-1) >= 0 {
			return gittest.DropBefore
		}
		return gittest.Serve
	}})
	h := run.Header{Schema: run.Schema, Kind: "release", Manifest: "release.json", Product: "Acme", Version: "1.0.0", Host: "https://ci", Branch: "master"}
	var err error
	s.driver, _, err = journal.OpenGit(t.Context(), refOf(t, dir), h, journal.GitOptions{Driver: run.Driver{ID: "one", Login: "octocat"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.driver.Close() })
	s.event(run.Event{Type: run.Opened, Header: &h})
	w := plan.Wave{Steps: []plan.Step{{Component: "api", Version: "1.2.3"}}}
	s.event(run.Event{Type: run.Planned, Plan: &plan.Plan{Product: "Acme", Version: "1.0.0", Branch: "master", Waves: []plan.Wave{w}}})
	k := Snapshot{Header: h, ref: refAt{Ref: refOf(t, server.URL)}}
	if k, err = k.ReadAgain(t.Context()); err != nil {
		t.Fatal(err)
	}
	say := func(format string, args ...any) { fmt.Fprintf(&s.said, format+"\n", args...) }
	setup := Setup{Tell: say}
	setup.View.Notify = func(e run.Event, _ *run.State) { say("%s", e.Type) }
	s.watch = &watcher{Setup: setup, Snapshot: k, soonest: 20 * time.Millisecond, seen: time.Now(), shown: &run.State{}}
	return s
}

func refOf(t *testing.T, url string) *gitrepo.Ref {
	t.Helper()
	repo, err := gitrepo.Open(t.Context(), gitrepo.Options{URL: url, Branch: "master"})
	if err != nil {
		t.Fatal(err)
	}
	return repo.Ref(journal.GitRef)
}

func (s *stage) event(e run.Event) {
	s.Helper()
	s.seq++
	e.Run, e.Seq, e.Time = "release/1.0.0", s.seq, time.Now().UTC()
	if err := s.driver.Append(s.Context(), e); err != nil {
		s.Fatal(err)
	}
}

// looksOn starts to watch, and gives what ends it.
func (s *stage) looksOn(ctx context.Context) (end func() error) {
	s.Helper()
	done := make(chan error, 1)
	go func() { done <- s.watch.watch(ctx) }()
	return func() error { return <-done }
}

func (s *stage) await(text string) {
	s.Helper()
	for end := time.Now().Add(2 * time.Minute); !strings.Contains(s.said.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("%q is not said:\n%s", text, s.said.String())
		}
	}
}

var apiStep = []plan.StepID{plan.ID("api", "1.2.3")}

// TestWatchTrouble: a remote that does not answer for a while is said once, and the run is followed to its end.
func TestWatchTrouble(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	end := s.looksOn(t.Context())
	s.await("planned")
	for range 2 {
		s.down.Store(7)
		for s.down.Load() >= 0 {
			time.Sleep(5 * time.Millisecond)
		}
	}
	s.event(run.Event{Type: run.Intent, Steps: apiStep, Send: 1})
	s.event(run.Event{Type: run.Triggered, Steps: apiStep, Pipeline: &run.Pipeline{ID: "p", URL: "https://ci/1"}})
	s.event(run.Event{Type: run.Failed, Steps: apiStep, Code: "pipeline-failed", Reason: "broken"})
	if err := s.driver.Close(); err != nil {
		t.Fatal(err)
	}
	if err := end(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if err := s.watch.Err(time.Now()); fault.KindOf(err) != fault.PipelineFailed || s.watch.DriverStatus(time.Now()).State != run.GaveBack {
		t.Errorf("%v, driver %+v", err, s.watch.DriverStatus(time.Now()))
	}
	said := s.said.String()
	for _, want := range []string{"watching release/1.0.0, driven by octocat", "triggered", "failed"} {
		if strings.Count(said, want) < 1 {
			t.Errorf("%q is not said:\n%s", want, said)
		}
	}
	if n := strings.Count(said, "the run cannot be read, gio keeps trying"); n < 1 || n > 2 {
		t.Errorf("the trouble is said %d times:\n%s", n, said)
	}
}

// TestWatchTakenOver: another driver is said, and the run goes on.
func TestWatchTakenOver(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	ctx, leave := context.WithCancel(t.Context())
	end := s.looksOn(ctx)
	s.await("driven by octocat, since")
	other, _, err := journal.OpenGit(t.Context(), s.watch.ref.Ref, s.watch.Header, journal.GitOptions{Driver: run.Driver{ID: "two", Login: "mona"}, TakeOver: true})
	if err != nil {
		t.Fatal(err)
	}
	s.await("the driver is now mona, since")
	leave()
	if err := end(); !fault.Is(err, "left") || fault.KindOf(err) != fault.Stopped || errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

// TestWatchLost: a journal that is gone ends the watching.
func TestWatchLost(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	end := s.looksOn(t.Context())
	s.await("planned")
	tip, err := s.watch.ref.Ref.Fetch(t.Context())
	if err == nil {
		var commit string
		if commit, err = s.watch.ref.Commit(tip, map[string][]byte{"release/1.0.0.jsonl": nil}, "gone"); err == nil {
			err = s.watch.ref.Push(t.Context(), tip, commit)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := end(); !fault.Is(err, "no-journal") {
		t.Errorf("it ends with %v", err)
	}
}
