package needs

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
)

const snapshot = "-SNAPSHOT"

// classOf compares the version that a file names with the one that the run releases.
func classOf(k kind, named, released string) Class {
	switch {
	case named == "" || strings.Contains(named, "${"):
		return Unknown
	case k == npm:
		return ofConstraint(named, released)
	case strings.ContainsAny(named[:1], "[(") || named == "LATEST" || named == "RELEASE":
		return Range // what it takes in is the artifact server's
	}
	return ofVersion(named, released)
}

// ofConstraint is for npm, whose versions are constraints (docs.npmjs.com/about-semantic-versioning).
func ofConstraint(named, released string) Class {
	if _, err := semver.StrictNewVersion(strings.TrimPrefix(named, "=")); err == nil {
		return ofVersion(strings.TrimPrefix(named, "="), released)
	}
	constraint, err := semver.NewConstraint(named)
	version, unreadable := semver.NewVersion(released)
	switch {
	case err != nil || unreadable != nil: // a tag, an address, a workspace
		return Unknown
	case constraint.Check(version):
		return Range
	}
	return Newer
}

func ofVersion(named, released string) Class {
	named, released = strings.TrimSuffix(named, snapshot), strings.TrimSuffix(released, snapshot)
	if named == released {
		return Exact
	}
	a, readable := parse(named)
	b, ok := parse(released)
	if !readable || !ok {
		return Unknown
	}
	switch order := a.compare(b); {
	case order == 0 || order < 0 && a.numbers[0] == b.numbers[0] && a.numbers[1] == b.numbers[1]:
		return Patch
	case order < 0:
		return Older
	}
	return Newer
}

// version is one as Maven compares it, as far as a release needs it: numbers, and a qualifier that comes before none.
type version struct {
	numbers   [4]int
	qualifier string
}

var versionForm = regexp.MustCompile(`^(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:[.-]([A-Za-z0-9][A-Za-z0-9.+_-]*))?$`)

func parse(text string) (v version, ok bool) {
	parts := versionForm.FindStringSubmatch(text)
	if parts == nil {
		return v, false
	}
	for i, digits := range parts[1:5] {
		for _, d := range digits {
			v.numbers[i] = 10*v.numbers[i] + int(d-'0')
		}
	}
	v.qualifier = parts[5]
	return v, true
}

func (v version) compare(w version) int {
	for i := range v.numbers {
		if order := cmp.Compare(v.numbers[i], w.numbers[i]); order != 0 {
			return order
		}
	}
	switch {
	case v.qualifier == w.qualifier:
		return 0
	case v.qualifier == "":
		return 1
	case w.qualifier == "":
		return -1
	}
	return cmp.Compare(v.qualifier, w.qualifier)
}
