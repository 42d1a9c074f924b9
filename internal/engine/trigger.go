package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// trigger begins a new attempt of a unit that may be started. It reads the newest pipeline number before it writes the
// intent: by that number it finds the pipeline again when the answer is lost.
func (s *session) trigger(ctx context.Context, u unit) error {
	s.markTried(u)
	s.rec.expect(u.ids[0])
	defer s.rec.forget(u.ids[0]) // when there is no intent after all
	if asked, err := s.askIfReleased(ctx, u); asked || err != nil {
		return err
	}
	if asked, err := s.askIfRerun(ctx, u); asked || err != nil {
		return err
	}
	if asked, err := s.askIfMissed(ctx, u); asked || err != nil {
		return err
	}
	if failed, err := s.failUnready(ctx, u); failed || err != nil {
		return err
	}
	newest, err := s.ci.Newest(ctx, u.steps[0].Project)
	if err != nil {
		return s.failUnreadable(ctx, u, err)
	}
	return s.send(ctx, u, run.Event{Send: 1, After: newest})
}

// failUnready fails an attempt before its intent when something has changed since the release was checked.
func (s *session) failUnready(ctx context.Context, u unit) (failed bool, err error) {
	if s.ready == nil {
		return false, nil
	}
	err = s.ready(ctx, u.steps)
	switch {
	case err == nil:
		return false, nil
	case ctx.Err() != nil:
		return false, stopped(ctx)
	}
	return true, s.fail(ctx, u, run.Event{Code: fault.CodeOf(err), Reason: err.Error()})
}

// failUnreadable fails an attempt whose project CircleCI does not show, or about which its answers cannot be read: the others go
// on. Any other error, as of a bad token or a dead API, ends the session.
func (s *session) failUnreadable(ctx context.Context, u unit, err error) error {
	switch {
	case ctx.Err() != nil:
		return stopped(ctx)
	case fault.KindOf(err) == fault.NotFound:
		return s.fail(ctx, u, run.Event{Code: "project-not-found", Reason: err.Error()})
	case circleci.IsUnreadable(err):
		return s.fail(ctx, u, run.Event{Code: "project-unreadable", Reason: err.Error()})
	}
	return err
}

// send writes the intent and makes the one POST that it is for. When that created nothing, it waits and sends again, with
// another intent; when it is uncertain, the look-up settles it. Who answers 429 may have created something all the same: then
// no later answer proves that there is nothing.
func (s *session) send(ctx context.Context, u unit, intent run.Event) error {
	intent.Type, intent.Steps = run.Intent, u.ids
	intent.Project, intent.Branch = u.steps[0].Project, u.steps[0].Branch
	p := &posts{began: s.clock.Now(), wait: time.Second, doubt: intent.Send > 1}
	for again := true; again; {
		if err := s.rec.add(ctx, intent); err != nil {
			return err
		}
		s.forgetLooking(u)
		switch err := s.rec.journal.Fresh(ctx); {
		case fault.Is(err, "run-cancelled"):
			return s.noteNotSent(ctx, u, p.doubt)
		case err != nil:
			return err // nothing was sent: the next driver finds the intent and looks it up
		}
		created, err := s.ci.Trigger(ctx, circleci.TriggerRequest{
			Project: u.steps[0].Project, Definition: u.steps[0].Definition,
			Branch: u.steps[0].Branch, Parameters: u.steps[0].Parameters,
		})
		if err == nil {
			return s.noteCreated(ctx, u, created)
		}
		t, ok := errors.AsType[*circleci.TriggerError](err)
		if !ok {
			return err
		}
		if again, err = s.afterFailedPost(ctx, u, t, p); err != nil {
			return err
		}
	}
	return nil
}

// posts is what send remembers from one POST to the next.
type posts struct {
	began time.Time
	wait  time.Duration
	doubt bool // one before may have made something

	refused bool // one before was refused for its token
}

// afterFailedPost ends the attempt or settles it, or waits until the same may be sent again.
func (s *session) afterFailedPost(ctx context.Context, u unit, t *circleci.TriggerError, p *posts) (again bool, err error) {
	p.doubt = p.doubt || t.Outcome == circleci.Throttled
	switch t.Outcome {
	case circleci.Refused, circleci.NotCreated:
		if s.isFluke(ctx, t, p) {
			return s.sleepUnlessStopped(ctx, p.wait), nil
		}
		return false, s.noteRefused(ctx, u, t, p.doubt)
	case circleci.Uncertain:
		if t.Refuses() {
			return false, s.noteRefused(ctx, u, t, true)
		}
		return false, s.settle(ctx, u, !s.mayNotStart())
	case circleci.NotSent, circleci.Throttled:
	}
	if s.clock.Since(p.began) > sendPatience {
		return false, s.noteRefused(ctx, u, t, p.doubt)
	}
	if !s.sleepUnlessStopped(ctx, max(p.wait, t.RetryAfter)) {
		return false, s.noteNotSent(ctx, u, p.doubt)
	}
	p.wait = min(2*p.wait, 30*time.Second)
	if t.Outcome == circleci.Throttled && s.sees(ctx, u) {
		return false, s.settle(ctx, u, !s.mayNotStart())
	}
	return true, nil
}

// sees tells whether CircleCI shows something that the open intent may have made. What cannot be read now is read later.
func (s *session) sees(ctx context.Context, u unit) bool {
	c, err := s.candidates(ctx, s.rec.step(u.ids[0]))
	return err == nil && !c.none()
}

