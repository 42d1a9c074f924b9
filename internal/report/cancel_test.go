package report_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// TestCancelled: every way in which a cancel can end, on a terminal and elsewhere; foreign words forge nothing.
func TestCancelled(t *testing.T) {
	s := newStory(t).at("10:00:00", begin()...)
	s.at("10:00:01", intent(1, parent), triggered(parent))
	one := func(id plan.StepID) []run.Step { return []run.Step{s.state.Step(id)} }
	ended := []engine.Cancelled{
		{Steps: append(one(parent), one(common)...), Fate: engine.IsCancelled, Reason: "workflow release was cancelled"},
		{Steps: one(node), Fate: engine.HadSucceeded, Reason: "all workflows succeeded (release)"},
		{Steps: one(policy), Fate: engine.HadFailed, Reason: "workflow release failed"},
		{Steps: one(gateway), Fate: engine.StillRuns, Reason: "workflow release is running", Err: errors.New("CircleCI answered 403 (no\x1b[2J\nnever)")},
		{Steps: one(ui), Fate: engine.NotKnown, Reason: "it was about to be triggered, and its pipeline is not known"},
		{Steps: one(ui), Fate: engine.NotStarted},
	}
	for name, columns := range map[string]int{"cancelled.txt": 100, "cancelled-tabs.txt": 0} {
		var b strings.Builder
		if err := report.CancelledTable(&b, ended, columns, false); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
	}
	var b strings.Builder
	if err := report.CancelTable(&b, append(one(parent), one(common)...)); err != nil {
		t.Fatal(err)
	}
	golden(t, "cancel.txt", b.String())
}

// TestEnd: what a watcher reads when the run has ended or its driver is silent.
func TestEnd(t *testing.T) {
	for name, c := range map[string]struct {
		state *run.State
		now   string
	}{"end-stopped.txt": {firstSession(t).state, "11:20:00"}, "end-released.txt": {secondSession(t).state, "13:20:33"}} {
		var b strings.Builder
		if err := report.WriteEnd(&b, c.state, leaseAt(t, "10:02:00"), report.StatusView{Now: clockAt(t, c.now), Command: "`gio release`"}); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
	}
}
