package sim

import (
	"cmp"
	"crypto/sha1"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// What is kept are facts with their times; what a caller sees is computed from them and the clock.

type project struct {
	Project
	slug      string
	pipelines []*pipeline // by ascending number
	triggered int         // pipelines over HTTP: how many of Runs are used up
	jobs      int64       // last job number given out
}

// ref is a branch or a tag.
type ref struct{ branch, tag string }

func (r ref) name() string { return cmp.Or(r.branch, r.tag) }

type pipeline struct {
	id         string
	project    *project
	number     int64
	ref        ref
	parameters map[string]any
	trigger    string // CircleCI's word: api or webhook
	actor      string
	received   time.Time
	created    time.Time
	ready      time.Time // until then it is pending
	errors     []string  // not empty: errored when ready
	workflows  []*workflow
}

type workflow struct {
	Workflow
	id       string
	pipeline *pipeline
	created  time.Time // not to be seen before
	rerun    bool
	firstJob int64
	approved time.Time // by Approve or the API
	stopped  time.Time // cancelled then, if not zero
	canceler string    // id of the user, when somebody asked for it; empty for auto-cancel
}

// creation is how long after the trigger arrived a pipeline says it was created.
const creation = 35 * time.Millisecond

// known is the project of a canonical slug, made on first use, or nil when there is none.
func (s *Sim) known(slug string, now time.Time) *project {
	if p, ok := s.projects[slug]; ok {
		return p
	}
	like, ok := s.scenario.project(slug)
	if !ok || !wellFormed(slug) {
		return nil
	}
	p := &project{Project: like, slug: slug}
	s.projects[slug] = p
	for n := int64(1); n < like.NextNumber; n++ {
		old := s.add(p, ref{branch: like.DefaultBranch}, now.Add(-time.Duration(like.NextNumber-n)*24*time.Hour))
		old.trigger, old.actor = "webhook", "somebody"
		s.schedule(old, Run{})
	}
	return p
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
		received: now, created: created, ready: created.Add(p.PendingFor),
	}
	p.pipelines = append(p.pipelines, made)
	s.byID[made.id] = made
	return made
}

// schedule gives a pipeline its fate.
func (s *Sim) schedule(p *pipeline, r Run) {
	switch r.Outcome {
	case None:
	case Errored:
		p.errors = r.Errors
		if len(r.Errors) == 0 {
			// One message arrives as an entry a line, the last line first (contracts/circleci.md 1.5).
			p.errors = []string{"[#/jobs/release] only 1 subschema matches out of 2", "ERROR IN CONFIG FILE:"}
		}
	default:
		for _, w := range r.fates(p.project.Project) {
			s.addWorkflow(p, w, p.ready.Add(p.project.WorkflowDelay))
		}
	}
}

// jobsOfWorkflow is how many job numbers a workflow takes.
const jobsOfWorkflow = 2

func (s *Sim) addWorkflow(p *pipeline, w Workflow, created time.Time) *workflow {
	made := &workflow{
		Workflow: w, pipeline: p, created: created, firstJob: p.project.jobs + 1,
		id: s.uuid("workflow", p.id, len(p.workflows)),
	}
	p.project.jobs += jobsOfWorkflow
	p.workflows = append(p.workflows, made)
	s.workflows[made.id] = made
	return made
}

// supersede is auto-cancel: unfinished workflows of older pipelines of the branch end, but not on the default
// branch, and not those that were rerun (contracts/circleci.md 2, trap 7).
func (p *pipeline) supersede() {
	if on := p.project.Autocancel; on == nil || !*on || p.ref.branch == "" || p.ref.branch == p.project.DefaultBranch {
		return
	}
	for _, old := range p.project.pipelines {
		if old.number >= p.number || old.ref != p.ref {
			continue
		}
		for _, w := range old.workflows {
			if !w.rerun {
				w.cancel(p.created, "") // not at once: what was running when the trigger came was running
			}
		}
	}
}

