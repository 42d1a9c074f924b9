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

// Diff writes what an edit changes in a file as a unified diff, which `git apply` takes; nothing when it
// changes nothing.
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

// DiffLines is what changes, without the lines around it: those that go ("-") and those that come ("+").
func DiffLines(before, after []string) []string {
	var found []string
	for _, c := range changes(before, after) {
		for _, line := range before[c.from:c.end()] {
			found = append(found, "-"+line)
		}
		for _, line := range after[c.to : c.to+c.come] {
			found = append(found, "+"+line)
		}
	}
	return found
}

// lines are a file's, with their ends.
func lines(data []byte) []string {
	all := strings.SplitAfter(string(data), "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// change replaces the lines before[from:from+gone] by after[to:to+come].
type change struct{ from, gone, to, come int }

func (c change) end() int { return c.from + c.gone }

// diff is one in the making.
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
	d.line(blue, fmt.Sprintf("@@ -%s +%s @@", extent(from, last.end()+tail), extent(to, last.to+last.come+tail)))
	at := from
	for _, c := range changes {
		d.lines(" ", plain, d.before[at:c.from])
		d.lines("-", red, d.before[c.from:c.end()])
		d.lines("+", green, d.after[c.to:c.to+c.come])
		at = c.end()
	}
	d.lines(" ", plain, d.before[at:at+tail])
}

// extent is lines[start:end] as a hunk says it: an empty one by the line before it.
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

// line writes one without what could play with a terminal; a carriage return is what CRLF leaves.
func (d *diff) line(s style, text string) {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' && r != '\r' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
	d.out.WriteString(s.paint(text, d.color) + "\n")
}

// changes are those from one text to another, in order: after a change, both go on with the nearest line that
// they have in common. That need not be the shortest way to say it, but is of a file whose lines are edited,
// and costs no memory.
func changes(before, after []string) []change {
	var found []change
	for from, to := 0, 0; from < len(before) || to < len(after); {
		c := change{from: from, to: to}
		c.gone, c.come = nearest(before[from:], after[to:])
		if c.gone > 0 || c.come > 0 {
			found = append(found, c)
		}
		from, to = c.end(), c.to+c.come
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

// nearest is how many lines of both stand before they have lines in common again: as few as there can be, together, unless
// a little further on many more lines are the same. Braces and brackets are in common everywhere.
func nearest(before, after []string) (gone, come int) {
	const enough = 8 // lines in common
	gone, come = len(before), len(after)
	best, last := math.MinInt, len(before)+len(after)-2
	for both := 0; both <= last; both++ {
		for g := max(0, both-len(after)+1); g <= min(both, len(before)-1); g++ {
			if before[g] != after[both-g] {
				continue
			}
			if score := common(before[g:], after[both-g:], enough) - both; score > best {
				best, gone, come = score, g, both-g
			}
			last = min(last, both+enough)
		}
	}
	return gone, come
}

// common is how many lines are the same, up to so many.
func common(a, b []string, most int) int {
	n := 0
	for n < min(len(a), len(b), most) && a[n] == b[n] {
		n++
	}
	return n
}

// slide moves lines that only come, or only go, up to where they begin with the least indent: a new object
// then shows from its opening brace to its closing one. least is where the change before it ends.
func slide(c change, least int, before, after []string) change {
	block := after[c.to : c.to+c.come]
	if c.come == 0 {
		block = before[c.from:c.end()]
	}
	if len(block) == 0 || c.come > 0 && c.gone > 0 {
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

// at is the line at the end of a block that has been moved up by up-1 lines.
func at(before []string, c change, block []string, up int) string {
	if up <= len(block) {
		return block[len(block)-up]
	}
	return before[c.from-(up-len(block))]
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }
