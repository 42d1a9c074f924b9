package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// lead is the white space before a key as the object's other keys have it: from the second key on,
// because on a single line the first one often has none.
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

// quote writes a JSON string; HTML escapes would make < and & unreadable.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes, and a buffer takes all
	return strings.TrimSuffix(b.String(), "\n")
}

// compareNames sorts names as people do, who do not tell capital letters apart.
func compareNames(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
}

// separator is what stands between two items of a list, with the comma: between its own first two, else
// as its first item is set apart from the bracket, else as lists on one line are written in this file.
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

// space is what stands behind a colon or comma on one line: a blank, or nothing in a file written tightly.
func (m *Manifest) space() string {
	if strings.HasSuffix(m.colon(&m.root.members[0]), " ") {
		return " "
	}
	return ""
}

// alone sets the only item of a list apart from the brackets: on a line of its own, two levels deep, where
// the file has lines at all. Lists that can be empty are members of the manifest itself, or groups, which
// are written on one line then.
func (m *Manifest) alone(list *node, item string) string {
	lead := m.between(m.root.start+1, m.root.members[0].key.start)
	at := strings.LastIndexByte(lead, '\n')
	if at < 0 || list != m.root.get("components").value && list != m.root.get("buildDependencies").value {
		return item
	}
	return lead + lead[at+1:] + item + lead
}

// componentText writes a component like the one before it in the list, else the one behind it.
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

// groupText writes a group of one name like the nearest group before it that has any, else behind it.
func (m *Manifest) groupText(list *node, at int, name string) string {
	near := slices.Clone(list.items[:at])
	slices.Reverse(near)
	for _, g := range append(near, list.items[at:]...) {
		if n := len(g.items); n > 0 {
			return "[" + m.between(g.start+1, g.items[0].start) + quote(name) + m.between(g.items[n-1].end, g.end-1) + "]"
		}
	}
	return "[" + quote(name) + "]"
}
