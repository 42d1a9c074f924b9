package github

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	gogithub "github.com/google/go-github/v57/github"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Repository is a repository on GitHub.
type Repository struct {
	FullName      string // its current org/name: after a renaming not the requested one
	DefaultBranch string
	Private       bool
	Archived      bool
	CanPush       bool // the token's user has the right to push; GitHub does not say what the token itself may do
}

// Repository reads a repository. It also finds a renamed or transferred one under its old name
// (docs.github.com/rest/repos/repos#get-a-repository, 301).
func (c *Client) Repository(ctx context.Context, fullName string) (Repository, error) {
	found, err := c.repository(ctx, fullName)
	if err != nil {
		return Repository{}, err
	}
	return asRepository(found), nil
}

func asRepository(found *gogithub.Repository) Repository {
	return Repository{
		FullName: found.GetFullName(), DefaultBranch: found.GetDefaultBranch(), Private: found.GetPrivate(),
		Archived: found.GetArchived(), CanPush: found.Permissions["push"],
	}
}

// Repositories reads the repositories of an organization that the token can see, in the order of their names, in pages of
// 100 as they are needed (docs.github.com/rest/repos/repos#list-organization-repositories). The fault of an organization
// that does not exist, or is a user, is "no-organization". An error ends the sequence.
func (c *Client) Repositories(ctx context.Context, org string) iter.Seq2[Repository, error] {
	return func(yield func(Repository, error) bool) {
		if !loginForm.MatchString(org) {
			yield(Repository{}, fault.New(fault.Invalid, "github-organization", "%q is not an organization of GitHub", org))
			return
		}
		k := call{path: fmt.Sprintf("orgs/%s/repos?sort=full_name&", org), subject: "organization " + org, missing: "no-organization"}
		for r, err := range pages(ctx, c, k, (*gogithub.Repository).GetFullName) {
			if err != nil {
				yield(Repository{}, err)
				return
			}
			c.seen.Store(r.GetFullName(), true)
			if !yield(asRepository(r), nil) {
				return
			}
		}
	}
}

func (c *Client) repository(ctx context.Context, fullName string) (*gogithub.Repository, error) {
	path, err := repoPath(fullName)
	if err != nil {
		return nil, err
	}
	found := new(gogithub.Repository)
	k := call{path: path, subject: "repository " + fullName, missing: "no-repository"}
	if _, err := c.get(ctx, k, found); err != nil {
		return nil, err
	}
	if found.GetFullName() == "" {
		return nil, missingPart(k, "repository")
	}
	c.seen.Store(fullName, true)
	return found, nil
}

// Branch is a branch and its newest commit.
type Branch struct {
	Name        string
	SHA         string
	Message     string // the whole message of the commit
	CommittedAt time.Time
	Repository  string // current org/name, as Repository.FullName; "" where GitHub does not say
}

// Branch reads a branch (docs.github.com/rest/branches/branches#get-a-branch). Faults: "no-branch" for a branch that does not
// exist, "no-repository" for a repository that the token cannot see.
func (c *Client) Branch(ctx context.Context, repo, branch string) (Branch, error) {
	found, err := c.branch(ctx, repo, branch)
	if err != nil {
		return Branch{}, err
	}
	commit := found.Commit.GetCommit()
	return Branch{
		Name: found.GetName(), SHA: found.Commit.GetSHA(), Message: commit.GetMessage(),
		CommittedAt: commit.GetCommitter().GetDate().Time, Repository: found.repository(),
	}, nil
}

// branchAnswer is go-github's Branch with the summary of its protection and the protection's address, which that one lacks.
type branchAnswer struct {
	gogithub.Branch
	ProtectionURL string `json:"protection_url"`
	Protection    *struct {
		Enabled              bool `json:"enabled"`
		RequiredStatusChecks *struct {
			Enforcement string   `json:"enforcement_level"` // off, non_admins, everyone
			Contexts    []string `json:"contexts"`
		} `json:"required_status_checks"`
	} `json:"protection"`
}

// repository returns the name in an address like https://api.github.com/repos/org/name/branches/master/protection.
func (b *branchAnswer) repository() string {
	_, rest, _ := strings.Cut(b.ProtectionURL, "/repos/")
	name, _, found := strings.Cut(rest, "/branches/")
	if !found || !fullNameForm.MatchString(name) {
		return ""
	}
	return name
}

func (c *Client) branch(ctx context.Context, repo, branch string) (*branchAnswer, error) {
	path, err := repoPath(repo, "branches", branch)
	if err != nil {
		return nil, err
	}
	found := new(branchAnswer)
	k := call{path: path, subject: fmt.Sprintf("branch %s of %s", branch, repo), missing: "no-branch"}
	if _, err := c.get(ctx, k, found); err != nil {
		return nil, c.specifyMissing(ctx, repo, k, err)
	}
	if found.Commit.GetSHA() == "" {
		return nil, missingPart(k, "commit")
	}
	return found, nil
}

// specifyMissing finds out, after a 404, whether the repository itself is missing: GitHub's answer is the same for both. It
// makes no request for a repository that the token is known to see.
func (c *Client) specifyMissing(ctx context.Context, repo string, k call, err error) error {
	if !fault.Is(err, k.missing) {
		return err
	}
	if _, seen := c.seen.Load(repo); !seen {
		if _, err := c.repository(ctx, repo); err != nil {
			return err
		}
	}
	return doesNotExist(k)
}

// missingPart returns the fault of a 2xx that is JSON without what was requested.
func missingPart(k call, what string) error {
	return fault.New(fault.Remote, "github-answer", "%s: the answer contains no %s", k, what).
		Hint("a proxy may have answered in GitHub's place: check GITHUB_API_URL")
}
