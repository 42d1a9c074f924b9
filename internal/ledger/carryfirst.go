package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/gravitee-lab/gio/internal/fault"
)

// An environment with repositories runs a candidate that has a bundle only once that was promoted to there. The ledger promotes it when
// nothing else keeps the deployment from beginning: in the transaction that asks for it or, where the gate opens later, right after the one
// that opens it. Who promotes locks the bundle before the environment, and that others have locked by then. Candidates without a bundle are
// deployed as ever: a project whose bundles have no candidates, as those of JFrog's clients, promotes for itself. So does who rolls back:
// what ran there before begins at once.

func waitsForSeal(b Bundle) string {
	why := fmt.Sprintf("waits until the bundle %s %s is sealed", b.Name, b.Version)
	if b.Missing != "" {
		why += ": " + b.Missing
	}
	return why
}

// shelved reads whether the bundle of a deployment's candidate is in the repositories of its environment, and why it is not.
func (l *Ledger) shelved(ctx context.Context, tx Tx, e Environment, d Deployment, f *Facts) error {
	b := *f.Box
	if b.Status != Sealed {
		f.Unpromoted = waitsForSeal(b)
		return nil
	}
	if there, err := tx.StandsIn(ctx, b.ID, e.ID); err != nil || there {
		return err
	}
	newest, err := newestTo(ctx, tx, b, e)
	switch {
	case err != nil:
		return err
	case newest.Status.UnderWay():
		f.Unpromoted = fmt.Sprintf("waits for the promotion of %s %s to %s", b.Name, b.Version, e.Name)
		return nil
	case newest.Status == Failed && newest.Millis >= d.StartedAt.UnixMilli():
		f.Unpromoted, f.unshelved = notPromoted(b, newest), true
		return nil
	}
	_, err = l.targets(ctx, tx, e, b, PromoteOptions{}, &Promotion{})
	switch {
	case fault.KindOf(err) == fault.Invalid: // whoever declares the project can mend it
		f.Unpromoted = err.Error()
		return nil
	case err != nil:
		return err
	}
	f.Unpromoted, f.promotable = fmt.Sprintf("waits until %s %s is promoted to %s", b.Name, b.Version, e.Name), true
	return nil
}

// notPromoted is why a deployment has failed whose bundle could not be promoted.
func notPromoted(b Bundle, p Promotion) string {
	why := fmt.Sprintf("%s %s cannot be promoted to %s", b.Name, b.Version, p.To)
	if len(p.Messages) > 0 {
		why += ": " + p.Messages[len(p.Messages)-1].Text
	}
	return why
}

// promoteFirst promotes the bundle of a deployment if that is all that it waits for, and begins what may begin by that. The bundle was
// locked before the environment.
func (l *Ledger) promoteFirst(ctx context.Context, tx Tx, c Caller, e Environment, b Bundle, d Deployment) (Deployment, error) {
	open, err := tx.Open(ctx, e.ID)
	if err != nil {
		return d, err
	}
	s, err := l.standingOf(ctx, tx, e)
	if err != nil {
		return d, err
	}
	_, busy, free := queue(open)
	why, f, err := l.reason(ctx, tx, s, d, busy, free)
	switch {
	case err != nil || !d.waits() || why != f.Unpromoted || f.Box == nil || f.Box.ID != b.ID:
		return d, err
	case f.unshelved:
		return l.fail(ctx, tx, e, d, why)
	case !f.promotable:
		return d, nil
	}
	p := l.newPromotion(c, e, b, PromoteOptions{})
	if _, err := l.origin(ctx, tx, b, &p); err != nil {
		return d, err
	}
	if p, err = l.carry(ctx, tx, c, e, "", b, p, PromoteOptions{}); err != nil {
		return d, err
	}
	if p.Status == Failed {
		return l.fail(ctx, tx, e, d, notPromoted(b, p))
	}
	changed, err := l.begin(ctx, tx, e)
	return latest(d, changed), err
}

// PromoteWaiting promotes the bundles for which deployments wait, and for nothing else. Where there are none it locks nothing and writes
// nothing.
func (l *Ledger) PromoteWaiting(ctx context.Context) error {
	var waiting []string
	err := l.Store.Read(ctx, func(tx Tx) (err error) {
		waiting, err = tx.Unpromoted(ctx)
		return err
	})
	for _, id := range waiting {
		err = errors.Join(err, l.promoteWaiting(ctx, id)) // one that fails keeps no other one waiting
	}
	return err
}

func (l *Ledger) promoteWaiting(ctx context.Context, id string) error {
	var box Bundle
	ready := false
	err := l.Store.Read(ctx, func(tx Tx) error {
		d, err := tx.Deployment(ctx, id)
		if err != nil {
			return err
		}
		e, err := tx.EnvironmentByID(ctx, d.Environment)
		if err != nil {
			return err
		}
		s, err := l.standingOf(ctx, tx, e)
		if err != nil {
			return err
		}
		f, err := l.facts(ctx, tx, s, d)
		ready = err == nil && f.Unpromoted != "" && (f.promotable || f.unshelved) && Closed(d, f) == f.Unpromoted
		if ready {
			box = *f.Box
		}
		return err
	})
	if err != nil || !ready {
		return err
	}
	return l.change(ctx, driver, func(tx Tx) (Event, error) {
		b, err := tx.LockBundleByID(ctx, box.ID)
		if fault.Is(err, "no-bundle") {
			return Event{}, nil
		}
		if err != nil {
			return Event{}, err
		}
		d, err := tx.Deployment(ctx, id)
		if err != nil {
			return Event{}, err
		}
		e, err := tx.LockEnvironmentByID(ctx, d.Environment)
		if err != nil {
			return Event{}, err
		}
		if d, err = tx.Deployment(ctx, id); err != nil { // as it is now
			return Event{}, err
		}
		asked := driver
		asked.Token.Subject = d.Actor
		_, err = l.promoteFirst(ctx, tx, asked, e, b, d)
		return Event{}, err
	})
}
