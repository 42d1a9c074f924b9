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
	minWait            = 250 * time.Millisecond
	maxWait            = 15 * time.Second
	maxRetryAfter      = time.Minute
	readLimit          = 2 * time.Minute
	impatientReadLimit = 30 * time.Second // time for one attempt that hangs
	troubleAfter       = 4 * time.Second
)

// retry sends a read again after a network error, 408, a rate limit and 5xx. When two minutes have passed, or the caller's
// deadline is before the next attempt, it returns the last answer or error. The last wait may be a longer one that the
// server demands. It sends anything but a read once.
type retry struct {
	next      http.RoundTripper
	log       zerolog.Logger
	report    func(string)
	maxWait   time.Duration // Options.MaxWait
	impatient bool          // Options.Impatient

	mu       sync.Mutex
	reported time.Time
	answered map[string]bool // the hosts that have answered
}

func (r *retry) RoundTrip(req *http.Request) (*http.Response, error) {
	if !isRead(req) {
		return r.next.RoundTrip(req)
	}
	start := time.Now()
	defer r.reportSilence(req, start).Stop()
	for attempt := 1; ; attempt++ {
		res, err := r.next.RoundTrip(req)
		r.markAnswered(req.URL.Host, res)
		if !shouldRepeat(req.Context(), res, err) || exceeds(r.maxWait, res) {
			return res, err
		}
		remaining := r.remaining(req, start)
		wait := waitBefore(attempt, res, remaining)
		if remaining <= 0 || endsWithin(req.Context(), wait) {
			return res, exhausted(err, attempt, time.Since(start))
		}
		r.log.Debug().Str("method", req.Method).Str("url", RedactURL(req.URL)).
			Int("attempt", attempt).Dur("wait_ms", wait).Msg("will be tried again")
		switch {
		case err == nil && limited(res) && wait > troubleAfter:
			r.reportTrouble(fmt.Sprintf("%s limits the rate of requests: continuing in %s", req.URL.Host, wait.Round(time.Second)))
		case time.Since(start)+wait > troubleAfter:
			r.reportTrouble(fmt.Sprintf("%s does not answer properly, still trying for about %s (%s)", req.URL.Host, remaining.Round(time.Second), lastOutcome(res, err)))
		}
		if err := Sleep(req.Context(), wait); err != nil {
			return nil, err
		}
	}
}

// remaining returns how much longer to try a read that began at start.
func (r *retry) remaining(req *http.Request, start time.Time) time.Duration {
	limit := readLimit
	if r.impatient && !r.hasAnswered(req.URL.Host) {
		limit = impatientReadLimit
	}
	remaining := limit - time.Since(start)
	if deadline, ok := req.Context().Deadline(); ok {
		remaining = min(remaining, time.Until(deadline))
	}
	return remaining
}

// markAnswered remembers a host that has answered. A server error does not count: it may be a proxy's.
func (r *retry) markAnswered(host string, res *http.Response) {
	if res == nil || res.StatusCode >= 500 || res.StatusCode == http.StatusRequestTimeout {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answered == nil {
		r.answered = map[string]bool{}
	}
	r.answered[host] = true
}

func (r *retry) hasAnswered(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answered[host]
}

// reportSilence reports, after a while, a host that has never answered, even while an attempt still waits for it.
func (r *retry) reportSilence(req *http.Request, start time.Time) *time.Timer {
	return time.AfterFunc(troubleAfter, func() {
		if host := req.URL.Host; !r.hasAnswered(host) {
			r.reportTrouble(fmt.Sprintf("%s has not answered yet, still trying for about %s", host, r.remaining(req, start).Round(time.Second)))
		}
	})
}

// reportTrouble reports why a read takes long, at most once a minute.
func (r *retry) reportTrouble(sentence string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.report == nil || !r.reported.IsZero() && time.Since(r.reported) < time.Minute {
		return
	}
	r.reported = time.Now()
	r.report(sentence)
}

func lastOutcome(res *http.Response, err error) string {
	if err != nil {
		return "the last error: " + RedactText(err.Error())
	}
	return fmt.Sprintf("the last answer: %d", res.StatusCode)
}

// shouldRepeat reports whether another attempt may do better. The body of a response needs no draining: the layer readAll
// has read it.
func shouldRepeat(ctx context.Context, res *http.Response, err error) bool {
	if err == nil {
		return isTransient(res.StatusCode) || limited(res)
	}
	if ctx.Err() != nil || errors.Is(err, ErrNotSent) {
		return false
	}
	return !isPermanent(err)
}

// isTransient reports whether a later request may have another status.
func isTransient(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}

// isPermanent reports errors that do not go away with time: gio's own refusals, an invalid certificate, a server that does
// not speak TLS, a host name that does not exist.
func isPermanent(err error) bool {
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

// waitBefore returns the wait after the given attempt: what the server demands, but never less than the backoff, which leaves
// time for a last attempt.
func waitBefore(attempt int, res *http.Response, remaining time.Duration) time.Duration {
	wait := min(backoff(attempt), remaining)
	if res == nil {
		return wait
	}
	return max(wait, min(requestedWait(res), maxRetryAfter))
}

// backoff doubles with each attempt, from 250 ms to 15 s. Half of it is random, so that the steps of a wave do not retry all
// at once.
func backoff(attempt int) time.Duration {
	ceiling := maxWait
	if attempt < 10 { // the shift is far above maxWait from there on
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

// Sleep waits, or returns the cause of a context that ends before.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
