package sim

import (
	"cmp"
	"crypto/sha1"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The model keeps facts with their times. What a caller sees is computed from them and the clock.

type project struct {
	Project
	slug      string
	pipelines []*pipeline // by ascending number, which is oldest first
	triggered int         // pipelines over HTTP: how many of Runs are used up
	jobs      []*workflow // whose job has which number: that of index 0 is 1
}

// ref is a branch or a tag.
type ref struct{ branch, tag string }

func (r ref) name() string { return cmp.Or(r.branch, r.tag) }

type pipeline struct {
	id           string
	project      *project
	number       int64
	ref          ref
	parameters   map[string]any
	trigger      string // api or webhook, CircleCI's words
	shownTrigger string // shown instead of it, if not empty
	actor        string
	received     time.Time
	created      time.Time
	revision     string
	ready        time.Time // until then its configuration is being read
	errors       []string  // not empty: errored when its last configuration was read
	workflows    []*workflow
	setup        *workflow // the newest setup workflow, if there is one
	never        bool      // nothing continues it
	delay        time.Duration
	relic        bool
	late         time.Duration // until then after its trigger it cannot be read
	silence      Silence
}

type workflow struct {
	Workflow
	id       string
	pipeline *pipeline
	created  time.Time // not visible before; for one that follows another see birth
	follows  *workflow // it appears only if that one ends with the outcome on, and gap later
	on       Outcome
	gap      time.Duration
	tag      string // "setup"
	attempt  int    // of automatic reruns
	rerun    bool
	firstJob int64
	approved time.Time // by Approve or the API
	stopped  time.Time // cancelled then, if not zero
	finished time.Time // by Finish, which ended it then, whatever its duration
	canceler string    // id of the user who cancelled it; empty for auto-cancel
}

// creation is the time from the arrival of a trigger until created_at of its pipeline.
const creation = 35 * time.Millisecond

// ensureProject returns the project of a canonical slug, and makes it on first use; nil when it does not exist.
func (s *Sim) ensureProject(slug string, now time.Time) *project {
	if p, ok := s.projects[slug]; ok {
		return p
	}
	settings, ok := s.settingsOf(slug)
	if !ok || !wellFormed(slug) {
		return nil
	}
	p := &project{Project: settings, slug: slug}
	s.projects[slug] = p
	s.byProjectID[s.projectID(p)] = p
	for n := int64(1); n < settings.NextNumber; n++ {
		old := s.add(p, ref{branch: settings.DefaultBranch}, now.Add(-time.Duration(settings.NextNumber-n)*24*time.Hour))
		old.trigger, old.actor, old.relic = "webhook", "somebody", on(settings.Relics)
		s.schedule(old, Run{})
	}
	return p
}

// settingsOf returns the settings of the project of that slug, and whether it exists.
func (s *Sim) settingsOf(slug string) (Project, bool) {
	base := defaultProject().overriddenBy(s.scenario.Default)
	if p, ok := s.listed[slug]; ok {
		return base.overriddenBy(p), true
	}
	if p, ok := s.listed[slug[strings.LastIndex(slug, "/")+1:]]; ok {
		return base.overriddenBy(p), true
	}
	return base, !s.scenario.Strict
}

func wellFormed(slug string) bool {
	part := strings.Split(slug, "/")
	return len(part) == 3 && slices.Contains([]string{"gh", "bb", "circleci"}, part[0]) && part[1] != "" && part[2] != ""
}

// add makes the next pipeline of a project, without a fate.
func (s *Sim) add(p *project, at ref, now time.Time) *pipeline {
	n := int64(len(p.pipelines) + 1)
	created := now.Add(creation)
	made := &pipeline{
		id: s.uuid("pipeline", p.slug, n), project: p, number: n, ref: at,
		received: now, created: created, ready: created.Add(p.PendingFor), revision: s.revision(p, at),
	}
	p.pipelines = append(p.pipelines, made)
	s.byID[made.id] = made
	provider, org, _ := p.parts()
	for _, name := range []string{"", provider + "/" + org} {
		s.orgs[name] = inOrder(s.orgs[name], made)
	}
	return made
}

// inOrder inserts a pipeline, oldest first: at the end, unless it is history.
func inOrder(list []*pipeline, p *pipeline) []*pipeline {
	i, _ := slices.BinarySearchFunc(list, p, oldestFirst)
	return slices.Insert(list, i, p)
}

func oldestFirst(a, b *pipeline) int {
	return cmp.Or(a.received.Compare(b.received), cmp.Compare(a.number, b.number), cmp.Compare(b.id, a.id))
}

// readable reports whether the pipeline can be read at all, by whatever means.
func (p *pipeline) readable(now time.Time) bool { return !now.Before(p.received.Add(p.late)) }

// pipeline returns the pipeline of that id, or nil when it cannot be read, or not yet.
func (s *Sim) pipeline(id string, now time.Time) *pipeline {
	if p := s.byID[id]; p != nil && p.readable(now) {
		return p
	}
	return nil
}

// schedule gives a pipeline its fate.
func (s *Sim) schedule(p *pipeline, r Run) {
	p.shownTrigger, p.late, p.silence = r.TriggerType, r.Late, r.Silence
	if r.Setup != nil {
		s.scheduleSetup(p, *r.Setup)
	}
	switch {
	case p.never || r.Outcome == None:
	case r.Outcome == Errored:
		p.errors = r.Errors
		if len(r.Errors) == 0 {
			// One message arrives as an entry a line, the last line first (contracts/circleci.md 1.5).
			p.errors = []string{"[#/jobs/release] only 1 subschema matches out of 2", "ERROR IN CONFIG FILE:"}
		}
		if r.BuildError {
			s.scheduleWorkflow(p, Workflow{Name: "Build Error", Outcome: Errored})
		}
	default:
		for _, w := range r.fates(p.project.Project) {
			s.scheduleWorkflow(p, w)
		}
		if r.Setup != nil && r.Setup.RerunAfter > 0 {
			s.scheduleSetupRerun(p, r.Setup.RerunAfter)
		}
	}
}

func (s *Sim) scheduleSetup(p *pipeline, setup Setup) {
	w := Workflow{
		Name: cmp.Or(setup.Name, "setup"), Duration: cmp.Or(setup.Duration, p.project.Duration),
		Outcome: cmp.Or(setup.Outcome, Success), Job: "setup",
	}
	p.setup = s.addWorkflow(p, w, p.ready.Add(p.project.WorkflowDelay))
	p.setup.tag = "setup"
	p.never, p.delay = setup.Never, setup.Delay
}

// scheduleSetupRerun plans the rerun of a setup workflow after the last workflow of the continuation was green.
func (s *Sim) scheduleSetupRerun(p *pipeline, gap time.Duration) {
	last := p.workflows[len(p.workflows)-1]
	if last == p.setup {
		return // everything was filtered out
	}
	again := s.rerunSetup(p, time.Time{})
	again.follows, again.on, again.gap = last, Success, gap
}

// rerunSetup reruns the setup workflow of a pipeline that is continued, which cannot be done twice (contracts/circleci.md 2,
// trap 3).
func (s *Sim) rerunSetup(p *pipeline, now time.Time) *workflow {
	again := p.setup.Workflow
	again.Outcome, again.Output = Failed, "Pipeline is not in setup state.\n\nExited with code exit status 1\n"
	made := s.addWorkflow(p, again, now)
	made.rerun, made.tag = true, p.setup.tag
	return made
}

// scheduleWorkflow plans a workflow and its automatic reruns.
func (s *Sim) scheduleWorkflow(p *pipeline, w Workflow) {
	made := s.addWorkflow(p, w, p.ready.Add(p.project.WorkflowDelay+w.AppearsAfter))
	if p.setup != nil {
		made.follows, made.on = p.setup, Success
		made.gap = p.delay + p.project.PendingFor + p.project.WorkflowDelay + w.AppearsAfter
	}
	if w.AutoRerun == nil {
		return
	}
	for i, outcome := range w.AutoRerun.Outcomes {
		next := w
		next.Outcome, next.Hold, next.Shows = outcome, nil, nil
		if outcome != Failed && outcome != Canceled {
			next.FailingFor = 0
		}
		again := s.addWorkflow(p, next, time.Time{})
		again.follows, again.on, again.gap = made, Failed, w.AutoRerun.Delay
		again.attempt, again.rerun = i+1, true
		made = again
	}
}

func (s *Sim) addWorkflow(p *pipeline, w Workflow, created time.Time) *workflow {
	made := &workflow{
		Workflow: w, pipeline: p, created: created, firstJob: int64(len(p.project.jobs) + 1),
		id: s.uuid("workflow", p.id, len(p.workflows)),
	}
	for range made.jobCount() {
		p.project.jobs = append(p.project.jobs, made)
	}
	p.workflows = append(p.workflows, made)
	s.workflows[made.id] = made
	return made
}

// rerun makes the next workflow of that name, which begins at once. What was approved before stays approved. The
// continuation of a setup workflow that did not succeed then follows the new one.
func (s *Sim) rerun(w *workflow, outcome Outcome, now time.Time) *workflow {
	again := w.Workflow
	again.Outcome, again.Hold, again.AutoRerun, again.Shows = outcome, nil, nil, nil
	again.QueuedFor, again.FailingFor, again.NullID = 0, 0, false
	made := s.addWorkflow(w.pipeline, again, now)
	made.rerun, made.tag = true, w.tag
	if p := w.pipeline; w == p.setup && w.status(now) != string(Success) {
		p.setup = made
		for _, next := range p.workflows {
			if next.follows == w && next.on == Success {
				next.follows = made
			}
		}
	}
	return made
}

// supersede is auto-cancel: unfinished workflows of older pipelines of the branch end, but not on the default
// branch, and not those that were rerun (contracts/circleci.md 2, trap 7).
func (p *pipeline) supersede() {
	if !on(p.project.Autocancel) || p.ref.branch == "" || p.ref.branch == p.project.DefaultBranch {
		return
	}
	for _, old := range p.project.pipelines {
		if old.number >= p.number || old.ref != p.ref {
			continue
		}
		for _, w := range old.workflows {
			if !w.rerun {
				w.cancel(p.created, "") // not earlier: it was still running when the trigger came
			}
		}
	}
}

// cancel ends a workflow that is not final. One that is not visible yet, but will be, appears as canceled.
func (w *workflow) cancel(now time.Time, by string) {
	c := w.course()
	if c.birth.IsZero() || final(c.status(now)) {
		return
	}
	w.stopped, w.canceler = now, by
	if now.Before(c.birth) {
		w.stopped = c.birth
	}
}

// workflow returns the workflow of that id, or nil when it cannot be read, or not yet.
func (s *Sim) workflow(id string, now time.Time) *workflow {
	if w := s.workflows[id]; w != nil && !w.NullID && !w.pipeline.relic && w.exists(now) && w.pipeline.readable(now) {
		return w
	}
	return nil
}

// revision returns the head of a branch or tag: the repository's where there is one, else always the same.
func (s *Sim) revision(p *project, at ref) string {
	_, org, name := p.parts()
	if r := s.hub.repository(org + "/" + name); r != nil {
		if c := r.resolve(at.name()); c != nil {
			return c.sha
		}
	}
	return fmt.Sprintf("%x", sha1.Sum(fmt.Append(nil, s.scenario.Seed, p.slug, at.name())))
}

// user returns the id of a login.
func (s *Sim) user(login string) string { return s.uuid("user", login) }
