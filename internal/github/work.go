package github

import (
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/gravitee-lab/gio/internal/manifest"
)

// Work leaves out of what was committed since a version's tag what a release itself leaves behind it: the commits of Maven's
// release plugin (https://maven.apache.org/maven-release/maven-release-plugin), of semantic-release, and whatever sets the next
// version. What is not shown, of more than GitHub gives, counts as work.
func (c Comparison) Work(version string) Comparison {
	all := len(c.Subjects)
	c.Subjects = slices.DeleteFunc(slices.Clone(c.Subjects), func(subject string) bool { return ofRelease(subject, version) })
	c.Ahead -= all - len(c.Subjects)
	return c
}

// ofRelease tells of a commit's subject whether the release of that version, or a tool that made it, wrote it.
func ofRelease(subject, version string) bool {
	subject = strings.TrimSpace(skipMark.ReplaceAllString(subject, ""))
	if byTool.MatchString(subject) {
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
	byTool   = regexp.MustCompile(`(?i)^\[maven-release-plugin\]|^chore\(release\)|^(chore(\([a-z]*\))?: *)?prepare (release \(?v?\d|(for )?(the )?next (patch|minor|major|dev|development|iteration|release|snapshot|version)\b)`)
	skipMark = regexp.MustCompile(`(?i)\[(skip ci|ci skip)\]`)
)
