package circleci

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// outputServer is CircleCI with one job, and the store that its output links point to, which refuses a token.
func outputServer(t *testing.T, steps, output string) *Client {
	t.Helper()
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Authorization", "Circle-Token", "Cookie"} {
			if r.Header.Get(name) != "" {
				t.Errorf("the link was asked for with %s", name)
			}
		}
		if r.URL.Path != "/good" {
			t.Errorf("the wrong link was asked for: %s", r.URL.Path)
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(output))
	}))
	t.Cleanup(store.Close)
	ci := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1.1/project/gh/acme/gateway/12" || r.Header.Get("Circle-Token") != "s3cret" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, strings.ReplaceAll(steps, "STORE", store.URL))
	}))
	t.Cleanup(ci.Close)
	return New(Options{Host: ci.URL, Token: "s3cret"})
}

const failedStep = `{"steps":[
	{"name":"checkout","actions":[{"status":"success","exit_code":0,"output_url":"STORE/wrong"}]},
	{"name":"mvn","actions":[{"status":"failed","exit_code":1,"has_output":true,"output_url":"STORE/good?sig=x"}]},
	{"name":"cache","actions":[{"status":"failed","exit_code":1,"output_url":"STORE/wrong"}]}]}`

func out(messages ...string) string {
	var items []map[string]any
	for _, m := range messages {
		items = append(items, map[string]any{"type": "out", "time": "2026-03-04T10:00:00Z", "message": m})
	}
	data, err := json.Marshal(items)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func TestFailureOutput(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 5000 {
		many = append(many, fmt.Sprintf("line %d of a \"long\" build \\ with \u00e9", i))
	}
	tests := []struct {
		name, steps, output string
		want                []string
	}{
		{"plain", failedStep, out("one\r\ntwo\r\n", "three"), []string{"one", "two", "three"}},
		{
			"colours and progress", failedStep, out("\x1b[1;31mBUILD\x1b[0m FAILURE\n\x1b]8;;http://x\x07link\x1b]8;;\x07\n10%\r50%\r100%\r\nbell\x07 \u202eleft\u0085\n\n"),
			[]string{"BUILD FAILURE", "link", "100%", "bell left"},
		},
		{"secrets", failedStep, out("token s3cret\nsee https://u:p@host/x?sig=abc\n"), []string{"token REDACTED", "see https://REDACTED@host/x?sig=REDACTED"}},
		{"longer than what is read", failedStep, out(strings.Join(many, "\r\n")), many[4980:]},
		{"many messages", failedStep, out(withEnds(many)...), many[4980:]},
		{"no failing step", `{"steps":[{"actions":[{"status":"success","output_url":"STORE/wrong"}]}]}`, "", nil},
		{"failed without a link", `{"steps":[{"actions":[{"status":"failed"}]}]}`, "", nil},
		{"link of another kind", `{"steps":[{"actions":[{"status":"failed","output_url":"file:///etc/passwd"}]}]}`, "", nil},
		{"odd types", `{"steps":[{"actions":[{"status":"failed","exit_code":"x","output_url":"STORE/good"}]}]}`, out("a"), []string{"a"}},
		{"not JSON", failedStep, "<html>", nil},
		{"null", `null`, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := outputServer(t, tt.steps, tt.output).FailureOutput(t.Context(), "gh/acme/gateway", 12)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func withEnds(lines []string) []string {
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i] += "\n"
	}
	return lines
}

// TestFailureOutputIsSilent: whatever goes wrong, there is nothing to show and nothing to say.
func TestFailureOutputIsSilent(t *testing.T) {
	t.Parallel()
	c := outputServer(t, failedStep, out("x"))
	for name, got := range map[string][]string{
		"another job":    c.FailureOutput(t.Context(), "gh/acme/gateway", 13),
		"no job number":  c.FailureOutput(t.Context(), "gh/acme/gateway", 0),
		"no slug":        c.FailureOutput(t.Context(), "gateway", 12),
		"nobody listens": New(Options{Host: "http://127.0.0.1:1", Token: "t"}).FailureOutput(t.Context(), "gh/acme/gateway", 12),
	} {
		if len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
	}
	if New(Options{Host: "https://ci.test"}).safe("http://store.test/x") {
		t.Error("a link from https to http is followed")
	}
}

// FuzzMessages: no answer of a store breaks it, and nothing that it shows moves a cursor.
func FuzzMessages(f *testing.F) {
	for _, seed := range []string{"", "[]", out("a\nb", "c"), `x\n","time":"t"},{"message":"y"}]`, "[{\"message\":\"\\u001b[2J\"}]"} {
		f.Add([]byte(seed))
	}
	c := New(Options{Token: "s3cret"})
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, line := range c.lastLines(messages(body)) {
			if strings.ContainsAny(line, "\x1b\r\n\a\b") || len([]rune(line)) > outputColumns {
				t.Errorf("%q", line)
			}
		}
	})
}
