package report

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// style is how a piece of text looks where colour is shown: the parameters of an SGR sequence. It never says
// what the words do not say.
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

// render is the row in at most so many columns, without blanks at its end; what is cut off shows as "…".
// 0 columns are no limit.
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

// cut is the beginning of a row that is wider than so many columns, with the mark for the rest.
func cut(r row, columns int) row {
	var short row
	for _, s := range r {
		if w := Width(s.text); w < columns { // one column is kept for the mark
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

// trimmed is the row without blanks at its end.
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

// Width is how many columns of a terminal a text takes. Sequences that only colour take none.
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

// clip is the beginning of a text that takes at most so many columns.
func clip(text string, columns int) string {
	for i, r := range text {
		if columns -= runeWidth(r); columns < 0 {
			return text[:i]
		}
	}
	return text
}

// pad fills a text up to so many columns; a longer one is cut and ends in "…".
func pad(text string, columns int) string {
	w := Width(text)
	if w > columns {
		text = clip(text, columns-1) + "…"
		w = Width(text)
	}
	return text + strings.Repeat(" ", max(columns-w, 0))
}

// padLeft puts the blanks before the text.
func padLeft(text string, columns int) string {
	return strings.Repeat(" ", max(columns-Width(text), 0)) + text
}

// clean takes out of a foreign text what would move the cursor, colour the screen or turn the direction of
// writing: what is shown must not be able to forge what gio says.
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
