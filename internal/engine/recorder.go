package engine

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Journal is where the events go. Package journal says what a home promises.
type Journal = journal.Journal

// recorder numbers the events, keeps them, and holds the state they add up to. add is for what must be durable before somebody
// acts on it; note is for what CircleCI can be asked again, and leaves it to the next write. Events that arrive while a write
// is under way share the next one.
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
	told   int64                // the last event that notify was told
	writes bool                 // a write is under way: what is noted meanwhile is told after what it writes
	coming map[plan.StepID]bool // whose intents are about to be added
	all    chan struct{}        // closed when no more are coming
	broken error                // of the journal: nothing more can be kept
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
		state: state, told: state.Seq, coming: map[plan.StepID]bool{},
	}, nil
}

// add returns when the event is durable. After an error the caller must not act, and the journal keeps nothing more. Stopping
// does not interrupt it.
func (r *recorder) add(ctx context.Context, e run.Event) error {
	mine := &entry{event: e}
	r.mu.Lock()
	r.queue = append(r.queue, mine)
	if e.Type == run.Intent {
		r.dropExpected(e.Steps[0])
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

// note applies an event to the state, tells it, and writes it within that time, or earlier with something else: until then a
// crash may lose it. It is for facts that the next driver would find out by asking CircleCI.
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

// setOutput sets what the failed job of a step printed last, which is no fact that a journal keeps.
func (r *recorder) setOutput(id plan.StepID, lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.SetOutput(id, lines)
}

// hurry writes what is noted so far within that time.
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

// flush writes what is noted, unless the event of that number was written meanwhile. When it fails, the next add or note says so.
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

// end writes what is noted. After it nothing may be noted.
func (r *recorder) end(ctx context.Context) error {
	close(r.over)
	r.flush(context.WithoutCancel(ctx), math.MaxInt64)
	return r.err()
}

// apply applies an event to the state, and leaves it to the next write. With mu.
func (r *recorder) apply(e run.Event) error {
	events, err := r.applyTo(r.state, e)
	r.noted = append(r.noted, events...)
	return err
}

// applyTo numbers an event, applies it to a state, and gives it; a new journal begins with its header, and one that is to hold more
// than an older gio understands says so first.
func (r *recorder) applyTo(s *run.State, e run.Event) ([]run.Event, error) {
	events := []run.Event{e}
	h := s.Header
	was := h.Schema
	h.Schema = max(was, run.SchemaOf(e.Plan))
	switch {
	case s.Seq == 0:
		events = []run.Event{{Type: run.Opened, Header: &h}, e}
	case e.Type == run.Planned && h.Schema > was:
		events = []run.Event{{Type: run.Raised, Header: &h}, e}
	}
	for i := range events {
		events[i].Run, events[i].Seq, events[i].Time = s.Header.Run(), s.Seq+1, r.clock.Now().UTC()
		if err := s.Apply(events[i]); err != nil {
			return events[:i], fault.New(fault.Internal, "impossible-event", "gio was about to note something that cannot be").Because(err)
		}
	}
	return events, nil
}

// tell tells notify those of the events that it has not been told. With mu.
func (r *recorder) tell(events []run.Event) {
	for _, e := range events {
		if e.Seq > r.told {
			r.told = e.Seq
			r.notify(e, r.state)
		}
	}
}

// expect announces an intent. Others wait for it a moment, so that the steps that get their slots together share one write.
// add brings it, or forget says that it does not come.
func (r *recorder) expect(id plan.StepID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.coming) == 0 {
		r.all = make(chan struct{})
	}
	r.coming[id] = true
}

func (r *recorder) forget(id plan.StepID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropExpected(id)
}

func (r *recorder) dropExpected(id plan.StepID) {
	if r.coming[id] {
		if delete(r.coming, id); len(r.coming) == 0 {
			close(r.all)
		}
	}
}

// gather waits for the intents that are announced, but not for long. It waits a breath first: by then every step that got its
// slot at the same time has announced its intent.
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

// addWith keeps an event together with the push that it tells of: in one push, where the journal lies in the same repository.
// When the push fails the event is not kept, and others may be added.
func (r *recorder) addWith(ctx context.Context, e run.Event, push func(context.Context, ...gitrepo.Update) error) error {
	ctx = context.WithoutCancel(ctx)
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	r.write(ctx) // what waits comes first
	if err := r.err(); err != nil {
		return err
	}
	r.mu.Lock() // nobody notes anything during the push: only the beginning and the end of a run travel with one
	next := r.state.Clone()
	events, err := r.applyTo(next, e)
	r.mu.Unlock()
	if err != nil {
		return err
	}
	err = r.journal.AppendWith(ctx, func(ctx context.Context, also ...journal.Update) error {
		return push(ctx, updates(also)...)
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

// updates translates the journal's updates for the release repository.
func updates(of []journal.Update) []gitrepo.Update {
	var all []gitrepo.Update
	for _, u := range of {
		all = append(all, gitrepo.Update{Ref: u.Ref, Old: gitrepo.Hash(u.Old), New: gitrepo.Hash(u.New)})
	}
	return all
}

// write keeps all that waits. The state is ahead of the journal only during a write and by what is noted: nobody acts on an
// added event before add has returned.
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
func (r *recorder) step(id plan.StepID) run.Step {
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
