package manifest

import (
	"errors"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
)

const snapshot = "-SNAPSHOT"

func isOpen(version string) bool { return strings.HasSuffix(version, snapshot) }

func released(version string) string { return strings.TrimSuffix(version, snapshot) }

// ParseVersion parses X.Y.Z or X.Y.Z-PRE, with or without -SNAPSHOT, as the strict semver that a version to release must
// be; Original is the version without -SNAPSHOT. It does not allow build metadata, because the version becomes a Git tag
// and a Maven version. Its error is no fault: the caller knows the position.
func ParseVersion(version string) (*semver.Version, error) {
	v, err := semver.StrictNewVersion(released(version))
	if err != nil || v.Metadata() != "" || isOpen(released(version)) {
		return nil, errors.New("not of the form X.Y.Z or X.Y.Z-PRE")
	}
	return v, nil
}

// deployed matches what Maven makes of a snapshot's version when it deploys it: 1.25.1-20240101.123456-7.
var deployed = regexp.MustCompile(`^(.+)-\d{8}\.\d{6}-\d+`)

// word matches the words of a version, with the digits around them.
var word = regexp.MustCompile(`[^-._+\s]+`)

// correctSnapshot returns the intended version of one that is meant to be a snapshot and does not say so: "1.30.28-SNAPSHOT" for
// "1.30.28-SNAPHOT", "1.30.28-SNAPSHOT.1" and "1.30.28-20240101.123456-7". Such a component would silently count as released, or be
// released as something that nobody meant.
func correctSnapshot(version string) (meant string, misspelled bool) {
	own := released(version)
	if m := deployed.FindStringSubmatch(own); m != nil {
		return m[1] + snapshot, true
	}
	for _, at := range word.FindAllStringIndex(own, -1) {
		w := strings.Trim(own[at[0]:at[1]], "0123456789")
		if !nearlySnapshot(w) {
			continue
		}
		base := own[:at[0]+strings.Index(own[at[0]:], w)]
		return strings.TrimRight(base, "-._+ ") + snapshot, true
	}
	return "", false
}

// nearlySnapshot tells whether a word is SNAPSHOT with a mistake or two, or cut to SNAP, as in SNAP2.
func nearlySnapshot(w string) bool {
	return w == "SNAP" || distance(strings.ToUpper(w), snapshot[1:]) <= 2
}

// formed matches what is X.Y.Z-SNAPSHOT but for a blank, a v, a word of Maven's or build metadata.
var formed = regexp.MustCompile(`^\s*[vV]?(\d+\.\d+\.\d+)(?:\s+|\.[A-Za-z]+|\+.*)?-SNAPSHOT$`)

// rightForm returns the version that was meant by an open one of another form than a release needs; "" where it cannot be told.
func rightForm(version string) string {
	m := formed.FindStringSubmatch(version)
	if m == nil {
		return ""
	}
	if _, err := ParseVersion(m[1]); err != nil {
		return ""
	}
	return m[1] + snapshot
}

// distance returns the Levenshtein distance in characters.
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
