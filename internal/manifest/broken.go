package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Double is a component that stands more than once.
type Double struct {
	Stays Component
	Goes  []Component // in the order of the file
}

// Doubles returns the components that stand more than once, in the order of their first entries. The entry with the highest
// version stays, one to be released before a released one: a release that is forgotten is worse than one that is refused.
func (m *Manifest) Doubles() []Double {
	var doubles []Double
	at := map[string]int{}
	for i, c := range m.Components {
		kept := m.index[c.Name]
		if i == kept {
			continue
		}
		if _, known := at[c.Name]; !known {
			at[c.Name] = len(doubles)
			doubles = append(doubles, Double{Stays: m.Components[kept]})
		}
		d := &doubles[at[c.Name]]
		d.Goes = append(d.Goes, c)
	}
	return doubles
}

// outlasts tells whether a component stays and the entry of the same name before it goes.
func outlasts(c, before Component) bool {
	v, err := ParseVersion(c.Version)
	if err != nil {
		return c.Version != "" && before.Version == ""
	}
	first, err := ParseVersion(before.Version)
	if err != nil {
		return before.Version == ""
	}
	if order := v.Compare(first); order != 0 {
		return order > 0
	}
	return c.Open() && !before.Open()
}

// RemoveDoubles removes the entries of a component that go. One that stands once does not change.
func (m *Manifest) RemoveDoubles(name string) (*Manifest, error) {
	return m.arrange(func(pieces []piece) []piece {
		var left []piece
		for i, p := range pieces {
			if m.Components[i].Name != name || i == m.index[name] {
				left = append(left, p)
			}
		}
		return left
	})
}

// BrokenSince tells whether the since of a component is no string. An empty one is none.
func (m *Manifest) BrokenSince(name string) bool {
	i, found := m.index[name]
	return found && m.object(i).get("since") != nil && m.object(i).get("since").value.kind != text
}

// mistake is something that Parse refuses and an edit can mend.
type mistake struct {
	text string   // with its position and what to do
	mend []string // the words of gio prepare that do it
}

// findBroken notes what Parse refuses and an edit can mend.
func (m *Manifest) findBroken() {
	if what := unusable(m.root, "version"); what != "" {
		likely, _ := m.LikelyVersion()
		m.note([]string{"--version", cmp.Or(likely, "X.Y.Z-SNAPSHOT")}, m.VersionAt, "version of the manifest %s: %s", what, m.rightProduct())
	}
	first := map[string]Component{}
	for i, c := range m.Components {
		if earlier, twice := first[c.Name]; twice {
			m.noteTwice(earlier, c)
		} else {
			first[c.Name] = c
		}
		if i == m.index[c.Name] {
			m.findBrokenIn(c)
		}
	}
}

func (m *Manifest) note(mend []string, at Position, format string, args ...any) {
	m.broken = append(m.broken, mistake{problem(at, format, args...), mend})
}

func (m *Manifest) noteTwice(first, again Component) {
	stays := m.Components[m.index[again.Name]]
	version := "product"
	if stays.Own {
		version = cmp.Or(stays.Version, "VERSION")
	}
	m.note([]string{again.Name + "=" + version}, again.At, "component %q appears here again, first at %s: keep the one at %s", again.Name, first.At, stays.place())
}

func (m *Manifest) findBrokenIn(c Component) {
	obj := m.object(m.index[c.Name])
	what := unusable(obj, "version")
	if what == "" && c.Own && c.Version == "null" {
		what = `is "null"`
	}
	if what != "" {
		m.note([]string{c.Name + "=VERSION"}, c.VersionAt, "version of component %s %s: %s", c.Name, what, m.rightVersion(c))
	}
	if what = unusable(obj, "since"); what != "" && what != empty {
		at := m.src.position(obj.get("since").value.start)
		m.note([]string{"--since", c.Name + "=none"}, at, "since of component %s %s: write the product version that it was released with, or remove it", c.Name, what)
	}
}

const empty = "is empty"

// unusable says why a value cannot be used; "" for one that can be, or that is not there.
func unusable(obj *node, key string) string {
	switch v := obj.get(key); {
	case v == nil:
		return ""
	case v.value.kind != text:
		return fmt.Sprintf("must be a string, not %s", v.value.kind)
	case strings.TrimSpace(v.value.text) == "":
		return empty
	}
	return ""
}

// place says where an entry stands and what version it has.
func (c Component) place() string {
	if c.Version == "" {
		return c.At.String() + " (no version)"
	}
	return fmt.Sprintf("%s (%s)", c.At, c.Version)
}

// rightVersion says which version a component should have.
func (m *Manifest) rightVersion(c Component) string {
	if c.Since != "" {
		return fmt.Sprintf("write the version that was released with %s, as its since says", c.Since)
	}
	return fmt.Sprintf("write its version, or remove the key: then it has the product's, %s", m.Version)
}

func (m *Manifest) brokenProblems() []string {
	var texts []string
	for _, b := range m.broken {
		texts = append(texts, b.text)
	}
	return texts
}

// brokenFault says all that is broken, and the commands that mend it.
func (m *Manifest) brokenFault() error {
	if len(m.broken) == 0 {
		return nil
	}
	var words []string
	for _, b := range m.broken {
		if !slices.Contains(words, b.mend[len(b.mend)-1]) {
			words = append(words, b.mend...)
		}
	}
	return m.faultOf("manifest-shape", m.brokenProblems()).
		Hint("%s mends it; %s finds out what it can, and mends that",
			fault.Next{Action: fault.Prepare, Args: words}, fault.Next{Action: fault.Doctor, Args: []string{"--fix"}})
}
