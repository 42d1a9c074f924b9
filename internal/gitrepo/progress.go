package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// stallTimeout ends an operation on the wire on which nothing has moved for this long. How long the whole takes does not
// matter: lines are slow, and repositories large.
const stallTimeout = 2 * time.Minute

var errStalled = errors.New("the connection has stalled")

// progress is when something moved last on the wire. One operation at a time uses it.
type progress struct{ last atomic.Int64 }

func (p *progress) note(n int) {
	if n > 0 {
		p.last.Store(time.Now().UnixNano())
	}
}

// watch returns a context that ends, with the cause errStalled, when nothing moves any more, and a function that ends the watch.
func (p *progress) watch(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	p.last.Store(time.Now().UnixNano())
	go func() {
		for {
			rest := stallTimeout - time.Since(time.Unix(0, p.last.Load()))
			if rest <= 0 {
				cancel(fmt.Errorf("nothing was sent or received for %s: %w", stallTimeout, errStalled))
				return
			}
			timer := time.NewTimer(rest)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return
			}
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}

// stalled returns why a watched context ended, nil where it did not end by a stall.
func stalled(ctx context.Context) error {
	if err := context.Cause(ctx); errors.Is(err, errStalled) {
		return err
	}
	return nil
}

// movingReader and movingWriter note what passes.
type movingReader struct {
	io.Reader
	*progress
}

func (r movingReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.note(n)
	return n, err
}

type movingWriter struct {
	io.WriteCloser
	*progress
}

func (w movingWriter) Write(b []byte) (int, error) {
	n, err := w.WriteCloser.Write(b)
	w.note(n)
	return n, err
}

// movingTransport notes what passes in the bodies of requests and answers.
type movingTransport struct {
	base http.RoundTripper
	*progress
}

type body struct {
	io.Reader
	io.Closer
}

// RoundTrip implements http.RoundTripper.
func (t movingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req = req.Clone(req.Context())
		req.Body = body{movingReader{req.Body, t.progress}, req.Body}
	}
	res, err := t.base.RoundTrip(req)
	if err == nil {
		t.note(1)
		res.Body = body{movingReader{res.Body, t.progress}, res.Body}
	}
	return res, err
}
