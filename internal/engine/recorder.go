package engine

import (
	"context"
	"sync"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/run"
)

// Journal is where the events go. Package journal says what a home promises.
type Journal interface {
	Append(ctx context.Context, events ...run.Event) error
}

// leased is a journal that can be taken over by another driver. Fresh makes sure, immediately before something is
// triggered, that it has not been.
type leased interface {
	Fresh(ctx context.Context) error
}

// cancellable is a journal through which somebody else can say that the run is cancelled. Cancelled is closed when this
// driver has read it; then Fresh says who did.
type cancellable interface {
	Cancelled() <-chan struct{}
}

// companion is a journal that lies where the release is recorded: events can travel in the very push that they tell of.
// Its push may be called again, with other values, while the journal's own ref moves.
type companion interface {
	AppendWith(ctx context.Context, push func(ctx context.Context, ref, from, to string) error, events ...run.Event) error
}

// recorder numbers the events, keeps them, and holds the state they add up to. Events that arrive
// while a write is under way share the next write.
type recorder struct {
	clock   Clock
	journal Journal
	notify  func(run.Event, *run.State)

	turn chan struct{} // held by who writes; a channel, so that waiting for it is idle in a synctest bubble

	mu     sync.Mutex
	state  *run.State
	queue  []*entry
	broken error // of the journal: nothing more can be kept
}

type entry struct {
	event run.Event
	done  bool
	err   error
}

func newRecorder(clock Clock, j Journal, h run.Header, events []run.Event, notify func(run.Event, *run.State)) (*recorder, error) {
	state, err := run.Fold(events)
	if err != nil {
		return nil, fault.New(fault.Invalid, "damaged-journal", "the journal of %s cannot be true", h.Run()).Because(err)
	}
	if notify == nil {
		notify = func(run.Event, *run.State) {}
	}
	if state.Seq == 0 {
		state.Header = h // until the first event says it
	}
	return &recorder{clock: clock, journal: j, notify: notify, turn: make(chan struct{}, 1), state: state}, nil
}

// add returns when the event is durable. The journal decides: after an error nothing more is kept,
// and whoever gets it must not act. Stopping does not interrupt it.
func (r *recorder) add(ctx context.Context, e run.Event) error {
	mine := &entry{event: e}
	r.mu.Lock()
	if r.state.Seq == 0 && len(r.queue) == 0 && e.Type != run.Opened {
		h := r.state.Header
		r.queue = append(r.queue, &entry{event: run.Event{Type: run.Opened, Header: &h}})
	}
	r.queue = append(r.queue, mine)
	r.mu.Unlock()

	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	if !mine.done {
		r.write(context.WithoutCancel(ctx))
	}
	return mine.err
}

// fresh is called immediately before a trigger: after an error nothing may be triggered.
func (r *recorder) fresh(ctx context.Context) error {
	if j, ok := r.journal.(leased); ok {
		return j.Fresh(ctx)
	}
	return nil
}

// cancelled is closed when the run is cancelled; nil where that cannot be.
func (r *recorder) cancelled() <-chan struct{} {
	if j, ok := r.journal.(cancellable); ok {
		return j.Cancelled()
	}
	return nil
}

// addWith keeps an event together with the push that it tells of: in one, where the journal can, else one after the other.
// After an error of the push the event is not kept, and others may be added.
func (r *recorder) addWith(ctx context.Context, e run.Event, push func(context.Context, ...gitrepo.Update) error) error {
	j, together := r.journal.(companion)
	if !together {
		if err := push(ctx); err != nil {
			return err
		}
		return r.add(ctx, e)
	}
	ctx = context.WithoutCancel(ctx)
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	r.write(ctx) // what waits comes first
	if err := r.err(); err != nil {
		return err
	}
	r.mu.Lock()
	e.Run, e.Seq, e.Time = r.state.Header.Run(), r.state.Seq+1, r.clock.Now().UTC()
	err := r.state.Allows(e)
	r.mu.Unlock()
	if err != nil {
		return fault.New(fault.Internal, "impossible-event", "gio was about to note something that cannot be").Because(err)
	}
	err = j.AppendWith(ctx, func(ctx context.Context, ref, from, to string) error {
		return push(ctx, gitrepo.Update{Ref: ref, Old: gitrepo.Hash(from), New: gitrepo.Hash(to)})
	}, e)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.state.Apply(e)
	r.notify(e, r.state)
	return err
}

// write keeps all that waits. The state runs ahead of the journal only in here: nobody acts on an
// event before add has returned.
func (r *recorder) write(ctx context.Context) {
	r.mu.Lock()
	waiting := r.queue
	r.queue = nil
	var batch []run.Event
	for _, w := range waiting {
		w.done = true
		w.event.Run, w.event.Seq, w.event.Time = r.state.Header.Run(), r.state.Seq+1, r.clock.Now().UTC()
		if err := r.state.Apply(w.event); err != nil {
			w.err = fault.New(fault.Internal, "impossible-event", "gio was about to note something that cannot be").Because(err)
			continue
		}
		batch = append(batch, w.event)
	}
	r.mu.Unlock()

	if err := r.journal.Append(ctx, batch...); err != nil {
		r.mu.Lock()
		r.broken = err
		r.mu.Unlock()
		for _, w := range waiting {
			w.err = fault.Worst(w.err, err)
		}
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range batch {
		r.notify(e, r.state)
	}
}

// err is why nothing more can be kept; nil while all is well.
func (r *recorder) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.broken
}

// step is the state of one step now.
func (r *recorder) step(id run.StepID) run.Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Step(id)
}

// view calls f with the state, which must not be kept.
func (r *recorder) view(f func(*run.State)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r.state)
}
