package notify

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

const maxAnswer = 64 << 10 // bytes of an answer that are read

// poster sends requests to one receiver. The address may be a secret: no log and no error contains it.
type poster struct {
	http  *http.Client
	agent string    // User-Agent
	rest  time.Time // until then the receiver accepts no request
}

func newPoster(version string) *poster {
	base := transport.NewBase()
	base.DisableKeepAlives = true // requests are rare, and no connection must stay open
	client := &http.Client{Transport: base, CheckRedirect: transport.CheckRedirect, Timeout: attempt}
	return &poster{http: client, agent: "gio/" + version}
}

// answer is a receiver's response.
type answer struct {
	status int
	body   []byte
}

// post sends a body once. Its error is a fault of kind Remote: the body may have arrived or not, and may be sent again.
func (p *poster) post(ctx context.Context, address string, header http.Header, body []byte) (answer, error) {
	select {
	case <-time.After(time.Until(p.rest)):
	case <-ctx.Done():
		return answer{}, unreachable(ctx.Err())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return answer{}, fault.New(fault.Invalid, "address", "its address is not valid")
	}
	req.Header = header.Clone()
	req.Header.Set("User-Agent", p.agent)
	res, err := p.http.Do(req)
	if err != nil {
		return answer{}, unreachable(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return answer{}, unreachable(err)
	}
	p.rest = time.Now().Add(transport.RetryAfter(res.Header))
	return answer{res.StatusCode, data}, nil
}

// unreachable returns the fault of a request without an answer. It omits the address that an http.Client's error contains.
func unreachable(err error) error {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f // a proxy's refusal, complete
	}
	if explained := transport.Explained("the message was not sent", err); explained != nil {
		return explained
	}
	if address, ok := errors.AsType[*url.Error](err); ok {
		err = address.Err
	}
	f := fault.New(fault.Remote, "unreachable", "it does not answer").Hint("check its address, the network, and the proxy if there is one")
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return f
	}
	return f.Because(err)
}

// transient reports whether a later request may have another answer.
func (a answer) transient() bool {
	return a.status >= 500 || a.status == http.StatusTooManyRequests || a.status == http.StatusRequestTimeout
}

func (a answer) ok() bool { return a.status/100 == 2 }
