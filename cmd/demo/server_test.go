//go:build unix

package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

// TestServer plays the demo of gio-server with the real programs: to its end, with a pipeline that fails, and interrupted.
func TestServer(t *testing.T) {
	t.Parallel()
	programs := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", programs, "../gio", "../gio-server")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	begin := func(t *testing.T) (*serverStory, *output) {
		t.Parallel()
		s, err := loadServer(filepath.Join("..", "..", "testdata", "demo"), programs)
		if err != nil {
			t.Fatal(err)
		}
		s.scenario.Default.Duration = 50 * time.Millisecond
		var out output
		s.stdout, s.stderr = &out, &out
		return s, &out
	}
	t.Run("to its end", func(t *testing.T) {
		s, out := begin(t)
		if err := s.play(t.Context()); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		gone(t, s.dir)
		inOrder(
			t, out.String(),
			"$ gio login http://127.0.0.1:", "/releases/3.9.4-rc1", "\n201\n", "/artifactory/libs-dev/apim/3.9.4/", "apim 3.9.4: sealed, signed by gio-server",
			"apim 3.9.4 in qa: completed, copied into libs-qa", "/environments/qa/deployments", "\n201\n",
			"3.9.4-rc1 in qa: success", "waits for 1 approval", "gio deployment approve ", "3.9.4-rc1 in production: success", "production\tqa\tcopy\tcompleted",
			`{"error":"Environment is frozen"}`, "\n400\n", "exit 7: ", "3.9.3-rc1 in production (rollback): success",
			`[{"actor":`, "\n200\n", "intact up to position", "CircleCI saw 3 pipelines for 3 deployments, 0 twice.",
			"/api/artifact", "shop acme/shop-", "in staging: success", "/api/artifact", "in staging (rollback): success", "Revert", "gitops.git has 3 commits for 2 deployments and 1 rollback.",
		)
	})
	// A demo that succeeds whatever happens would show nothing. Here it sends the requests itself.
	t.Run("a pipeline fails", func(t *testing.T) {
		s, out := begin(t)
		s.curl = false
		s.scenario.Projects["deploy"] = sim.Project{Runs: []sim.Run{{Outcome: sim.Failed}}}
		err := s.play(t.Context())
		if err == nil || err.Error() != "`gio deployment watch qa` ended with exit code 10 instead of 0" {
			t.Errorf("the demo ended with %v\n%s", err, out)
		}
		gone(t, s.dir)
	})
	t.Run("a request is refused", func(t *testing.T) {
		s, out := begin(t)
		s.project = []byte(strings.Replace(string(s.project), "name: qa", "name: test", 1))
		err := s.play(t.Context())
		if err == nil || !strings.Contains(err.Error(), "gio project apply -f project.yaml` ended with exit code 7") {
			t.Errorf("the demo ended with %v\n%s", err, out)
		}
		gone(t, s.dir)
	})
	t.Run("interrupted", func(t *testing.T) {
		s, out := begin(t)
		s.scenario.Default.Duration = time.Minute
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for ctx.Err() == nil && !strings.Contains(out.String(), "3.9.4-rc1 in qa: in_progress") {
				time.Sleep(5 * time.Millisecond)
			}
			cancel()
		})
		err := s.play(ctx)
		cancel()
		wg.Wait()
		if err == nil || err.Error() != "interrupted" {
			t.Errorf("the demo ended with %v\n%s", err, out)
		}
		gone(t, s.dir)
	})
}
