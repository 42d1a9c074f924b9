//go:build unix

package cli_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestTwoDrivers is S14 with real processes: two checkouts of one remote, started within half a second of one another.
// Exactly one drives; the other one waits for it, or is told and leaves.
func TestTwoDrivers(t *testing.T) {
	t.Parallel()
	components := []string{"a1", "a2", "a3", "b1", "b2", "c1"}
	var waited, told atomic.Int64
	for n := range roundsOr(4) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			s := newShop(t, sim.Scenario{Default: sim.Project{Duration: 300 * time.Millisecond}},
				map[string]string{"1.0.x": product("1.0.4-SNAPSHOT", "a1 a2 a3", "b1 b2", "c1")})
			ends := s.race(rand.N(500*time.Millisecond), "1.0.x", "1.0.x")
			for _, e := range ends {
				switch {
				case e.code == 0 && strings.Contains(e.said, "is released: 6 succeeded"):
				case e.code == 0 && strings.Contains(e.said, "nothing to release and nothing to finish"):
					waited.Add(1)
				case e.code == int(fault.Stopped) && strings.Contains(e.said, "another gio ("):
					told.Add(1)
				default:
					t.Errorf("exit %d\n%s", e.code, e.said)
				}
			}
			if !slices.ContainsFunc(ends, func(e ending) bool { return strings.Contains(e.said, "is released: 6 succeeded") }) {
				t.Errorf("neither released it:\n%v", ends)
			}
			if drivers := s.drivers("1.0.4"); len(drivers) != 1 {
				t.Errorf("%d drivers: %v, want one", len(drivers), drivers)
			}
			if n := len(s.sim.Pipelines()); n != len(components) {
				t.Errorf("%d pipelines, want %d", n, len(components))
			}
			s.checkWorld("1.0.4")
			s.checkReleased("1.0.x", components)
		})
	}
	t.Cleanup(func() {
		figure("two drivers: %d rounds, always one drove; the other waited in %d, was told and left in %d", roundsOr(4), waited.Load(), told.Load())
	})
}

// ending is how a process ended and what it said.
type ending struct {
	code int
	said string
}

// race starts a release on each branch, the second one that much later, and gives how they end.
func (s *shop) race(apart time.Duration, branches ...string) []ending {
	s.Helper()
	var checkouts []string
	for _, branch := range branches {
		checkouts = append(checkouts, s.clone(branch))
	}
	var started []*process
	for i, checkout := range checkouts {
		if i > 0 {
			time.Sleep(apart)
		}
		started = append(started, s.startIn(checkout, "release"))
	}
	var ends []ending
	for _, p := range started {
		ends = append(ends, ending{p.end(s.T), p.output.String()})
	}
	return ends
}

// drivers are those that planned something in a run.
func (s *shop) drivers(version string) []string {
	s.Helper()
	var ids []string
	for _, e := range s.events(version) {
		if e.Type == run.Planned && !slices.Contains(ids, e.Driver.ID) {
			ids = append(ids, e.Driver.ID)
		}
	}
	return ids
}

// TestTwoProducts is S34 with real processes: two product versions that hold the same component version, released at the
// same time. It gets one pipeline; the other run is told whose it is, and goes on once its release.json says so, too.
func TestTwoProducts(t *testing.T) {
	t.Parallel()
	manifest := func(version, own, shared string) string {
		return strings.Replace(product(version, "shared "+own, own+"2"), `"name": "shared", "version": "`+version, `"name": "shared", "version": "`+shared, 1)
	}
	lines := []struct{ branch, version, own string }{{"3.9.x", "3.9.4", "old"}, {"3.10.x", "3.10.1", "new"}}
	var both, told atomic.Int64
	for n := range roundsOr(4) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			manifests, branches := map[string]string{}, []string{}
			for _, l := range lines {
				manifests[l.branch] = manifest(l.version+"-SNAPSHOT", l.own, "1.5.2-SNAPSHOT")
				branches = append(branches, l.branch)
			}
			s := newShop(t, sim.Scenario{Default: sim.Project{Duration: 300 * time.Millisecond}}, manifests)
			ends := s.race(rand.N(500*time.Millisecond), branches...)
			winner := slices.IndexFunc(ends, func(e ending) bool { return e.code == 0 })
			if winner < 0 {
				t.Fatalf("neither released:\n%s\n%s", ends[0].said, ends[1].said)
			}
			loser := 1 - winner
			if e := ends[loser]; e.code != int(fault.Stopped) || !strings.Contains(e.said, "shared 1.5.2: release/"+lines[winner].version) {
				t.Errorf("exit %d, want 11 and whose it is\n%s", e.code, e.said)
			} else {
				told.Add(1)
			}
			if got := s.versions(lines[winner].version + "^{commit}")["shared"]; got != "1.5.2" {
				t.Errorf("recorded as %q", got)
			}
			// The advice that it got: take the released version into release.json, and run again.
			l := lines[loser]
			text := gittest.Git(t, s.remote, "show", l.branch+":release.json")
			gittest.Push(t, s.remote, l.branch, map[string]string{"release.json": strings.Replace(text, "1.5.2-SNAPSHOT", "1.5.2", 1)}, "shared is released")
			if p := s.start(l.branch, "release"); p.end(t) != 0 {
				t.Errorf("after the advice:\n%s", &p.output)
			} else {
				both.Add(1)
			}
			for name, n := range s.pipelines() {
				if n != 1 {
					t.Errorf("%s: %d pipelines, want 1", name, n)
				}
			}
			if n := len(s.pipelines()); n != 5 {
				t.Errorf("%d components were released, want 5", n)
			}
			s.checkWorld(lines[0].version, lines[1].version)
		})
	}
	t.Cleanup(func() {
		figure("two products: %d rounds, one pipeline each; told whose it is in %d, both released in %d", roundsOr(4), told.Load(), both.Load())
	})
}
