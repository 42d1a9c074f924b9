package sim

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

type hubUserItem struct {
	Login string `json:"login"`
	ID    int    `json:"id"`
	Type  string `json:"type"`
}

// hubUser: docs.github.com/rest/users/users#get-the-authenticated-user.
func (s *Sim) hubUser(*hubCall) answer {
	return reply(http.StatusOK, hubUserItem{Login: s.hub.Login, ID: 1, Type: "User"})
}

type hubRepositoryItem struct {
	ID            int             `json:"id"`
	Name          string          `json:"name"`
	FullName      string          `json:"full_name"`
	Private       bool            `json:"private"`
	Owner         hubUserItem     `json:"owner"`
	HTMLURL       string          `json:"html_url"`
	URL           string          `json:"url"`
	DefaultBranch string          `json:"default_branch"`
	Archived      bool            `json:"archived"`
	Visibility    string          `json:"visibility"`
	Permissions   map[string]bool `json:"permissions,omitempty"` // only with a token
	Fork          bool            `json:"fork"`
	// Of a single fork, not of one in a list: what it was forked from, and where all of them come from.
	Parent *hubRepositoryItem `json:"parent,omitempty"`
	Source *hubRepositoryItem `json:"source,omitempty"`
}

// hubRepository: docs.github.com/rest/repos/repos#get-a-repository.
func (s *Sim) hubRepository(c *hubCall) answer {
	item := c.repositoryItem()
	item.Parent = s.hub.forkedFrom(c, c.repository)
	for source := item.Parent; source != nil; source = s.hub.forkedFrom(c, s.hub.repositories[source.FullName]) {
		item.Source = source
	}
	return reply(http.StatusOK, item)
}

// forkedFrom returns what a repository is a fork of, nil when it is none.
func (h *hub) forkedFrom(c *hubCall, r *repository) *hubRepositoryItem {
	parent := h.repositories[r.ForkOf]
	if parent == nil {
		return nil
	}
	other := *c
	other.repository = parent
	item := other.repositoryItem()
	return &item
}

func (c *hubCall) repositoryItem() hubRepositoryItem {
	r := c.repository
	org, name, _ := strings.Cut(r.name, "/")
	item := hubRepositoryItem{
		ID: r.id, Name: name, FullName: r.name, Private: r.Private, Owner: hubUserItem{Login: org, ID: 2, Type: "Organization"},
		HTMLURL: c.base + "/" + r.name, URL: c.url(""), DefaultBranch: r.DefaultBranch, Archived: r.Archived, Visibility: "public",
		Fork: r.ForkOf != "",
	}
	if r.Private {
		item.Visibility = "private"
	}
	if c.token != "" {
		push := r.CanPush == nil || *r.CanPush
		item.Permissions = map[string]bool{"admin": r.Admin, "maintain": r.Admin, "push": push, "triage": push, "pull": true}
	}
	return item
}

// hubOrgRepositories: docs.github.com/rest/repos/repos#list-organization-repositories. It sorts as sort=full_name does.
func (s *Sim) hubOrgRepositories(c *hubCall) answer {
	org := c.args[0]
	exists, items := false, []hubRepositoryItem{}
	for _, name := range slices.Sorted(maps.Keys(s.hub.repositories)) {
		if !strings.HasPrefix(name, org+"/") {
			continue
		}
		exists = true
		one := *c
		if one.repository = s.hub.repositories[name]; one.sees() && one.repository.RenamedTo == "" {
			items = append(items, one.repositoryItem())
		}
	}
	if !exists {
		return hubNotFound()
	}
	return hubPage(c, "orgs/"+org+"/repos", items, 30, func(items []hubRepositoryItem) any { return items })
}

// url returns the address of a resource of the repository.
func (c *hubCall) url(rest string) string {
	u := c.base + gitHubRoot + "repos/" + c.repository.name
	if rest != "" {
		u += "/" + rest
	}
	return u
}
