// Package notify sends news of a run to a Slack channel, a webhook and GitHub. It never fails or delays a run: it delivers
// to every receiver separately, and Close says what could not be sent.
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
	attempt    = 5 * time.Second  // one request including its answer
	firstRetry = time.Second      // doubled with every failure
	lastRetry  = time.Minute
	lastTries  = 3    // attempts after the end of a run
	backlog    = 1000 // events kept for a receiver that does not answer
)

// Moment is the news of a run for one receiver.
type Moment struct {
	State     *run.State  // a copy
	Events    []run.Event // not yet delivered to this receiver, in order
	Dropped   int         // number of observations that were not kept for it
	Continued bool        // an earlier session began the run
	Over      bool        // the session has ended
	Err       error       // how it ended; nil is success
}

// Receiver gets news of a run.
type Receiver struct {
	name  string        // for people, without secrets
	every time.Duration // the least time between two deliveries, which combine what happens meanwhile
	// deliver sends a moment. After an error of kind Remote it is called again with that moment's events and the newest state;
	// after any other error, never. It does not resend what it knows to have arrived.
	deliver func(context.Context, Moment) error
	// missed returns how many deliveries were given up, and the last reason; nil where deliveries are never given up.
	missed func() (int, error)
}

// String names the receiver without secrets.
func (r Receiver) String() string { return r.name }

// Notifier sends the news of one session of a run to receivers. A nil one sends nothing.
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

// outlet is a receiver and what waits for it. The notifier's mu guards everything but the receiver and wake.
type outlet struct {
	Receiver
	wake    chan struct{} // something waits; buffers one
	waiting []run.Event
	dropped int
	err     error // of the last delivery
	done    bool  // the end was delivered
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

// Note queues an event; s is the state after it, which Note does not keep. It never waits for a receiver.
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
		_ = n.state.Apply(e) // the recorder has already accepted it
	}
	if e.Type == run.Planned {
		n.continued = n.state.Began.Before(e.Time)
	}
	for _, o := range n.outlets {
		o.add(e)
	}
}

// add queues an event for the receiver. When the queue is full it drops the oldest observation.
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

// Close sends the receivers the end of the session, err being nil for success, and waits for them: 10 seconds, or until ctx
// ends. It returns a fault for each receiver that did not get everything. Note must not be called afterwards.
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
		if err := o.undelivered(); err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

// undelivered returns, after the end, a fault that says what did not reach the receiver; nil when everything did.
func (o *outlet) undelivered() error {
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

// serve delivers to one receiver until it got the end, or cannot be reached.
func (n *Notifier) serve(o *outlet) {
	over, retry, tries := n.over, firstRetry, 0
	for pause := time.Duration(0); n.await(o, over, pause); {
		m := n.nextMoment(o)
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
		o.wakeUp()
	}
}

// wakeUp causes a delivery though nothing new has happened.
func (o *outlet) wakeUp() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// await waits for the pause to pass and for something to deliver; the end of the run shortens both. It returns false when the
// time for deliveries is over.
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

// nextMoment returns what is to be delivered to a receiver.
func (n *Notifier) nextMoment(o *outlet) Moment {
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

// settle records the outcome of a delivery.
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
