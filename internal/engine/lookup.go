package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// settle finds out what became of an open intent (contracts/circleci.md 6). When the look-up finds nothing, it sends again, up
// to maxSends, or leaves the intent open where it may not.
func (s *session) settle(ctx context.Context, u unit, mayResend bool) error {
	if settled, err := s.lookUp(ctx, u); settled || err != nil {
		return err
	}
	st := s.rec.step(u.ids[0])
	switch {
	case st.Send >= maxSends:
		return s.ask(ctx, u, fmt.Sprintf("%d answers were lost and no pipeline was found", st.Send))
	case st.Project != u.steps[0].Project || st.Branch != u.steps[0].Branch:
		return s.ask(ctx, u, fmt.Sprintf("an answer was lost and no pipeline was found on branch %s of %s, from which it is not built any more", st.Branch, st.Project))
	case s.once && closed(s.cancelled): // nobody sends again, and so nobody would look again either
		return s.ask(ctx, u, "it was cancelled, an answer was lost and no pipeline was found: one may still appear")
	case mayResend && !s.mayNotStart(): // it may have been stopped during the look-up
		return s.send(ctx, u, run.Event{Send: st.Send + 1, After: st.After})
	}
	return nil
}

// settleRefused is for a refusal that does not prove that there is no pipeline: when the look-up finds none, the attempt has
// failed with that refusal.
func (s *session) settleRefused(ctx context.Context, u unit, t *circleci.TriggerError) error {
	if settled, err := s.lookUp(ctx, u); settled || err != nil {
		return err
	}
	return s.failRefused(ctx, u, t)
}

func (s *session) ask(ctx context.Context, u unit, reason string) error {
	s.alarm.raise()
	url := circleci.PipelinesURL(s.ci.Host(), u.steps[0].Project)
	return s.rec.add(ctx, run.Event{Type: run.Unknown, Steps: u.ids, Reason: reason, URL: url})
}

// lookUp adopts the pipeline that only the open intent can have made: the first, if its POSTs can have made several; it cancels
// the others. Where more match, or some say too little, it asks a person. It is not settled when there is none.
func (s *session) lookUp(ctx context.Context, u unit) (settled bool, err error) {
	st := s.rec.step(u.ids[0])
	c, err := s.search(ctx, u, st)
	switch {
	case err != nil:
		return false, err
	case c.none():
		return false, nil
	case len(c.ours) == 1 && st.Posts == 1:
		return true, s.noteTriggered(ctx, u, run.Event{Pipeline: s.pipeline(u, c.ours[0].ID, c.ours[0].Number), Adopted: true})
	case len(c.ours) > 0 && len(c.ours) <= st.Posts: // the first counts, and an earlier POST may have made one that is not shown yet
		for _, other := range c.ours[1:] {
			s.cancel(ctx, other.ID)
		}
		return true, s.sift(ctx, u, circleci.Created{ID: c.ours[0].ID, Number: c.ours[0].Number}, true)
	}
	return true, s.ask(ctx, u, c.String())
}

// candidates are pipelines that an intent may have made.
type candidates struct {
	ours   []circleci.Pipeline
	silent []circleci.Pipeline // that say too little about themselves
}

func (c candidates) none() bool { return len(c.ours)+len(c.silent) == 0 }

// String is the reason of a question.
func (c candidates) String() string {
	switch {
	case len(c.silent) == 0:
		return "several pipelines could be its own: " + numbers(c.ours)
	case len(c.ours) == 0:
		return fmt.Sprintf("%s could be its own: CircleCI does not say its branch, its user or how it was triggered", numbers(c.silent))
	}
	return fmt.Sprintf("%s looks like its own, and %s could be: CircleCI does not say enough of it", numbers(c.ours), numbers(c.silent))
}

