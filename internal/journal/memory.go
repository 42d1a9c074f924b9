package journal

import (
	"context"
	"slices"
	"sync"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// Memory is a journal that lives as long as the process: the home of a client dry run, which writes
// nothing. The zero value is an empty journal.
type Memory struct {
	mu     sync.Mutex
	events []run.Event
	closed bool
}

// Append keeps the events.
func (m *Memory) Append(_ context.Context, events ...run.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return err
	}
	m.events = append(m.events, events...)
	return nil
}

// AppendWith pushes first: what lives in memory is in no repository.
func (m *Memory) AppendWith(ctx context.Context, push Push, events ...run.Event) error {
	return PushFirst(ctx, m, push, events...)
}

// Fresh is nil until the journal is closed: nobody else can drive what lives in this process.
func (m *Memory) Fresh(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.usable()
}

// usable is why nothing is appended any more. With mu.
func (m *Memory) usable() error {
	if m.closed {
		return fault.New(fault.Internal, "journal-closed", "the journal in memory is closed")
	}
	return nil
}

// Cancelled is nil: nobody else sees the journal.
func (m *Memory) Cancelled() <-chan struct{} { return nil }

// Close ends the journal; Events still gives what it holds.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Events is what was appended.
func (m *Memory) Events() []run.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events)
}
