// Package worker does outside the ledger what the ledger wants done: it triggers the pipelines of deployments and builds, and
// follows them to their end. All it knows stands in the ledger: any number of workers, of any number of programs, share the work,
// and what one leaves undone another one takes over.
package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/render"
)

const (
	// lookEvery is how often a worker looks for work that nobody told it of.
	lookEvery = time.Second
	// lookPause is from one look to the next, however often a worker is told of work: a look serves all that came before it, and those
	// who change the ledger need the database, too.
	lookPause = 20 * time.Millisecond
	// renewEvery is how often it says that it lives.
	renewEvery = 15 * time.Second
	// atOnce bounds what one worker takes in one look.
	atOnce = 100
	// againAfter is how long an effect rests whose system could not be reached.
	againAfter = 30 * time.Second
	// patience is how long one write to the ledger may take. A database that does not answer must keep no worker from leaving,
	// and no effect from the next one.
	patience = 10 * time.Second
)

// Worker drives effects. Make it with New, set the fields, and Run it.
type Worker struct {
	Ledger   *ledger.Ledger
	CircleCI map[string]*CircleCI // by the name of their connection
	Webhooks map[string]Webhook   // by the name of their connection
	Outside  Outside              // where repositories are that live elsewhere
	// Repositories are those of the environments of the kind gitops, Kubernetes and Charts what their apps are rendered with.
	Repositories *Repositories
	Kubernetes   render.Kubernetes
	Charts       render.Charts
	// Receivers get the news of deployments, by their names in the ledger.
	Receivers map[string]Receiver
	Version   string // of gio
	// Fail is told what went wrong and is tried again.
	Fail func(ctx context.Context, err error)

	wake    chan struct{}
	mu      sync.Mutex
	driving map[string]bool // ids of the effects that this worker drives
	bells   bells
}

// New makes a worker, which looks for work after each change of the ledger.
func New(l *ledger.Ledger) *Worker {
	w := &Worker{Ledger: l, Fail: func(context.Context, error) {}, wake: make(chan struct{}, 1), driving: map[string]bool{}}
	l.Changed = w.Wake
	return w
}

// Wake lets the worker look for work at once. It never blocks.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Run drives what is to be driven until ctx ends; then it hands back what it has, for another worker to go on with.
func (w *Worker) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { w.telling(ctx) })
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if err := errors.Join(w.look(ctx, &all), w.listen(ctx)); err != nil && ctx.Err() == nil {
			w.Fail(ctx, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookPause):
		}
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		case <-ticker.C:
			if err := w.importDue(ctx, &all); err != nil && ctx.Err() == nil {
				w.Fail(ctx, err)
			}
		}
	}
}

// look begins what may begin, and drives what waits for a driver. What cannot begin keeps nothing else waiting.
func (w *Worker) look(ctx context.Context, all *sync.WaitGroup) error {
	looking, cancel := context.WithTimeout(ctx, ledger.LeaseFor)
	defer cancel()
	begun := errors.Join(w.Ledger.BeginWaiting(looking), w.Ledger.PromoteWaiting(looking))
	effects, promotions, err := w.Ledger.Waiting(looking, atOnce)
	w.drive(ctx, all, effects, w.Advance)
	w.drive(ctx, all, promotions, w.Carry)
	return errors.Join(begun, err)
}

// drive drives each of these that this worker does not drive already.
func (w *Worker) drive(ctx context.Context, all *sync.WaitGroup, ids []string, advance func(context.Context, string) error) {
	for _, id := range ids {
		if !w.claim(id) {
			continue
		}
		all.Go(func() {
			err := advance(ctx, id)
			if err != nil && ctx.Err() == nil && fault.KindOf(err) != fault.Stopped {
				w.Fail(ctx, err)
			}
			w.free(id, !fault.Is(err, "target-taken"))
		})
	}
}

func (w *Worker) claim(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.driving[id] {
		return false
	}
	w.driving[id] = true
	return true
}

// free ends the driving of an effect. What waited for its target may begin, unless it never had it.
func (w *Worker) free(id string, began bool) {
	w.mu.Lock()
	delete(w.driving, id)
	w.mu.Unlock()
	if began {
		w.Wake()
	}
}

// Advance takes one effect and drives it until it ends, a person must decide, or ctx ends. It returns an error of kind Stopped
// when somebody else drives it, or its target is taken.
func (w *Worker) Advance(ctx context.Context, id string) error {
	began := time.Now()
	e, lease, entries, err := w.take(ctx, id)
	if err != nil {
		return err
	}
	d := &drive{Worker: w, effect: e, lease: newHeld(lease, w.renew, began, e.Cancel)}
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	kept := d.lease.keep(ctx, lost)
	rest, err := d.advance(ctx, entries)
	kept()
	if rest != ended {
		if ctx.Err() != nil {
			rest = 0
		}
		last, cancel := lastly(ctx)
		defer cancel()
		_ = w.Ledger.GiveBack(last, lease, rest) // what cannot be handed back is taken when its lease has run out
	}
	return err
}

func (w *Worker) renew(ctx context.Context, lease ledger.Lease) (cancel bool, err error) {
	e, err := w.Ledger.Renew(ctx, lease)
	return e.Cancel, err
}

func (w *Worker) take(ctx context.Context, id string) (ledger.Effect, ledger.Lease, []ledger.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return w.Ledger.Take(ctx, id)
}

// lastly is for a write that a worker makes before it leaves.
func lastly(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), patience)
}

// ended is instead of a rest: nothing is left to do about the effect.
const ended time.Duration = -1

// drive is one worker's time with an effect.
type drive struct {
	*Worker
	effect ledger.Effect
	lease  *held
}

// advance goes on with an effect from wherever it stands. It has ended, or another look may help after the rest.
func (d *drive) advance(ctx context.Context, entries []ledger.Entry) (rest time.Duration, err error) {
	switch d.effect.Kind {
	case ledger.CircleCI:
		return d.circleCI(ctx, entries)
	case ledger.Webhook:
		return d.webhook(ctx, entries)
	case ledger.GitOps:
		return d.gitOps(ctx, entries)
	default:
		return againAfter, fault.New(fault.Internal, "unknown-kind", "effect %s: there is nothing that does %q", d.effect.ID, d.effect.Kind)
	}
}

// finish ends the effect.
func (d *drive) finish(ctx context.Context, o ledger.Outcome) (rest time.Duration, err error) {
	ctx, cancel := lastly(ctx)
	defer cancel()
	if err := d.Ledger.Finish(ctx, d.lease.lease, o); err != nil {
		return 0, err // the next driver finds the same outcome
	}
	return ended, nil
}

// wait tells what the effect waits for, and rests.
func (d *drive) wait(ctx context.Context, why error) (rest time.Duration, err error) {
	said, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = d.Ledger.Say(said, d.lease.lease, why.Error()) // the log has it, too
	return againAfter, why
}
