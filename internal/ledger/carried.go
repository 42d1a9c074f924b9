package ledger

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// What a promotion, a rollback or a deletion does in repositories elsewhere is carried item by item by whoever has its lease: a row says how
// far an item is, and is written before and after each request. All of an item's writes can be made again: what is brought is known by its
// checksum, so that one look at its place tells whether it was written.

// Stage is how far a promotion is for which something is done outside.
type Stage string

// The stages.
const (
	Bringing Stage = ""        // items are brought to where they are wanted; of a deletion, then taken away from where they were
	Failing  Stage = "failing" // what was brought is taken away again; its messages say why
	Arrived  Stage = "arrived" // all is there, and a move takes away what it leaves behind
)

// Deed is what is done with an item outside.
type Deed string

// The deeds, in the order in which they are done.
const (
	LookAtPlace Deed = "look"  // what is at its place
	BringItem   Deed = "bring" // the content; of an image all but its tag
	TagImage    Deed = "tag"
	RemoveItem  Deed = "remove" // a file, or the tag of an image
)

// Step is one thing that is to be done outside.
type Step struct {
	Promoted
	Deed       Deed
	Of         string       // id of the promotion that puts the item there, or has put it there
	To         Repository   // where that is
	Before     string       // checksum of what was there, "" for nothing; known after LookAtPlace
	Named      bool         // of what is to be removed: something else names the place, and so it stays
	Content    Blob         // of an item that is kept here
	From       []Repository // outside, where the item may be
	Properties Properties   // that a file has where it comes from, as far as it is kept here
}

// Load is what is to be done next for a promotion: steps of one deed, in the order of the items. There is none when all is done.
type Load struct {
	Promotion
	Deed  Deed
	Steps []Step
}

// atOnce bounds the steps of a load: what a driver learns of them is written down together.
const atOnce = 50

// TakePromotion takes the lease of a promotion, and all repositories outside that it has to do with: one promotion at a time changes what is
// in one. Faults of kind Stopped: "driven-elsewhere", "target-taken", "quarantined".
func (l *Ledger) TakePromotion(ctx context.Context, id string) (lease Lease, err error) {
	err = l.Store.Change(ctx, func(tx Tx) error {
		if why, err := held(ctx, tx); err != nil {
			return err
		} else if why != "" {
			return fault.New(fault.Stopped, "quarantined", "promotion %s %s", id, why)
		}
		token, err := tx.TakePromotion(ctx, id, LeaseFor)
		if fault.Is(err, "no-promotion") {
			return errLost(Lease{Effect: id})
		}
		if err != nil {
			return err
		}
		lease = Lease{id, token}
		return tx.Occupy(ctx, id)
	})
	return lease, err
}

// KeepPromotion renews the lease of a promotion. Its fault is "driven-elsewhere".
func (l *Ledger) KeepPromotion(ctx context.Context, lease Lease) error {
	return l.Store.Change(ctx, func(tx Tx) error { return holdPromotion(ctx, tx, lease, 0) })
}

// HandBackPromotion ends the lease of a promotion: another may take it after that time. It keeps its repositories.
func (l *Ledger) HandBackPromotion(ctx context.Context, lease Lease, after time.Duration) error {
	err := l.Store.Change(ctx, func(tx Tx) error { return holdPromotion(ctx, tx, lease, after-LeaseFor) })
	if fault.Is(err, "driven-elsewhere") { // it ended, or has another driver
		return nil
	}
	return err
}

// holdPromotion is the fence of whatever a driver writes.
func holdPromotion(ctx context.Context, tx Tx, lease Lease, plus time.Duration) error {
	err := tx.HoldPromotion(ctx, lease, plus)
	if fault.Is(err, "no-promotion") {
		return errLost(lease)
	}
	return err
}

// NextLoad reads what is to be done next for a promotion. Faults: no-promotion.
func (l *Ledger) NextLoad(ctx context.Context, id string) (load Load, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		load = Load{}
		if load.Promotion, err = tx.PromotionByID(ctx, id); err != nil {
			return err
		}
		load.Steps, err = l.steps(ctx, tx, load.Promotion)
		if err != nil || len(load.Steps) == 0 {
			return err
		}
		load.Deed = load.Steps[0].Deed
		if end := slices.IndexFunc(load.Steps, func(s Step) bool { return s.Deed != load.Deed }); end > 0 {
			load.Steps = load.Steps[:end]
		}
		if load.Deed != BringItem {
			return nil
		}
		return tx.FindSources(ctx, load.Bundle, load.Steps)
	})
	return load, err
}

