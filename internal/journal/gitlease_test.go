package journal

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/run"
)

// bubble runs a test in simulated time on a repository of its own. Git is spoken with a program, so that the time stands
// still while somebody reads or pushes.
func bubble(t *testing.T, test func(t *testing.T, dir string)) {
	t.Helper()
	t.Parallel()
	dir := bare(t)
	synctest.Test(t, func(t *testing.T) { test(t, dir) })
}

func leaseAt(t *testing.T, dir string) run.Lease {
	t.Helper()
	repo := view(t, dir)
	tip, err := repo.Fetch(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	lease, err := readLease(repo, tip, keyOf(header()))
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func TestRenewals(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		g, _ := opened(t, dir, header(), GitOptions{})
		first := leaseAt(t, dir)
		time.Sleep(119 * time.Second)
		keep(t, g, calls()[0]...) // which renews, too
		for range 3 {
			before := leaseAt(t, dir)
			time.Sleep(117 * time.Second)
			if now := leaseAt(t, dir); now != before {
				t.Fatalf("renewed before its time: %+v", now)
			}
			time.Sleep(4 * time.Second)
			if now := leaseAt(t, dir); now.Renewed.Sub(before.Renewed) != RenewEvery || now.Since != first.Since || !now.Live(time.Now()) {
				t.Fatalf("renewed %s later: %+v", now.Renewed.Sub(before.Renewed), now)
			}
		}
		closed(t, g)
		last := leaseAt(t, dir)
		time.Sleep(time.Hour)
		if now := leaseAt(t, dir); now != last || now.Released.IsZero() || now.Live(last.Renewed) {
			t.Errorf("after closing %+v became %+v", last, now)
		}
	})
}

// deserted leaves the lease of a driver that was killed.
func deserted(t *testing.T, dir string) *Git {
	t.Helper()
	g, _, err := OpenGit(t.Context(), view(t, dir), header(), GitOptions{Driver: somebody()})
	if err != nil {
		t.Fatal(err)
	}
	keep(t, g, calls()[0]...)
	g.stop() // no renewals, no release
	return g
}

func TestWaitTakesOver(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		dead := deserted(t, dir)
		time.Sleep(time.Hour) // nobody watched: that does not count
		_, _, err := OpenGit(t.Context(), view(t, dir), header(), GitOptions{Driver: somebody()})
		isFault(t, err, fault.Stopped, "driven-elsewhere", "another gio (octocat, https://circleci.com/gh/acme/release/7, since 2", "drives release/3.9.4")
		if f, ok := errors.AsType[*fault.Fault](err); !ok || !strings.Contains(strings.Join(fault.HintLines(f), " "), "last heard of at 2") {
			t.Errorf("no hint says that it seems gone: %v", err)
		}

		var told []time.Duration
		began := time.Now()
		_, events := opened(t, dir, header(), GitOptions{Wait: func(held run.Lease, left time.Duration) {
			if held.Driver != dead.options.Driver.ID {
				t.Errorf("waits for %+v", held)
			}
			told = append(told, left)
		}})
		if took := time.Since(began); took != StandStill {
			t.Errorf("took over after %s", took)
		}
		if len(told) != 36 || told[0] != StandStill || told[35] != 10*time.Second {
			t.Errorf("the countdown said %v", told)
		}
		same(t, "taken over", calls()[0], events)
		isFault(t, dead.Append(t.Context(), calls()[1]...), fault.Stopped, "driven-elsewhere")
	})
}

func TestWaitEndsWhenItLives(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		g, _ := opened(t, dir, header(), GitOptions{})
		began := time.Now()
		_, _, err := OpenGit(t.Context(), view(t, dir), header(), GitOptions{Driver: somebody(), Wait: func(run.Lease, time.Duration) {}})
		isFault(t, err, fault.Stopped, "driven-elsewhere")
		if waited := time.Since(began); waited < RenewEvery-ReadEvery || waited > RenewEvery+ReadEvery {
			t.Errorf("noticed after %s", waited)
		}
		go func() {
			time.Sleep(30 * time.Second)
			closed(t, g)
		}()
		began = time.Now()
		opened(t, dir, header(), GitOptions{Wait: func(run.Lease, time.Duration) {}})
		if waited := time.Since(began); waited > 45*time.Second {
			t.Errorf("a lease that was given back was waited for %s", waited)
		}
	})
}

func TestWaitIsInterrupted(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		deserted(t, dir)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _, err := OpenGit(ctx, view(t, dir), header(), GitOptions{Driver: somebody(), Wait: func(run.Lease, time.Duration) {}})
		if !errors.Is(err, context.DeadlineExceeded) || fault.KindOf(err) != fault.Stopped {
			t.Errorf("got %v", err)
		}
	})
}

