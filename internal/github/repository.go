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

// Repository is what GitHub says about a repository.
type Repository struct {
	FullName      string // org/name as it is called today: another one than was asked for when it was renamed
	DefaultBranch string
	Private       bool
	Archived      bool
	CanPush       bool // the token's user has the right to push; GitHub does not say what the token itself may do
}

// Repository reads a repository. A renamed or transferred one is found under its old name, too
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

// Repositories are those of an organization that the token can see, in the order of their names; pages of 100 are read as
// they are needed (docs.github.com/rest/repos/repos#list-organization-repositories). The fault of an organization that
// does not exist, or is a user, is "no-organization". After an error nothing follows.
func (c *Client) Repositories(ctx context.Context, org string) iter.Seq2[Repository, error] {
	return func(yield func(Repository, error) bool) {
		if !loginForm.MatchString(org) {
			yield(Repository{}, fault.New(fault.Invalid, "github-organization", "%q is not an organization of GitHub", org))
			return
		}
		for page := 1; page != 0; {
			k := call{
				path:    fmt.Sprintf("orgs/%s/repos?sort=full_name&per_page=%d&page=%d", org, pageSize, page),
				subject: "organization " + org, missing: "no-organization",
			}
			var found []*gogithub.Repository
			res, err := c.get(ctx, k, &found)
			if err != nil {
				yield(Repository{}, err)
				return
			}
			for _, r := range found {
				c.seen.Store(r.GetFullName(), true)
				if !yield(asRepository(r), nil) {
					return
				}
			}
			page = res.NextPage
		}
	}
}

func (c *Client) repository(ctx context.Context, fullName string) (*gogithub.Repository, error) {
	path, err := under(fullName)
	if err != nil {
		return nil, err
	}
	found := new(gogithub.Repository)
	k := call{path: path, subject: "repository " + fullName, missing: "no-repository"}
	if _, err := c.get(ctx, k, found); err != nil {
		return nil, err
	}
	if found.GetFullName() == "" {
		return nil, lacks(k, "repository")
	}
	c.seen.Store(fullName, true)
	return found, nil
}

// Branch is a branch and its newest commit.
type Branch struct {
	Name        string
	SHA         string
	Message     string // of the commit, whole
	CommittedAt time.Time
	Protected   bool   // by classic protection or a ruleset; Rules says against what
	Repository  string // org/name as it is called today, as Repository.FullName; "" where GitHub does not say
}

// Branch reads a branch (docs.github.com/rest/branches/branches#get-a-branch). The fault of one that does not exist is
// "no-branch", of a repository that cannot be seen "no-repository".
func (c *Client) Branch(ctx context.Context, repo, branch string) (Branch, error) {
	found, err := c.branch(ctx, repo, branch)
	if err != nil {
		return Branch{}, err
	}
	commit := found.Commit.GetCommit()
	return Branch{
		Name: found.GetName(), SHA: found.Commit.GetSHA(), Message: commit.GetMessage(),
		CommittedAt: commit.GetCommitter().GetDate().Time, Protected: found.GetProtected(), Repository: found.repository(),
	}, nil
}

// branchAnswer is go-github's branch with the summary of its protection and the address of all of it, which that one
// leaves out.
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

// repository is the name in an address like https://api.github.com/repos/org/name/branches/master/protection.
func (b *branchAnswer) repository() string {
	_, rest, _ := strings.Cut(b.ProtectionURL, "/repos/")
	name, _, found := strings.Cut(rest, "/branches/")
	if !found || !fullNameForm.MatchString(name) {
		return ""
	}
	return name
}

func (c *Client) branch(ctx context.Context, repo, branch string) (*branchAnswer, error) {
	path, err := under(repo, "branches", branch)
	if err != nil {
		return nil, err
	}
	found := new(branchAnswer)
	k := call{path: path, subject: fmt.Sprintf("branch %s of %s", branch, repo), missing: "no-branch"}
	if _, err := c.get(ctx, k, found); err != nil {
		return nil, c.whatIsMissing(ctx, repo, k, err)
	}
	if found.Commit.GetSHA() == "" {
		return nil, lacks(k, "commit")
	}
	return found, nil
}

// whatIsMissing asks, after a 404, whether the repository itself can be seen, unless it was: GitHub's answer is the same.
func (c *Client) whatIsMissing(ctx context.Context, repo string, k call, err error) error {
	if !fault.Is(err, k.missing) {
		return err
	}
	if _, seen := c.seen.Load(repo); !seen {
		if _, err := c.repository(ctx, repo); err != nil {
			return err
		}
	}
	return absent(k)
}

// lacks is the fault of a 2xx that is JSON, but not about what was asked.
func lacks(k call, what string) error {
	return fault.New(fault.Remote, "github-answer", "%s: the answer holds no %s", k, what).
		Hint("a proxy may have answered in GitHub's place: check GITHUB_API_URL")
}
