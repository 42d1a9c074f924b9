package circleci

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// canned answers every request in place, without a connection: the fuzzer needs speed.
type canned struct {
	status int
	body   string
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: c.status, Status: http.StatusText(c.status), Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(c.body)),
	}, nil
}

// FuzzReads feeds every decoder. None panics, an error is a fault without the token, and a pipeline is only judged a
// success when the JSON of its workflows says so.
func FuzzReads(f *testing.F) {
	for _, name := range []string{
		"me.json", "project.json", "pipeline_created.json", "pipeline_errored.json", "pipeline_app.json", "pipelines_page.json",
		"workflows_rerun.json", "workflows_setup.json", "workflows_success.json", "jobs_held.json", "insights_workflows.json", "insights_runs.json", "error_404.json", "error_429.txt",
	} {
		f.Add(200, fixture(f, name))
		f.Add(404, fixture(f, name))
	}
	f.Add(200, `{"items":[{"status":"success","created_at":5}],"next_page_token":"x","id":"p","state":"created"}`)
	f.Add(200, `{"items":[{"id":"w","status":"success","pipeline_id":"another"}],"id":"another","number":7}`)
	f.Add(200, `{"items":[{"id":"w","status":"failing","tag":"setup","dependencies":["a",null],"workflow_id":["w"]}],"next_page_token":"dead"}`)
	f.Add(200, `{"build_num":"7","messages":[{"message":"no credits","reason":1}],"steps":null}`)
	f.Add(200, `{"compiled":"workflows:\n  version: 2\n  release: {jobs: [a]}\n"}`)
	f.Add(200, `{"compiled":"&a [*a]"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		c := New(Options{Host: testHost, Token: testToken, HTTP: &http.Client{Transport: canned{status, body}}})
		ctx := t.Context()
		_, e1 := c.Me(ctx)
		_, e2 := c.Project(ctx, testSlug)
		p, e3 := c.Pipeline(ctx, "p")
		ws, e4 := c.Workflows(ctx, "p")
		_, e5 := c.Jobs(ctx, "w")
		_, e6 := c.Newest(ctx, testSlug)
		e7 := c.CancelWorkflow(ctx, "w")
		_, e8 := c.Settings(ctx, testSlug)
		_, e9 := c.WorkflowTimings(ctx, testSlug)
		took, e10 := c.WorkflowDurations(ctx, testSlug, "release")
		if slices.ContainsFunc(took, func(d time.Duration) bool { return d <= 0 }) {
			t.Fatalf("no time at all: %v", took)
		}
		_, e11 := c.CompiledWorkflows(ctx, "p")
		_ = c.FailureOutput(ctx, testSlug, 7)
		if e3 == nil && !strings.EqualFold(p.ID, "p") || e4 == nil && slices.ContainsFunc(ws, func(w Workflow) bool { return w.Pipeline != "" && !strings.EqualFold(w.Pipeline, "p") }) {
			t.Fatalf("believed of another pipeline: %+v, %+v", p, ws)
		}
		for _, err := range []error{e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11} {
			if err != nil && (fault.CodeOf(err) == "" || strings.Contains(err.Error(), testToken)) {
				t.Fatalf("%v", err)
			}
		}
		if e3 == nil && e4 == nil && Judge(p, ws).State == Succeeded && !strings.Contains(unescaped(body), "success") {
			t.Fatalf("a success out of nothing: %s", body)
		}
	})
}

// unescaped spells out what JSON may write as \u0073.
func unescaped(body string) string {
	var any any
	_ = json.Unmarshal([]byte(body), &any)
	plain, _ := json.Marshal(any)
	return string(plain)
}

// FuzzTrigger checks that only a complete 2xx answer with an id is a pipeline, and that only an answer which proves that
// there is none allows another attempt.
func FuzzTrigger(f *testing.F) {
	for _, name := range []string{"trigger_201.json", "trigger_200_skipped.json", "trigger_400_branch.json", "error_429.txt"} {
		for _, status := range []int{200, 201, 302, 400, 408, 429, 500} {
			f.Add(status, fixture(f, name))
		}
	}
	f.Add(201, `{"id":"x","number":1}garbage`)
	f.Add(201, `{"id":null}`)
	f.Add(201, `{"number":7,"message":"created"}`)
	f.Add(403, `<html>blocked</html>`)
	f.Add(403, `{"id":"p","message":"blocked"}`)
	f.Add(409, `{"message":"Conflict"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		c := New(Options{Host: testHost, Token: testToken, HTTP: &http.Client{Transport: canned{status, body}}})
		created, err := c.Trigger(t.Context(), request())
		complete := json.Valid([]byte(body)) && strings.HasPrefix(strings.TrimSpace(body), "{")
		if err == nil {
			if status > 299 || !complete || created.ID == "" {
				t.Fatalf("%d %q made %+v", status, body, created)
			}
			return
		}
		e := triggerError(t, err)
		final := e.Outcome == NotCreated || e.Outcome == Refused
		switch {
		case status == 429:
			if e.Outcome != Throttled {
				t.Fatalf("%d %q is %s", status, body, e.Outcome)
			}
		case final && (!complete || !strings.Contains(strings.ToLower(body), "message")):
			t.Fatalf("%d %q is %s, and CircleCI says no word", status, body, e.Outcome)
		case final != (e.Outcome != Uncertain):
			t.Fatalf("%d %q is %s", status, body, e.Outcome)
		case status >= 300 && e.Outcome == NotCreated, status < 300 && e.Outcome == Refused:
			t.Fatalf("%d %q is %s", status, body, e.Outcome)
		case e.Outcome == Refused && (status < 400 || status == 408 || status == 409 || status > 499):
			t.Fatalf("%d %q is %s", status, body, e.Outcome)
		}
	})
}
