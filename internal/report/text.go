package report

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// style is the look of a text where colour is shown: the parameters of an SGR sequence. It never says what the words do
// not.
type style string

const (
	plain  style = ""
	bold   style = "1"
	faint  style = "2"
	red    style = "1;31"
	green  style = "32"
	yellow style = "33"
	blue   style = "36" // cyan: blue itself is hard to read on black
	purple style = "35"
)

// Colors returns the sequences with which the texts of this package are coloured, and which a writer of them must let through.
func Colors() []string {
	sequences := []string{"\x1b[0m"}
	for _, s := range []style{bold, faint, red, green, yellow, blue, purple} {
		sequences = append(sequences, "\x1b["+string(s)+"m")
	}
	return sequences
}

func (s style) paint(text string, color bool) string {
	if !color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// span is text in one style.
type span struct {
	text string
	style
}

// row is one line made of spans.
type row []span

// render returns the row in at most the given columns, without trailing spaces; "…" marks where it is cut. 0 is no limit.
func (r row) render(columns int, color bool) string {
	r = trimmed(r)
	if columns > 0 && r.width() > columns {
		r = cut(r, columns)
	}
	var b strings.Builder
	for _, s := range r {
		b.WriteString(s.paint(s.text, color))
	}
	return b.String()
}

// cut shortens a row that is wider than the given columns, which then ends in the mark.
func cut(r row, columns int) row {
	var short row
	for _, s := range r {
		if w := Width(s.text); w < columns { // one column is for the mark
			short, columns = append(short, s), columns-w
			continue
		}
		return append(short, span{clip(s.text, columns-1) + "…", s.style})
	}
	return short
}

func (r row) width() int {
	sum := 0
	for _, s := range r {
		sum += Width(s.text)
	}
	return sum
}

// trimmed returns the row without trailing spaces.
func trimmed(r row) row {
	for len(r) > 0 {
		last := r[len(r)-1]
		last.text = strings.TrimRight(last.text, " ")
		if last.text != "" {
			return append(r[:len(r)-1:len(r)-1], last)
		}
		r = r[:len(r)-1]
	}
	return r
}

// Width returns how many columns of a terminal a text occupies. Colour sequences occupy none.
func Width(text string) int {
	sum, escape := 0, false
	for _, r := range text {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r == '[' || r == ';' || r >= '0' && r <= '9'
		default:
			sum += runeWidth(r)
		}
	}
	return sum
}

func runeWidth(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// clip returns the beginning of a text that fits into the given columns.
func clip(text string, columns int) string {
	for i, r := range text {
		if columns -= runeWidth(r); columns < 0 {
			return text[:i]
		}
	}
	return text
}

// pad fills a text up to the given columns with spaces; it cuts a longer one, which then ends in "…".
func pad(text string, columns int) string {
	w := Width(text)
	if w > columns {
		text = clip(text, columns-1) + "…"
		w = Width(text)
	}
	return text + strings.Repeat(" ", max(columns-w, 0))
}

// padLeft puts the spaces before the text.
func padLeft(text string, columns int) string {
	return strings.Repeat(" ", max(columns-Width(text), 0)) + text
}

// clean makes a foreign text part of one line that is laid out: without what would move the cursor, colour the screen or change
// the direction of writing, and with spaces for tabs and line ends. It is for the spans of a row, the cells of a table and what
// a width is computed of, which must be the text that is shown, and for texts that go elsewhere (Markdown, Slack). Whatever is
// written to the terminal is cleaned again where it leaves the program, by the rules of term.Cleaner.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
}
