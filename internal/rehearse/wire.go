package rehearse

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/gravitee-lab/gio/internal/sim"
)

// wire is the transport of a client dry run. Nothing but GET and HEAD can leave: a request that would change something is shown,
// and the simulator answers it and every request about what the simulator made.
type wire struct {
	sim     http.RoundTripper
	real    http.RoundTripper // has its own layer that lets only reads through; nil: the simulator answers everything
	onWrite func(method, url string, body []byte)
}

// RoundTrip answers one request.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return w.write(req)
	}
	if w.real == nil {
		return w.simulate(req, nil)
	}
	if path := apiPath(req.URL); strings.HasPrefix(path, "/pipeline/") || strings.HasPrefix(path, "/workflow/") {
		res, err := w.simulate(req, nil)
		if err != nil || res.StatusCode != http.StatusNotFound {
			return res, err
		}
		_ = res.Body.Close() // it holds a "not found": the id is CircleCI's
	}
	return w.real.RoundTrip(req)
}

func (w *wire) write(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		_ = req.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	w.onWrite(req.Method, req.URL.String(), body)
	res, err := w.simulate(req, body)
	if err == nil && res.StatusCode == http.StatusNotFound && strings.HasPrefix(apiPath(req.URL), "/workflow/") {
		res.StatusCode, res.Status = http.StatusAccepted, "202 Accepted" // as CircleCI would answer for a workflow of its own
	}
	return res, err
}

// simulate sends a request to the simulator instead of CircleCI.
func (w *wire) simulate(req *http.Request, body []byte) (*http.Response, error) {
	there, err := url.Parse(sim.URL)
	if err != nil {
		return nil, err
	}
	redirected := req.Clone(req.Context())
	redirected.Host, redirected.Body = "", nil
	redirected.URL.Scheme, redirected.URL.Host, redirected.URL.User = there.Scheme, there.Host, nil
	if i := strings.Index(redirected.URL.Path, apiRoot); i > 0 { // a proxy's prefix, which the simulator does not have
		redirected.URL.Path, redirected.URL.RawPath = redirected.URL.Path[i:], ""
	}
	if body != nil {
		redirected.Body = io.NopCloser(bytes.NewReader(body))
	}
	return w.sim.RoundTrip(redirected)
}

const apiRoot = "/api/v2"

func apiPath(u *url.URL) string {
	_, path, _ := strings.Cut(u.Path, apiRoot)
	return path
}
