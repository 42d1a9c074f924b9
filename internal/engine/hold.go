package engine

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
)

// hold is what a watcher remembers of the approvals that its pipeline waits for.
type hold struct {
	began  time.Time     // of the one that lasts; zero: none does
	past   time.Duration // of those that are over, all in all
	ending time.Time     // when it was first seen in a run that is cancelled
}

func (h *hold) lasts() bool { return !h.began.IsZero() }

// begin notes that the pipeline waits; it may wait already.
func (h *hold) begin(now time.Time) {
	if !h.lasts() {
		h.began = now
	}
}

// end notes that it waits no longer.
func (h *hold) end(now time.Time) {
	h.past += now.Sub(h.began)
	h.began = time.Time{}
}

// seeCancelled notes that the run is cancelled, so that the pipeline is about to end.
func (h *hold) seeCancelled(now time.Time) {
	if h.ending.IsZero() {
		h.ending = now
	}
}

// tooLong tells whether to wait no longer: for an approval, or for the end in a run that is cancelled.
func (h *hold) tooLong(now time.Time, limit time.Duration) bool {
	if !h.ending.IsZero() {
		return now.Sub(h.ending) > cancelFor
	}
	return now.Sub(h.began) > limit
}

// noteHeld gives the slot back while the pipeline waits for an approval. It is over after a failure (see alarm), when the driver
// stops, and when it waits too long.
func (w *watcher) noteHeld(ctx context.Context, v circleci.Verdict) (over bool, err error) {
	now := w.s.clock.Now()
	w.hold.begin(now)
	w.slot.hold()
	if err := w.s.noteObserved(ctx, w.u, v, loss{}); err != nil {
		return true, err
	}
	ending := closed(w.s.cancelled)
	if ending {
		w.hold.seeCancelled(now)
	}
	return w.hold.tooLong(now, w.s.holdLimit) || !ending && (closed(w.s.alarm.over()) || w.s.mayNotStart()), nil
}

// goOn notes that the pipeline runs, perhaps after a hold, and takes a slot if there is one.
func (w *watcher) goOn() {
	if w.hold.lasts() {
		w.hold.end(w.s.clock.Now())
	}
	w.slot.goOn()
}

// wasHeld tells that the pipeline has waited for a person, so that what earlier runs took says little about its end.
func (h *hold) wasHeld() bool { return h.lasts() || h.past > 0 }
