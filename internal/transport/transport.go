// Package transport is how gio talks HTTP politely: within a budget, patient with reads, never repeating
// a write, and without a secret in its log.
package transport

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"
)

// ErrNotSent marks the error of a request that this package stopped before a byte of it was sent:
// repeating it is safe.
var ErrNotSent = errors.New("nothing was sent")

// The budget of all requests of one client. CircleCI publishes no limit; ten a second is a fifth of
// the lowest rate that was seen to be throttled (contracts/circleci.md 3).
const (
	defaultPerSecond = 10
	burstSeconds     = 2
)

// Options says how New builds its client. The zero value works.
type Options struct {
	Base      http.RoundTripper // sends the requests; nil for NewBase
	Version   string            // of gio, for the User-Agent header
	PerSecond float64           // requests a second, attempts included; 0 for 10
	Burst     int               // how many more at once after a pause; 0 for those of two seconds
	// MaxWait is the longest wait that a rate limit may ask for: an answer that asks for more is returned at once. With 0
	// every limit is waited for, a minute at a time, because not every server means what it says (contracts/circleci.md 3).
	MaxWait time.Duration
	// Impatient is for whoever looks on and can try again: reads are given up after about 30 seconds as long as their host has
	// not answered once, because it is down or misnamed.
	Impatient bool
	Log       zerolog.Logger // gets one debug line for each attempt
	// Trouble is told a sentence when reads have not succeeded for a while, at most once a minute, and for how long they are
	// still tried; nil tells nobody.
	Trouble func(sentence string)
}

// New makes the client that all remote APIs share: one budget of requests, and reads (GET, HEAD) that
// are tried again for about two minutes. Every other method is sent at most once, and follows no
// redirect; a read follows none to another host. A redirect not followed is the answer, as it came.
//
// The answer of a read is read whole, at most 32 MiB, before it is returned, so that one that breaks off
// counts as a failed attempt too. A write needs a context with a deadline of its own.
func New(o Options) *http.Client {
	base := o.Base
	if base == nil {
		base = NewBase()
	}
	perSecond, burst := o.PerSecond, o.Burst
	if perSecond <= 0 {
		perSecond = defaultPerSecond
	}
	if burst <= 0 {
		burst = max(1, int(perSecond*burstSeconds))
	}
	// From the wire to the caller: each attempt is read whole, logged, and paid from the budget.
	var rt http.RoundTripper = &whole{next: base}
	rt = &logged{next: rt, log: o.Log}
	rt = &budget{next: rt, limiter: rate.NewLimiter(rate.Limit(perSecond), burst), maxWait: o.MaxWait}
	rt = &retry{next: rt, log: o.Log, tell: o.Trouble, maxWait: o.MaxWait, impatient: o.Impatient}
	rt = &outgoing{next: rt, userAgent: userAgent(o.Version)}
	return &http.Client{Transport: rt, CheckRedirect: CheckRedirect}
}

// NewBase is the transport under New when none is given. It speaks HTTP/1.1 only: in HTTP/2 a request
// without a body may be sent twice by net/http itself (http2canRetryError in h2_bundle.go), and one
// dead connection would hold up all requests.
func NewBase() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConns:        100,
		MaxIdleConnsPerHost: 32, // a wave has up to 25 pipelines
		// Shorter than the idle limits of usual load balancers (60 s), so that a POST rarely meets a
		// connection that the server is just closing: such a POST is uncertain.
		IdleConnTimeout: 30 * time.Second,
		Protocols:       protocols,
	}
}

// CheckRedirect is the redirect rule of New, for any other http.Client: a write follows no redirect, a
// read follows ten, to the same host, and never from https to http.
func CheckRedirect(req *http.Request, via []*http.Request) error {
	first, last := via[0], via[len(via)-1]
	downgrade := last.URL.Scheme == "https" && req.URL.Scheme != "https"
	if !isRead(first) || downgrade || len(via) >= 10 || !strings.EqualFold(req.URL.Host, first.URL.Host) {
		return http.ErrUseLastResponse
	}
	return nil
}

// isRead tells whether a request may be repeated.
func isRead(req *http.Request) bool {
	return req.Method == "" || req.Method == http.MethodGet || req.Method == http.MethodHead
}

func userAgent(version string) string {
	if version == "" {
		return "gio"
	}
	return "gio/" + version
}

// outgoing gives every request gio's name, and makes sure that no layer below can send a write twice.
//
// net/http repeats a request by itself when a kept-alive connection turns out to be dead
// (persistConn.shouldRetryRequest and Request.isReplayable in net/http/transport.go and request.go of
// Go 1.26). After a byte was written it does so only for GET, HEAD, OPTIONS and TRACE, or when the header
// Idempotency-Key or X-Idempotency-Key is set; and a request with a body it repeats only by GetBody
// (rewindBody). Without the three, a write is sent once.
type outgoing struct {
	next      http.RoundTripper
	userAgent string
}

func (o *outgoing) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", o.userAgent)
	if !isRead(req) {
		req.GetBody = nil
		req.Header.Del("Idempotency-Key")
		req.Header.Del("X-Idempotency-Key")
	}
	return o.next.RoundTrip(req)
}
