package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// watcher brings a unit to the end of its pipeline: it reads it again and again, and notes what changed.
type watcher struct {
	s    *session
	u    unit
	slot *slot

	pipeline *reader
	hold     hold
	proof    proof
	late     late
	doubt    time.Duration // how long the success that was just read must still be doubted

	triggered time.Time // by the clock of the driver that did it: says how often to read, no more
	began     time.Time // when this driver began to read: limits count from here
	cut       bool      // --fail-fast has cancelled the pipeline
	runs      bool      // its workflows ran when it was last read
	unread    bool      // it has not been read yet, and CircleCI tells when it ends
}

// watch reads a pipeline until it has ended, and notes what changed. It ends early, and leaves the pipeline as it is, at a
// limit, and when the pipeline waits for an approval after a failure (see alarm) or when the driver stops.
func (s *session) watch(ctx context.Context, u unit, held *slot) error {
	s.markTried(u) // what fails under this driver's eyes has a new attempt in the next session
	w := &watcher{
		s: s, u: u, slot: held, pipeline: s.reader(u), late: late{s: s, read: s.clock.Now()},
		triggered: s.rec.step(u.ids[0]).StartedAt, began: s.clock.Now(),
	}
	if err := w.waitForFirst(ctx); err != nil {
		return err
	}
	for {
		if err := s.rec.err(); err != nil {
			return err // the journal would not keep what it reads
		}
		news := w.news() // before it reads: what CircleCI tells during the reading counts, too
		v, err := w.pipeline.read(ctx)
		if fault.KindOf(err) == fault.NotFound {
			return s.askForgotten(ctx, w.u)
		}
		if err != nil {
			return err
		}
		if over, err := w.note(ctx, v); over || err != nil {
			return err
		}
		if err := w.wait(ctx, news); err != nil {
			return err
		}
	}
}

// waitForFirst lets a pipeline that was just triggered begin before it is read, where CircleCI tells when one ends.
func (w *watcher) waitForFirst(ctx context.Context) error {
	if w.unread = w.s.told != nil && w.s.told() && w.age() < toldFirst; !w.unread {
		return nil
	}
	err := w.wait(ctx, w.news())
	w.unread = false
	return err
}

// news gives the channel of Execution.Wake.
func (w *watcher) news() <-chan struct{} {
	if w.s.wake == nil {
		return nil
	}
	return w.s.wake(w.pipeline.id)
}

// wait sleeps until the next reading. News of the pipeline wake it; a failure elsewhere and a stop do where they matter.
func (w *watcher) wait(ctx context.Context, news <-chan struct{}) error {
	failure, stop, cancelled := w.wakers()
	select {
	case <-ctx.Done():
		return stopped(ctx)
	case <-failure:
	case <-stop:
	case <-cancelled:
	case <-news:
		if err := w.s.clock.Sleep(ctx, soonest-w.s.clock.Since(w.pipeline.answered)); err != nil {
			return err
		}
	case <-w.s.clock.After(w.next()):
	}
	if w.s.failFast && w.s.alarm.rang() {
		w.cut = true
		w.s.cancel(ctx, w.pipeline.id)
	}
	return nil
}

// next is the time to the next reading.
func (w *watcher) next() time.Duration {
	next := w.s.pace.next(w.u.steps[0].Component, w.age())
	switch {
	case w.unread:
		next = toldFirst - w.age()
	case w.doubt > 0:
		next = w.doubt
	case w.proof.isGreen():
		next = w.proof.next(w.s.clock.Now())
	case w.hold.wasHeld():
		next = min(next, heldApart)
	case w.runs && w.s.told != nil && w.s.told():
		next = toldApart
	}
	if closed(w.s.cancelled) {
		next = min(next, cancelApart)
	}
	return next
}

// wakers are the channels that end a wait early; one that would change nothing is nil.
func (w *watcher) wakers() (failure, stop, cancelled <-chan struct{}) {
	ending := closed(w.s.cancelled) // it ends anyway: nothing but its end is worth waking for
	if !ending {
		cancelled = w.s.cancelled
	}
	if w.hold.lasts() && !ending {
		failure, stop = w.s.alarm.over(), w.s.stop
	}
	if w.s.failFast && !w.cut {
		failure = w.s.alarm.raised
	}
	return failure, stop, cancelled
}

// note writes down what a reading changed. It is over when the pipeline has ended, or gio waits no longer.
func (w *watcher) note(ctx context.Context, v circleci.Verdict) (over bool, err error) {
	now := w.s.clock.Now()
	w.doubt, w.runs = w.pipeline.doubt(v, now), v.State == circleci.Running
	if asked, err := w.late.look(ctx, w.u, v.State == circleci.Succeeded && w.doubt == 0); asked || err != nil {
		return true, err
	}
	if v.State != circleci.Succeeded { // somebody may have re-run it since
		w.proof = proof{}
	}
	lost := w.pipeline.lookAtLoss(ctx, &v)
	if v.IsLost() {
		w.s.alarm.raise()
	}
	switch {
	case v.State == circleci.Succeeded:
		over, err = w.noteGreen(ctx, v)
	case v.State == circleci.Failed:
		return true, w.s.fail(ctx, w.u, w.s.failure(ctx, w.u, v))
	case lost.over && !w.cut && !closed(w.s.cancelled):
		return true, w.failLost(ctx, v, lost)
	case v.State == circleci.OnHold:
		return w.noteHeld(ctx, v)
	case v.State == circleci.Waiting:
		over, err = w.failWithoutWorkflow(ctx, v, now)
	case v.State == circleci.Running:
		over, err = w.failMissingRerun(ctx, v, now)
	}
	if over || err != nil {
		return true, err
	}
	w.goOn()
	if w.s.clock.Since(w.began)-w.hold.past > componentLimit {
		return true, w.s.fail(ctx, w.u, run.Event{Code: "timeout", Reason: w.tooLong()})
	}
	return false, w.s.noteObserved(ctx, w.u, v, lost)
}

