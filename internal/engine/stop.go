package engine

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// stopped is the fault of a driver that leaves at once: pipelines run on, and the same command
// continues.
func stopped(ctx context.Context) error {
	return fault.New(fault.Stopped, "detached", "gio left while pipelines may still run").
		Because(context.Cause(ctx)).Hint("%s to continue", fault.Again())
}

// sleepUnlessStopped waits and tells whether to go on.
func (s *session) sleepUnlessStopped(ctx context.Context, d time.Duration) bool {
	var failed <-chan struct{}
	if s.failFast {
		failed = s.alarm.raised
	}
	select {
	case <-ctx.Done():
		return false
	case <-s.stop:
		return false
	case <-s.cancelled:
		return false
	case <-s.halted:
		return false
	case <-failed:
		return false
	case <-s.clock.After(d):
		return !s.mayNotStart()
	}
}
