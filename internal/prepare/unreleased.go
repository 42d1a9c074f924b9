package prepare

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

const shownSubjects = 3

// unreleased counts what was done on the component's branch since the tag of its version, and finds the
// version to open it at; a note, when that cannot be said. Without commits both are empty.
func (s *source) unreleased(ctx context.Context) (found opening, note string, err error) {
	branch, news, note, err := s.news(ctx)
	if err != nil || note != "" || news.commits == 0 {
		return opening{}, note, err
	}
	found, err = s.open(ctx)
	if kind := fault.KindOf(err); kind == fault.Invalid {
		return opening{}, fmt.Sprintf("%s has %s since %s on %s: %s", s.component.Name, count(news.commits, "commit"), news.since, branch, err), nil
	}
	if err == nil && found.branch != branch { // what is built is on another one than the likeliest
		if news, err = s.compare(ctx, news.since, found.branch); news.commits == 0 {
			return opening{}, "", err
		}
	}
	found.since, found.commits, found.subjects = news.since, news.commits, news.subjects
	return found, "", err
}

// news compares the tag of the component's version with the likeliest branch that exists.
func (s *source) news(ctx context.Context) (branch string, news opening, note string, err error) {
	for _, tag := range []string{s.component.Version, "v" + s.component.Version} {
		for _, candidate := range s.options.Candidates(s.manifest, s.component) {
			if branch, err = s.branch(ctx, candidate); err != nil {
				return "", opening{}, "", err
			}
			news, err = s.compare(ctx, tag, branch)
			if !fault.Is(err, "no-commit") {
				return branch, news, "", err
			}
		}
		if tag == s.component.Version {
			there, err := s.gh.VersionTag(ctx, s.repository, s.component.Version, "")
			if err != nil {
				return "", opening{}, "", err
			}
			if there == "" {
				return "", opening{}, fmt.Sprintf("%s was not looked at: %s has no tag %s and no v%s", s.component.Name, s.repository, tag, tag), nil
			}
		}
	}
	return "", opening{}, fmt.Sprintf("%s was not looked at: %s has no branch that its next version can be on", s.component.Name, s.repository), nil
}

// compare counts the commits of a branch since a tag. Of more than GitHub shows, none is left out.
func (s *source) compare(ctx context.Context, tag, branch string) (opening, error) {
	compared, err := s.gh.Compare(ctx, s.repository, tag, branch)
	if err != nil {
		return opening{}, err
	}
	subjects := slices.DeleteFunc(slices.Clone(compared.Subjects), s.ofRelease)
	news := opening{since: tag, commits: compared.Ahead - len(compared.Subjects) + len(subjects)}
	slices.Reverse(subjects)
	news.subjects = subjects[:min(len(subjects), shownSubjects)]
	return news, nil
}

// ofRelease tells of the commits that a release itself leaves behind its tag: Maven's release plugin
// (https://maven.apache.org/maven-release/maven-release-plugin), semantic-release, and whatever sets the next version.
func (s *source) ofRelease(subject string) bool {
	if byTool.MatchString(subject) {
		return true
	}
	v, err := manifest.ParseVersion(s.component.Version)
	if err != nil {
		return false
	}
	subject = strings.TrimSpace(skipMark.ReplaceAllString(subject, ""))
	return slices.ContainsFunc([]semver.Version{v.IncPatch(), v.IncMinor(), v.IncMajor()}, func(next semver.Version) bool {
		return strings.HasSuffix(subject, " "+next.String()+snapshot)
	})
}

var (
	byTool   = regexp.MustCompile(`(?i)^\[maven-release-plugin\]|^chore\(release\)|^(\[skip ci\] *)?(chore(\([a-z]*\))?: *)?prepare (for )?(the )?next `)
	skipMark = regexp.MustCompile(`(?i)\[(skip ci|ci skip)\]`)
)
