package sim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// course is how a workflow goes, in absolute times. Zero is what never comes, or depends on an approval.
type course struct {
	outcome  Outcome
	held     bool
	birth    time.Time // it appears
	start    time.Time // queued until then
	split    time.Time // the first job ends: the hold begins, or else the last job
	approval time.Time // the hold ends
	beside   time.Time // the other job beside the hold ends
	fails    time.Time // the last job has failed, and the other job runs on to the end
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
	case w.Outcome == NotRun:
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

// hold is the course from the end of the first job, when there is an approval job.
func (c *course) hold(w *workflow) {
	c.split, c.approval = c.start.Add(w.Hold.After), w.approved
	if w.Hold.Beside > 0 {
		c.beside = c.split.Add(w.Hold.Beside)
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

// finish is the end that somebody set: what was still to be done took no time.
func (c *course) finish(at time.Time) {
	if at.IsZero() {
		return
	}
	c.end = at
	if c.split.After(at) {
		c.split = at
	}
}

// birth is when a workflow appears. One that follows another appears only after its outcome.
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

// begin is when the last job begins, zero while that depends on an approval.
func (c course) begin() time.Time {
	if c.held {
		return c.approval
	}
	return c.split
}

// status is CircleCI's word for a workflow at a time at which it exists.
func (c course) status(now time.Time) string {
	switch {
	case reached(c.cut, now):
		return string(Canceled)
	case reached(c.end, now):
		return string(c.outcome)
	case now.Before(c.start) && !now.Before(c.birth):
		return "queued"
	case c.held && reached(c.split, now) && !reached(c.approval, now) && !now.Before(c.beside):
		return "on_hold"
	case reached(c.fails, now):
		return "failing"
	}
	return "running"
}

// stop is when the workflow became final, zero when it is not.
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

// holds tells whether an approval is waited for, also when the workflow still says running.
func (w *workflow) holds(now time.Time) bool {
	c := w.course()
	return c.held && reached(c.split, now) && !reached(c.approval, now) && !reached(c.cut, now)
}

// says is the status that the API gives, nil for null.
func (w *workflow) says(c course, now time.Time) *string {
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

// reached tells whether a time that is not zero has come.
func reached(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// state is CircleCI's word for a pipeline, which says nothing about its workflows.
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

// continued is when the continuation of a setup workflow is read, zero when that will not happen.
func (p *pipeline) continued() time.Time {
	c := p.setup.course()
	if p.never || c.end.IsZero() || c.status(c.end) != string(Success) {
		return time.Time{}
	}
	return c.end.Add(p.delay)
}

// visible are the workflows that exist by now, in the order of their creation.
func (p *pipeline) visible(now time.Time) []*workflow {
	list := slices.DeleteFunc(slices.Clone(p.workflows), func(w *workflow) bool { return !w.exists(now) })
	slices.SortStableFunc(list, func(a, b *workflow) int { return a.birth().Compare(b.birth()) })
	return list
}

// newest are the newest workflows of every name, setup or not, that exist by now.
func (p *pipeline) newest(now time.Time) []*workflow {
	byName := map[[2]string]*workflow{}
	for _, w := range p.visible(now) {
		byName[[2]string{w.Name, w.tag}] = w
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b *workflow) int { return strings.Compare(a.Name+a.tag, b.Name+b.tag) })
}

// fate is where a pipeline stands in one word: its state while that is not created, pending until there is
// something to judge by, none (no workflow but a setup workflow will ever be), rerun_due, a workflow status that
// is not final, or the first that is not success.
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
	list := p.newest(now)
	if !slices.ContainsFunc(list, own) {
		return "pending"
	}
	return p.verdict(list, now)
}

func (p *pipeline) verdict(list []*workflow, now time.Time) string {
	worst := string(Success)
	for _, w := range list {
		status := w.status(now)
		switch {
		case !final(status):
			return status
		case p.due(w, now):
			return "rerun_due"
		case worst == string(Success):
			worst = status
		}
	}
	return worst
}

// due tells whether an automatic rerun of a workflow will appear.
func (p *pipeline) due(w *workflow, now time.Time) bool {
	return slices.ContainsFunc(p.workflows, func(next *workflow) bool {
		return next.follows == w && next.on == Failed && now.Before(next.birth())
	})
}

// final tells whether a workflow status, or the word of fate, is the last one unless somebody reruns.
func final(status string) bool {
	o := Outcome(status)
	return o.worked() || o == NotRun || o == Errored || o == None
}
