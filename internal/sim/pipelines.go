package sim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

type pipelineItem struct {
	ID                string         `json:"id"`
	Number            int64          `json:"number"`
	ProjectSlug       string         `json:"project_slug"`
	State             string         `json:"state"`
	Errors            []errorItem    `json:"errors"`
	CreatedAt         string         `json:"created_at"`
	UpdatedAt         string         `json:"updated_at"`
	Trigger           triggerItem    `json:"trigger"`
	TriggerParameters *appParameters `json:"trigger_parameters,omitempty"`
	VCS               any            `json:"vcs,omitempty"` // a nil *vcsItem is sent as null, a plain nil not at all

	silence Silence
}

func (p pipelineItem) key() string { return p.ID }

// MarshalJSON leaves out what the pipeline does not say.
func (p pipelineItem) MarshalJSON() ([]byte, error) {
	type plain pipelineItem
	text, err := json.Marshal(plain(p))
	if err != nil || p.silence.none() {
		return text, err
	}
	return json.Marshal(p.silence.of(text))
}

type errorItem struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

type triggerItem struct {
	Type       string    `json:"type"`
	ReceivedAt string    `json:"received_at"`
	Actor      actorItem `json:"actor"`
}

type actorItem struct {
	Login     string  `json:"login"`
	AvatarURL *string `json:"avatar_url"`
}

// vcsItem holds the branch for OAuth projects; for projects of the GitHub App appParameters does.
type vcsItem struct {
	ProviderName *string `json:"provider_name"`
	Origin       string  `json:"origin_repository_url"`
	Target       string  `json:"target_repository_url"`
	Revision     string  `json:"revision"`
	Branch       string  `json:"branch,omitempty"`
	Tag          string  `json:"tag,omitempty"`
}

type appParameters struct {
	Git gitItem `json:"git"`
}

type gitItem struct {
	Branch string `json:"branch,omitempty"`
	Tag    string `json:"tag,omitempty"`
	SHA    string `json:"checkout_sha"`
	Ref    string `json:"ref"`
}

// item never contains the parameters that the caller passed: CircleCI does not return them (contracts/circleci.md 1.5).
func (s *Sim) item(p *pipeline, now time.Time) pipelineItem {
	it := pipelineItem{
		ID: p.id, Number: p.number, ProjectSlug: p.project.slug, State: p.state(now), Errors: []errorItem{},
		CreatedAt: millis(s.createdAt(p)), UpdatedAt: millis(s.createdAt(p)), silence: p.silence,
		Trigger: triggerItem{Type: p.trigger, ReceivedAt: millis(s.receivedAt(p)), Actor: actorItem{Login: p.actor}},
	}
	if it.State == string(Errored) {
		for _, text := range p.errors {
			it.Errors = append(it.Errors, errorItem{"config", text})
		}
	}
	it.Trigger.Type = cmp.Or(p.shownTrigger, it.Trigger.Type)
	form := p.project.VCS
	if p.relic {
		form, it.Trigger.Type = p.relicForm()
	}
	revision := p.revision
	if p.project.app() {
		it.TriggerParameters = &appParameters{gitItem{p.ref.branch, p.ref.tag, revision, p.ref.full()}}
		return it
	}
	provider, url := p.project.provider(), p.project.url()
	vcs := &vcsItem{&provider, url, url, revision, p.ref.branch, p.ref.tag}
	switch form {
	case NoVCS:
		vcs = nil
	case Nameless:
		vcs.ProviderName = nil
	}
	it.VCS = vcs
	return it
}

// relicForm returns the vcs form and the trigger type of a relic, which vary with its number.
func (p *pipeline) relicForm() (VCSForm, string) {
	forms := []VCSForm{NoVCS, Nameless, ""}
	words := []string{"unknown", "Decoupled Ingestion System", p.trigger}
	return forms[p.number%3], words[p.number%3]
}

func (r ref) full() string {
	if r.branch != "" {
		return "refs/heads/" + r.branch
	}
	return "refs/tags/" + r.tag
}

func (s *Sim) projectPipelines(c *call) answer {
	branch := c.query.Get("branch")
	return s.listProject(c, func(p *pipeline) bool { return branch == "" || p.ref.branch == branch })
}

