//go:build unix

package cli_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/cli"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/sim"
)

// BenchmarkReplay releases the 27 components of a real run with pipelines of 6 to 18 seconds, in real
// time, and says how much longer it took than the pipelines alone: the sum of each wave's longest one,
// from its trigger to its end.
func BenchmarkReplay(b *testing.B) {
	dir := filepath.Join(realRuns, "3.10.0-8e8cc0af")
	data, err := os.ReadFile(filepath.Join(dir, "before.json"))
	if err != nil {
		b.Skip("skipped: the real runs (shared/data/replays) do not lie beside this checkout")
	}
	var doc struct {
		Version    string
		Components []struct{ Name, Version string }
		Groups     [][]string `json:"buildDependencies"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		b.Fatal(err)
	}
	open := map[string]bool{}
	for _, c := range doc.Components {
		version := c.Version
		if version == "" {
			version = doc.Version
		}
		open[c.Name] = strings.HasSuffix(version, "-SNAPSHOT")
	}
	for b.Loop() {
		r := rand.New(rand.NewPCG(3, 10))
		s := sim.Scenario{Default: sim.Project{DefaultBranch: "master"}, Projects: map[string]sim.Project{}}
		var ideal time.Duration
		for _, group := range doc.Groups {
			var longest time.Duration
			for _, name := range group {
				if open[name] {
					d := 6*time.Second + time.Duration(r.Int64N(int64(12*time.Second)))
					s.Projects[name], longest = sim.Project{Duration: d, WorkflowDelay: workflowDelay}, max(longest, d+workflowDelay)
				}
			}
			ideal += longest
		}
		took := benchRelease(b, string(data), s)
		b.ReportMetric(took.Seconds()/ideal.Seconds(), "wall/ideal")
		b.ReportMetric(ideal.Seconds(), "ideal-s")
	}
}

// workflowDelay is how long CircleCI takes to make the workflows of a new pipeline.
const workflowDelay = 200 * time.Millisecond

func benchRelease(b *testing.B, manifest string, s sim.Scenario) time.Duration {
	_, host := serve(b, s)
	remote := gittest.Bare(b, map[string]string{"release.json": manifest}, "master")
	checkout := filepath.Join(b.TempDir(), "checkout")
	gittest.Git(b, "", "clone", "--quiet", remote, checkout)
	environment := map[string]string{"CIRCLE_HOST": host, "CIRCLE_TOKEN": "any", "XDG_STATE_HOME": b.TempDir(), "HOME": b.TempDir()}
	var out bytes.Buffer
	began := time.Now()
	code := cli.Program{
		Args: []string{"release"}, Getenv: func(name string) string { return environment[name] }, Dir: checkout, Stdout: &out, Stderr: &out,
	}.Run()
	if code != 0 {
		b.Fatalf("exit %d\n%s", code, &out)
	}
	return time.Since(began)
}

// BenchmarkPlan is `gio plan` as a process, on the largest real manifest: how long it takes, how much
// memory, and when its first byte is seen.
func BenchmarkPlan(b *testing.B) {
	manifest := filepath.Join(realRuns, "..", "manifests", "99.999.x.json")
	if _, err := os.Stat(manifest); err != nil {
		b.Skip("skipped: the real manifests (shared/data/manifests) do not lie beside this checkout")
	}
	gio := filepath.Join(b.TempDir(), "gio")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", gio, "../../cmd/gio").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var whole, first []time.Duration
	var memory int64
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), gio, "plan", "--file", manifest, "--branch", "3.9.x")
		cmd.Env = []string{"HOME=" + b.TempDir()}
		seen := &firstByte{began: time.Now()}
		cmd.Stdout = seen
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		whole, first = append(whole, time.Since(seen.began)), append(first, seen.after)
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			memory = max(memory, usage.Maxrss)
		}
	}
	b.ReportMetric(float64(median(whole).Microseconds())/1000, "ms-whole")
	b.ReportMetric(float64(median(first).Microseconds())/1000, "ms-to-first-byte")
	if runtime.GOOS == "darwin" { // counts in bytes, the others in KB
		memory /= 1024
	}
	b.ReportMetric(float64(memory)/1024, "MB-peak")
}

type firstByte struct {
	began time.Time
	after time.Duration
}

func (f *firstByte) Write(p []byte) (int, error) {
	if f.after == 0 {
		f.after = time.Since(f.began)
	}
	return len(p), nil
}
