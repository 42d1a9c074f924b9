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

// TriggerRequest is a pipeline to start.
type TriggerRequest struct {
	Project    string         // slug
	Definition string         // id of the pipeline definition of a GitHub App project; "" for the others
	Branch     string         // of configuration and checkout
	Parameters map[string]any // string, integer or bool; sent with these types
}

// Created names a pipeline that now exists.
type Created struct {
	ID     string
	Number int64 // 0 in the rare case that CircleCI omits it
}

// Trigger starts a pipeline with one POST that is never sent again, by no layer, and takes at most 30
// seconds. Its error is always a *TriggerError.
func (c *Client) Trigger(ctx context.Context, r TriggerRequest) (Created, error) {
	k, body, err := triggerCall(r)
	if err != nil {
		return Created{}, &TriggerError{Outcome: Refused, Err: err}
	}
	failed, body := c.send(ctx, k, body)
	if failed.Err != nil {
		return Created{}, failed
	}
	return c.created(k, failed, body)
}

// send sends a POST that makes something, once. The outcome's Err is nil where the answer is a 2xx, which body is.
func (c *Client) send(ctx context.Context, k call, content []byte) (failed *TriggerError, body []byte) {
	limited, cancel := context.WithTimeoutCause(ctx, postTimeout, errNoAnswer)
	defer cancel()
	sent := new(departure)
	req, err := c.request(sent.watch(limited), k, content)
	if err != nil {
		return &TriggerError{Outcome: Refused, Err: err}, nil
	}
	if ctx.Err() != nil {
		return &TriggerError{Outcome: NotSent, Err: c.unreachable(ctx, k, ctx.Err())}, nil
	}
	res, err := c.http.Do(req)
	if err != nil {
		return &TriggerError{Outcome: sent.outcome(err), Err: c.unreachable(ctx, k, err)}, nil
	}
	defer func() { _ = res.Body.Close() }() // it was read to the end, or its error is returned
	body, readErr := readAnswer(res.Body)
	failed = &TriggerError{Status: res.StatusCode, Message: c.message(body)}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		failed.Outcome, failed.Err = outcomeOf(res.StatusCode, body), c.statusFault(k, res, body)
		if failed.Outcome == Throttled {
			failed.RetryAfter = transport.RetryAfter(res.Header)
		}
		return failed, nil
	}
	if readErr != nil {
		failed.Outcome, failed.Err = Uncertain, c.unreachable(ctx, k, readErr)
	}
	return failed, body
}

// triggerCall makes path and body. The branch is mandatory, because without one CircleCI silently builds the default branch
// (contracts/circleci.md 1.3).
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
	if r.Definition == "" && NeedsDefinition(r.Project) {
		return call{}, nil, fault.New(fault.Invalid, "circleci-definition", "no pipeline of %s was triggered: a GitHub App project needs a pipeline definition", r.Project).
			Hint("write definition: under the component's name in gio.yaml; its id stands in the project's settings, Pipelines")
	}
	body, err := json.Marshal(content)
	if err != nil {
		return call{}, nil, fault.New(fault.Invalid, "circleci-parameters", "no pipeline of %s was triggered: its parameters cannot be sent", r.Project).Because(err)
	}
	return call{method: http.MethodPost, path: path, subject: "project " + r.Project}, body, nil
}

// created reads the 2xx that a trigger was answered with.
func (c *Client) created(k call, failed *TriggerError, body []byte) (Created, error) {
	created, err := decodeCreated(body)
	if err != nil {
		failed.Outcome, failed.Err = Uncertain, c.cannotRead(k, failed.Status, body, err)
		return Created{}, failed
	}
	switch {
	case created.ID != "":
		return created.Created, nil
	case created.Number == 0 && created.Message != "":
		failed.Outcome = NotCreated
		failed.Err = fault.New(fault.Remote, "circleci-not-created", "%s: CircleCI answered %d and created no pipeline (%s)", k, failed.Status, failed.Message).
			Hint("the newest commit of the branch may contain [skip ci]")
	default:
		failed.Outcome, failed.Err = Uncertain, missing(k, "pipeline's id")
	}
	return Created{}, failed
}

// outcomeOf says what an answer that is not a 2xx proves. Only CircleCI knows that it created nothing, and its refusals are JSON
// with a message (contracts/circleci.md 6). A gateway, a firewall or a redirect cannot know what the server behind it did; a
// conflict (409) or a time limit (408) may be about what was created.
func outcomeOf(status int, body []byte) Outcome {
	switch {
	case status == http.StatusTooManyRequests:
		return Throttled
	case status == http.StatusRequestTimeout, status == http.StatusConflict:
		return Uncertain
	case status >= 400 && status <= 499:
		if answer, err := decodeCreated(body); err == nil && answer.ID == "" && answer.Message != "" {
			return Refused
		}
	}
	return Uncertain
}

// triggerAnswer is what a trigger is answered with: a pipeline, or a message.
type triggerAnswer struct {
	Created
	Message string
}

// decodeCreated reads the answer to a trigger: one complete JSON object, whose fields may be missing.
func decodeCreated(body []byte) (triggerAnswer, error) {
	var w struct {
		ID      string `json:"id"`
		Number  count  `json:"number"`
		Message text   `json:"message"`
	}
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return triggerAnswer{}, errors.New("it is not a JSON object")
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return triggerAnswer{}, err
	}
	return triggerAnswer{Created{ID: strings.TrimSpace(w.ID), Number: int64(w.Number)}, string(w.Message)}, nil
}

// departure observes whether a request can have left. In HTTP/1 and HTTP/2 the transport gets a connection before it writes
// the first byte; name resolution, dialling and TLS come before that. That it got none proves something only where it
// requested one: another kind of RoundTripper reports nothing.
type departure struct{ asked, got atomic.Bool }

func (d *departure) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { d.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { d.got.Store(true) },
	})
}

// outcome says what a request without an answer proves.
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
