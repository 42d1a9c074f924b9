package term

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// Cleaner takes out of a text what a terminal, or a log viewer, would obey instead of showing: control characters but newline
// and tab, and the marks that change the direction of writing. What stood between them remains, so that nobody can make what
// follows disappear. Bytes that are no UTF-8 become U+FFFD. The text may come in pieces: where it is cut does not matter.
type Cleaner struct {
	Lets   []string // sequences that pass, such as those of gio's own colours
	Escape bool     // for JSON: write \u009b instead of taking it out, which a reader decodes to the same value

	held []byte // the end of a piece, of which only the next one says what it is
}

// Clean returns the next piece without what it must not contain.
func (c *Cleaner) Clean(piece []byte) []byte {
	text := append(c.held, piece...)
	out := make([]byte, 0, len(text))
	i := 0
	for i < len(text) {
		if n := plainRun(text[i:]); n > 0 {
			out = append(out, text[i:i+n]...)
			i += n
			continue
		}
		n, shown := c.special(text[i:])
		if n == 0 {
			break
		}
		out = append(out, shown...)
		i += n
	}
	c.held = slices.Clone(text[i:])
	return out
}

// plainRun returns how many bytes at the beginning are harmless ASCII.
func plainRun(text []byte) int {
	for i, b := range text {
		if (b < ' ' && b != '\n' && b != '\t') || b >= 0x7f {
			return i
		}
	}
	return len(text)
}

// special returns how many bytes the first character or sequence has, and what is shown of it; 0 when that is not all of it.
func (c *Cleaner) special(text []byte) (n int, shown []byte) {
	switch {
	case text[0] == '\r':
		return carriageReturn(text)
	case text[0] == '\x1b':
		if n, whole := c.sequence(text); n > 0 || !whole {
			return n, text[:n]
		}
	case !utf8.FullRune(text):
		return 0, nil
	}
	r, n := utf8.DecodeRune(text)
	switch {
	case r == utf8.RuneError:
		return n, []byte("\ufffd")
	case !obeyed(r):
		return n, text[:n]
	case c.Escape:
		return n, fmt.Appendf(nil, `\u%04x`, r)
	}
	return n, nil
}

// carriageReturn lets one pass that is part of a line end.
func carriageReturn(text []byte) (n int, shown []byte) {
	switch {
	case len(text) == 1:
		return 0, nil
	case text[1] == '\n':
		return 2, text[:2]
	}
	return 1, nil
}

// sequence returns the length of the sequence at the beginning that passes, 0 for none; it is not whole when more text must say it.
func (c *Cleaner) sequence(text []byte) (n int, whole bool) {
	for _, s := range c.Lets {
		if len(text) >= len(s) && string(text[:len(s)]) == s {
			return len(s), true
		}
		if len(text) < len(s) && s[:len(text)] == string(text) {
			return 0, false
		}
	}
	return 0, true
}

// obeyed tells of a character that it controls a terminal (C0, DEL, C1) or the direction of writing (Unicode's bidirectional
// formatting characters).
func obeyed(r rune) bool {
	return r < ' ' || r >= 0x7f && r <= 0x9f ||
		r == '\u061c' || r == '\u200e' || r == '\u200f' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}
