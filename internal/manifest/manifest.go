// Package manifest reads, checks and edits release.json. An edit keeps every byte that it does not have to change.
package manifest

import (
	"bytes"
	"cmp"
	"path"
	"slices"
	"strings"
)

// Component is one entry of the manifest's components.
type Component struct {
	Name      string
	Version   string   // its own, else the product's
	Own       bool     // it has its own version
	Since     string   // the product version with which it was last released, "" when the file does not say
	At        Position // of the name's value
	VersionAt Position // of the version's value, or of the product's when it has no own version
}

// Open reports whether the component is to be released: its version ends in -SNAPSHOT.
func (c Component) Open() bool { return isOpen(c.Version) }

// HasVersion reports whether the component has a version, its own or the product's: in a manifest of ParseToEdit it can have none.
// Tools before gio wrote null and "null" for a version that they did not know.
func (c Component) HasVersion() bool {
	return strings.TrimSpace(c.Version) != "" && c.Version != "null"
}

// ReleaseVersion returns the version without -SNAPSHOT.
func (c Component) ReleaseVersion() string { return released(c.Version) }

// Group is one list of buildDependencies. It may contain names that are not components.
type Group []Entry

// Entry is one name in a group.
type Entry struct {
	Name string
	At   Position
}

// Manifest is a release.json. It is immutable: an edit returns a new one.
type Manifest struct {
	File       string
	Name       string
	Version    string // of the product, as in the file
	VersionAt  Position
	SCMHTTPURL string // "" when the file has none
	SCMSSHURL  string // "" when the file has none
	Components []Component
	Groups     []Group

	src    source
	root   *node
	index  map[string]int // of Components, by name; of one that stands twice, the entry that stays
	broken []mistake
}

// Parse parses a manifest. File is the file name in positions. Faults: manifest-syntax for text that is not JSON,
// manifest-shape for JSON that is not a manifest; both say file:line:column.
func Parse(file string, data []byte) (*Manifest, error) {
	m, err := ParseToEdit(file, data)
	if err == nil {
		err = m.brokenFault()
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// ParseToEdit parses a manifest as Parse does, but also reads what an edit can mend, and Check then refuses: a version that is no
// string (which is "" then), empty or "null", a since that is no string ("", too), and a component that stands twice, of which
// Component finds the entry that stays.
func ParseToEdit(file string, data []byte) (*Manifest, error) {
	src := newSource(file, data)
	root, err := src.read()
	if err != nil {
		return nil, err
	}
	m := &Manifest{File: file, src: src, root: root, index: map[string]int{}}
	s := shape{source: src}
	m.fillProduct(&s)
	m.fillComponents(&s)
	m.fillGroups(&s)
	if s.err != nil {
		return nil, s.err
	}
	m.findBroken()
	return m, nil
}

// Bytes returns the file as it was read, or as the edit made it.
func (m *Manifest) Bytes() []byte { return bytes.Clone(m.src.data) }

// Component finds a component by its name.
func (m *Manifest) Component(name string) (Component, bool) {
	if i, found := m.index[name]; found {
		return m.Components[i], true
	}
	return Component{}, false
}

// Open reports whether the product is to be released: its version ends in -SNAPSHOT.
func (m *Manifest) Open() bool { return isOpen(m.Version) }

// ReleaseVersion returns the product's version without -SNAPSHOT.
func (m *Manifest) ReleaseVersion() string { return released(m.Version) }

// Organization returns the last path segment of scmHttpUrl, "" when the file has none.
func (m *Manifest) Organization() string {
	_, rest, found := strings.Cut(strings.TrimRight(m.SCMHTTPURL, "/"), "://")
	if !found || !strings.Contains(rest, "/") {
		return ""
	}
	return path.Base(rest)
}

// Nearest returns the component name of which name is most likely a misspelling, "" when none is close.
func (m *Manifest) Nearest(name string) string {
	var names []string
	for _, c := range m.Components {
		names = append(names, c.Name)
	}
	return Misspelt(names, name)
}

// Misspelt returns the name of which another one is most likely a misspelling, "" when none is close.
func Misspelt(names []string, name string) string {
	best, limit := "", min(3, len(name)/3)+1
	for _, n := range names {
		if d := distance(strings.ToLower(n), strings.ToLower(name)); d < limit {
			best, limit = n, d
		}
	}
	return best
}

// NearestOf returns at most most of the names, those first that differ least from name; of those that differ alike the order stays.
func NearestOf(names []string, name string, most int) []string {
	near := slices.Clone(names)
	slices.SortStableFunc(near, func(a, b string) int { return cmp.Compare(distance(a, name), distance(b, name)) })
	return near[:min(most, len(near))]
}

func (m *Manifest) fillProduct(s *shape) {
	if !s.is(m.root, object, "the manifest") {
		return
	}
	m.Name = s.needText(m.root, "name", "the manifest").text
	if v := m.root.get("version"); v == nil {
		s.fail(m.root, "the manifest has no %q", "version")
	} else {
		m.Version, m.VersionAt = v.value.text, s.position(v.value.start)
	}
	m.SCMHTTPURL = s.text(m.root, "scmHttpUrl", "the manifest").text
	m.SCMSSHURL = s.text(m.root, "scmSshUrl", "the manifest").text
}

func (m *Manifest) fillComponents(s *shape) {
	for i, item := range s.needArray(m.root, "components") {
		if !s.is(item, object, "a component") {
			return
		}
		c := m.component(s, item)
		if kept, twice := m.index[c.Name]; !twice || outlasts(c, m.Components[kept]) {
			m.index[c.Name] = i
		}
		m.Components = append(m.Components, c)
	}
}

func (m *Manifest) component(s *shape, item *node) Component {
	name := s.needText(item, "name", "the component")
	c := Component{Name: name.text, At: s.position(name.start), Version: m.Version, VersionAt: m.VersionAt}
	if since := item.get("since"); since != nil {
		c.Since = since.value.text
	}
	if version := item.get("version"); version != nil {
		c.Own, c.Version, c.VersionAt = true, version.value.text, s.position(version.value.start)
	}
	return c
}

// object returns the JSON of the component at an index.
func (m *Manifest) object(i int) *node { return m.componentList().items[i] }

func (m *Manifest) componentList() *node { return m.root.get("components").value }

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

// shape reads values of the right kind from the tree and keeps the first fault, so that its callers need not check each
// call. Its methods never return nil for a string.
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
