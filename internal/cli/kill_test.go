//go:build unix

package cli_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// rounds is for the tests that look for a bad moment at random: the more of them, the surer.
var rounds = flag.Int("rounds", 0, "rounds of the tests with random moments, their figures printed (default: a few, no figures)")

func roundsOr(few int) int {
	if *rounds > 0 {
		return *rounds
	}
	return few
}

func figure(format string, args ...any) {
	if *rounds > 0 {
		fmt.Printf("  "+format+"\n", args...)
	}
}

// The product that is killed: 27 components in 5 waves.
var killedWaves = []string{"a1 a2 a3", "b1 b2 b3 b4 b5", "c1 c2 c3 c4 c5 c6 c7 c8 c9", "d1 d2 d3 d4 d5 d6", "e1 e2 e3 e4"}

func killed() []string { return strings.Fields(strings.Join(killedWaves, " ")) }

// failing fails the first time, in every second round: in the others the end of the release can be hit, too.
const failing = "e2"

// unequal are pipelines of 50 to 300 ms.
func unequal(fails bool) sim.Scenario {
	s := sim.Scenario{Projects: map[string]sim.Project{}}
	for i, name := range killed() {
		p := sim.Project{Duration: time.Duration(50+(i*83)%251) * time.Millisecond}
		if fails && name == failing {
			p.Runs = []sim.Run{{Outcome: sim.Failed}}
		}
		s.Projects[name] = p
	}
	return s
}

// TestKill kills a release at a random moment, with SIGKILL, and continues it on another machine: a fresh clone, an empty
// home. Nothing is triggered twice, nothing is lost. `make kill` does it 200 times and prints the figures.
func TestKill(t *testing.T) {
	t.Parallel()
	tally := &killTally{after: map[string]int{}}
	for n := range roundsOr(20) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			fails := n%2 == 1
			k := &killing{
				shop:  newShop(t, unequal(fails), map[string]string{"1.0.x": product("1.0.4-SNAPSHOT", killedWaves...)}),
				fails: fails,
			}
			k.kill(n)
			// Where an intent has no pipeline, gio waits for one to appear until a minute after it. Few rounds can afford
			// to wait along: in most of them CircleCI's clock says that the next driver comes later.
			if *rounds == 0 || n%4 < 3 {
				k.later.Store(int64(2 * time.Minute))
			}
			k.resume()
			k.check()
			tally.add(k)
		})
	}
	t.Cleanup(func() { tally.print(t) })
}

// killing is one round.
type killing struct {
	*shop
	fails      bool          // one pipeline does
	after      string        // where the driver was killed
	failed     bool          // a run has ended with the failure
	runs       int           // that it took to finish
	took       time.Duration // the resumes
	duplicates int
	lost       int
}

const afterLast = 5 // what comes after the last trigger is worth so many of them

// kill starts a release and kills it: at a random time after it has triggered some share of its pipelines. So the moments
// are spread over the whole run, however busy the machine is. Every second pair of rounds hits the worst one: CircleCI has
// made the pipeline, and the driver cannot have noted it, because it got no answer.
func (k *killing) kill(n int) {
	k.Helper()
	share := n * (len(killed()) + afterLast) / roundsOr(20)
	pause := 800 * time.Millisecond
	if n/2%2 == 1 && share > 0 && share <= len(killed()) {
		pause = 20 * time.Millisecond
		k.mute.Store(int64(share))
	}
	p := k.start("1.0.x", "release")
	ended := make(chan int, 1)
	go func() { ended <- p.end(k.T) }()
	for len(k.sim.Pipelines()) < min(share, len(killed())) && len(ended) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(time.Duration(max(share-len(killed()), 0))*400*time.Millisecond + rand.N(pause))
	_ = p.Process.Kill() // it may have ended
	code := <-ended
	k.mute.Store(0)
	k.noteEnd(p, code, -1, 0)
	k.inquest(code)
}

// inquest says where the driver was killed.
func (k *killing) inquest(code int) {
	k.Helper()
	left := k.events("1.0.4")
	made, noted, open := len(k.sim.Pipelines()), 0, false
	state, err := run.Fold(left)
	if err != nil {
		k.Fatal(err)
	}
	for _, st := range state.Steps() {
		open = open || st.Status == run.Intended
	}
	for _, e := range left {
		if e.Type == run.Triggered {
			noted++
		}
	}
	switch {
	case code >= 0:
		k.after = "at its end"
	case len(left) == 0:
		k.after = "before the journal"
	case made > noted:
		k.after = "with pipelines it had not noted"
	case open:
		k.after = "with intents it had not sent"
	case state.Recording != nil:
		k.after = "recording"
	case state.Finished:
		k.after = "finished"
	default:
		k.after = "in " + string(left[len(left)-1].Type)
	}
}

