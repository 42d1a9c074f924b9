package prepare

import (
	"context"
	"fmt"
	"slices"

	"github.com/gravitee-lab/gio/internal/fault"
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
	work := compared.Work(s.component.Version)
	slices.Reverse(work.Subjects)
	return opening{since: tag, commits: work.Ahead, subjects: work.Subjects[:min(len(work.Subjects), shownSubjects)]}, nil
}
