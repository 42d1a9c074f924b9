package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// usableName matches names that can be the name of a repository and part of a Git path.
var usableName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)

// Check checks what must be true before anything starts. One fault, manifest-invalid, has all problems, each as
// file:line:column and what to do. Warnings, in the same form, are about suspicious things that real files contain; Check
// returns them with a fault, too.
func (m *Manifest) Check() (warnings []string, err error) {
	return m.warnings(), m.problemFault(m.problems())
}

// CheckEdit is Check for a manifest that edits have made from an earlier one: the fault manifest-invalid has only the
// problems that the edits caused; remaining has those that existed before and still do.
func (m *Manifest) CheckEdit(before *Manifest) (remaining []string, err error) {
	old := map[string]bool{}
	for _, p := range before.problems() {
		old[changing.ReplaceAllString(p, "")] = true
	}
	var fresh []string
	for _, p := range m.problems() {
		if old[changing.ReplaceAllString(p, "")] {
			remaining = append(remaining, p)
		} else {
			fresh = append(fresh, p)
		}
	}
	return remaining, m.problemFault(fresh)
}

// FreshWarnings returns the warnings that edits caused which have made this manifest from an earlier one.
func (m *Manifest) FreshWarnings(before *Manifest) []string {
	old := map[string]bool{}
	for _, w := range before.warnings() {
		old[changing.ReplaceAllString(w, "")] = true
	}
	return slices.DeleteFunc(m.warnings(), func(w string) bool { return old[changing.ReplaceAllString(w, "")] })
}

// changing matches what other edits change in a problem: positions, and which components are to be released.
var changing = regexp.MustCompile(`:\d+:\d+|but .* to be released`)

func (m *Manifest) problems() []string {
	problems := append(m.brokenProblems(), m.productProblems()...)
	groups := m.occurrences()
	for _, c := range m.Components {
		problems = append(problems, versionProblems(c)...)
		if c.Open() {
			problems = append(problems, openProblems(c, groups[c.Name])...)
		}
	}
	return problems
}

func (m *Manifest) problemFault(problems []string) error {
	if len(problems) == 0 {
		return nil
	}
	return m.faultOf("manifest-invalid", problems)
}

func (m *Manifest) faultOf(code string, problems []string) *fault.Fault {
	if len(problems) == 1 {
		return fault.New(fault.Invalid, code, "%s", problems[0])
	}
	return fault.New(fault.Invalid, code, "%s has %d problems:\n%s", m.File, len(problems), strings.Join(problems, "\n"))
}

func (m *Manifest) productProblems() []string {
	if meant, misspelled := correctSnapshot(m.Version); misspelled {
		return []string{problem(m.VersionAt, "version %q of the product is a misspelled SNAPSHOT: write %q", m.Version, meant)}
	}
	if m.Open() {
		return malformed(m.VersionAt, "the product", m.Version, strings.TrimPrefix(m.rightProduct(), anyProduct))
	}
	if open := m.open(); len(open) > 0 && unusable(m.root, "version") == "" {
		return []string{problem(m.VersionAt, "version %q of the product does not end in -SNAPSHOT, but %s to be released: %s",
			m.Version, listed(open), m.rightProduct())}
	}
	return nil
}

// anyProduct is said where nothing tells the product's version.
const anyProduct = "write X.Y.Z-SNAPSHOT"

// rightProduct says which version the product should have.
func (m *Manifest) rightProduct() string {
	likely, why := m.LikelyVersion()
	if likely == "" {
		return anyProduct
	}
	return fmt.Sprintf("write %q%s", likely, why)
}

// LikelyVersion returns the version that a product to be released should have: its own, put right, or where it has none, as "null",
// the one after the newest since. Why says so then, for the end of a sentence. It is "" where nothing tells it.
func (m *Manifest) LikelyVersion() (version, why string) {
	if _, err := ParseVersion(m.Version); err == nil {
		return released(m.Version) + snapshot, ""
	}
	if meant := rightForm(released(m.Version) + snapshot); meant != "" {
		return meant, ""
	}
	if v, err := ParseVersion(m.newestSince()); err == nil && !strings.ContainsAny(m.Version, "0123456789") {
		return v.IncPatch().String() + snapshot, ", because the newest since is " + v.Original()
	}
	return "", ""
}

func (m *Manifest) newestSince() string {
	newest := ""
	for _, c := range m.Components {
		if newer(c.Since, newest) {
			newest = c.Since
		}
	}
	return newest
}

