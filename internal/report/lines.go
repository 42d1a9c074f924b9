// Package report turns state into something to read: lines, tables, JSON, pages. Everything in it is a
// function of an event and the state after it, or of the state alone.
package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/run"
)

// Lines reports a run line by line, where there is no terminal to draw on.
type Lines struct {
	color                bool
	waveWidth, nameWidth int // of the columns, by the plan
}

// NewLines makes Lines with colour or without.
func NewLines(color bool) *Lines { return &Lines{color: color} }

// Of returns the lines for an event, without line ends: usually one, none for what matters to the journal only. Times are
// local.
func (l *Lines) Of(e run.Event, s *run.State) []string {
	var rows []row
	switch e.Type {
	case run.Planned:
		l.fit(s)
		rows = planned(s)
	case run.Intent:
		if e.Send > 1 {
			rows = l.perStep(e, s, "sent again", plain, "the answer was lost and no pipeline was found")
		}
	case run.Triggered:
		what := "triggered"
		if e.Adopted {
			what = "found"
		}
		rows = l.perStep(e, s, what, plain, e.Pipeline.URL)
	case run.Observed:
		switch {
		case e.Reason != "": // it has failed in part
			rows = l.perStep(e, s, orElse(e.Status, "pending"), red, failure(s.Step(e.Steps[0])))
		case e.Held:
			rows = l.perStep(e, s, "on hold", yellow, "waits for an approval: "+e.URL)
		default:
			rows = l.perStep(e, s, orElse(e.Status, "pending"), plain, "")
		}
	case run.Succeeded:
		rows = l.perStep(e, s, "succeeded", green, orElse(e.Reason, took(s.Step(e.Steps[0]))))
	case run.Failed:
		rows = l.perStep(e, s, "FAILED", red, failure(s.Step(e.Steps[0])))
	case run.Unknown:
		rows = l.perStep(e, s, "UNKNOWN", purple, e.Reason)
	case run.Resolved:
		rows = l.perStep(e, s, "resolved", plain, e.Status)
	case run.Skipped:
		rows = rowf("%s not started (%s)", count(len(e.Steps), "component"), e.Reason)
	case run.Recorded:
		rows = recorded(e, s)
	case run.Opened, run.Raised, run.Recording, run.Stopped: // for the journal
	}
	return l.stamped(e.Time, rows)
}

// Heartbeat returns the line for a time without events: what runs, for how long, and when it is likely to end. It is empty
// when nothing runs.
func (l *Lines) Heartbeat(s *run.State, now time.Time, expected run.Expectation) []string {
	const most = 5 // components shown by name; the others are counted
	var running []string
	for _, st := range s.Steps() {
		if st.Status != run.Running && st.Status != run.OnHold {
			continue
		}
		one := st.ID.Component() + " for " + Duration(st.Elapsed(now))
		if st.Status == run.OnHold {
			one += " (on hold)"
		} else if rest := timeLeft(expected, st, now); rest != "" {
			one += " (" + rest + ")"
		}
		running = append(running, one)
	}
	if len(running) == 0 {
		return nil
	}
	if more := len(running) - most; more > 0 {
		running = append(running[:most], fmt.Sprintf("and %d more", more))
	}
	line := "still running: " + strings.Join(running, ", ")
	if end := endsAbout(expected, s.Plan, s.Step, now); end != "" {
		line += "; " + end
	}
	return l.stamped(now, oneRow(line))
}

func (l *Lines) stamped(at time.Time, rows []row) []string {
	var lines []string
	for _, r := range rows {
		stamp := span{at.Local().Format(time.TimeOnly) + "  ", faint}
		lines = append(lines, append(row{stamp}, r...).render(0, l.color))
	}
	return lines
}

// fit sets the columns' widths by the plan.
func (l *Lines) fit(s *run.State) {
	waves := len(strconv.Itoa(len(s.Plan.Waves)))
	l.waveWidth = len(layer(s.Plan)+" /") + 2*waves
	for _, st := range s.Plan.Steps() {
		l.nameWidth = max(l.nameWidth, Width(st.Component)+1+Width(st.Version))
	}
}

func rowf(format string, args ...any) []row { return oneRow(fmt.Sprintf(format, args...)) }

func oneRow(text string) []row { return []row{{{clean(text), plain}}} }

func planned(s *run.State) []row {
	steps := s.Plan.Steps()
	done := 0
	for _, st := range steps {
		if s.Step(st.ID()).Status == run.HasSucceeded {
			done++
		}
	}
	line := fmt.Sprintf("%s %s from %s: %s in %s", s.Plan.Product, s.Plan.Version, s.Plan.Branch,
		count(len(steps), "component"), count(len(s.Plan.Waves), layer(s.Plan)))
	if done > 0 {
		line += fmt.Sprintf(", %d of them already released", done)
	}
	return oneRow(line)
}

func (l *Lines) perStep(e run.Event, s *run.State, what string, how style, more string) []row {
	var rows []row
	for _, id := range e.Steps {
		position := "no wave"
		if wave, of := s.Wave(id); of > 0 {
			digits := len(strconv.Itoa(of))
			position = fmt.Sprintf("%s %*d/%d", layer(s.Plan), digits, wave, of)
		}
		rows = append(rows, row{
			{fmt.Sprintf("%-*s  ", l.waveWidth, position), plain},
			{fmt.Sprintf("%-*s  ", l.nameWidth, clean(id.Component()+" "+id.Version())), plain},
			{fmt.Sprintf("%-10s  ", clean(what)), how},
			{clean(more), plain},
		})
	}
	return rows
}

func recorded(e run.Event, s *run.State) []row {
	version := s.Header.Version
	switch {
	case e.Record.Finished:
		return rowf("recorded: %s %s is released, tag %s", s.Header.Product, version, s.ProductTag())
	case len(e.Record.Steps) > 0:
		return rowf("recorded: %s of %s on %s", count(len(e.Record.Steps), "component"), version, s.Header.Branch)
	}
	return nil
}

// failure says where and why a step failed, then its link.
func failure(st run.Step) string {
	parts := []string{reason(st), st.URL}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "  ")
}

// reason says where and why a step failed.
func reason(st run.Step) string {
	var where []string
	if st.Workflow != "" {
		where = append(where, "workflow "+st.Workflow)
	}
	if st.Job != "" {
		where = append(where, "job "+st.Job)
	}
	var parts []string
	if len(where) > 0 {
		parts = append(parts, strings.Join(where, ", "))
	}
	if st.Reason != "" && st.Reason != "workflow "+st.Workflow+" failed" { // which repeats where
		parts = append(parts, st.Reason)
	}
	return strings.Join(parts, "  ")
}

func took(st run.Step) string {
	if st.StartedAt.IsZero() || st.EndedAt.Before(st.StartedAt) {
		return ""
	}
	return "in " + Duration(st.EndedAt.Sub(st.StartedAt))
}

// Duration formats a time span for people: "4s", "3m12s", "1h05m".
func Duration(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
