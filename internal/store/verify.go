package store

import (
	"context"
	"fmt"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	sealsAfter = `SELECT first_position, last_position, hash FROM seals WHERE first_position > $1 ORDER BY first_position LIMIT 100`
	chainEnd   = `SELECT position, hash FROM chain WHERE id = 1`
	sealAt     = `SELECT hash FROM seals WHERE last_position = $1`
	anyAfter   = `SELECT digest FROM events WHERE position > $1 ORDER BY position LIMIT 1`
)

// Verify computes the chain of events anew. Its fault "broken-chain" (kind Invalid) names the first position that does not fit:
// where a row was changed, taken away or added after it was sealed. What it cannot find is a history that was cut or written anew
// as a whole: compare the newest hash with one that was kept elsewhere.
func (s *Store) Verify(ctx context.Context) error {
	_, err := s.VerifyFrom(ctx, ledger.Head{})
	return err
}

// VerifyFrom also holds the history against an end that was kept elsewhere, and returns its end now. The zero Head compares nothing.
func (s *Store) VerifyFrom(ctx context.Context, kept ledger.Head) (head ledger.Head, err error) {
	err = s.within(ctx, s.read, s.reading, func(t tx) error {
		end, err := t.verify(ctx)
		if err != nil {
			return err
		}
		head = ledger.Head{Position: end.position, Hash: end.hash}
		return t.compare(ctx, end, kept)
	})
	return head, said(ctx, err)
}

// verify returns the end of the chain.
func (t tx) verify(ctx context.Context) (end link, err error) {
	if end, err = t.verifySeals(ctx); err != nil {
		return end, err
	}
	written, err := one(ctx, t, broken(end.position+1, "the end of the chain is missing"), scanLink, chainEnd)
	if err != nil {
		return end, err
	}
	added, err := all(ctx, t, scanText, anyAfter, end.position)
	switch {
	case err != nil:
		return end, err
	case len(added) > 0:
		return end, broken(end.position+1, "an event was added that was never sealed")
	case written != end:
		return end, broken(min(end.position, written.position)+1, "the last seals are missing")
	}
	return end, nil
}

// compare finds the end that was kept in the history as it is.
func (t tx) compare(ctx context.Context, end link, kept ledger.Head) error {
	switch {
	case kept == ledger.Head{}:
		return nil
	case kept.Position > end.position:
		return broken(end.position+1, "it ends there, and went on to %d", kept.Position)
	}
	other := broken(kept.Position, "no seal ends there with the hash that was kept: it was written anew up to there, or the hash is of another history")
	hash, err := one(ctx, t, other, scanText, sealAt, kept.Position)
	if err == nil && hash != kept.Hash {
		return other
	}
	return err
}

// Head is the end of the history: its newest position, and the hash over all up to there.
func (s *Store) Head(ctx context.Context) (ledger.Head, error) {
	var head ledger.Head
	err := s.within(ctx, s.read, s.reading, func(t tx) error {
		end, err := one(ctx, t, broken(1, "the end of the chain is missing"), scanLink, chainEnd)
		head = ledger.Head{Position: end.position, Hash: end.hash}
		return err
	})
	return head, said(ctx, err)
}

func broken(position int64, why string, args ...any) *fault.Fault {
	return fault.New(fault.Invalid, "broken-chain", "the history was changed at position %d: %s", position, fmt.Sprintf(why, args...)).
		Hint("compare with a backup: what stands before this position is as it was written")
}

// seal is one row of seals.
type seal struct {
	first, last int64
	hash        string
}

func scanSeal(r row) (s seal, err error) { return s, r.Scan(&s.first, &s.last, &s.hash) }

// verifySeals follows the seals and returns the end that they come to.
func (t tx) verifySeals(ctx context.Context) (end link, err error) {
	for {
		seals, err := all(ctx, t, scanSeal, sealsAfter, end.position)
		if err != nil || len(seals) == 0 {
			return end, err
		}
		for _, s := range seals {
			if end, err = t.verifySeal(ctx, end, s); err != nil {
				return end, err
			}
		}
	}
}

func (t tx) verifySeal(ctx context.Context, before link, s seal) (link, error) {
	if s.first != before.position+1 {
		return before, broken(before.position+1, "its seal is missing")
	}
	records, err := all(ctx, t, scanRecord, eventsAfter, before.position, min(s.last-before.position, batch))
	if err != nil {
		return before, err
	}
	digests := make([]string, 0, len(records))
	for i, r := range records {
		switch position := s.first + int64(i); {
		case r.Position != position:
			return before, broken(position, "the event is missing")
		case r.digest != r.sum():
			return before, broken(position, "the event does not say what it said")
		}
		digests = append(digests, r.digest)
	}
	after := before.after(digests)
	switch {
	case after.position != s.last:
		return before, broken(after.position+1, "the event is missing")
	case after.hash != s.hash:
		return before, broken(s.first, "it or one of those sealed with it is not what was sealed")
	}
	return after, nil
}
