package ledger

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// local is a caller who can open the store itself.
func local(subject string) Caller {
	return Caller{Token: Token{Subject: subject}, Dialect: "local"}
}

// Restored quarantines a ledger in the transaction that filled it from a backup, whose history ends there: what was done since is
// not known, so nothing may be started until EndQuarantine. What had not begun may have begun since, and is never begun from here: who
// waited is canceled, and of what was about to begin a person says what became of it. Pipelines that ran are watched on. Subject
// is who restored it.
func (l *Ledger) Restored(ctx context.Context, tx Tx, subject string, end Head) error {
	reason := fmt.Sprintf("restored from a backup whose history ends at position %d", end.Position)
	if err := tx.PutQuarantine(ctx, l.Now(), reason); err != nil {
		return err
	}
	if err := l.doubt(ctx, tx, local(subject)); err != nil {
		return err
	}
	data := map[string]string{"position": strconv.FormatInt(end.Position, 10), "hash": end.Hash}
	return l.note(ctx, tx, local(subject), Event{Type: "ledger.restored", Subject: "ledger", Data: data})
}

// doubt cancels what waits to begin, and leaves what is about to begin to a person.
func (l *Ledger) doubt(ctx context.Context, tx Tx, c Caller) error {
	waiting, err := tx.WantedIn(ctx)
	if err != nil {
		return err
	}
	for _, environment := range waiting {
		e, err := tx.EnvironmentByID(ctx, environment)
		if err != nil {
			return err
		}
		open, err := tx.Open(ctx, environment)
		if err != nil {
			return err
		}
		wanted, _, _ := queue(open)
		for _, d := range wanted {
			if err := l.drop(ctx, tx, &d, "restored from a backup: it may have begun since then; deploy again what is still wanted"); err != nil {
				return err
			}
			if err := l.note(ctx, tx, c, deployed("deployment.canceled", e, d)); err != nil {
				return err
			}
		}
	}
	beginning, err := tx.DoubtEffects(ctx)
	for i := 0; err == nil && i < len(beginning); i++ {
		err = l.doubtOwner(ctx, tx, c, beginning[i])
	}
	return err
}

// doubtOwner says that nobody knows whether an effect has begun.
func (l *Ledger) doubtOwner(ctx context.Context, tx Tx, c Caller, e Effect) error {
	const why = "restored from a backup: whether it has begun since then is not known"
	d, err := l.lockOwner(ctx, tx, e)
	if err != nil {
		return err
	}
	if d == nil {
		made, err := tx.CandidateByID(ctx, e.Candidate)
		if err != nil {
			return err
		}
		made.Message = why
		if err := tx.UpdateCandidate(ctx, made); err != nil {
			return err
		}
		return l.note(ctx, tx, c, candidateEvent("unknown", made))
	}
	environment, err := tx.EnvironmentByID(ctx, e.Environment)
	if err != nil {
		return err
	}
	d.Effect = EffectUnknown
	if !d.Reported || !d.Status.Ended() {
		d.say(Unknown, why, l.Now())
	}
	if err := tx.UpdateDeployment(ctx, *d); err != nil {
		return err
	}
	return l.note(ctx, tx, c, deployed("deployment.unknown", environment, *d))
}

// held says why nothing may be started; "" when it may. Who starts something asks it in the transaction that starts.
func held(ctx context.Context, tx Tx) (string, error) {
	since, _, err := tx.Quarantined(ctx)
	if err != nil || since.IsZero() {
		return "", err
	}
	return "waits until somebody ends the quarantine of the restored server: gio-server resume", nil
}

// Quarantined tells since when and why nothing may be started. Since is zero when everything may.
func (l *Ledger) Quarantined(ctx context.Context) (since time.Time, reason string, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		since, reason, err = tx.Quarantined(ctx)
		return err
	})
	return since, reason, err
}

// EndQuarantine lets a restored ledger start things again. It is for those who can open the store itself; subject is who does. Fault: not-quarantined.
func (l *Ledger) EndQuarantine(ctx context.Context, subject string) error {
	return l.change(ctx, local(subject), func(tx Tx) (Event, error) {
		since, reason, err := tx.Quarantined(ctx)
		if err != nil {
			return Event{}, err
		}
		data := map[string]string{"since": since.Format(time.RFC3339), "reason": reason}
		return Event{Type: "ledger.resumed", Subject: "ledger", Data: data}, tx.EndQuarantine(ctx)
	})
}
