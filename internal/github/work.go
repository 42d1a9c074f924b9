package github

import (
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/gravitee-lab/gio/internal/manifest"
)

// Work returns a comparison since a version's tag without the commits that a release itself makes after its tag: those of
// Maven's release plugin (https://maven.apache.org/maven-release/maven-release-plugin), of semantic-release, and those that
// set the next version. Commits beyond GitHub's first page count as work.
func (c Comparison) Work(version string) Comparison {
	all := len(c.Subjects)
	c.Subjects = slices.DeleteFunc(slices.Clone(c.Subjects), func(subject string) bool { return isReleaseCommit(subject, version) })
	c.Ahead -= all - len(c.Subjects)
	return c
}

// isReleaseCommit reports whether a commit's subject is one that the release of that version, or a release tool, writes.
func isReleaseCommit(subject, version string) bool {
	subject = strings.TrimSpace(skipMark.ReplaceAllString(subject, ""))
	if releaseTool.MatchString(subject) {
		return true
	}
	v, err := manifest.ParseVersion(version)
	if err != nil {
		return false
	}
	return slices.ContainsFunc([]semver.Version{v.IncPatch(), v.IncMinor(), v.IncMajor()}, func(next semver.Version) bool {
		return strings.HasSuffix(subject, " "+next.String()+"-SNAPSHOT")
	})
}

var (
	releaseTool = regexp.MustCompile(`(?i)^\[maven-release-plugin\]|^chore\(release\)|^(chore(\([a-z]*\))?: *)?prepare (release \(?v?\d|(for )?(the )?next (patch|minor|major|dev|development|iteration|release|snapshot|version)\b)`)
	skipMark    = regexp.MustCompile(`(?i)\[(skip ci|ci skip)\]`)
)