// search reads until as many pipelines match as there were POSTs, or until a reading without errors later than lookUpFor after
// the look-up began: a POST may have made one that is not shown yet, or nothing.
func (s *session) search(ctx context.Context, u unit, st run.Step) (candidates, error) {
	began := s.clock.Now()
	var told time.Time
	for wait := time.Second; ; wait = min(2*wait, 10*time.Second) {
		past, err := s.looking(ctx, u, st)
		if err != nil {
			return candidates{}, err
		}
		c, err := s.candidates(ctx, st)
		switch {
		case ctx.Err() != nil:
			return c, stopped(ctx)
		case err != nil && (fault.KindOf(err) != fault.Remote || past > lookUpFor+readPatience):
			return c, err
		case err == nil && (past > lookUpFor || len(c.ours) >= st.Posts):
			return c, nil
		}
		s.tellSilence(began, &told, u.name()+": what its trigger made", lookUpFor+readPatience, err)
		if err := s.clock.Sleep(ctx, wait); err != nil {
			return c, err
		}
	}
}

// look is a look-up of the newest POST of a unit.
type look struct {
	until time.Time     // up to when past counts
	past  time.Duration // how long it has lasted
}

// looking is how long the look-up of the open intent of a unit has lasted, by this driver and by those before it that are known.
func (s *session) looking(ctx context.Context, u unit, st run.Step) (time.Duration, error) {
	now := s.clock.Now()
	s.mu.Lock()
	l, known := s.looked[u.ids[0]]
	s.mu.Unlock()
	if !known {
		l.until = now
	}
	more := now.Sub(l.until)
	l.until, l.past = now, l.past+more
	if s.lookedFor != nil {
		var err error
		if l.past, err = s.lookedFor(ctx, st.Intent, more); err != nil {
			return 0, err
		}
	}
	s.mu.Lock()
	s.looked[u.ids[0]] = l
	s.mu.Unlock()
	if !known {
		s.tellLooking(u, l.past)
	}
	return l.past, nil
}

// forgetLooking makes the next look-up of the unit a new one.
func (s *session) forgetLooking(u unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.looked, u.ids[0])
}

// candidates reads every pipeline of the project since the intent, and tells which it may have made: from the list, and by
// number what the list does not show yet. A number below another's that CircleCI does not show is one that says nothing.
func (s *session) candidates(ctx context.Context, st run.Step) (candidates, error) {
	all, listed, err := s.listed(ctx, st)
	if err != nil {
		return candidates{}, err
	}
	for n := st.After + 1; ; n++ {
		p, ok := listed[n]
		if !ok {
			p, err = s.ci.PipelineByNumber(ctx, st.Project, n)
		}
		switch {
		case ok || err == nil:
			delete(listed, n)
		case fault.KindOf(err) != fault.NotFound:
			return candidates{}, err
		case len(listed) == 0:
			return s.match(ctx, all, st)
		default: // a later one is listed
			p = circleci.Pipeline{Number: n}
		}
		all = append(all, p)
	}
}

// listed are the pipelines of the project's list since the intent: those without a number, and the others by number.
func (s *session) listed(ctx context.Context, st run.Step) (odd []circleci.Pipeline, byNumber map[int64]circleci.Pipeline, err error) {
	byNumber = map[int64]circleci.Pipeline{}
	for p, err := range s.ci.Pipelines(ctx, st.Project, "") {
		switch {
		case err != nil:
			return nil, nil, err
		case p.Number == 0:
			odd = append(odd, p)
		case p.Number <= st.After:
			return odd, byNumber, nil
		default:
			byNumber[p.Number] = p
		}
	}
	return odd, byNumber, nil
}

// match leaves those of the pipelines that an open intent may have made, and that no step and no other execution has.
func (s *session) match(ctx context.Context, all []circleci.Pipeline, st run.Step) (candidates, error) {
	q := circleci.Query{After: st.After, Logins: st.Logins, Branch: st.Branch}
	var c candidates
	for _, p := range all {
		match := circleci.MatchOf(p, q)
		if match == circleci.NotOurs || s.hasOwner(p.ID) {
			continue
		}
		free, err := s.isFree(ctx, p.ID)
		switch {
		case err != nil:
			return candidates{}, err
		case !free:
		case match == circleci.Ours:
			c.ours = append(c.ours, p)
		default:
			c.silent = append(c.silent, p)
		}
	}
	return c, nil
}

// hasOwner tells whether a pipeline belongs to a step of this run.
func (s *session) hasOwner(pipeline string) (owned bool) {
	s.rec.view(func(state *run.State) { _, owned = state.Owner(pipeline) })
	return owned
}

