package circleci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

// TriggerRequest is a pipeline to be started.
type TriggerRequest struct {
	Project    string         // slug
	Definition string         // id of the pipeline definition of a GitHub App project; "" for the others
	Branch     string         // of configuration and checkout
	Parameters map[string]any // string, integer or bool; the types are sent as they are
}

// Created names a pipeline that now exists.
type Created struct {
	ID     string
	Number int64 // 0 in the rare case that CircleCI does not say
}

// Trigger starts a pipeline with one POST that is never sent again, by no layer, and takes at most 30
// seconds. Its error is always a *TriggerError.
func (c *Client) Trigger(ctx context.Context, r TriggerRequest) (Created, error) {
	k, body, err := triggerCall(r)
	if err != nil {
		return Created{}, &TriggerError{Outcome: Refused, Err: err}
	}
	limited, cancel := context.WithTimeoutCause(ctx, postTimeout, errNoAnswer)
	defer cancel()
	sent := new(departure)
	req, err := c.request(sent.watch(limited), k, body)
	if err != nil {
		return Created{}, &TriggerError{Outcome: Refused, Err: err}
	}
	if ctx.Err() != nil {
		return Created{}, &TriggerError{Outcome: NotSent, Err: c.unreachable(ctx, k, ctx.Err())}
	}
	res, err := c.http.Do(req)
	if err != nil {
		return Created{}, &TriggerError{Outcome: sent.outcome(err), Err: c.unreachable(ctx, k, err)}
	}
	defer func() { _ = res.Body.Close() }() // its end was read, or the error is told
	return c.triggered(ctx, k, res)
}

// triggerCall makes path and body. Without a branch CircleCI would build the default branch and say nothing
// (contracts/circleci.md 1.3), so there must be one.
func triggerCall(r TriggerRequest) (call, []byte, error) {
	more := []string{"pipeline"}
	content := map[string]any{"branch": r.Branch}
	if r.Definition != "" {
		more = []string{"pipeline", "run"}
		at := map[string]string{"branch": r.Branch}
		content = map[string]any{"definition_id": r.Definition, "config": at, "checkout": at}
	}
	if len(r.Parameters) > 0 {
		content["parameters"] = r.Parameters
	}
	path, err := projectPath(r.Project, more...)
	if err != nil {
		return call{}, nil, err
	}
	if r.Branch == "" {
		return call{}, nil, fault.New(fault.Invalid, "circleci-branch", "no pipeline of %s was triggered: the branch is missing", r.Project)
	}
	body, err := json.Marshal(content)
	if err != nil {
		return call{}, nil, fault.New(fault.Invalid, "circleci-parameters", "no pipeline of %s was triggered: its parameters cannot be sent", r.Project).Because(err)
	}
	return call{method: http.MethodPost, path: path, subject: "project " + r.Project}, body, nil
}

// triggered reads the answer of a trigger.
func (c *Client) triggered(ctx context.Context, k call, res *http.Response) (Created, error) {
	body, readErr := readAnswer(res.Body)
	failed := &TriggerError{Status: res.StatusCode, Message: c.words(body)}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		failed.Outcome, failed.Err = outcomeOf(res.StatusCode), c.answered(k, res, body)
		if failed.Outcome == Throttled {
			failed.RetryAfter = transport.RetryAfter(res.Header)
		}
		return Created{}, failed
	}
	if readErr != nil {
		failed.Outcome, failed.Err = Uncertain, c.unreachable(ctx, k, readErr)
		return Created{}, failed
	}
	created, err := decodeCreated(body)
	if err != nil {
		failed.Outcome, failed.Err = Uncertain, c.unreadable(k, res.StatusCode, body, err)
		return Created{}, failed
	}
	if created.ID == "" {
		failed.Outcome = NotCreated
		failed.Err = fault.New(fault.Remote, "circleci-not-created", "%s: CircleCI answered %d and created no pipeline (%s)", k, res.StatusCode, failed.Message).
			Hint("the newest commit of the branch may ask to skip CI")
		return Created{}, failed
	}
	return created, nil
}

// outcomeOf tells what an answer that is no 2xx proves. A 5xx proves nothing: a gateway cannot know what the
// server behind it did.
func outcomeOf(status int) Outcome {
	switch {
	case status == http.StatusTooManyRequests:
		return Throttled
	case status == http.StatusRequestTimeout:
		return Uncertain
	case status >= 300 && status <= 499:
		return Refused
	}
	return Uncertain
}

// decodeCreated reads the answer to a trigger: one complete JSON object, whose id may be missing.
func decodeCreated(body []byte) (Created, error) {
	var w struct {
		ID     string `json:"id"`
		Number count  `json:"number"`
	}
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return Created{}, errors.New("it is not a JSON object")
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return Created{}, err
	}
	return Created{ID: strings.TrimSpace(w.ID), Number: int64(w.Number)}, nil
}

// departure watches whether a request can have left. A connection is got before the first byte is
// written, in HTTP/1 and HTTP/2; names, dialling and TLS come before it. That none was got proves
// something only where one was asked for: another kind of RoundTripper tells nothing.
type departure struct{ asked, got atomic.Bool }

func (d *departure) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { d.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { d.got.Store(true) },
	})
}

// outcome is what a request without an answer proves.
func (d *departure) outcome(err error) Outcome {
	switch {
	case d.got.Load():
		return Uncertain
	case fault.Is(err, "read-only"):
		return Refused
	case errors.Is(err, transport.ErrNotSent), d.asked.Load():
		return NotSent
	}
	return Uncertain
}
