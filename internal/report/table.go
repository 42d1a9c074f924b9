package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table writes rows under a header: aligned on a terminal of the given columns, separated by tabs elsewhere (0). An empty cell is "-". Without a
// header there are only the rows.
func Table(w io.Writer, header []string, rows [][]string, columns int) error {
	var b strings.Builder
	var out io.Writer = &b
	tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	if columns > 0 {
		out = tw
	}
	for i := -1; i < len(rows); i++ {
		cells := header
		if i >= 0 {
			cells = rows[i]
		}
		if cells == nil {
			continue
		}
		shown := make([]string, len(cells))
		for n, cell := range cells {
			shown[n] = clean(orElse(cell, "-"))
		}
		fmt.Fprintln(out, strings.Join(shown, "\t"))
	}
	_ = tw.Flush() // a strings.Builder never fails
	for line := range strings.Lines(b.String()) {
		if columns > 0 {
			line = row{{strings.TrimSuffix(line, "\n"), plain}}.render(columns, false) + "\n"
		}
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	return nil
}
