package engine

import (
	"context"
	"time"
)

// Clock is the time that an engine goes by. The zero value is real time; a faster one is for a run whose pipelines are
// simulated at the same speed.
type Clock struct {
	began time.Time
	speed float64
}

// FastClock starts now and goes so many times faster than real time.
func FastClock(speed float64) Clock { return Clock{began: time.Now(), speed: speed} }

// Now is the time; from a fast clock it is some time in the future.
func (c Clock) Now() time.Time {
	if c.speed == 0 {
		return time.Now()
	}
	return c.began.Add(time.Duration(float64(time.Since(c.began)) * c.speed))
}

// Since is how long ago t was.
func (c Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// After sends when d is over.
func (c Clock) After(d time.Duration) <-chan time.Time {
	if c.speed != 0 {
		d = time.Duration(float64(d) / c.speed)
	}
	return time.After(d)
}

// Sleep waits, or returns the fault of a driver that leaves.
func (c Clock) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return stopped(ctx)
	case <-c.After(d):
		return nil
	}
}
