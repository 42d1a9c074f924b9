package journal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// A driver renews its lease every two minutes, and triggers nothing later than freshFor after its last push by the wall
// clock without another one. Who wants to follow it sees the lease stand still for six: a driver that lives has then said so twice, and
// one that sleeps has to push, and fails, before it triggers. The clocks of two machines are never compared.
const (
	leaseTime  = 5 * time.Minute // how long a lease is shown as live
	renewEvery = 2 * time.Minute
	// freshFor is short, so that a driver that froze between its intent and its POST, and wakes after a take-over,
	// has to ask the ref: the look-up of whoever took over lasts longer than this and a POST together.
	freshFor   = 20 * time.Second
	standStill = 6 * time.Minute
	watchEvery = 10 * time.Second // how often a waiting driver reads the ref
	retryRenew = 15 * time.Second
)

// Lease says who drives a run. It names no host: the file is as public as the release repository.
type Lease struct {
	Driver   string    `json:"driver"` // random id
	Login    string    `json:"login,omitempty"`
	Job      string    `json:"job,omitempty"` // link of the CircleCI job
	Since    time.Time `json:"since"`
	Renewed  time.Time `json:"renewed"` // by the driver's clock, with every push
	Push     int       `json:"push"`    // counts the driver's pushes, so that no two of its leases are the same
	Released time.Time `json:"released,omitzero"`
}

// Live tells whether somebody drives, as far as the clocks of both machines agree: good enough to be shown, not to act on.
func (l Lease) Live(now time.Time) bool {
	return l.Driver != "" && l.Released.IsZero() && now.Sub(l.Renewed) < leaseTime
}

// String is who, and since when: "octocat, https://…, since 2026-01-02T03:04:05Z".
func (l Lease) String() string {
	var parts []string
	for _, part := range []string{l.Login, l.Job} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(append(parts, "since "+l.Since.Format(time.RFC3339)), ", ")
}

// readLease gives the lease as it is stored and as it is meant, nothing where there is none.
func readLease(repo Repository, tip string, p place) ([]byte, Lease, error) {
	var lease Lease
	if tip == "" {
		return nil, lease, nil
	}
	data, err := repo.Read(tip, p.lease())
	if err != nil || data == nil {
		return nil, lease, err
	}
	if err := json.Unmarshal(data, &lease); err != nil {
		return nil, lease, damaged(shown(repo, p.lease()), 1, err)
	}
	return data, lease, nil
}

// leaseNow is ours, to be pushed now.
func (g *Git) leaseNow(released bool) Lease {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pushes++
	l := Lease{Driver: g.driver.ID, Login: g.driver.Login, Job: g.driver.Job, Since: g.since, Renewed: g.now(), Push: g.pushes}
	if released {
		l.Released = l.Renewed
	}
	return l
}

