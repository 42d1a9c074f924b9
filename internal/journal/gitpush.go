package journal

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// How long things take on the wire at most before the journal gives up.
const (
	pushPatience = 90 * time.Second // of one write, over all its tries
	pushRefusals = 4                // a server that is busy with another push of the ref may refuse one, too
	pushPause    = 200 * time.Millisecond
)

type pusher = func(ctx context.Context, from, to string) error

// change is what one push writes.
type change struct {
	subject  string
	data     []byte // the run's file; empty leaves it out
	events   []run.Event
	released bool
	push     pusher                 // nil: the journal's alone
	moved    func(tip string) error // whether the change may be made on a tip that somebody else pushed; nil: it may
}

// publish pushes a change on top of the newest tip until it has arrived, or cannot.
func (g *Git) publish(ctx context.Context, c change) error {
	lease := g.leaseNow(c.released)
	print, err := json.Marshal(lease)
	if err != nil {
		return fault.New(fault.Internal, "journal-line", "the lease of %s cannot be written", g.shown()).Because(err)
	}
	t := &tries{name: g.key.run, company: c.push != nil, until: time.Now().Add(g.options.patience), pause: pushPause}
	for began := time.Now(); ; {
		commit, err := g.build(c, print)
		if fault.Is(err, "claimed-elsewhere") {
			if moved, lookErr := g.catchUp(ctx, c); moved || lookErr != nil {
				if lookErr != nil {
					return lookErr
				}
				continue // the claim may be free by now
			}
		}
		if err != nil {
			return err
		}
		landed, err := g.pushOnce(ctx, c, commit, print, t)
		if err != nil {
			return err
		}
		if landed {
			g.confirm(c, lease, began)
			return nil
		}
	}
}

// catchUp reads the ref again and tells whether somebody else moved it.
func (g *Git) catchUp(ctx context.Context, c change) (moved bool, err error) {
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
	files[g.key.lease()] = lease
	if len(c.data) > 0 {
		files[g.key.file()] = c.data
	}
	return g.repo.Commit(g.tip, files, c.subject)
}

// pushOnce pushes once and finds out what became of it. The lease is the push's fingerprint: when it stands in the newest tip,
// the push has arrived, whatever the answer was and whoever pushed on top.
func (g *Git) pushOnce(ctx context.Context, c change, commit string, print []byte, t *tries) (landed bool, err error) {
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
		return false, t.waitForNext(ctx, fault.Remote, refused)
	}
	if tip == g.tip {
		return false, t.waitForNext(ctx, fault.KindOf(refused), refused)
	}
	if err := g.goTo(tip); err != nil {
		return false, err
	}
	if tip != "" {
		there, err := g.repo.Read(tip, g.key.lease())
		if err != nil || string(there) == string(print) {
			return err == nil, err
		}
	}
	if err := c.moved(tip); err != nil {
		return false, err
	}
	return false, t.waitForNext(ctx, 0, refused)
}

// tries counts the tries of one write, and says when to give up.
type tries struct {
	name     string // the run's
	company  bool   // other refs travel with it
	until    time.Time
	pause    time.Duration
	refusals int
}

// waitForNext waits for the next try, or says why there is none. Kind 0: somebody else was faster, which needs no rest.
func (t *tries) waitForNext(ctx context.Context, kind fault.Kind, why error) error {
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

// unpushable is the fault of a push that cannot be made. When other refs travel along, the push says itself what is wrong.
func (t *tries) unpushable(why error) error {
	if t.company {
		return why
	}
	return fault.New(fault.KindOf(why), "journal-push", "the journal of %s cannot be kept", t.name).Because(why).
		Hint("nothing is triggered that cannot be noted first; the same command goes on from what is there")
}

// confirm notes that a change has arrived.
func (g *Git) confirm(c change, lease run.Lease, began time.Time) {
	g.data, g.given = c.data, c.released
	g.mu.Lock()
	defer g.mu.Unlock()
	g.confirmed, g.pushed = lease.Renewed, began
}
