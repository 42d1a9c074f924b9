package cli

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/gravitee-lab/gio/internal/fault"
)

// errInterrupted is why a command ends that has nothing to bring to its end.
var errInterrupted = fault.New(fault.Cancelled, "interrupted", "interrupted")

// errDetached is the cause of a context that ends because the operator leaves a run.
var errDetached = fault.New(fault.Stopped, "signal", "asked to leave")

// signals gives each signal to whoever handles them at the moment.
type signals struct {
	mu     sync.Mutex
	handle func(os.Signal)
}

// listen hands signals on until over is closed.
func (s *signals) listen(from <-chan os.Signal, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case sig := <-from:
			s.mu.Lock()
			handle := s.handle
			s.mu.Unlock()
			handle(sig)
		}
	}
}

// take makes handle what signals do, until the function that is returned gives them back.
func (s *signals) take(handle func(os.Signal)) (giveBack func()) {
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

// interruptible is a context that ends, with cause, at the first signal.
func (env *environment) interruptible(ctx context.Context, cause error) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	giveBack := env.signals.take(func(os.Signal) { cancel(cause) })
	return ctx, func() { giveBack(); cancel(nil) }
}

// stopping turns signals into the two ways to stop a run. The first interrupt closes stop; the second one, and SIGTERM,
// cancel the context. Done gives the signals back.
func (env *environment) stopping(ctx context.Context) (_ context.Context, stop <-chan struct{}, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	once := sync.OnceFunc(func() { close(stopped) })
	interrupts := 0
	giveBack := env.signals.take(func(s os.Signal) {
		once()
		if interrupts++; s == os.Interrupt && interrupts == 1 {
			fmt.Fprintln(env.Stderr, "stopping: nothing new is started, what runs is watched to its end; Ctrl-C again leaves at once")
			return
		}
		if ctx.Err() == nil {
			fmt.Fprintln(env.Stderr, "leaving: pipelines run on; the same command continues")
		}
		cancel(errDetached)
	})
	return ctx, stopped, func() { giveBack(); cancel(nil) }
}
