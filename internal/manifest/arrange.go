package manifest

import (
	"slices"
	"strings"
)

// piece is an item of a list to be: an item of the list as it is, by its index, or a new one, for which the index is negative.
// A text replaces the item's own.
type piece struct {
	item int
	text string
	name string // of an entry of a group
}

// pieces are a list as it is.
func pieces(list *node) []piece {
	all := make([]piece, len(list.items))
	for i := range all {
		all[i] = piece{item: i, name: list.items[i].text}
	}
	return all
}

// arranged encodes a list of these pieces. Every item keeps its bytes, and the white space before it.
func (m *Manifest) arranged(list *node, of []piece) string {
	if slices.Equal(of, pieces(list)) {
		return m.between(list.start, list.end)
	}
	if len(of) == 0 {
		return "[]"
	}
	if len(list.items) == 0 {
		return m.filled(list, of)
	}
	var b strings.Builder
	b.WriteString("[" + m.between(list.start+1, list.items[0].start))
	for i, p := range of {
		if i > 0 {
			b.WriteString(m.before(list, p))
		}
		b.WriteString(m.textOf(list, p))
	}
	b.WriteString(m.between(list.items[len(list.items)-1].end, list.end-1) + "]")
	return b.String()
}

// before returns the text between a piece and the one before it.
func (m *Manifest) before(list *node, p piece) string {
	if p.item > 0 {
		return m.between(list.items[p.item-1].end, list.items[p.item].start)
	}
	return m.separator(list)
}

func (m *Manifest) textOf(list *node, p piece) string {
	if p.text != "" {
		return p.text
	}
	return m.between(list.items[p.item].start, list.items[p.item].end)
}

// filled encodes a list that was empty: each piece on a line of its own, two levels deep, where the file has several lines. Lists
// that can be empty are members of the manifest itself, or groups, which then are on one line.
func (m *Manifest) filled(list *node, of []piece) string {
	lead := m.between(m.root.start+1, m.root.members[0].key.start)
	at := strings.LastIndexByte(lead, '\n')
	inner, separator := "", ","+m.space()
	if at < 0 || list != m.componentList() && list != m.groupList() {
		lead = ""
	} else {
		inner = lead + lead[at+1:]
		separator = "," + inner
	}
	return "[" + inner + joined(of, separator) + lead + "]"
}

// arrange makes the components stand as order says.
func (m *Manifest) arrange(order func([]piece) []piece) (*Manifest, error) {
	list := m.componentList()
	return m.rewrite(list, m.arranged(list, order(pieces(list))))
}

// rewrite replaces a list by a text.
func (m *Manifest) rewrite(list *node, text string) (*Manifest, error) {
	var e edit
	if text != m.between(list.start, list.end) {
		e = edit{{list.start, list.end, text}}
	}
	return e.apply(m)
}
