package journal

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// Cancel says that a run is cancelled: its driver starts nothing more. It is meant for the driver that it names and for no
// other, so that whoever releases later is not kept from it.
type Cancel struct {
	Driver string    `json:"driver"`          // id of the one it is meant for
	Login  string    `json:"login,omitempty"` // who cancelled
	Job    string    `json:"job,omitempty"`
	Time   time.Time `json:"time"`
}

// by is who cancelled, and when: "octocat (https://…) at 2026-01-02T03:04:05Z".
func (c Cancel) by() string {
	who := cmp.Or(c.Login, "somebody")
	if c.Job != "" {
		who += " (" + c.Job + ")"
	}
	return who + " at " + c.Time.Format(time.RFC3339)
}

func (p place) cancel() string { return "cancels/" + p.dir() + p.run + ".json" }

// readCancel gives nothing where there is none.
func readCancel(repo Repository, tip string, p place) (Cancel, error) {
	var c Cancel
	if tip == "" {
		return c, nil
	}
	data, err := repo.Read(tip, p.cancel())
	if err != nil || data == nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, damaged(shown(repo, p.cancel()), 1, err)
	}
	return c, nil
}

// CancelGit tells the driver of h's run to start nothing more. When it returns, the driver triggers nothing but what its
// journal holds an intent for by now: every later intent is pushed on top of this, so that the driver reads it before the
// POST. Where nobody holds the lease nothing is written, and told is false. Faults: "journal-push", and those of the repository.
func CancelGit(ctx context.Context, repo Repository, h run.Header, by run.Driver) (held Lease, told bool, err error) {
	p := placeOf(h)
	t := &tries{name: p.run, until: time.Now().Add(pushPatience), pause: pushPause}
	for {
		tip, err := repo.Fetch(ctx)
		if err != nil {
			return held, false, err
		}
		if _, held, err = readLease(repo, tip, p); err != nil || held.Driver == "" || !held.Released.IsZero() {
			return held, false, err
		}
		refused := pushCancel(ctx, repo, tip, p, Cancel{Driver: held.Driver, Login: by.Login, Job: by.Job, Time: time.Now().UTC()})
		if refused == nil {
			return held, true, nil
		}
		kind := fault.KindOf(refused)
		if now, err := repo.Fetch(ctx); err == nil && now != tip {
			kind = 0 // somebody else was faster, or it arrived after all: once more does no harm
		}
		if err := t.again(ctx, kind, refused); err != nil {
			return held, false, err
		}
	}
}

func pushCancel(ctx context.Context, repo Repository, tip string, p place, c Cancel) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	commit, err := repo.Commit(tip, map[string][]byte{p.cancel(): data}, p.run+": cancelled")
	if err != nil {
		return err
	}
	return repo.Push(ctx, tip, commit)
}

// Cancelled is closed when this driver has read that its run is cancelled. From then on Fresh is a fault of kind Cancelled,
// code "run-cancelled"; events are kept as before.
func (g *Git) Cancelled() <-chan struct{} { return g.cancelled }

// goTo takes a tip that somebody else pushed for the newest one, and heeds what it says of us.
func (g *Git) goTo(tip string) error {
	g.tip = tip
	c, err := readCancel(g.repo, tip, g.place)
	if err != nil || c.Driver != g.options.Driver.ID {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cancel == nil {
		g.cancel = &c
		close(g.cancelled)
	}
	return nil
}

// mayStart is the fault of a driver whose run is cancelled.
func (g *Git) mayStart() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cancel == nil {
		return nil
	}
	return cancelledBy(g.place, *g.cancel)
}

func cancelledBy(p place, c Cancel) error {
	return fault.New(fault.Cancelled, "run-cancelled", "%s was cancelled by %s: nothing more was started", p.run, c.by()).
		Hint("run the same command again to start anew what was cancelled")
}

// gone ends the waiting for a driver whose run is cancelled meanwhile: who waits to go on with it is meant, too. What was
// cancelled before the waiting began is no reason.
func (w *watch) gone(repo Repository, tip string, p place) error {
	c, err := readCancel(repo, tip, p)
	if err != nil {
		return err
	}
	if w.lease == nil {
		w.before = c
		return nil
	}
	if c != w.before && c.Driver == w.driver {
		return cancelledBy(p, c)
	}
	return nil
}
