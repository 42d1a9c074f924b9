package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
)

// Status is how a run stands that somebody drives, or drove, anywhere. Its field names are a contract.
type Status struct {
	Result
	Kind      string    `json:"kind"`
	Manifest  string    `json:"manifest"`
	Standing  Standing  `json:"standing"`
	Began     time.Time `json:"began"`
	LastEvent time.Time `json:"last_event"`
	Driver    Driver    `json:"driver"`
	Checkout  string    `json:"checkout,omitempty"` // product version of the checkout, where it is another one
}

// NewStatus is the state of a run under a lease; err is the exit code that goes with it.
func NewStatus(s *run.State, l journal.Lease, checkout string, now time.Time, err error) Status {
	d := NewDriver(l, now)
	if checkout == s.Header.Version {
		checkout = ""
	}
	return Status{
		Result: NewResult(s, err), Kind: s.Header.Kind, Manifest: s.Header.Manifest,
		Standing: StandingOf(s, d.State == "drives"), Began: s.Began, LastEvent: s.Time, Driver: d, Checkout: checkout,
	}
}

// StatusView is how a status is to look.
type StatusView struct {
	Columns int       // of the terminal; 0 where there is none: then tabs separate what stands in a line
	Now     time.Time // by the clock of who looks
	Color   bool
	Command string // that drives the run, as it stands in a sentence
}

// WriteStatus tells a person who drives a run, how its waves stand, what failed and what to type next.
func WriteStatus(w io.Writer, s *run.State, l journal.Lease, v StatusView) error {
	d := NewDriver(l, v.Now)
	standing := StandingOf(s, d.State == "drives")
	rows := said("%s %s from %s, run %s: began %s, last event %s", s.Header.Product, s.Header.Version, s.Header.Branch,
		s.Header.Run(), moment(s.Began, v), ago(s.Time, v.Now))
	rows = append(rows, d.rows(standing, v)...)
	if v.Columns == 0 {
		rows = append(rows, tabbed(s, v.Now)...)
	} else {
		rows = append(rows, byWave(s, v)...)
	}
	if err := writeRows(w, rows, v.Color); err != nil {
		return err
	}
	return conclude(w, s, standing, v)
}

// WriteEnd is what a status tells but for the components: for a person who has looked on.
func WriteEnd(w io.Writer, s *run.State, l journal.Lease, v StatusView) error {
	d := NewDriver(l, v.Now)
	standing := StandingOf(s, d.State == "drives")
	if standing != IsReleased {
		if err := writeRows(w, d.rows(standing, v), v.Color); err != nil {
			return err
		}
	}
	return conclude(w, s, standing, v)
}

func writeRows(w io.Writer, rows []row, color bool) error {
	for _, r := range rows {
		if _, err := fmt.Fprintln(w, r.render(0, color)); err != nil {
			return err
		}
	}
	return nil
}

// rows are who drives, or did, and what follows from a silence.
func (d Driver) rows(standing Standing, v StatusView) []row {
	rows := row1(d.sentence(v))
	if d.State == "silent" && (standing == AwaitsAnswer || standing == HasFailed || standing == HasStopped) {
		rows = append(rows, said("%s takes over when it has watched that silence for 6 minutes; with --take-over, at once", v.Command)...)
	}
	return rows
}

// sentence is who drives, or did, and since when.
func (d Driver) sentence(v StatusView) string {
	who := orElse(d.Login, "a gio without a name")
	if d.Job != "" {
		who += " (" + d.Job + ")"
	}
	switch d.State {
	case "drives":
		return fmt.Sprintf("driven by %s since %s, last heard of %s", who, moment(d.Since, v), ago(d.Heard, v.Now))
	case "silent":
		return fmt.Sprintf("probably nobody drives it: %s, since %s, was last heard of %s", who, moment(d.Since, v), ago(d.Heard, v.Now))
	case "gave it back":
		return fmt.Sprintf("nobody drives it: %s gave it back %s", who, ago(d.Heard, v.Now))
	}
	return "nobody drives it"
}

