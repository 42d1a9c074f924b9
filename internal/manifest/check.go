package manifest

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// usableName is what a name may consist of to be the name of a repository and part of a Git path.
var usableName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)

// Check holds what must be true before anything starts. All problems are in one fault, manifest-invalid,
// each as file:line:column and what to do. Warnings, in the same form, are for what a person should look at
// and real files nevertheless contain; they are returned with a fault too.
func (m *Manifest) Check() (warnings []string, err error) {
	return m.warnings(), m.problemFault(m.problems())
}

// CheckEdit is Check for a manifest that edits have made from an earlier one: the fault manifest-invalid
// holds only problems that the edits brought; what was wrong before, and still is, is left in remaining.
func (m *Manifest) CheckEdit(before *Manifest) (remaining []string, err error) {
	old := map[string]bool{}
	for _, p := range before.problems() {
		old[positions.ReplaceAllString(p, "")] = true
	}
	var fresh []string
	for _, p := range m.problems() {
		if old[positions.ReplaceAllString(p, "")] {
			remaining = append(remaining, p)
		} else {
			fresh = append(fresh, p)
		}
	}
	return remaining, m.problemFault(fresh)
}

// positions are what an edit moves without touching what stands there.
var positions = regexp.MustCompile(`:\d+:\d+`)

func (m *Manifest) problems() []string {
	problems := m.productProblems()
	groups := m.places()
	for _, c := range m.Components {
		problems = append(problems, versionProblems(c)...)
		if c.Open() {
			problems = append(problems, openProblems(c, groups[c.Name])...)
		}
	}
	return problems
}

func (m *Manifest) problemFault(problems []string) error {
	switch len(problems) {
	case 0:
		return nil
	case 1:
		return fault.New(fault.Invalid, "manifest-invalid", "%s", problems[0])
	}
	return fault.New(fault.Invalid, "manifest-invalid", "%s has %d problems:\n%s", m.File, len(problems), strings.Join(problems, "\n"))
}

func (m *Manifest) productProblems() []string {
	if meant, misspelled := correctSnapshot(m.Version); misspelled {
		return []string{problem(m.VersionAt, "version %q of the product is a misspelled SNAPSHOT: write %q", m.Version, meant)}
	}
	if m.Open() {
		return malformed(m.VersionAt, "the product", m.Version)
	}
	if open := m.open(); len(open) > 0 {
		return []string{problem(m.VersionAt, "version %q of the product does not end in -SNAPSHOT, but %s to be released: write %q",
			m.Version, listed(open), m.Version+snapshot)}
	}
	return nil
}

func (m *Manifest) open() []string {
	var names []string
	for _, c := range m.Components {
		if c.Open() {
			names = append(names, c.Name)
		}
	}
	return names
}

func listed(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return fmt.Sprintf("%d components (%s, …) are", len(names), names[0])
}

// versionProblems says nothing about an inherited version: that is said once, of the product.
func versionProblems(c Component) []string {
	if !c.Own {
		return nil
	}
	if meant, misspelled := correctSnapshot(c.Version); misspelled {
		return []string{problem(c.VersionAt, "version %q of %s is a misspelled SNAPSHOT and would count as released: write %q", c.Version, c.Name, meant)}
	}
	if c.Open() {
		return malformed(c.VersionAt, c.Name, c.Version)
	}
	return nil
}

func malformed(at Position, owner, version string) []string {
	if _, err := ParseVersion(version); err == nil {
		return nil
	}
	return []string{problem(at, "version %q of %s is to be released and must be X.Y.Z-SNAPSHOT or X.Y.Z-PRE-SNAPSHOT", version, owner)}
}

func openProblems(c Component, places []place) []string {
	var problems []string
	if !usableName.MatchString(c.Name) {
		problems = append(problems, problem(c.At, "component %q is to be released, but its name cannot be a repository's: use letters, digits, '.', '_' and '-'", c.Name))
	}
	switch len(places) {
	case 1:
	case 0:
		problems = append(problems, problem(c.At, "%s is to be released (%s) but stands in no group: add it to buildDependencies", c.Name, c.Version))
	default:
		problems = append(problems, problem(places[1].at, "%s is to be released (%s) but stands %d times in buildDependencies, first in group %d at %s: keep one",
			c.Name, c.Version, len(places), places[0].group, places[0].at))
	}
	return problems
}

// place is where a name stands in buildDependencies; groups count from 1.
type place struct {
	group int
	at    Position
}

func (m *Manifest) places() map[string][]place {
	places := map[string][]place{}
	for i, group := range m.Groups {
		for _, e := range group {
			places[e.Name] = append(places[e.Name], place{i + 1, e.At})
		}
	}
	return places
}

func (m *Manifest) warnings() []string {
	var warnings []string
	if preReleased(m.Version) {
		warnings = append(warnings, problem(m.VersionAt, "version %q of the product counts as released, because it does not end in -SNAPSHOT", m.Version))
	}
	for _, c := range m.Components {
		if c.Own && preReleased(c.Version) {
			warnings = append(warnings, problem(c.VersionAt, "version %q of %s counts as released, because it does not end in -SNAPSHOT", c.Version, c.Name))
		}
	}
	return append(warnings, m.ghosts()...)
}

// preReleased tells of a version that has a pre-release part and is neither to be released nor misspelled.
func preReleased(version string) bool {
	_, misspelled := correctSnapshot(version)
	return strings.Contains(version, "-") && !isOpen(version) && !misspelled
}

func (m *Manifest) ghosts() []string {
	var warnings []string
	for i, group := range m.Groups {
		for _, e := range group {
			if m.nodes[e.Name] != nil {
				continue
			}
			w := problem(e.At, "group %d of buildDependencies names %s, which is no component", i+1, e.Name)
			if near := m.Nearest(e.Name); near != "" {
				w += fmt.Sprintf(" (did you mean %s?)", near)
			}
			warnings = append(warnings, w)
		}
	}
	return warnings
}

func problem(at Position, format string, args ...any) string {
	return at.String() + ": " + fmt.Sprintf(format, args...)
}
