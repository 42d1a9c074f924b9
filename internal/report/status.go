package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/run"
)

// Status says how a run stands, wherever its driver runs or ran. Its field names are a contract.
type Status struct {
	Result
	Kind      run.Kind         `json:"kind"`
	Manifest  string           `json:"manifest"`
	Standing  run.Standing     `json:"standing"`
	Began     time.Time        `json:"began"`
	LastEvent time.Time        `json:"last_event"`
	Driver    run.DriverStatus `json:"driver"`
	Checkout  string           `json:"checkout,omitempty"` // product version of the checkout, where it differs
}

// NewStatus is the state of a run under a lease; err determines the exit code.
func NewStatus(s *run.State, l run.Lease, checkout string, now time.Time, err error) Status {
	d := l.Status(now)
	if checkout == s.Header.Version {
		checkout = ""
	}
	return Status{
		Result: NewResult(s, err), Kind: s.Header.Kind, Manifest: s.Header.Manifest,
		Standing: s.Standing(d.State == run.Drives), Began: s.Began, LastEvent: s.Time, Driver: d, Checkout: checkout,
	}
}

// StatusView says how to write a status.
type StatusView struct {
	Columns int       // of the terminal; 0 without one: then tabs separate the columns
	Now     time.Time // by the reader's clock
	Color   bool
	Command string // that drives the run, as a sentence quotes it
}

