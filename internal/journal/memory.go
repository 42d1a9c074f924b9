package journal

import (
	"context"
	"slices"
	"sync"

	"github.com/gravitee-lab/gio/internal/run"
)

// Memory is a journal that lives as long as the process: the home of a client dry run, which writes
// nothing. The zero value is an empty journal.
type Memory struct {
	mu     sync.Mutex
	events []run.Event
}

// Append keeps the events.
func (m *Memory) Append(_ context.Context, events ...run.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, events...)
	return nil
}

// Events is what was appended.
func (m *Memory) Events() []run.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events)
}
