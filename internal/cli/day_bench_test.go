package cli_test

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/sim"
)

// fix is a commit of part-00, which was released with 1.0.7 first, and is on five later lines.
const fix = "71aa6e0900000000000000000000000000000000"

// largeDay is large with a history: ten more release branches, a released product before the open one, and tags.
func largeDay(b *testing.B) grown {
	p := large(0)
	p.git.Intercept = func(*http.Request) gittest.Action {
		time.Sleep(answerDelay)
		return gittest.Serve
	}
	for i := range 80 {
		name := fmt.Sprintf("part-%02d", i)
		p.repository("acme/"+name, func(r *sim.Repository) { r.Tags = []string{fmt.Sprintf("1.%d.%d", i, i%3)} })
	}
	p.repository("acme/part-00", func(r *sim.Repository) {
		r.Tags, r.Branches = nil, map[string]sim.Branch{}
		for minor := range 6 {
			var branch sim.Branch
			for patch := range 16 {
				branch.Commits = append(branch.Commits, sim.Commit{Message: "fix: something", Tag: fmt.Sprintf("1.%d.%d", minor, patch)})
			}
			branch.Commits[7].SHA = fix
			r.Branches[fmt.Sprintf("1.%d.x", minor)] = branch
		}
	})
	w := p.grow(b)
	released := strings.NewReplacer(
		"3.9.4-SNAPSHOT", "3.9.3", ".1-SNAPSHOT", ".0", ".2-SNAPSHOT", ".1", ".3-SNAPSHOT", ".2",
	).Replace(p.manifest)
	gittest.Git(b, w.remote, "branch", "before", "3.9.x")
	gittest.Push(b, w.remote, "before", map[string]string{"release.json": released}, "release 3.9.3")
	gittest.Git(b, w.remote, "tag", "3.9.3", "before")
	for minor := range 10 {
		branch := fmt.Sprintf("2.%d.x", minor)
		gittest.Git(b, w.remote, "branch", branch, "master")
		gittest.Push(b, w.remote, branch, map[string]string{"release.json": strings.ReplaceAll(p.manifest, "3.9.4", fmt.Sprintf("2.%d.4", minor))}, "its line")
		for patch := range 4 {
			version := fmt.Sprintf("2.%d.%d", minor, patch)
			gittest.Push(b, w.remote, "before", map[string]string{"release.json": strings.Replace(released, "3.9.3", version, 1)}, version)
			gittest.Git(b, w.remote, "tag", version, "before")
		}
	}
	return w
}

// BenchmarkDay is what an operator asks each day, as a process: of 80 components, 12 release branches and 41 products, where every
// answer of Git and GitHub is 50 ms late: how long it takes, and how many requests GitHub gets.
func BenchmarkDay(b *testing.B) {
	gio := filepath.Join(b.TempDir(), "gio")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", gio, "../../cmd/gio").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	w := largeDay(b)
	for _, q := range []struct {
		name string
		args []string
		says string // what the answer is known by
	}{
		{"overview", []string{"overview", "--all"}, "\n2.0.x\t2.0.4\t80\tnot begun\t"},
		{"changelog", []string{"changelog"}, "80 of 80 components changed"},
		{"where", []string{"where", fix[:8]}, "first released in part-00 1.0.7"},
	} {
		b.Run(q.name, func(b *testing.B) {
			var took []time.Duration
			requests := 0
			for b.Loop() {
				before, began := len(w.sim.Requests()), time.Now()
				out, err := w.command(b, gio, q.args...).Output()
				if err != nil || !strings.Contains(string(out), q.says) {
					b.Fatalf("%v\n%s", err, out)
				}
				took, requests = append(took, time.Since(began)), len(w.sim.Requests())-before
			}
			b.ReportMetric(float64(requests), "requests")
			b.ReportMetric(median(took).Seconds(), "s")
		})
	}
}