// isFree tells whether no other execution has a pipeline; true where there is nobody to ask.
func (s *session) isFree(ctx context.Context, pipeline string) (bool, error) {
	if s.free == nil || pipeline == "" {
		return true, nil
	}
	return s.free(ctx, pipeline)
}

// sift decides between a new pipeline and those that appeared between the first POST and the newest. It adopts the first that
// matches, and cancels the new one and those between. While it cannot read a pipeline that must exist, by its number, it cancels
// the new one rather than let both run; when that stays unreadable or says too little, or more match than there were POSTs, it
// asks a person.
func (s *session) sift(ctx context.Context, u unit, c circleci.Created, adopted bool) error {
	st := s.rec.step(u.ids[0])
	var between []circleci.Pipeline
	cancel := sync.OnceFunc(func() { s.cancel(ctx, c.ID) })
	if c.Number == 0 { // CircleCI did not say it
		p, err := s.readExisting(ctx, cancel, func() (circleci.Pipeline, error) { return s.ci.Pipeline(ctx, c.ID) })
		switch {
		case ctx.Err() != nil:
			return stopped(ctx)
		case err != nil:
			return s.ask(ctx, u, fmt.Sprintf("pipeline %s cannot be read, nor whether there is another one; it was cancelled", c.ID))
		}
		c.Number = p.Number
	}
	for n := st.After + 1; n < c.Number; n++ {
		p, err := s.readExisting(ctx, cancel, func() (circleci.Pipeline, error) { return s.ci.PipelineByNumber(ctx, st.Project, n) })
		switch {
		case ctx.Err() != nil:
			return stopped(ctx)
		case err != nil:
			return s.ask(ctx, u, fmt.Sprintf("pipeline %d was created by an earlier try or by somebody else, and cannot be read; %d was cancelled", n, c.Number))
		}
		between = append(between, p)
	}
	earlier, err := s.match(ctx, between, st)
	switch {
	case err != nil:
		return err
	case earlier.none():
		return s.noteTriggered(ctx, u, run.Event{Pipeline: s.pipeline(u, c.ID, c.Number), Adopted: adopted})
	case len(earlier.ours) == st.Posts-1, len(earlier.silent) == 0 && len(earlier.ours) < st.Posts:
		for _, other := range earlier.ours[1:] {
			s.cancel(ctx, other.ID)
		}
		return s.adoptInstead(ctx, u, earlier.ours[0], c)
	}
	cancel()
	return s.ask(ctx, u, fmt.Sprintf("%s; %d was cancelled", earlier, c.Number))
}

// readExisting reads a pipeline that must exist, as it has a number below another's. Before it waits it calls meanwhile.
func (s *session) readExisting(ctx context.Context, meanwhile func(), read func() (circleci.Pipeline, error)) (circleci.Pipeline, error) {
	for deadline := s.clock.Now().Add(siftFor); ; {
		p, err := read()
		if err == nil || ctx.Err() != nil || s.clock.Now().After(deadline) {
			return p, err
		}
		meanwhile()
		if err := s.clock.Sleep(ctx, time.Second); err != nil {
			return p, err
		}
	}
}

func (s *session) adoptInstead(ctx context.Context, u unit, p circleci.Pipeline, c circleci.Created) error {
	if err := s.noteTriggered(ctx, u, run.Event{Pipeline: s.pipeline(u, p.ID, p.Number), Adopted: true, Cancel: c.ID}); err != nil {
		return err
	}
	s.cancel(ctx, c.ID)
	return nil
}

// cancel stops a pipeline that must not run beside another, as soon as it has workflows to stop: CircleCI has no way to cancel
// a pipeline itself (contracts/circleci.md 1.9). The next session cancels again, so that giving up here is no failure.
func (s *session) cancel(ctx context.Context, pipeline string) {
	for deadline := s.clock.Now().Add(lookUpFor); s.clock.Now().Before(deadline); {
		if workflows, err := s.ci.Workflows(ctx, pipeline); err == nil && len(workflows) > 0 {
			if s.ci.Cancel(ctx, pipeline) == nil {
				return
			}
		}
		if s.clock.Sleep(ctx, time.Second) != nil {
			return
		}
	}
}

func numbers(ps []circleci.Pipeline) string {
	var all []string
	for _, p := range ps {
		all = append(all, fmt.Sprintf("#%d", p.Number))
	}
	return strings.Join(all, ", ")
}
