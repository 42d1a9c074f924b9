package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/gravitee-lab/gio/internal/check"
)

// Findings is the result of a check, for `--json`. Its field names are a contract.
type Findings struct {
	Exit     int    `json:"exit"`
	Error    *Error `json:"error,omitempty"`
	Errors   int    `json:"errors"`
	Warnings int    `json:"warnings"`
	check.Report
}

// NewFindings is a report with its counts and exit code.
func NewFindings(r check.Report) Findings {
	failure := NewFailure(r.Err())
	return Findings{Exit: failure.Exit, Error: failure.Error, Errors: r.Count(check.Error), Warnings: r.Count(check.Warning), Report: r}
}

// FindingsTable writes a report. On a terminal (columns > 0) it writes FindingLines; elsewhere (0) a line for each finding,
// separated by tabs: severity, code, component, where, what, what to do.
func FindingsTable(w io.Writer, r check.Report, columns int, color bool) error {
	if columns > 0 {
		for _, line := range FindingLines(r, color) {
			fmt.Fprintln(w, line)
		}
	} else {
		for _, f := range r.Findings {
			cells := []string{string(f.Severity), f.Code, f.Component, f.Where, f.What, f.Do}
			for i := range cells {
				cells[i] = clean(cells[i])
			}
			fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
		}
	}
	_, err := fmt.Fprintf(w, "%s, %s in %s; %s\n", count(r.Count(check.Error), "error"), count(r.Count(check.Warning), "warning"),
		count(r.Components, "component"), count(r.Requests, "request"))
	return err
}

// FindingLines returns two lines for each finding, in the report's order, or one where there is nothing to do. Findings that
// several components have in common appear once.
func FindingLines(r check.Report, color bool) []string {
	badges := map[check.Severity]span{
		check.Error: {"ERROR", red}, check.Warning: {"WARNING", yellow}, check.Note: {"NOTE", blue},
	}
	var lines []string
	for _, group := range together(r.Findings) {
		f, badge := group[0], badges[group[0].Severity]
		head := row{{pad(badge.text, 9), badge.style}, {f.Code, faint}, {"  ", plain}}
		if f.Component != "" {
			head = append(head, span{clean(components(group)) + ": ", bold})
		}
		head = append(head, span{clean(f.What), plain})
		if f.Where != "" && len(group) == 1 {
			head = append(head, span{" (" + clean(f.Where) + ")", faint})
		}
		if f.Severity == check.Note && f.Do != "" {
			head = append(head, span{": " + clean(f.Do), plain})
		}
		lines = append(lines, head.render(0, color))
		if f.Severity != check.Note && f.Do != "" {
			lines = append(lines, row{{"         -> " + clean(f.Do), plain}}.render(0, color))
		}
	}
	return lines
}

// together groups the findings that say the same of several components. Each group keeps the position of its first finding.
func together(findings []check.Finding) [][]check.Finding {
	type same struct {
		check.Severity
		code, what, do string
		alone          int
	}
	index := map[same]int{}
	var groups [][]check.Finding
	for i, f := range findings {
		key := same{Severity: f.Severity, code: f.Code, what: f.What, do: f.Do}
		if f.Component == "" {
			key.alone = i + 1
		}
		at, exists := index[key]
		if !exists {
			at = len(groups)
			index[key] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], f)
	}
	return groups
}

// components names the components of a group, of many only the first three.
func components(group []check.Finding) string {
	var names []string
	for _, f := range group {
		names = append(names, f.Component)
	}
	if len(names) <= 4 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
}
