package run_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// TestDurations: an event that was written late does not pass for the end of a pipeline.
func TestDurations(t *testing.T) {
	t.Parallel()
	minute := func(m int, e run.Event, ids ...plan.StepID) run.Event {
		e.Time, e.Steps = time.Date(2026, 3, 4, 10, m, 0, 0, time.UTC), ids
		return e
	}
	started, succeeded := run.Event{Type: run.Triggered}, run.Event{Type: run.Succeeded}
	got := run.Durations([]run.Event{
		minute(0, run.Event{Type: run.Planned}),
		minute(0, started, "watched@1", "with@1"), minute(0, started, "failed@1"), minute(0, started, "held@1"), minute(0, started, "left@1"),
		minute(1, run.Event{Type: run.Triggered, Adopted: true}, "adopted@1"),
		minute(2, run.Event{Type: run.Observed, Held: true}, "held@1"),
		minute(3, succeeded, "watched@1", "with@1"), minute(3, succeeded, "adopted@1"), minute(3, run.Event{Type: run.Failed}, "failed@1"),
		minute(4, run.Event{Type: run.Observed}, "held@1"), minute(5, succeeded, "held@1"),
		minute(6, run.Event{Type: run.Stopped}),
		minute(50, run.Event{Type: run.Planned}),
		minute(51, succeeded, "left@1"),
		minute(51, started, "failed@1"), minute(58, succeeded, "failed@1"),
	})
	want := map[string]time.Duration{"watched": 3 * time.Minute, "with": 3 * time.Minute, "failed": 7 * time.Minute}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("durations (-want +got):\n%s", diff)
	}
}
