package journal

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// GitRef is the ref of the release repository that holds the journals of all runs: a chain of commits whose tree has a file
// for each run (release/3.9.4.jsonl; below manifests/PATH/ for a manifest that is not release.json), the lease of its
// driver (leases/release/3.9.4.json) and what was last asked of one (cancels/release/3.9.4.json), and a file for each
// component version that a run has claimed (claims/COMPONENT/VERSION; of a staging,
// staged/COMPONENT/VERSION).
const GitRef = "refs/gio/journal"

// Repository is GitRef in the release repository, as gitrepo.Ref reaches it. Commits are named by their hashes, "" for none.
type Repository interface {
	Shown() string                                                                          // address for people, without secrets
	Fetch(ctx context.Context) (tip string, err error)                                      // "" where the ref does not exist
	Read(at, path string) ([]byte, error)                                                   // nil where there is no such file
	List(at, dir string) ([]string, error)                                                  // paths of the files below dir
	Commit(parent string, files map[string][]byte, subject string) (commit string, e error) // nil takes a file away
	Push(ctx context.Context, from, to string) error                                        // only if the ref is still at from
}

// How long things take on the wire at most before the journal gives up.
const (
	pushPatience = 90 * time.Second // of one write, over all its tries
	pushRefusals = 4                // a server that is busy with another push of the ref may refuse one, too
	pushPause    = 200 * time.Millisecond
	closeTimeout = 5 * time.Second
)

// GitOptions say who drives and what to do about somebody who does already.
type GitOptions struct {
	Driver   run.Driver // its ID is random; a login that is not known yet is taken from the planned event
	TakeOver bool       // takes the run from whoever drives it, at once
	// JobEnded tells whether a driver's CircleCI job, named by its link, has ended: then its lease is free. It may be nil.
	JobEnded func(ctx context.Context, job string) bool
	// Wait is told, every few seconds, whose lease it is and how long it must yet stand still; nil does not wait.
	Wait func(held Lease, left time.Duration)
	Now  func() time.Time // the wall clock; nil is time.Now

	patience time.Duration // 0 is pushPatience
}

// Git is a journal in the release repository, driven under a lease. Every write is one push that moves GitRef forward from
// a commit that was read; when somebody else moved it meanwhile, the own files are put on top of the newest commit, as
// long as the lease there is still ours. Whether a push arrived is read from the ref, never from an error: each one carries
// a lease that says when it was made and by whom.
type Git struct {
	repo    Repository
	place   place
	options GitOptions
	since   time.Time

	turn  chan struct{} // held by who writes; a channel, so that waiting for it is idle in a synctest bubble
	tip   string        // newest commit known; with turn
	data  []byte        // the run's file, as far as it was acknowledged; with turn
	given bool          // the lease was given back with the last push; with turn

	stop  context.CancelFunc // of the renewals
	ended chan struct{}      // closed when they have ended

	cancelled chan struct{} // closed when the run is cancelled; see cancel.go

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
		repo: repo, place: placeOf(h), options: o, driver: o.Driver,
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

// now is the wall clock's, without the reading of the clock that stands still while a machine sleeps.
func (g *Git) now() time.Time { return g.options.Now().Round(0).UTC() }

// Append keeps the events, and the claims that follow from them, in one push. An intent whose component version another run
// has claimed is a fault of kind Stopped, code "claimed-elsewhere", and only what stands before the first intent is kept; a lost lease is "driven-elsewhere"; a ref that somebody
// deleted or wrote anew is kind Invalid, code "journal-lost"; a push that cannot be made is "journal-push", of the kind of
// its cause.
func (g *Git) Append(ctx context.Context, events ...run.Event) error {
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	err := g.keep(ctx, nil, events)
	if fault.Is(err, "claimed-elsewhere") { // a success that waited for the next push is true all the same
		err = cmp.Or(g.keep(ctx, nil, beforeIntents(events)), err)
	}
	if err != nil {
		return g.poison(err)
	}
	return nil
}

// beforeIntents is what came before anybody asked to start something.
func beforeIntents(events []run.Event) []run.Event {
	if i := slices.IndexFunc(events, func(e run.Event) bool { return e.Type == run.Intent }); i >= 0 {
		return events[:i]
	}
	return events
}

// AppendWith keeps the events in a push that carries other refs along: push is given what is to be added to it, and makes
// it atomic. It is called again with other values when the journal's ref was moved by somebody else. What push returns is
// returned when it is not the journal that is in the way; nothing of the call may then be relied on, but the journal goes
// on, unless the lease is lost.
func (g *Git) AppendWith(ctx context.Context, push func(ctx context.Context, ref, from, to string) error, events ...run.Event) error {
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	return g.keep(ctx, func(ctx context.Context, from, to string) error { return push(ctx, GitRef, from, to) }, events)
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
		subject: subject(g.place.run, events), data: slices.Concat(g.data, lines), events: events, push: push, moved: g.still,
		released: slices.ContainsFunc(events, finishes),
	})
}

// finishes: after the end of the product's release nothing is left to be driven, and the lease goes back with it.
func finishes(e run.Event) bool {
	return e.Type == run.Recorded && e.Record != nil && e.Record.Finished
}

// introduce takes over what was not known when the lease was taken.
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

// shown is the journal's place for people.
func (g *Git) shown() string { return shown(g.repo, g.place.file()) }

func shown(repo Repository, path string) string { return repo.Shown() + " " + GitRef + ":" + path }

type pusher = func(ctx context.Context, from, to string) error

