package circleci

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// outputServer is CircleCI with one job, and the store behind its output links, which refuses a token.
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
		{
			"refused before it began", `{"steps":[],"messages":[{"type":"error","message":"resource-class:xlarge is not available on your plan.","reason":"resource-class"},{"message":"token s3cret\u001b[2J"}]}`, "",
			[]string{"resource-class:xlarge is not available on your plan.", "token REDACTED"},
		},
		{"refused, and a step without output", `{"messages":[{"message":"blocked"}],"steps":[{"actions":[{"status":"failed"}]}]}`, "", []string{"blocked"}},
		{"what it printed tells more", strings.Replace(failedStep, `{"steps"`, `{"messages":[{"message":"warned"}],"steps"`, 1), out("one"), []string{"one"}},
		{"odd messages", strings.Replace(failedStep, `{"steps"`, `{"messages":"warned","steps"`, 1), out("one"), []string{"one"}},
		{"another job", `{"build_num":13,"messages":[{"message":"x"}]}`, "", nil},
		{"this job", `{"build_num":12,"messages":[{"message":"x"}]}`, "", []string{"x"}},
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

// TestFailureOutputIsSilent: whatever goes wrong, there are no lines and no error.
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
}

// TestFollowable: gio follows a link to the hosts that CircleCI uses, and to the host that it was given; nobody else is asked.
func TestFollowable(t *testing.T) {
	t.Parallel()
	const cloud, server, local = "https://circleci.com", "https://ci.example.org:8443", "http://127.0.0.1:8787"
	for _, tt := range []struct {
		host, link string
		want       bool
	}{
		{cloud, "https://circle-production-action-output.s3.amazonaws.com/1-0-0?X-Amz-Signature=x", true},
		{cloud, "https://circleci.com/api/private/output/presigned/1/0/108?token=x", true},
		{cloud, "https://OUTPUT.circleci.com/x", true},
		{server, "https://circle-production-action-output.s3.amazonaws.com/1", true},
		{server, "https://ci.example.org/output/1", true},
		{local, "http://127.0.0.1:8788/output/1", true},
		{local, "http://localhost:8787/output/1", true},
		{cloud, "http://circleci.com/x", false},
		{cloud, "http://bucket.s3.amazonaws.com/x", false},
		{cloud, "https://amazonaws.com.example.org/x", false},
		{cloud, "https://evilcircleci.com/x", false},
		{cloud, "https://circleci.com@example.org/x", false},
		{cloud, "https://127.0.0.1/x", false},
		{cloud, "https://169.254.169.254/latest/meta-data", false},
		{cloud, "https://ci.example.org/x", false},
		{server, "http://ci.example.org/x", false},
		{server, "https://sub.ci.example.org/x", false},
		{local, "http://10.0.0.1/x", false},
		{cloud, "file:///etc/passwd", false},
		{cloud, "//circleci.com/x", false},
		{cloud, "", false},
	} {
		if got := New(Options{Host: tt.host}).followable(tt.link); got != tt.want {
			t.Errorf("%s from %s: %v", tt.link, tt.host, got)
		}
	}
}

// TestFailureOutputOfAStranger: a link to another host gives no lines, and no request.
func TestFailureOutputOfAStranger(t *testing.T) {
	t.Parallel()
	var asked []string
	wire := roundTripper(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Host)
		body := strings.ReplaceAll(failedStep, "STORE", "https://store.example.org")
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})
	c := New(Options{Token: "s3cret", HTTP: &http.Client{Transport: wire}})
	if got := c.FailureOutput(t.Context(), "gh/acme/gateway", 12); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if diff := cmp.Diff([]string{"circleci.com"}, asked); diff != "" {
		t.Error(diff)
	}
}

// TestFailureOutputHidesSecrets: those of all systems, also one with a colour in it, and one that is a part of another.
func TestFailureOutputHidesSecrets(t *testing.T) {
	t.Parallel()
	c := New(Options{Token: "circle-token", Secrets: []string{"github", "github-token", "https://hooks.example.org/services/T0/B0/secret"}})
	got := c.lastLines("a circle-token b\ngithub-token\ngit\x1b[1mhub-to\x1b[0mken\ncurl https://hooks.example.org/services/T0/B0/secret\n")
	if diff := cmp.Diff([]string{"a REDACTED b", "REDACTED", "REDACTED", "curl REDACTED"}, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzMessages: no answer of a store makes it panic, and no line moves a cursor.
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
