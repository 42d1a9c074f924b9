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

// trigger begins a new attempt of a unit that may be started. The newest pipeline number is read
// before the intent is written: with it the pipeline is found again if the answer is lost.
func (s *session) trigger(ctx context.Context, u unit) error {
	s.try(u)
	s.rec.expect(u.ids[0])
	defer s.rec.forget(u.ids[0]) // where nothing comes of it
	if asked, err := s.releasedTogether(ctx, u); asked || err != nil {
		return err
	}
	if asked, err := s.earlierAttempts(ctx, u); asked || err != nil {
		return err
	}
	if failed, err := s.notReady(ctx, u); failed || err != nil {
		return err
	}
	newest, serverTime, err := s.ci.Newest(ctx, u.steps[0].Project)
	if err != nil {
		return s.notReadable(ctx, u, err)
	}
	return s.send(ctx, u, run.Event{Send: 1, After: newest, ServerTime: serverTime})
}

// notReady ends an attempt before its intent when something has changed since the release was checked.
func (s *session) notReady(ctx context.Context, u unit) (failed bool, err error) {
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

// notReadable ends an attempt whose project cannot even be read. Only what is wrong with this one
// project is the step's failure; a bad token or a dead API is the session's.
func (s *session) notReadable(ctx context.Context, u unit, err error) error {
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	if fault.KindOf(err) != fault.NotFound {
		return err
	}
	return s.fail(ctx, u, run.Event{Code: "project-not-found", Reason: err.Error()})
}

// send writes the intent and makes the one POST it is for. What certainly created nothing is sent
// again after waiting, with an intent of its own; what is uncertain is settled by looking it up.
func (s *session) send(ctx context.Context, u unit, intent run.Event) error {
	intent.Type, intent.Steps = run.Intent, u.ids
	intent.Project, intent.Branch = u.steps[0].Project, u.steps[0].Branch
	began, wait := s.clock.Now(), time.Second
	for ; ; intent.ServerTime = s.serverNow() {
		if err := s.rec.add(ctx, intent); err != nil {
			return err
		}
		switch err := s.rec.fresh(ctx); {
		case fault.Is(err, "run-cancelled"):
			return s.notTaken(ctx, u, intent)
		case err != nil:
			return err // nothing was sent: the next driver finds the intent and looks
		}
		created, err := s.ci.Trigger(ctx, circleci.TriggerRequest{
			Project: u.steps[0].Project, Definition: u.steps[0].Definition,
			Branch: u.steps[0].Branch, Parameters: u.steps[0].Parameters,
		})
		if err == nil {
			return s.created(ctx, u, intent, created)
		}
		t, ok := errors.AsType[*circleci.TriggerError](err)
		if !ok {
			return err
		}
		switch t.Outcome {
		case circleci.Refused, circleci.NotCreated:
			return s.refused(ctx, u, intent, t)
		case circleci.Uncertain:
			return s.settle(ctx, u, !s.mayNotStart())
		case circleci.NotSent, circleci.Throttled:
			if s.clock.Since(began) > sendPatience {
				return s.refused(ctx, u, intent, t)
			}
			if !s.sleepUnlessStopped(ctx, max(wait, t.RetryAfter)) {
				return s.notTaken(ctx, u, intent)
			}
			wait = min(2*wait, 30*time.Second)
		}
	}
}

// created notes the pipeline. After an earlier send of the same attempt its number must follow the
// newest one known then; if it does not, one of those between may be the earlier send's.
func (s *session) created(ctx context.Context, u unit, intent run.Event, c circleci.Created) error {
	if intent.Send > 1 && c.Number != intent.After+1 {
		return s.sift(ctx, u, c, false)
	}
	return s.triggered(ctx, u, run.Event{Pipeline: s.pipeline(u, c.ID, c.Number)})
}

// releasedTogether holds a new attempt back when the last one's pipeline has released another step: a new one would release that
// again, and a person is asked.
func (s *session) releasedTogether(ctx context.Context, u unit) (asked bool, err error) {
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

// earlierAttempts holds a new attempt back when the pipeline of one before the last has been re-run on CircleCI, so that it runs
// or has succeeded: a person is asked which one counts. The last one's was read when the session began.
func (s *session) earlierAttempts(ctx context.Context, u unit) (asked bool, err error) {
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

// triggered notes the pipeline. What must be cancelled beside it could not be found again.
func (s *session) triggered(ctx context.Context, u unit, e run.Event) error {
	e.Type, e.Steps = run.Triggered, u.ids
	if e.Cancel != "" {
		return s.rec.add(ctx, e)
	}
	return s.rec.note(ctx, e, noteStart)
}

func (s *session) pipeline(u unit, id string, number int64) *run.Pipeline {
	return &run.Pipeline{ID: id, Number: number, URL: circleci.PipelineURL(s.ci.Host(), u.steps[0].Project, number)}
}

// refused ends an attempt that CircleCI turned down, or never took. This try created nothing; if an
// earlier one of the same attempt was lost, that one may have. When it is the token that is refused,
// nothing else is worth starting either.
func (s *session) refused(ctx context.Context, u unit, intent run.Event, t *circleci.TriggerError) error {
	code := "refused"
	switch {
	case t.Status == 401 || t.Status == 403:
		code = "not-allowed"
		s.halted.Store(true)
	case t.Outcome == circleci.NotSent || t.Outcome == circleci.Throttled:
		code = "not-sent"
	}
	if intent.Send > 1 {
		return s.ask(ctx, u, "the answer to the first try was lost, and the next try was refused: "+t.Error())
	}
	return s.fail(ctx, u, run.Event{Code: code, Reason: t.Error()})
}

// notTaken leaves an attempt when the driver stops before CircleCI took it: nothing was created, unless
// by an earlier try that was lost; then the intent stays open for the next session.
func (s *session) notTaken(ctx context.Context, u unit, intent run.Event) error {
	if intent.Send > 1 {
		return nil
	}
	return s.rec.add(ctx, run.Event{Type: run.Skipped, Steps: u.ids, Reason: "stopped before CircleCI took it: nothing was created"})
}

// fail ends the attempt without success.
func (s *session) fail(ctx context.Context, u unit, e run.Event) error {
	defer s.alarm.raise() // noting it may tell that the run is cancelled: then holds are not given up for it
	e.Type, e.Steps = run.Failed, u.ids
	return s.rec.add(ctx, e)
}
