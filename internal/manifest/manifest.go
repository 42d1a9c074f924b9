// Package manifest reads, checks and edits release.json, keeping every byte it was not asked to change.
package manifest

import (
	"bytes"
	"path"
	"strings"
)

// Component is one entry of the manifest's components.
type Component struct {
	Name      string
	Version   string   // its own, else the product's
	Own       bool     // it has a version of its own
	Since     string   // the product version it was last released with, "" when the file does not say
	At        Position // of the name's value
	VersionAt Position // of the version's value, or of the product's when it has none of its own
}

// Open tells whether the component is to be released: its version ends in -SNAPSHOT.
func (c Component) Open() bool { return isOpen(c.Version) }

// ReleaseVersion is the version without -SNAPSHOT.
func (c Component) ReleaseVersion() string { return released(c.Version) }

// Group is one list of buildDependencies. It may name what is no component.
type Group []Entry

// Entry is one name in a group.
type Entry struct {
	Name string
	At   Position
}

// Manifest is a release.json. It is never changed: an edit gives a new one.
type Manifest struct {
	File       string
	Name       string
	Version    string // of the product, as it stands in the file
	VersionAt  Position
	SCMHTTPURL string // "" when the file has none
	SCMSSHURL  string // "" when the file has none
	Components []Component
	Groups     []Group

	src   source
	root  *node
	nodes map[string]*node // the components' objects by name
	index map[string]int   // of Components, by name
}

// Parse reads a manifest. File is the name that positions carry. What is not JSON is the fault
// manifest-syntax, what is JSON but no manifest is manifest-shape; both say file:line:column.
func Parse(file string, data []byte) (*Manifest, error) {
	src := newSource(file, data)
	root, err := src.read()
	if err != nil {
		return nil, err
	}
	m := &Manifest{File: file, src: src, root: root, nodes: map[string]*node{}, index: map[string]int{}}
	s := shape{source: src}
	m.fillProduct(&s)
	m.fillComponents(&s)
	m.fillGroups(&s)
	if s.err != nil {
		return nil, s.err
	}
	return m, nil
}

// Bytes is the file as it was read, or as the edit left it.
func (m *Manifest) Bytes() []byte { return bytes.Clone(m.src.data) }

// Component finds a component by its name.
func (m *Manifest) Component(name string) (Component, bool) {
	if i, found := m.index[name]; found {
		return m.Components[i], true
	}
	return Component{}, false
}

// Open tells whether the product is to be released: its version ends in -SNAPSHOT.
func (m *Manifest) Open() bool { return isOpen(m.Version) }

// ReleaseVersion is the product's version without -SNAPSHOT.
func (m *Manifest) ReleaseVersion() string { return released(m.Version) }

// Organization is the last path segment of scmHttpUrl, "" when the file has none.
func (m *Manifest) Organization() string {
	_, rest, found := strings.Cut(strings.TrimRight(m.SCMHTTPURL, "/"), "://")
	if !found || !strings.Contains(rest, "/") {
		return ""
	}
	return path.Base(rest)
}

// Nearest is the name of the component that name is most likely a misspelling of, "" when none is close.
func (m *Manifest) Nearest(name string) string {
	best, limit := "", min(3, len(name)/3)+1
	for _, c := range m.Components {
		if d := distance(strings.ToLower(c.Name), strings.ToLower(name)); d < limit {
			best, limit = c.Name, d
		}
	}
	return best
}

func (m *Manifest) fillProduct(s *shape) {
	if !s.is(m.root, object, "the manifest") {
		return
	}
	m.Name = s.needText(m.root, "name", "the manifest").text
	version := s.needText(m.root, "version", "the manifest")
	m.Version, m.VersionAt = version.text, s.position(version.start)
	m.SCMHTTPURL = s.text(m.root, "scmHttpUrl", "the manifest").text
	m.SCMSSHURL = s.text(m.root, "scmSshUrl", "the manifest").text
}

func (m *Manifest) fillComponents(s *shape) {
	for _, item := range s.needArray(m.root, "components") {
		if !s.is(item, object, "a component") {
			return
		}
		c := m.component(s, item)
		if first, found := m.Component(c.Name); found && c.Name != "" { // a missing name is told already
			s.fail(item.get("name").value, "component %q stands here a second time, first at %s", c.Name, first.At)
		}
		m.index[c.Name] = len(m.Components)
		m.Components = append(m.Components, c)
		m.nodes[c.Name] = item
	}
}

func (m *Manifest) component(s *shape, item *node) Component {
	name := s.needText(item, "name", "the component")
	owner := "component " + name.text
	c := Component{
		Name: name.text, At: s.position(name.start),
		Version: m.Version, VersionAt: m.VersionAt,
		Since: s.text(item, "since", owner).text,
	}
	if item.get("version") != nil {
		version := s.needText(item, "version", owner)
		c.Own, c.Version, c.VersionAt = true, version.text, s.position(version.start)
	}
	return c
}

func (m *Manifest) fillGroups(s *shape) {
	for _, item := range s.needArray(m.root, "buildDependencies") {
		if !s.is(item, array, "a group of buildDependencies") {
			return
		}
		group := Group{}
		for _, name := range item.items {
			if !s.is(name, text, "a name in buildDependencies") {
				return
			}
			if name.text == "" {
				s.fail(name, "a name in buildDependencies is empty")
			}
			group = append(group, Entry{Name: name.text, At: s.position(name.start)})
		}
		m.Groups = append(m.Groups, group)
	}
}

// shape reads values of the right kind out of the tree and keeps the first fault, so that its callers
// can be written straight through. Its methods never return nil for a string.
type shape struct {
	source
	err error
}

func (s *shape) fail(at *node, format string, args ...any) {
	if s.err == nil {
		s.err = s.source.shape(at, format, args...)
	}
}

func (s *shape) is(n *node, want kind, what string) bool {
	if n.kind != want {
		s.fail(n, "%s must be %s, not %s", what, want, n.kind)
	}
	return n.kind == want
}

func (s *shape) text(obj *node, key, owner string) *node {
	m := obj.get(key)
	if m == nil || !s.is(m.value, text, key+" of "+owner) {
		return &node{}
	}
	return m.value
}

func (s *shape) needText(obj *node, key, owner string) *node {
	n := s.text(obj, key, owner)
	switch {
	case obj.get(key) == nil:
		s.fail(obj, "%s has no %q", owner, key)
	case n.kind == text && strings.TrimSpace(n.text) == "":
		s.fail(n, "%s of %s is empty", key, owner)
	}
	return n
}

func (s *shape) needArray(obj *node, key string) []*node {
	m := obj.get(key)
	if m == nil {
		s.fail(obj, "the manifest has no %q", key)
		return nil
	}
	s.is(m.value, array, key)
	return m.value.items
}
