package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

// TestMain lets all stories be played at once: they wait for pipelines most of the time.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// output is a writer for several goroutines, like a terminal.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// quick is the demo with pipelines that take no time.
func quick(t *testing.T) (*story, *output, *output) {
	t.Helper()
	s, err := load(filepath.Join("..", "..", "testdata", "demo"))
	if err != nil {
		t.Fatal(err)
	}
	s.scenario.Default.Duration, s.scenario.Default.WorkflowDelay = 50*time.Millisecond, 10*time.Millisecond
	for name, p := range s.scenario.Projects {
		p.Duration = 0
		s.scenario.Projects[name] = p
	}
	var stdout, stderr output
	s.stdout, s.stderr = &stdout, &stderr
	return s, &stdout, &stderr
}

func gone(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(dir); dir == "" || !os.IsNotExist(err) {
		t.Errorf("the demo's directory %q is still there (%v)", dir, err)
	}
}

// inOrder holds that a text has these parts, one after the other.
func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest, found := text, false
	for _, want := range parts {
		if _, rest, found = strings.Cut(rest, want); !found {
			t.Fatalf("%q is not where it should be in\n%s", want, text)
		}
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	s, stdout, stderr := quick(t)
	if err := s.play(t.Context()); err != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	gone(t, s.dir)
	inOrder(
		t, stdout.String(),
		"$ gio plan\n", "4 components in 4 waves",
		"$ gio release --yes\n", "2 succeeded, 1 failed, 1 skipped",
		"$ gio release --yes\n", "Gravitee.io 3.9.4 is released: 4 succeeded",
		"prepare next patch version", "(tag: 3.9.4) Prepare Release (3.9.4): Release finished",
		"refs/tags/3.9.4\n", "refs/tags/3.9.4_START\n", "saw 5 pipelines", "0 triggered twice",
	)
	inOrder(
		t, stderr.String(),
		"FAILED", "job integration-tests", "exit 10: a pipeline failed\n", "recorded: Gravitee.io 3.9.4 is released, tag 3.9.4\n",
	)
}

// A demo that succeeds whatever happens would show nothing.
func TestDemoNotices(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		runs []sim.Run // of the component that fails
		want string
	}{
		"no failure":   {nil, "`gio release --yes` ended with exit code 0 instead of 10"},
		"two failures": {[]sim.Run{{Outcome: sim.Failed}, {Outcome: sim.Failed}}, "`gio release --yes` ended with exit code 10 instead of 0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _, _ := quick(t)
			const fails = "graviteek-cicd-test-maven-project-g3"
			p := s.scenario.Projects[fails]
			p.Runs = test.runs
			s.scenario.Projects[fails] = p
			err := s.play(t.Context())
			if err == nil || err.Error() != test.want {
				t.Errorf("the demo ended with %v, want %s", err, test.want)
			}
			gone(t, s.dir)
		})
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	s, _, stderr := quick(t)
	ctx, cancel := context.WithCancel(t.Context())
	signals := make(chan os.Signal, 1)
	s.signals = signals
	s.scenario.Default.Duration = time.Minute
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil && !strings.Contains(stderr.String(), "triggered") {
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
		signals <- syscall.SIGTERM
	})
	err := s.play(ctx)
	cancel()
	wg.Wait()
	if err == nil || err.Error() != "interrupted" {
		t.Errorf("the demo ended with %v", err)
	}
	gone(t, s.dir)
}
