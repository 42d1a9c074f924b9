package journal

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// home is a place that can hold the journal of one run, as the suite needs it.
type home struct {
	open  func(run.Header) (driver, []run.Event, error) // for writing, as a new process would
	read  func() ([]run.Event, error)                   // without driving
	load  func() []byte                                 // the lines as they are stored
	store func([]byte)                                  // puts other lines there, behind everybody's back
	fail  func(driver)                                  // every later write of this driver fails

	failure fault.Kind // of a write that fails so
	stride  int        // how many bytes a test may pass over, where opening takes its time; 0 and 1 are none
	places  bool       // the home itself finds the place of each run
}

type driver interface {
	Append(ctx context.Context, events ...run.Event) error
	Close() error
}

// conform holds a home to the contract of the package comment. Open makes a new, empty place for the
// journal of h.
func conform(t *testing.T, open func(t *testing.T, h run.Header) home) {
	t.Helper()
	suite := map[string]func(*testing.T, home){
		"empty":                       conformEmpty,
		"reopened after every append": conformReopen,
		"half-written":                conformTorn,
		"damaged":                     conformDamage,
		"second driver":               conformSecondDriver,
		"other run":                   conformOtherRun,
		"newer schema":                conformNewer,
		"failed append":               conformFailed,
		"event that cannot be kept":   conformUnencodable,
		"closed":                      conformClosed,
		"read while driven":           conformReading,
		"several callers":             conformCallers,
		"closed under way":            conformClosing,
	}
	for name, test := range suite {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, header()))
		})
	}
}

func header() run.Header {
	return run.Header{
		Schema: run.Schema, Kind: "release", Manifest: "release.json", Product: "Acme", Version: "3.9.4",
		Host: "https://circleci.com", Branch: "3.9.x",
	}
}