// WriteStatus writes who drives a run, how its waves stand, what failed and what to type next.
func WriteStatus(w io.Writer, s *run.State, l run.Lease, v StatusView) error {
	d := l.Status(v.Now)
	standing := s.Standing(d.State == run.Drives)
	rows := rowf("%s %s from %s, run %s: began %s, last event %s", s.Header.Product, s.Header.Version, s.Header.Branch,
		s.Header.Run(), moment(s.Began, v), ago(s.Time, v.Now))
	rows = append(rows, driverRows(d, standing, v)...)
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

// WriteEnd writes a status without the components, for a person who has watched the run.
func WriteEnd(w io.Writer, s *run.State, l run.Lease, v StatusView) error {
	d := l.Status(v.Now)
	standing := s.Standing(d.State == run.Drives)
	if standing != run.StandingReleased {
		if err := writeRows(w, driverRows(d, standing, v), v.Color); err != nil {
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

// driverRows say who drives the run, or drove it last, and what to do about a silent driver.
func driverRows(d run.DriverStatus, standing run.Standing, v StatusView) []row {
	rows := oneRow(driverSentence(d, standing, v))
	if d.State == run.Silent && (standing == run.StandingUnknown || standing == run.StandingFailed || standing == run.StandingStopped) {
		rows = append(rows, rowf("%s waits for 6 more minutes of silence, then takes over; with --take-over, at once", v.Command)...)
	}
	return rows
}

// driverSentence says who drives the run, or drove it last, and since or until when.
func driverSentence(d run.DriverStatus, standing run.Standing, v StatusView) string {
	who := orElse(d.Login, "an unnamed driver")
	if d.Job != "" {
		who += " (" + d.Job + ")"
	}
	switch d.State {
	case run.Drives:
		return fmt.Sprintf("driven by %s since %s, last heard from %s", who, moment(d.Since, v), ago(d.Heard, v.Now))
	case run.NoDriver:
	case run.Silent:
		return fmt.Sprintf("its driver is silent: %s, driving since %s, last heard from %s", who, moment(d.Since, v), ago(d.Heard, v.Now))
	case run.GaveBack:
		end := "not driven since %s, last by %s"
		if standing == run.StandingReleased || standing == run.StandingPassed || standing == run.StandingPartial {
			end = "finished %s, by %s"
		}
		return fmt.Sprintf(end, moment(d.Heard, v), who)
	}
	return "no driver"
}

// moment formats a time: local for a person at a terminal, RFC 3339 in UTC for a program elsewhere.
func moment(t time.Time, v StatusView) string {
	if v.Columns == 0 {
		return t.UTC().Format(time.RFC3339)
	}
	return t.Local().Format("2006-01-02 15:04")
}

// ago shows no negative time span where two clocks disagree a little.
func ago(t, now time.Time) string { return lasting(max(now.Sub(t), 0)) + " ago" }

// lasting formats a time span of up to years.
func lasting(d time.Duration) string {
	if d < 48*time.Hour {
		return Duration(d)
	}
	return count(int(d/(24*time.Hour)), "day")
}

// tabbed makes a line for every step, for programs.
func tabbed(s *run.State, now time.Time) []row {
	heads := []string{"WAVE", "COMPONENT", "VERSION", "STATUS", "TOOK", "LINK"}
	graph := s.Plan != nil && s.Plan.IsByGraph()
	if graph {
		heads[0] = "LEVEL"
		heads = append(heads, "WAITS FOR")
	}
	rows := []row{{{strings.Join(heads, "\t"), plain}}}
	for _, st := range s.Steps() {
		wave, _ := s.Wave(st.ID)
		number := ""
		if wave > 0 {
			number = strconv.Itoa(wave)
		}
		took := ""
		if !st.StartedAt.IsZero() {
			took = Duration(st.Elapsed(now))
		}
		cells := []string{number, st.ID.Component(), st.ID.Version(), string(st.Status), took, st.URL}
		if graph {
			cells = append(cells, strings.Join(waitsOf(s, st), ", "))
		}
		for i := range cells {
			cells[i] = orElse(clean(cells[i]), "-")
		}
		rows = append(rows, row{{strings.Join(cells, "\t"), plain}})
	}
	return rows
}

// byWave makes a heading for every wave and a line for each of its components, as in the live view. What was done before the
// newest plan was made comes first.
func byWave(s *run.State, v StatusView) []row {
	if s.Plan == nil {
		return nil
	}
	f := newFrame(s, View{Width: v.Columns, Height: math.MaxInt, Now: v.Now, Color: v.Color})
	var done []run.Step
	sum := counts{}
	for _, st := range s.Steps() {
		if s.Earlier(st.ID) {
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

// conclude writes the summary of the run, and what to type next.
func conclude(w io.Writer, s *run.State, standing run.Standing, v StatusView) error {
	if standing == run.StandingPassed && s.Header.Kind == run.DryRun {
		_, err := fmt.Fprintf(w, "%s %s, dry run: all pipelines succeeded, of %s\n", s.Header.Product, s.Header.Version, count(len(s.With(run.HasSucceeded)), "component"))
		return err
	}
	command := v.Command
	if standing == run.StandingDriven {
		command = "" // which would only wait
	}
	if err := summary(w, s, next(s, command, true), v.Color); err != nil {
		return err
	}
	line := lastLine(s, standing, v.Command)
	if line == "" {
		return nil
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// lastLine says what the summary does not: how to continue where nothing failed; "" where that is clear.
func lastLine(s *run.State, standing run.Standing, command string) string {
	hasNext := len(next(s, command, true)) > len(next(s, "", true))
	switch {
	case standing == run.StandingDriven && len(s.With(run.IsUnknown)) > 0:
		return fmt.Sprintf("but first: wait for its driver; `gio watch%s` shows its progress", s.Header.Flags())
	case standing == run.StandingDriven:
		return fmt.Sprintf("next: wait for its driver; `gio watch%s` shows its progress", s.Header.Flags())
	case standing == run.StandingPartial:
		return fmt.Sprintf("next: %s releases what --only or --except left out", command)
	case standing == run.StandingPassed && len(s.With(run.Running))+len(s.With(run.OnHold)) > 0:
		return "started, not watched: see their links for the outcome"
	case standing == run.StandingReleased || standing == run.StandingPassed || hasNext:
		return ""
	}
	return fmt.Sprintf("next: %s goes on from there", command)
}
