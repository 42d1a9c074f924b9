// Package notify tells people of a run: a Slack channel, a webhook, GitHub. It never fails a run and never holds it up:
// every receiver is told in its own time, and what could not be sent is known when the run is over.
package notify

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

const (
	drain      = 10 * time.Second // after the end of a run, for what is still to be sent
	attempt    = 5 * time.Second  // one request, its answer included
	firstRetry = time.Second      // doubled with every failure
	lastRetry  = time.Minute
	lastTries  = 3    // after the end of a run, of what does not arrive
	backlog    = 1000 // events kept for a receiver that does not answer
)

// Moment is a run as a receiver is told of it.
type Moment struct {
	State     *run.State  // a copy
	Events    []run.Event // what this receiver was not told yet, in order
	Dropped   int         // so many observations more were not kept for it
	Continued bool        // an earlier session began the run
	Over      bool        // the session has ended
	Err       error       // how it ended; nil is success
}

// Receiver is somebody who is told of a run.
type Receiver struct {
	name  string        // for people, without secrets
	every time.Duration // at least so long between two deliveries: what happens meanwhile is told together
	// deliver tells a moment. After an error of kind Remote it is called again with that moment's events and the newest state;
	// after any other, never. It tells nothing twice that it knows to have arrived.
	deliver func(context.Context, Moment) error
	// missed is how many deliveries were given up; nil where none ever is.
	missed func() (int, error)
}

// String is who it is, without secrets.
func (r Receiver) String() string { return r.name }

// Notifier tells receivers of one session of a run. A nil one tells nobody.
type Notifier struct {
	ctx    context.Context
	cancel context.CancelFunc
	over   chan struct{} // closed by Close
	work   sync.WaitGroup

	mu        sync.Mutex
	state     *run.State // nil before the first event
	continued bool
	ended     error
	outlets   []*outlet
}

// outlet is a receiver and what waits for it. All but the receiver and wake are under the notifier's mu.
type outlet struct {
	Receiver
	wake    chan struct{} // something waits; holds one
	waiting []run.Event
	dropped int
	err     error // of the last delivery
	done    bool  // told of the end
}

// New makes a notifier; nil without receivers.
func New(receivers ...Receiver) *Notifier {
	if len(receivers) == 0 {
		return nil
	}
	n := &Notifier{over: make(chan struct{})}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	for _, r := range receivers {
		n.outlets = append(n.outlets, &outlet{Receiver: r, wake: make(chan struct{}, 1)})
	}
	return n
}

// Note takes an event and the state after it, which is not kept. It never waits for a receiver.
func (n *Notifier) Note(e run.Event, s *run.State) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state == nil {
		n.state = s.Clone()
		for _, o := range n.outlets {
			n.work.Go(func() { n.serve(o) })
		}
	} else {
		_ = n.state.Apply(e) // the recorder has let it through already
	}
	if e.Type == run.Planned {
		n.continued = n.state.Began.Before(e.Time)
	}
	for _, o := range n.outlets {
		o.add(e)
	}
}

// add keeps an event for the receiver. Too many are too old to matter one by one: observations go first.
func (o *outlet) add(e run.Event) {
	o.waiting = append(o.waiting, e)
	if len(o.waiting) > backlog {
		if i := slices.IndexFunc(o.waiting, func(e run.Event) bool { return e.Type == run.Observed }); i >= 0 {
			o.waiting = slices.Delete(o.waiting, i, i+1)
			o.dropped++
		}
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Close tells the receivers how the session ended, err being nil for success, and waits for them: 10 seconds, or until ctx
// ends. It gives a fault for each receiver that was not told all. Nothing may be noted any more.
func (n *Notifier) Close(ctx context.Context, err error) []error {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	begun := n.state != nil
	n.ended = err
	n.mu.Unlock()
	close(n.over)
	ctx, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	stop := context.AfterFunc(ctx, n.cancel)
	defer stop()
	n.work.Wait()
	n.cancel()
	if !begun {
		return nil
	}
	var failed []error
	for _, o := range n.outlets {
		if err := o.untold(); err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

// untold says what the receiver was not told, after the end.
func (o *outlet) untold() error {
	missed, why := 0, o.err
	if o.missed != nil {
		var last error
		if missed, last = o.missed(); why == nil {
			why = last
		}
	}
	switch {
	case why == nil && o.done:
		return nil
	case why == nil:
		why = fault.New(fault.Remote, "no-time", "it did not answer in time")
	}
	what := o.name
	if missed > 0 && o.done {
		what = fmt.Sprintf("%s, %d of its deliveries", o.name, missed)
	}
	return fault.New(fault.KindOf(why), "not-sent", "not sent: %s", what).Because(why)
}

// serve tells one receiver until it is told of the end, or cannot be told.
func (n *Notifier) serve(o *outlet) {
	over, retry, tries := n.over, firstRetry, 0
	for pause := time.Duration(0); n.await(o, over, pause); {
		m := n.take(o)
		err := o.deliver(n.ctx, m)
		n.settle(o, m, err)
		switch {
		case err == nil && m.Over, err != nil && fault.KindOf(err) != fault.Remote:
			return
		case err == nil:
			pause, retry = o.every, firstRetry
			continue
		case m.Over:
			if tries++; tries == lastTries {
				return
			}
			over, retry = nil, firstRetry
		}
		pause, retry = retry, min(2*retry, lastRetry)
		o.again()
	}
}

// again makes the receiver be told though nothing new has happened.
func (o *outlet) again() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// await waits for the pause to pass and for something to tell; the end of the run shortens both. It is false when there is no
// time left.
func (n *Notifier) await(o *outlet, over <-chan struct{}, pause time.Duration) bool {
	select {
	case <-time.After(pause):
	case <-over:
	case <-n.ctx.Done():
	}
	select {
	case <-o.wake:
	case <-over:
	case <-n.ctx.Done():
	}
	return n.ctx.Err() == nil
}

// take gives what there is to tell a receiver.
func (n *Notifier) take(o *outlet) Moment {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := Moment{State: n.state.Clone(), Events: slices.Clone(o.waiting), Dropped: o.dropped, Continued: n.continued}
	select {
	case <-n.over:
		m.Over, m.Err = true, n.ended
	default:
	}
	return m
}

// settle notes how a delivery went.
func (n *Notifier) settle(o *outlet, m Moment, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if o.err = err; err != nil {
		return
	}
	o.done = m.Over
	o.dropped -= m.Dropped
	if len(m.Events) > 0 {
		last := m.Events[len(m.Events)-1].Seq
		o.waiting = slices.DeleteFunc(o.waiting, func(e run.Event) bool { return e.Seq <= last })
	}
}