// steps are the first of those that are to be done now.
func (l *Ledger) steps(ctx context.Context, tx Tx, p Promotion) ([]Step, error) {
	from, err := p.leaves(ctx, tx)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Status == Processing && p.Stage == Arrived:
		return tx.LeftBehind(ctx, p, from, atOnce)
	case p.Status == Processing && p.Stage == Failing:
		return tx.Undone(ctx, p, atOnce)
	case p.Status == Processing:
		return tx.Wanted(ctx, p.Bundle, p.Environment, p.Source, atOnce)
	case p.Status == Deleting && p.Stage == Bringing:
		if from != "" {
			if steps, err := tx.Wanted(ctx, p.Bundle, from, "", atOnce); err != nil || len(steps) > 0 {
				return steps, err
			}
		}
		return tx.LeftOver(ctx, p, atOnce)
	}
	return nil, nil
}

// carrying is a change that only the driver of a promotion may make.
func (l *Ledger) carrying(ctx context.Context, lease Lease, do func(Tx, Promotion) error) error {
	return l.Store.Change(ctx, func(tx Tx) error {
		if err := holdPromotion(ctx, tx, lease, 0); err != nil {
			return err
		}
		p, err := tx.PromotionByID(ctx, lease.Effect)
		if err != nil {
			return err
		}
		return do(tx, p)
	})
}

// NotePlaces keeps what was at the places of items, before anything is written there: their Before. Where that is another content, the promotion
// fails, and nothing was moved. Fault: driven-elsewhere.
func (l *Ledger) NotePlaces(ctx context.Context, lease Lease, steps []Step) error {
	return l.carrying(ctx, lease, func(tx Tx, p Promotion) error {
		var taken []string
		for _, s := range steps {
			if s.Before != "" && s.Before != s.SHA256 && len(taken) < mostConflicts {
				taken = append(taken, s.place())
			}
		}
		if len(taken) > 0 {
			p.Stage = Failing
			p.taken(taken, l.Now())
			return tx.UpdatePromotion(ctx, p)
		}
		return tx.NoteSteps(ctx, p, steps)
	})
}

// NoteDone keeps that steps were done. Fault: driven-elsewhere.
func (l *Ledger) NoteDone(ctx context.Context, lease Lease, steps []Step) error {
	return l.carrying(ctx, lease, func(tx Tx, p Promotion) error { return tx.NoteSteps(ctx, p, steps) })
}

// Fetched keeps the content of an item that has come from outside to where files are kept here. Fault: driven-elsewhere.
func (l *Ledger) Fetched(ctx context.Context, lease Lease, s Step, b Blob) error {
	return l.carrying(ctx, lease, func(tx Tx, p Promotion) error {
		kept, err := l.keep(ctx, tx, b)
		if err != nil {
			return err
		}
		if err := tx.KeepItem(ctx, p.Bundle, s.Number, kept.SHA256, s.Properties); err != nil {
			return err
		}
		return tx.NoteSteps(ctx, p, []Step{s})
	})
}

// Stays keeps that an item stays where it was to be removed, and why. Fault: driven-elsewhere.
func (l *Ledger) Stays(ctx context.Context, lease Lease, s Step, why string) error {
	return l.carrying(ctx, lease, func(tx Tx, p Promotion) error {
		p.Messages = append(p.Messages, Message{s.place() + " stays: " + kept(why), l.Now()})
		if err := tx.UpdatePromotion(ctx, p); err != nil {
			return err
		}
		return tx.NoteSteps(ctx, p, []Step{s})
	})
}

// Abandon fails a promotion, or the deletion of one: what was brought is taken away again. Once all is there, it does not fail any more.
// Faults: driven-elsewhere; not-under-way, where it cannot fail.
func (l *Ledger) Abandon(ctx context.Context, lease Lease, why string) error {
	return l.carrying(ctx, lease, func(tx Tx, p Promotion) error {
		if p.Stage != Bringing {
			return fault.New(fault.Stopped, "not-under-way", "the promotion to %s is %s", p.To, p.Stage)
		}
		p.Stage = Failing
		p.Messages = append(p.Messages, Message{kept(why), l.Now()})
		return tx.UpdatePromotion(ctx, p)
	})
}

// place is where the item is, or is to be.
func (p Promoted) place() string { return p.Repository + "/" + p.Path }

// waits begins the message that says why a promotion has not gone on.
const waits = "waits: "

// withoutWaiting are messages without why it waited.
func withoutWaiting(all []Message) []Message {
	return slices.DeleteFunc(slices.Clone(all), func(m Message) bool { return strings.HasPrefix(m.Text, waits) })
}

// WaitsFor says why a promotion does not go on, until something else is said. Fault: driven-elsewhere.
func (l *Ledger) WaitsFor(ctx context.Context, lease Lease, why string) error {
	return l.carrying(ctx, lease, func(tx Tx, p Promotion) error {
		p.Messages = append(withoutWaiting(p.Messages), Message{waits + kept(why), l.Now()})
		return tx.UpdatePromotion(ctx, p)
	})
}
