package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/gravitee-lab/gio/internal/fault"
)

const (
	attemptTimeout = 30 * time.Second // one attempt of a read including its answer
	maxAnswer      = 32 << 20         // bytes
)

// ReadOnly refuses every request but GET and HEAD, before it reaches rt, with a fault of code "read-only". The guarantee of a
// client dry run is based on it. A nil rt is NewBase.
func ReadOnly(rt http.RoundTripper) http.RoundTripper {
	if rt == nil {
		rt = NewBase()
	}
	return &readOnly{next: rt}
}

type readOnly struct{ next http.RoundTripper }

func (r *readOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	if isRead(req) {
		return r.next.RoundTrip(req)
	}
	closeBody(req)
	return nil, fault.New(fault.Invalid, "read-only", "%s %s was not sent: this run only reads",
		req.Method, RedactURL(req.URL)).
		Hint("a client dry run writes nothing; without --dry-run gio makes the request")
}

// closeBody closes the body of a request that is not passed on, as a RoundTripper must.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // nothing was read from it
	}
}

// logged writes one debug line for each attempt, never a header or a body.
type logged struct {
	next http.RoundTripper
	log  zerolog.Logger
}

func (l *logged) RoundTrip(req *http.Request) (*http.Response, error) {
	start := time.Now()
	res, err := l.next.RoundTrip(req)
	line := l.log.Debug().Str("method", req.Method).Str("url", RedactURL(req.URL)).
		Int64("ms", time.Since(start).Milliseconds())
	if err != nil {
		line.Str("error", RedactText(err.Error())).Msg("request failed")
		return nil, err
	}
	line.Int("status", res.StatusCode).Msg("request")
	for _, notice := range []string{"Deprecation", "Sunset"} { // an endpoint that will be removed
		if value := res.Header.Get(notice); value != "" {
			l.log.Warn().Str("url", RedactURL(req.URL)).Str(strings.ToLower(notice), value).Msg("the service announces the end of this endpoint")
		}
	}
	return res, nil
}

// readAll limits the time of one attempt of a read, and reads its answer to the end.
type readAll struct{ next http.RoundTripper }

func (w *readAll) RoundTrip(req *http.Request) (*http.Response, error) {
	if !isRead(req) {
		return w.next.RoundTrip(req)
	}
	ctx, cancel := context.WithTimeout(req.Context(), attemptTimeout)
	defer cancel()
	res, err := w.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, attemptError(req.Context(), ctx, err)
	}
	defer func() { _ = res.Body.Close() }() // it was read to the end, or its error is returned
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer (status %d): %w", res.StatusCode, attemptError(req.Context(), ctx, err))
	}
	if len(body) > maxAnswer {
		return nil, fault.New(fault.Remote, "answer-too-large", "%s %s: the answer is larger than %d MiB",
			req.Method, RedactURL(req.URL), maxAnswer>>20)
	}
	completeLimit(res, body)
	res.Body, res.Request = io.NopCloser(bytes.NewReader(body)), req
	return res, nil
}

// completeLimit adds the header to an answer of GitHub that states its limit only in the text: wait at least one minute
// (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api).
func completeLimit(res *http.Response, body []byte) {
	if res.StatusCode == http.StatusForbidden && !limited(res) && bytes.Contains(body, []byte("secondary rate limit")) {
		res.Header.Set("Retry-After", "60")
	}
}

// errNoAnswer is not a context error, because that would mean that the caller gave up.
var errNoAnswer = errors.New("no complete answer within 30 seconds")

// attemptError returns errNoAnswer when the attempt's own limit, and not the caller's, has ended it.
func attemptError(caller, attempt context.Context, err error) error {
	if attempt.Err() != nil && caller.Err() == nil {
		return errNoAnswer
	}
	return err
}
