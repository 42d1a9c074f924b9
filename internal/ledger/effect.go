package ledger

import (
	"context"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// EffectState is what is done about a deployment outside the ledger.
type EffectState string

// The states of an effect. Three of them hold the environment's slot: of these there is one at most.
const (
	NoEffect       EffectState = "" // others deploy
	EffectWanted   EffectState = "wanted"
	EffectIntended EffectState = "intended" // it may begin at any moment, or has begun
	EffectRunning  EffectState = "running"
	EffectDone     EffectState = "done"
	EffectFailed   EffectState = "failed"  // or never begun
	EffectUnknown  EffectState = "unknown" // a person must say: Resolve
)

// Slot tells whether an effect keeps others from beginning in its environment.
func (s EffectState) Slot() bool {
	return s == EffectIntended || s == EffectRunning || s == EffectUnknown
}

// Effect is what the ledger starts outside itself for a deployment, or for the build of a candidate: with a journal, and a lease
// for the one who drives it.
type Effect struct {
	ID          string
	Kind        Kind // CircleCI, Webhook or GitOps
	Project     string
	Environment string // id; "" for a build
	Deployment  string // id; "" for a build
	Candidate   string // id; of a build
	State       EffectState
	Target      string // on which one effect at a time begins
	Held        bool   // this one
	Cancel      bool   // somebody wants it stopped
	Answer      string // number of the pipeline that a person named for an unknown one
	Intent      Intent
	Token, Seq  int64 // how often it was taken; entries of its journal
	CreatedAt   time.Time
}

// Intent is what an effect sends, all templates filled in.
type Intent struct {
	Trigger
	Repository string `json:"repository"` // org/name
	Version    string `json:"version"`    // of the candidate
	Commit     string `json:"commit"`

	Environment string `json:"environment,omitempty"` // its name; "" for a build
	Previous    string `json:"previous,omitempty"`    // the candidate that ran there; "" for none

	App *AppIntent `json:"app,omitempty"` // of kind GitOps: what is committed
}

// Lease is the right to drive an effect, or a promotion: of the one who took it last, for LeaseFor after its last renewal.
type Lease struct {
	Effect string // id; of a promotion its own
	Token  int64
}

// LeaseFor is how long a lease lasts that nobody renews, by the database's clock. Whoever takes an effect over reads what the one
// before may have sent for at least as long before it sends.
const LeaseFor = time.Minute

// Entry is one line of an effect's journal.
type Entry struct {
	Seq  int64 // 1, 2, 3, …
	Text string
}

// errLost is for a driver whose effect another one has taken, or that has ended.
func errLost(l Lease) error {
	return fault.New(fault.Stopped, "driven-elsewhere", "%s is driven elsewhere", l.Effect)
}

// driver is who changes what effects change.
var driver = Caller{Token: Token{Subject: "gio-server", Role: Admin}, Dialect: "worker"}

// Waiting lists the effects that nobody drives and whose target is free, and the promotions for which something is to be done outside and that
// nobody drives, those that wait longest first. While the ledger is quarantined there are none.
func (l *Ledger) Waiting(ctx context.Context, limit int) (effects, promotions []string, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if why, err := held(ctx, tx); err != nil || why != "" {
			return err
		}
		if effects, err = tx.WaitingEffects(ctx, LeaseFor, limit); err != nil {
			return err
		}
		promotions, err = tx.WaitingPromotions(ctx, LeaseFor, limit)
		return err
	})
	return effects, promotions, err
}

// Take takes the lease of an effect and its target, and returns its journal. Faults of kind Stopped: "driven-elsewhere", "target-taken",
// "quarantined".
func (l *Ledger) Take(ctx context.Context, id string) (e Effect, lease Lease, journal []Entry, err error) {
	err = l.Store.Change(ctx, func(tx Tx) error {
		if why, err := held(ctx, tx); err != nil {
			return err
		} else if why != "" {
			return fault.New(fault.Stopped, "quarantined", "effect %s %s", id, why)
		}
		if e, err = tx.TakeEffect(ctx, id, LeaseFor); fault.Is(err, "no-effect") {
			return errLost(Lease{Effect: id})
		}
		if err == nil {
			journal, err = tx.Journal(ctx, id)
		}
		return err
	})
	return e, Lease{id, e.Token}, journal, err
}

// Taken is an effect with its lease and its journal.
type Taken struct {
	Effect  Effect
	Lease   Lease
	Journal []Entry
}

// TakeBeside takes the leases of other effects that wait for the target of one, for its driver to do them together, those that wait longest
// first. They do not get the target. Its fault is "driven-elsewhere".
func (l *Ledger) TakeBeside(ctx context.Context, lease Lease, limit int) (all []Taken, err error) {
	err = l.Store.Change(ctx, func(tx Tx) error {
		all = nil
		e, err := tx.RenewLease(ctx, lease, 0)
		if fault.Is(err, "no-effect") {
			return errLost(lease)
		}
		if err != nil || !e.Held {
			return err
		}
		taken, err := tx.TakeEffectsBeside(ctx, e, LeaseFor, limit)
		for _, t := range taken {
			journal, err := tx.Journal(ctx, t.ID)
			if err != nil {
				return err
			}
			all = append(all, Taken{t, Lease{t.ID, t.Token}, journal})
		}
		return err
	})
	return all, err
}

