package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// stallLimit is how long a transfer may stand still. A server may need minutes after the last byte, to put together what it got.
const stallLimit = 5 * time.Minute

// errStalled is not a context error, because that would mean that the caller gave up.
var errStalled = errors.New("nothing was sent or received for five minutes")

// NewStream makes a client for what is too large to be held: images, packages. It reads no answer by itself, sends every request once,
// and ends one in which nothing has moved for five minutes, however long the rest takes. Of the options it heeds Base, Version and Log.
// It follows redirects as New does.
func NewStream(o Options) *http.Client {
	base := o.Base
	if base == nil {
		base = NewBase()
	}
	var rt http.RoundTripper = &steady{next: base}
	rt = &logged{next: rt, log: o.Log}
	rt = &outgoing{next: rt, userAgent: userAgent(o.Version)}
	return &http.Client{Transport: rt, CheckRedirect: CheckRedirect}
}

// steady ends requests that stand still.
type steady struct{ next http.RoundTripper }

func (s *steady) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	watch := &watch{ctx: ctx, cancel: cancel}
	watch.timer = time.AfterFunc(stallLimit, func() { cancel(errStalled) })
	req = req.WithContext(ctx)
	watch.freed = func() bool { return true }
	if req.Body != nil && req.Body != http.NoBody {
		body := req.Body
		// net/http waits for a Read of the body, which may itself wait for another server.
		watch.freed = context.AfterFunc(ctx, func() { _ = body.Close() })
		req.Body = &watched{body: body, watch: watch}
	}
	res, err := s.next.RoundTrip(req)
	if err != nil {
		defer watch.end()
		return nil, watch.explain(err)
	}
	watch.moved()
	res.Body = &watched{body: res.Body, watch: watch, last: true}
	return res, nil
}

// watch is the clock of one request.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	freed  func() bool // keeps the end of the context from closing the request's body
}

func (w *watch) moved() { w.timer.Reset(stallLimit) }

func (w *watch) end() {
	w.timer.Stop()
	w.freed()
	w.cancel(nil)
}

// explain returns what has ended the request's context, where that is why it failed.
func (w *watch) explain(err error) error {
	if cause := context.Cause(w.ctx); cause != nil {
		return cause
	}
	return err
}

// watched is a body whose bytes keep the clock of its request going. The last one to be closed, the answer's, ends it.
type watched struct {
	body  io.ReadCloser
	watch *watch
	last  bool
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if n > 0 {
		b.watch.moved()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.watch.explain(err)
	}
	return n, err
}

func (b *watched) Close() error {
	if b.last {
		b.watch.end()
	}
	return b.body.Close()
}