func (s *Sim) myPipelines(c *call) answer { return s.listProject(c, s.mine) }

func (s *Sim) mine(p *pipeline) bool { return p.actor == s.scenario.Login }

func (s *Sim) listProject(c *call, keep func(*pipeline) bool) answer {
	p := s.ensureProject(c.args[0], c.now)
	if p == nil {
		return noProject()
	}
	return s.listPipelines(c, p.pipelines, keep)
}

// orgPipelines lists the pipelines of an organization, or of all when none is given.
func (s *Sim) orgPipelines(c *call) answer {
	mine := c.query.Get("mine") == "true"
	return s.listPipelines(c, s.orgs[canonical(c.query.Get("org-slug"))], func(p *pipeline) bool {
		return (!mine || s.mine(p)) && !slices.Contains(p.project.HiddenFrom, c.token)
	})
}

// listPipelines answers the pipelines that lists show by now, newest first. It reads no more than a page needs: there
// may be thousands of pipelines.
func (s *Sim) listPipelines(c *call, from []*pipeline, keep func(*pipeline) bool) answer {
	if t := c.query.Get("page-token"); t != "" {
		last := s.byID[fromPageToken(t)]
		if last == nil {
			return badPageToken()
		}
		i, found := slices.BinarySearchFunc(from, last, oldestFirst)
		if !found {
			return badPageToken()
		}
		from = from[:i]
	}
	l, items := list{}, []pipelineItem{}
	for _, p := range slices.Backward(from) {
		switch {
		case !keep(p) || !p.readable(c.now) || c.now.Before(p.received.Add(s.scenario.ListLag)):
			continue
		case len(items) == s.scenario.PageSize:
			next := pageToken(items[len(items)-1])
			l.Items, l.Next = items, &next
			return reply(http.StatusOK, l)
		}
		items = append(items, s.item(p, c.now))
	}
	l.Items = items
	return reply(http.StatusOK, l)
}

func (s *Sim) readPipeline(c *call) answer {
	p := s.pipeline(c.args[0], c.now)
	if p == nil {
		return noPipeline()
	}
	return reply(http.StatusOK, s.item(s.orAnother(c, p), c.now))
}

func noPipeline() answer { return fail(http.StatusNotFound, "Pipeline not found") }

func (s *Sim) pipelineByNumber(c *call) answer {
	p := s.ensureProject(c.args[0], c.now)
	if p == nil {
		return noProject()
	}
	n := number(c.args[1])
	if n < 1 || n > int64(len(p.pipelines)) {
		return noPipeline()
	}
	found := p.pipelines[n-1]
	if !found.readable(c.now) || c.now.Before(found.received.Add(s.scenario.NumberLag)) {
		return noPipeline()
	}
	return reply(http.StatusOK, s.item(s.orAnother(c, found), c.now))
}

type configItem struct {
	Source   string `json:"source"`
	Compiled string `json:"compiled"`
}

// readConfig answers the parameters only where a real compiled configuration that uses them has them: in the text. It names all
// workflows, also those that have not appeared yet.
func (s *Sim) readConfig(c *call) answer {
	p := s.pipeline(c.args[0], c.now)
	if p == nil {
		return noPipeline()
	}
	values, err := json.Marshal(p.parameters)
	if err != nil {
		panic("sim: " + err.Error())
	}
	source := "version: 2.1\nparameters:\n"
	for _, name := range slices.Sorted(maps.Keys(p.parameters)) {
		source += fmt.Sprintf("  %s:\n    type: %s\n", name, kindOf(p.parameters[name]))
	}
	compiled := fmt.Sprintf("version: 2\njobs:\n  release:\n    environment: %s\nworkflows:\n  version: 2\n", values)
	named := map[string]bool{}
	for _, w := range p.workflows {
		if !named[w.Name] {
			compiled += fmt.Sprintf("  %q:\n    jobs: [release]\n", w.Name)
		}
		named[w.Name] = true
	}
	return reply(http.StatusOK, configItem{Source: source, Compiled: compiled})
}
