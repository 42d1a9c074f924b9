package worker

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

const (
	postTimeout  = 10 * time.Second // one request including its answer
	firstPause   = 2 * time.Second  // doubled with every failure
	longestPause = 5 * time.Minute
	givenUpAfter = 24 * time.Hour
)

// post sends a body once. Its faults: kind Remote where the same may be sent again, and may have arrived; kind Invalid where the
// receiver does not want it. The address can be a secret, as can be what the receiver answers: no fault contains either. Pause is
// how long the receiver wants to be left alone.
func post(ctx context.Context, over http.RoundTripper, address string, header http.Header, body []byte) (pause time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, fault.New(fault.Invalid, "webhook", "its address cannot be understood")
	}
	r.Header = header
	r.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Transport: over, CheckRedirect: transport.CheckRedirect}).Do(r)
	if err != nil {
		return 0, unreachable(err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	answer := fmt.Sprintf("the receiver answers %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	switch code := res.StatusCode; {
	case code/100 == 2:
		return 0, nil
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		return transport.RetryAfter(res.Header), fault.New(fault.Remote, "webhook", "%s", answer)
	}
	return 0, fault.New(fault.Invalid, "webhook", "%s", answer)
}

// unreachable is the fault of a request without an answer. It leaves the address out that the error of an http.Client has.
func unreachable(err error) error {
	if errors.Is(err, transport.ErrNotSent) {
		return fault.New(fault.Stopped, "not-sent", "nothing was sent: the lease may have run out")
	}
	if explained := transport.Explained("the request was not sent", err); explained != nil {
		return explained
	}
	if named, is := errors.AsType[*url.Error](err); is {
		err = named.Err
	}
	f := fault.New(fault.Remote, "unreachable", "the receiver does not answer")
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return f
	}
	return f.Because(err)
}

// pauseAfter is how long to wait after so many failures of one thing.
func pauseAfter(failures int) time.Duration {
	return min(firstPause<<min(failures-1, 20), longestPause)
}

// signed has a signature of the body and the number of the delivery, which is the same whenever it is sent again.
func signed(secret, delivery string, body []byte) http.Header {
	header := http.Header{}
	header.Set("X-Gio-Delivery", delivery)
	if secret != "" {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		header.Set("X-Gio-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	return header
}
