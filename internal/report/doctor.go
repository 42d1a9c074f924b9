package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/gravitee-lab/gio/internal/doctor"
	"github.com/gravitee-lab/gio/internal/run"
)

// Examined is the result of gio doctor, for `--json`. Its field names are a contract.
type Examined struct {
	Exit  int    `json:"exit"`
	Error *Error `json:"error,omitempty"`
	*doctor.Report
}

// NewExamined is a report with err, the verdict.
func NewExamined(r *doctor.Report, err error) Examined {
	failure := NewFailure(err)
	return Examined{Exit: failure.Exit, Error: failure.Error, Report: r}
}

// DoctorTable writes what gio doctor found: what disagrees, and with all also what agrees. On a terminal of the given columns
// it writes what happened and what to do below each component; elsewhere (0) in the component's line, separated by tabs.
func DoctorTable(w io.Writer, r *doctor.Report, all bool, columns int, color bool) error {
	rows := slices.DeleteFunc(slices.Clone(r.Components), func(row doctor.Row) bool { return row.Code == doctor.Agrees && !all })
	_, err := fmt.Fprintln(w, doctorHead(r))
	switch {
	case len(rows)+len(r.Product) == 0:
		return err
	case columns == 0:
		return doctorTabbed(w, r, rows)
	}
	for _, p := range r.Product {
		advise(w, p.What, p.Do, columns, color)
	}
	if len(rows) == 0 {
		return err
	}
	return doctorAligned(w, rows, columns, color)
}

// doctorHead is one line with the outcome, and one with the driver where there is one.
func doctorHead(r *doctor.Report) string {
	agree, unread := 0, 0
	for _, row := range r.Components {
		switch row.Code {
		case doctor.Agrees:
			agree++
		case doctor.NotRead:
			unread++
		default: // it disagrees
		}
	}
	head := fmt.Sprintf("%s %s on %s: ", clean(r.Name), clean(r.Version), clean(r.Branch))
	differ := len(r.Components) - agree - unread
	if differ > 0 {
		head += several(differ, "disagree") + ", "
	}
	head += several(agree, "agree")
	if unread > 0 {
		head += fmt.Sprintf(", %d could not be compared", unread)
	}
	if r.Driver != "" {
		head += "\ndriven by " + clean(r.Driver) + ": all of this may have changed since"
	}
	return head
}

// several makes "1 component agrees", "2 components agree".
func several(n int, verb string) string {
	if n == 1 {
		verb += "s"
	}
	return count(n, "component") + " " + verb
}

// doctorCells returns the facts about a component side by side.
func doctorCells(row doctor.Row) []string {
	tag, journal := orElse(row.Tag, "none"), string(row.Step.Status)
	if !row.TagRead {
		tag = "?"
	}
	if row.Step.Status == run.Pending || row.Step.Status == run.WasSkipped {
		journal = "-"
	}
	pipelines := row.Others
	if row.Own != nil {
		pipelines = append([]doctor.Pipeline{*row.Own}, pipelines...)
	}
	var circle []string
	for _, p := range pipelines {
		circle = append(circle, fmt.Sprintf("#%d %s", p.Number, p.State))
	}
	cells := []string{row.Component, orElse(row.Version, "-"), tag, orElse(row.Stated, "-"), orElse(strings.Join(circle, ", "), "-"), journal}
	for i := range cells {
		cells[i] = clean(cells[i])
	}
	return cells
}

func doctorColumns() []string {
	return []string{"COMPONENT", "RELEASE.JSON", "TAG", "BRANCH SAYS", "CIRCLECI", "JOURNAL"}
}

func doctorTabbed(w io.Writer, r *doctor.Report, rows []doctor.Row) error {
	fmt.Fprintln(w, strings.Join(append(doctorColumns(), "CODE", "WHAT", "DO"), "\t"))
	for _, p := range r.Product {
		fmt.Fprintln(w, strings.Join([]string{clean(r.Name), clean(r.Version), "-", "-", "-", "-", string(p.Code), clean(p.What), clean(p.Do)}, "\t"))
	}
	for _, row := range rows {
		cells := append(doctorCells(row), string(row.Code), orElse(clean(row.What), "-"), orElse(clean(row.Do), "-"))
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return nil
}

func doctorAligned(w io.Writer, rows []doctor.Row, columns int, color bool) error {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(doctorColumns(), "\t"))
	for _, row := range rows {
		fmt.Fprintln(tw, strings.Join(doctorCells(row), "\t"))
	}
	_ = tw.Flush() // a strings.Builder never fails
	for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		line = row{{line, plain}}.render(columns, false)
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
		if i > 0 {
			advise(w, rows[i-1].What, rows[i-1].Do, columns, color)
		}
	}
	return nil
}

// advise writes what happened and what to do, indented.
func advise(w io.Writer, what, do string, columns int, color bool) {
	for _, line := range folded(clean(what), "    ", columns) {
		fmt.Fprintln(w, line)
	}
	for _, line := range folded(clean(do), "    -> ", columns) {
		fmt.Fprintln(w, bold.paint(line, color))
	}
}

// folded breaks a text between words into lines of at most the given columns. The first line begins with mark, the others
// with as many spaces.
func folded(text, mark string, columns int) []string {
	var lines []string
	line := mark
	for word := range strings.FieldsSeq(text) {
		if line != mark && Width(line)+1+Width(word) > columns {
			lines = append(lines, line)
			mark = strings.Repeat(" ", Width(mark))
			line = mark
		}
		if line != mark {
			line += " "
		}
		line += word
	}
	if line == mark {
		return lines
	}
	return append(lines, line)
}

// Rebuilt writes the state of a rebuilt journal.
func Rebuilt(w io.Writer, s *run.State) error {
	fmt.Fprintf(w, "the journal of %s, rebuilt:\n", s.Header.Run())
	for _, st := range s.Steps() {
		line := "  " + clean(st.ID.Component()) + " " + clean(st.ID.Version()) + ": "
		switch st.Status {
		case run.HasSucceeded:
			line += "released"
		case run.Running:
			line += fmt.Sprintf("has pipeline #%d: %s", st.Pipeline.Number, st.URL)
		case run.IsUnknown:
			line += "unknown: " + clean(st.Reason)
		case run.Pending, run.Intended, run.OnHold, run.HasFailed, run.WasSkipped:
			line += "not started"
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
