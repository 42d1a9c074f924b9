package prepare

import (
	"context"
	"fmt"

	"github.com/gravitee-lab/gio/internal/fault"
)

const shownSubjects = 3

// news is what happened on a branch since a tag.
type news struct {
	since    string   // the tag
	commits  int      // without those that a release makes itself
	subjects []string // of the newest of them, the newest first
}

// unreleased finds the version to open a component at whose branch has commits since the tag of its version. Without such
// commits the version is ""; the note says why it cannot be told, or why the component cannot be opened.
func (s *source) unreleased(ctx context.Context) (found opening, note string, err error) {
	branch, since, note, err := s.newsOfBranch(ctx)
	if err != nil || note != "" || since.commits == 0 {
		return opening{}, note, err
	}
	found, err = s.open(ctx)
	if fault.KindOf(err) == fault.Invalid {
		return opening{}, fmt.Sprintf("%s has %s since %s on %s: %s", s.component.Name, count(since.commits, "commit"), since.since, branch, err), nil
	}
	if err == nil && found.branch != branch { // it is built from another one than the likeliest
		if since, err = s.compare(ctx, since.since, found.branch); since.commits == 0 {
			return opening{}, "", err
		}
	}
	found.news = since
	return found, "", err
}

// newsOfBranch compares the tag of the component's version, whatever its name is, with the likeliest branch that
// exists. Most tags are plain, and then it asks nothing else.
func (s *source) newsOfBranch(ctx context.Context) (branch string, since news, note string, err error) {
	version := s.component.Version
	branch, since, err = s.compareLikeliest(ctx, version)
	if !fault.Is(err, "no-commit") {
		return branch, since, "", err
	}
	tag, err := s.tag(ctx, version)
	if err != nil {
		return "", news{}, "", err
	}
	if tag == "" {
		return "", news{}, fmt.Sprintf("%s was not checked: %s", s.component.Name, s.lacksTag(version)), nil
	}
	branch, since, err = s.compareLikeliest(ctx, tag)
	if fault.Is(err, "no-commit") {
		return "", news{}, fmt.Sprintf("%s was not checked: %s has no branch that its next version can be on", s.component.Name, s.repository), nil
	}
	return branch, since, "", err
}

// compareLikeliest compares a tag with the likeliest branch that exists. Without such a branch, or without the tag, the
// fault is no-commit: GitHub does not say which of them is missing.
func (s *source) compareLikeliest(ctx context.Context, tag string) (branch string, since news, err error) {
	for _, candidate := range s.options.Candidates(s.manifest, s.component) {
		if branch, err = s.branch(ctx, candidate); err != nil {
			return "", news{}, err
		}
		if since, err = s.compare(ctx, tag, branch); !fault.Is(err, "no-commit") {
			break
		}
	}
	return branch, since, err
}

// compare counts the commits of a branch since a tag. Where GitHub does not show them all, those of releases count, too.
func (s *source) compare(ctx context.Context, tag, branch string) (news, error) {
	compared, err := s.gh.Compare(ctx, s.repository, tag, branch)
	if err != nil {
		return news{}, err
	}
	work := compared.Work(s.component.Version)
	return news{since: tag, commits: work.Ahead, subjects: work.Newest(shownSubjects)}, nil
}
