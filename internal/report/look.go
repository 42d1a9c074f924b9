package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gravitee-lab/gio/internal/run"
)

// look is how a status shows: a symbol, a word that says the same, and a colour.
type look struct {
	symbol, word string
	style
}

const wordWidth = 11 // of the longest word, and a blank

func lookOf(st run.Step) look {
	switch st.Status {
	case run.HasSucceeded:
		return look{"✓", "succeeded", green}
	case run.HasFailed:
		return look{"✗", "FAILED", red}
	case run.IsUnknown:
		return look{"?", "UNKNOWN", purple}
	case run.OnHold:
		return look{"‖", "on hold", yellow}
	case run.Running:
		return look{"●", clean(orElse(strings.ReplaceAll(st.Detail, "_", " "), "starting")), blue}
	case run.Intended:
		return look{"○", "triggering", blue}
	case run.WasSkipped:
		return look{"-", "skipped", faint}
	case run.Pending:
	}
	return look{"·", "pending", faint}
}

// columns are the widths of what stands in the lines of a frame; 0 leaves a column out.
type columns struct{ name, left, link int }

// What a component's line needs besides its name: indent, symbol and word, and the time elapsed.
const (
	fixedWidth = 2 + 2 + wordWidth + 8
	labelWidth = 13 // "wave 10/11", as wide as a symbol and its word
	leftWidth  = 10 // "~3m left"
	shortLink  = 7  // "#12345"
)

// layOut shares a width out. The widths depend on the plan and not on what runs, so that nothing jumps.
func layOut(width, longest int, times bool) columns {
	var c columns
	rest := width - fixedWidth
	if times && rest >= 24+leftWidth+2 {
		c.left = leftWidth
		rest -= leftWidth + 2
	}
	if rest >= 16+shortLink+2 {
		c.name = min(longest, rest-shortLink-2)
		c.link = rest - c.name - 2
		return c
	}
	c.name = max(min(longest, rest), 8)
	return c
}

// name is a component and its version in at most so many columns. What is cut is the beginning of the component,
// which most components of a product share.
func name(id run.StepID, columns int) string {
	component, version := clean(id.Component()), clean(id.Version())
	for Width(component)+1+Width(version) > columns && Width(component) > 4 {
		_, size := utf8.DecodeRuneInString(strings.TrimPrefix(component, "…"))
		component = "…" + strings.TrimPrefix(component, "…")[size:]
	}
	return component + " " + version
}

// shorten is the link of a step in at most so many columns: its workflow, else its pipeline, else the
// pipeline's number; of a link without that, the beginning.
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
