package transport

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// throttledFor is how long all requests rest after a 429 that does not say for how long.
	throttledFor = minWait
	// maxRest bounds a rest, whatever a server says: what it announces is not always meant, and the
	// requests that follow are few (contracts/circleci.md 3).
	maxRest = time.Minute
)

// budget makes requests wait until the limiter lets them go and, after the server has asked for it,
// until the rest is over. All requests share both.
type budget struct {
	next    http.RoundTripper
	limiter *rate.Limiter
	maxWait time.Duration // Options.MaxWait

	mu    sync.Mutex
	until time.Time // of the rest
}

func (b *budget) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := b.wait(req.Context()); err != nil {
		closeBody(req)
		if cause := context.Cause(req.Context()); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("%w: waiting for the request budget: %w", ErrNotSent, err)
	}
	res, err := b.next.RoundTrip(req)
	if err == nil {
		b.rest(restAfter(res, b.maxWait))
	}
	return res, err
}

func (b *budget) wait(ctx context.Context) error {
	for {
		b.mu.Lock()
		rest := time.Until(b.until)
		b.mu.Unlock()
		if rest <= 0 {
			return b.limiter.Wait(ctx)
		}
		if err := sleep(ctx, rest); err != nil {
			return err
		}
	}
}

func (b *budget) rest(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until := time.Now().Add(d); d > 0 && until.After(b.until) {
		b.until = until
	}
}

// restAfter is how long an answer asks all requests to rest: after a rate limit, and when a window of requests
// is used up. Where maxWait is set, nobody rests for longer: the next answers say why.
func restAfter(res *http.Response, maxWait time.Duration) time.Duration {
	rest := usedUp(res.Header)
	if limited(res) {
		rest = max(rest, asked(res), throttledFor)
	}
	if maxWait > 0 && rest > maxWait {
		return 0
	}
	return min(rest, maxRest)
}

// usedUp is the time until the window of requests that is used up begins anew, 0 when none is: of
// RateLimit-Remaining and X-RateLimit-Remaining, with or without -Second, -Minute, -Hour or -Day, the
// lowest counts.
func usedUp(h http.Header) time.Duration {
	var rest time.Duration
	for name := range h {
		prefix, window, found := strings.Cut(name, "-Remaining")
		if !found || !strings.HasSuffix(strings.ToLower(prefix), "ratelimit") {
			continue
		}
		remaining, err := strconv.ParseInt(strings.TrimSpace(h.Get(name)), 10, 64)
		if err != nil || remaining > 0 {
			continue
		}
		rest = max(rest, untilReset(h, prefix+"-Reset"+window))
	}
	return rest
}