func TestTakenOverAtOnce(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]GitOptions{
		"told to":       {TakeOver: true},
		"its job ended": {JobEnded: func(_ context.Context, job string) bool { return job == "https://circleci.com/gh/acme/release/7" }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, dir string) {
				first, _ := opened(t, dir, header(), GitOptions{})
				began := time.Now()
				opened(t, dir, header(), o)
				if time.Since(began) != 0 {
					t.Errorf("it took %s", time.Since(began))
				}
				time.Sleep(RenewEvery + time.Second) // its renewal tells it
				isFault(t, first.Fresh(t.Context()), fault.Stopped, "driven-elsewhere", "another gio (octocat, ")
				closed(t, first)
				if leaseAt(t, dir).Driver == first.options.Driver.ID {
					t.Error("the lost lease was given back")
				}
			})
		})
	}
	t.Run("its job goes on", func(t *testing.T) {
		t.Parallel()
		dir := bare(t)
		opened(t, dir, header(), GitOptions{})
		_, _, err := OpenGit(t.Context(), view(t, dir), header(), GitOptions{Driver: somebody(), JobEnded: func(context.Context, string) bool { return false }})
		isFault(t, err, fault.Stopped, "driven-elsewhere")
	})
}

// TestSleeper: a machine sleeps longer than the lease lives, and somebody takes the run over: by its wall clock it notices
// before it triggers. The clock that timers go by stood still.
func TestSleeper(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		var slept atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(slept.Load())) }
		g, _ := opened(t, dir, header(), GitOptions{Now: now})
		keep(t, g, calls()[0]...)
		pushed := leaseAt(t, dir).Push
		fresh := func(sleep time.Duration, pushes int) {
			t.Helper()
			slept.Add(int64(sleep))
			if err := g.Fresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if lease := leaseAt(t, dir); lease.Push != pushed+pushes {
				t.Errorf("%d pushes after a sleep of %s, want %d", lease.Push-pushed, sleep, pushes)
			}
		}
		fresh(0, 0)
		fresh(FreshFor, 0)
		fresh(1, 1) // nobody took it: renewed
		fresh(-time.Hour, 2)
		slept.Add(int64(10 * time.Minute))
		other, _ := opened(t, dir, header(), GitOptions{TakeOver: true})
		isFault(t, g.Fresh(t.Context()), fault.Stopped, "driven-elsewhere", "another gio (octocat, ")
		isFault(t, g.Append(t.Context(), calls()[1]...), fault.Stopped, "driven-elsewhere")
		keep(t, other, calls()[1]...)
	})
}

// TestRefusedRenewal: a push that is refused for a while ends neither the lease nor the journal; a trigger is not made in
// the meantime.
func TestRefusedRenewal(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		g, _ := opened(t, dir, header(), GitOptions{})
		keep(t, g, calls()[0]...)
		gittest.Hook(t, dir, "pre-receive", "echo closed for repair; exit 1")
		time.Sleep(FreshFor + time.Minute)
		isFault(t, g.Fresh(t.Context()), fault.Stopped, "journal-push", "closed for repair", "release/3.9.4")
		gittest.Hook(t, dir, "pre-receive", "exit 0")
		if err := g.Fresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		keep(t, g, calls()[1]...)
	})
}

// TestRefusedOpening: who may not write the ref cannot begin.
func TestRefusedOpening(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		gittest.Hook(t, dir, "update", "case $1 in refs/gio/*) echo no gio here; exit 1;; esac")
		_, _, err := OpenGit(t.Context(), view(t, dir), header(), GitOptions{Driver: somebody()})
		isFault(t, err, fault.Stopped, "journal-push", "no gio here", GitRef)
	})
}

// TestClosingDoesNotHang: a server that does not answer keeps nobody from leaving.
func TestClosingDoesNotHang(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	var hang atomic.Bool
	over := make(chan struct{})
	server := gittest.HTTP(t, dir, gittest.Options{Intercept: func(*http.Request) gittest.Action {
		if hang.Load() {
			<-over
		}
		return gittest.Serve
	}})
	g, _ := opened(t, server.URL, header(), GitOptions{})
	hang.Store(true)
	began := time.Now()
	err := g.Close()
	close(over)
	if took := time.Since(began); took > closeTimeout+2*time.Second || err == nil {
		t.Errorf("closing took %s: %v", took, err)
	}
}

// TestRace: of two that begin together one drives, and the other one hears of it; what the loser thinks changes nothing.
func TestRace(t *testing.T) {
	t.Parallel()
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	dir := bare(t)
	repos := []Repository{view(t, dir), view(t, dir)}
	for round := range rounds {
		h := header()
		h.Version = "3.9." + strings.Repeat("1", round%5+1) // some runs are new, some are known
		var racers sync.WaitGroup
		drivers := make([]*Git, len(repos))
		for i, repo := range repos {
			racers.Go(func() {
				g, _, err := OpenGit(t.Context(), repo, h, GitOptions{Driver: somebody()})
				if err != nil {
					if fault.CodeOf(err) != "driven-elsewhere" {
						t.Errorf("round %d: %v", round, err)
					}
					return
				}
				drivers[i] = g
			})
		}
		racers.Wait()
		if (drivers[0] == nil) == (drivers[1] == nil) {
			t.Fatalf("round %d: drivers %v", round, drivers)
		}
		for _, g := range drivers {
			if g != nil {
				if round%10 == 0 {
					keep(t, g, run.Event{Seq: int64(round)})
				}
				closed(t, g)
			}
		}
		if round%10 == 0 {
			meddle(t, repos[0], map[string][]byte{keyOf(h).file(): nil}) // that event is not true
		}
	}
}
