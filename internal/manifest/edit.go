package manifest

import (
	"sort"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Release records that the named components were released with the product version since: each gets its version without
// -SNAPSHOT and since. A component without its own version gets one. An unknown component, or one that is not open, is
// the fault manifest-edit.
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
			e.set(m, m.object(m.index[name]), setting{"version", c.ReleaseVersion()}, setting{"since", since})
		}
		done[name] = true
	}
	return e.apply(m)
}

// SetVersion sets the version of the product. Open components without their own version follow it; for released ones it
// writes their old version out, if the product had one. A version without -SNAPSHOT means that everything is released: while a component is open
// it is the fault manifest-edit.
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
	for i, c := range m.Components {
		if !c.Own && !c.Open() && c.HasVersion() {
			e.set(m, m.object(i), setting{"version", c.Version})
		}
	}
	return e.apply(m)
}

func editFault(format string, args ...any) error {
	return fault.New(fault.Invalid, "manifest-edit", format, args...)
}

// setting is a key and its new value.
type setting struct{ key, value string }

// splice replaces data[start:end] by text.
type splice struct {
	start, end int
	text       string
}

// edit collects splices that do not overlap.
type edit []splice

// set sets an object's keys. It inserts a missing key after the one before it in settings, the first one after "name".
func (e *edit) set(m *Manifest, obj *node, settings ...setting) {
	anchor := obj.get("name")
	var insert strings.Builder
	flush := func() {
		if insert.Len() > 0 {
			*e = append(*e, splice{anchor.value.end, anchor.value.end, insert.String()})
			insert.Reset()
		}
	}
	for _, w := range settings {
		if have := obj.get(w.key); have != nil {
			flush()
			if have.value.kind != text || have.value.text != w.value {
				*e = append(*e, splice{have.value.start, have.value.end, quote(w.value)})
			}
			anchor = have
			continue
		}
		insert.WriteString("," + m.lead(obj) + quote(w.key) + m.colon(anchor) + quote(w.value))
	}
	flush()
}

// unset removes an object's key, with its comma.
func (e *edit) unset(obj *node, key string) {
	for i, mem := range obj.members {
		switch {
		case mem.key.text != key:
		case i > 0:
			*e = append(*e, splice{start: obj.members[i-1].value.end, end: mem.value.end})
		case len(obj.members) > 1:
			*e = append(*e, splice{start: mem.key.start, end: obj.members[1].key.start})
		}
	}
}

// apply makes the splices and parses the result, so that an edit never returns what is no manifest.
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
	return ParseToEdit(m.File, append(out, m.src.data[last:]...))
}
