package sim

import (
	"net/http"
	"strings"
)

type userItem struct {
	ID        string  `json:"id"`
	Login     string  `json:"login"`
	Name      string  `json:"name"`
	AvatarURL *string `json:"avatar_url"`
}

func (s *Sim) me(*call) answer {
	login := s.scenario.Login
	return reply(http.StatusOK, userItem{ID: s.user(login), Login: login, Name: login})
}

type projectItem struct {
	ID               string  `json:"id"`
	Slug             string  `json:"slug"`
	Name             string  `json:"name"`
	OrganizationName string  `json:"organization_name"`
	OrganizationSlug string  `json:"organization_slug"`
	OrganizationID   string  `json:"organization_id"`
	VCS              vcsInfo `json:"vcs_info"`
}

type vcsInfo struct {
	URL           string `json:"vcs_url"`
	Provider      string `json:"provider"`
	DefaultBranch string `json:"default_branch"`
}

func (s *Sim) readProject(c *call) answer {
	p := s.known(c.args[0], c.now)
	if p == nil {
		return noProject()
	}
	provider, org, name := p.parts()
	return reply(http.StatusOK, projectItem{
		ID: s.uuid("project", p.slug), Slug: p.slug, Name: name,
		OrganizationName: org, OrganizationSlug: provider + "/" + org, OrganizationID: s.uuid("organization", provider, org),
		VCS: vcsInfo{URL: p.url(), Provider: p.provider(), DefaultBranch: p.DefaultBranch},
	})
}

// noProject is also the answer for one that the token cannot see.
func noProject() answer { return fail(http.StatusNotFound, "Project not found") }

func (p *project) parts() (provider, org, name string) {
	part := strings.Split(p.slug, "/")
	return part[0], part[1], part[2]
}

// provider is CircleCI's name for where the repository lives.
func (p *project) provider() string {
	switch provider, _, _ := p.parts(); provider {
	case "gh":
		return "GitHub"
	case "bb":
		return "Bitbucket"
	}
	return "CircleCI"
}

func (p *project) url() string {
	_, org, name := p.parts()
	switch p.provider() {
	case "GitHub":
		return "https://github.com/" + org + "/" + name
	case "Bitbucket":
		return "https://bitbucket.org/" + org + "/" + name
	}
	return "//circleci.com/" + org + "/" + name
}

// app tells whether the project is one of the GitHub App (or GitLab), whose slug is made of ids.
func (p *project) app() bool { return p.provider() == "CircleCI" }

type settingsItem struct {
	Advanced advancedSettings `json:"advanced"`
}

type advancedSettings struct {
	Autocancel     bool `json:"autocancel_builds"`
	SetupWorkflows bool `json:"setup_workflows"`
}

func (s *Sim) readSettings(c *call) answer {
	p := s.known(c.args[0], c.now)
	if p == nil {
		return noProject()
	}
	return reply(http.StatusOK, settingsItem{advancedSettings{Autocancel: p.Autocancel != nil && *p.Autocancel}})
}
