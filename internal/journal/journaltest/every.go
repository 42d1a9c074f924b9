package journaltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
)

// What every home promises.

func keepsOrder(t *testing.T, h Home) {
	j, events := drive(t, h)
	same(t, "a new journal", nil, events)
	for _, call := range Calls() {
		keep(t, j, call...)
	}
	same(t, "kept", slices.Concat(Calls()...), read(t, h))
}

// isFresh: a driver that has the run and whose run nobody cancelled may trigger, until it leaves.
func isFresh(t *testing.T, h Home) {
	j, _ := drive(t, h)
	for _, call := range Calls() {
		if err := j.Fresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		keep(t, j, call...)
	}
	if heard(j) {
		t.Error("nobody has cancelled the run")
	}
	leave(t, j)
	isFault(t, j.Fresh(t.Context()), fault.Internal, "journal-closed")
}

// heard tells whether the driver knows that its run is cancelled.
func heard(j journal.Journal) bool {
	select {
	case <-j.Cancelled():
		return true
	default:
		return false
	}
}

// pushes: events and push are both there afterwards, and travel together where they can.
func pushes(t *testing.T, h Home) {
	j, _ := drive(t, h)
	pushed := 0
	push := func(ctx context.Context, also ...journal.Update) error {
		pushed++
		if travels := len(also) > 0; travels != (h.Push != nil) {
			t.Errorf("the push is to take %v along", also)
		}
		return carry(ctx, h, also)
	}
	for _, call := range Calls() {
		if err := j.AppendWith(t.Context(), push, call...); err != nil {
			t.Fatal(err)
		}
	}
	if pushed < len(Calls()) {
		t.Errorf("%d pushes for %d calls", pushed, len(Calls()))
	}
	same(t, "kept with pushes", slices.Concat(Calls()...), read(t, h))
}

// carry makes the push of a journal's updates.
func carry(ctx context.Context, h Home, also []journal.Update) error {
	for _, u := range also {
		if err := h.Push(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// refusedPush: what was not pushed is not noted, the error is the push's own, and the journal goes on. A journal that keeps
// nothing more pushes nothing.
func refusedPush(t *testing.T, h Home) {
	j, _ := drive(t, h)
	keep(t, j, Calls()[0]...)
	refused := fault.New(fault.Invalid, "ref-moved", "the branch has moved")
	refuse := func(context.Context, ...journal.Update) error { return refused }
	if err := j.AppendWith(t.Context(), refuse, Calls()[1]...); !errors.Is(err, error(refused)) {
		t.Fatalf("got %v, want the push's own error", err)
	}
	keep(t, j, Calls()[1]...)
	same(t, "kept after the refusal", slices.Concat(Calls()[:2]...), read(t, h))
	leave(t, j)
	pushed := false
	err := j.AppendWith(t.Context(), func(context.Context, ...journal.Update) error {
		pushed = true
		return nil
	}, Calls()[2]...)
	if isFault(t, err, fault.Internal, "journal-closed"); pushed {
		t.Error("it was pushed, and cannot be noted")
	}
}

func closes(t *testing.T, h Home) {
	j, _ := drive(t, h)
	leave(t, j)
	leave(t, j) // twice is harmless
	isFault(t, j.Append(t.Context(), Calls()[0]...), fault.Internal, "journal-closed")
	if h.Read != nil {
		_, events := drive(t, h)
		same(t, "after the refused append", nil, events)
	}
}

// numbers gives callers their numbers. Where the home keeps none but the next one, a caller holds the others up until its call
// has returned.
type numbers struct {
	mu   sync.Mutex
	next int
	one  bool // at a time
}

func (n *numbers) append(ctx context.Context, j journal.Journal, reason string, events int) error {
	n.mu.Lock()
	var call []run.Event
	for i := range events {
		call = append(call, note(n.next+i, reason+strings.Repeat("+", i)))
	}
	n.next += events
	if n.one {
		defer n.mu.Unlock()
	} else {
		n.mu.Unlock()
	}
	return j.Append(ctx, call...)
}

// severalCallers: every call of several callers is kept whole, and those of one caller in their order.
func severalCallers(t *testing.T, h Home) {
	j, _ := drive(t, h)
	keep(t, j, Calls()[0]...)
	n := &numbers{next: len(Calls()[0]) + 1, one: h.Stored == nil}
	var callers sync.WaitGroup
	for caller := range 6 {
		callers.Go(func() {
			for call := range 10 {
				if err := n.append(t.Context(), j, fmt.Sprintf("%d/%d", caller, call), 2); err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
	next := map[int]int{}
	kept := stored(t, h)
	for i := 0; i < len(kept)-1; i += 2 {
		var caller, call int
		if _, err := fmt.Sscanf(kept[i].Reason, "%d/%d", &caller, &call); err != nil {
			t.Fatal(err)
		}
		if call != next[caller] || kept[i+1].Reason != kept[i].Reason+"+" {
			t.Fatalf("call %d of caller %d is followed by %q and comes after %d calls", call, caller, kept[i+1].Reason, next[caller])
		}
		next[caller]++
	}
	if len(kept) != 2*6*10 {
		t.Errorf("%d events kept", len(kept))
	}
}

// stored is what was kept behind the first call, true or not.
func stored(t *testing.T, h Home) []run.Event {
	t.Helper()
	var events []run.Event
	if h.Stored != nil {
		events = h.Stored()
	} else {
		events = read(t, h)
	}
	return events[min(len(events), len(Calls()[0])):]
}

// closedUnderWay: closing while others append keeps exactly what was acknowledged.
func closedUnderWay(t *testing.T, h Home) {
	j, _ := drive(t, h)
	keep(t, j, Calls()[0]...)
	n := &numbers{next: len(Calls()[0]) + 1, one: h.Stored == nil}
	var acknowledged sync.Map
	var callers sync.WaitGroup
	first := make(chan struct{})
	began := sync.OnceFunc(func() { close(first) })
	for caller := range 4 {
		callers.Go(func() {
			for call := 0; ; call++ {
				reason := fmt.Sprintf("%d/%d", caller, call)
				if n.append(t.Context(), j, reason, 1) != nil {
					return
				}
				acknowledged.Store(reason, true)
				began()
			}
		})
	}
	<-first
	leave(t, j)
	callers.Wait()
	for _, e := range stored(t, h) {
		if _, ok := acknowledged.LoadAndDelete(e.Reason); !ok {
			t.Errorf("%s was kept and not acknowledged", e.Reason)
		}
	}
	acknowledged.Range(func(reason, _ any) bool {
		t.Errorf("%s was acknowledged and not kept", reason)
		return true
	})
}