// calls is a whole run, by calls of Append.
func calls() [][]run.Event {
	h := header()
	p := &plan.Plan{Product: "Acme", Version: "3.9.4", Branch: "3.9.x", Left: []plan.Left{}, Waves: []plan.Wave{{Group: 1, Steps: []plan.Step{
		{Component: "alpha", Version: "1.0.0", Parameters: map[string]any{"dry_run": false, "gio_action": "release", "depth": int64(1<<53 + 1)}},
		{Component: "beta", Version: "1.0.0"},
	}}}}
	alpha, beta := run.ID("alpha", "1.0.0"), run.ID("beta", "1.0.0")
	all := [][]run.Event{
		{{Type: run.Opened, Header: &h}, {Type: run.Planned, Plan: p, Driver: &run.Driver{ID: "one"}}},
		{
			{Type: run.Intent, Steps: []run.StepID{alpha}, Send: 1, ServerTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
			{Type: run.Intent, Steps: []run.StepID{beta}, Send: 1},
			{Type: run.Triggered, Steps: []run.StepID{alpha}, Pipeline: &run.Pipeline{ID: "p1", Number: 41}},
		},
		{{Type: run.Failed, Steps: []run.StepID{beta}, Reason: "<html> & \"quotes\"\n\u2028 and a second line\t"}},
		{{Type: run.Succeeded, Steps: []run.StepID{alpha}}},
		{{Type: run.Recording, Record: &run.Record{Steps: []run.StepID{alpha}, Refs: map[string]string{"refs/heads/3.9.x": "c1"}}}},
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

func same(t *testing.T, what string, want, got []run.Event) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s:\n%s", what, diff)
	}
}

// must opens for writing and fails the test when that is refused.
func must(t *testing.T, h home) (driver, []run.Event) {
	t.Helper()
	d, events, err := h.open(header())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, events
}

func closed(t *testing.T, d driver) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// write keeps the calls and closes.
func write(t *testing.T, h home, calls [][]run.Event) {
	t.Helper()
	d, _ := must(t, h)
	for _, call := range calls {
		if err := d.Append(t.Context(), call...); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, d)
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

func conformEmpty(t *testing.T, h home) {
	_, err := h.read()
	isFault(t, err, fault.NotFound, "no-journal")
	d, events := must(t, h)
	same(t, "a new journal", nil, events)
	_, err = h.read()
	isFault(t, err, fault.NotFound, "no-journal")
	if err := d.Append(t.Context()); err != nil {
		t.Errorf("no events: %v", err)
	}
	closed(t, d)
	_, events = must(t, h)
	same(t, "a journal without events", nil, events)
}

func conformReopen(t *testing.T, h home) {
	var want []run.Event
	for _, call := range calls() {
		d, events := must(t, h)
		same(t, "opened again", want, events)
		if err := d.Append(t.Context(), call...); err != nil {
			t.Fatal(err)
		}
		want = append(want, call...)
		events, err := h.read()
		if err != nil {
			t.Fatal(err)
		}
		same(t, "read while driven", want, events)
		closed(t, d)
	}
	events, err := h.read()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "read while nobody drives", want, events)
}

// conformTorn: whatever a crash leaves of a call is dropped, all of the call; what was acknowledged
// before stays, and the next driver goes on behind it.
func conformTorn(t *testing.T, h home) {
	var whole []byte
	var ends []int // of the calls, in bytes
	for i := range calls() {
		h.store(nil)
		write(t, h, calls()[:i+1])
		whole = h.load()
		ends = append(ends, len(whole))
	}
	for n := range len(whole) + 1 {
		if h.stride > 1 && n%h.stride != 0 && !slices.Contains(ends, n) && !slices.Contains(ends, n+1) {
			continue
		}
		h.store(slices.Clone(whole[:n]))
		complete := len(ends)
		for complete > 0 && ends[complete-1] > n {
			complete--
		}
		d, events := must(t, h)
		same(t, fmt.Sprintf("cut at byte %d", n), slices.Concat(calls()[:complete]...), events)
		if n%17 == 0 || slices.Contains(ends, n+1) { // syncing takes its time
			goesOn(t, h, d, calls()[:complete])
		}
		closed(t, d)
	}
}

// goesOn appends one short event, of which nothing but the kept calls may be left before and behind.
func goesOn(t *testing.T, h home, d driver, kept [][]run.Event) {
	t.Helper()
	events := slices.Concat(kept...)
	short := stopped(len(events) + 1)
	if err := d.Append(t.Context(), short); err != nil {
		t.Fatal(err)
	}
	same(t, "continued", append(events, short), stored(t, h))
}

// conformDamage: everything else that is wrong is a fault with its place, to drivers and readers, and
// nothing is repaired.
func conformDamage(t *testing.T, h home) {
	write(t, h, calls())
	whole := h.load()
	lines := bytes.SplitAfter(whole, []byte("\n"))
	line := func(n int) []byte { return slices.Clone(lines[n-1]) }
	with := func(n int, other ...[]byte) []byte {
		return bytes.Join(slices.Concat(lines[:n-1], other, lines[n:]), nil)
	}
	tests := []struct {
		name string
		data []byte
		line int
	}{
		{"a byte changed", with(3, bytes.Replace(line(3), []byte("{"), []byte("\x00"), 1)), 3},
		{"a line overwritten with nothing", with(4, append(bytes.Repeat([]byte{0}, 40), '\n')), 4},
		{"an empty line", with(5, line(5), []byte("\n")), 6},
		{"a line lost", with(5), 5},
		{"a line twice", with(6, line(6), line(6)), 7},
		{"the first line lost", with(1), 1},
		{"a line of another run", with(7, bytes.Replace(line(7), []byte("release/3.9.4"), []byte("release/3.9.5"), 1)), 7},
		{"two events in a line", with(6, bytes.TrimSpace(line(6)), line(7)), 6},
		{"the last line ended and broken", append(slices.Clone(whole), "{}}\n"...), len(lines)},
		{"the last line ended and empty", append(slices.Clone(whole), "null\n"...), len(lines)},
		{"what cannot be true", with(6, bytes.Replace(line(6), []byte(`"failed"`), []byte(`"succeeded"`), 1)), 6},
		{"something else altogether", []byte("Acme 3.9.4\n"), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h.store(slices.Clone(tt.data))
			place := fmt.Sprintf(":%d cannot be trusted", tt.line)
			for range 2 { // a driver who was refused keeps nobody out
				_, _, err := h.open(header())
				isFault(t, err, fault.Invalid, "damaged-journal", place)
			}
			_, err := h.read()
			isFault(t, err, fault.Invalid, "damaged-journal", place)
			if !bytes.Equal(h.load(), tt.data) {
				t.Error("the damaged journal was changed")
			}
		})
	}
}

func conformSecondDriver(t *testing.T, h home) {
	before := time.Now().Add(-time.Minute)
	d, _ := must(t, h)
	_, _, err := h.open(header())
	isFault(t, err, fault.Stopped, "driven-elsewhere", "release/3.9.4", "another gio (", "since ")
	since := sinceOf(t, err)
	if since.Before(before) || since.After(time.Now().Add(time.Minute)) {
		t.Errorf("it drives since %s", since)
	}
	if err := d.Append(t.Context(), calls()[0]...); err != nil {
		t.Errorf("the first driver was disturbed: %v", err)
	}
	closed(t, d)
	second, events := must(t, h)
	same(t, "the second driver, later", calls()[0], events)
	closed(t, second)
	closed(t, second) // twice is harmless
	must(t, h)
}

