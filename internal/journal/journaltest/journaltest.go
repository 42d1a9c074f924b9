// Package journaltest holds every home of a journal to its contract: Run is the suite that a new home passes before a run is
// driven in it.
package journaltest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Home is where the journals of a test are kept. A field that is nil, or false, says what the home has not; the tests of that
// are left out.
type Home struct {
	// Open opens the journal of a run for writing, as a new process would.
	Open func(run.Header) (journal.Journal, []run.Event, error)
	// Read gives the events of the run of Header without driving it. Nil: the journal ends with its process.
	Read func() ([]run.Event, error)
	// Stored gives the events of the run of Header as they are kept, true or not. Nil: the home keeps none but the one whose
	// number comes next.
	Stored func() []run.Event
	// Fail lets every later write of this driver fail, with a fault of kind Failure.
	Fail    func(journal.Journal)
	Failure fault.Kind
	// Lines says how JSON lines are stored; nil: the events are kept in another form.
	Lines *Lines
	// TakeOver opens the run of Header as another driver, whoever drives it.
	TakeOver func() (journal.Journal, error)
	// Cancel tells the driver of the run of Header that its run is cancelled.
	Cancel func() error
	// Many: the home itself finds where each run is kept, so that another header opens another run.
	Many bool
	// Claims: an intent claims its component version against the other runs of the home.
	Claims bool
	// Push makes the push of an update that AppendWith of the last driver has given. Nil: the home lies in no release repository.
	Push func(context.Context, journal.Update) error
}

// Lines is how a home stores the JSON lines of the run of Header.
type Lines struct {
	Load   func() []byte // as they are stored, none where there is no journal
	Store  func([]byte)  // puts others there, behind everybody's back
	Stride int           // how many bytes a test may pass over, where opening takes its time; 0 and 1 are none
}

// Run holds a home to the contract. Open makes a new, empty one.
func Run(t *testing.T, open func(t *testing.T) Home) {
	t.Helper()
	every := map[string]func(*testing.T, Home){
		"in order":         keepsOrder,
		"fresh":            isFresh,
		"with a push":      pushes,
		"push refused":     refusedPush,
		"closed":           closes,
		"several callers":  severalCallers,
		"closed under way": closedUnderWay,
	}
	lasting := map[string]func(*testing.T, Home){
		"empty":                       startsEmpty,
		"reopened after every append": reopens,
		"second driver":               refusesSecondDriver,
		"other run":                   refusesOtherRun,
		"failed append":               stopsAfterFailure,
		"event that cannot be kept":   refusesUnencodable,
		"read while driven":           readsWhileDriven,
	}
	lines := map[string]func(*testing.T, Home){
		"half-written": dropsTorn,
		"damaged":      refusesDamage,
		"newer schema": refusesNewer,
	}
	guarded := map[string]func(*testing.T, Home){"taken over": isTakenOver, "cancelled": isCancelled, "claimed": claims}
	for _, tests := range []map[string]func(*testing.T, Home){every, lasting, lines, guarded} {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, open(t))
			})
		}
	}
}

// without leaves out a test of what the home has not.
func without(t *testing.T, has bool, what string) {
	t.Helper()
	if !has {
		t.Skip("this home has no " + what)
	}
}

// Header is of the run whose journal the suite opens.
func Header() run.Header {
	return run.Header{
		Schema: run.Schema, Kind: run.Release, Manifest: "release.json", Product: "Acme", Version: "3.9.4",
		Host: "https://circleci.com", Branch: "3.9.x",
	}
}

// Calls is a whole run of Header, by calls of Append.
func Calls() [][]run.Event {
	h := Header()
	p := &plan.Plan{Product: "Acme", Version: "3.9.4", Branch: "3.9.x", Excluded: []plan.Excluded{}, Waves: []plan.Wave{{Group: 1, Steps: []plan.Step{
		{Component: "alpha", Version: "1.0.0", Parameters: map[string]any{"dry_run": false, "gio_action": "release", "depth": int64(1<<53 + 1)}},
		{Component: "beta", Version: "1.0.0"},
	}}}}
	alpha, beta := plan.ID("alpha", "1.0.0"), plan.ID("beta", "1.0.0")
	all := [][]run.Event{
		{{Type: run.Opened, Header: &h}, {Type: run.Planned, Plan: p, Driver: &run.Driver{ID: "one"}}},
		{
			{Type: run.Intent, Steps: []plan.StepID{alpha}, Send: 1},
			{Type: run.Intent, Steps: []plan.StepID{beta}, Send: 1},
			{Type: run.Triggered, Steps: []plan.StepID{alpha}, Pipeline: &run.Pipeline{ID: "p1", Number: 41}},
		},
		{{Type: run.Failed, Steps: []plan.StepID{beta}, Reason: "<html> & \"quotes\"\n\u2028 and a second line\t"}},
		{{Type: run.Succeeded, Steps: []plan.StepID{alpha}}},
		{{Type: run.Recording, Record: &run.Record{Steps: []plan.StepID{alpha}, Refs: map[string]string{"refs/heads/3.9.x": "c1"}}}},
	}
	seq := int64(0)
	for _, call := range all {
		for i := range call {
			seq++
			call[i].Run, call[i].Seq = h.Run(), seq
			call[i].Time = time.Date(2026, 1, 2, 3, 4, int(seq), 5678, time.UTC)
		}
	}
	return all
}

// note is an event of that number that may follow any other.
func note(seq int, reason string) run.Event {
	return run.Event{
		Run: Header().Run(), Seq: int64(seq), Type: run.Stopped, Reason: reason, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func same(t *testing.T, what string, want, got []run.Event) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s:\n%s", what, diff)
	}
}

// drive opens for writing and fails the test when that is refused.
func drive(t *testing.T, h Home) (journal.Journal, []run.Event) {
	t.Helper()
	j, events, err := h.Open(Header())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j, events
}

func keep(t *testing.T, j journal.Journal, events ...run.Event) {
	t.Helper()
	if err := j.Append(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
}

func leave(t *testing.T, j journal.Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// write keeps the calls and leaves.
func write(t *testing.T, h Home, calls [][]run.Event) {
	t.Helper()
	j, _ := drive(t, h)
	for _, call := range calls {
		keep(t, j, call...)
	}
	leave(t, j)
}

// read gives what the home holds, by whatever way it has.
func read(t *testing.T, h Home) []run.Event {
	t.Helper()
	if h.Read == nil {
		return h.Stored()
	}
	events, err := h.Read()
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func isFault(t *testing.T, err error, kind fault.Kind, code string, say ...string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Fatalf("error %v is %v %q, want %v %q", err, fault.KindOf(err), fault.CodeOf(err), kind, code)
	}
	for _, text := range say {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

// at is how a fault names a line of a journal.
func at(line int) string { return fmt.Sprintf(":%d cannot be trusted", line) }