// Renew keeps a lease, and says what somebody wants of the effect meanwhile. Its fault is "driven-elsewhere".
func (l *Ledger) Renew(ctx context.Context, lease Lease) (e Effect, err error) {
	err = l.Store.Change(ctx, func(tx Tx) error {
		if e, err = tx.RenewLease(ctx, lease, 0); fault.Is(err, "no-effect") {
			return errLost(lease)
		}
		return err
	})
	return e, err
}

// GiveBack ends a lease: another may take the effect after that time. What has nothing in its journal has sent nothing, and keeps
// nobody from its target meanwhile.
func (l *Ledger) GiveBack(ctx context.Context, lease Lease, after time.Duration) error {
	return l.Store.Change(ctx, func(tx Tx) error {
		e, err := tx.RenewLease(ctx, lease, after-LeaseFor)
		if fault.Is(err, "no-effect") { // it ended, or has another driver
			return nil
		}
		if err == nil && e.Held && e.Seq == 0 {
			err = tx.SetEffect(ctx, lease, e.State, false)
		}
		return err
	})
}

// Noted is what entries of a journal say of their effect.
type Noted struct {
	Pipeline string // id of the pipeline that runs now; "" for none
	Host     string // of CircleCI
	Link     string
	Free     bool // the target is free for others
	// Delivered tells that a webhook has taken the request: whoever got it reports the end.
	Delivered bool
}

// Note keeps entries of a journal, with what they say. Faults: "driven-elsewhere"; "pipeline-taken", of another effect.
func (l *Ledger) Note(ctx context.Context, lease Lease, entries []Entry, n Noted) error {
	return l.Store.Change(ctx, func(tx Tx) error {
		e, err := tx.Effect(ctx, lease.Effect)
		if err != nil {
			return err
		}
		if n.Pipeline != "" || n.Delivered {
			if err := l.running(ctx, tx, e, lease, n); err != nil {
				return err
			}
		}
		err = tx.AppendJournal(ctx, lease, entries)
		if fault.Is(err, "no-effect") {
			return errLost(lease)
		}
		return err
	})
}

// Intend keeps an entry of a journal before what it says is sent. Faults: "driven-elsewhere"; "canceled", of kind Stopped, where somebody wants
// an effect stopped of which nothing was kept: nobody has sent anything of it.
func (l *Ledger) Intend(ctx context.Context, lease Lease, entry Entry) error {
	return l.Store.Change(ctx, func(tx Tx) error {
		e, err := tx.RenewLease(ctx, lease, 0) // who cancels it waits from here on
		switch {
		case fault.Is(err, "no-effect"):
			return errLost(lease)
		case err == nil && e.Cancel && e.Seq == 0:
			return fault.New(fault.Stopped, "canceled", "the effect %s is canceled", lease.Effect)
		case err == nil:
			err = tx.AppendJournal(ctx, lease, []Entry{entry})
		}
		return err
	})
}

// running notes that an effect runs, and its pipeline.
func (l *Ledger) running(ctx context.Context, tx Tx, e Effect, lease Lease, n Noted) error {
	d, err := l.lockOwner(ctx, tx, e)
	if err != nil {
		return err
	}
	if n.Pipeline != "" {
		if err := tx.InsertPipeline(ctx, n.Host, n.Pipeline, e.ID); err != nil {
			return err
		}
	}
	err = tx.SetEffect(ctx, lease, EffectRunning, !n.Free)
	if fault.Is(err, "no-effect") {
		return errLost(lease)
	}
	if err != nil || d == nil {
		return err
	}
	d.Effect, d.Link = EffectRunning, n.Link
	if d.Status == InProgress { // it waits for nothing any more; who cancels it has said why
		d.Message = ""
	}
	return tx.UpdateDeployment(ctx, *d)
}

// lockOwner locks the environment of an effect's deployment and reads that; nil for a build.
func (l *Ledger) lockOwner(ctx context.Context, tx Tx, e Effect) (*Deployment, error) {
	if e.Deployment == "" {
		return nil, nil
	}
	if _, err := tx.LockEnvironmentByID(ctx, e.Environment); err != nil {
		return nil, err
	}
	d, err := tx.Deployment(ctx, e.Deployment)
	return &d, err
}

// IsFree tells whether a pipeline belongs to no other effect.
func (l *Ledger) IsFree(ctx context.Context, host, pipeline, effect string) (free bool, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		owner, err := tx.PipelineOwner(ctx, host, pipeline)
		free = owner == "" || owner == effect
		return err
	})
	return free, err
}

// AddLooked adds to how long the drivers of an effect have looked for the pipeline of one intent, named by the number of its entry, and
// returns the sum. What was kept for another intent is forgotten. Its fault is "driven-elsewhere".
func (l *Ledger) AddLooked(ctx context.Context, lease Lease, intent int64, more time.Duration) (sum time.Duration, err error) {
	err = l.Store.Change(ctx, func(tx Tx) error {
		if sum, err = tx.AddLooked(ctx, lease, intent, more); fault.Is(err, "no-effect") {
			return errLost(lease)
		}
		return err
	})
	return sum, err
}

