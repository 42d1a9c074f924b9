package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/run"
)

// What a watcher is made of, each part by itself; the watcher as a whole stands in watch_test.go.

func noon() time.Time { return time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC) }

func TestGrouped(t *testing.T) {
	t.Parallel()
	first := func(s string) byte { return s[0] }
	for _, tt := range []struct{ all, want string }{
		{"", ""},
		{"a1", "a1"},
		{"a1 b1 a2 c1 b2 a3", "a1 a2 a3|b1 b2|c1"},
		{"c1 b1 a1", "c1|b1|a1"},
	} {
		var got []string
		for _, group := range grouped(strings.Fields(tt.all), first) {
			got = append(got, strings.Join(group, " "))
		}
		if strings.Join(got, "|") != tt.want {
			t.Errorf("%q became %q, want %q", tt.all, strings.Join(got, "|"), tt.want)
		}
	}
}

// TestDoubt: a success is doubted until the last new workflow has been there for ten seconds, or for twenty where another one may
// be missing, by our clock or by CircleCI's times.
func TestDoubt(t *testing.T) {
	t.Parallel()
	green := func(names ...string) circleci.Verdict {
		return circleci.Verdict{State: circleci.Succeeded, Names: names}
	}
	running := func(names ...string) circleci.Verdict { return circleci.Verdict{State: circleci.Running, Names: names} }
	lasted := func(v circleci.Verdict, d time.Duration) circleci.Verdict { v.Lasted = d; return v }
	type reading struct {
		after time.Duration
		v     circleci.Verdict
		doubt time.Duration
	}
	for name, tt := range map[string]struct {
		complete bool
		readings []reading
	}{
		"at once":                  {true, []reading{{0, green("a"), youngFor}, {youngFor, green("a"), 0}}},
		"at once, perhaps not all": {false, []reading{{0, green("a"), lateFor}, {youngFor, green("a"), lateFor - youngFor}, {lateFor, green("a"), 0}}},
		"after nine seconds":       {true, []reading{{0, running("a"), 0}, {9 * time.Second, green("a"), time.Second}}},
		"after ten":                {true, []reading{{0, running("a"), 0}, {youngFor, green("a"), 0}}},
		"workflows late":           {true, []reading{{0, circleci.Verdict{State: circleci.Waiting}, 0}, {time.Minute, green("a"), youngFor}}},
		"after its setup":          {true, []reading{{0, running(), 0}, {time.Minute, green("a"), youngFor}}},
		"another one appears":      {true, []reading{{0, running("a"), 0}, {16 * time.Second, green("a", "b"), youngFor}, {26 * time.Second, green("a", "b"), 0}}},
		"a re-run is no new one":   {true, []reading{{0, running("a"), 0}, {time.Minute, running("a"), 0}, {61 * time.Second, green("a"), 0}}},
		"old, says CircleCI":       {false, []reading{{0, lasted(green("a"), lateFor), 0}}},
		"young, says CircleCI":     {false, []reading{{0, lasted(green("a"), youngFor), lateFor}}},
		"not green":                {false, []reading{{0, running("a"), 0}, {time.Second, running("a"), 0}}},
	} {
		r := &reader{complete: tt.complete}
		for i, next := range tt.readings {
			now := noon().Add(next.after)
			if r.remember(next.v, now); r.doubt(next.v, now) != next.doubt || !r.answered.Equal(now) {
				t.Errorf("%s, reading %d: doubted for %s, answered %s", name, i+1, r.doubt(next.v, now), r.answered)
			}
		}
	}
}

// TestRerunMissing: a re-run that is due may take its time, which begins anew when it came and is due again.
func TestRerunMissing(t *testing.T) {
	t.Parallel()
	due, runs := circleci.Verdict{State: circleci.Running, RerunDue: true}, circleci.Verdict{State: circleci.Running}
	r := &reader{}
	for i, next := range []struct {
		after   time.Duration
		v       circleci.Verdict
		missing bool
	}{
		{0, runs, false},
		{time.Hour, due, false},
		{time.Hour + rerunFor, due, false},
		{time.Hour + rerunFor + 1, due, true},
		{2 * time.Hour, runs, false},
		{3 * time.Hour, due, false},
		{3*time.Hour + rerunFor + 1, due, true},
	} {
		now := noon().Add(next.after)
		if r.rememberRerun(next.v, now); r.rerunMissing(now) != next.missing {
			t.Errorf("reading %d: missing %t", i+1, !next.missing)
		}
	}
}

