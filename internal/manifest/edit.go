package manifest

import (
	"bytes"
	"encoding/json"
	"sort"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Release records that the named components were released with the product version since: each gets its
// version without -SNAPSHOT and since. A component that had no version of its own has one afterwards.
// A name that is no component, or one that is not open, is the fault manifest-edit.
func (m *Manifest) Release(names []string, since string) (*Manifest, error) {
	var e edit
	done := map[string]bool{}
	for _, name := range names {
		c, found := m.Component(name)
		switch {
		case !found:
			return nil, editFault("%s has no component %q to record as released", m.File, name)
		case !c.Open():
			return nil, editFault("%s: %s cannot be recorded as released: its version %s does not end in -SNAPSHOT", c.VersionAt, name, c.Version)
		case !done[name]:
			e.set(m, m.nodes[name], setting{"version", c.ReleaseVersion()}, setting{"since", since})
		}
		done[name] = true
	}
	return e.apply(m)
}

// SetVersion gives the product a version. Components that have none of their own follow it while they
// are open; those that are released keep what they were released as, written out. A version without
// -SNAPSHOT says that everything is released: while a component is open it is the fault manifest-edit.
func (m *Manifest) SetVersion(product string) (*Manifest, error) {
	if _, err := ParseVersion(product); err != nil {
		return nil, editFault("%s cannot be the product's version: %v", product, err)
	}
	if open := m.open(); len(open) > 0 && !isOpen(product) {
		return nil, editFault("%s: the product cannot become %s while %s to be released", m.VersionAt, product, listed(open))
	}
	if product == m.Version {
		return m, nil
	}
	var e edit
	e.set(m, m.root, setting{"version", product})
	for _, c := range m.Components {
		if !c.Own && !c.Open() {
			e.set(m, m.nodes[c.Name], setting{"version", c.Version})
		}
	}
	return e.apply(m)
}

func editFault(format string, args ...any) error {
	return fault.New(fault.Invalid, "manifest-edit", format, args...)
}

// setting is a key and the string it is to have.
type setting struct{ key, value string }

// splice replaces data[start:end] by text.
type splice struct {
	start, end int
	text       string
}

// edit collects splices that do not overlap.
type edit []splice

// set gives an object's keys their values. A key that is missing is inserted behind the one before it
// in wanted, the first behind "name".
func (e *edit) set(m *Manifest, obj *node, wanted ...setting) {
	anchor := obj.get("name")
	var insert strings.Builder
	flush := func() {
		if insert.Len() > 0 {
			*e = append(*e, splice{anchor.value.end, anchor.value.end, insert.String()})
			insert.Reset()
		}
	}
	for _, w := range wanted {
		if have := obj.get(w.key); have != nil {
			flush()
			*e = append(*e, splice{have.value.start, have.value.end, quote(w.value)})
			anchor = have
			continue
		}
		insert.WriteString("," + m.lead(obj) + quote(w.key) + m.colon(anchor) + quote(w.value))
	}
	flush()
}

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

// apply makes the splices and reads the result again: what does not parse never leaves this package.
func (e *edit) apply(m *Manifest) (*Manifest, error) {
	splices := *e
	sort.Slice(splices, func(i, j int) bool { return splices[i].start < splices[j].start })
	var out []byte
	last := 0
	for _, s := range splices {
		out = append(append(out, m.src.data[last:s.start]...), s.text...)
		last = s.end
	}
	return Parse(m.File, append(out, m.src.data[last:]...))
}
