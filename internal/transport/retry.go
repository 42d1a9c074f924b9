package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/gravitee-lab/gio/internal/fault"
)

const (
	minWait       = 250 * time.Millisecond
	maxWait       = 15 * time.Second
	maxRetryAfter = time.Minute
	patience      = 2 * time.Minute
	shortPatience = 30 * time.Second // one attempt that hangs
	troubleAfter  = 4 * time.Second
)

// retry sends a read again after a network error, 408, a rate limit and 5xx. When two minutes have passed, or the
// caller's deadline comes before the next attempt, the last answer or error is the result. The last
// wait may be a longer one that the server asked for. Anything but a read is sent once.
type retry struct {
	next      http.RoundTripper
	log       zerolog.Logger
	tell      func(string)
	maxWait   time.Duration // Options.MaxWait
	impatient bool          // Options.Impatient

	mu    sync.Mutex
	told  time.Time
	known map[string]bool // the hosts that have answered
}

func (r *retry) RoundTrip(req *http.Request) (*http.Response, error) {
	if !isRead(req) {
		return r.next.RoundTrip(req)
	}
	start := time.Now()
	defer r.silence(req, start).Stop()
	for attempt := 1; ; attempt++ {
		res, err := r.next.RoundTrip(req)
		r.hear(req.URL.Host, res)
		if !worthRepeating(req.Context(), res, err) || beyond(r.maxWait, res) {
			return res, err
		}
		left := r.left(req, start)
		wait := waitBefore(attempt, res, left)
		if left <= 0 || endsWithin(req.Context(), wait) {
			return res, exhausted(err, attempt, time.Since(start))
		}
		r.log.Debug().Str("method", req.Method).Str("url", RedactURL(req.URL)).
			Int("attempt", attempt).Dur("wait_ms", wait).Msg("will be tried again")
		switch {
		case err == nil && limited(res) && wait > troubleAfter:
			r.trouble(fmt.Sprintf("%s limits how often it may be asked: going on in %s", req.URL.Host, wait.Round(time.Second)))
		case time.Since(start)+wait > troubleAfter:
			r.trouble(fmt.Sprintf("%s does not answer well, still trying for about %s (%s)", req.URL.Host, left.Round(time.Second), lastWords(res, err)))
		}
		if err := sleep(req.Context(), wait); err != nil {
			return nil, err
		}
	}
}

// left is for how long a read that began at start is still tried.
func (r *retry) left(req *http.Request, start time.Time) time.Duration {
	limit := patience
	if r.impatient && !r.knows(req.URL.Host) {
		limit = shortPatience
	}
	left := limit - time.Since(start)
	if deadline, ok := req.Context().Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	return left
}

// hear remembers a host that has answered. An error of a server says no more than that a proxy is there.
func (r *retry) hear(host string, res *http.Response) {
	if res == nil || res.StatusCode >= 500 || res.StatusCode == http.StatusRequestTimeout {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]bool{}
	}
	r.known[host] = true
}

func (r *retry) knows(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known[host]
}

// silence tells of a host that has never answered, while an attempt may still wait for it.
func (r *retry) silence(req *http.Request, start time.Time) *time.Timer {
	return time.AfterFunc(troubleAfter, func() {
		if host := req.URL.Host; !r.knows(host) {
			r.trouble(fmt.Sprintf("%s has not answered yet, still trying for about %s", host, r.left(req, start).Round(time.Second)))
		}
	})
}

// trouble tells why a read takes long, so that nobody looks at a silent screen.
func (r *retry) trouble(sentence string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tell == nil || !r.told.IsZero() && time.Since(r.told) < time.Minute {
		return
	}
	r.told = time.Now()
	r.tell(sentence)
}

func lastWords(res *http.Response, err error) string {
	if err != nil {
		return "the last error: " + RedactText(err.Error())
	}
	return fmt.Sprintf("the last answer: %d", res.StatusCode)
}

// worthRepeating tells whether another attempt may do better. Of a response to be repeated the body needs
// no draining: the layer `whole` has read it.
func worthRepeating(ctx context.Context, res *http.Response, err error) bool {
	if err == nil {
		return res.StatusCode == http.StatusRequestTimeout || res.StatusCode >= 500 || limited(res)
	}
	if ctx.Err() != nil || errors.Is(err, ErrNotSent) {
		return false
	}
	return !isLasting(err)
}

// isLasting tells errors that waiting does not mend: gio's own refusals, a certificate that does not
// hold, a server that does not speak TLS, a host name that does not exist.
func isLasting(err error) bool {
	if _, ok := errors.AsType[*fault.Fault](err); ok {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound
}

// waitBefore is the time to wait before the attempt after the given one: what the server asks for, but
// never less than the own backoff, which leaves time for a last attempt.
func waitBefore(attempt int, res *http.Response, left time.Duration) time.Duration {
	wait := min(backoff(attempt), left)
	if res == nil {
		return wait
	}
	return max(wait, min(asked(res), maxRetryAfter))
}

// backoff doubles with each attempt, from 250 ms to 15 s. Half of it is chance, so that the steps of a wave do
// not come back all at once.
func backoff(attempt int) time.Duration {
	ceiling := maxWait
	if attempt < 10 { // beyond, the shift is far above maxWait
		ceiling = min(maxWait, minWait<<attempt)
	}
	return ceiling/2 + rand.N(ceiling/2)
}

func endsWithin(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= d
}

func exhausted(err error, attempts int, after time.Duration) error {
	if err == nil || attempts == 1 {
		return err
	}
	return fmt.Errorf("%w (%d attempts in %s)", err, attempts, after.Round(time.Second))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
