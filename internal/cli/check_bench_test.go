package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/sim"
)

// The network of BenchmarkCheck: every answer of CircleCI and GitHub is that late, and every push takes that long in all.
const (
	answerDelay = 50 * time.Millisecond
	pushDelay   = 300 * time.Millisecond
)

// large is a product of 80 components to be released, in three waves. So many times, one of them names what another one of an earlier
// wave is to release.
func large(edges int) *plant {
	p := ready()
	p.Latency, p.GitHub.Latency = answerDelay, answerDelay
	p.git.Intercept = func(r *http.Request) gittest.Action {
		if gittest.IsPush(r) {
			time.Sleep(pushDelay)
		}
		return gittest.Serve
	}
	type component struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	doc := struct {
		Name       string      `json:"name"`
		Version    string      `json:"version"`
		SCM        string      `json:"scmHttpUrl"`
		Components []component `json:"components"`
		Groups     [3][]string `json:"buildDependencies"`
	}{Name: "Acme", Version: "3.9.4-SNAPSHOT", SCM: "https://github.com/acme"}
	for i := range 80 {
		c := component{fmt.Sprintf("part-%02d", i), fmt.Sprintf("1.%d.%d-SNAPSHOT", i, 1+i%3)}
		doc.Components = append(doc.Components, c)
		doc.Groups[i%3] = append(doc.Groups[i%3], c.Name)
		p.GitHub.Repositories["acme/"+c.Name] = sim.Repository{Version: c.Version}
	}
	for from, named := range namesOf(edges) {
		c := doc.Components[from]
		var dependencies []string
		for _, to := range named {
			dependencies = append(dependencies, doc.Components[to].Name+" "+doc.Components[to].Version)
		}
		p.names(c.Name, fmt.Sprintf("1.%d.x", from), c.Version, dependencies...)
	}
	data, err := json.MarshalIndent(doc, "", "    ")
	if err != nil {
		panic(err)
	}
	p.manifest = string(data)
	return p
}

// namesOf are the edges, by the component that names others, each of an earlier wave.
func namesOf(edges int) map[int][]int {
	named := map[int][]int{}
	for back := 1; edges > 0; back++ {
		for from := range 80 {
			if to := from - back; to >= 0 && to%3 < from%3 && edges > 0 {
				named[from] = append(named[from], to)
				edges--
			}
		}
	}
	return named
}

// BenchmarkCheck is `gio check` of 80 components as a process, without edges between them and with 400: its requests and how long it takes;
// how long `gio plan` takes by waves, which asks nobody for edges, and by the graph; and how long it takes
// `gio release` from its start to its first trigger, the check and the pushes of the journal included.
func BenchmarkCheck(b *testing.B) {
	gio := filepath.Join(b.TempDir(), "gio")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", gio, "../../cmd/gio").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	for _, edges := range []int{0, 400} {
		b.Run(fmt.Sprintf("%d-edges", edges), func(b *testing.B) { benchCheck(b, gio, edges) })
	}
}

func benchCheck(b *testing.B, gio string, edges int) {
	var checked, first []time.Duration
	planned := map[string][]time.Duration{}
	var requests int
	for b.Loop() {
		w := large(edges).grow(b)
		for _, order := range []string{"waves", "graph"} {
			began := time.Now()
			if out, err := w.command(b, gio, "plan", "--json", "--order", order).CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
			planned[order] = append(planned[order], time.Since(began))
		}
		began := time.Now()
		out, err := w.command(b, gio, "check", "--json").Output()
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		checked = append(checked, time.Since(began))
		var report struct{ Requests int }
		if err := json.Unmarshal(out, &report); err != nil {
			b.Fatal(err)
		}
		requests = report.Requests
		first = append(first, w.firstTrigger(b, gio))
	}
	for order, took := range planned {
		b.ReportMetric(median(took).Seconds(), "plan-"+order+"-s")
	}
	b.ReportMetric(float64(requests), "requests")
	b.ReportMetric(median(checked).Seconds(), "check-s")
	b.ReportMetric(median(first).Seconds(), "first-trigger-s")
}

func (w grown) command(b *testing.B, gio string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.Context(), gio, args...)
	cmd.Dir = w.checkout
	for name, value := range w.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// firstTrigger is how long a release takes from its start until CircleCI has its first trigger.
func (w grown) firstTrigger(b *testing.B, gio string) time.Duration {
	var talk strings.Builder
	cmd := w.command(b, gio, "release")
	cmd.Stderr = &talk
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	for len(w.sim.Pipelines()) == 0 {
		if time.Since(began) > patience {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			b.Fatalf("nothing was triggered\n%s", &talk)
		}
		time.Sleep(time.Millisecond)
	}
	took := time.Since(began)
	_ = cmd.Process.Kill() // it has shown what it is for
	_ = cmd.Wait()
	return took
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
