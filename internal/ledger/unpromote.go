package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// What takes bundles off the shelves again: a rollback, the deletion of a promotion, the deletion of a bundle.

// Overwrite says what a rollback does about files that came to the place of those that it brings back. The words are JFrog's.
type Overwrite string

// The ways.
const (
	OverwriteNone   Overwrite = "skip" // they stay
	OverwriteAll    Overwrite = "all"
	OverwriteLatest Overwrite = "latest" // those of a tag latest only
)

// UnpromoteOptions say how a promotion is undone.
type UnpromoteOptions struct {
	Overwrite Overwrite // OverwriteNone, where it is left out; of a rollback
	Force     *Force    // nil: a freeze refuses it
}

// RollBackPromotion takes a bundle out of the environment to which it was promoted last, and removes the record. Where that was a move,
// the bundle is again in the environment before, as it was made: what was set there later is lost. What another promotion has put at the same
// place stays. It needs no approval and no previous environment, and returns what it undid. Faults: no-project, no-bundle, not-promoted,
// elsewhere (the environment is not the last one), promotion-under-way, frozen, gate-closed, invalid-overwrite.
func (l *Ledger) RollBackPromotion(ctx context.Context, c Caller, project, name, version, environment string, o UnpromoteOptions) (p Promotion, err error) {
	if !slices.Contains([]Overwrite{"", OverwriteNone, OverwriteAll, OverwriteLatest}, o.Overwrite) {
		return p, fault.New(fault.Invalid, "invalid-overwrite", "nothing is overwritten by %.40q: skip, all or latest", o.Overwrite)
	}
	err = l.onBundle(ctx, c, ToPromote, project, name, version, func(tx Tx, b Bundle) (Event, error) {
		p, err = tx.LastPromotion(ctx, b.ID)
		switch {
		case fault.Is(err, "no-promotion"):
			return Event{}, fault.New(fault.NotFound, "not-promoted", "%s %s is in no environment", name, version)
		case err != nil:
			return Event{}, err
		case p.To != environment:
			return Event{}, fault.New(fault.Invalid, "elsewhere", "%s %s was promoted to %s last, not to %.100s", name, version, p.To, environment)
		}
		back, err := p.leaves(ctx, tx)
		if err != nil {
			return Event{}, err
		}
		if err := l.mayTakeOut(ctx, tx, c, b, o.Force, p.Environment, back); err != nil {
			return Event{}, err
		}
		if err := tx.TakeOut(ctx, p.ID); err != nil {
			return Event{}, err
		}
		if back != "" {
			if err := tx.Restore(ctx, p, back, o.Overwrite, l.Now()); err != nil {
				return Event{}, err
			}
		}
		return promotionEvent("rollback", b, p), l.remove(ctx, tx, &p, back)
	})
	return p, err
}

// mayTakeOut locks environments, and refuses what is frozen there, or waits for the end of another promotion. "" is no environment.
func (l *Ledger) mayTakeOut(ctx context.Context, tx Tx, c Caller, b Bundle, force *Force, environments ...string) error {
	all, err := tx.UnderWay(ctx, b.ID)
	if err != nil {
		return err
	}
	if len(all) > 0 {
		return underWay(b, all[0].To)
	}
	slices.Sort(environments)
	for _, id := range slices.Compact(environments) {
		if id == "" {
			continue
		}
		e, err := tx.LockEnvironmentByID(ctx, id)
		if err != nil {
			return err
		}
		s, err := l.standingOf(ctx, tx, e)
		if err != nil {
			return err
		}
		if _, err := c.passes(s, force); err != nil {
			return err
		}
		if s.held != "" {
			return gateClosed(e, s.held)
		}
	}
	return nil
}

// remove removes the record of a promotion, of which nothing is here any more. Where something is to be done outside, it waits for who
// does it. Back is the environment to which a rollback brings things back, "" for none.
func (l *Ledger) remove(ctx context.Context, tx Tx, p *Promotion, back string) error {
	before := p.Status
	p.Status = Deleting
	left, err := tx.LeftOutside(ctx, *p, back)
	if err != nil {
		return err
	}
	if left > 0 {
		return tx.UpdatePromotion(ctx, *p)
	}
	p.Status, p.RemovedAt = before, l.Now()
	return tx.RemovePromotion(ctx, *p)
}

// DeletePromotion removes a record of a bundle and what it has put into its environment; unlike a rollback it brings nothing back.
// What another promotion has put at the same place stays. Faults: no-project, no-bundle, no-promotion, promotion-under-way, frozen, gate-closed.
func (l *Ledger) DeletePromotion(ctx context.Context, c Caller, project, name, version string, millis int64, o UnpromoteOptions) (p Promotion, err error) {
	err = l.onBundle(ctx, c, ToPromote, project, name, version, func(tx Tx, b Bundle) (Event, error) {
		if p, err = tx.Promotion(ctx, b.ID, millis); err != nil {
			return Event{}, err
		}
		if err := l.mayTakeOut(ctx, tx, c, b, o.Force, p.Environment); err != nil {
			return Event{}, err
		}
		if err := tx.TakeOut(ctx, p.ID); err != nil {
			return Event{}, err
		}
		return promotionEvent("promotion-deleted", b, p), l.remove(ctx, tx, &p, "")
	})
	return p, err
}

// DeleteBundle removes a bundle with its promotions and what they have put into environments, unless others name it. The files that it was
// made of stay. Faults: no-project, no-bundle, promotion-under-way, frozen, gate-closed, kept-elsewhere.
func (l *Ledger) DeleteBundle(ctx context.Context, c Caller, project, name, version string, o UnpromoteOptions) (b Bundle, err error) {
	err = l.onBundle(ctx, c, ToMakeBundles, project, name, version, func(tx Tx, locked Bundle) (Event, error) {
		b = locked
		all, err := tx.PromotionsToEnd(ctx, b.ID)
		if err != nil {
			return Event{}, err
		}
		var where, names []string
		for _, p := range all {
			where, names = append(where, p.Environment), append(names, p.To)
		}
		if err := l.mayTakeOut(ctx, tx, c, b, o.Force, where...); err != nil {
			return Event{}, err
		}
		for _, p := range all {
			if err := tx.TakeOut(ctx, p.ID); err != nil {
				return Event{}, err
			}
			p.Status = Deleting
			left, err := tx.LeftOutside(ctx, p, "")
			if err != nil {
				return Event{}, err
			}
			if left > 0 {
				return Event{}, fault.New(fault.Stopped, "kept-elsewhere", "%s %s is in repositories outside, by its promotion to %s", name, version, p.To).
					Hint("delete its promotions first: jf rbdell %s %s %s", name, version, p.To)
			}
		}
		slices.Sort(names)
		data := map[string]string{}
		if len(names) > 0 {
			data["environments"] = strings.Join(slices.Compact(names), ", ")
		}
		if b.Promotions > 0 {
			data["promotions"] = fmt.Sprint(b.Promotions)
		}
		return bundleEvent("deleted", b, data), tx.DeleteBundle(ctx, b)
	})
	return b, err
}
