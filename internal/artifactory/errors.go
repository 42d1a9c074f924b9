package artifactory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

// errNoAnswer is the cause of writeLimit. It is not a context error, because that would mean that the caller gave up.
var errNoAnswer = errors.New("no complete answer within two minutes")

// unreachable returns the error of a request without a complete answer: the context's cause when the caller ended it.
func (c *Client) unreachable(ctx context.Context, k call, err error) error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errNoAnswer):
		err = cause
	case cause != nil:
		return fmt.Errorf("%s: %w", k, cause)
	}
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f // of package transport, or of what gives the content
	}
	if explained := transport.Explained(k.String(), err, c.secrets...); explained != nil {
		return explained
	}
	return fault.New(fault.Remote, "artifactory-unreachable", "%s: no complete answer from %s", k, c.base.Host).
		Because(transport.Quiet(err, c.secrets...)).Hint("check the network, and the address of Artifactory")
}

// statusFault returns the fault for an answer that is not what was asked for.
func (c *Client) statusFault(k call, res *http.Response, body []byte) error {
	if err := transport.ProxyRefusal(res); err != nil {
		return err
	}
	messages, ours := c.messages(body)
	text := fmt.Sprintf("%s: %s answered %d", k, c.base.Host, res.StatusCode)
	if messages != "" {
		text += " (" + messages + ")"
	}
	switch status := res.StatusCode; {
	case status >= 300 && status <= 399:
		return fault.New(fault.Remote, "artifactory-redirect", "%s: answered %d with a redirect, which is not followed", k, status).
			Hint("check the address of Artifactory: the token is sent to no other host, and nothing over plain http")
	case status == http.StatusUnauthorized:
		return fault.New(fault.Auth, "artifactory-unauthorized", "%s: the user or the token is wrong or expired", text)
	case status == http.StatusForbidden:
		return fault.New(fault.Auth, "artifactory-forbidden", "%s: check what the user of the token may do in this repository", text).
			Hint("to write over a file, or to remove one, needs the permission to delete")
	case status == http.StatusNotFound && ours:
		return fault.New(fault.NotFound, "no-file", "%s", text)
	case status == http.StatusConflict && ours:
		return fault.New(fault.Invalid, "artifactory-conflict", "%s", text)
	case status == http.StatusTooManyRequests:
		return fault.New(fault.Remote, "artifactory-limit", "%s: it limits the rate of requests, try again later", text)
	case !ours && status < 500:
		return fault.New(fault.Remote, "artifactory-answer", "%s: that is not an answer of Artifactory", text).
			Hint("check its address, which usually ends in /artifactory, and the proxy if there is one")
	}
	return fault.New(fault.Remote, "artifactory-error", "%s", text)
}

// unreadable returns the fault of a 2xx that says something else than what was asked for.
func (c *Client) unreadable(k call, status int, body []byte) error {
	return fault.New(fault.Remote, "artifactory-answer", "%s: cannot understand the answer %d (%s)", k, status, transport.Words(string(body), c.secrets...)).
		Hint("check the address of Artifactory, and the proxy if there is one")
}

// messages reads {"errors": [{"status": 404, "message": "…"}]}, the shape of all of Artifactory's refusals; ours tells that it is one.
func (c *Client) messages(body []byte) (text string, ours bool) {
	var answer struct {
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(bytes.TrimSpace(body), &answer) != nil || len(answer.Errors) == 0 {
		return transport.Words(string(body), c.secrets...), false
	}
	var all []string
	for _, e := range answer.Errors {
		all = append(all, e.Message)
	}
	return transport.Words(strings.Join(all, "; "), c.secrets...), true
}
