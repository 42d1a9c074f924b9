package journal

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/run"
)

// conformReading: who reads while somebody drives sees whole calls, in order, and never less than before.
func conformReading(t *testing.T, h home) {
	d, _ := must(t, h)
	if err := d.Append(t.Context(), calls()[0]...); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		var err error
		for i := 0; i < 30 && err == nil; i++ {
			err = d.Append(t.Context(), stopped(2*i+3), stopped(2*i+4))
		}
		done <- err
	}()
	for seen := 0; seen < 62; {
		events, err := h.read()
		if err != nil {
			t.Fatal(err)
		}
		if len(events) < seen || len(events)%2 != 0 {
			t.Fatalf("%d events after %d", len(events), seen)
		}
		seen = len(events)
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			if events, err = h.read(); err != nil || len(events) != 62 {
				t.Fatalf("%d events at the end, %v", len(events), err)
			}
			return
		default:
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func stopped(seq int) run.Event {
	return run.Event{Run: header().Run(), Seq: int64(seq), Type: run.Stopped, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// conformCallers: every call of several callers is kept whole, and those of one caller in their order.
// The events have no true numbers, so the lines are read as they are.
func conformCallers(t *testing.T, h home) {
	d, _ := must(t, h)
	var callers sync.WaitGroup
	for caller := range 6 {
		callers.Go(func() {
			for call := range 10 {
				reason := fmt.Sprintf("%d/%d", caller, call)
				if err := d.Append(t.Context(), run.Event{Reason: reason}, run.Event{Reason: reason + "+"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
	next := map[int]int{}
	kept := stored(t, h)
	for i := 0; i < len(kept); i += 2 {
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

// stored is the events as they stand in the lines, true or not.
func stored(t *testing.T, h home) []run.Event {
	t.Helper()
	var events []run.Event
	for line := range bytes.Lines(h.load()) {
		e, err := decodeLine(line)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// conformClosing: closing while others append keeps exactly what was acknowledged.
func conformClosing(t *testing.T, h home) {
	d, _ := must(t, h)
	var acknowledged sync.Map
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			for call := 0; ; call++ {
				reason := fmt.Sprintf("%d/%d", caller, call)
				if d.Append(t.Context(), run.Event{Reason: reason}) != nil {
					return
				}
				acknowledged.Store(reason, true)
			}
		})
	}
	for len(h.load()) == 0 {
		time.Sleep(time.Millisecond) // until the first is there
	}
	closed(t, d)
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
