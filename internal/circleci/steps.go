package circleci

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// JobStep is one step of a job, in one of the containers that it runs in side by side.
type JobStep struct {
	Name      string
	Container int    // from 0
	Status    string // CircleCI's word: "success", "failed", "timedout", "running", and others
	Exit      int64  // of its command; 0 where CircleCI does not say
	Failed    bool   // a step that was killed for printing nothing has no exit code, but timedout

	link string // of its output; "" where there is none, or none yet
}

// Runs reports whether the step has begun and not ended.
func (s JobStep) Runs() bool { return s.Status == "running" }

// HasOutput reports whether Output may give something.
func (s JobStep) HasOutput() bool { return s.link != "" }

// JobFailed reports whether the status of a job, or of a step, in CircleCI's word, is one of failure (contracts/circleci.md 1.8).
func JobFailed(status string) bool {
	return slices.Contains([]string{"failed", "timedout", "infrastructure_fail", "terminated-unknown"}, status)
}

// Rests reports whether nothing more happens in the job.
func (j Job) Rests() bool { return slices.Contains(restingStatuses, j.Status) }

// NewestOfEveryName omits every workflow that has a newer one of its name and kind, and those that have expired.
func NewestOfEveryName(workflows []Workflow) []Workflow {
	newest := slices.DeleteFunc(newestOfEveryName(workflows), func(w Workflow) bool { return w.ID == "" })
	slices.SortFunc(newest, func(a, b Workflow) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return newest
}

func buildCall(slug string, job int64) (call, error) {
	path, err := projectPath(slug, strconv.FormatInt(job, 10))
	if err == nil && job <= 0 {
		err = fault.New(fault.Invalid, "circleci-path", "no request was sent to CircleCI: a job of %s has no number", slug)
	}
	return call{method: http.MethodGet, api: olderPath, path: path, subject: "job " + strconv.FormatInt(job, 10) + " of " + slug}, err
}

// Steps reads the steps of a job by its number, in their order, from the older API, as v2 has none (contracts/circleci.md 1.13).
// Of a job that CircleCI refused to run, said is what it says of that.
func (c *Client) Steps(ctx context.Context, slug string, job int64) (steps []JobStep, said []string, err error) {
	k, err := buildCall(slug, job)
	if err != nil {
		return nil, nil, err
	}
	var build wireBuild
	if _, err := c.get(ctx, k, &build); err != nil {
		return nil, nil, err
	}
	if build.Number != 0 && int64(build.Number) != job {
		return nil, nil, c.foreign(k, "job", strconv.FormatInt(int64(build.Number), 10))
	}
	for _, step := range build.Steps.is {
		for _, action := range step.is.Actions.is {
			a := action.is
			one := JobStep{Name: c.clean(string(step.is.Name)), Container: int(a.Container), Status: string(a.Status), Failed: a.failed()}
			if a.ExitCode != nil {
				one.Exit = int64(*a.ExitCode)
			}
			if link := string(a.OutputURL); c.followable(link) {
				one.link = link
			}
			steps = append(steps, one)
		}
	}
	return steps, c.lastLines(build.said()), nil
}

// Output reads what a step printed, and calls each for every line, whole and in order: plain text without control characters, without
// the token, the secrets of Options and secrets in URLs. Of a step that runs, the last line comes when it has ended. Faults: NotFound
// "no-output" where there is none, or where CircleCI has it no more; Remote; what each returns.
func (c *Client) Output(ctx context.Context, s JobStep, each func(line string) error) error {
	gone := fault.New(fault.NotFound, "no-output", "CircleCI has no output of the step %q", s.Name)
	if s.link == "" {
		return gone
	}
	k := call{method: http.MethodGet, api: "/output", subject: "the output of " + s.Name}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.link, nil)
	if err != nil {
		return gone
	}
	res, err := c.http.Do(req) // the link is signed: it needs no token, and its host must not get one
	if err != nil {
		return c.unreachable(ctx, k, err)
	}
	defer func() { _ = res.Body.Close() }() // it was read to the end, or its error is returned
	switch {
	case res.StatusCode == http.StatusForbidden, res.StatusCode == http.StatusNotFound, res.StatusCode == http.StatusGone:
		return gone // a signed link also expires
	case res.StatusCode < 200 || res.StatusCode > 299:
		body, _ := readAnswer(res.Body) // report what could be read
		return c.statusFault(k, res, body)
	}
	return c.eachLine(ctx, k, json.NewDecoder(res.Body), !s.Runs(), each)
}

// eachLine reads a JSON array of messages, whose borders need not be those of lines.
func (c *Client) eachLine(ctx context.Context, k call, d *json.Decoder, over bool, each func(string) error) error {
	failed := func(err error) error {
		if err == io.EOF || err == io.ErrUnexpectedEOF || ctx.Err() != nil { //nolint:errorlint // the decoder returns them bare
			return c.unreachable(ctx, k, io.ErrUnexpectedEOF)
		}
		return c.cannotRead(k, http.StatusOK, nil, err)
	}
	if _, err := d.Token(); err != nil {
		return failed(err)
	}
	var rest strings.Builder
	for d.More() {
		var item struct {
			Message text `json:"message"`
		}
		if err := d.Decode(&item); err != nil {
			return failed(err)
		}
		message := string(item.Message)
		for {
			line, next, ended := strings.Cut(message, "\n")
			rest.WriteString(line)
			if !ended {
				break
			}
			if err := each(c.clean(rest.String())); err != nil {
				return err
			}
			rest.Reset()
			message = next
		}
	}
	if _, err := d.Token(); err != nil {
		return failed(err)
	}
	if rest.Len() > 0 && over { // else it may go on
		return each(c.clean(rest.String()))
	}
	return nil
}
