package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// settle finds out what became of an open intent (contracts/circleci.md 6). One pipeline that can only
// be its doing is adopted. None by the end of the look-up: it is sent again where that is allowed, up
// to maxSends, else left open. Anything else cannot be known, and a person is asked.
func (s *session) settle(ctx context.Context, u unit, mayResend bool) error {
	st := s.rec.step(u.ids[0])
	found, err := s.lookUp(ctx, st)
	if err != nil {
		return err
	}
	switch {
	case len(found) == 1 && st.Send > 1: // an earlier send's may be there, and not be seen yet
		return s.sift(ctx, u, circleci.Created{ID: found[0].ID, Number: found[0].Number}, true)
	case len(found) == 1:
		return s.triggered(ctx, u, run.Event{Pipeline: s.pipeline(u, found[0].ID, found[0].Number), Adopted: true})
	case len(found) > 1:
		return s.ask(ctx, u, "several pipelines could be its own: "+numbers(found))
	case st.Send >= maxSends:
		return s.ask(ctx, u, fmt.Sprintf("%d answers were lost and no pipeline was found", st.Send))
	case st.Project != u.steps[0].Project || st.Branch != u.steps[0].Branch:
		return s.ask(ctx, u, fmt.Sprintf("an answer was lost and no pipeline was found on branch %s of %s, from which it is not built any more", st.Branch, st.Project))
	case mayResend && !s.mayNotStart(): // it may have been stopped during the look-up
		return s.send(ctx, u, run.Event{Send: st.Send + 1, After: st.After, ServerTime: s.serverNow()})
	}
	return nil
}

func (s *session) ask(ctx context.Context, u unit, reason string) error {
	s.alarm.raise()
	url := circleci.PipelineURL(s.ci.Host(), u.steps[0].Project, 0)
	return s.rec.add(ctx, run.Event{Type: run.Unknown, Steps: u.ids, Reason: reason, URL: url})
}

// lookUp reads until something matches, or until a clean reading later than lookUpFor after the
// intent found nothing. Of several sends the newest, too, has that time to show what it made. The limit
// is CircleCI's clock's, and ours, should the two have come apart: a machine that slept lags hours behind.
func (s *session) lookUp(ctx context.Context, st run.Step) ([]circleci.Pipeline, error) {
	began := s.clock.Now()
	for wait := time.Second; ; wait = min(2*wait, 10*time.Second) {
		past := max(s.serverNow().Sub(st.SentAt), s.clock.Since(began))
		late := past > lookUpFor
		found, err := s.candidates(ctx, st)
		switch {
		case ctx.Err() != nil:
			return nil, stopped(ctx)
		case err != nil && (fault.KindOf(err) != fault.Remote || past > lookUpFor+readPatience):
			return nil, err
		case err == nil && (late || len(found) > 0 && st.Send == 1):
			return found, nil
		}
		if err := s.clock.Sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// candidates is every pipeline that could be the doing of the open intent and belongs to no other
// step: by number first, which does not lag behind, then in the list.
func (s *session) candidates(ctx context.Context, st run.Step) ([]circleci.Pipeline, error) {
	var found []circleci.Pipeline
	keep := func(p circleci.Pipeline) {
		if s.couldBe(p, st) {
			found = append(found, p)
		}
	}
	highest := st.After
	for n := st.After + 1; ; n++ {
		p, err := s.ci.PipelineByNumber(ctx, st.Project, n)
		if fault.KindOf(err) == fault.NotFound {
			break
		}
		if err != nil {
			return nil, err
		}
		highest = n
		keep(p)
	}
	for p, err := range s.ci.Pipelines(ctx, st.Project, "") {
		if err != nil {
			return nil, err
		}
		if p.Number <= highest {
			break
		}
		keep(p)
	}
	return found, nil
}

// couldBe tells whether an open intent may have made a pipeline: it is nobody's yet, of a user whose token
// sent it, and received between its first send and the end of its driver's time. The times are whole
// seconds, several servers have several clocks, and what a driver sent last may arrive after the next one
// began.
func (s *session) couldBe(p circleci.Pipeline, st run.Step) bool {
	q := circleci.Query{After: st.After, Branch: st.Branch, From: st.From.Add(-clockSlack), Until: st.Until}
	if !q.Until.IsZero() {
		q.Until = q.Until.Add(lookUpFor)
	}
	return s.free(p.ID) && slices.ContainsFunc(st.Logins, func(login string) bool {
		q.Login = login
		return circleci.Matches(p, q)
	})
}

func (s *session) free(pipeline string) bool {
	free := false
	s.rec.view(func(state *run.State) {
		_, taken := state.Owner(pipeline)
		free = !taken
	})
	return free
}

// sift decides between a new pipeline and those that appeared between the first send and this one: an
// earlier one that matches is adopted and the new one cancelled. While a number between cannot be read,
// though it must exist, the new one is better cancelled than run beside it; if it stays unreadable, or
// was somebody else's after all, the attempt is over.
func (s *session) sift(ctx context.Context, u unit, c circleci.Created, adopted bool) error {
	st := s.rec.step(u.ids[0])
	var own []circleci.Pipeline
	cancel := sync.OnceFunc(func() { s.cancel(ctx, c.ID) })
	if c.Number == 0 { // CircleCI did not say it
		p, err := s.mustExist(ctx, cancel, func() (circleci.Pipeline, error) { return s.ci.Pipeline(ctx, c.ID) })
		switch {
		case ctx.Err() != nil:
			return stopped(ctx)
		case err != nil:
			return s.ask(ctx, u, fmt.Sprintf("pipeline %s cannot be read, nor whether there is another one; it was cancelled", c.ID))
		}
		c.Number = p.Number
	}
	for n := st.After + 1; n < c.Number; n++ {
		p, err := s.mustExist(ctx, cancel, func() (circleci.Pipeline, error) { return s.ci.PipelineByNumber(ctx, st.Project, n) })
		switch {
		case ctx.Err() != nil:
			return stopped(ctx)
		case err != nil:
			return s.ask(ctx, u, fmt.Sprintf("pipeline %d was created by an earlier try or by somebody else, and cannot be read; %d was cancelled", n, c.Number))
		case s.couldBe(p, st):
			own = append(own, p)
		}
	}
	switch len(own) {
	case 0:
		return s.triggered(ctx, u, run.Event{Pipeline: s.pipeline(u, c.ID, c.Number), Adopted: adopted})
	case 1:
		return s.adoptInstead(ctx, u, own[0], c)
	}
	s.cancel(ctx, c.ID)
	return s.ask(ctx, u, fmt.Sprintf("several pipelines could be its own: %s; %d was cancelled", numbers(own), c.Number))
}

// mustExist reads a pipeline that must exist, as one does that has a later one. It calls meanwhile before it waits.
func (s *session) mustExist(ctx context.Context, meanwhile func(), read func() (circleci.Pipeline, error)) (circleci.Pipeline, error) {
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
	if err := s.triggered(ctx, u, run.Event{Pipeline: s.pipeline(u, p.ID, p.Number), Adopted: true, Cancel: c.ID}); err != nil {
		return err
	}
	s.cancel(ctx, c.ID)
	return nil
}

// cancel stops a pipeline that must not run beside another, as soon as it has workflows to stop: there
// is no way to cancel a pipeline itself (contracts/circleci.md 1.9). The next session repeats it, so
// that giving up here is no failure.
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
