package github

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	gogithub "github.com/google/go-github/v57/github"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Commit is a commit of a repository.
type Commit struct {
	SHA     string
	Subject string // the first line of its message
	Author  string // login, or the name in the commit where GitHub knows no account of its address
	Merge   bool   // it has more than one parent
	URL     string // of its page
}

// Comparison is the difference between two commits.
type Comparison struct {
	Ahead   int      // commits that only head has
	Behind  int      // commits that only base has
	Commits []Commit // those ahead, the newest last; of more than GitHub shows the newest
	URL     string   // of its page
}

// Compare compares two branches, tags or commits with one request (docs.github.com/rest/commits/commits#compare-two-commits).
// Without a parameter for pages GitHub answers at most 250 commits, of which the last is the newest of all. The fault of a ref that
// does not exist is "no-commit".
func (c *Client) Compare(ctx context.Context, repo, base, head string) (Comparison, error) {
	path, err := repoPath(repo, "compare", base+"..."+head)
	if err != nil {
		return Comparison{}, err
	}
	k := call{path: path, subject: fmt.Sprintf("%s or %s of %s", base, head, repo), missing: "no-commit"}
	var found gogithub.CommitsComparison
	if _, err := c.get(ctx, k, &found); err != nil {
		return Comparison{}, c.specifyMissing(ctx, repo, k, err)
	}
	if found.AheadBy == nil || found.BehindBy == nil {
		return Comparison{}, missingPart(k, "comparison")
	}
	compared := Comparison{Ahead: found.GetAheadBy(), Behind: found.GetBehindBy(), URL: found.GetHTMLURL()}
	for _, commit := range found.Commits {
		compared.Commits = append(compared.Commits, asCommit(commit))
	}
	return compared, nil
}

// Commit reads the commit with this id, or the only one whose id begins so (docs.github.com/rest/commits/commits#get-a-commit).
// GitHub keeps the commits of a repository and of its forks together, and answers those of a fork, too. The fault of a commit that
// does not exist, for which GitHub answers 422, or of a beginning that several have, is "no-commit".
func (c *Client) Commit(ctx context.Context, repo, sha string) (Commit, error) {
	path, err := repoPath(repo, "commits", sha)
	if err != nil {
		return Commit{}, err
	}
	k := call{path: path, subject: fmt.Sprintf("commit %s of %s", sha, repo), missing: "no-commit"}
	var found gogithub.RepositoryCommit
	_, err = c.get(ctx, k, &found)
	switch {
	case fault.Is(err, "github-refused"):
		return Commit{}, doesNotExist(k)
	case err != nil:
		return Commit{}, c.specifyMissing(ctx, repo, k, err)
	case found.GetSHA() == "":
		return Commit{}, missingPart(k, "commit")
	case !strings.HasPrefix(found.GetSHA(), strings.ToLower(sha)): // a branch or a tag has that name
		return Commit{}, doesNotExist(k)
	}
	return asCommit(&found), nil
}

// BranchesAt returns the names of the branches whose newest commit this is
// (docs.github.com/rest/commits/commits#list-branches-for-head-commit). The fault of a commit that does not exist is "no-commit".
func (c *Client) BranchesAt(ctx context.Context, repo, sha string) ([]string, error) {
	path, err := repoPath(repo, "commits", sha, "branches-where-head")
	if err != nil {
		return nil, err
	}
	k := call{path: path, subject: fmt.Sprintf("commit %s of %s", sha, repo), missing: "no-commit"}
	var found []*gogithub.BranchCommit
	if _, err := c.get(ctx, k, &found); err != nil {
		if fault.Is(err, "github-refused") {
			return nil, doesNotExist(k)
		}
		return nil, c.specifyMissing(ctx, repo, k, err)
	}
	var names []string
	for _, branch := range found {
		names = append(names, branch.GetName())
	}
	slices.Sort(names)
	return names, nil
}

func asCommit(found *gogithub.RepositoryCommit) Commit {
	subject, _, _ := strings.Cut(found.GetCommit().GetMessage(), "\n")
	return Commit{
		SHA: found.GetSHA(), Subject: strings.TrimSpace(subject), Merge: len(found.Parents) > 1, URL: found.GetHTMLURL(),
		Author: cmp.Or(found.GetAuthor().GetLogin(), found.GetCommit().GetAuthor().GetName()),
	}
}
