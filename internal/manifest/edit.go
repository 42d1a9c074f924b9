package manifest

import (
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
			if have.value.text != w.value {
				*e = append(*e, splice{have.value.start, have.value.end, quote(w.value)})
			}
			anchor = have
			continue
		}
		insert.WriteString("," + m.lead(obj) + quote(w.key) + m.colon(anchor) + quote(w.value))
	}
	flush()
}

// insert puts a value, as it is to be written, before the item at that index of a list, or at its end.
func (e *edit) insert(m *Manifest, list *node, at int, value string) {
	switch {
	case len(list.items) == 0:
		*e = append(*e, splice{list.start + 1, list.end - 1, m.alone(list, value)})
	case at == 0:
		first := list.items[0].start
		*e = append(*e, splice{first, first, value + m.separator(list)})
	default:
		end := list.items[at-1].end
		*e = append(*e, splice{end, end, m.separator(list) + value})
	}
}

// remove takes an item out of a list, and the comma that stood for it.
func (e *edit) remove(list *node, at int) {
	items := list.items
	switch {
	case len(items) == 1:
		*e = append(*e, splice{start: list.start + 1, end: list.end - 1})
	case at == 0:
		*e = append(*e, splice{start: items[0].start, end: items[1].start})
	default:
		*e = append(*e, splice{start: items[at-1].end, end: items[at].end})
	}
}

// apply makes the splices and reads the result again: what does not parse never leaves this package.
func (e *edit) apply(m *Manifest) (*Manifest, error) {
	if len(*e) == 0 {
		return m, nil
	}
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
