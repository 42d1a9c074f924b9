package rehearse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// everything is a set of what-ifs of each sort.
var everything = WhatIfs{
	Fails: map[string]int{"a": 2, "b": 1}, Holds: map[string]time.Duration{"a": time.Hour, "c": time.Minute},
	Answers: map[string]Answer{"a": Lost}, Crashes: map[string]Moment{"b": AtSent, "c": AtEnded},
}

// TestWhatIfs: how many sessions they may need, and how long is waited for people and lost answers at most.
func TestWhatIfs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		w        WhatIfs
		any      bool
		sessions int
		waits    time.Duration
	}{
		{"nothing", WhatIfs{}, false, 1, 0},
		{"failures", WhatIfs{Fails: everything.Fails}, true, 4, 0},
		{"holds", WhatIfs{Holds: everything.Holds}, true, 1, 61 * time.Minute},
		{"answers", WhatIfs{Answers: everything.Answers}, true, 1, lostAnswer},
		{"crashes", WhatIfs{Crashes: everything.Crashes}, true, 3, 2 * lostAnswer},
		{"everything", everything, true, 6, 64 * time.Minute},
	} {
		if test.w.Any() != test.any || test.w.maxSessions() != test.sessions || test.w.maxWait() != test.waits {
			t.Errorf("%s: %t, %d sessions, waits %s", test.name, test.w.Any(), test.w.maxSessions(), test.w.maxWait())
		}
	}
}

