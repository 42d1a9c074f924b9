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
	// throttledFor is how long all requests wait after a 429 that does not say for how long.
	throttledFor = minWait
	// maxRest bounds the wait, whatever a server says: it does not always mean what it announces, and the requests that
	// follow are few (contracts/circleci.md 3).
	maxRest = time.Minute
)

// budget makes requests wait for the limiter and, when the server has demanded one, for the end of a rest. All requests
// share both.
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
		if err := Sleep(ctx, rest); err != nil {
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

// restAfter returns how long all requests must rest after an answer: after a rate limit, and when a window of requests is
// used up. It is 0 for a longer rest than maxWait, if set: then the next answers say why.
func restAfter(res *http.Response, maxWait time.Duration) time.Duration {
	rest := usedUp(res.Header)
	if limited(res) {
		rest = max(rest, requestedWait(res), throttledFor)
	}
	if maxWait > 0 && rest > maxWait {
		return 0
	}
	return min(rest, maxRest)
}

// usedUp returns the time until the next window where a window of requests is used up, else 0. It considers
// RateLimit-Remaining and X-RateLimit-Remaining, with or without -Second, -Minute, -Hour or -Day; the longest wait counts.
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
