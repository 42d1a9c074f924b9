package journaltest

import (
	"slices"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// What a home promises that several machines drive.

// isTakenOver: the driver that lost its run keeps nothing and triggers nothing more, and does not disturb the one that has it.
func isTakenOver(t *testing.T, h Home) {
	without(t, h.TakeOver != nil, "lease")
	first, _ := drive(t, h)
	keep(t, first, Calls()[0]...)
	second, err := h.TakeOver()
	if err != nil {
		t.Fatal(err)
	}
	defer leave(t, second)
	isFault(t, first.Append(t.Context(), Calls()[1]...), fault.Stopped, "driven-elsewhere", "another gio (")
	isFault(t, first.Fresh(t.Context()), fault.Stopped, "driven-elsewhere")
	leave(t, first)
	keep(t, second, Calls()[1]...)
	if err := second.Fresh(t.Context()); err != nil {
		t.Errorf("the driver that has the run may not trigger: %v", err)
	}
	same(t, "kept by both", slices.Concat(Calls()[:2]...), read(t, h))
}

// isCancelled: the driver hears of it with its next write, triggers nothing more and notes on. The next driver is not meant.
func isCancelled(t *testing.T, h Home) {
	without(t, h.Cancel != nil, "way to cancel")
	j, _ := drive(t, h)
	keep(t, j, Calls()[0]...)
	if err := h.Cancel(); err != nil {
		t.Fatal(err)
	}
	keep(t, j, Calls()[1]...)
	if !heard(j) {
		t.Error("its write did not tell the driver")
	}
	isFault(t, j.Fresh(t.Context()), fault.Cancelled, "run-cancelled", "release/3.9.4 was cancelled by ")
	keep(t, j, Calls()[2]...)
	leave(t, j)
	next, _ := drive(t, h)
	keep(t, next, Calls()[3]...)
	if err := next.Fresh(t.Context()); err != nil || heard(next) {
		t.Errorf("the next driver is stopped, too: %v", err)
	}
}

// claims: of two runs that want the same component version one gets it, the other one keeps nothing of its intents; what has
// failed is free again.
func claims(t *testing.T, h Home) {
	without(t, h.Claims && h.Many, "claims")
	first, _ := drive(t, h)
	keep(t, first, Calls()[0]...)
	keep(t, first, Calls()[1]...) // alpha and beta
	other := Header()
	other.Version = "3.10.0"
	calls := callsOf(other)
	late, _, err := h.Open(other)
	if err != nil {
		t.Fatal(err)
	}
	keep(t, late, calls[0]...)
	err = late.Append(t.Context(), calls[1]...)
	isFault(t, err, fault.Stopped, "claimed-elsewhere", "beta 1.0.0: release/3.9.4 (")
	isFault(t, late.Fresh(t.Context()), fault.Stopped, "claimed-elsewhere")
	leave(t, late)
	keep(t, first, Calls()[2]...) // beta has failed
	later, events, err := h.Open(other)
	if err != nil {
		t.Fatal(err)
	}
	defer leave(t, later)
	same(t, "kept by the other run", calls[0], events)
	keep(t, later, calls[1]...)
}

// callsOf are two calls of another run: what begins it, and an intent for beta.
func callsOf(h run.Header) [][]run.Event {
	begin, intent := Calls()[0], Calls()[1][1]
	begin[0].Header = &h
	intent.Seq, intent.Steps = int64(len(begin)+1), []plan.StepID{plan.ID("beta", "1.0.0")}
	for i := range begin {
		begin[i].Run = h.Run()
	}
	intent.Run = h.Run()
	return [][]run.Event{begin, {intent}}
}
