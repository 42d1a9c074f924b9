package engine_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/needs"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// past is a release that was made, of testdata/graphs: who was in which group, how long it took, and what its poms named.
type past struct {
	Product    string
	Components []struct {
		Name, Version string
		Group         int
		Minutes       float64
	}
	Needs []struct{ From, To, Named string }
}

// unmeasured is how long a pipeline is taken to run whose duration nobody has measured.
const unmeasured = 5 * time.Minute

func readPast(t *testing.T, product string) (p past) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "graphs", product+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// waves are its groups, as product wants them.
func (p past) waves() (waves []string) {
	groups := map[int][]string{}
	for _, c := range p.Components {
		groups[c.Group] = append(groups[c.Group], c.Name+":"+c.Version+"-SNAPSHOT")
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		waves = append(waves, strings.Join(groups[g], " "))
	}
	return waves
}

// lines are what binds by its poms, as byGraph wants it.
func (p past) lines() (lines []string) {
	var components []needs.Component
	for _, c := range p.Components {
		var b strings.Builder
		for _, n := range p.Needs {
			if n.From == c.Name {
				fmt.Fprintf(&b, "<dependency><groupId>org.acme</groupId><artifactId>%s</artifactId><version>%s</version></dependency>", n.To, n.Named)
			}
		}
		components = append(components, needs.Component{Name: c.Name, Version: c.Version, Files: []needs.File{{Path: "pom.xml", Data: fmt.Appendf(nil,
			"<project><groupId>org.acme</groupId><artifactId>%s</artifactId><version>%s-SNAPSHOT</version><dependencies>%s</dependencies></project>", c.Name, c.Version, b.String())}}})
	}
	binding := map[string][]string{}
	for _, n := range needs.Of(components).Needs {
		if n.Binds() {
			binding[n.From] = append(binding[n.From], n.To)
		}
	}
	for _, c := range p.Components {
		lines = append(lines, c.Name+": "+strings.Join(binding[c.Name], " "))
	}
	return lines
}

// replayed is what a release came to that was made again.
type replayed struct {
	wall             time.Duration
	levels           int
	requests, pushes int
	released         int // components
}

// replay makes the release again in simulated time, with a journal in a ref; the pipeline of failing, if any, fails.
func (p past) replay(t *testing.T, graph bool, failing string) (got replayed) {
	t.Helper()
	s := sim.Scenario{Default: sim.Project{Duration: unmeasured}, Projects: map[string]sim.Project{}}
	earlier := map[string][]time.Duration{}
	for _, c := range p.Components {
		took := cmp.Or(time.Duration(c.Minutes*float64(time.Minute)), unmeasured)
		project := sim.Project{Duration: took}
		if c.Name == failing {
			project.Runs = []sim.Run{{Outcome: sim.Failed, Duration: took}}
		}
		s.Projects[c.Name], earlier[c.Name] = project, []time.Duration{took}
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, product(p.waves()...), s, nil)
		defer w.close()
		w.ref = newGitRef(w.power)
		known := func(r *engine.Release) { r.Earlier = earlier }
		if w.edit = known; graph {
			w.byGraph(known, p.lines()...)
		}
		began, want := time.Now(), fault.Kind(0)
		if failing != "" {
			want = fault.PipelineFailed
		}
		wantKind(t, w.release(), want)
		got = replayed{
			wall: time.Since(began), levels: len(w.state().Plan.Waves), requests: len(w.sim.Requests()), pushes: len(w.ref.pushed),
			released: len(w.state().With(run.HasSucceeded)),
		}
		w.check()
	})
	return got
}

// What the graph saves, on releases that were made: the real engine makes them again by waves and by the graph, at the pace that was
// measured. And what of a release is still released when one of its components fails.
func TestFiguresGraph(t *testing.T) {
	t.Parallel()
	reach := map[string]float64{"3.10.0": 0.45, "3.8.0": 0.45, "3.3.0": 0, "3.5.0": 0, "3.6.0": 0, "3.7.0": 0, "3.9.0": 0, "3.12.0": 0, "3.13.0": 0, "3.15.0": 0}
	var ratios, requests, shares []float64
	for _, product := range slices.Sorted(maps.Keys(reach)) {
		if !*figures && reach[product] == 0 {
			continue
		}
		p := readPast(t, product)
		waves, graph := p.replay(t, false, ""), p.replay(t, true, "")
		ratio := graph.wall.Seconds() / waves.wall.Seconds()
		cost := float64(graph.requests+graph.pushes) / float64(waves.requests+waves.pushes)
		ratios, requests = append(ratios, ratio), append(requests, cost)
		n := len(p.Components)
		figure(t, "%-7s %2d components, %2d waves, %d levels: %3.0f min by the graph, %3.0f by waves: %.2f; requests and pushes %.1f and %.1f a component: %.2f",
			product+":", n, waves.levels, graph.levels, graph.wall.Minutes(), waves.wall.Minutes(), ratio,
			float64(graph.requests+graph.pushes)/float64(n), float64(waves.requests+waves.pushes)/float64(n), cost)
		if limit := cmp.Or(reach[product], 0.85); ratio > limit || cost > 1.15 {
			t.Errorf("%s: %.2f of the time (at most %.2f), %.2f of the requests and pushes", product, ratio, limit, cost)
		}
		if *figures {
			shares = append(shares, p.share(t))
		}
	}
	if !*figures {
		return
	}
	figure(t, "mean of %d releases: %.2f of the time by waves, %.2f of the requests and pushes; when one component fails, %.3f of the others are released",
		len(ratios), mean(ratios), mean(requests), mean(shares))
	if mean(ratios) > 0.60 || mean(shares) < 0.85 {
		t.Errorf("%.2f of the time (at most 0.60), %.3f still released (at least 0.85)", mean(ratios), mean(shares))
	}
}

// share is how many of the others are released when one component fails, on average over each of them.
func (p past) share(t *testing.T) float64 {
	var graph, waves []float64
	for _, c := range p.Components {
		graph = append(graph, float64(p.replay(t, true, c.Name).released)/float64(len(p.Components)-1))
		waves = append(waves, float64(p.replay(t, false, c.Name).released)/float64(len(p.Components)-1))
	}
	figure(t, "%-7s when one of %d components fails, %.3f of the others are released by the graph, %.3f by waves", p.Product+":", len(p.Components), mean(graph), mean(waves))
	return mean(graph)
}

func mean(all []float64) (m float64) {
	for _, x := range all {
		m += x / float64(len(all))
	}
	return m
}
