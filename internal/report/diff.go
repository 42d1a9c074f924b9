package report

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode"
)

const diffContext = 3 // lines around a change, as Git shows them

// Diff writes what an edit changes in a file as a unified diff, which `git apply` accepts; nothing when nothing
// changes.
func Diff(w io.Writer, path string, before, after []byte, color bool) error {
	d := diff{before: lines(before), after: lines(after), color: color}
	d.changes = changes(d.before, d.after)
	if len(d.changes) == 0 {
		return nil
	}
	d.line(bold, "--- a/"+path)
	d.line(bold, "+++ b/"+path)
	for first := 0; first < len(d.changes); {
		last := first
		for last+1 < len(d.changes) && d.changes[last+1].from-d.changes[last].end() <= 2*diffContext {
			last++
		}
		d.hunk(d.changes[first : last+1])
		first = last + 1
	}
	_, err := w.Write(d.out.Bytes())
	return err
}

// DiffLines returns the changed lines without context: the removed ones ("-") and the added ones ("+").
func DiffLines(before, after []string) []string {
	var found []string
	for _, c := range changes(before, after) {
		for _, line := range before[c.from:c.end()] {
			found = append(found, "-"+line)
		}
		for _, line := range after[c.to : c.to+c.added] {
			found = append(found, "+"+line)
		}
	}
	return found
}

// lines splits a file into lines, each with its line end.
func lines(data []byte) []string {
	all := strings.SplitAfter(string(data), "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// change replaces the lines before[from:from+removed] by after[to:to+added].
type change struct{ from, removed, to, added int }

func (c change) end() int { return c.from + c.removed }

// diff is a diff being written.
type diff struct {
	before, after []string
	changes       []change
	color         bool
	out           bytes.Buffer
}

func (d *diff) hunk(changes []change) {
	first, last := changes[0], changes[len(changes)-1]
	head, tail := min(diffContext, first.from), min(diffContext, len(d.before)-last.end())
	from, to := first.from-head, first.to-head
	d.line(blue, fmt.Sprintf("@@ -%s +%s @@", extent(from, last.end()+tail), extent(to, last.to+last.added+tail)))
	at := from
	for _, c := range changes {
		d.lines(" ", plain, d.before[at:c.from])
		d.lines("-", red, d.before[c.from:c.end()])
		d.lines("+", green, d.after[c.to:c.to+c.added])
		at = c.end()
	}
	d.lines(" ", plain, d.before[at:at+tail])
}

// extent is lines[start:end] in the notation of a hunk, which gives an empty range by the line before it.
func extent(start, end int) string {
	if start == end {
		return fmt.Sprintf("%d,0", start)
	}
	return fmt.Sprintf("%d,%d", start+1, end-start)
}

func (d *diff) lines(mark string, s style, all []string) {
	for _, line := range all {
		text, ended := strings.CutSuffix(line, "\n")
		d.line(s, mark+text)
		if !ended {
			d.line(plain, `\ No newline at end of file`)
		}
	}
}

// line writes one line. It replaces control characters, which could manipulate a terminal, but keeps the carriage return of
// a CRLF file.
func (d *diff) line(s style, text string) {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' && r != '\r' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
	d.out.WriteString(s.paint(text, d.color) + "\n")
}

// changes returns the changes from one text to another, in order: after each, both texts continue with the nearest line
// that they have in common. The result is not always the shortest, but is for a file whose lines are edited, and needs no
// memory.
func changes(before, after []string) []change {
	var found []change
	for from, to := 0, 0; from < len(before) || to < len(after); {
		c := change{from: from, to: to}
		c.removed, c.added = nearest(before[from:], after[to:])
		if c.removed > 0 || c.added > 0 {
			found = append(found, c)
		}
		from, to = c.end(), c.to+c.added
		for from < len(before) && to < len(after) && before[from] == after[to] {
			from, to = from+1, to+1
		}
	}
	for i := range found {
		least := 0
		if i > 0 {
			least = found[i-1].end()
		}
		found[i] = slide(found[i], least, before, after)
	}
	return found
}

// nearest returns how many lines of each text precede the next lines they have in common: as few as possible together,
// unless many more lines match a little further on, because lone braces and brackets match everywhere.
func nearest(before, after []string) (removed, added int) {
	const enough = 8 // lines in common
	removed, added = len(before), len(after)
	best, last := math.MinInt, len(before)+len(after)-2
	for both := 0; both <= last; both++ {
		for g := max(0, both-len(after)+1); g <= min(both, len(before)-1); g++ {
			if before[g] != after[both-g] {
				continue
			}
			if score := common(before[g:], after[both-g:], enough) - both; score > best {
				best, removed, added = score, g, both-g
			}
			last = min(last, both+enough)
		}
	}
	return removed, added
}

// common counts the equal lines at the beginning of both, up to most.
func common(a, b []string, most int) int {
	n := 0
	for n < min(len(a), len(b), most) && a[n] == b[n] {
		n++
	}
	return n
}

// slide moves a change that only adds, or only removes, up to where it begins with the least indent, so that a new
// object shows from its opening brace to its closing one. Least is where the change before it ends.
func slide(c change, least int, before, after []string) change {
	block := after[c.to : c.to+c.added]
	if c.added == 0 {
		block = before[c.from:c.end()]
	}
	if len(block) == 0 || c.added > 0 && c.removed > 0 {
		return c
	}
	best, moved := 0, indent(block[0])
	for up := 1; c.from-up > least && before[c.from-up] == at(before, c, block, up); up++ {
		if in := indent(before[c.from-up]); in < moved {
			best, moved = up, in
		}
	}
	c.from, c.to = c.from-best, c.to-best
	return c
}

// at returns the last line of a block that has been moved up by up-1 lines.
func at(before []string, c change, block []string, up int) string {
	if up <= len(block) {
		return block[len(block)-up]
	}
	return before[c.from-(up-len(block))]
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }
