package worker

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/run"
)

// home is the journal of an effect, in the ledger's store. Each write proves that the effect is still its driver's.
type home struct {
	ledger *ledger.Ledger
	held   *held
	// says is what events tell the ledger beside themselves.
	says func(run.Event) ledger.Noted

	mu     sync.Mutex
	broken error
}

var _ engine.Journal = (*home)(nil)

// Append keeps events, and in the same transaction the pipeline that they give.
func (h *home) Append(ctx context.Context, events ...run.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken != nil || len(events) == 0 {
		return h.broken
	}
	var entries []ledger.Entry
	var noted ledger.Noted
	for _, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			h.broken = fault.New(fault.Internal, "journal", "the journal of %s cannot be written", h.held.lease.Effect).Because(err)
			return h.broken
		}
		entries = append(entries, ledger.Entry{Seq: e.Seq, Text: string(text)})
		if h.says == nil {
			continue
		}
		if n := h.says(e); n.Pipeline != "" {
			noted = n
		}
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := h.ledger.Note(ctx, h.held.lease, entries, noted); err != nil {
		h.broken = err
		return err
	}
	h.held.confirm(began, false)
	return nil
}

// AppendWith pushes first: the store is in no repository.
func (h *home) AppendWith(ctx context.Context, push journal.Push, events ...run.Event) error {
	return journal.PushFirst(ctx, h, push, events...)
}

// Fresh asks the ledger whether the effect is still ours, and wanted.
func (h *home) Fresh(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken != nil {
		return h.broken
	}
	if err := h.held.renew(ctx); err != nil {
		return err
	}
	if h.held.wantsStop() {
		return fault.New(fault.Cancelled, "run-cancelled", "somebody wants it stopped")
	}
	return nil
}

// Cancelled is closed once this driver has read that somebody wants the effect stopped.
func (h *home) Cancelled() <-chan struct{} { return h.held.cancelled }

// err is why nothing is written any more; nil while the journal is in use.
func (h *home) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.broken
}

// Close ends the writing. The lease is given back by who took it.
func (h *home) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken == nil {
		h.broken = fault.New(fault.Internal, "journal-closed", "the journal of %s is closed", h.held.lease.Effect)
	}
	return nil
}

// events reads what a journal holds.
func events(entries []ledger.Entry) ([]run.Event, error) {
	all := make([]run.Event, 0, len(entries))
	for _, entry := range entries {
		var e run.Event
		if err := json.Unmarshal([]byte(entry.Text), &e); err != nil {
			return nil, fault.New(fault.Invalid, "damaged-journal", "entry %d of a journal cannot be read", entry.Seq).Because(err)
		}
		all = append(all, e)
	}
	return slices.Clip(all), nil
}