// open reads the journal and takes its lease from the very commit that was read.
func (g *Git) open(ctx context.Context, h run.Header) ([]run.Event, error) {
	var w watch
	for {
		tip, err := g.repo.Fetch(ctx)
		if err != nil && (w.lease == nil || fault.KindOf(err) != fault.Remote) {
			return nil, err
		}
		wait := watchEvery
		if err == nil {
			var events []run.Event
			g.tip = tip
			if events, err = g.load(h); err != nil {
				return nil, err
			}
			if wait, err = g.mustWait(ctx, &w); err != nil {
				return nil, err
			}
			if wait == 0 {
				taken, err := g.take(ctx)
				if taken || err != nil {
					return events, err
				}
				continue
			}
		}
		select {
		case <-ctx.Done():
			return nil, fault.New(fault.Stopped, "driven-elsewhere", "stopped waiting for the driver of %s", h.Run()).Because(context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

// load gives the events of the run at the tip, and drops what a crash left behind them.
func (g *Git) load(h run.Header) ([]run.Event, error) {
	g.data = nil
	if g.tip == "" {
		return nil, nil
	}
	data, err := g.repo.Read(g.tip, g.place.file())
	if err != nil {
		return nil, err
	}
	events, size, err := decode(g.shown(), data)
	if err != nil {
		return nil, err
	}
	g.data = data[:size]
	return events, belongs(g.shown(), events, h)
}

// watch is what a driver that waits has seen.
type watch struct {
	lease  []byte
	since  time.Time
	driver string // whose lease it is
	before Cancel // what was asked of a driver before the waiting began
}

// mustWait is 0 when the lease may be taken. A fault says who drives.
func (g *Git) mustWait(ctx context.Context, w *watch) (time.Duration, error) {
	stored, held, err := readLease(g.repo, g.tip, g.place)
	if err == nil {
		err = w.gone(g.repo, g.tip, g.place)
	}
	switch {
	case err != nil:
		return 0, err
	case stored == nil, !held.Released.IsZero(), held.Driver == g.options.Driver.ID, g.options.TakeOver:
		return 0, nil
	case held.Job != "" && g.options.JobEnded != nil && g.options.JobEnded(ctx, held.Job):
		return 0, nil
	case g.options.Wait == nil, w.lease != nil && !bytes.Equal(w.lease, stored):
		return 0, g.driven(held)
	case w.lease == nil:
		w.lease, w.since, w.driver = stored, time.Now(), held.Driver
	}
	left := standStill - time.Since(w.since)
	if left <= 0 {
		return 0, nil
	}
	g.options.Wait(held, left)
	return min(left, watchEvery), nil
}

// take puts our lease on the tip that was read, or finds that somebody else pushed meanwhile.
func (g *Git) take(ctx context.Context) (taken bool, err error) {
	g.since = g.now()
	errMoved := fault.New(fault.Invalid, "ref-moved", "somebody else pushed %s", GitRef)
	err = g.publish(ctx, change{subject: g.place.run + ": driver", data: g.data, moved: func(string) error { return errMoved }})
	if err == error(errMoved) { //nolint:errorlint // this very one
		return false, nil
	}
	return err == nil, err
}

// still refuses a tip on which the lease is not ours.
func (g *Git) still(tip string) error {
	stored, held, err := readLease(g.repo, tip, g.place)
	switch {
	case err != nil:
		return err
	case stored == nil:
		return g.poison(fault.New(fault.Invalid, "journal-lost", "%s of %s was deleted or written anew by somebody while %s was driven",
			GitRef, g.repo.Shown(), g.place.run).
			Hint("nothing more is started; pipelines run on").
			Hint("put the ref back from a clone that has it (gio help journal) before you run gio again: without it gio does not know what it has started"))
	case held.Driver != g.options.Driver.ID:
		return g.poison(g.driven(held))
	}
	return nil
}

func (g *Git) driven(held Lease) error {
	f := fault.New(fault.Stopped, "driven-elsewhere", "another gio (%s) drives %s", held, g.place.run)
	if !held.Live(g.now()) {
		f = f.Hint("it was last heard of at %s", held.Renewed.Format(time.RFC3339))
	}
	h := run.Header{Kind: g.place.kind(), Version: path.Base(g.place.run)}
	return f.Hint("wait for it to end (`gio watch%s` looks on), or stop it, then run the same command again", h.Flags()).
		Hint("when you know that it is gone, --take-over drives on at once")
}

// Fresh is called immediately before a pipeline is triggered: it makes sure, by a push where the last one is not recent by
// the wall clock, that the lease is still ours and the run not cancelled. A lost lease is a fault of kind Stopped, code
// "driven-elsewhere", a cancelled run one of kind Cancelled, code "run-cancelled".
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

// fresh must not wait for a push that is under way.
func (g *Git) fresh() (bool, error) {
	if err := g.usable(); err != nil {
		return false, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	age := g.now().Sub(g.confirmed)
	return age >= 0 && age <= freshFor, nil
}

func (g *Git) renew(ctx context.Context) error {
	return g.publish(ctx, change{subject: g.place.run + ": alive", data: g.data, moved: g.still})
}

// renewals keeps the lease for as long as nothing else is pushed. A renewal that fails is tried again: only a lost lease
// ends the journal here, and before a trigger Fresh has the last word.
func (g *Git) renewals(ctx context.Context) {
	defer close(g.ended)
	for wait := renewEvery; ; wait = cmp.Or(max(g.due(), 0), retryRenew) {
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
	return renewEvery - time.Since(g.pushed)
}

// Elsewhere is the fault for component versions that other runs have claimed, nil where there are none: kind Stopped, code
// "claimed-elsewhere".
func Elsewhere(claims []Claim) error {
	if len(claims) == 0 {
		return nil
	}
	var lines []string
	for _, c := range claims {
		lines = append(lines, fmt.Sprintf("%s %s: %s (%s)", c.Step.Component(), c.Step.Version(), c.Run, c.by()))
	}
	return fault.New(fault.Stopped, "claimed-elsewhere", "another run releases, or has released, the same version:\n  %s", strings.Join(lines, "\n  ")).
		Hint("while that run goes on: wait for its end, then run the same command again").
		Hint("when it has released the version: write the released version into release.json").
		Hint("when it has not and will not: `gio resolve COMPONENT --not-triggered` on its branch gives the version free")
}
