// Package report turns state into something to read: lines, tables, JSON. Everything in it is a
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

// Lines tells a run line by line, where there is no terminal to draw on. The plan gives its columns their
// widths.
type Lines struct {
	color       bool
	place, name int // widths of the columns
}

// NewLines tells with colour or without.
func NewLines(color bool) *Lines { return &Lines{color: color} }

// Of is what a person is told of an event: usually one line without its end, none for what only the journal
// cares about. Times are local.
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
		if e.Held {
			rows = l.perStep(e, s, "on hold", yellow, "waits for an approval: "+e.URL)
		} else {
			rows = l.perStep(e, s, orElse(e.Status, "pending"), plain, "")
		}
	case run.Succeeded:
		rows = l.perStep(e, s, "succeeded", green, took(s.Step(e.Steps[0])))
	case run.Failed:
		rows = l.perStep(e, s, "FAILED", red, failure(s.Step(e.Steps[0])))
	case run.Unknown:
		rows = l.perStep(e, s, "UNKNOWN", purple, e.Reason)
	case run.Resolved:
		rows = l.perStep(e, s, "resolved", plain, e.Status)
	case run.Skipped:
		rows = said("%s not started (%s)", count(len(e.Steps), "component"), e.Reason)
	case run.Recorded:
		rows = recorded(e, s)
	case run.Opened, run.Recording, run.Stopped: // for the journal
	}
	return l.stamped(e.Time, rows)
}

// Heartbeat is what a person is told when nothing has happened for a while: what runs, for how long, and when
// it is likely to end. It is empty when nothing runs.
func (l *Lines) Heartbeat(s *run.State, now time.Time, expected Expectation) []string {
	const most = 5 // components with their names; the others are counted
	var running []string
	for _, st := range s.Steps() {
		if st.Status != run.Running && st.Status != run.OnHold {
			continue
		}
		one := st.ID.Component() + " for " + Duration(elapsed(st, now))
		if st.Status == run.OnHold {
			one += " (on hold)"
		} else if rest := expected.timeLeft(st, now); rest != "" {
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
	if end := expected.end(s.Plan, s.Step, now); end != "" {
		line += "; " + end
	}
	return l.stamped(now, row1(line))
}

func (l *Lines) stamped(at time.Time, rows []row) []string {
	var lines []string
	for _, r := range rows {
		stamp := span{at.Local().Format(time.TimeOnly) + "  ", faint}
		lines = append(lines, append(row{stamp}, r...).render(0, l.color))
	}
	return lines
}

// fit takes the columns' widths from the plan.
func (l *Lines) fit(s *run.State) {
	waves := len(strconv.Itoa(len(s.Plan.Waves)))
	l.place = len("wave /") + 2*waves
	for _, st := range s.Plan.Steps() {
		l.name = max(l.name, Width(st.Component)+1+Width(st.Version))
	}
}

func said(format string, args ...any) []row { return row1(fmt.Sprintf(format, args...)) }

func row1(text string) []row { return []row{{{clean(text), plain}}} }

func planned(s *run.State) []row {
	steps := s.Plan.Steps()
	done := 0
	for _, st := range steps {
		if s.Step(run.StepID(st.ID())).Status == run.HasSucceeded {
			done++
		}
	}
	line := fmt.Sprintf("%s %s from %s: %s in %s", s.Plan.Product, s.Plan.Version, s.Plan.Branch,
		count(len(steps), "component"), count(len(s.Plan.Waves), "wave"))
	if done > 0 {
		line += fmt.Sprintf(", %d of them released already", done)
	}
	return row1(line)
}

func (l *Lines) perStep(e run.Event, s *run.State, what string, how style, more string) []row {
	var rows []row
	for _, id := range e.Steps {
		place := "no wave"
		if wave, of := s.Wave(id); of > 0 {
			digits := len(strconv.Itoa(of))
			place = fmt.Sprintf("wave %*d/%d", digits, wave, of)
		}
		rows = append(rows, row{
			{fmt.Sprintf("%-*s  ", l.place, place), plain},
			{fmt.Sprintf("%-*s  ", l.name, clean(id.Component()+" "+id.Version())), plain},
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
		return said("recorded: %s %s is released, tag %s", s.Header.Product, version, version)
	case len(e.Record.Steps) > 0:
		return said("recorded: %s of %s on %s", count(len(e.Record.Steps), "component"), version, s.Header.Branch)
	}
	return nil
}

// failure is why and where, the link last.
func failure(st run.Step) string {
	parts := []string{reason(st), st.URL}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "  ")
}

// reason is why and where, without the link.
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
	if st.Reason != "" && st.Reason != "workflow "+st.Workflow+" failed" { // that much is said
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

// Duration is a time span as people say it: "4s", "3m12s", "1h05m".
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
