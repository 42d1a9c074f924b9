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
	troubleAfter  = 4 * time.Second
)

// retry sends a read again after a network error, 408, a rate limit and 5xx. When two minutes have passed, or the
// caller's deadline comes before the next attempt, the last answer or error is the result. The last
// wait may be a longer one that the server asked for. Anything but a read is sent once.
type retry struct {
	next    http.RoundTripper
	log     zerolog.Logger
	tell    func(string)
	maxWait time.Duration // Options.MaxWait

	mu   sync.Mutex
	told time.Time
}

func (r *retry) RoundTrip(req *http.Request) (*http.Response, error) {
	if !isRead(req) {
		return r.next.RoundTrip(req)
	}
	start := time.Now()
	for attempt := 1; ; attempt++ {
		res, err := r.next.RoundTrip(req)
		if !worthRepeating(req.Context(), res, err) || beyond(r.maxWait, res) {
			return res, err
		}
		wait := waitBefore(attempt, res)
		if time.Since(start) >= patience || endsWithin(req.Context(), wait) {
			return res, exhausted(err, attempt, time.Since(start))
		}
		r.log.Debug().Str("method", req.Method).Str("url", RedactURL(req.URL)).
			Int("attempt", attempt).Dur("wait_ms", wait).Msg("will be tried again")
		switch {
		case err == nil && limited(res) && wait > troubleAfter:
			r.trouble(fmt.Sprintf("%s limits how often it may be asked: going on in %s", req.URL.Host, wait.Round(time.Second)))
		case time.Since(start) > troubleAfter:
			r.trouble(fmt.Sprintf("%s does not answer well, still trying (%s)", req.URL.Host, lastWords(res, err)))
		}
		if err := sleep(req.Context(), wait); err != nil {
			return nil, err
		}
	}
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
// never less than the own backoff.
func waitBefore(attempt int, res *http.Response) time.Duration {
	wait := backoff(attempt)
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
