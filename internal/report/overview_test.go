package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/run"
)

// TestStateOfABranch: one sentence for each way in which a branch can stand.
func TestStateOfABranch(t *testing.T) {
	t.Parallel()
	began := BranchOverview{Open: "3.9.4", Run: "release/3.9.4", Succeeded: 12, Total: 28}
	driven := began
	driven.Standing, driven.Driver.Login = run.StandingDriven, "jdoe"
	with := func(b BranchOverview, change func(*BranchOverview)) BranchOverview {
		change(&b)
		return b
	}
	standing := func(s run.Standing, change func(*BranchOverview)) BranchOverview {
		b := began
		b.Standing = s
		return with(b, change)
	}
	nothing := func(*BranchOverview) {}
	for want, b := range map[string]BranchOverview{
		"nothing open":                          {},
		"not begun":                             {Open: "3.9.4"},
		"cannot be read: it is broken":          {Open: "3.9.4", Error: &Error{Message: "it is broken"}},
		"jdoe drives, 12/28":                    driven,
		"jdoe drives, 12/28, ~18 min left":      with(driven, func(b *BranchOverview) { b.SecondsLeft = 18*60 + 20 }),
		"jdoe drives, 12/28, ~1 min left":       with(driven, func(b *BranchOverview) { b.SecondsLeft = 3 }),
		"jdoe drives, 12/28, ~1h05m left":       with(driven, func(b *BranchOverview) { b.SecondsLeft = 65 * 60 }),
		"jdoe drives, 12/28, on hold: a":        with(driven, func(b *BranchOverview) { b.Held, b.SecondsLeft = []string{"a"}, 60 }),
		"jdoe drives, 12/28, failed: a, 1 more": with(driven, func(b *BranchOverview) { b.Failed = []string{"a", "b"} }),
		"jdoe drives a dry run, 12/28":          with(driven, func(b *BranchOverview) { b.Run = "dry/3.9.4" }),
		"somebody drives, 12/28":                with(driven, func(b *BranchOverview) { b.Driver.Login = "" }),
		"unknown: a":                            standing(run.StandingUnknown, func(b *BranchOverview) { b.Unknown, b.Failed = []string{"a"}, []string{"b"} }),
		"failed: a, 2 more":                     standing(run.StandingFailed, func(b *BranchOverview) { b.Failed = []string{"a", "b", "c"} }),
		"on hold: a":                            standing(run.StandingStopped, func(b *BranchOverview) { b.Held = []string{"a"} }),
		"stopped, 12/28":                        standing(run.StandingStopped, nothing),
		"some were left out, 12/28":             standing(run.StandingPartial, nothing),
	} {
		if got := b.state(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for want, r := range map[string]*Ready{
		"-": nil, "not checked": {Error: &Error{}}, "1 error": {Errors: 1, Warnings: 3}, "2 warnings": {Warnings: 2}, "yes": {Offline: true},
	} {
		if got := (BranchOverview{Ready: r}).ready(); got != want {
			t.Errorf("ready: %q, want %q", got, want)
		}
	}
}

// TestOverviewTable: aligned on a terminal, and a name from outside breaks no line.
func TestOverviewTable(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	o := Overview{
		Branches: []BranchOverview{
			{Branch: "master", Open: "3.10.0", ToDo: 28, State: "not begun", Last: &LastRelease{"3.9.0", now.Add(-12 * 24 * time.Hour)}},
			{Branch: "3.9.x", Open: "3.9.5", ToDo: 3, State: "failed: policy\n-jwt", Ready: &Ready{Errors: 1}, Last: &LastRelease{"3.9.4", now.Add(-2*time.Hour - time.Minute)}},
		},
		Idle: []string{"2.0.x"}, NeedsYou: []string{"gio status"},
	}
	var b strings.Builder
	if err := OverviewTable(&b, o, 200, now); err != nil {
		t.Fatal(err)
	}
	want := `BRANCH  OPEN    TO DO  STATE                READY    LAST
master  3.10.0  28     not begun            -        3.9.0 12d
3.9.x   3.9.5   3      failed: policy -jwt  1 error  3.9.4 2h
needs you: ` + "`gio status`" + `
1 idle branch: --all
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWhereOfManyLines: a sentence names the first lines and counts the others; two components are told apart.
func TestWhereOfManyLines(t *testing.T) {
	t.Parallel()
	w := Where{Components: []string{"api", "web"}, Commit: &ChangelogCommit{SHA: "71aa6e0900", Subject: "fix"}, Idle: 2, NotIn: []Without{{Branch: "next"}, {Branch: "master", Open: "4.0.0"}}}
	for i := range 7 {
		w.First = append(w.First, TaggedVersion{"api", fmt.Sprintf("1.%d.0", i), ""})
	}
	w.Products = []Holding{{Product: "3.9.5", Component: "web", Version: "2.0.0", Branch: "3.9.x"}}
	var b strings.Builder
	if err := WhereTable(&b, w, 200, false); err != nil {
		t.Fatal(err)
	}
	want := `commit 71aa6e09 fix, api, web
first released in api 1.0.0, 1.1.0, 1.2.0, 1.3.0, 1.4.0, 2 later lines
PRODUCT  COMPONENT  RELEASED
3.9.5    web 2.0.0  open
not in: next, master (open 4.0.0), 2 idle branches
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNotesHaveRoom: GitHub takes a limited text, so that of many commits the newest are listed.
func TestNotesHaveRoom(t *testing.T) {
	t.Parallel()
	c := Changelog{Product: "Acme", From: "3.9.3", To: "3.9.4", Of: 80}
	for i := range 80 {
		part := ChangedComponent{Name: fmt.Sprintf("part-%d", i), From: "1", To: "2", Kind: operate.ComponentChanged}
		for range 250 {
			part.Commits = append(part.Commits, ChangelogCommit{SHA: strings.Repeat("a", 40), Subject: strings.Repeat("words ", 12), Author: "jdoe"})
		}
		c.Components = append(c.Components, part)
	}
	all := c.Components
	for n, most := range map[int]int{80: 10, 2: 250} {
		c.Components = all[:n]
		notes, err := ChangelogNotes(c)
		if err != nil || len(notes) > githubNotes || strings.Count(notes, "- aaaaaaa ") != n*most {
			t.Errorf("%d components: %d characters, %d commits: %v", n, len(notes), strings.Count(notes, "- aaaaaaa "), err)
		}
	}
}

// TestChangelogOnATerminal: what is longer than a line is cut, but no link; nothing in a subject is markup or a line of its own.
func TestChangelogOnATerminal(t *testing.T) {
	t.Parallel()
	c := Changelog{Product: "Acme", From: "3.9.3", To: "3.9.4", Of: 3, Components: []ChangedComponent{
		{Name: "api", From: "1.0.0", To: "1.0.1", Kind: operate.ComponentChanged, URL: "https://github.com/acme/api/compare/1.0.0...1.0.1", More: 4, Commits: []ChangelogCommit{
			{SHA: "0123456789", Subject: "fix: <b>this</b> and\x1b[31m that, at some length", Author: "jdoe"}, {SHA: "1123456789", Subject: "x", Author: "jdoe"},
		}},
		{Name: "old", From: "1.0.0", Kind: operate.ComponentRemoved},
	}}
	var text, markdown strings.Builder
	if err := ChangelogText(&text, c, 1, 40); err != nil {
		t.Fatal(err)
	}
	if err := ChangelogMarkdown(&markdown, c, 0); err != nil {
		t.Fatal(err)
	}
	want := `Acme 3.9.3 -> 3.9.4: 2 of 3 components changed, 6 commits
api 1.0.0 -> 1.0.1  6 commits  https://github.com/acme/api/compare/1.0.0...1.0.1
  0123456  fix: <b>this</b> and[31m tha…
  5 more
REMOVED  old 1.0.0
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	want = `## Acme 3.9.3 → 3.9.4: 2 of 3 components changed, 6 commits

### api 1.0.0 → 1.0.1, [6 commits](https://github.com/acme/api/compare/1.0.0...1.0.1)

- 0123456 fix: &#60;b&#62;this&#60;/b&#62; and\[31m that, at some length jdoe
- 1123456 x jdoe
- 4 more

### REMOVED old 1.0.0
`
	if diff := cmp.Diff(want, markdown.String()); diff != "" {
		t.Errorf("markdown (-want +got):\n%s", diff)
	}
}
