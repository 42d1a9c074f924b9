package sim

import (
	"cmp"
	"crypto/sha1"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

// digest makes an id that looks like one of Git's and depends only on what it names.
func digest(parts ...any) string { return fmt.Sprintf("%x", sha1.Sum(fmt.Append(nil, parts...))) }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

type hubStatusBody struct {
	State       string  `json:"state"`
	Context     string  `json:"context"`
	Description string  `json:"description"`
	TargetURL   *string `json:"target_url"`
}

type hubStatusItem struct {
	ID int `json:"id"`
	hubStatusBody
	URL       string      `json:"url"`
	CreatedAt string      `json:"created_at"`
	Creator   hubUserItem `json:"creator"`
}

// hubSetStatus: docs.github.com/rest/commits/statuses#create-a-commit-status.
func (s *Sim) hubSetStatus(c *hubCall) answer {
	var body hubStatusBody
	if bad := c.decode(&body); bad != nil {
		return *bad
	}
	switch {
	case c.repository.resolve(c.args[0]) == nil:
		return hubFail(http.StatusUnprocessableEntity, "No commit found for SHA: "+c.args[0])
	case !slices.Contains([]string{"pending", "success", "failure", "error"}, body.State):
		return hubFail(http.StatusUnprocessableEntity, "Validation Failed", hubError{Resource: "Status", Code: "custom", Field: "state"})
	case len([]rune(body.Description)) > 140:
		return hubFail(http.StatusUnprocessableEntity, "Validation Failed", hubError{Resource: "Status", Code: "custom", Field: "description"})
	}
	body.Context = cmp.Or(body.Context, "default")
	made := CommitStatus{SHA: c.args[0], State: body.State, Context: body.Context, Description: body.Description}
	if body.TargetURL != nil {
		made.URL = *body.TargetURL
	}
	c.repository.statuses = append(c.repository.statuses, made)
	return reply(http.StatusCreated, hubStatusItem{
		ID: len(c.repository.statuses), hubStatusBody: body, URL: c.url("statuses/" + c.args[0]), CreatedAt: seconds(c.now),
		Creator: hubUserItem{Login: s.hub.Login, ID: 1, Type: "User"},
	})
}

type hubReleaseBody struct {
	Tag        string `json:"tag_name"`
	Target     string `json:"target_commitish"`
	Name       string `json:"name"`
	Body       string `json:"body"`
	Draft      bool   `json:"draft"`
	Prerelease bool   `json:"prerelease"`
}

type hubReleaseItem struct {
	ID int `json:"id"`
	hubReleaseBody
	URL     string `json:"url"`
	HTMLURL string `json:"html_url"`
}

// hubCreateRelease: docs.github.com/rest/releases/releases#create-a-release. It makes a tag that does not exist.
func (s *Sim) hubCreateRelease(c *hubCall) answer {
	var body hubReleaseBody
	if bad := c.decode(&body); bad != nil {
		return *bad
	}
	r := c.repository
	target := r.resolve(cmp.Or(body.Target, r.DefaultBranch))
	switch {
	case body.Tag == "":
		return hubFail(http.StatusUnprocessableEntity, "Validation Failed", hubError{Resource: "Release", Code: "missing_field", Field: "tag_name"})
	case slices.ContainsFunc(r.releases, func(other GitHubRelease) bool { return other.Tag == body.Tag && !other.Draft }):
		return hubFail(http.StatusUnprocessableEntity, "Validation Failed", hubError{Resource: "Release", Code: "already_exists", Field: "tag_name"})
	case r.tags[body.Tag] == nil && target == nil:
		return hubFail(http.StatusUnprocessableEntity, "Validation Failed", hubError{Resource: "Release", Code: "invalid", Field: "target_commitish"})
	case r.tags[body.Tag] == nil && !body.Draft:
		r.tags[body.Tag] = target
	}
	made := GitHubRelease{Tag: body.Tag, Name: body.Name, Notes: body.Body, Draft: body.Draft, Prerelease: body.Prerelease}
	r.releases = append(r.releases, made)
	return reply(http.StatusCreated, c.release(len(r.releases), made))
}

// hubRelease: docs.github.com/rest/releases/releases#get-a-release-by-tag-name. A draft is not found by its tag.
func (s *Sim) hubRelease(c *hubCall) answer {
	for i, made := range c.repository.releases {
		if made.Tag == c.args[0] && !made.Draft {
			return reply(http.StatusOK, c.release(i+1, made))
		}
	}
	return hubNotFound()
}

func (c *hubCall) release(id int, made GitHubRelease) hubReleaseItem {
	return hubReleaseItem{
		ID: id, URL: c.url(fmt.Sprintf("releases/%d", id)),
		hubReleaseBody: hubReleaseBody{
			Tag: made.Tag, Target: c.repository.DefaultBranch, Name: made.Name, Body: made.Notes, Draft: made.Draft, Prerelease: made.Prerelease,
		},
		HTMLURL: c.base + "/" + c.repository.name + "/releases/tag/" + url.PathEscape(made.Tag),
	}
}
