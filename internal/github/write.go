package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	gogithub "github.com/google/go-github/v57/github"

	"github.com/gravitee-lab/gio/internal/fault"
)

// User returns the login of the token's owner. The fault without a token is Auth, "no-github-token".
func (c *Client) User(ctx context.Context) (string, error) {
	login, _, err := c.whoami(ctx)
	return login, err
}

// Scopes returns what a classic token may do: "repo" reads and writes everything that its user may, "public_repo" that of
// public repositories, "repo:status" statuses (docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps).
// Classic is false for a fine-grained token, whose permissions GitHub does not send.
func (c *Client) Scopes(ctx context.Context) (scopes []string, classic bool, err error) {
	_, res, err := c.whoami(ctx)
	if err != nil {
		return nil, false, err
	}
	header, classic := res.Header[http.CanonicalHeaderKey("X-OAuth-Scopes")]
	for scope := range strings.SplitSeq(strings.Join(header, ","), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			scopes = append(scopes, scope)
		}
	}
	return scopes, classic, nil
}

func (c *Client) whoami(ctx context.Context) (string, *gogithub.Response, error) {
	if c.token == "" {
		return "", nil, fault.New(fault.Auth, "no-github-token", "there is no GitHub token").Hint("set GITHUB_TOKEN")
	}
	k := call{path: "user", subject: "the token's user", missing: "no-user"}
	found := new(gogithub.User)
	res, err := c.get(ctx, k, found)
	if err == nil && found.GetLogin() == "" {
		err = missingPart(k, "login")
	}
	return found.GetLogin(), res, err
}

// Status is a commit status (docs.github.com/rest/commits/statuses).
type Status struct {
	State       string // pending, success, failure or error
	Context     string // distinguishes it from the statuses of others
	Description string // SetStatus cuts it to the 140 characters that GitHub accepts
	URL         string // its link; may be empty
}

const maxDescription = 140

// SetStatus sets a status of a commit with one request. A newer one of the same context replaces an older one.
func (c *Client) SetStatus(ctx context.Context, repo, sha string, s Status) error {
	path, err := repoPath(repo, "statuses", sha)
	if err != nil {
		return err
	}
	if runes := []rune(s.Description); len(runes) > maxDescription {
		s.Description = string(runes[:maxDescription-1]) + "…"
	}
	body := &gogithub.RepoStatus{State: &s.State, Context: &s.Context, Description: &s.Description}
	if s.URL != "" {
		body.TargetURL = &s.URL
	}
	k := call{path: path, subject: fmt.Sprintf("commit %.12s of %s", sha, repo), missing: "no-commit"}
	return c.post(ctx, k, body, new(gogithub.RepoStatus))
}

// Release is a GitHub release.
type Release struct {
	Tag        string // an existing tag
	Name       string
	Notes      string // Markdown
	Draft      bool
	Prerelease bool
	URL        string // its web page, set by GitHub
}

// Release reads the published release of a tag (docs.github.com/rest/releases/releases#get-a-release-by-tag-name). Faults:
// "no-release" for a release that does not exist, "no-repository" for a repository that the token cannot see.
func (c *Client) Release(ctx context.Context, repo, tag string) (Release, error) {
	path, err := repoPath(repo, "releases", "tags", tag)
	if err != nil {
		return Release{}, err
	}
	k := call{path: path, subject: fmt.Sprintf("release %s of %s", tag, repo), missing: "no-release"}
	found := new(gogithub.RepositoryRelease)
	if _, err := c.get(ctx, k, found); err != nil {
		return Release{}, c.specifyMissing(ctx, repo, k, err)
	}
	return release(found), nil
}

// CreateRelease publishes a release with one request. The tag must exist, because GitHub would make a missing one on the
// default branch. The fault of a release that already exists is Invalid, "release-exists".
func (c *Client) CreateRelease(ctx context.Context, repo string, r Release) (Release, error) {
	path, err := repoPath(repo, "releases")
	if err != nil {
		return Release{}, err
	}
	body := &gogithub.RepositoryRelease{TagName: &r.Tag, Name: &r.Name, Body: &r.Notes, Draft: &r.Draft, Prerelease: &r.Prerelease}
	k := call{path: path, subject: fmt.Sprintf("release %s of %s", r.Tag, repo), missing: "no-repository"}
	made := new(gogithub.RepositoryRelease)
	if err := c.post(ctx, k, body, made); err != nil {
		return Release{}, err
	}
	return release(made), nil
}

func release(r *gogithub.RepositoryRelease) Release {
	return Release{
		Tag: r.GetTagName(), Name: r.GetName(), Notes: r.GetBody(), Draft: r.GetDraft(), Prerelease: r.GetPrerelease(),
		URL: r.GetHTMLURL(),
	}
}