// Say tells what an effect waits for, while it goes on. Its fault is "driven-elsewhere".
func (l *Ledger) Say(ctx context.Context, lease Lease, message string) error {
	message = kept(message)
	return l.Store.Change(ctx, func(tx Tx) error {
		e, err := tx.Effect(ctx, lease.Effect)
		if err != nil {
			return err
		}
		d, err := l.lockOwner(ctx, tx, e)
		if err != nil || d == nil || d.Message == message || d.Status.Ended() || d.Status == Canceling {
			return err
		}
		_, err = tx.RenewLease(ctx, lease, 0)
		if fault.Is(err, "no-effect") {
			return errLost(lease)
		}
		if err != nil {
			return err
		}
		d.Message = message
		return tx.UpdateDeployment(ctx, *d)
	})
}

// Outcome is how an effect ended.
type Outcome struct {
	State   EffectState // EffectDone, EffectFailed or EffectUnknown
	Status  Status      // what is said of the deployment, unless somebody has said an end
	Message string
	Hash    string // of the commit that deploys; "" for none: nothing had to change
}

// Finish ends an effect, or leaves it to a person, and begins what waited for its slot. Its fault is "driven-elsewhere".
func (l *Ledger) Finish(ctx context.Context, lease Lease, o Outcome) error {
	return l.change(ctx, driver, func(tx Tx) (Event, error) {
		e, err := tx.Effect(ctx, lease.Effect)
		if err != nil {
			return Event{}, err
		}
		d, err := l.lockOwner(ctx, tx, e)
		if err != nil {
			return Event{}, err
		}
		if _, err := tx.RenewLease(ctx, lease, 0); fault.Is(err, "no-effect") { // nobody else changes it from here
			return Event{}, errLost(lease)
		} else if err != nil {
			return Event{}, err
		}
		if d == nil {
			return l.built(ctx, tx, e, lease, o)
		}
		if err := tx.SetEffect(ctx, lease, o.State, o.State == EffectUnknown && e.Held); err != nil {
			return Event{}, err
		}
		if o.Hash != "" {
			o = d.committed(e.Intent.App, o, l.Now())
		}
		return Event{}, l.ended(ctx, tx, *d, o)
	})
}

// ended writes how a deployment ended, and begins what comes next. The environment is locked.
func (l *Ledger) ended(ctx context.Context, tx Tx, d Deployment, o Outcome) error {
	d.Effect = o.State
	if !d.Reported || !d.Status.Ended() { // that it runs, or is to stop, is true no longer
		d.say(o.Status, o.Message, l.Now())
	}
	if err := tx.UpdateDeployment(ctx, d); err != nil {
		return err
	}
	e, err := tx.EnvironmentByID(ctx, d.Environment)
	if err != nil {
		return err
	}
	if err := l.appEnded(ctx, tx, e, d); err != nil {
		return err
	}
	what := "deployment.ended"
	switch {
	case o.State == EffectUnknown:
		what = "deployment.unknown"
	case !d.Status.Ended():
		what = "deployment.committed"
	}
	_, err = l.goOn(ctx, tx, driver, what, e, d)
	return err
}

// kept is a message as databases keep it: what others write need not be text.
func kept(message string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(message, "\uFFFD"), "\x00", "\uFFFD")
}

// say sets what is said of a deployment.
func (d *Deployment) say(s Status, message string, now time.Time) {
	d.Status, d.Message, d.EndedAt = s, kept(message), time.Time{}
	if s.Ended() {
		d.EndedAt = now
	}
}

// built writes how the build of a candidate ended. Where nobody knows it, a person blocks the candidate and makes the next one.
func (l *Ledger) built(ctx context.Context, tx Tx, e Effect, lease Lease, o Outcome) (Event, error) {
	c, err := tx.CandidateByID(ctx, e.Candidate)
	if err != nil {
		return Event{}, err
	}
	blocked := c.State != Building
	if blocked && o.State == EffectUnknown {
		o.State = EffectFailed
	}
	if err := tx.SetEffect(ctx, lease, o.State, o.State == EffectUnknown && e.Held); err != nil || blocked {
		return Event{}, err
	}
	o.Message = kept(o.Message)
	what := ""
	switch o.State {
	case EffectDone:
		c.State, c.Message, what = Ready, "", "ready"
	case EffectUnknown:
		c.Message, what = o.Message, "unknown"
	default:
		c.State, c.Message, what = BuildFailed, o.Message, "failed"
	}
	return candidateEvent(what, c), tx.UpdateCandidate(ctx, c)
}

// candidateEvent is an event of a candidate that was to be built.
func candidateEvent(what string, c Candidate) Event {
	data := map[string]string{"candidate": c.Version.String()}
	if c.Message != "" {
		data["message"] = c.Message
	}
	return Event{Type: "candidate." + what, Project: c.Project, Subject: c.ID, Data: data}
}