// failWithoutWorkflow fails a pipeline in which no workflow appears.
func (w *watcher) failWithoutWorkflow(ctx context.Context, v circleci.Verdict, now time.Time) (over bool, err error) {
	if now.Sub(w.began) <= noWorkflowFor || !v.NoWorkflow {
		return false, nil
	}
	return true, w.s.fail(ctx, w.u, run.Event{Code: "no-workflow", Reason: fmt.Sprintf(
		"CircleCI created the pipeline but no workflow ran in %s: filters or conditions of its configuration leave out all of them", noWorkflowFor)})
}

// failMissingRerun fails a pipeline whose automatic re-run does not come.
func (w *watcher) failMissingRerun(ctx context.Context, v circleci.Verdict, now time.Time) (over bool, err error) {
	w.pipeline.rememberRerun(v, now)
	if !w.pipeline.rerunMissing(now) {
		return false, nil
	}
	e := w.s.failure(ctx, w.u, v)
	e.Code = "rerun-missing"
	return true, w.s.fail(ctx, w.u, e)
}

func (w *watcher) tooLong() string {
	if w.proof.untold != nil {
		return fmt.Sprintf("%s; gio does not ask longer", w.proof.untold)
	}
	return fmt.Sprintf("it still runs after %s; gio does not wait longer and has not cancelled it", componentLimit)
}

// age is how long the pipeline has run, holds not counted.
func (w *watcher) age() time.Duration { return max(w.s.clock.Since(w.triggered)-w.hold.past, 0) }

// noteObserved notes a reading that differs from what is known.
func (s *session) noteObserved(ctx context.Context, u unit, v circleci.Verdict, l loss) error {
	st := s.rec.step(u.ids[0])
	held, why := v.State == circleci.OnHold, l.said(v)
	if why != "" {
		v.Workflow = v.Lost // the cause, not what runs on beside it
	}
	status := string(v.Workflow.Status)
	known := st.Detail == status && st.Workflow == v.Workflow.Name && st.Job == l.job && st.Reason == why
	if st.Status != run.HasFailed && st.Status != run.IsUnknown && known && (st.Status == run.OnHold) == held {
		return nil
	}
	e := run.Event{
		Type: run.Observed, Steps: u.ids, Status: status, Held: held, Workflow: v.Workflow.Name, URL: s.workflowURL(u, st, v),
		Job: l.job, Reason: why,
	}
	return s.rec.note(ctx, e, noteFacts)
}

// readOnce notes what became of a pipeline that an earlier driver began. A failure that is still one needs no note: its wave
// makes a new attempt.
func (s *session) readOnce(ctx context.Context, u unit, st run.Step) error {
	r := s.reader(u)
	r.itself = time.Time{} // nobody has read it for a while
	if st.Status == run.IsUnknown {
		r.answered = time.Time{} // a person has been asked already: do not wait for CircleCI
	}
	v, err := r.read(ctx)
	switch {
	case fault.KindOf(err) == fault.NotFound && (st.Status == run.HasFailed || st.Status == run.IsUnknown):
		return nil // so old that CircleCI has forgotten it
	case fault.KindOf(err) == fault.NotFound:
		return s.askForgotten(ctx, u)
	case err != nil:
		return err
	}
	return r.noteRead(ctx, u, st, v)
}

// noteRead notes the verdict of readOnce. A success that is doubted is left to the wave, which watches it.
func (r *reader) noteRead(ctx context.Context, u unit, st run.Step, v circleci.Verdict) error {
	s, lost := r.s, r.lookAtLoss(ctx, &v)
	switch v.State {
	case circleci.Succeeded:
		if st.Code != noProof && !isMisnamed(st) && r.doubt(v, s.clock.Now()) > 0 { // whose proof was looked for was watched for long enough
			return s.noteObserved(ctx, u, v, loss{})
		}
		early := late{s: s}
		if asked, err := early.look(ctx, u, true); asked || err != nil {
			return err
		}
		return s.readGreen(ctx, u, v)
	case circleci.Running, circleci.OnHold:
		if v.RerunDue && st.Code == "rerun-missing" {
			return nil // it still has not come: the attempt is over
		}
		if lost.over && st.Code == ApprovalLeft && s.wasTried(u) {
			return nil // this session has said so, and starts nothing beside it
		}
		return s.noteObserved(ctx, u, v, lost)
	case circleci.Waiting: // a pipeline that never had a workflow stays failed; any other may still run
		if !v.NoWorkflow {
			return s.noteObserved(ctx, u, v, loss{})
		}
	case circleci.Failed:
		switch {
		case st.Status == run.Running || st.Status == run.OnHold: // while nobody watched: its wave makes a new attempt
			return s.fail(ctx, u, s.failure(ctx, u, v))
		case st.Status == run.IsUnknown && st.Code == "": // CircleCI knows it again
			return s.noteObserved(ctx, u, v, loss{})
		}
	}
	return nil
}

// askForgotten asks a person about a pipeline that ran and that CircleCI does not know any more.
func (s *session) askForgotten(ctx context.Context, u unit) error {
	return s.ask(ctx, u, "CircleCI does not know its pipeline any more, or does not show it to this token: how it ended cannot be read")
}
