package journaltest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// What a home promises that stores JSON lines. It has Stored, too.

// dropsTorn: whatever a crash leaves of a call is dropped, all of the call; what was acknowledged
// before stays, and the next driver goes on behind it.
func dropsTorn(t *testing.T, h Home) {
	without(t, h.Lines != nil, "lines")
	var whole []byte
	var ends []int // of the calls, in bytes
	for i := range Calls() {
		h.Lines.Store(nil)
		write(t, h, Calls()[:i+1])
		whole = h.Lines.Load()
		ends = append(ends, len(whole))
	}
	for n := range len(whole) + 1 {
		if h.Lines.Stride > 1 && n%h.Lines.Stride != 0 && !slices.Contains(ends, n) && !slices.Contains(ends, n+1) {
			continue
		}
		h.Lines.Store(slices.Clone(whole[:n]))
		complete := len(ends)
		for complete > 0 && ends[complete-1] > n {
			complete--
		}
		j, events := drive(t, h)
		same(t, fmt.Sprintf("cut at byte %d", n), slices.Concat(Calls()[:complete]...), events)
		if n%17 == 0 || slices.Contains(ends, n+1) { // syncing takes its time
			goesOn(t, h, j, Calls()[:complete])
		}
		leave(t, j)
	}
}

// refusesDamage: everything else that is wrong is a fault with its place, to drivers and readers, and
// nothing is repaired.
func refusesDamage(t *testing.T, h Home) {
	without(t, h.Lines != nil, "lines")
	write(t, h, Calls())
	whole := h.Lines.Load()
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
			h.Lines.Store(slices.Clone(tt.data))
			for range 2 { // a driver who was refused keeps nobody out
				_, _, err := h.Open(Header())
				isFault(t, err, fault.Invalid, "damaged-journal", at(tt.line))
			}
			_, err := h.Read()
			isFault(t, err, fault.Invalid, "damaged-journal", at(tt.line))
			if !bytes.Equal(h.Lines.Load(), tt.data) {
				t.Error("the damaged journal was changed")
			}
		})
	}
}

// refusesNewer holds that a journal is refused by name when its first line is of a newer gio, or a later one raises it.
func refusesNewer(t *testing.T, h Home) {
	without(t, h.Lines != nil, "lines")
	write(t, h, Calls())
	const tomorrow = run.Schema + 1
	whole := h.Lines.Load()
	first := bytes.Replace(whole, fmt.Appendf(nil, `"schema":%d`, run.Schema), fmt.Appendf(nil, `"schema":%d,"more":{}`, tomorrow), 1)
	raised := append(slices.Clone(whole), fmt.Sprintf("{\"type\":\"raised\",\"header\":{\"schema\":%d}}\n", tomorrow)...)
	for _, newer := range [][]byte{first, raised} {
		h.Lines.Store(append(newer, "{\"type\":\"of tomorrow\"}\n"...))
		_, _, err := h.Open(Header())
		isFault(t, err, fault.Invalid, "newer-journal", fmt.Sprintf("schema %d, this one knows %d", tomorrow, run.Schema))
		_, err = h.Read()
		isFault(t, err, fault.Invalid, "newer-journal")
	}
}
