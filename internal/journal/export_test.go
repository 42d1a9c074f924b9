package journal

import (
	"bytes"
	"testing"

	"github.com/gravitee-lab/gio/internal/run"
)

// What the tests outside the package, which run the suite, need of those inside.
var (
	Bare      = bare
	View      = view
	FileAt    = fileAt
	Meddle    = meddle
	Somebody  = somebody
	LoadFile  = load
	StoreFile = store
)

// EventsIn gives the events as they stand in the lines, true or not.
func EventsIn(t *testing.T, lines []byte) []run.Event {
	t.Helper()
	var events []run.Event
	for line := range bytes.Lines(lines) {
		e, err := decodeLine(line)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// Break lets every later write fail, as on a disk that is gone.
func (f *File) Break() { _ = f.file.Close() }
