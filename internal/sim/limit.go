package sim

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// Limit is a rate limit over all requests together, a bucket that refills evenly. A request that finds it empty gets
// 429 with Retry-After in whole seconds.
type Limit struct {
	PerSecond int  `yaml:"per_second"`
	Burst     int  `yaml:"burst"`   // how many at once after a pause; default per_second
	Headers   bool `yaml:"headers"` // every answer has the limit in both families of headers (contracts/circleci.md 3)
	Plain     bool `yaml:"plain"`   // the 429 is plain text, not JSON
}

func (l Limit) validate() error {
	var c complaints
	c.refuse(l.PerSecond < 1, "per_second is at least 1, it is %d", l.PerSecond)
	c.add(atLeastZero("burst", l.Burst))
	return c.join()
}

func (l Limit) burst() float64 {
	if l.Burst == 0 {
		return float64(l.PerSecond)
	}
	return float64(l.Burst)
}

// bucket is what remains of the limit at an instant; the zero value was never used and is full.
type bucket struct {
	remaining float64
	at        time.Time
}

// takeRequest takes a request from the bucket, and reports whether one remained.
func (s *Sim) takeRequest(now time.Time) bool {
	l, b := s.scenario.Limit, &s.bucket
	switch {
	case l == nil:
		return true
	case b.at.IsZero():
		b.remaining = l.burst()
	default:
		b.remaining = min(l.burst(), b.remaining+now.Sub(b.at).Seconds()*float64(l.PerSecond))
	}
	b.at = now
	// Slightly less than one counts as one: fractions of seconds are not exact.
	if b.remaining < 1-1e-9 {
		return false
	}
	b.remaining = max(0, b.remaining-1)
	return true
}

func (s *Sim) throttled() answer {
	a := fail(http.StatusTooManyRequests, "Rate limit exceeded")
	if s.scenario.Limit.Plain {
		a = raw(http.StatusTooManyRequests, "Rate limited.")
	}
	wait := (1 - s.bucket.remaining) / float64(s.scenario.Limit.PerSecond)
	return a.with("Retry-After", strconv.Itoa(int(math.Ceil(wait))))
}

// limitHeaders returns the limit per second with a reset that is always 1, as observed on the real service.
func (s *Sim) limitHeaders() map[string]string {
	l := s.scenario.Limit
	if l == nil || !l.Headers {
		return nil
	}
	limit, remaining := strconv.Itoa(l.PerSecond), strconv.Itoa(int(s.bucket.remaining))
	return map[string]string{
		"RateLimit-Limit": limit, "RateLimit-Remaining": remaining, "RateLimit-Reset": "1",
		"X-RateLimit-Limit-Second": limit, "X-RateLimit-Remaining-Second": remaining, "X-RateLimit-Reset-Second": "1",
	}
}
