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
// set the next version. Commits that GitHub does not show count as work.
func (c Comparison) Work(version string) Comparison {
	return c.without(func(commit Commit) bool { return isReleaseCommit(commit.Subject, version) })
}

// Changes returns a comparison between versions without merges and without the commits that the releases between them made
// themselves: those that Work leaves out, and those whose subject says nothing but a version.
func (c Comparison) Changes(from string) Comparison {
	return c.without(func(commit Commit) bool {
		return commit.Merge || isReleaseCommit(commit.Subject, from) || versionAlone.MatchString(withoutMark(commit.Subject))
	})
}

func (c Comparison) without(leftOut func(Commit) bool) Comparison {
	all := len(c.Commits)
	c.Commits = slices.DeleteFunc(slices.Clone(c.Commits), leftOut)
	c.Ahead -= all - len(c.Commits)
	return c
}

// Newest returns the subjects of at most most commits, the newest first.
func (c Comparison) Newest(most int) []string {
	var subjects []string
	for _, commit := range slices.Backward(c.Commits) {
		if len(subjects) == most {
			break
		}
		subjects = append(subjects, commit.Subject)
	}
	return subjects
}

// isReleaseCommit reports whether a commit's subject is one that the release of that version, or a release tool, writes.
func isReleaseCommit(subject, version string) bool {
	subject = withoutMark(subject)
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

// withoutMark returns a subject without what keeps a CI system from building the commit.
func withoutMark(subject string) string {
	return strings.TrimSpace(skipMark.ReplaceAllString(subject, ""))
}

var (
	releaseTool = regexp.MustCompile(`(?i)^\[maven-release-plugin\]|^chore\(release\)|^(chore(\([a-z]*\))?: *)?prepare (release \(?v?\d|(for )?(the )?next (patch|minor|major|dev|development|iteration|release|snapshot|version)\b)`)
	// versionAlone: "3.9.4", "Release v3.9.4", "ci: prepare 3.9.5-SNAPSHOT", "chore(version): bump version to 3.10.0".
	versionAlone = regexp.MustCompile(`(?i)^((chore|ci|build|release)(\([a-z]*\))?: *)?((release|prepare|bump|set|update|version|to|for|the|next|new)[: ]+)*v?\d+\.\d+\.\d+[-.0-9a-z]*$`)
	skipMark     = regexp.MustCompile(`(?i)\[(skip ci|ci skip)\]`)
)
