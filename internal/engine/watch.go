package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// watch reads a pipeline until it has ended, and notes what changed. It ends early, with the pipeline
// left as it is, when a limit is reached, or when it waits for an approval that nobody should wait for:
// after a failure in its wave, or when the driver stops.
func (s *session) watch(ctx context.Context, u unit, place *slot) error {
	now := s.clock.Now()
	w := &watcher{s: s, u: u, place: place, triggered: s.rec.step(u.ids[0]).StartedAt, began: now, answered: now}
	for {
		if err := s.rec.err(); err != nil {
			return err // what it would see could not be kept
		}
		v, err := w.read(ctx)
		if fault.KindOf(err) == fault.NotFound {
			return s.forgotten(ctx, w.u)
		}
		if err != nil {
			return err
		}
		if over, err := w.note(ctx, v); over || err != nil {
			return err
		}
		if err := w.wait(ctx); err != nil {
			return err
		}
	}
}

// wait sleeps until the next reading. A failure in the wave and a stop wake it, where they matter.
func (w *watcher) wait(ctx context.Context) error {
	var failure, stop <-chan struct{}
	cancelled, next := w.s.cancelled, w.s.pace.next(w.u.steps[0].Component, w.age())
	if !w.green.IsZero() {
		next = w.untilProof()
	}
	ending := closed(cancelled) // it ends anyway: nothing but its end is worth waking for
	if ending {
		cancelled, next = nil, min(next, cancelApart)
	}
	if !w.heldSince.IsZero() && !ending {
		failure, stop = w.s.alarm.raised, w.s.stop
	}
	if w.s.failFast && !w.cancelled {
		failure = w.s.alarm.raised
	}
	select {
	case <-ctx.Done():
		return stopped(ctx)
	case <-failure:
	case <-stop:
	case <-cancelled:
	case <-w.s.clock.After(next):
	}
	if w.s.failFast && w.s.alarm.rang() {
		w.cancelled = true
		w.s.cancel(ctx, w.s.rec.step(w.u.ids[0]).Pipeline.ID)
	}
	return nil
}

// watcher is what watching one pipeline remembers between two readings.
type watcher struct {
	s     *session
	u     unit
	place *slot

	triggered time.Time     // by the clock of the driver that did it: says how often to look, no more
	began     time.Time     // when this driver began to look: limits count from here
	appeared  time.Time     // when its first workflow was seen
	answered  time.Time     // when CircleCI last answered
	dueSince  time.Time     // when an automatic re-run was first seen to be due
	heldSince time.Time     // of the hold that lasts
	heldFor   time.Duration // of the holds that are over
	green     time.Time     // when it was first seen to have succeeded, if it was at the last reading
	// missingSince is when what proves the release was first seen not to be there; untold is why that could not be told.
	missingSince time.Time
	untold       error
	cancelled    bool      // by --fail-fast
	ending       time.Time // when this hold was first seen in a run that is cancelled
}

// read gives the verdict of one reading, or of two where one is not enough. CircleCI may fail for a
// while; what it says about the token is final.
func (w *watcher) read(ctx context.Context) (circleci.Verdict, error) {
	id := w.s.rec.step(w.u.ids[0]).Pipeline.ID
	for {
		v, err := w.s.verdict(ctx, id)
		if err == nil {
			w.answered = w.s.clock.Now()
			if w.young(v) {
				err = w.s.clock.Sleep(ctx, secondReading)
			}
			if err == nil && v.State == circleci.Succeeded && w.young(v) {
				v, err = w.s.verdict(ctx, id)
			}
		}
		switch {
		case ctx.Err() != nil:
			return v, stopped(ctx)
		case err == nil:
			return v, nil
		case fault.KindOf(err) == fault.Auth || w.s.clock.Since(w.answered) > readPatience:
			return v, err
		}
		if err := w.s.clock.Sleep(ctx, clamp(w.s.clock.Since(w.answered)/10, soonest, apart)); err != nil {
			return v, err
		}
	}
}

// young tells that a success was seen so soon after the first workflow that another may still appear.
func (w *watcher) young(v circleci.Verdict) bool {
	if w.appeared.IsZero() && v.State != circleci.Waiting {
		w.appeared = w.s.clock.Now()
	}
	return v.State == circleci.Succeeded && w.s.clock.Since(w.appeared) < youngFor
}