// sinceOf reads the time in a message "… since 2026-01-02T03:04:05Z …".
func sinceOf(t *testing.T, err error) time.Time {
	t.Helper()
	_, text, _ := strings.Cut(err.Error(), "since ")
	since, err := time.Parse(time.RFC3339, text[:min(len(text), len("2026-01-02T03:04:05Z"))])
	if err != nil {
		t.Fatal(err)
	}
	return since
}

func conformOtherRun(t *testing.T, h home) {
	write(t, h, calls())
	want := h.load()
	tests := []struct {
		name string
		bend func(*run.Header)
		say  string
	}{
		{"host", func(h *run.Header) { h.Host = "https://ci.acme.com" }, "CircleCI host https://circleci.com, not https://ci.acme.com"},
		{"branch", func(h *run.Header) { h.Branch = "master" }, "branch 3.9.x, not master"},
		{"manifest", func(h *run.Header) { h.Manifest = "apim/release.json" }, "manifest release.json, not apim/release.json"},
		{"kind", func(h *run.Header) { h.Kind = "dry" }, "run release/3.9.4, not dry/3.9.4"},
		{"version", func(h *run.Header) { h.Version = "3.9.5" }, "run release/3.9.4, not release/3.9.5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			other := header()
			tt.bend(&other)
			d, events, err := h.open(other)
			if h.places && (other.Run() != header().Run() || other.Manifest != header().Manifest) {
				if err != nil || len(events) > 0 {
					t.Fatalf("a run of its own holds %d events, %v", len(events), err)
				}
				closed(t, d)
				if !bytes.Equal(want, h.load()) {
					t.Error("the other run's journal was changed")
				}
				return
			}
			isFault(t, err, fault.Invalid, "other-journal", tt.say)
			if !bytes.Equal(want, h.load()) {
				t.Error("the other run's journal was changed")
			}
		})
	}
	renamed := header()
	renamed.Product = "Acme Platform" // the product's name is for people
	d, _, err := h.open(renamed)
	if err != nil {
		t.Fatal(err)
	}
	closed(t, d)
}

func conformNewer(t *testing.T, h home) {
	write(t, h, calls())
	newer := bytes.Replace(h.load(), []byte(`"schema":1`), []byte(`"schema":2,"more":{}`), 1)
	h.store(append(newer, "{\"type\":\"of tomorrow\"}\n"...))
	_, _, err := h.open(header())
	isFault(t, err, fault.Invalid, "newer-journal", "schema 2, this one knows 1")
	_, err = h.read()
	isFault(t, err, fault.Invalid, "newer-journal")
}

// refuses: after an Append that failed every other one fails with the same fault, and what was
// acknowledged before is there.
func refuses(t *testing.T, h home, d driver, kind fault.Kind, first error) {
	t.Helper()
	if first == nil {
		t.Fatal("the write did not fail")
	}
	if fault.CodeOf(first) == "" || fault.KindOf(first) != kind {
		t.Errorf("%v is %v, want a fault of kind %v", first, fault.KindOf(first), kind)
	}
	for range 2 {
		if again := d.Append(t.Context(), calls()[2]...); again != first { //nolint:errorlint // the very same fault is promised
			t.Errorf("the next append: %v, want %v", again, first)
		}
	}
	_ = d.Close()
	_, events := must(t, h)
	same(t, "opened again", calls()[0], events)
}

func conformFailed(t *testing.T, h home) {
	d, _ := must(t, h)
	if err := d.Append(t.Context(), calls()[0]...); err != nil {
		t.Fatal(err)
	}
	h.fail(d)
	refuses(t, h, d, h.failure, d.Append(t.Context(), calls()[1]...))
}

func conformUnencodable(t *testing.T, h home) {
	d, _ := must(t, h)
	if err := d.Append(t.Context(), calls()[0]...); err != nil {
		t.Fatal(err)
	}
	bad := calls()[1]
	bad[2] = run.Event{Seq: 5, Type: run.Planned, Plan: &plan.Plan{Waves: []plan.Wave{{Steps: []plan.Step{{Parameters: map[string]any{"f": func() {}}}}}}}}
	refuses(t, h, d, fault.Internal, d.Append(t.Context(), bad...))
}

func conformClosed(t *testing.T, h home) {
	d, _ := must(t, h)
	closed(t, d)
	isFault(t, d.Append(t.Context(), calls()[0]...), fault.Internal, "journal-closed")
	_, events := must(t, h)
	same(t, "after the refused append", nil, events)
}
