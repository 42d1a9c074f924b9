package report_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// leaseAt was renewed at this time of the day.
func leaseAt(t *testing.T, clock string) run.Lease {
	return run.Lease{
		Driver: "one", Login: "graviteeio-bot", Job: "https://circleci.com/gh/gravitee-io/release/77",
		Since: clockAt(t, "10:00:00"), Renewed: clockAt(t, clock),
	}
}

func givenBack(t *testing.T, clock string) run.Lease {
	l := leaseAt(t, clock)
	l.Released = l.Renewed
	return l
}

// TestStatus shows a run at several moments, on a terminal and elsewhere.
func TestStatus(t *testing.T) {
	running := newStory(t).at("10:00:00", begin()...).
		at("10:00:01", intent(1, parent), triggered(parent)).at("10:00:09", observed("running", parent))
	for _, c := range []struct {
		name    string
		state   *run.State
		lease   run.Lease
		now     string
		columns int
	}{
		{"driven", running.state, leaseAt(t, "10:02:00"), "10:03:00", 100},
		{"silent", running.state, leaseAt(t, "10:02:00"), "10:59:00", 100},
		{"no-lease", running.state, run.Lease{}, "10:59:00", 100},
		{"stopped", firstSession(t).state, givenBack(t, "11:10:04"), "11:20:00", 100},
		{"stopped-narrow", firstSession(t).state, givenBack(t, "11:10:04"), "11:20:00", 60},
		{"stopped-tabs", firstSession(t).state, givenBack(t, "11:10:04"), "11:20:00", 0},
		{"released", secondSession(t).state, givenBack(t, "13:20:33"), "23:59:59", 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			v := report.StatusView{Columns: c.columns, Now: clockAt(t, c.now), Command: "`gio release`"}
			if err := report.WriteStatus(&b, c.state, c.lease, v); err != nil {
				t.Fatal(err)
			}
			golden(t, "status-"+c.name+".txt", b.String())
		})
	}
}

// TestStanding: one word for each way in which a run can stand.
func TestStanding(t *testing.T) {
	all := []plan.StepID{parent, common, node, policy, gateway, ui}
	done := func(edit func(events []run.Event)) *run.State {
		events := begin()
		edit(events)
		s := newStory(t).at("10:00:00", events...)
		for _, id := range all {
			s.at("10:00:01", intent(1, id), triggered(id), succeeded(id))
		}
		return s.state
	}
	dry := done(func(e []run.Event) { e[0].Header.Kind = "dry" })
	unrecorded := done(func([]run.Event) {})
	partial := done(func(e []run.Event) { e[1].Plan.Partial = true })
	unrecordedPartial := partial.Clone()
	if err := partial.Apply(run.Event{Run: "release/3.9.4", Seq: partial.Seq + 1, Type: run.Recorded, Record: &run.Record{Steps: all}}); err != nil {
		t.Fatal(err)
	}
	failed := newStory(t).at("10:00:00", begin()...).at("10:00:01", intent(1, parent), triggered(parent), run.Event{Type: run.Failed, Steps: []plan.StepID{parent}})
	for _, c := range []struct {
		name   string
		state  *run.State
		driven bool
		want   run.Standing
	}{
		{"finished", secondSession(t).state, false, run.StandingReleased},
		{"finished, the lease not yet given back", secondSession(t).state, true, run.StandingReleased},
		{"driven, whatever failed", firstSession(t).state, true, run.StandingDriven},
		{"a decision comes before a failure", firstSession(t).state, false, run.StandingUnknown},
		{"failed", failed.state, false, run.StandingFailed},
		{"begun", newStory(t).at("10:00:00", begin()...).state, false, run.StandingStopped},
		{"opened only", newStory(t).at("10:00:00", begin()[0]).state, false, run.StandingStopped},
		{"not recorded", unrecorded, false, run.StandingStopped},
		{"partial, not recorded", unrecordedPartial, false, run.StandingStopped},
		{"partial", partial, false, run.StandingPartial},
		{"dry", dry, false, run.StandingPassed},
	} {
		if got := c.state.Standing(c.driven); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestPastLasts: a run that waits for an approval lasts as long as it is driven, though it has no events meanwhile.
func TestPastLasts(t *testing.T) {
	held := newStory(t).at("10:00:00", begin()...).at("10:00:01", intent(1, parent), triggered(parent),
		run.Event{Type: run.Observed, Steps: []plan.StepID{parent}, Held: true}).state
	for _, c := range []struct {
		name  string
		lease run.Lease
		now   string
		want  int64
	}{
		{"driven", leaseAt(t, "10:01:00"), "10:01:30", 90},
		{"silent since", leaseAt(t, "10:01:00"), "11:00:00", 60},
		{"given back", givenBack(t, "10:05:00"), "11:00:00", 1},
		{"no lease", run.Lease{}, "11:00:00", 1},
	} {
		if got := report.NewPast(journal.Listed{Header: held.Header, Lease: c.lease}, held, nil, clockAt(t, c.now)).Seconds; got != c.want {
			t.Errorf("%s: it took %d s, want %d", c.name, got, c.want)
		}
	}
}

// TestHistory: aligned and never wider on a terminal, with tabs elsewhere; an unreadable run has a line, too.
// TestHistoryOfARenamedBranch: the list shows the branch on which the run went on.
func TestHistoryOfARenamedBranch(t *testing.T) {
	s := firstSession(t).state
	began := s.Header
	s.Header.Branch = "main"
	if got := report.NewPast(journal.Listed{Header: began}, s, nil, clockAt(t, "23:59:59")).Branch; got != "main" || began.Branch == got {
		t.Errorf("from %s, began on %s", got, began.Branch)
	}
}

func TestHistory(t *testing.T) {
	s := firstSession(t).state
	now := clockAt(t, "23:59:59")
	past := []report.Past{
		report.NewPast(journal.Listed{Header: s.Header, Lease: givenBack(t, "11:10:04")}, s, nil, now),
		report.NewPast(journal.Listed{Header: run.Header{Kind: "dry", Version: "3.9.3\x1b[2J", Manifest: "alert/release.json"}}, nil, errors.New("broken"), now),
	}
	for name, columns := range map[string]int{"history-wide.txt": 120, "history-narrow.txt": 60, "history-tabs.txt": 0} {
		var b strings.Builder
		if err := report.HistoryTable(&b, past, columns); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
		tooWide := func(line string) bool { return columns > 0 && report.Width(line) > columns }
		if strings.Contains(b.String(), "\x1b") || slices.ContainsFunc(strings.Split(b.String(), "\n"), tooWide) {
			t.Errorf("%s:\n%s", name, b.String())
		}
	}
	if got := past[0].Seconds; got != int64((70*time.Minute+3*time.Second)/time.Second) {
		t.Errorf("it took %d s", got)
	}
}
