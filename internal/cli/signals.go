package cli

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
)

// errInterrupted is the fault of an interrupted command that drives no run.
var errInterrupted = fault.New(fault.Cancelled, "interrupted", "interrupted")

// signals passes each signal to the present handler.
type signals struct {
	mu     sync.Mutex
	handle func(os.Signal)
}

// listen passes signals on until over is closed.
func (s *signals) listen(from <-chan os.Signal, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case sig := <-from:
			s.mu.Lock()
			handle := s.handle
			s.mu.Unlock()
			if handle != nil { // the command has ended, and gio is about to
				handle(sig)
			}
		}
	}
}

// handleWith makes handle the handler of signals, until the returned function restores the one before.
func (s *signals) handleWith(handle func(os.Signal)) (restore func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.handle
	s.handle = handle
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.handle = before
	}
}

// interruptible returns a context that ends, with cause, at the first signal.
func (env *environment) interruptible(ctx context.Context, cause error) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	restore := env.signals.handleWith(func(os.Signal) { cancel(cause) })
	return ctx, func() { restore(); cancel(nil) }
}

// stopping turns signals into the two ways to stop a run: the first interrupt closes stop; the second one, and SIGTERM, also
// cancel the context. Done restores the handler before.
func (env *environment) stopping(ctx context.Context) (_ context.Context, stop <-chan struct{}, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	once := sync.OnceFunc(func() { close(stopped) })
	interrupts := 0
	restore := env.signals.handleWith(func(s os.Signal) {
		once()
		if interrupts++; s == os.Interrupt && interrupts == 1 {
			fmt.Fprintln(env.Stderr, "stopping: gio starts nothing new and watches what runs to its end; Ctrl-C again leaves at once")
			return
		}
		if ctx.Err() == nil {
			fmt.Fprintln(env.Stderr, "leaving: pipelines run on; the same command continues")
		}
		cancel(operate.ErrDetached)
	})
	return ctx, stopped, func() { restore(); cancel(nil) }
}
