package sim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// course is the timetable of a workflow, in absolute times. A zero time never comes, or depends on an approval.
type course struct {
	outcome  Outcome
	held     bool
	failing  bool      // while it is held
	birth    time.Time // it appears
	start    time.Time // queued until then
	split    time.Time // the first job ends: the hold begins, or else the last job
	approval time.Time // the hold ends
	beside   time.Time // the other job beside the hold ends
	fails    time.Time // one job has failed, and another one runs on to the end
	end      time.Time // it reaches its outcome by itself
	cut      time.Time // it is canceled before that
}

func (w *workflow) course() course {
	c := course{outcome: w.Outcome, held: w.Hold != nil, birth: w.birth(), cut: w.stopped}
	if c.birth.IsZero() {
		return c
	}
	c.start = c.birth.Add(w.QueuedFor)
	switch {
	case w.Outcome == NotRun || w.Outcome == Errored:
		c.split, c.end = c.birth, c.birth
	case w.Hold == nil:
		c.split, c.end = c.start.Add(w.Duration/2), c.start.Add(w.Duration)
	default:
		c.hold(w)
	}
	c.finish(w.finished)
	if w.FailingFor > 0 && !c.end.IsZero() {
		c.fails = later(c.end.Add(-w.FailingFor), c.begin())
	}
	if !c.end.IsZero() && c.end.Before(c.cut) {
		c.cut = time.Time{} // the cancel came too late
	}
	return c
}

// hold sets the course from the end of the first job, when there is an approval job.
func (c *course) hold(w *workflow) {
	c.split, c.approval = c.start.Add(w.Hold.After), w.approved
	if w.Hold.Beside > 0 {
		c.beside = c.split.Add(w.Hold.Beside)
	}
	if w.Hold.BesideFailure {
		c.failing, c.fails = true, later(c.split, c.beside)
	}
	switch {
	case !w.approved.IsZero():
	case w.Hold.ApprovedAfter > 0:
		c.approval = c.split.Add(w.Hold.ApprovedAfter)
	case w.Hold.CanceledAfter > 0 && w.stopped.IsZero():
		c.cut = c.split.Add(w.Hold.CanceledAfter)
	}
	if !c.approval.IsZero() {
		c.end = later(c.approval.Add(max(0, w.Duration-w.Hold.After)), c.beside)
	}
}

// finish sets the end to the time at which somebody called Finish: what was still to be done takes no time.
func (c *course) finish(at time.Time) {
	if at.IsZero() {
		return
	}
	c.end = at
	if c.split.After(at) {
		c.split = at
	}
}

// birth returns when a workflow appears. One that follows another appears only after that one's outcome.
func (w *workflow) birth() time.Time {
	if w.follows == nil {
		return w.created
	}
	c := w.follows.course()
	if c.birth.IsZero() || c.end.IsZero() || c.status(c.end) != string(w.on) {
		return time.Time{}
	}
	return c.end.Add(w.gap)
}

// begin returns when the last job begins, zero while that depends on an approval.
func (c course) begin() time.Time {
	if c.held {
		return c.approval
	}
	return c.split
}

// status returns CircleCI's word for a workflow at a time at which it exists.
func (c course) status(now time.Time) string {
	switch {
	case reached(c.cut, now):
		return string(Canceled)
	case reached(c.end, now):
		return string(c.outcome)
	case now.Before(c.start) && !now.Before(c.birth):
		return "queued"
	case c.held && reached(c.split, now) && !reached(c.approval, now) && !now.Before(c.beside) && !c.failing:
		return "on_hold"
	case reached(c.fails, now):
		return "failing"
	}
	return "running"
}

// stop returns when the workflow became final, zero when it is not.
func (c course) stop(now time.Time) time.Time {
	switch {
	case reached(c.cut, now):
		return c.cut
	case reached(c.end, now):
		return c.end
	}
	return time.Time{}
}

func (w *workflow) status(now time.Time) string { return w.course().status(now) }

func (w *workflow) exists(now time.Time) bool { return reached(w.birth(), now) }