// change is what one push writes.
type change struct {
	subject  string
	data     []byte // the run's file; empty leaves it out
	events   []run.Event
	released bool
	push     pusher                 // nil: the journal's alone
	moved    func(tip string) error // nil error: the change may be made on this tip, which somebody else pushed
}

// publish pushes a change, on whatever the ref points to, until it is there or cannot be.
func (g *Git) publish(ctx context.Context, c change) error {
	lease := g.leaseNow(c.released)
	print, err := json.Marshal(lease)
	if err != nil {
		return fault.New(fault.Internal, "journal-line", "the lease of %s cannot be written", g.shown()).Because(err)
	}
	t := &tries{name: g.place.run, company: c.push != nil, until: time.Now().Add(g.options.patience), pause: pushPause}
	for began := time.Now(); ; {
		commit, err := g.build(c, print)
		if fault.Is(err, "claimed-elsewhere") {
			if moved, lookErr := g.look(ctx, c); moved || lookErr != nil {
				if lookErr != nil {
					return lookErr
				}
				continue // what was claimed may be free by now
			}
		}
		if err != nil {
			return err
		}
		landed, err := g.once(ctx, c, commit, print, t)
		if err != nil {
			return err
		}
		if landed {
			g.confirm(c, lease, began)
			return nil
		}
	}
}

// look reads the ref again and tells whether somebody else moved it.
func (g *Git) look(ctx context.Context, c change) (moved bool, err error) {
	tip, err := g.repo.Fetch(ctx)
	if err != nil || tip == g.tip {
		return false, err
	}
	if err := g.goTo(tip); err != nil {
		return false, err
	}
	return true, c.moved(tip)
}

// build makes the commit on the newest tip.
func (g *Git) build(c change, lease []byte) (string, error) {
	files, err := g.claims(c.events)
	if err != nil {
		return "", err
	}
	files[g.place.lease()] = lease
	if len(c.data) > 0 {
		files[g.place.file()] = c.data
	}
	return g.repo.Commit(g.tip, files, c.subject)
}

// once pushes once and finds out what became of it. The lease is the push's finger print: where it stands in the newest
// tip, the push arrived, whatever was said about it and whoever pushed on top.
func (g *Git) once(ctx context.Context, c change, commit string, print []byte, t *tries) (landed bool, err error) {
	push := c.push
	if push == nil {
		push = g.repo.Push
	}
	refused := push(ctx, g.tip, commit)
	if refused == nil {
		g.tip = commit
		return true, nil
	}
	tip, err := g.repo.Fetch(ctx)
	if err != nil {
		return false, t.again(ctx, fault.Remote, refused)
	}
	if tip == g.tip {
		return false, t.again(ctx, fault.KindOf(refused), refused)
	}
	if err := g.goTo(tip); err != nil {
		return false, err
	}
	if tip != "" {
		there, err := g.repo.Read(tip, g.place.lease())
		if err != nil || string(there) == string(print) {
			return err == nil, err
		}
	}
	if err := c.moved(tip); err != nil {
		return false, err
	}
	return false, t.again(ctx, 0, refused)
}

// tries is the patience that is left for one write.
type tries struct {
	name     string // the run's
	company  bool   // other refs travel with it
	until    time.Time
	pause    time.Duration
	refusals int
}

// again waits for the next try, or says why there is none. Kind 0: somebody else was faster, which needs no rest.
func (t *tries) again(ctx context.Context, kind fault.Kind, why error) error {
	if kind == fault.Stopped {
		t.refusals++
	}
	mayTry := kind == 0 || kind == fault.Remote || kind == fault.Stopped && t.refusals < pushRefusals
	if !mayTry || time.Now().After(t.until) || ctx.Err() != nil {
		return t.unpushable(why)
	}
	if kind == 0 {
		return nil
	}
	select {
	case <-time.After(t.pause):
	case <-ctx.Done():
		return t.unpushable(why)
	}
	t.pause = min(2*t.pause, 10*time.Second)
	return nil
}

// unpushable leaves alone what may be the fault of a ref that travels along.
func (t *tries) unpushable(why error) error {
	if t.company {
		return why
	}
	return fault.New(fault.KindOf(why), "journal-push", "the journal of %s cannot be kept", t.name).Because(why).
		Hint("nothing is triggered that cannot be noted first; the same command goes on from what is there")
}

func (g *Git) confirm(c change, lease Lease, began time.Time) {
	g.data, g.given = c.data, c.released
	g.mu.Lock()
	defer g.mu.Unlock()
	g.confirmed, g.pushed = lease.Renewed, began
}

// Close gives the lease back, as far as that is possible within a few seconds; else it runs out by itself, which the error
// says. Closing twice is harmless.
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
		return fault.New(fault.Remote, "journal-push", "the lease of %s could not be given back in time", g.place.run).
			Hint("another driver waits %s, or says --take-over", standStill)
	}
}

// release marks the lease as given back, unless it is somebody else's by now.
func (g *Git) release(ctx context.Context) error {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	<-g.ended
	if g.given || lost(g.usableOrClosed()) {
		return nil
	}
	err := g.publish(ctx, change{subject: g.place.run + ": released", data: g.data, released: true, moved: g.still})
	if lost(err) {
		return nil
	}
	return err
}

func (g *Git) usableOrClosed() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// lost tells that the run is not ours any more.
func lost(err error) bool {
	return fault.Is(err, "driven-elsewhere") || fault.Is(err, "journal-lost")
}
