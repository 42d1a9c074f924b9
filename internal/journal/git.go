package journal

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// GitRef is the ref of the release repository that holds the journals of all runs: a chain of commits whose tree has a file
// for each run (release/3.9.4.jsonl; below manifests/PATH/ for a manifest that is not release.json), the lease of its
// driver (leases/release/3.9.4.json) and what was last asked of one (cancels/release/3.9.4.json), whose failed pipeline is run again
// beside a driver (retries/release/3.9.4/COMPONENT.json), and a file for each
// component version that a run has claimed (claims/COMPONENT/VERSION; of a staging,
// staged/COMPONENT/VERSION).
const GitRef = "refs/gio/journal"

// Repository is GitRef in the release repository, as gitrepo.Ref reaches it. A commit is its hash, "" is none.
type Repository interface {
	Shown() string                                                                          // address for people, without secrets
	Fetch(ctx context.Context) (tip string, err error)                                      // "" where the ref does not exist
	Read(at, path string) ([]byte, error)                                                   // nil where there is no such file
	List(at, dir string) ([]string, error)                                                  // paths of the files below dir
	Commit(parent string, files map[string][]byte, subject string) (commit string, e error) // nil takes a file away
	Push(ctx context.Context, from, to string) error                                        // only if the ref is still at from
}

// closeTimeout is how long giving the lease back may keep a driver from leaving.
const closeTimeout = 5 * time.Second

// GitOptions say who drives, and what to do when somebody else does.
type GitOptions struct {
	Driver   run.Driver // its ID is random; where it has no login, the planned event brings one
	TakeOver bool       // takes the run from whoever drives it, at once
	// JobEnded tells whether a driver's CircleCI job, which a link names, has ended: then its lease is free. It may be nil.
	JobEnded func(ctx context.Context, job string) bool
	// OpenGit tells Wait every few seconds for whose lease it waits, and how long that must yet stand still. Nil does not wait.
	Wait func(held run.Lease, left time.Duration)
	Now  func() time.Time // the wall clock; nil is time.Now

	patience time.Duration // 0 is pushPatience
}

// Git is a journal in the release repository, driven under a lease. Every write is one push that moves GitRef forward from
// a commit that this driver has read; when somebody else moved it meanwhile, the driver puts its files on top of the newest
// commit, as long as the lease there is still its own. It reads from the ref, never from an error, whether a push arrived: each
// one carries a lease that says who made it and when.
type Git struct {
	repo    Repository
	key     key
	options GitOptions
	since   time.Time

	turn  chan struct{} // held by who writes; a channel, so that waiting for it is idle in a synctest bubble
	tip   string        // newest commit that was read or pushed; with turn
	data  []byte        // the run's file, as far as it was acknowledged; with turn
	given bool          // the last push gave the lease back; with turn

	stop  context.CancelFunc // of the renewals
	ended chan struct{}      // closed when they have ended

	cancelled chan struct{} // closed when the run is cancelled; see gitcancel.go

	mu        sync.Mutex
	closed    bool
	err       error      // why nothing is appended any more
	driver    run.Driver // as the lease says it
	pushes    int
	confirmed time.Time // wall clock at which the last push began that arrived
	pushed    time.Time // the same, by the clock that never jumps
	cancel    *Cancel   // of this driver's run
}

