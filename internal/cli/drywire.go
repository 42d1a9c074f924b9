package cli

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/gravitee-lab/gio/internal/sim"
)

// dryWire is the wire of a client dry run. Nothing but GET and HEAD can leave by it: what would change something is told and
// answered by the simulator, as is everything about what the simulator made.
type dryWire struct {
	sim  http.RoundTripper
	real http.RoundTripper // reads only, by a layer of its own; nil answers everything from the simulator
	tell func(method, url string, body []byte)
}

// RoundTrip answers one request.
func (d *dryWire) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return d.write(req)
	}
	if d.real == nil {
		return d.simulate(req, nil)
	}
	if path := apiPath(req.URL); strings.HasPrefix(path, "/pipeline/") || strings.HasPrefix(path, "/workflow/") {
		res, err := d.simulate(req, nil)
		if err != nil || res.StatusCode != http.StatusNotFound {
			return res, err
		}
		_ = res.Body.Close() // it holds a "not found": the id is CircleCI's
	}
	return d.real.RoundTrip(req)
}

func (d *dryWire) write(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		_ = req.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	d.tell(req.Method, req.URL.String(), body)
	res, err := d.simulate(req, body)
	if err == nil && res.StatusCode == http.StatusNotFound && strings.HasPrefix(apiPath(req.URL), "/workflow/") {
		res.StatusCode, res.Status = http.StatusAccepted, "202 Accepted" // what CircleCI would say of a workflow of its own
	}
	return res, err
}

// simulate asks the simulator in the place of CircleCI.
func (d *dryWire) simulate(req *http.Request, body []byte) (*http.Response, error) {
	there, err := url.Parse(sim.URL)
	if err != nil {
		return nil, err
	}
	asked := req.Clone(req.Context())
	asked.Host, asked.Body = "", nil
	asked.URL.Scheme, asked.URL.Host, asked.URL.User = there.Scheme, there.Host, nil
	if i := strings.Index(asked.URL.Path, apiRoot); i > 0 { // a proxy's prefix, which the simulator does not have
		asked.URL.Path, asked.URL.RawPath = asked.URL.Path[i:], ""
	}
	if body != nil {
		asked.Body = io.NopCloser(bytes.NewReader(body))
	}
	return d.sim.RoundTrip(asked)
}

const apiRoot = "/api/v2"

func apiPath(u *url.URL) string {
	_, path, _ := strings.Cut(u.Path, apiRoot)
	return path
}
