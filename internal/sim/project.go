package sim

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
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
	p := s.ensureProject(c.args[0], c.now)
	if p == nil {
		return noProject()
	}
	provider, org, name := p.parts()
	return reply(http.StatusOK, projectItem{
		ID: s.projectID(p), Slug: p.slug, Name: name,
		OrganizationName: org, OrganizationSlug: provider + "/" + org, OrganizationID: s.uuid("organization", provider, org),
		VCS: vcsInfo{URL: p.url(), Provider: p.provider(), DefaultBranch: p.DefaultBranch},
	})
}

// noProject is also the answer for a project that the token cannot see.
func noProject() answer { return fail(http.StatusNotFound, "Project not found") }

func (p *project) parts() (provider, org, name string) {
	part := strings.Split(p.slug, "/")
	return part[0], part[1], part[2]
}

// provider returns CircleCI's name for the service that hosts the repository.
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

// app reports whether the project belongs to the GitHub App (or GitLab), whose slugs consist of ids.
func (p *project) app() bool { return p.provider() == "CircleCI" }

type settingsItem struct {
	Advanced advancedSettings `json:"advanced"`
}

type advancedSettings struct {
	Autocancel     bool `json:"autocancel_builds"`
	SetupWorkflows bool `json:"setup_workflows"`
}

func (s *Sim) readSettings(c *call) answer {
	p := s.ensureProject(c.args[0], c.now)
	if p == nil {
		return noProject()
	}
	return reply(http.StatusOK, settingsItem{advancedSettings{Autocancel: on(p.Autocancel), SetupWorkflows: slices.ContainsFunc(p.Runs, func(r Run) bool { return r.Setup != nil })}})
}

// projectID returns the project's id: for one of the GitHub App the id at the end of its slug.
func (s *Sim) projectID(p *project) string {
	if _, _, name := p.parts(); p.app() && uuidForm.MatchString(name) {
		return name
	}
	return s.uuid("project", p.slug)
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// projectByID returns the project of an id if it was addressed before or is listed by its slug, else nil.
func (s *Sim) projectByID(id string, now time.Time) *project {
	if s.byProjectID[id] == nil {
		for slug := range s.listed {
			if strings.HasSuffix(slug, "/"+id) {
				s.ensureProject(slug, now)
			}
		}
	}
	return s.byProjectID[id]
}

type definitionItem struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Config   definitionSource `json:"config_source"`
	Checkout definitionSource `json:"checkout_source"`
}

type definitionSource struct {
	Provider string         `json:"provider"`
	FilePath string         `json:"file_path,omitempty"`
	Repo     definitionRepo `json:"repo"`
}

type definitionRepo struct {
	FullName string `json:"full_name"`
}

type definitionList struct {
	Items []definitionItem `json:"items"`
}

// listDefinitions answers everything on one page: the official schema has no page token here.
func (s *Sim) listDefinitions(c *call) answer {
	p := s.projectByID(c.args[0], c.now)
	if p == nil {
		return noProject()
	}
	provider := map[string]string{"GitHub": "github_oauth", "Bitbucket": "bitbucket_oauth", "CircleCI": "github_app"}[p.provider()]
	_, org, name := p.parts()
	l := definitionList{Items: []definitionItem{}}
	for _, d := range p.Definitions {
		source := definitionSource{Provider: provider, Repo: definitionRepo{org + "/" + name}}
		config := source
		config.FilePath = ".circleci/config.yml"
		l.Items = append(l.Items, definitionItem{s.definitionID(p, d), d, config, source})
	}
	return reply(http.StatusOK, l)
}

func (s *Sim) definitionID(p *project, name string) string { return s.uuid("definition", p.slug, name) }

// defines reports whether the project has a definition of that id; "" means the default one.
func (s *Sim) defines(p *project, id string) bool {
	return id == "" || slices.ContainsFunc(p.Definitions, func(name string) bool { return s.definitionID(p, name) == id })
}