// cancel ends a workflow that is not final. One that is not yet to be seen appears as canceled.
func (w *workflow) cancel(now time.Time, by string) {
	if final(w.status(now)) {
		return
	}
	w.stopped, w.canceler = now, by
	if now.Before(w.created) {
		w.stopped = w.created
	}
}

func (p *pipeline) state(now time.Time) string {
	switch {
	case now.Before(p.ready):
		return "pending"
	case len(p.errors) > 0:
		return "errored"
	}
	return "created"
}

// visible are the workflows that exist by now, in the order of their creation.
func (p *pipeline) visible(now time.Time) []*workflow {
	return slices.DeleteFunc(slices.Clone(p.workflows), func(w *workflow) bool { return now.Before(w.created) })
}

// newest are the newest workflows of every name that exist by now.
func (p *pipeline) newest(now time.Time) []*workflow {
	byName := map[string]*workflow{}
	for _, w := range p.visible(now) {
		byName[w.Name] = w
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b *workflow) int { return strings.Compare(a.Name, b.Name) })
}

// fate is where a pipeline stands in one word: pending until there is something to judge by, errored, none
// (no workflow will ever be), a workflow status that is not final, or the first that is not success.
func (p *pipeline) fate(now time.Time) string {
	list := p.newest(now)
	switch {
	case p.state(now) != "created":
		return p.state(now)
	case len(p.workflows) == 0:
		return "none"
	case len(list) == 0:
		return "pending"
	}
	worst := string(Success)
	for _, w := range list {
		status := w.status(now)
		if !final(status) {
			return status
		}
		if worst == string(Success) {
			worst = status
		}
	}
	return worst
}

// final tells whether a workflow status, or the word of fate, is the last one unless somebody reruns.
func final(status string) bool {
	return !slices.Contains([]string{"pending", "running", "on_hold"}, status)
}

// status is CircleCI's word for a workflow at a time at which it exists.
func (w *workflow) status(now time.Time) string {
	end := w.end()
	approval := w.approval()
	switch {
	case !w.stopped.IsZero() && !now.Before(w.stopped):
		return string(Canceled)
	case !end.IsZero() && !now.Before(end):
		return string(w.Outcome)
	case w.Hold != nil && !now.Before(w.split()) && (approval.IsZero() || now.Before(approval)):
		return "on_hold"
	}
	return "running"
}

// split is when the first job ends: the hold begins, or else the last job.
func (w *workflow) split() time.Time {
	if w.Hold != nil {
		return w.created.Add(w.Hold.After)
	}
	return w.created.Add(w.Duration / 2)
}

// approval is when the hold ends, zero while nobody has approved and nobody will.
func (w *workflow) approval() time.Time {
	if w.approved.IsZero() && w.Hold != nil && w.Hold.ApprovedAfter > 0 {
		return w.split().Add(w.Hold.ApprovedAfter)
	}
	return w.approved
}

// end is when the workflow reaches its outcome by itself, zero while that depends on an approval.
func (w *workflow) end() time.Time {
	switch approval := w.approval(); {
	case w.Outcome == NotRun:
		return w.created
	case w.Hold == nil:
		return w.created.Add(w.Duration)
	case approval.IsZero():
		return time.Time{}
	default:
		return approval.Add(max(0, w.Duration-w.Hold.After))
	}
}

// stop is when the workflow became final, zero when it is not.
func (w *workflow) stop(now time.Time) time.Time {
	switch {
	case !final(w.status(now)):
		return time.Time{}
	case !w.stopped.IsZero() && !now.Before(w.stopped):
		return w.stopped
	}
	return w.end()
}

// workflow is the workflow of that id, or nil when it does not exist yet.
func (s *Sim) workflow(id string, now time.Time) *workflow {
	if w := s.workflows[id]; w != nil && !now.Before(w.created) {
		return w
	}
	return nil
}

// revision is the head of a branch or tag, always the same.
func (s *Sim) revision(p *project, at ref) string {
	return fmt.Sprintf("%x", sha1.Sum(fmt.Append(nil, s.scenario.Seed, p.slug, at.name())))
}

// user is the id of a login.
func (s *Sim) user(login string) string { return s.uuid("user", login) }
