package ledger

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestPolicy goes through the rules of Gimlet's release policies, row by row.
func TestPolicy(t *testing.T) {
	t.Parallel()
	push := func(branch string) Revision { return Revision{Event: Push, Branch: branch} }
	pr := func(branch string) Revision { return Revision{Event: PullRequest, Branch: branch} }
	tag := func(tag string) Revision { return Revision{Event: Tag, Tag: tag} }
	says := func(message string) Revision { return Revision{Event: Push, Branch: "main", Message: message} }
	for _, row := range []struct {
		policy string
		r      Revision
		want   bool
	}{
		// Nothing, and nothing in it.
		{`null`, push("main"), false},
		{`{}`, push("main"), false},
		{`{"branch":"","tag":"","event":null,"commitMessagePatterns":[]}`, push("main"), false},
		// A branch needs push or pr, a tag needs tag.
		{`{"branch":"main","event":"push"}`, push("main"), true},
		{`{"branch":"main","event":"pr"}`, pr("main"), true},
		{`{"branch":"main"}`, push("main"), false},
		{`{"branch":"main","event":"tag"}`, Revision{Event: Tag, Branch: "main", Tag: "v1"}, false},
		{`{"tag":"v1"}`, tag("v1"), false},
		{`{"tag":"v1","event":"push"}`, Revision{Event: Push, Tag: "v1"}, false},
		{`{"tag":"v1","branch":"main","event":"tag"}`, tag("v1"), false},
		// The event is the same; alone it is enough. What nobody knows is a push.
		{`{"event":"push"}`, push("any"), true},
		{`{"event":"pr"}`, push("any"), false},
		{`{"event":"tag"}`, tag("v1"), true},
		{`{"event":"pr"}`, pr("x"), true},
		{`{"branch":"main","event":"push"}`, pr("main"), false},
		{`{"event":"else"}`, push("x"), true},
		{`{"event":""}`, push("x"), true},
		// Patterns.
		{`{"branch":"feature/*","event":"push"}`, push("feature/a/b"), true},
		{`{"branch":"feature/*","event":"push"}`, push("main"), false},
		{`{"branch":"{main,master}","event":"push"}`, push("master"), true},
		{`{"branch":"Main","event":"push"}`, push("main"), false},
		{`{"branch":"main","event":"push"}`, push(""), false},
		{`{"branch":"*","event":"push"}`, push(""), true},
		{`{"tag":"v*","event":"tag"}`, tag("v1.2"), true},
		{`{"tag":"v*","event":"tag"}`, tag("x"), false},
		// Others than.
		{`{"branch":"!main","event":"push"}`, push("main"), false},
		{`{"branch":"!main","event":"push"}`, push("dev"), true},
		{`{"branch":"!{main,master}","event":"push"}`, push("master"), false},
		{`{"branch":"!{main,master}","event":"push"}`, push("x"), true},
		{`{"branch":"!feature/*","event":"pr"}`, pr("feature/a/b"), false},
		{`{"tag":"!v1","event":"tag"}`, tag("v1"), false},
		{`{"tag":"!v*","event":"tag"}`, tag("v2"), false},
		{`{"tag":"!v*","event":"tag"}`, tag("x"), true},
		// As Gimlet does it: a pattern for tags takes a tag event without a tag.
		{`{"tag":"v*","event":"tag"}`, tag(""), true},
		// Messages.
		{`{"commitMessagePatterns":["*[deploy]*"]}`, says("fix [deploy]\nmore"), true},
		{`{"commitMessagePatterns":["*[deploy]*"]}`, says("fix d"), false},
		{`{"commitMessagePatterns":["a*","b*"],"event":"push"}`, says("bug"), true},
		{`{"commitMessagePatterns":["a*"],"event":"pr"}`, says("a"), false},
		{`{"commitMessagePatterns":["never"]}`, says("x [DEPLOY: ALL] y"), true},
		{`{"branch":"dev","event":"push","commitMessagePatterns":["*"]}`, says("[DEPLOY: ALL]"), false},
		{`{"branch":"main","event":"push","commitMessagePatterns":["*"]}`, says(""), true},
	} {
		var p *Policy
		if err := json.Unmarshal([]byte(row.policy), &p); err != nil {
			t.Fatal(err)
		}
		if got, err := p.deploys(row.r); err != nil || got != row.want {
			t.Errorf("%s on %+v: %t, %v", row.policy, row.r, got, err)
		}
	}
	if _, err := (&Policy{Branch: "[", Event: new(Push)}).deploys(push("x")); err == nil {
		t.Error("a pattern that cannot be read is none")
	}
}

