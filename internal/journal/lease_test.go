package journal

import (
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

func noon() time.Time { return time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC) }

func TestIsFresh(t *testing.T) {
	t.Parallel()
	for age, want := range map[time.Duration]bool{
		0: true, time.Second: true, FreshFor: true, FreshFor + 1: false, time.Hour: false,
		-1: false, -time.Hour: false, // the wall clock was set back: nothing is known of the age
	} {
		if got := IsFresh(noon(), noon().Add(age)); got != want {
			t.Errorf("%s old: %t", age, got)
		}
	}
}

// TestLeaseTimes: the rules hold together. A driver that lives renews its lease more than twice while somebody waits for it to stand
// still; whoever takes it over looks up for longer than a stale trigger can still be sent.
func TestLeaseTimes(t *testing.T) {
	t.Parallel()
	if got := RenewIn(noon(), noon().Add(30*time.Second)); got != RenewEvery-30*time.Second {
		t.Errorf("the next renewal may wait %s", got)
	}
	if got := RenewIn(noon(), noon().Add(RenewEvery)); got > 0 {
		t.Errorf("a renewal that is due may wait %s", got)
	}
	if StandStill < 2*RenewEvery+RetryRenewal || ReadEvery > RenewEvery || FreshFor > 30*time.Second {
		t.Errorf("still for %s, renewed every %s, fresh for %s", StandStill, RenewEvery, FreshFor)
	}
}

// TestTakes: what is free at once, and for whom.
func TestTakes(t *testing.T) {
	t.Parallel()
	held := run.Lease{Driver: "one", Login: "octocat", Job: "https://job/1", Since: noon(), Renewed: noon(), Push: 1}
	given := held
	given.Released = noon()
	ended := func(job string) bool { return job == held.Job }
	jobless := held
	jobless.Job = ""
	for _, tt := range []struct {
		name  string
		taker Taker
		held  run.Lease
		code  string // of the fault; "" takes it
	}{
		{"nobody ever drove", Taker{Driver: "two"}, run.Lease{}, ""},
		{"given back", Taker{Driver: "two"}, given, ""},
		{"its own", Taker{Driver: "one"}, held, ""},
		{"told to", Taker{Driver: "two", TakeOver: true}, held, ""},
		{"its job ended", Taker{Driver: "two", JobEnded: ended}, held, ""},
		{"another job ended", Taker{Driver: "two", JobEnded: func(string) bool { return false }}, held, "driven-elsewhere"},
		{"of no job", Taker{Driver: "two", JobEnded: func(string) bool { return true }}, jobless, "driven-elsewhere"},
		{"somebody drives", Taker{Driver: "two"}, held, "driven-elsewhere"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			left, err := (&Waiting{}).Next(tt.taker, tt.held, Cancel{}, noon())
			if fault.CodeOf(err) != tt.code || left != 0 {
				t.Errorf("%s left, %v", left, err)
			}
		})
	}
}

// TestWaiting: one reading after the other, by a driver that waits.
func TestWaiting(t *testing.T) {
	t.Parallel()
	held := run.Lease{Driver: "one", Since: noon(), Renewed: noon(), Push: 1}
	renewed, again, given, another := held, held, held, held
	again.Push = 2 // within the same moment
	renewed.Push, renewed.Renewed = 2, noon().Add(time.Minute)
	given.Released = noon()
	another.Driver = "three"
	cancel := Cancel{Driver: "one", Login: "mona", Time: noon()}
	ofAnother := Cancel{Driver: "zero", Login: "mona", Time: noon()}
	type reading struct {
		after  time.Duration
		held   run.Lease
		cancel Cancel
		left   time.Duration
		code   string
	}
	for name, readings := range map[string][]reading{
		"stands still": {
			{0, held, Cancel{}, StandStill, ""},
			{StandStill - 1, held, Cancel{}, 1, ""},
			{StandStill, held, Cancel{}, 0, ""},
			{StandStill + time.Hour, held, Cancel{}, 0, ""},
		},
		"lives":           {{0, held, Cancel{}, StandStill, ""}, {time.Minute, renewed, Cancel{}, 0, "driven-elsewhere"}},
		"pushed again":    {{0, held, Cancel{}, StandStill, ""}, {time.Minute, again, Cancel{}, 0, "driven-elsewhere"}},
		"another has it":  {{0, held, Cancel{}, StandStill, ""}, {time.Minute, another, Cancel{}, 0, "driven-elsewhere"}},
		"is given back":   {{0, held, Cancel{}, StandStill, ""}, {time.Minute, given, Cancel{}, 0, ""}},
		"is cancelled":    {{0, held, Cancel{}, StandStill, ""}, {time.Minute, held, cancel, 0, "run-cancelled"}},
		"ends cancelled":  {{0, held, Cancel{}, StandStill, ""}, {time.Minute, given, cancel, 0, "run-cancelled"}},
		"was cancelled":   {{0, held, cancel, StandStill, ""}, {time.Minute, given, cancel, 0, ""}},
		"another's note":  {{0, held, Cancel{}, StandStill, ""}, {time.Minute, held, ofAnother, StandStill - time.Minute, ""}},
		"cancelled, free": {{0, given, cancel, 0, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w Waiting
			for i, r := range readings {
				left, err := w.Next(Taker{Run: header().Name(), Driver: "two", Waits: true}, r.held, r.cancel, noon().Add(r.after))
				if left != r.left || fault.CodeOf(err) != r.code {
					t.Errorf("reading %d: %s left, %v; want %s, %q", i+1, left, err, r.left, r.code)
				}
			}
		})
	}
}

func TestCancelIsFor(t *testing.T) {
	t.Parallel()
	c := Cancel{Driver: "one", Login: "mona", Job: "https://job/2", Time: noon()}
	if !c.IsFor("one") || c.IsFor("two") || (Cancel{}).IsFor("") {
		t.Error("it is meant for the driver that it names, and for no other")
	}
	isFault(t, c.Fault(header().Name()), fault.Cancelled, "run-cancelled", "release/3.9.4 was cancelled by mona (https://job/2) at 2026-01-02T12:00:00Z")
	isFault(t, Cancel{Time: noon()}.Fault(header().Name()), fault.Cancelled, "run-cancelled", "by somebody at 2026")
}

func TestDrivenElsewhere(t *testing.T) {
	t.Parallel()
	held := run.Lease{Driver: "one", Login: "octocat", Since: noon(), Renewed: noon()}
	for late, hints := range map[time.Duration]int{0: 2, time.Hour: 3} { // after an hour it says when it was last heard of
		err := DrivenElsewhere(run.Name{Kind: run.DryRun, Version: "3.9.4"}, held, noon().Add(late))
		isFault(t, err, fault.Stopped, "driven-elsewhere", "another gio (octocat, since 2026-01-02T12:00:00Z) drives dry/3.9.4")
		if got := hintsOf(t, err); len(got) != hints {
			t.Errorf("after %s it hints %q", late, got)
		}
	}
}
