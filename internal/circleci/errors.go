package circleci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

// Outcome is what a failed POST that makes something proves; it decides whether gio may send it again.
type Outcome string

// The outcomes (contracts/circleci.md 6).
const (
	NotSent    Outcome = "not sent"    // no byte left: may be sent again
	Throttled  Outcome = "throttled"   // 429: may be sent again, after RetryAfter
	Refused    Outcome = "refused"     // CircleCI itself, or gio, said no: final
	NotCreated Outcome = "not created" // a 2xx with a message instead of a pipeline, as for [skip ci]: final
	Uncertain  Outcome = "uncertain"   // a pipeline, or the re-run, may exist: it must be looked up first
)

// TriggerError is the error of a failed Trigger or RerunFailed. It unwraps to a fault, or to the cause of the context
// that ended the call.
type TriggerError struct {
	Outcome    Outcome
	Status     int           // of the answer; 0 when there was none
	Message    string        // CircleCI's own words; may be empty
	RetryAfter time.Duration // at most a minute; 0 when the answer does not say
	Err        error
}

// Refuses reports whether the answer is a refusal, by CircleCI or by something before it: to send again does not help.
func (e *TriggerError) Refuses() bool {
	return e.Status >= 300 && e.Status <= 499 && e.Status != http.StatusRequestTimeout && e.Status != http.StatusTooManyRequests
}

// Error returns the message of Err.
func (e *TriggerError) Error() string { return e.Err.Error() }

// Unwrap gives Err to errors.Is and errors.As.
func (e *TriggerError) Unwrap() error { return e.Err }

// unreadable is the code of the fault of an answer that is not what the contract promises.
const unreadable = "circleci-answer"

// IsUnreadable reports whether CircleCI answered, and not with what was asked for.
func IsUnreadable(err error) bool { return fault.Is(err, unreadable) }

// forbidden is the code of the fault of a 403.
const forbidden = "circleci-forbidden"

// IsForbidden reports whether CircleCI, or something before it, does not let the token's user do or see one thing (403). The token
// itself may be good for everything else.
func IsForbidden(err error) bool { return fault.Is(err, forbidden) }

// statusFault returns the fault for an answer that is not a 2xx.
func (c *Client) statusFault(k call, res *http.Response, body []byte) error {
	if err := transport.ProxyRefusal(res); err != nil {
		return err
	}
	if isPage(body) && res.StatusCode >= 400 {
		return fault.New(fault.Remote, "circleci-page", "%s: a web page came back, with status %d, instead of CircleCI's answer (%s)", k, res.StatusCode, c.message(body)).
			Hint("a firewall or a proxy may have answered in CircleCI's place: ask who runs it, and check CIRCLE_HOST")
	}
	text := fmt.Sprintf("%s: CircleCI answered %d", k, res.StatusCode)
	if message := c.message(body); message != "" {
		text += " (" + message + ")"
	}
	switch status := res.StatusCode; {
	case status >= 300 && status <= 399:
		return fault.New(fault.Remote, "circleci-redirect", "%s: answered %d with a redirect to %s, not followed", k, status, redirectHost(res)).
			Hint("check CIRCLE_HOST, and the proxy if there is one: the token is sent to no other host")
	case status == http.StatusUnauthorized:
		return fault.New(fault.Auth, "circleci-unauthorized", "%s; the token is wrong, expired or revoked, or it is a project's: CircleCI does not say which", text).
			Hint("make a personal API token at https://app.circleci.com/settings/user/tokens: project tokens do not work with API v2, and a personal one expires within a year")
	case status == http.StatusForbidden:
		return fault.New(fault.Auth, forbidden, "%s; check that the user of the token has access to %s", text, k.subject)
	case status == http.StatusNotFound:
		return fault.New(fault.NotFound, "circleci-not-found", "%s; check that %s is spelled right and that the user of the token has access to it", text, k.subject).
			Hint("CircleCI also answers 404 to a token that may not see it, and to a project token: %s finds out which", fault.Next{Action: fault.Check})
	}
	return fault.New(fault.Remote, "circleci-error", "%s", text)
}

// isPage reports whether an answer is a web page: CircleCI's API gives none.
func isPage(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// redirectHost returns the target of a redirect: only the host, because the rest may contain secrets.
func redirectHost(res *http.Response) string {
	location, err := res.Location()
	if err != nil || location.Host == "" {
		return "an address that cannot be read"
	}
	return location.Host
}

// errNoAnswer is the cause of the time limit of a POST.
var errNoAnswer = errors.New("no complete answer within 30 seconds")

// unreachable returns the error of a request without a complete answer: the context's cause when the caller ended it.
func (c *Client) unreachable(ctx context.Context, k call, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s: %w", k, cause)
	}
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f // from package transport, complete
	}
	if explained := transport.Explained(k.String(), err, c.token); explained != nil {
		return explained
	}
	return fault.New(fault.Remote, "circleci-unreachable", "%s: no complete answer from CircleCI", k).
		Because(transport.Quiet(err, c.token)).Hint("check the network, and CIRCLE_HOST")
}

// cannotRead returns the fault of a 2xx that is not what the contract promises.
func (c *Client) cannotRead(k call, status int, body []byte, err error) error {
	return fault.New(fault.Remote, unreadable, "%s: cannot understand the answer %d (%s)", k, status, c.message(body)).
		Because(transport.Quiet(plainly(err), c.token)).Hint("a proxy may have answered in CircleCI's place: check CIRCLE_HOST")
}

// plainly puts an error about the type of a field into words without those of Go.
func plainly(err error) error {
	if bad, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && bad.Field != "" {
		return fmt.Errorf("its field %s holds %s", bad.Field, article(bad.Value))
	}
	return err
}

func article(kind string) string {
	if kind == "object" || kind == "array" {
		return "an " + kind
	}
	return "a " + kind
}

// missing returns the fault of a 2xx that is JSON without what was requested.
func missing(k call, what string) error {
	return fault.New(fault.Remote, unreadable, "%s: the answer contains no %s", k, what).
		Hint("a proxy may have answered in CircleCI's place: check CIRCLE_HOST")
}

// isForeign reports whether an answer names another id than the one that was asked for. One that names none contradicts
// nothing.
func isForeign(got, want string) bool { return got != "" && !strings.EqualFold(got, want) }

// foreign returns the fault of an answer about something else, as a mixed-up cache gives it: gio believes nothing of it.
func (c *Client) foreign(k call, what, got string) error {
	return fault.New(fault.Remote, unreadable, "%s: the answer is about another %s, %s", k, what, c.message([]byte(got))).
		Hint("a cache between gio and CircleCI may mix up its answers: check CIRCLE_HOST, and the proxy if there is one")
}

// message returns an answer's message, else its text (429 may be plain text, contracts/circleci.md 3), in one line of
// at most 200 characters. It removes the token before it cuts the text, so that no part of a token remains.
func (c *Client) message(body []byte) string {
	var answer struct {
		Message string `json:"message"`
	}
	text := string(body)
	if json.Unmarshal(body, &answer) == nil && answer.Message != "" {
		text = answer.Message
	}
	return transport.Words(text, c.token)
}