// TestHold: holds add up, one that lasts has a limit of its own, and in a run that is cancelled only the end is waited for.
func TestHold(t *testing.T) {
	t.Parallel()
	const limit = time.Hour
	h := &hold{}
	if h.lasts() {
		t.Error("it waits before it begins")
	}
	h.begin(noon())
	h.begin(noon().Add(time.Minute)) // still
	if !h.lasts() || h.tooLong(noon().Add(limit), limit) || !h.tooLong(noon().Add(limit+1), limit) {
		t.Errorf("the limit counts from %s", h.began)
	}
	h.end(noon().Add(10 * time.Minute))
	h.begin(noon().Add(20 * time.Minute))
	h.end(noon().Add(25 * time.Minute))
	if h.lasts() || h.past != 15*time.Minute {
		t.Errorf("the holds took %s", h.past)
	}
	late := noon().Add(3 * limit)
	h.begin(late)
	h.seeCancelled(late)
	h.seeCancelled(late.Add(time.Minute)) // still
	if h.tooLong(late.Add(cancelFor), 0) || !h.tooLong(late.Add(cancelFor+1), limit) {
		t.Error("in a run that is cancelled its end is waited for, and no approval")
	}
}

// TestSlot: taken and given back twice it counts once. What runs takes one that is free and waits for none.
func TestSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := newSlots(1)
		l, other := &slot{of: slots}, &slot{of: slots}
		for range 2 {
			if err := l.take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if other.takeIfFree(); other.taken {
			t.Error("two have the one slot")
		}
		other.giveBack() // it has none
		given := make(chan struct{})
		time.AfterFunc(time.Minute, func() { l.giveBack(); l.giveBack(); close(given) })
		began := time.Now()
		if err := other.take(t.Context()); err != nil || time.Since(began) != time.Minute {
			t.Errorf("taken after %s, %v", time.Since(began), err)
		}
		<-given
		other.giveBack()
		if l.takeIfFree(); !l.taken || slots.free != 0 {
			t.Error("it was not given back once")
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("enough"))
		if err := other.take(ctx); err == nil || other.taken {
			t.Errorf("a driver that leaves took a slot: %v", err)
		}
	})
}

// TestProofStaysAway: what is missing is read for at ever longer intervals, the last time right when it has stayed away.
func TestProofStaysAway(t *testing.T) {
	t.Parallel()
	p := &proof{green: noon()}
	if p.stayedAway(noon().Add(time.Hour)) {
		t.Error("nothing is missing yet")
	}
	p.noteMissing(noon())
	p.noteMissing(noon().Add(time.Second)) // still
	var gaps []time.Duration
	now := noon()
	for !p.stayedAway(now) {
		gap := p.next(now)
		gaps, now = append(gaps, gap), now.Add(gap)
	}
	want := []time.Duration{2 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 14 * time.Second}
	if !slices.Equal(gaps, want) || now.Sub(noon()) != proofFor {
		t.Errorf("read after %v, given up after %s", gaps, now.Sub(noon()))
	}
	untold := &proof{green: noon()} // what cannot be told may take longer
	if got := untold.next(noon().Add(time.Hour)); got != apart {
		t.Errorf("after an hour it is read again in %s", got)
	}
}

// TestByPipeline: steps that share a pipeline are cancelled once; what has none, or is unknown, is not cancelled.
func TestByPipeline(t *testing.T) {
	t.Parallel()
	step := func(id run.Step, pipeline string) run.Step {
		id.Pipeline.ID = pipeline
		return id
	}
	all := byPipeline([]run.Step{
		step(run.Step{ID: "a@1", Status: run.Running}, "p1"),
		{ID: "b@1", Status: run.Intended},
		step(run.Step{ID: "c@1", Status: run.OnHold}, "p2"), step(run.Step{ID: "d@1", Status: run.Running}, "p1"),
		step(run.Step{ID: "e@1", Status: run.IsUnknown}, "p3"),
	})
	if len(all) != 2 || len(all[0].Steps) != 2 || all[0].Steps[1].ID != "d@1" || all[1].Steps[0].ID != "c@1" {
		t.Errorf("%+v", all)
	}
}
