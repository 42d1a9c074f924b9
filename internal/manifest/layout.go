package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// lead returns the white space before a key, by the object's other keys: from the second key on, because on a single line
// the first one often has none.
func (m *Manifest) lead(obj *node) string {
	first, colon := obj.members[0], m.colon(&obj.members[0])
	if len(obj.members) > 1 {
		between := m.src.data[first.value.end:obj.members[1].key.start]
		return string(between[bytes.IndexByte(between, ',')+1:])
	}
	lead := string(m.src.data[obj.start+1 : first.key.start])
	if lead == "" && strings.HasSuffix(colon, " ") {
		return " "
	}
	return lead
}

func (m *Manifest) colon(mem *member) string { return string(m.src.data[mem.key.end:mem.value.start]) }

// quote encodes a JSON string without HTML escapes, which would make < and & unreadable.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // never fails for a string and a buffer
	return strings.TrimSuffix(b.String(), "\n")
}

// compareNames compares names as people do, without regard to case.
func compareNames(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
}

// separator returns the text between two items of a list, including the comma: that between its own first two, else by
// the distance of its first item from the bracket, else by other lists on one line in this file.
func (m *Manifest) separator(list *node) string {
	if len(list.items) > 1 {
		return m.between(list.items[0].end, list.items[1].start)
	}
	if lead := m.between(list.start+1, list.items[0].start); strings.Contains(lead, "\n") {
		return "," + lead
	}
	for _, group := range m.root.get("buildDependencies").value.items {
		if len(group.items) > 1 {
			if sep := m.between(group.items[0].end, group.items[1].start); !strings.Contains(sep, "\n") {
				return sep
			}
		}
	}
	return "," + m.space()
}

func (m *Manifest) between(start, end int) string { return string(m.src.data[start:end]) }

// space returns what follows a colon or comma on one line: a space, or nothing in a compact file.
func (m *Manifest) space() string {
	if strings.HasSuffix(m.colon(&m.root.members[0]), " ") {
		return " "
	}
	return ""
}

// componentText encodes a component in the layout of the one before it in the list, else of the one after it.
func (m *Manifest) componentText(list *node, at int, name, version string) string {
	key, colon := `"name"`, ":"+m.space()
	if len(list.items) == 0 {
		return "{" + key + colon + quote(name) + "," + m.space() + `"version"` + colon + quote(version) + "}"
	}
	like := list.items[max(at-1, 0)]
	first, last := like.members[0], like.members[len(like.members)-1]
	between := "," + m.lead(like)
	if len(like.members) > 1 {
		between = m.between(first.value.end, like.members[1].key.start)
	}
	colon = m.colon(&first)
	return "{" + m.between(like.start+1, first.key.start) + key + colon + quote(name) + between +
		`"version"` + colon + quote(version) + m.between(last.value.end, like.end-1) + "}"
}

// groupText encodes a group of new names in the layout of the nearest group before it that is not empty, else after it.
func (m *Manifest) groupText(list *node, at int, names []piece) string {
	near := slices.Clone(list.items[:at])
	slices.Reverse(near)
	for _, g := range append(near, list.items[at:]...) {
		if n := len(g.items); n > 0 {
			return "[" + m.between(g.start+1, g.items[0].start) + joined(names, m.separator(g)) + m.between(g.items[n-1].end, g.end-1) + "]"
		}
	}
	return "[" + joined(names, ","+m.space()) + "]"
}

func joined(of []piece, separator string) string {
	var texts []string
	for _, p := range of {
		texts = append(texts, p.text)
	}
	return strings.Join(texts, separator)
}
