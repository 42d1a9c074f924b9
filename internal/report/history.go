package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
)

// Past is one run of the history. Its field names are a contract.
type Past struct {
	Version   string    `json:"version"`
	Kind      string    `json:"kind"`
	Branch    string    `json:"branch"`
	Manifest  string    `json:"manifest"`
	Began     time.Time `json:"began,omitzero"`
	LastEvent time.Time `json:"last_event,omitzero"`
	Seconds   int64     `json:"seconds"` // from the first session to the newest event, the time between sessions too
	Standing  Standing  `json:"standing"`
	Succeeded int       `json:"succeeded"` // components
	Failed    int       `json:"failed"`
	Total     int       `json:"total"`
	Driver    Driver    `json:"driver"` // the newest one
	Error     *Error    `json:"error,omitempty"`
}

// IsDamaged is the standing of a run whose journal cannot be read; Past.Error says why.
const IsDamaged Standing = "damaged"

// NewPast is what a run of the list comes to by its state; a nil state, and why, is one that cannot be read.
func NewPast(l journal.Listed, s *run.State, err error, now time.Time) Past {
	p := Past{
		Version: l.Header.Version, Kind: l.Header.Kind, Branch: l.Header.Branch, Manifest: l.Header.Manifest,
		LastEvent: l.Last, Standing: IsDamaged, Driver: NewDriver(l.Lease, now), Error: NewError(err),
	}
	if s == nil {
		return p
	}
	if p.Driver.Login == "" && p.Driver.Job == "" { // it found nothing to do, and left before it knew who it is
		p.Driver.Login, p.Driver.Job = s.Driver.Login, s.Driver.Job
	}
	p.Began, p.LastEvent = s.Began, s.Time
	p.Seconds = int64(s.Time.Sub(s.Began).Round(time.Second).Seconds())
	p.Standing = StandingOf(s, p.Driver.State == "drives")
	p.Succeeded, p.Failed, p.Total = len(s.With(run.HasSucceeded)), len(s.With(run.HasFailed)), len(s.Steps())
	return p
}

// HistoryTable writes runs for a person: aligned on a terminal so many columns wide, separated by tabs elsewhere (0).
func HistoryTable(w io.Writer, past []Past, columns int) error {
	if columns == 0 {
		return pastRows(w, past, 0, true)
	}
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	_ = pastRows(tw, past, columns, slices.ContainsFunc(past, func(p Past) bool { return p.Manifest != "release.json" }))
	_ = tw.Flush() // a string takes everything
	for line := range strings.Lines(b.String()) {
		line = row{{strings.TrimSuffix(line, "\n"), plain}}.render(columns, false)
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func pastRows(w io.Writer, past []Past, columns int, manifests bool) error {
	cells := []string{"VERSION", "KIND", "BRANCH", "BEGAN", "TOOK", "ENDED", "SUCCEEDED", "FAILED", "BY", "MANIFEST"}
	for i := -1; i < len(past); i++ {
		if i >= 0 {
			cells = past[i].cells(columns)
		}
		if !manifests {
			cells = cells[:len(cells)-1]
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return nil
}

func (p Past) cells(columns int) []string {
	began, took := "-", "-"
	if !p.Began.IsZero() {
		began = moment(p.Began, StatusView{Columns: columns})
		took = lasting(time.Duration(p.Seconds) * time.Second)
	}
	cells := []string{
		p.Version, p.Kind, orElse(p.Branch, "-"), began, took, string(p.Standing),
		fmt.Sprintf("%d/%d", p.Succeeded, p.Total), strconv.Itoa(p.Failed), orElse(orElse(p.Driver.Login, p.Driver.Job), "-"), p.Manifest,
	}
	for i := range cells {
		cells[i] = clean(cells[i])
	}
	return cells
}
