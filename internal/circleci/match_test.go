package circleci

import (
	"fmt"
	"testing"
)

// TestMatchOf holds the match against every combination of what a pipeline says, does not say, and says otherwise: one
// contradiction decides, then one silence.
func TestMatchOf(t *testing.T) {
	t.Parallel()
	type fact struct {
		name string
		set  func(*Pipeline)
		says Match
	}
	facts := [][]fact{
		{
			{"number 42", func(p *Pipeline) { p.Number = 42 }, Ours},
			{"number 400", func(p *Pipeline) { p.Number = 400 }, Ours},
			{"no number", func(*Pipeline) {}, CannotTell},
			{"number 41", func(p *Pipeline) { p.Number = 41 }, NotOurs},
			{"number 7", func(p *Pipeline) { p.Number = 7 }, NotOurs},
		},
		{
			{"api", func(p *Pipeline) { p.Trigger = "api" }, Ours},
			{"no trigger", func(*Pipeline) {}, CannotTell},
			{"unknown", func(p *Pipeline) { p.Trigger = "unknown" }, CannotTell},
			{"new trigger", func(p *Pipeline) { p.Trigger = "Decoupled Ingestion System" }, CannotTell},
			{"webhook", func(p *Pipeline) { p.Trigger = "webhook" }, NotOurs},
			{"explicit", func(p *Pipeline) { p.Trigger = "explicit" }, NotOurs},
			{"scheduled", func(p *Pipeline) { p.Trigger = "scheduled_pipeline" }, NotOurs},
		},
		{
			{"bot", func(p *Pipeline) { p.Actor = "release-bot" }, Ours},
			{"bot in capitals", func(p *Pipeline) { p.Actor = "Release-Bot" }, Ours},
			{"the first driver's", func(p *Pipeline) { p.Actor = "octocat" }, Ours},
			{"no login", func(*Pipeline) {}, CannotTell},
			{"alice", func(p *Pipeline) { p.Actor = "alice" }, NotOurs},
		},
		{
			{"branch", func(p *Pipeline) { p.Branch = "3.1.x" }, Ours},
			{"no branch", func(*Pipeline) {}, CannotTell},
			{"other branch", func(p *Pipeline) { p.Branch = "3.2.x" }, NotOurs},
			{"branch in capitals", func(p *Pipeline) { p.Branch = "3.1.X" }, NotOurs},
		},
		{
			{"id", func(p *Pipeline) { p.ID = "p" }, Ours},
			{"no id", func(*Pipeline) {}, CannotTell},
		},
	}
	q := Query{After: 41, Logins: []string{"octocat", "release-bot"}, Branch: "3.1.x"}
	var try func(name string, p Pipeline, said map[Match]bool, rest [][]fact)
	tried := 0
	try = func(name string, p Pipeline, said map[Match]bool, rest [][]fact) {
		if len(rest) > 0 {
			for _, f := range rest[0] {
				next := p
				f.set(&next)
				now := map[Match]bool{f.says: true}
				for m := range said {
					now[m] = true
				}
				try(fmt.Sprintf("%s, %s", name, f.name), next, now, rest[1:])
			}
			return
		}
		tried++
		want := Ours
		switch {
		case said[NotOurs]:
			want = NotOurs
		case said[CannotTell]:
			want = CannotTell
		}
		if got := MatchOf(p, q); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	try("pipeline", Pipeline{}, nil, facts)
	if want := 5 * 7 * 5 * 4 * 2; tried != want {
		t.Errorf("%d combinations of %d", tried, want)
	}
}

// TestMatchWithoutQuestion: what gio itself does not know contradicts nothing, and agrees with nothing.
func TestMatchWithoutQuestion(t *testing.T) {
	t.Parallel()
	p := Pipeline{ID: "p", Number: 1, Trigger: "api", Actor: "release-bot", Branch: "3.1.x"}
	for name, q := range map[string]Query{
		"no login":  {Branch: "3.1.x"},
		"no branch": {Logins: []string{"release-bot"}},
	} {
		if got := MatchOf(p, q); got != CannotTell {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := MatchOf(p, Query{Logins: []string{"release-bot"}, Branch: "3.1.x"}); got != Ours {
		t.Errorf("the first pipeline of a project: %s", got)
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
		if got := PipelinesURL(host, testSlug); got != want+"/pipelines/gh/acme/widget" {
			t.Errorf("PipelinesURL(%q) = %s", host, got)
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
