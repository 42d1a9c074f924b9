package journal

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// readLease gives the lease of a run at a tip, the zero one where there is none.
func readLease(repo Repository, tip string, k key) (run.Lease, error) {
	var lease run.Lease
	if tip == "" {
		return lease, nil
	}
	data, err := repo.Read(tip, k.lease())
	if err != nil || data == nil {
		return lease, err
	}
	if err := json.Unmarshal(data, &lease); err != nil {
		return lease, damaged(shown(repo, k.lease()), 1, err)
	}
	return lease, nil
}

// leaseNow makes the lease of the next push.
func (g *Git) leaseNow(released bool) run.Lease {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pushes++
	l := run.Lease{Driver: g.driver.ID, Login: g.driver.Login, Job: g.driver.Job, Since: g.since, Renewed: g.now(), Push: g.pushes}
	if released {
		l.Released = l.Renewed
	}
	return l
}

// open reads the journal, and takes the lease from the very commit that it has read, as soon as it may.
func (g *Git) open(ctx context.Context, h run.Header) ([]run.Event, error) {
	var w Waiting
	for {
		tip, err := g.repo.Fetch(ctx)
		if err != nil && (w.began.IsZero() || fault.KindOf(err) != fault.Remote) {
			return nil, err
		}
		pause := ReadEvery
		if err == nil {
			g.tip = tip
			events, left, err := g.read(ctx, h, &w)
			if err != nil {
				return nil, err
			}
			if left == 0 {
				taken, err := g.takeLease(ctx)
				if taken || err != nil {
					return events, err
				}
				continue
			}
			pause = min(left, ReadEvery)
		}
		select {
		case <-ctx.Done():
			return nil, fault.New(fault.Stopped, "driven-elsewhere", "stopped waiting for the driver of %s", h.Run()).Because(context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// read gives the events at the tip, and how long the lease there must yet stand still; 0: it may be taken.
func (g *Git) read(ctx context.Context, h run.Header, w *Waiting) ([]run.Event, time.Duration, error) {
	events, err := g.load(h)
	if err != nil {
		return nil, 0, err
	}
	held, err := readLease(g.repo, g.tip, g.key)
	if err != nil {
		return nil, 0, err
	}
	last, err := readCancel(g.repo, g.tip, g.key)
	if err != nil {
		return nil, 0, err
	}
	left, err := w.Next(g.taker(ctx), held, last, time.Now())
	if left > 0 {
		g.options.Wait(held, left)
	}
	return events, left, err
}

// taker is this driver.
func (g *Git) taker(ctx context.Context) Taker {
	t := Taker{Run: g.key.name(), Driver: g.options.Driver.ID, TakeOver: g.options.TakeOver, Waits: g.options.Wait != nil}
	if ended := g.options.JobEnded; ended != nil {
		t.JobEnded = func(job string) bool { return ended(ctx, job) }
	}
	return t
}

// load gives the events of the run at the tip, and drops what a crash left behind them.
func (g *Git) load(h run.Header) ([]run.Event, error) {
	g.data = nil
	if g.tip == "" {
		return nil, nil
	}
	data, err := g.repo.Read(g.tip, g.key.file())
	if err != nil {
		return nil, err
	}
	events, size, err := decode(g.shown(), data)
	if err != nil {
		return nil, err
	}
	g.data = data[:size]
	return events, checkHeader(g.shown(), events, h, "") // without that file the versions that its run released would be released again
}

// takeLease puts our lease on the tip that was read, or finds that somebody else pushed meanwhile.
func (g *Git) takeLease(ctx context.Context) (taken bool, err error) {
	g.since = g.now()
	errMoved := fault.New(fault.Invalid, "ref-moved", "somebody else pushed %s", GitRef)
	err = g.publish(ctx, change{subject: g.key.run + ": driver", data: g.data, moved: func(string) error { return errMoved }})
	if err == error(errMoved) { //nolint:errorlint // this very one
		return false, nil
	}
	return err == nil, err
}

// refuseLost refuses, for good, a tip on which the lease is not ours.
func (g *Git) refuseLost(tip string) error {
	held, err := readLease(g.repo, tip, g.key)
	switch {
	case err != nil:
		return err
	case held.Driver == "":
		return g.poison(fault.New(fault.Invalid, "journal-lost", "%s of %s was deleted or written anew by somebody while %s was driven",
			GitRef, g.repo.Shown(), g.key.run).
			Hint("nothing more is started; pipelines run on").
			Hint("put the ref back from a clone that has it (gio help journal) before you run gio again: without it gio does not know what it has started"))
	case held.Driver != g.options.Driver.ID:
		return g.poison(DrivenElsewhere(g.key.name(), held, g.now()))
	}
	return nil
}

// Fresh makes sure, by a push unless the last one is recent by the wall clock, that the lease is still ours and nobody has
// cancelled the run.
func (g *Git) Fresh(ctx context.Context) error {
	if fresh, err := g.fresh(); fresh || err != nil {
		return cmp.Or(err, g.mayStart())
	}
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	if fresh, err := g.fresh(); fresh || err != nil {
		return cmp.Or(err, g.mayStart())
	}
	return cmp.Or(g.renew(ctx), g.mayStart())
}

// fresh tells whether no push is needed. It does not wait for a push that is under way.
func (g *Git) fresh() (bool, error) {
	if err := g.usable(); err != nil {
		return false, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return IsFresh(g.confirmed, g.now()), nil
}

func (g *Git) renew(ctx context.Context) error {
	return g.publish(ctx, change{subject: g.key.run + ": alive", data: g.data, moved: g.refuseLost})
}

// renewals renews the lease while nothing else is pushed. After a renewal that failed it tries again: only a lost lease ends the
// journal here, and before a trigger Fresh has the last word.
func (g *Git) renewals(ctx context.Context) {
	defer close(g.ended)
	for wait := RenewEvery; ; wait = cmp.Or(max(g.due(), 0), RetryRenewal) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if g.due() > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case g.turn <- struct{}{}:
		}
		err := g.usable()
		if err == nil && g.due() <= 0 {
			_ = g.renew(ctx)
		}
		<-g.turn
		if err != nil {
			return
		}
	}
}

// due is how long the next renewal may wait.
func (g *Git) due() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return RenewIn(g.pushed, time.Now())
}