// newer tells whether a product version is newer than another one. What is no version is older than any.
func newer(version, than string) bool {
	v, err := ParseVersion(version)
	if err != nil {
		return false
	}
	other, err := ParseVersion(than)
	return err != nil || v.GreaterThan(other)
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

// versionProblems ignores an inherited version: productProblems reports that once.
func versionProblems(c Component) []string {
	if !c.Own {
		return nil
	}
	if meant, misspelled := correctSnapshot(c.Version); misspelled {
		consequence := " and would count as released"
		if c.Open() {
			consequence = ""
		}
		return []string{problem(c.VersionAt, "version %q of %s is a misspelled SNAPSHOT%s: write %q", c.Version, c.Name, consequence, meant)}
	}
	if c.Open() {
		right := ""
		if meant := rightForm(c.Version); meant != "" {
			right = fmt.Sprintf("write %q", meant)
		}
		return malformed(c.VersionAt, c.Name, c.Version, right)
	}
	return nil
}

func malformed(at Position, owner, version, right string) []string {
	if _, err := ParseVersion(version); err == nil {
		return nil
	}
	text := problem(at, "version %q of %s is to be released and must be X.Y.Z-SNAPSHOT or X.Y.Z-PRE-SNAPSHOT", version, owner)
	if right != "" {
		text += ": " + right
	}
	return []string{text}
}

func openProblems(c Component, found []occurrence) []string {
	var problems []string
	if !usableName.MatchString(c.Name) {
		problems = append(problems, problem(c.At, "component %q is to be released, but its name cannot be a repository's: use letters, digits, '.', '_' and '-'", c.Name))
	}
	switch len(found) {
	case 1:
	case 0:
		problems = append(problems, problem(c.At, "%s is to be released (%s) but is in no group: add it to buildDependencies", c.Name, c.Version))
	default:
		problems = append(problems, problem(found[1].at, "%s is to be released (%s) but appears %d times in buildDependencies, first in group %d at %s: keep one",
			c.Name, c.Version, len(found), found[0].group, found[0].at))
	}
	return problems
}

// occurrence is a position of a name in buildDependencies; groups count from 1.
type occurrence struct {
	group int
	at    Position
}

func (m *Manifest) occurrences() map[string][]occurrence {
	all := map[string][]occurrence{}
	for i, group := range m.Groups {
		for _, e := range group {
			all[e.Name] = append(all[e.Name], occurrence{i + 1, e.At})
		}
	}
	return all
}

func (m *Manifest) warnings() []string {
	var warnings []string
	if preReleased(m.Version) {
		warnings = append(warnings, problem(m.VersionAt, "version %q of the product counts as released, because it does not end in -SNAPSHOT", m.Version))
	}
	for i, c := range m.Components {
		if c.Own && preReleased(c.Version) {
			warnings = append(warnings, problem(c.VersionAt, "version %q of %s counts as released, because it does not end in -SNAPSHOT", c.Version, c.Name))
		}
		if _, err := ParseVersion(m.Version); err == nil && newer(c.Since, m.Version) {
			at := m.src.position(m.object(i).get("since").value.start)
			warnings = append(warnings, problem(at, "since %s of %s is newer than the product, %s", c.Since, c.Name, m.Version))
		}
	}
	return append(warnings, m.unknownEntries()...)
}

// preReleased reports whether a version has a pre-release part and is neither open nor misspelled.
func preReleased(version string) bool {
	_, misspelled := correctSnapshot(version)
	return strings.Contains(version, "-") && !isOpen(version) && !misspelled
}

// maxSuggestions is how many warnings look for the name that was meant, which compares with every component.
const maxSuggestions = 50

func (m *Manifest) unknownEntries() []string {
	var warnings []string
	for i, group := range m.Groups {
		for _, e := range group {
			if _, found := m.index[e.Name]; found {
				continue
			}
			w := problem(e.At, "group %d of buildDependencies names %s, which is not a component", i+1, e.Name)
			if len(warnings) < maxSuggestions {
				w += m.suggestion(e.Name)
			}
			warnings = append(warnings, w)
		}
	}
	return warnings
}

func (m *Manifest) suggestion(name string) string {
	if near := m.Nearest(name); near != "" {
		return fmt.Sprintf(" (did you mean %s?)", near)
	}
	return ""
}

func problem(at Position, format string, args ...any) string {
	return at.String() + ": " + fmt.Sprintf(format, args...)
}
