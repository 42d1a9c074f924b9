package operate

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

const (
	watchSoonest = 5 * time.Second  // shortest time between readings of the journal
	watchLatest  = 30 * time.Second // longest
)

// Watch follows a run that somebody else drives. It gives the view what happened before, in the current session or, with all,
// from the first event, then what is new, until the run has no driver any more. Ended is the run at that time. Watch drives
// nothing and writes nothing. When the context ends it returns the fault "left" (kind Stopped): the run goes on.
func Watch(ctx context.Context, s Setup, k Snapshot, all bool) (ended Snapshot, err error) {
	w := &watcher{Setup: s, Snapshot: k, all: all, soonest: watchSoonest, seen: time.Now(), shown: &run.State{}}
	err = w.watch(ctx)
	return w.Snapshot, err
}

// Driven reports whether somebody drives the run at that time, as far as the lease says.
func (k Snapshot) Driven(now time.Time) bool { return k.Standing(now) == run.StandingDriven }

// watcher is one Watch: Snapshot is the run as it was read last.
type watcher struct {
	Setup
	Snapshot
	all     bool
	soonest time.Duration // shortest time between readings

	shown   *run.State // what the view shows
	seen    time.Time  // when the run was read last
	driver  string     // id of the driver that was announced last
	trouble bool       // announced: the remote does not answer
}

func (w *watcher) watch(ctx context.Context) error {
	defer w.View.close()
	if w.Driven(w.seen) {
		w.announceDriver()
		earlier := run.Expectation{Took: w.Durations(ctx)}
		w.View.start(engine.Clock{}, func() run.Expectation { return earlier })
	}
	if err := w.begin(); err != nil {
		return err
	}
	return w.follow(ctx)
}

// begin gives the view what happened before.
func (w *watcher) begin() error {
	from := 0
	for i, e := range w.Events {
		if e.Type == run.Planned && !w.all {
			from = i
		}
	}
	for _, e := range w.Events[:from] {
		if err := w.shown.Apply(e); err != nil {
			return err
		}
	}
	return w.show()
}

// show gives the view the events that it does not have yet.
func (w *watcher) show() error {
	if w.State.Seq < w.shown.Seq {
		return fault.New(fault.Invalid, "journal-lost", "somebody deleted or overwrote the journal of %s", w.Header.Run()).
			Hint("`gio help journal` says how to restore it")
	}
	for _, e := range w.Events[w.shown.Seq:] {
		if err := w.shown.Apply(e); err != nil {
			return err
		}
		if w.View.Notify != nil {
			w.View.Notify(e, w.shown)
		}
	}
	return nil
}

// follow reads the run until it has no driver any more.
func (w *watcher) follow(ctx context.Context) error {
	for pause := w.soonest; w.Driven(w.seen); {
		w.announceDriver()
		select {
		case <-ctx.Done():
			return w.errLeft()
		case <-time.After(pause):
		}
		changed, err := w.read(ctx)
		switch {
		case ctx.Err() != nil:
			return w.errLeft()
		case fault.KindOf(err) == fault.Remote:
			w.announceTrouble(err)
		case err != nil:
			return err
		}
		if pause = min(pause+w.soonest, watchLatest); changed {
			pause = w.soonest
		}
	}
	return nil
}

// read reads the run again, if the journal has changed, and shows what is new.
func (w *watcher) read(ctx context.Context) (changed bool, err error) {
	tip, err := w.ref.Ref.Fetch(ctx)
	if err != nil {
		return false, err
	}
	before := w.shown.Seq
	if tip != w.ref.tip {
		now, err := w.readAt(ctx, refAt{Ref: w.ref.Ref, tip: tip})
		if err != nil {
			return false, err
		}
		w.Snapshot = now
	}
	w.seen, w.trouble = time.Now(), false
	return w.State.Seq != before, w.show()
}

func (w *watcher) errLeft() error {
	return fault.New(fault.Stopped, "left", "left: %s goes on, driven by %s", w.Header.Run(), w.Lease).
		Hint("%s watches it again", fault.Next{Action: fault.Watch, Run: w.Header.Run()})
}

// announceDriver says once who drives.
func (w *watcher) announceDriver() {
	switch w.driver {
	case w.Lease.Driver:
		return
	case "":
		w.tell("watching %s, driven by %s; Ctrl-C leaves, the run goes on", w.Header.Run(), w.Lease)
	default:
		w.tell("the driver is now %s", w.Lease)
	}
	w.driver = w.Lease.Driver
}

// announceTrouble says that the remote does not answer, once until it does again.
func (w *watcher) announceTrouble(err error) {
	if !w.trouble {
		w.tell("the run cannot be read, gio keeps trying: %s", err)
	}
	w.trouble = true
}