// note writes down what a reading changed. It is over when the pipeline has ended, or gio gives it up.
func (w *watcher) note(ctx context.Context, v circleci.Verdict) (over bool, err error) {
	if v.State != circleci.Succeeded { // somebody may have re-run it since
		w.green, w.missingSince = time.Time{}, time.Time{}
	}
	switch v.State {
	case circleci.Succeeded:
		if w.green.IsZero() {
			w.green = w.s.clock.Now()
			w.s.pace.took(w.age())
		}
		if over, err := w.prove(ctx, v); over || err != nil {
			return true, err
		}
	case circleci.Failed:
		return true, w.s.fail(ctx, w.u, w.s.failure(ctx, w.u, v))
	case circleci.OnHold:
		return w.hold(ctx, v)
	case circleci.Waiting:
		if w.s.clock.Since(w.began) > noWorkflowFor && v.NoWorkflow {
			return true, w.s.fail(ctx, w.u, run.Event{Code: "no-workflow", Reason: fmt.Sprintf(
				"CircleCI created the pipeline but no workflow ran in %s: filters or conditions of its configuration leave out all of them", noWorkflowFor)})
		}
	case circleci.Running:
		if w.rerunMissing(v) {
			e := w.s.failure(ctx, w.u, v)
			e.Code = "rerun-missing"
			return true, w.s.fail(ctx, w.u, e)
		}
	}
	if err := w.resume(ctx); err != nil {
		return true, err
	}
	if w.s.clock.Since(w.began)-w.heldFor > componentLimit {
		return true, w.s.fail(ctx, w.u, run.Event{Code: "timeout", Reason: w.tooLong()})
	}
	return false, w.s.observed(ctx, w.u, v)
}

func (w *watcher) tooLong() string {
	if w.untold != nil {
		return fmt.Sprintf("%s; gio does not ask longer", w.untold)
	}
	return fmt.Sprintf("it still runs after %s; gio does not wait longer and has not cancelled it", componentLimit)
}

// age is how long the pipeline has run, holds not counted.
func (w *watcher) age() time.Duration { return max(w.s.clock.Since(w.triggered)-w.heldFor, 0) }

// rerunMissing tells that an automatic re-run was due and has not come.
func (w *watcher) rerunMissing(v circleci.Verdict) bool {
	switch {
	case !v.RerunDue:
		w.dueSince = time.Time{}
	case w.dueSince.IsZero():
		w.dueSince = w.s.clock.Now()
	}
	return v.RerunDue && w.s.clock.Since(w.dueSince) > rerunFor
}

// hold gives the slot back and waits, unless nobody should.
func (w *watcher) hold(ctx context.Context, v circleci.Verdict) (over bool, err error) {
	if w.heldSince.IsZero() {
		w.heldSince = w.s.clock.Now()
	}
	w.place.release()
	if err := w.s.observed(ctx, w.u, v); err != nil {
		return true, err
	}
	return w.inVain(), nil
}

// inVain tells that nobody should wait for an approval any more. Of a run that is cancelled the end is waited for.
func (w *watcher) inVain() bool {
	now := w.s.clock.Now()
	if closed(w.s.cancelled) {
		if w.ending.IsZero() {
			w.ending = now
		}
		return now.Sub(w.ending) > cancelFor
	}
	return w.s.alarm.rang() || w.s.mayNotStart() || now.Sub(w.heldSince) > w.s.holdLimit
}

// resume takes a slot again after a hold.
func (w *watcher) resume(ctx context.Context) error {
	if w.heldSince.IsZero() {
		return nil
	}
	w.heldFor += w.s.clock.Since(w.heldSince)
	w.heldSince = time.Time{}
	if err := w.s.slots.Acquire(ctx, 1); err != nil {
		return stopped(ctx)
	}
	w.place.gone = false
	return nil
}

// observed notes a reading that differs from what is known.
func (s *session) observed(ctx context.Context, u unit, v circleci.Verdict) error {
	st := s.rec.step(u.ids[0])
	held, status := v.State == circleci.OnHold, string(v.Workflow.Status)
	if st.Status != run.HasFailed && st.Status != run.IsUnknown && st.Detail == status && st.Workflow == v.Workflow.Name && (st.Status == run.OnHold) == held {
		return nil
	}
	e := run.Event{Type: run.Observed, Steps: u.ids, Status: status, Held: held, Workflow: v.Workflow.Name, URL: s.workflowURL(u, st, v)}
	return s.rec.note(ctx, e, noteFacts)
}