// moment is a time for a person in front of a terminal, and one for a program elsewhere.
func moment(t time.Time, v StatusView) string {
	if v.Columns == 0 {
		return t.UTC().Format(time.RFC3339)
	}
	return t.Local().Format("2006-01-02 15:04")
}

// ago allows for clocks that do not quite agree.
func ago(t, now time.Time) string { return lasting(max(now.Sub(t), 0)) + " ago" }

// lasting is a time span of up to years.
func lasting(d time.Duration) string {
	if d < 48*time.Hour {
		return Duration(d)
	}
	return count(int(d/(24*time.Hour)), "day")
}

// tabbed is a line for every step, for programs.
func tabbed(s *run.State, now time.Time) []row {
	rows := []row{{{"WAVE\tCOMPONENT\tVERSION\tSTATUS\tTOOK\tLINK", plain}}}
	for _, st := range s.Steps() {
		wave, _ := s.Wave(st.ID)
		place := ""
		if wave > 0 {
			place = strconv.Itoa(wave)
		}
		took := ""
		if !st.StartedAt.IsZero() {
			took = Duration(elapsed(st, now))
		}
		cells := []string{place, st.ID.Component(), st.ID.Version(), string(st.Status), took, st.URL}
		for i := range cells {
			cells[i] = orElse(clean(cells[i]), "-")
		}
		rows = append(rows, row{{strings.Join(cells, "\t"), plain}})
	}
	return rows
}

// byWave is a heading for every wave and a line for each of its components, as the live view has them. What was done
// before the newest plan was made stands first.
func byWave(s *run.State, v StatusView) []row {
	if s.Plan == nil {
		return nil
	}
	f := newFrame(s, View{Width: v.Columns, Height: math.MaxInt, Now: v.Now, Color: v.Color})
	var done []run.Step
	sum := counts{}
	for _, st := range s.Steps() {
		if earlier(s, st) {
			done = append(done, st)
			sum[st.Status]++
		}
	}
	var rows []row
	if len(done) > 0 {
		rows = append(rows, labelled("before", sum))
	}
	for _, st := range done {
		rows = append(rows, f.component(st))
	}
	for _, w := range f.waves {
		rows = append(rows, f.wave(w))
		for _, id := range w.steps {
			rows = append(rows, f.component(s.Step(id)))
		}
	}
	for i, r := range rows {
		rows[i] = row{{r.render(v.Columns, v.Color), plain}}
	}
	return rows
}

// conclude is the summary of the run, and what to type next.
func conclude(w io.Writer, s *run.State, standing Standing, v StatusView) error {
	if standing == HasPassed && s.Header.Kind == "dry" {
		_, err := fmt.Fprintf(w, "%s %s, dry run: all pipelines succeeded, of %s\n", s.Header.Product, s.Header.Version, count(len(s.With(run.HasSucceeded)), "component"))
		return err
	}
	command := v.Command
	if standing == IsDriven {
		command = "" // it would only wait
	}
	if err := summary(w, s, next(s, command, true), v.Color); err != nil {
		return err
	}
	line := last(s, standing, v.Command)
	if line == "" {
		return nil
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// last is what the summary does not say, as it is told where a run ended: how to go on where nothing failed.
func last(s *run.State, standing Standing, command string) string {
	told := len(next(s, command, true)) > len(next(s, "", true))
	switch {
	case standing == IsDriven && len(s.With(run.IsUnknown)) > 0:
		return fmt.Sprintf("but first: wait for its driver; `gio watch%s` looks on", s.Header.Flags())
	case standing == IsDriven:
		return fmt.Sprintf("next: wait for its driver; `gio watch%s` looks on", s.Header.Flags())
	case standing == IsPartial:
		return fmt.Sprintf("next: %s for what --only or --except left out", command)
	case standing == HasPassed && len(s.With(run.Running))+len(s.With(run.OnHold)) > 0:
		return "started and not watched: what became of them stands behind their links"
	case standing == IsReleased || standing == HasPassed || told:
		return ""
	}
	return fmt.Sprintf("next: %s goes on from there", command)
}
