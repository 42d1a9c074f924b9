package engine

import (
	"context"
	"math"
	"sync"
	"time"

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

// recorder numbers the events, keeps them, and holds the state they add up to. What must be durable before somebody acts on
// it is added; what CircleCI can be asked for again is noted, and travels with what is written next. Events that arrive
// while a write is under way share the next write.
type recorder struct {
	clock   Clock
	journal Journal
	notify  func(run.Event, *run.State)

	turn chan struct{} // held by who writes; a channel, so that waiting for it is idle in a synctest bubble
	over chan struct{} // closed at the end

	mu     sync.Mutex
	state  *run.State
	noted  []run.Event // in the state, not yet in the journal
	queue  []*entry
	told   int64               // the last event that notify was told
	writes bool                // a write is under way: what is noted meanwhile is told after what it writes
	coming map[run.StepID]bool // whose intents are about to be added
	all    chan struct{}       // closed when no more are coming
	broken error               // of the journal: nothing more can be kept
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
	return &recorder{
		clock: clock, journal: j, notify: notify, turn: make(chan struct{}, 1), over: make(chan struct{}),
		state: state, told: state.Seq, coming: map[run.StepID]bool{},
	}, nil
}

// add returns when the event is durable. The journal decides: after an error nothing more is kept,
// and whoever gets it must not act. Stopping does not interrupt it.
func (r *recorder) add(ctx context.Context, e run.Event) error {
	mine := &entry{event: e}
	r.mu.Lock()
	r.queue = append(r.queue, mine)
	if e.Type == run.Intent {
		r.arrived(e.Steps[0])
	}
	r.mu.Unlock()

	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	if e.Type == run.Intent && !mine.done {
		r.gather()
	}
	if !mine.done {
		r.write(context.WithoutCancel(ctx))
	}
	return mine.err
}

// note takes an event into the state, tells it, and writes it within that time unless something else is written before: a
// crash may lose it until then. It is for facts that the next driver would find out by asking CircleCI.
func (r *recorder) note(ctx context.Context, e run.Event, within time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken != nil {
		return r.broken
	}
	if err := r.apply(e); err != nil {
		return err
	}
	if !r.writes {
		r.tell(r.noted)
	}
	r.writeWithin(ctx, within)
	return nil
}

// hurry sees to it that what is noted so far is written within that time.
func (r *recorder) hurry(ctx context.Context, within time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.noted) > 0 {
		r.writeWithin(ctx, within)
	}
}

// writeWithin writes what is noted so far, unless that happens before. With mu.
func (r *recorder) writeWithin(ctx context.Context, within time.Duration) {
	ctx, seq := context.WithoutCancel(ctx), r.state.Seq
	go func() {
		select {
		case <-r.over:
		case <-r.clock.After(within):
			r.flush(ctx, seq)
		}
	}()
}

// flush writes what is noted, unless the event of that number was written meanwhile. Whoever acts next is told when it fails.
func (r *recorder) flush(ctx context.Context, seq int64) {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	r.mu.Lock()
	waits := len(r.noted) > 0 && r.noted[0].Seq <= seq
	r.mu.Unlock()
	if waits {
		r.write(ctx)
	}
}

// end writes what is noted. Nothing may be noted any more.
func (r *recorder) end(ctx context.Context) error {
	close(r.over)
	r.flush(context.WithoutCancel(ctx), math.MaxInt64)
	return r.err()
}

// apply takes an event into the state. With mu.
func (r *recorder) apply(e run.Event) error {
	events, err := r.numbered(r.state, e)
	r.noted = append(r.noted, events...)
	return err
}

// numbered applies an event to a state and gives it with its number; a new journal begins with its header.
func (r *recorder) numbered(s *run.State, e run.Event) ([]run.Event, error) {
	events := []run.Event{e}
	if h := s.Header; s.Seq == 0 {
		events = []run.Event{{Type: run.Opened, Header: &h}, e}
	}
	for i := range events {
		events[i].Run, events[i].Seq, events[i].Time = s.Header.Run(), s.Seq+1, r.clock.Now().UTC()
		if err := s.Apply(events[i]); err != nil {
			return events[:i], fault.New(fault.Internal, "impossible-event", "gio was about to note something that cannot be").Because(err)
		}
	}
	return events, nil
}

// tell tells those of the events that were not told yet. With mu.
func (r *recorder) tell(events []run.Event) {
	for _, e := range events {
		if e.Seq > r.told {
			r.told = e.Seq
			r.notify(e, r.state)
		}
	}
}

// expect announces an intent: others wait for it a moment, so that steps that get their slot together share one write. It
// comes with add, or forget says that it does not.
func (r *recorder) expect(id run.StepID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.coming) == 0 {
		r.all = make(chan struct{})
	}
	r.coming[id] = true
}

func (r *recorder) forget(id run.StepID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrived(id)
}

func (r *recorder) arrived(id run.StepID) {
	if r.coming[id] {
		if delete(r.coming, id); len(r.coming) == 0 {
			close(r.all)
		}
	}
}

// gather waits for the intents that are announced, but not for long, and for a breath first: what gets its slot at the same
// time has announced itself then.
func (r *recorder) gather() {
	<-r.clock.After(breath)
	r.mu.Lock()
	all, none := r.all, len(r.coming) == 0
	r.mu.Unlock()
	if none {
		return
	}
	select {
	case <-all:
	case <-r.clock.After(gatherFor):
	}
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

// inRepository tells that the journal lies where the release is recorded.
func (r *recorder) inRepository() bool {
	_, there := r.journal.(companion)
	return there
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
	r.mu.Lock() // nobody notes anything until the push is made: only what begins and ends a run travels so
	next := r.state.Clone()
	events, err := r.numbered(next, e)
	r.mu.Unlock()
	if err != nil {
		return err
	}
	err = j.AppendWith(ctx, func(ctx context.Context, ref, from, to string) error {
		return push(ctx, gitrepo.Update{Ref: ref, Old: gitrepo.Hash(from), New: gitrepo.Hash(to)})
	}, events...)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = next
	r.tell(events)
	return nil
}

// write keeps all that waits. The state runs ahead of the journal only in here and by what is noted: nobody acts on an
// event before add has returned.
func (r *recorder) write(ctx context.Context) {
	r.mu.Lock()
	waiting := r.queue
	r.queue = nil
	for _, w := range waiting {
		w.done = true
		w.err = r.apply(w.event)
	}
	batch := r.noted
	r.noted, r.writes = nil, true
	err := r.broken // then there would be a gap
	r.mu.Unlock()

	if err == nil && len(batch) > 0 {
		err = r.journal.Append(ctx, batch...)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = false
	if err != nil {
		r.broken = err
		for _, w := range waiting {
			w.err = fault.Worst(w.err, err)
		}
		return
	}
	r.tell(batch)
	r.tell(r.noted)
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
