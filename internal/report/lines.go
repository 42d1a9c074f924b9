// Package report turns state into something to read: lines, tables, JSON. Everything in it is a
// function of an event and the state after it, or of the state alone.
package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/run"
)

// Lines is what a person is told of an event: usually one line without its end, none for what only
// the journal cares about. Times are local.
func Lines(e run.Event, s *run.State) []string {
	var lines []string
	switch e.Type {
	case run.Planned:
		lines = planned(s)
	case run.Intent:
		if e.Send > 1 {
			lines = perStep(e, s, "sent again", "the answer was lost and no pipeline was found")
		}
	case run.Triggered:
		what := "triggered"
		if e.Adopted {
			what = "found"
		}
		lines = perStep(e, s, what, e.Pipeline.URL)
	case run.Observed:
		if e.Held {
			lines = perStep(e, s, "on hold", "waits for an approval: "+e.URL)
		} else {
			lines = perStep(e, s, orElse(e.Status, "pending"), "")
		}
	case run.Succeeded:
		lines = perStep(e, s, "succeeded", took(s.Step(e.Steps[0])))
	case run.Failed:
		lines = perStep(e, s, "FAILED", failure(s.Step(e.Steps[0])))
	case run.Unknown:
		lines = perStep(e, s, "UNKNOWN", e.Reason)
	case run.Resolved:
		lines = perStep(e, s, "resolved", e.Status)
	case run.Skipped:
		lines = []string{fmt.Sprintf("%s not started (%s)", count(len(e.Steps), "component"), e.Reason)}
	case run.Recorded:
		lines = recorded(e, s)
	case run.Opened, run.Recording, run.Stopped: // for the journal
	}
	at := e.Time.Local().Format(time.TimeOnly)
	for i := range lines {
		lines[i] = at + "  " + lines[i]
	}
	return lines
}

func planned(s *run.State) []string {
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
	return []string{line}
}

func perStep(e run.Event, s *run.State, what, more string) []string {
	var lines []string
	for _, id := range e.Steps {
		place := "no wave "
		if wave, of := s.Wave(id); of > 0 {
			place = fmt.Sprintf("wave %d/%d", wave, of)
		}
		line := fmt.Sprintf("%s  %-40s  %-10s  %s", place, id.Component()+" "+id.Version(), what, more)
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

func recorded(e run.Event, s *run.State) []string {
	version := s.Header.Version
	switch {
	case e.Record.Finished:
		return []string{fmt.Sprintf("recorded: %s %s is released, tag %s", s.Header.Product, version, version)}
	case len(e.Record.Steps) > 0:
		return []string{fmt.Sprintf("recorded: %s of %s on %s", count(len(e.Record.Steps), "component"), version, s.Header.Branch)}
	}
	return nil
}

// failure is why and where, the link last.
func failure(st run.Step) string {
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
	if st.URL != "" {
		parts = append(parts, st.URL)
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
