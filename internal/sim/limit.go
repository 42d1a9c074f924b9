package sim

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// Limit is a rate limit over all requests together, a bucket that refills evenly. Whoever finds it empty gets 429
// with Retry-After in whole seconds.
type Limit struct {
	PerSecond int  `yaml:"per_second"`
	Burst     int  `yaml:"burst"`   // how many at once after a pause; default per_second
	Headers   bool `yaml:"headers"` // every answer tells the limit in both families of headers (contracts/circleci.md 3)
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

// bucket is what is left of the limit at an instant; the zero one was never used and is full.
type bucket struct {
	left float64
	at   time.Time
}

// admits takes one request from the limit, if one is left.
func (s *Sim) admits(now time.Time) bool {
	l, b := s.scenario.Limit, &s.bucket
	switch {
	case l == nil:
		return true
	case b.at.IsZero():
		b.left = l.burst()
	default:
		b.left = min(l.burst(), b.left+now.Sub(b.at).Seconds()*float64(l.PerSecond))
	}
	b.at = now
	// A hair less than one is one: seconds as a fraction are not exact.
	if b.left < 1-1e-9 {
		return false
	}
	b.left = max(0, b.left-1)
	return true
}

func (s *Sim) throttled() answer {
	a := fail(http.StatusTooManyRequests, "Rate limit exceeded")
	if s.scenario.Limit.Plain {
		a = raw(http.StatusTooManyRequests, "Rate limited.")
	}
	wait := (1 - s.bucket.left) / float64(s.scenario.Limit.PerSecond)
	return a.with("Retry-After", strconv.Itoa(int(math.Ceil(wait))))
}

// limitHeaders say the limit of a second and, as it was seen in the wild, always 1 until its reset.
func (s *Sim) limitHeaders() map[string]string {
	l := s.scenario.Limit
	if l == nil || !l.Headers {
		return nil
	}
	limit, left := strconv.Itoa(l.PerSecond), strconv.Itoa(int(s.bucket.left))
	return map[string]string{
		"RateLimit-Limit": limit, "RateLimit-Remaining": left, "RateLimit-Reset": "1",
		"X-RateLimit-Limit-Second": limit, "X-RateLimit-Remaining-Second": left, "X-RateLimit-Reset-Second": "1",
	}
}