// holds reports whether the workflow waits for an approval, also when its status still is running.
func (w *workflow) holds(now time.Time) bool {
	c := w.course()
	return c.held && reached(c.split, now) && !reached(c.approval, now) && !reached(c.cut, now)
}

// shownStatus returns the status that the API gives, nil for null.
func (w *workflow) shownStatus(c course, now time.Time) *string {
	if w.pipeline.relic {
		return nil
	}
	for _, s := range w.Shows {
		from := c.birth.Add(s.After)
		if reached(from, now) && (s.For == 0 || now.Before(from.Add(s.For))) {
			return s.Status
		}
	}
	status := c.status(now)
	return &status
}

// reached reports whether t has come; a zero time never does.
func reached(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// state returns CircleCI's word for a pipeline, which says nothing about its workflows.
func (p *pipeline) state(now time.Time) string {
	ready := p.ready
	if p.setup != nil {
		read := p.continued()
		switch {
		case now.Before(p.ready):
			return "setup-pending"
		case !reached(read, now):
			return "setup"
		}
		ready = read.Add(p.project.PendingFor)
	}
	switch {
	case now.Before(ready):
		return "pending"
	case len(p.errors) > 0:
		return "errored"
	}
	return "created"
}

// continued returns when the continuation of a setup workflow is read, zero when that will not happen.
func (p *pipeline) continued() time.Time {
	c := p.setup.course()
	if p.never || c.end.IsZero() || c.status(c.end) != string(Success) {
		return time.Time{}
	}
	return c.end.Add(p.delay)
}

// visible returns the workflows that exist by now, in the order of their creation.
func (p *pipeline) visible(now time.Time) []*workflow {
	list := slices.DeleteFunc(slices.Clone(p.workflows), func(w *workflow) bool { return !w.exists(now) })
	slices.SortStableFunc(list, func(a, b *workflow) int { return a.birth().Compare(b.birth()) })
	return list
}

// newest returns the newest workflow of every name, setup or not, that exists by now.
func (p *pipeline) newest(now time.Time) []*workflow {
	byName := map[[2]string]*workflow{}
	for _, w := range p.visible(now) {
		byName[[2]string{w.Name, w.tag}] = w
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b *workflow) int { return strings.Compare(a.Name+a.tag, b.Name+b.tag) })
}

// fate returns a pipeline's standing in one word: its state while that is not created, pending until it has a workflow
// to judge by, none (no workflow but a setup workflow will ever exist), rerun_due,
// workflow_due, a workflow status that is not final, or the first that is not success. Once there is a continuation, its setup
// workflow decides nothing.
func (p *pipeline) fate(now time.Time) string {
	state := p.state(now)
	if state == "setup" && p.setup.exists(now) {
		if status := p.setup.status(now); final(status) && status != string(Success) {
			return status
		}
	}
	if state != "created" {
		return state
	}
	own := func(w *workflow) bool { return w.tag == "" }
	if !slices.ContainsFunc(p.workflows, own) {
		return string(None)
	}
	list := slices.DeleteFunc(p.newest(now), func(w *workflow) bool { return !own(w) })
	if len(list) == 0 {
		return "pending"
	}
	verdict := p.verdict(list, now)
	if final(verdict) && slices.ContainsFunc(p.workflows, func(w *workflow) bool { return w.AppearsAfter > 0 && now.Before(w.birth()) }) {
		return "workflow_due"
	}
	return verdict
}

func (p *pipeline) verdict(list []*workflow, now time.Time) string {
	worst := string(Success)
	for _, w := range list {
		status := w.status(now)
		switch {
		case !final(status):
			return status
		case p.rerunDue(w, now):
			return "rerun_due"
		case worst == string(Success):
			worst = status
		}
	}
	return worst
}

// rerunDue reports whether an automatic rerun of a workflow will appear.
func (p *pipeline) rerunDue(w *workflow, now time.Time) bool {
	return slices.ContainsFunc(p.workflows, func(next *workflow) bool {
		return next.follows == w && next.on == Failed && now.Before(next.birth())
	})
}

// final reports whether a workflow status, or a result of fate, stays unless somebody reruns.
func final(status string) bool {
	o := Outcome(status)
	return o.isJobOutcome() || o == NotRun || o == Errored || o == None
}