func TestCleanup(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		c      *Cleanup
		branch string
		want   bool
	}{
		{nil, "x", false},
		{&Cleanup{App: "a", Event: "branchDeleted", Branch: "*"}, "x/y", true},
		{&Cleanup{App: "a", Event: "branchDeleted"}, "x", false},
		{&Cleanup{Event: "branchDeleted", Branch: "*"}, "x", false},
		{&Cleanup{App: "a", Branch: "*"}, "x", false},
		{&Cleanup{App: "a", Event: "branchDeleted", Branch: "feature/*"}, "main", false},
		{&Cleanup{App: "a", Event: "branchDeleted", Branch: "!main"}, "main", false},
		{&Cleanup{App: "a", Event: "branchDeleted", Branch: "!main"}, "x", true},
	} {
		if got, err := row.c.deletes(row.branch); err != nil || got != row.want {
			t.Errorf("%+v on %s: %t, %v", row.c, row.branch, got, err)
		}
	}
}

// TestNames: names of apps are templates, whose result is a folder.
func TestNames(t *testing.T) {
	t.Parallel()
	c := Contents{
		Context: map[string]string{"A": "context"}, Items: []map[string]any{{"A": "item", "B": 7}}, Dropped: []string{"CI_TOKEN"},
		Vars: map[string]string{"BRANCH": "Feature/Überraschung_1/", "NESTED": "x-{{ .LAST }}", "LAST": "y", "LONG": "a-very-long-name-of-a-branch/that-nobody-can-read-any-more-at-all"},
	}
	for _, row := range []struct{ file, app, why string }{
		{`{"app":"shop","env":"qa"}`, "shop", ""},
		{`{"app":"{{ .A }}","env":"qa"}`, "item", ""},
		{`{"app":"{{ .NESTED }}","env":"qa"}`, "x-y", ""},
		{`{"app":"shop-preview","env":"qa","preview":true}`, "shop-feature-berraschung-1", ""},
		{`{"app":"p-{{ .LONG | sanitizeDNSName }}","env":"qa"}`, "p-a-very-long-name-of-a-branch-that-nobody-can-read-any", ""},
		{`{"app":"{{ .BRANCH }}","env":"qa"}`, "", "cannot be the name of an app"},
		{`{"app":"a..b","env":"qa"}`, "", "cannot be the name of an app"},
		{`{"app":".git","env":"qa"}`, "", "cannot be the name of an app"},
		{`{"app":"{{ .NONE }}","env":"qa"}`, "", `map has no entry for key "NONE"`},
		{`{"app":"{{ .CI_TOKEN }}","env":"qa"}`, "", "CI_TOKEN looked secret"},
		{`{"app":"{{","env":"qa"}`, "", "cannot be filled in"},
	} {
		f, err := ParseAppFile([]byte(row.file))
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.place(f, nil)
		switch {
		case row.why == "" && (err != nil || p.App != row.app || p.Environment != "qa"):
			t.Errorf("%s: %q, %v", row.file, p.App, err)
		case row.why != "" && (err == nil || !strings.Contains(inOneLine(err), row.why)):
			t.Errorf("%s: %v, want %s", row.file, err, row.why)
		}
	}
}
