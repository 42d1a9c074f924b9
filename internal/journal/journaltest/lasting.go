package journaltest

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// What a home promises whose journals outlive their drivers.

func startsEmpty(t *testing.T, h Home) {
	without(t, h.Read != nil, "readers")
	_, err := h.Read()
	isFault(t, err, fault.NotFound, "no-journal")
	j, events := drive(t, h)
	same(t, "a new journal", nil, events)
	_, err = h.Read()
	isFault(t, err, fault.NotFound, "no-journal")
	keep(t, j) // no events
	leave(t, j)
	_, events = drive(t, h)
	same(t, "a journal without events", nil, events)
}

func reopens(t *testing.T, h Home) {
	without(t, h.Read != nil, "readers")
	var want []run.Event
	for _, call := range Calls() {
		j, events := drive(t, h)
		same(t, "opened again", want, events)
		keep(t, j, call...)
		want = append(want, call...)
		same(t, "read while driven", want, read(t, h))
		leave(t, j)
	}
	same(t, "read while nobody drives", want, read(t, h))
}

func refusesSecondDriver(t *testing.T, h Home) {
	without(t, h.Read != nil, "readers")
	before := time.Now().Add(-time.Minute)
	j, _ := drive(t, h)
	_, _, err := h.Open(Header())
	isFault(t, err, fault.Stopped, "driven-elsewhere", "release/3.9.4", "another gio (", "since ")
	since := sinceOf(t, err)
	if since.Before(before) || since.After(time.Now().Add(time.Minute)) {
		t.Errorf("it drives since %s", since)
	}
	if err := j.Append(t.Context(), Calls()[0]...); err != nil {
		t.Errorf("the first driver was disturbed: %v", err)
	}
	leave(t, j)
	second, events := drive(t, h)
	same(t, "the second driver, later", Calls()[0], events)
	leave(t, second)
	leave(t, second) // twice is harmless
	drive(t, h)
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

func refusesOtherRun(t *testing.T, h Home) {
	without(t, h.Read != nil, "readers")
	write(t, h, Calls())
	unchanged := unchanged(t, h)
	tests := []struct {
		name string
		bend func(*run.Header)
		say  string
	}{
		{"host", func(h *run.Header) { h.Host = "https://ci.acme.com" }, "CircleCI host https://circleci.com, not https://ci.acme.com"},
		{"branch", func(h *run.Header) { h.Branch = "master" }, "branch 3.9.x, not master"},
		{"manifest", func(h *run.Header) { h.Manifest = "apim/release.json" }, "manifest release.json, not apim/release.json"},
		{"kind", func(h *run.Header) { h.Kind = run.DryRun }, "run release/3.9.4, not dry/3.9.4"},
		{"version", func(h *run.Header) { h.Version = "3.9.5" }, "run release/3.9.4, not release/3.9.5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			other := Header()
			tt.bend(&other)
			j, events, err := h.Open(other)
			if h.Many && (other.Run() != Header().Run() || other.Manifest != Header().Manifest) {
				if err != nil || len(events) > 0 {
					t.Fatalf("a run of its own holds %d events, %v", len(events), err)
				}
				leave(t, j)
			} else {
				isFault(t, err, fault.Invalid, "other-journal", tt.say)
			}
			unchanged(t)
		})
	}
	renamed := Header()
	renamed.Product = "Acme Platform" // the product's name is for people
	j, _, err := h.Open(renamed)
	if err != nil {
		t.Fatal(err)
	}
	leave(t, j)
}

// unchanged holds later that the journal is as it is now, to the byte where it has bytes.
func unchanged(t *testing.T, h Home) func(*testing.T) {
	t.Helper()
	events, lines := read(t, h), h.lines()
	return func(t *testing.T) {
		t.Helper()
		same(t, "the journal of another run", events, read(t, h))
		if !bytes.Equal(lines, h.lines()) {
			t.Error("the other run's journal was changed")
		}
	}
}

func (h Home) lines() []byte {
	if h.Lines == nil {
		return nil
	}
	return h.Lines.Load()
}

func stopsAfterFailure(t *testing.T, h Home) {
	without(t, h.Fail != nil, "write that fails")
	j, _ := drive(t, h)
	keep(t, j, Calls()[0]...)
	h.Fail(j)
	refuses(t, h, j, h.Failure, j.Append(t.Context(), Calls()[1]...))
}

func refusesUnencodable(t *testing.T, h Home) {
	without(t, h.Read != nil, "readers")
	j, _ := drive(t, h)
	keep(t, j, Calls()[0]...)
	bad := Calls()[1]
	bad[2] = run.Event{Seq: 5, Type: run.Planned, Plan: &plan.Plan{Waves: []plan.Wave{{Steps: []plan.Step{{Parameters: map[string]any{"f": func() {}}}}}}}}
	refuses(t, h, j, fault.Internal, j.Append(t.Context(), bad...))
}

// refuses: after an Append that failed every other one fails with the same fault, nothing is triggered, and what was
// acknowledged before is there.
func refuses(t *testing.T, h Home, j journal.Journal, kind fault.Kind, first error) {
	t.Helper()
	if first == nil {
		t.Fatal("the write did not fail")
	}
	if fault.CodeOf(first) == "" || fault.KindOf(first) != kind {
		t.Errorf("%v is %v, want a fault of kind %v", first, fault.KindOf(first), kind)
	}
	for range 2 {
		if again := j.Append(t.Context(), Calls()[2]...); again != first { //nolint:errorlint // the very same fault is promised
			t.Errorf("the next append: %v, want %v", again, first)
		}
	}
	if fresh := j.Fresh(t.Context()); fresh != first { //nolint:errorlint // the very same fault is promised
		t.Errorf("a trigger: %v, want %v", fresh, first)
	}
	_ = j.Close()
	_, events := drive(t, h)
	same(t, "opened again", Calls()[0], events)
}

// readsWhileDriven: who reads while somebody drives sees whole calls, in order, and never less than before.
func readsWhileDriven(t *testing.T, h Home) {
	without(t, h.Read != nil, "readers")
	j, _ := drive(t, h)
	keep(t, j, Calls()[0]...)
	done := make(chan error)
	go func() {
		var err error
		for i := 0; i < 30 && err == nil; i++ {
			err = j.Append(t.Context(), note(2*i+3, ""), note(2*i+4, ""))
		}
		done <- err
	}()
	for seen := 0; seen < 62; {
		events := read(t, h)
		if len(events) < seen || len(events)%2 != 0 {
			t.Fatalf("%d events after %d", len(events), seen)
		}
		seen = len(events)
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			if events := read(t, h); len(events) != 62 {
				t.Fatalf("%d events at the end", len(events))
			}
			return
		default:
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// goesOn appends one short event, of which nothing but the kept calls may be left before and behind.
func goesOn(t *testing.T, h Home, j journal.Journal, kept [][]run.Event) {
	t.Helper()
	events := slices.Concat(kept...)
	short := note(len(events)+1, "")
	keep(t, j, short)
	same(t, "continued", append(events, short), h.Stored())
}
