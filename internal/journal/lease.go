package journal

import (
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// The rules of a lease, for every home that several machines drive. They read no clock and no storage.
//
// A driver renews its lease every two minutes, and triggers nothing later than FreshFor after its last write by the wall
// clock without another one. Who wants to follow it sees the lease stand still for six: a driver that lives has then said so twice, and
// one that sleeps has to write, and fails, before it triggers. The clocks of two machines are never compared.
const (
	RenewEvery = 2 * time.Minute
	// RetryRenewal is how soon a renewal that failed is tried again.
	RetryRenewal = 15 * time.Second
	// FreshFor is short, so that a driver that froze between its intent and its POST, and wakes after a take-over,
	// has to ask its home: the look-up of whoever took over lasts longer than this and a POST together.
	FreshFor = 20 * time.Second
	// StandStill is how long a waiting driver must see the same lease before it takes the run over.
	StandStill = 6 * time.Minute
	// ReadEvery is how often a waiting driver reads the lease.
	ReadEvery = 10 * time.Second
)

// IsFresh tells whether a driver may trigger now without another write; confirmed is when its last write that arrived
// began. Both are of the driver's wall clock.
func IsFresh(confirmed, now time.Time) bool {
	age := now.Sub(confirmed)
	return age >= 0 && age <= FreshFor
}

// RenewIn is how long the next renewal may wait. Both times are of the clock that never jumps.
func RenewIn(written, now time.Time) time.Duration { return RenewEvery - now.Sub(written) }

// Taker is a driver that wants the lease of a run.
type Taker struct {
	Run      run.Name
	Driver   string                // its id
	TakeOver bool                  // it takes the run at once, whoever drives it
	Waits    bool                  // for a lease to stand still
	JobEnded func(job string) bool // whether the CircleCI job of a driver has ended; nil does not know
}

// Waiting is what a driver remembers while it waits for a lease. The zero value has seen none.
type Waiting struct {
	held   run.Lease // as it was first seen
	began  time.Time // when that was; zero before
	before Cancel    // what was asked of its driver by then
}

// Next says how long the lease must yet stand still, 0 when the driver may take it now. It is called after each reading of the
// lease and of what was last asked of its driver, with a clock that never jumps. Faults: Stopped "driven-elsewhere" when
// somebody drives and lives, or the driver does not wait; Cancelled "run-cancelled" when the run is cancelled while it waits.
func (w *Waiting) Next(t Taker, held run.Lease, last Cancel, now time.Time) (time.Duration, error) {
	switch {
	case w.cancelled(last):
		return 0, last.Fault(t.Run)
	case t.mayTake(held):
		return 0, nil
	case !t.Waits, w.moved(held):
		return 0, DrivenElsewhere(t.Run, held, now)
	case w.began.IsZero():
		w.held, w.began, w.before = held, now, last
	}
	return max(StandStill-now.Sub(w.began), 0), nil
}

// mayTake tells whether nobody holds the lease, or nobody that counts.
func (t Taker) mayTake(held run.Lease) bool {
	return t.TakeOver || !held.Held() || held.Driver == t.Driver || held.Job != "" && t.JobEnded != nil && t.JobEnded(held.Job)
}

// moved tells that the driver whose lease is waited for lives, or another one has it by now: no two leases of a driver are the
// same.
func (w *Waiting) moved(held run.Lease) bool {
	return !w.began.IsZero() && (held.Driver != w.held.Driver || held.Push != w.held.Push || !held.Renewed.Equal(w.held.Renewed))
}

// cancelled tells that the run was cancelled while its driver was waited for: who waits to go on with it is meant, too. What
// was cancelled before the waiting began is no reason.
func (w *Waiting) cancelled(last Cancel) bool {
	return !w.began.IsZero() && last.IsFor(w.held.Driver) && !last.same(w.before)
}

// DrivenElsewhere is the fault of who wants, or had, a run that another driver has: kind Stopped, code "driven-elsewhere".
func DrivenElsewhere(n run.Name, held run.Lease, now time.Time) error {
	f := fault.New(fault.Stopped, "driven-elsewhere", "another gio (%s) drives %s", held, n)
	if !held.Live(now) {
		f = f.Hint("it was last heard of at %s", held.Renewed.Format(time.RFC3339))
	}
	return f.Hint("wait for it to end (%s looks on), or stop it, then %s", fault.Next{Action: fault.Watch, Run: n.String()}, fault.Again()).
		Hint("when you know that it is gone, --take-over goes on at once")
}
