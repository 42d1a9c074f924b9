package simtest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/sim/simtest"
)

// spy records the failures that Contract reports.
type spy struct {
	testing.TB
	failures []string
}

func (s *spy) Errorf(format string, args ...any) {
	s.failures = append(s.failures, fmt.Sprintf(format, args...))
}

func TestContractFindsViolations(t *testing.T) {
	t.Parallel()
	const (
		created  = `{"id":"5034460f-c7c4-4c43-9457-de07e2029e7b","state":"pending","number":1,"created_at":"2026-08-20T10:19:23.471Z"}`
		slug     = "/api/v2/project/gh/acme/widget"
		workflow = "/api/v2/workflow/fda08377-fe7e-46b1-8992-3a7aaecac9c3"
		mine     = `{"items":[],"next_page_token":null}`
		yes      = `{"message":"Accepted."}`
	)
	tests := []struct {
		name, method, path, body string
		status                   int
		answer                   string
		want                     string // part of the only failure, "" for none
	}{
		{"trigger", "POST", slug + "/pipeline", `{"branch":"a","parameters":{"b":true}}`, 201, created, ""},
		{"escaped slug", "POST", "/api/v2/project/gh%2Facme%2Fwidget/pipeline", `{}`, 201, created, ""},
		{"run", "POST", slug + "/pipeline/run", `{"config":{"branch":"a"}}`, 201, created, ""},
		{"mine", "GET", slug + "/pipeline/mine", "", 200, mine, ""},
		{"settings", "GET", slug + "/settings", "", 200, `{"advanced":{}}`, ""},
		{"missing field", "POST", slug + "/pipeline", `{}`, 201, `{"id":"5034460f-c7c4-4c43-9457-de07e2029e7b"}`, "number"},
		{"id is no UUID", "POST", slug + "/pipeline", `{}`, 201, strings.Replace(created, "5034460f-", "", 1), "uuid"},
		{"time is none", "POST", slug + "/pipeline", `{}`, 201, strings.Replace(created, "T10", " 10", 1), "date-time"},
		{"parameter is a list", "POST", slug + "/pipeline", `{"parameters":{"b":[]}}`, 201, created, "request"},
		{"the same, refused", "POST", slug + "/pipeline", `{"parameters":{"b":[]}}`, 400, `{"message":"no"}`, ""},
		{"refused wrongly", "POST", slug + "/pipeline", `{}`, 400, `{"message":5}`, "message"},
		{"unknown path", "GET", "/api/v2/nothing", "", 200, "{}", "no such path"},
		{"unknown path, refused", "GET", "/api/v2/nothing", "", 404, "{}", ""},
		{"path id is no UUID", "GET", "/api/v2/workflow/x", "", 200, "{}", "request"},
		{"body where none belongs", "POST", workflow + "/cancel", `{}`, 202, yes, "a body of 2 bytes"},
		{"no body", "POST", workflow + "/cancel", "", 202, yes, ""},
		{"gateway", "GET", "/api/v2/me", "", 502, "<html>", ""},
		{"redirect", "GET", "/api/v2/me", "", 302, "", ""},
		{"older API", "GET", "/api/v1.1/project/gh/acme/widget/1", "", 200, "{}", ""},
		{"step output", "GET", "/output/a/1", "", 200, "[]", ""},
		{"insights", "GET", "/api/v2/insights/gh/acme/widget/workflows", "", 200, mine, ""},
		{"insights, escaped slug", "GET", "/api/v2/insights/gh%2Facme%2Fwidget/workflows/release", "", 200, mine, ""},
		{"insights without items", "GET", "/api/v2/insights/gh/acme/widget/workflows", "", 200, "{}", "items"},
		{"throttled", "GET", "/api/v2/me", "", 429, `{"message":"slow"}`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &spy{TB: t}
			h := simtest.Contract(s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if body, _ := io.ReadAll(r.Body); string(body) != test.body {
					t.Errorf("the handler read %q", body)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.answer)
			}))
			r := httptest.NewRequest(test.method, test.path, strings.NewReader(test.body))
			r.Header.Set("Content-Type", "application/json")
			got := httptest.NewRecorder()
			h.ServeHTTP(got, r)
			if got.Code != test.status || got.Body.String() != test.answer {
				t.Errorf("passed on %d %q", got.Code, got.Body)
			}
			all := strings.Join(s.failures, "\n")
			if (test.want == "") != (len(s.failures) == 0) || !strings.Contains(all, test.want) {
				t.Errorf("failures %q, want %q", all, test.want)
			}
		})
	}
}

func TestContractFindsAMissingContentType(t *testing.T) {
	t.Parallel()
	s := &spy{TB: t}
	h := simtest.Contract(s, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"5034460f-c7c4-4c43-9457-de07e2029e7b","state":"pending","number":1,"created_at":"2026-08-20T10:19:23.471Z"}`)
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/api/v2/project/gh/acme/widget/pipeline", strings.NewReader(`{"branch":"a"}`)))
	if len(s.failures) != 1 {
		t.Errorf("failures %q, want one", s.failures)
	}
}