// noteEnd allows an end with the failure once, and these codes.
func (k *killing) noteEnd(p *process, code int, allowed ...int) {
	k.Helper()
	if code == int(fault.PipelineFailed) && k.fails && !k.failed {
		k.failed = true
		return
	}
	if !slices.Contains(allowed, code) {
		k.Fatalf("exit %d\n%s", code, &p.output)
	}
}

// resume continues on other machines until the product is released.
func (k *killing) resume() {
	k.Helper()
	began := time.Now()
	for code := -1; code != 0; k.runs++ {
		p := k.start("1.0.x", "release", "--take-over")
		code = p.end(k.T)
		k.noteEnd(p, code, 0)
	}
	k.took = time.Since(began)
}

func (k *killing) check() {
	k.Helper()
	k.checkWorld("1.0.4")
	k.duplicates = len(k.sim.Duplicates())
	k.lost = k.checkReleased("1.0.x", killed())
	want := map[string]int{}
	for _, name := range killed() {
		want[name] = 1
	}
	if k.fails {
		want[failing] = 2
	}
	if diff := cmp.Diff(want, k.pipelines()); diff != "" {
		k.Errorf("pipelines by component (-want +got):\n%s", diff)
	}
}

// killTally adds up the rounds.
type killTally struct {
	sync.Mutex
	rounds, duplicates, lost int
	slowest                  time.Duration
	after                    map[string]int
}

func (a *killTally) add(k *killing) {
	a.Lock()
	defer a.Unlock()
	a.rounds++
	a.after[k.after]++
	a.duplicates += k.duplicates
	a.lost += k.lost
	a.slowest = max(a.slowest, k.took)
}

func (a *killTally) print(t *testing.T) {
	if a.rounds >= 20 && a.after["with pipelines it had not noted"] == 0 {
		t.Error("no driver was killed between a trigger and its note: the test does not see the worst moment")
	}
	var after []string
	for _, what := range slices.Sorted(maps.Keys(a.after)) {
		after = append(after, fmt.Sprintf("%s %d", what, a.after[what]))
	}
	figure("kill: %d rounds, %d triggered twice, %d lost; slowest resume %s", a.rounds, a.duplicates, a.lost, a.slowest.Round(time.Second))
	figure("kill: killed %s", strings.Join(after, ", "))
}

// TestSleeper: a driver that slept through a take-over triggers nothing more, says why and leaves. With -rounds also one that
// slept longer than its lease, which the other has waited for (7 minutes).
func TestSleeper(t *testing.T) {
	t.Parallel()
	t.Run("taken over at once", func(t *testing.T) { t.Parallel(); sleep(t, "--take-over") })
	if *rounds > 0 {
		t.Run("slept longer than the lease", func(t *testing.T) { t.Parallel(); sleep(t) })
	}
}

// sleep stops a driver between two waves, lets another finish its run, and wakes it.
func sleep(t *testing.T, flags ...string) {
	components := []string{"a1", "a2", "b1", "c1"}
	long := sim.Project{Duration: 24 * time.Hour} // until it sleeps
	s := newShop(t, sim.Scenario{Default: sim.Project{Duration: 50 * time.Millisecond}, Projects: map[string]sim.Project{"a1": long, "a2": long}},
		map[string]string{"1.0.x": product("1.0.4-SNAPSHOT", "a1 a2", "b1", "c1")})
	sleeper := s.start("1.0.x", "release")
	s.await("1.0.4", "the first wave", func(events []run.Event) bool {
		triggered := 0
		for _, e := range events {
			if e.Type == run.Triggered {
				triggered += len(e.Steps)
			}
		}
		return triggered == 2
	})
	signal := func(sig syscall.Signal) {
		if err := sleeper.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	s.finish("a1", "a2")
	slept := time.Now()
	other := s.start("1.0.x", append([]string{"release"}, flags...)...)
	if code := other.end(t); code != 0 {
		t.Fatalf("the one that took over: exit %d\n%s", code, &other.output)
	}
	released := gittest.Refs(t, s.remote)
	figure("sleep %v: taken over and finished after %s", flags, time.Since(slept).Round(time.Second))
	signal(syscall.SIGCONT)
	if code := sleeper.end(t); code != int(fault.Stopped) {
		t.Errorf("the sleeper: exit %d, want 11\n%s", code, &sleeper.output)
	}
	if !strings.Contains(sleeper.output.String(), "another gio (") {
		t.Errorf("the sleeper does not say why it leaves:\n%s", &sleeper.output)
	}
	if diff := cmp.Diff(released, gittest.Refs(t, s.remote)); diff != "" {
		t.Errorf("refs moved after the take-over (-before +after):\n%s", diff)
	}
	if n := len(s.sim.Pipelines()); n != len(components) {
		t.Errorf("%d pipelines, want %d", n, len(components))
	}
	s.checkWorld("1.0.4")
	s.checkReleased("1.0.x", components)
}
