package circleci

import (
	"testing"
	"time"
)

func TestMatches(t *testing.T) {
	t.Parallel()
	sent := time.Date(2022, 3, 1, 10, 0, 0, 0, time.UTC)
	query := Query{After: 41, Login: "release-bot", Branch: "3.1.x", From: sent, Until: sent.Add(time.Minute)}
	pipeline := Pipeline{
		ID: "p", Number: 42, Trigger: "api", Actor: "release-bot", Branch: "3.1.x",
		ReceivedAt: sent.Add(time.Second), CreatedAt: sent.Add(2 * time.Second),
	}
	tests := []struct {
		name string
		with func(*Pipeline, *Query)
		want bool
	}{
		{"ours", func(*Pipeline, *Query) {}, true},
		{"much later number", func(p *Pipeline, _ *Query) { p.Number = 400 }, true},
		{"same number", func(p *Pipeline, _ *Query) { p.Number = 41 }, false},
		{"earlier number", func(p *Pipeline, _ *Query) { p.Number = 40 }, false},
		{"no number", func(p *Pipeline, q *Query) { p.Number, q.After = 0, 0 }, false},
		{"no id", func(p *Pipeline, _ *Query) { p.ID = "" }, false},
		{"first pipeline", func(p *Pipeline, q *Query) { p.Number, q.After = 1, 0 }, true},
		{"webhook", func(p *Pipeline, _ *Query) { p.Trigger = "webhook" }, false},
		{"scheduled", func(p *Pipeline, _ *Query) { p.Trigger = "scheduled_pipeline" }, false},
		{"no trigger", func(p *Pipeline, _ *Query) { p.Trigger = "" }, false},
		{"other user", func(p *Pipeline, _ *Query) { p.Actor = "alice" }, false},
		{"login in capitals", func(p *Pipeline, _ *Query) { p.Actor = "Release-Bot" }, true},
		{"no user", func(p *Pipeline, _ *Query) { p.Actor = "" }, false},
		{"nobody asked by nobody", func(p *Pipeline, q *Query) { p.Actor, q.Login = "", "" }, false},
		{"other branch", func(p *Pipeline, _ *Query) { p.Branch = "3.2.x" }, false},
		{"branch in capitals", func(p *Pipeline, _ *Query) { p.Branch = "3.1.X" }, false},
		{"no branch at all", func(p *Pipeline, q *Query) { p.Branch, q.Branch = "", "" }, false},
		{"received at the first moment", func(p *Pipeline, _ *Query) { p.ReceivedAt = sent }, true},
		{"received before", func(p *Pipeline, _ *Query) { p.ReceivedAt = sent.Add(-1) }, false},
		{"received at the last moment", func(p *Pipeline, q *Query) { p.ReceivedAt = q.Until }, true},
		{"received after", func(p *Pipeline, q *Query) { p.ReceivedAt = q.Until.Add(1) }, false},
		{"open end", func(p *Pipeline, q *Query) { q.Until, p.ReceivedAt = time.Time{}, sent.Add(24*time.Hour) }, true},
		{"only created", func(p *Pipeline, _ *Query) { p.ReceivedAt = time.Time{} }, true},
		{"only created, after", func(p *Pipeline, q *Query) { p.ReceivedAt, p.CreatedAt = time.Time{}, q.Until.Add(1) }, false},
		{"received decides", func(p *Pipeline, q *Query) { p.CreatedAt = q.Until.Add(1) }, true},
		{"no time", func(p *Pipeline, q *Query) { p.ReceivedAt, p.CreatedAt, q.From = time.Time{}, time.Time{}, time.Time{} }, false},
	}
	for _, tt := range tests {
		p, q := pipeline, query
		tt.with(&p, &q)
		if got := Matches(p, q); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"":                              "https://app.circleci.com",
		"https://circleci.com":          "https://app.circleci.com",
		"https://circleci.com/":         "https://app.circleci.com",
		"circleci.com":                  "https://app.circleci.com",
		"https://app.circleci.com":      "https://app.circleci.com",
		"https://ci.acme.example:8443":  "https://app.ci.acme.example:8443",
		"https://me:secret@ci.acme.org": "https://app.ci.acme.org",
		"http://127.0.0.1:8080":         "http://127.0.0.1:8080",
		"http://[::1]:8080":             "http://[::1]:8080",
		"http://localhost:8080":         "http://localhost:8080",
		"http://%zz":                    "https://circleci.com",
	} {
		if got := PipelineURL(host, testSlug, 42); got != want+"/pipelines/gh/acme/widget/42" {
			t.Errorf("PipelineURL(%q) = %s", host, got)
		}
		if got := WorkflowURL(host, "gh/a/b?", 7, "w/x"); got != want+"/pipelines/gh/a/b%3F/7/workflows/w%2Fx" {
			t.Errorf("WorkflowURL(%q) = %s", host, got)
		}
	}
	for host, want := range map[string]string{"": "https://circleci.com", " http://ci.test// ": "http://ci.test", "ci.test": "https://ci.test"} {
		if got := New(Options{Host: host}).Host(); got != want {
			t.Errorf("Host of %q is %s", host, got)
		}
	}
}
