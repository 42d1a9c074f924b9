package report

import (
	"fmt"
	"io"
	"slices"
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
		for _, line := range FindingLines(r, columns, color) {
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

// FindingLines returns what is wrong and what to do of each finding, in the report's order, each folded between words to the given
// columns (0: not at all). Findings that several components have in common appear once.
func FindingLines(r check.Report, columns int, color bool) []string {
	badges := map[check.Severity]span{
		check.Error: {"ERROR", red}, check.Warning: {"WARNING", yellow}, check.Note: {"NOTE", blue},
	}
	var lines []string
	for _, group := range together(r.Findings) {
		f, badge := group[0], badges[group[0].Severity]
		mark := row{{pad(badge.text, 9), badge.style}, {f.Code, faint}, {"  ", plain}}
		var head row
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
		lines = append(lines, wrapped(mark, head, findingIndent, columns, color)...)
		if f.Severity != check.Note && f.Do != "" {
			lines = append(lines, wrapped(row{{strings.Repeat(" ", findingIndent) + "-> ", plain}}, row{{clean(f.Do), plain}}, findingIndent+3, columns, color)...)
		}
	}
	return lines
}

const findingIndent = 9 // of all but the first line of a finding

// wrapped renders a row behind a mark in lines of at most the given columns, broken between words where one word fits; 0 breaks none.
// All lines but the first are indented.
func wrapped(mark, r row, indent, columns int, color bool) (lines []string) {
	line, start, empty := slices.Clone(mark), len(mark), true
	for _, s := range r {
		for word := range strings.SplitAfterSeq(s.text, " ") {
			if columns > 0 && !empty && line.width()+Width(strings.TrimRight(word, " ")) > columns {
				lines = append(lines, line.render(0, color))
				line, start, empty = row{{strings.Repeat(" ", indent), plain}}, 1, true
			}
			if strings.TrimSpace(word) == "" && empty {
				continue
			}
			if last := len(line) - 1; len(line) > start && line[last].style == s.style {
				line[last].text += word
			} else {
				line = append(line, span{word, s.style})
			}
			empty = false
		}
	}
	return append(lines, line.render(0, color))
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
