package report

import (
	"cmp"
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
	Version   string           `json:"version"`
	Kind      run.Kind         `json:"kind"`
	Branch    string           `json:"branch"`
	Manifest  string           `json:"manifest"`
	Began     time.Time        `json:"began,omitzero"`
	LastEvent time.Time        `json:"last_event,omitzero"`
	Seconds   int64            `json:"seconds"` // from the first session to its end, or until now; includes the time between sessions
	Standing  run.Standing     `json:"standing"`
	Succeeded int              `json:"succeeded"` // components
	Failed    int              `json:"failed"`
	Total     int              `json:"total"`
	Driver    run.DriverStatus `json:"driver"` // the newest driver
	Error     *Error           `json:"error,omitempty"`
}

// NewPast is a run of the list with its state. A run that cannot be read has a nil state, and err says why.
func NewPast(l journal.Listed, s *run.State, err error, now time.Time) Past {
	p := Past{
		Version: l.Header.Version, Kind: l.Header.Kind, Branch: l.Header.Branch, Manifest: l.Header.Manifest,
		LastEvent: l.Last, Standing: run.StandingDamaged, Driver: l.Lease.Status(now), Error: NewError(err),
	}
	if s == nil {
		return p
	}
	if p.Driver.Login == "" && p.Driver.Job == "" { // it found nothing to do, and ended before it had asked CircleCI who it is
		p.Driver.Login, p.Driver.Job = s.Driver.Login, s.Driver.Job
	}
	p.Began, p.LastEvent, p.Branch = s.Began, s.Time, cmp.Or(s.Header.Branch, p.Branch) // it may have been renamed since the run began
	p.Seconds = int64(lasted(s, p.Driver, now).Round(time.Second).Seconds())
	p.Standing = s.Standing(p.Driver.State == run.Drives)
	p.Succeeded, p.Failed, p.Total = len(s.With(run.HasSucceeded)), len(s.With(run.HasFailed)), len(s.Steps())
	return p
}

// lasted returns how long a run has taken so far: until now while it has a driver, even without events while it waits for an
// approval; until the last sign of a driver that fell silent.
func lasted(s *run.State, d run.DriverStatus, now time.Time) time.Duration {
	end := s.Time
	switch {
	case s.Finished:
	case d.State == run.Drives:
		end = now
	case d.State == run.Silent:
		end = later(d.Heard, s.Time)
	}
	return end.Sub(s.Began)
}

// HistoryTable writes runs: aligned on a terminal of the given columns, separated by tabs elsewhere (0).
func HistoryTable(w io.Writer, past []Past, columns int) error {
	if columns == 0 {
		return pastRows(w, past, 0, true)
	}
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	_ = pastRows(tw, past, columns, slices.ContainsFunc(past, func(p Past) bool { return p.Manifest != "release.json" }))
	_ = tw.Flush() // a strings.Builder never fails
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
		p.Version, string(p.Kind), orElse(p.Branch, "-"), began, took, string(p.Standing),
		fmt.Sprintf("%d/%d", p.Succeeded, p.Total), strconv.Itoa(p.Failed), orElse(orElse(p.Driver.Login, p.Driver.Job), "-"), p.Manifest,
	}
	for i := range cells {
		cells[i] = clean(cells[i])
	}
	return cells
}
