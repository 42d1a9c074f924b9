package manifest

import (
	"errors"
	"strings"

	"github.com/Masterminds/semver/v3"
)

const snapshot = "-SNAPSHOT"

func isOpen(version string) bool { return strings.HasSuffix(version, snapshot) }

func released(version string) string { return strings.TrimSuffix(version, snapshot) }

// ParseVersion reads X.Y.Z or X.Y.Z-PRE, with or without -SNAPSHOT, as the strict semver that a version
// to be released must be; Original is the version without -SNAPSHOT. Build metadata is not allowed, because
// the version becomes a Git tag and a Maven version. The error is a plain one, for the caller to place.
func ParseVersion(version string) (*semver.Version, error) {
	v, err := semver.StrictNewVersion(released(version))
	if err != nil || v.Metadata() != "" || isOpen(released(version)) {
		return nil, errors.New("not of the form X.Y.Z or X.Y.Z-PRE")
	}
	return v, nil
}

// correctSnapshot gives the version that a misspelled one was meant to be: "1.30.28-SNAPSHOT" for
// "1.30.28-SNAPHOT". Such a component would silently count as released.
func correctSnapshot(version string) (meant string, misspelled bool) {
	if isOpen(version) && !isOpen(released(version)) {
		return "", false
	}
	trimmed := strings.TrimSpace(released(version))
	start := strings.LastIndexAny(trimmed, "-._+ ") + 1
	last := strings.TrimLeft(trimmed[start:], "0123456789")
	if distance(strings.ToUpper(last), snapshot[1:]) > 2 {
		return "", false
	}
	base := strings.TrimRight(strings.TrimSuffix(trimmed, last), "-._+ ")
	return base + snapshot, true
}

// distance is the Levenshtein distance in characters.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range to {
			substituted := diagonal
			if r != s {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(substituted, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
