// Package transport makes gio's HTTP clients: requests stay within a budget, reads are retried patiently, writes are never
// repeated, and the log contains no secret.
package transport

import (
	"errors"
	"net"
	"net/http"
	"net/url"
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
	PerSecond float64           // requests a second, including further attempts; 0 for 10
	Burst     int               // how many at once after a pause; 0 for those of two seconds
	// MaxWait is the longest wait that a rate limit may demand: an answer that demands more is returned at once. With 0 a
	// request waits for every limit, a minute at a time, because not every server means what it says (contracts/circleci.md 3).
	MaxWait time.Duration
	// Impatient is for a person who waits and can try again: reads fail after about 30 seconds as long as their host has not
	// answered once, because it is probably down or misspelled.
	Impatient bool
	Log       zerolog.Logger // gets one debug line for each attempt
	// Trouble is called with a sentence when reads have not succeeded for a while, at most once a minute; the sentence says how
	// much longer gio tries. It may be nil.
	Trouble func(sentence string)
}

// New makes the client that all remote APIs share: one budget of requests, and reads (GET, HEAD) that are retried for about
// two minutes. It sends every other method at most once, and follows no redirect of it; it follows no redirect of a read to
// another host. A redirect that is not followed is returned as the answer.
//
// It reads the whole answer of a read, at most 32 MiB, before it returns it, so that one that breaks off also counts as a
// failed attempt. A write needs a context with a deadline.
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
	// From the wire to the caller: each attempt is read to the end, logged, and charged to the budget.
	var rt http.RoundTripper = &readAll{next: base}
	rt = &logged{next: rt, log: o.Log}
	rt = &budget{next: rt, limiter: rate.NewLimiter(rate.Limit(perSecond), burst), maxWait: o.MaxWait}
	rt = &retry{next: rt, log: o.Log, report: o.Trouble, maxWait: o.MaxWait, impatient: o.Impatient}
	rt = &outgoing{next: rt, userAgent: userAgent(o.Version)}
	return &http.Client{Transport: rt, CheckRedirect: CheckRedirect}
}

// NewBase makes the transport that New uses by default. It speaks only HTTP/1.1: in HTTP/2 net/http itself may send a
// request without a body twice (http2canRetryError in h2_bundle.go), and one dead connection would block all requests.
func NewBase() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,

		OnProxyConnectResponse: tunnelRefusal,

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

// Exposed reports whether others can read what is sent to an address: it is plain HTTP to another machine.
func Exposed(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

// isRead reports whether a request may be repeated.
func isRead(req *http.Request) bool {
	return req.Method == "" || req.Method == http.MethodGet || req.Method == http.MethodHead
}

func userAgent(version string) string {
	if version == "" {
		return "gio"
	}
	return "gio/" + version
}

// outgoing sets the User-Agent of every request, and makes sure that no layer below can send a write twice.
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
