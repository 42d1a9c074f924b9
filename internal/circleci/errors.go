package circleci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

// Outcome is what is known after a trigger failed; it decides whether it may be sent again.
type Outcome string

// The outcomes (contracts/circleci.md 6).
const (
	NotSent    Outcome = "not sent"    // no byte left: may be sent again
	Throttled  Outcome = "throttled"   // 429: may be sent again, after RetryAfter
	Refused    Outcome = "refused"     // CircleCI, or gio itself, said no: final
	NotCreated Outcome = "not created" // a 2xx without a pipeline, as for [skip ci]: final
	Uncertain  Outcome = "uncertain"   // a pipeline may exist: it must be looked up first
)

// TriggerError is the error of a failed Trigger. It unwraps to a fault, or to the cause of the context
// that ended the call.
type TriggerError struct {
	Outcome    Outcome
	Status     int           // of the answer; 0 when there was none
	Message    string        // CircleCI's own words; may be empty
	RetryAfter time.Duration // at most a minute; 0 when the answer does not say
	Err        error
}

// Error is the sentence of Err.
func (e *TriggerError) Error() string { return e.Err.Error() }

// Unwrap gives Err to errors.Is and errors.As.
func (e *TriggerError) Unwrap() error { return e.Err }

// answered is the fault for an answer that is not a 2xx.
func (c *Client) answered(k call, res *http.Response, body []byte) error {
	said := fmt.Sprintf("%s: CircleCI answered %d", k, res.StatusCode)
	if words := c.words(body); words != "" {
		said += " (" + words + ")"
	}
	switch status := res.StatusCode; {
	case status >= 300 && status <= 399:
		return fault.New(fault.Remote, "circleci-redirect", "%s: answered %d with a redirect to %s, not followed", k, status, redirectHost(res)).
			Hint("check CIRCLE_HOST, and the proxy if there is one: the token is sent to no other host")
	case status == http.StatusUnauthorized:
		return fault.New(fault.Auth, "circleci-unauthorized", "%s; the token is wrong, expired or revoked, or it is a project's: CircleCI does not say which", said).
			Hint("make a personal API token at https://app.circleci.com/settings/user/tokens: project tokens do not work with API v2, and a personal one expires within a year")
	case status == http.StatusForbidden:
		return fault.New(fault.Auth, "circleci-forbidden", "%s; check that the user of the token has access to %s", said, k.subject)
	case status == http.StatusNotFound:
		return fault.New(fault.NotFound, "circleci-not-found", "%s; check that %s is spelled right and that the user of the token has access to it", said, k.subject).
			Hint("CircleCI answers 404 also to a token that may not see it, and to a project token: `gio check` tells which")
	}
	return fault.New(fault.Remote, "circleci-error", "%s", said)
}

// redirectHost is where a redirect points to: the host alone, because the rest may hold secrets.
func redirectHost(res *http.Response) string {
	location, err := res.Location()
	if err != nil || location.Host == "" {
		return "an address that cannot be read"
	}
	return location.Host
}

// errNoAnswer is the cause of a POST's own limit of time.
var errNoAnswer = errors.New("no complete answer within 30 seconds")

// unreachable is the error of a request without a complete answer: the context's cause when the caller ended it.
func (c *Client) unreachable(ctx context.Context, k call, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s: %w", k, cause)
	}
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f // of our own transport, which has said it all
	}
	return fault.New(fault.Remote, "circleci-unreachable", "%s: no complete answer from CircleCI", k).
		Because(transport.Quiet(err, c.token)).Hint("check the network, and CIRCLE_HOST")
}

// unreadable is the fault of a 2xx that is not what the contract promises.
func (c *Client) unreadable(k call, status int, body []byte, err error) error {
	return fault.New(fault.Remote, "circleci-answer", "%s: cannot understand the answer %d (%s)", k, status, c.words(body)).
		Because(transport.Quiet(err, c.token)).Hint("a proxy may have answered in CircleCI's place: check CIRCLE_HOST")
}

// lacks is the fault of a 2xx that is JSON, but not about what was asked.
func lacks(k call, what string) error {
	return fault.New(fault.Remote, "circleci-answer", "%s: the answer holds no %s", k, what).
		Hint("a proxy may have answered in CircleCI's place: check CIRCLE_HOST")
}

// words is what an answer says: its message, else its text (429 may be plain text, contracts/circleci.md 3),
// in one line of at most 200 characters. The token goes before the text is cut, lest half of it stays.
func (c *Client) words(body []byte) string {
	var answer struct {
		Message string `json:"message"`
	}
	text := string(body)
	if json.Unmarshal(body, &answer) == nil && answer.Message != "" {
		text = answer.Message
	}
	return transport.Words(text, c.token)
}