// OpenGit takes the lease of the run of h and gives the events of its journal, none when it is new. Faults: those of
// OpenFile, where "driven-elsewhere" names the driver's login and job; those of the repository.
func OpenGit(ctx context.Context, repo Repository, h run.Header, o GitOptions) (*Git, []run.Event, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.patience == 0 {
		o.patience = pushPatience
	}
	g := &Git{
		repo: repo, key: keyOf(h), options: o, driver: o.Driver,
		turn: make(chan struct{}, 1), ended: make(chan struct{}), cancelled: make(chan struct{}),
	}
	events, err := g.open(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.stop = stop
	go g.renewals(renewing)
	return g, events, nil
}

// now is the time of the wall clock alone: the other clock stands still while the machine sleeps.
func (g *Git) now() time.Time { return g.options.Now().Round(0).UTC() }

// Append keeps the events, and the claims that follow from them, in one push. Faults: Stopped "claimed-elsewhere" for an intent
// whose component version another run has claimed: then only what stands before the first intent is kept; Stopped
// "driven-elsewhere" for a lost lease; Invalid "journal-lost" when somebody deleted the ref or wrote it anew; "journal-push",
// of the kind of its cause, for a push that cannot be made.
func (g *Git) Append(ctx context.Context, events ...run.Event) error {
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	err := g.keep(ctx, nil, events)
	if fault.Is(err, "claimed-elsewhere") { // a success that waited for this push is true all the same
		err = cmp.Or(g.keep(ctx, nil, beforeIntents(events)), err)
	}
	if err != nil {
		return g.poison(err)
	}
	return nil
}

// beforeIntents are the events before the first that wants to start something.
func beforeIntents(events []run.Event) []run.Event {
	if i := slices.IndexFunc(events, func(e run.Event) bool { return e.Type == run.Intent }); i >= 0 {
		return events[:i]
	}
	return events
}

// AppendWith gives push the update of GitRef that keeps the events. When push fails for another reason than that somebody moved
// GitRef, AppendWith returns its error; nothing of the call may then be relied on, but the journal goes on, unless the lease
// is lost.
func (g *Git) AppendWith(ctx context.Context, push Push, events ...run.Event) error {
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	return g.keep(ctx, func(ctx context.Context, from, to string) error {
		return push(ctx, Update{Ref: GitRef, Old: from, New: to})
	}, events)
}

func (g *Git) keep(ctx context.Context, push pusher, events []run.Event) error {
	if err := g.usable(); err != nil || len(events) == 0 {
		return err
	}
	lines, err := encode(events)
	if err != nil {
		return g.poison(fault.New(fault.Internal, "journal-line", "an event cannot be written to the journal %s", g.shown()).Because(err))
	}
	for _, e := range events {
		if e.Type == run.Planned && e.Driver != nil {
			g.introduce(*e.Driver)
		}
	}
	return g.publish(ctx, change{
		subject: subject(g.key.run, events), data: slices.Concat(g.data, lines), events: events, push: push, moved: g.refuseLost,
		released: slices.ContainsFunc(events, finishes),
	})
}

// finishes tells whether an event ends the product's release: then there is nothing more to drive, and the lease goes back with
// it.
func finishes(e run.Event) bool {
	return e.Type == run.Recorded && e.Record != nil && e.Record.Finished
}

// introduce adds to the lease what was not known when it was taken.
func (g *Git) introduce(d run.Driver) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.driver.Login, g.driver.Job = cmp.Or(d.Login, g.driver.Login), cmp.Or(d.Job, g.driver.Job)
}

func subject(name string, events []run.Event) string {
	s := name + ":"
	for i, e := range events {
		if i == 3 {
			return s + " …"
		}
		s += " " + string(e.Type)
	}
	return s
}

// poison notes why nothing is appended any more; the first reason stays.
func (g *Git) poison(err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil && !g.closed {
		g.err = err
	}
	return err
}

func (g *Git) usable() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil && g.closed {
		return fault.New(fault.Internal, "journal-closed", "the journal %s is closed", g.shown())
	}
	return g.err
}

// shown is the journal's address for people.
func (g *Git) shown() string { return shown(g.repo, g.key.file()) }

func shown(repo Repository, path string) string { return repo.Shown() + " " + GitRef + ":" + path }

// Close gives the lease back, if it can within a few seconds; else the error says that the next driver must wait for the lease to
// stand still. Closing twice is harmless.
func (g *Git) Close() error {
	g.mu.Lock()
	before := g.closed
	g.closed = true
	g.mu.Unlock()
	if before {
		return nil
	}
	g.stop()
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	go func() {
		defer cancel()
		done <- g.release(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(closeTimeout):
		return fault.New(fault.Remote, "journal-push", "the lease of %s could not be given back in time", g.key.run).
			Hint("the next driver waits %s, or uses --take-over", StandStill)
	}
}

// release marks the lease as given back, unless somebody else has it by now.
func (g *Git) release(ctx context.Context) error {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	<-g.ended
	if g.given || lostRun(g.usableOrClosed()) {
		return nil
	}
	err := g.publish(ctx, change{subject: g.key.run + ": released", data: g.data, released: true, moved: g.refuseLost})
	if lostRun(err) {
		return nil
	}
	return err
}

func (g *Git) usableOrClosed() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// lostRun tells whether an error says that the run is not ours any more.
func lostRun(err error) bool {
	return fault.Is(err, "driven-elsewhere") || fault.Is(err, "journal-lost")
}