// TestWhatIfCheck: only what is to be released can go wrong; the flag is named with which something else was said.
func TestWhatIfCheck(t *testing.T) {
	t.Parallel()
	p := planned("a 1.0.0", "b 1.0.0", "c 1.0.0")
	if err := everything.validate(p); err != nil {
		t.Error(err)
	}
	for flag, w := range map[string]WhatIfs{
		"fail": {Fails: map[string]int{"a": 1, "x": 1}}, "hold": {Holds: map[string]time.Duration{"x": 1}},
		"fault": {Answers: map[string]Answer{"x": Lost}}, "crash": {Crashes: map[string]Moment{"x": AtSent}},
	} {
		err := w.validate(p)
		if fault.KindOf(err) != fault.Usage || !strings.HasPrefix(err.Error(), "--"+flag+" x: ") {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

// TestWhatIfOnTheWire: each answer is a fault of the simulator that hits the first trigger of the component's project.
func TestWhatIfOnTheWire(t *testing.T) {
	t.Parallel()
	kinds := map[Answer]sim.FaultKind{Lost: sim.ResetAfter, Error: sim.ErrorBefore, Throttled: sim.Throttle}
	if len(Answers()) != len(kinds) {
		t.Errorf("the answers are %v", Answers())
	}
	for _, answer := range Answers() {
		faults := WhatIfs{Answers: map[string]Answer{"b": answer}}.simFaults(planned("a 1.0.0", "b 1.0.0"))
		if len(faults) != 1 || faults[0].Kind != kinds[answer] || faults[0].Match != (sim.Match{Method: "POST", Project: "gh/acme/b"}) {
			t.Errorf("%s: %+v", answer, faults)
		}
		if (faults[0].RetryAfter == throttledFor) != (answer == Throttled) {
			t.Errorf("%s: %+v", answer, faults[0])
		}
	}
	for i, moment := range []Moment{AtIntent, AtSent, AtRunning, AtEnded} {
		if Moments()[i] != moment {
			t.Errorf("the moments are %v", Moments())
		}
	}
}

// TestMomentOf: the moment right after an event was written.
func TestMomentOf(t *testing.T) {
	t.Parallel()
	for event, want := range map[run.Type]Moment{
		run.Intent: AtIntent, run.Triggered: AtRunning, run.Succeeded: AtEnded, run.Failed: AtEnded, run.Observed: "", run.Planned: "",
	} {
		if got := momentOf(event); got != want {
			t.Errorf("%s: %q, want %q", event, got, want)
		}
	}
}

// TestSimRuns: steps that share a pipeline take as long as the longest, fail as often as the one that fails most, and wait where
// one of them does.
func TestSimRuns(t *testing.T) {
	t.Parallel()
	h := &rehearsal{options: Options{WhatIfs: WhatIfs{
		Fails: map[string]int{"a": 1, "b": 2}, Holds: map[string]time.Duration{"b": time.Hour},
	}}}
	h.expected.Took = map[string][]time.Duration{"a": {10 * time.Minute}, "b": {4 * time.Minute}}
	runs := h.simRuns(planned("a 1.0.0", "b 1.0.0").Steps())
	if len(runs) != 3 {
		t.Fatalf("%+v", runs)
	}
	for i, r := range runs {
		failed := r.Outcome == sim.Failed
		if failed != (i < 2) || r.Duration != 10*time.Minute || r.Hold == nil || r.Hold.ApprovedAfter != time.Hour || r.Hold.After != 2*time.Minute {
			t.Errorf("run %d: %+v, hold %+v", i+1, r, r.Hold)
		}
	}
	if runs := h.simRuns(planned("c 1.0.0").Steps()); len(runs) != 1 || runs[0].Hold != nil || runs[0].Outcome != "" || runs[0].Duration != 7*time.Minute {
		t.Errorf("%+v", runs)
	}
}

// TestDurationOf: how long a component is taken to run says where that comes from.
func TestDurationOf(t *testing.T) {
	t.Parallel()
	took := map[string][]time.Duration{"once": {time.Minute}, "twice": {2 * time.Minute, 4 * time.Minute}, "insight": {9 * time.Minute}}
	for _, test := range []struct {
		component string
		assumed   bool
		want      string
	}{
		{"once", false, "1m0s 1 run"},
		{"twice", false, "3m0s 2 runs"},
		{"insight", false, "9m0s Insights: 1 run of release"},
		{"never", false, "4m20s average"},
		{"once", true, "10m0s default"},
	} {
		h := &rehearsal{assumed: test.assumed, insights: map[string]string{"insight": insightOf(engine.Insight{Workflow: "release", Took: took["insight"]})}}
		h.expected.Took = took
		d, from := h.durationOf(test.component)
		if got := fmt.Sprint(d, " ", from); got != test.want {
			t.Errorf("%s: %s, want %s", test.component, got, test.want)
		}
	}
}

// TestResetFailed: what has failed begins anew, in one answer; a run without failures is left as it is.
func TestResetFailed(t *testing.T) {
	t.Parallel()
	h := run.Header{Schema: run.Schema, Kind: run.Release, Version: "3.9.4"}
	events := []run.Event{{Type: run.Opened, Header: &h}, {Type: run.Planned, Plan: planned("a 1.0.0", "b 1.0.0", "c 1.0.0")}}
	events = append(events, ran("a", "1.0.0", "p1", time.Minute, run.Failed)...)
	events = append(events, ran("b", "1.0.0", "p2", time.Minute, run.Succeeded)...)
	events = append(events, ran("c", "1.0.0", "p3", time.Minute, run.Failed)...)
	for i := range events {
		events[i].Run, events[i].Seq, events[i].Time = h.Run(), int64(i+1), time.Now().UTC()
	}
	freedEvents, err := resetFailed(events, h)
	if err != nil || len(freedEvents) != len(events)+1 {
		t.Fatalf("%v, %v", freedEvents, err)
	}
	state, err := run.Fold(freedEvents)
	if err != nil || statuses(state) != "a pending, b succeeded, c pending" {
		t.Errorf("%s, %v", statuses(state), err)
	}
	if err := run.Check(freedEvents); err != nil {
		t.Error(err)
	}
	if same, err := resetFailed(events[:5], h); err != nil || len(same) != 6 {
		t.Errorf("%v, %v", same, err)
	}
	if same, err := resetFailed(events[:2], h); err != nil || len(same) != 2 {
		t.Errorf("%v, %v", same, err)
	}
}