// readOnce takes in what became of a pipeline that an earlier driver left. A failure that is still one
// is left as it is: it has its new attempt in its wave.
func (s *session) readOnce(ctx context.Context, u unit, st run.Step) error {
	w := &watcher{s: s, u: u, place: &slot{gone: true}, triggered: st.StartedAt, began: s.clock.Now(), answered: s.clock.Now()}
	if st.Status == run.IsUnknown {
		w.answered = time.Time{} // a person is asked already: it is not waited for
	}
	v, err := w.read(ctx)
	switch {
	case fault.KindOf(err) == fault.NotFound && (st.Status == run.HasFailed || st.Status == run.IsUnknown):
		return nil // so old that CircleCI has forgotten it
	case fault.KindOf(err) == fault.NotFound:
		return s.forgotten(ctx, u)
	case err != nil:
		return err
	}
	switch v.State {
	case circleci.Succeeded:
		return s.readGreen(ctx, u, v)
	case circleci.Running, circleci.OnHold:
		if v.RerunDue && st.Code == "rerun-missing" {
			return nil // it still has not come: the attempt is over
		}
		return s.observed(ctx, u, v)
	case circleci.Waiting: // a pipeline that never had a workflow stays failed; any other may still run
		if !v.NoWorkflow {
			return s.observed(ctx, u, v)
		}
	case circleci.Failed:
		switch {
		case st.Status == run.Running || st.Status == run.OnHold: // while nobody watched: its wave makes a new attempt
			return s.fail(ctx, u, s.failure(ctx, u, v))
		case st.Status == run.IsUnknown && st.Code == "": // CircleCI knows it again
			return s.observed(ctx, u, v)
		}
	}
	return nil
}

// forgotten asks a person about a pipeline that ran and that CircleCI does not know any more.
func (s *session) forgotten(ctx context.Context, u unit) error {
	return s.ask(ctx, u, "CircleCI does not know its pipeline any more, or does not show it to this token: how it ended cannot be read")
}

// verdict reads workflows first and the pipeline after: a workflow that appears between the two is
// missed by neither. What the workflows alone leave running needs no second request.
func (s *session) verdict(ctx context.Context, id string) (circleci.Verdict, error) {
	workflows, err := s.ci.Workflows(ctx, id)
	if err != nil {
		return circleci.Verdict{}, err
	}
	if v := circleci.Judge(circleci.Pipeline{State: "created"}, workflows); v.State == circleci.Running || v.State == circleci.OnHold {
		return v, nil
	}
	p, err := s.ci.Pipeline(ctx, id)
	if err != nil {
		return circleci.Verdict{}, err
	}
	return circleci.Judge(p, workflows), nil
}

// failure says where a pipeline failed: workflow, job, link. The job is left out when CircleCI does
// not tell it.
func (s *session) failure(ctx context.Context, u unit, v circleci.Verdict) run.Event {
	e := run.Event{Code: "pipeline-failed", Reason: v.Reason, Workflow: v.Workflow.Name, Status: string(v.Workflow.Status)}
	e.URL = s.workflowURL(u, s.rec.step(u.ids[0]), v)
	if v.Workflow.ID == "" {
		return e
	}
	jobs, err := s.ci.Jobs(ctx, v.Workflow.ID)
	if err != nil {
		return e
	}
	bad := []string{"failed", "timedout", "infrastructure_fail", "terminated-unknown", "unauthorized", "canceled"}
	for _, status := range bad { // the first kind that there is: a cancelled job is seldom the cause
		if i := slices.IndexFunc(jobs, func(j circleci.Job) bool { return j.Status == status }); i >= 0 {
			e.Job = jobs[i].Name
			e.Output = s.ci.FailureOutput(ctx, u.steps[0].Project, jobs[i].Number)
			return e
		}
	}
	return e
}

func (s *session) workflowURL(u unit, st run.Step, v circleci.Verdict) string {
	if v.Workflow.ID == "" {
		return st.Pipeline.URL
	}
	return circleci.WorkflowURL(s.ci.Host(), u.steps[0].Project, st.Pipeline.Number, v.Workflow.ID)
}
