package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// badge shows a status: a symbol, a word that says the same, and a colour.
type badge struct {
	symbol, word string
	style
}

const wordWidth = 11 // of the longest word and a space

func badgeOf(st run.Step) badge {
	switch st.Status {
	case run.HasSucceeded:
		return badge{"✓", "succeeded", green}
	case run.HasFailed:
		return badge{"✗", "FAILED", red}
	case run.IsUnknown:
		return badge{"?", "UNKNOWN", purple}
	case run.OnHold:
		return badge{"‖", "on hold", yellow}
	case run.Running:
		return badge{"●", clean(orElse(strings.ReplaceAll(st.Detail, "_", " "), "starting")), blue}
	case run.Intended:
		return badge{"○", "triggering", blue}
	case run.WasSkipped:
		return badge{"-", "skipped", faint}
	case run.Pending:
	}
	return badge{"·", "pending", faint}
}

// columns are the widths of a frame's columns; 0 omits a column.
type columns struct{ name, timeLeft, link int }

// Widths in a component's line: fixedWidth is the indent, symbol, word and elapsed time together.
const (
	fixedWidth    = 2 + 2 + wordWidth + 8
	labelWidth    = 13 // "wave 10/11", as wide as a symbol and its word
	timeLeftWidth = 10 // "~3m left"
	shortLink     = 7  // "#12345"
)

// layOut divides a width among the columns. It depends on the plan and not on what runs, so that nothing jumps.
func layOut(width, longest int, times bool) columns {
	var c columns
	rest := width - fixedWidth
	if times && rest >= 24+timeLeftWidth+2 {
		c.timeLeft = timeLeftWidth
		rest -= timeLeftWidth + 2
	}
	if rest >= 16+shortLink+2 {
		c.name = min(longest, rest-shortLink-2)
		c.link = rest - c.name - 2
		return c
	}
	c.name = max(min(longest, rest), 8)
	return c
}

// name returns a component and its version in at most the given columns. It cuts the beginning of the component's name,
// which most components of a product share.
func name(id plan.StepID, columns int) string {
	component, version := clean(id.Component()), clean(id.Version())
	for Width(component)+1+Width(version) > columns && Width(component) > 4 {
		_, size := utf8.DecodeRuneInString(strings.TrimPrefix(component, "…"))
		component = "…" + strings.TrimPrefix(component, "…")[size:]
	}
	return component + " " + version
}

// shorten returns a step's link in at most the given columns: the workflow's, else the pipeline's, else the pipeline's
// number, else the beginning of the link.
func shorten(st run.Step, columns int) string {
	pipeline, _, _ := strings.Cut(st.URL, "/workflows/")
	for _, link := range []string{clean(st.URL), clean(pipeline)} {
		if Width(link) <= columns {
			return link
		}
	}
	if st.Pipeline.Number > 0 {
		return fmt.Sprintf("#%d", st.Pipeline.Number)
	}
	return row{{clean(pipeline), plain}}.render(columns, false)
}