// noteCreated notes the pipeline that a trigger made. When it was not the first POST of the attempt, and the number does not
// follow the newest one known before that, one of the pipelines between may be an earlier POST's.
func (s *session) noteCreated(ctx context.Context, u unit, c circleci.Created) error {
	if st := s.rec.step(u.ids[0]); st.Posts > 1 && c.Number != st.After+1 {
		return s.sift(ctx, u, c, false)
	}
	return s.noteTriggered(ctx, u, run.Event{Pipeline: s.pipeline(u, c.ID, c.Number)})
}

// askIfReleased asks a person, and so holds a new attempt back, when the pipeline of the last one has released another step: a
// new pipeline would release that again.
func (s *session) askIfReleased(ctx context.Context, u unit) (asked bool, err error) {
	var shared unit
	var with run.Step
	for i, id := range u.ids {
		st := s.rec.step(id)
		if st.Status != run.HasFailed || st.Pipeline.ID == "" {
			continue
		}
		s.rec.view(func(state *run.State) {
			succeeded := state.With(run.HasSucceeded)
			if n := slices.IndexFunc(succeeded, func(other run.Step) bool { return other.Pipeline.ID == st.Pipeline.ID }); n >= 0 {
				with, shared = succeeded[n], newUnit(append(shared.steps, u.steps[i]))
			}
		})
	}
	if len(shared.steps) == 0 {
		return false, nil
	}
	return true, s.ask(ctx, shared, fmt.Sprintf("its pipeline has released %s: a new one would release that again", with.ID))
}

// askIfRerun asks a person which one counts, and so holds a new attempt back, when somebody has re-run the pipeline of an
// attempt before the last on CircleCI, so that it runs or has succeeded. The session has read that of the last one already.
func (s *session) askIfRerun(ctx context.Context, u unit) (asked bool, err error) {
	st := s.rec.step(u.ids[0])
	if st.Status != run.HasFailed {
		return false, nil
	}
	for _, id := range st.Earlier[st.Dropped:] {
		v, err := s.verdict(ctx, id)
		switch {
		case ctx.Err() != nil:
			return false, stopped(ctx)
		case fault.KindOf(err) == fault.NotFound: // so old that CircleCI has forgotten it
			continue
		case err != nil:
			return false, err
		case v.State == circleci.Failed, v.NoWorkflow, v.RerunDue:
			continue
		}
		if v.State == circleci.Succeeded {
			if unproven, err := s.allUnproven(ctx, u, v); unproven || err != nil {
				if err != nil {
					return false, err
				}
				continue
			}
		}
		reason := fmt.Sprintf("the pipeline %s of an earlier attempt was run again on CircleCI: %s", id, v.Reason)
		return true, s.ask(ctx, u, reason)
	}
	return false, nil
}

// noteTriggered notes the pipeline of a unit, unless another execution has it. A pipeline that must be cancelled is noted at
// once: nobody could find it again.
func (s *session) noteTriggered(ctx context.Context, u unit, e run.Event) error {
	if !e.Adopted { // the look-up has asked about what it found
		free, err := s.isFree(context.WithoutCancel(ctx), e.Pipeline.ID) // the pipeline exists: a driver that leaves must not lose it
		if err != nil {
			return err
		}
		if !free {
			return s.ask(ctx, u, fmt.Sprintf("pipeline %d, which its trigger made, is noted as another's", e.Pipeline.Number))
		}
	}
	e.Type, e.Steps = run.Triggered, u.ids
	if e.Cancel != "" {
		return s.rec.add(ctx, e)
	}
	return s.rec.note(ctx, e, noteStart)
}

func (s *session) pipeline(u unit, id string, number int64) *run.Pipeline {
	return &run.Pipeline{ID: id, Number: number, URL: circleci.PipelineURL(s.ci.Host(), u.steps[0].Project, number)}
}

// noteRefused ends an attempt that was refused, or never received. With a doubt whether the attempt has made a pipeline all the
// same, it looks first.
func (s *session) noteRefused(ctx context.Context, u unit, t *circleci.TriggerError, doubt bool) error {
	if doubt {
		return s.settleRefused(ctx, u, t)
	}
	return s.failRefused(ctx, u, t)
}

// notAllowed is the code of an attempt that CircleCI does not let the token's user make.
const notAllowed = "not-allowed"

// failRefused ends an attempt that made nothing. When CircleCI refuses the token itself, the session starts nothing else either.
func (s *session) failRefused(ctx context.Context, u unit, t *circleci.TriggerError) error {
	code := "refused"
	switch {
	case t.Status == 401 || t.Status == 403:
		code = notAllowed
		if s.refusesToken(ctx) {
			s.halt()
		}
	case t.Outcome == circleci.NotSent || t.Outcome == circleci.Throttled:
		code = "not-sent"
	}
	return s.fail(ctx, u, run.Event{Code: code, Reason: t.Error()})
}

// noteNotSent ends an attempt when the driver stops before CircleCI received it: nothing was created. With a doubt the intent
// stays open for the next session.
func (s *session) noteNotSent(ctx context.Context, u unit, doubt bool) error {
	if doubt {
		return nil
	}
	return s.rec.add(ctx, run.Event{Type: run.Skipped, Steps: u.ids, Reason: "stopped before CircleCI took it: nothing was created"})
}

// fail ends the attempt without success.
func (s *session) fail(ctx context.Context, u unit, e run.Event) error {
	defer s.alarm.raise() // after the write, which may tell that the run is cancelled: then holds wait for their end
	e.Type, e.Steps = run.Failed, u.ids
	return s.rec.add(ctx, e)
}
