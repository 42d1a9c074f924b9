package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/gravitee-lab/gio/internal/prepare"
)

// PreparedTable writes what an edit of release.json does, a line for each component, and below it the newest
// commits that are to be released.
func PreparedTable(w io.Writer, e *prepare.Edit) {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, c := range e.Changes {
		component := clean(c.Component)
		if c.Action == prepare.SetProduct {
			component = clean(e.After.Name)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", c.Action, component, moved(c), clean(c.Why))
	}
	_ = tw.Flush() // a string takes everything
	for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		fmt.Fprintln(w, strings.TrimRight(line, " "))
		for _, subject := range e.Changes[i].Subjects {
			fmt.Fprintf(w, "        %s\n", clean(subject))
		}
	}
}

func moved(c prepare.Change) string {
	from, to := clean(c.From), clean(c.To)
	switch {
	case from == "":
		return to
	case to == "":
		return from
	}
	return from + " -> " + to
}
