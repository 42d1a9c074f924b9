package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

func reportStory(t *testing.T, s *story, o report.StoryOptions) *report.Story {
	t.Helper()
	o.Command = "`gio release`"
	if o.Now.IsZero() {
		o.Now = s.state.Time.Add(time.Minute)
	}
	got, err := report.NewStory(s.events, o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func lastLines(st run.Step) []string {
	return []string{"building " + st.ID.Component(), "[ERROR] it does not compile"}
}

// nextDay is a run whose failure was fixed overnight.
func nextDay(t *testing.T) *story {
	t.Helper()
	later := planned()
	later.Driver = &run.Driver{ID: "two", Login: "octocat", Job: "https://circleci.com/gh/gravitee-io/release/78", Gio: "1.2.3"}
	return newStory(t).
		at("10:00:00", begin()...).
		at("10:00:01", intent(1, parent), triggered(parent)).
		at("10:30:00", run.Event{Type: run.Failed, Steps: []plan.StepID{parent}, Code: "pipeline-failed", Reason: "workflow release failed", Workflow: "release", Job: "build", URL: link(parent) + "/workflows/w"}).
		at("10:30:01", run.Event{Type: run.Stopped, Code: "pipeline-failed", Reason: "failed: gravitee-parent"}).
		at("22:00:00", later).
		at("22:00:01", intent(1, parent), triggeredAgain(parent)).
		at("22:20:00", run.Event{Type: run.Succeeded, Steps: []plan.StepID{parent}, Commit: "0a8f1c2e3d4b5a69788796a5b4c3d2e1f0a1b2c3"}).
		at("22:20:01", intent(1, common, node, policy), triggered(common, node, policy)).
		at("22:31:00", held(common, node, policy))
}

func stories(t *testing.T) map[string]*report.Story {
	t.Helper()
	drives := nextDay(t)
	lease := run.Lease{Driver: "two", Login: "octocat", Since: drives.state.Time, Renewed: drives.state.Time}
	return map[string]*report.Story{
		"stopped":  reportStory(t, firstSession(t), report.StoryOptions{Output: lastLines}),
		"finished": reportStory(t, secondSession(t), report.StoryOptions{}),
		"driven":   reportStory(t, drives, report.StoryOptions{Lease: lease}),
	}
}

// TestStory compares every format with its golden file.
func TestStory(t *testing.T) {
	for name, s := range stories(t) {
		t.Run(name, func(t *testing.T) {
			var page, markdown, asJSON bytes.Buffer
			err := errors.Join(
				report.StoryPage(&page, s, "1.2.3", s.LastEvent.Add(time.Hour)), report.StoryMarkdown(&markdown, s), report.JSON(&asJSON, s),
			)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "story-"+name+".html", style.ReplaceAllString(allowedStyle.ReplaceAllString(page.String(), "sha256-…"), "<style>…</style>"))
			golden(t, "story-"+name+".md", markdown.String())
			golden(t, "story-"+name+".json", asJSON.String())
		})
	}
}

var (
	style        = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	allowedStyle = regexp.MustCompile(`sha256-([A-Za-z0-9+/=]+)`)
)

// TestPageLoadsNothing: the page names no other file, and its policy forbids what a hostile name would like to load.
func TestPageLoadsNothing(t *testing.T) {
	for name, s := range map[string]*report.Story{"stopped": stories(t)["stopped"], "driven": stories(t)["driven"], "hostile": hostileStory(t)} {
		t.Run(name, func(t *testing.T) {
			var page bytes.Buffer
			if err := report.StoryPage(&page, s, "1.2.3", s.LastEvent); err != nil {
				t.Fatal(err)
			}
			text := page.String()
			sum := sha256.Sum256([]byte(style.FindStringSubmatch(text)[1]))
			if want, got := base64.StdEncoding.EncodeToString(sum[:]), allowedStyle.FindStringSubmatch(strings.ReplaceAll(text, "&#43;", "+"))[1]; got != want {
				t.Errorf("the policy allows the style %s, the page has %s", got, want)
			}
			if !strings.Contains(text, `content="default-src &#39;none&#39;; style-src &#39;sha256-`) {
				t.Error("no policy forbids to load")
			}
			checkElements(t, text)
		})
	}
}

// checkElements fails unless the elements are closed, known, and have no attribute that loads or runs anything.
func checkElements(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch e.Name.Local {
		case "script", "img", "link", "iframe", "object", "embed", "base", "form", "use", "image":
			t.Errorf("element %s", e.Name.Local)
		}
		for _, a := range e.Attr {
			isLink := e.Name.Local == "a" && a.Name.Local == "href"
			if isLink && !strings.HasPrefix(a.Value, "http") || !isLink && strings.Contains(a.Value, "://") || strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "style" || a.Name.Local == "src" {
				t.Errorf("<%s %s=%q>", e.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
}

// hostileStory is a run in which every text contains markup and control characters.
func hostileStory(t *testing.T) *report.Story {
	t.Helper()
	const bad = `"><script>alert(1)</script><img src=https://evil.example/x onerror=alert(1)>` + "\x1b[31m`x`|y"
	id := plan.ID(bad, "1.0.0")
	events := begin()
	events[0].Header.Product, events[0].Header.Branch = bad, bad
	events[1].Plan = &plan.Plan{
		Product: bad, Version: "3.9.4", Branch: bad, Waves: []plan.Wave{{Group: 1, Steps: []plan.Step{{Component: bad, Version: "1.0.0", Repository: bad}}}},
		Excluded: []plan.Excluded{{Component: bad + "2", Version: bad, Reason: plan.ReasonReleased}},
	}
	events[1].Driver = &run.Driver{ID: "one", Login: bad, Job: "javascript:alert(1)", Gio: bad}
	s := newStory(t).at("10:00:00", events...).
		at("10:00:01", run.Event{Type: run.Intent, Steps: []plan.StepID{id}, Send: 1, Project: bad}).
		at("10:00:02", run.Event{Type: run.Triggered, Steps: []plan.StepID{id}, Pipeline: &run.Pipeline{ID: bad, Number: 1, URL: "javascript:alert(1)"}}).
		at("10:00:03", run.Event{Type: run.Failed, Steps: []plan.StepID{id}, Reason: bad, Workflow: bad, Job: bad, URL: "data:text/html," + bad}).
		at("10:00:04", run.Event{Type: run.Stopped, Reason: bad})
	return reportStory(t, s, report.StoryOptions{Output: func(run.Step) []string { return []string{bad} }})
}

// TestHostileStoryInMarkdown: no text of a run is Markdown or HTML.
func TestHostileStoryInMarkdown(t *testing.T) {
	var text bytes.Buffer
	if err := report.StoryMarkdown(&text, hostileStory(t)); err != nil {
		t.Fatal(err)
	}
	const own = "`gio release`" // a command of gio's own, which stays code so that it can be copied
	if !strings.Contains(text.String(), "\n- "+own+" once") {
		t.Errorf("what to type is not code:\n%s", &text)
	}
	for line := range strings.Lines(strings.ReplaceAll(text.String(), own, "")) {
		if !strings.HasPrefix(line, "    ") && (strings.Contains(line, "<") || strings.Contains(strings.ReplaceAll(line, "\\`", ""), "`") || strings.Contains(line, "](java")) {
			t.Errorf("%s", line)
		}
	}
}

// TestCriticalPath: of each wave the step that ended last, whatever failed before.
func TestCriticalPath(t *testing.T) {
	s := stories(t)["finished"]
	var got []string
	for _, w := range s.Waves {
		for _, st := range w.Steps {
			if st.Critical {
				got = append(got, st.Component)
			}
		}
	}
	if strings.Join(got, " ") != "gravitee-parent gravitee-common gravitee-gateway" {
		t.Errorf("critical: %v", got)
	}
}

// TestStoryOfADamagedJournal: the error names the impossible event.
func TestStoryOfADamagedJournal(t *testing.T) {
	s := firstSession(t)
	if _, err := report.NewStory(s.events[1:], report.StoryOptions{}); err == nil {
		t.Error("a journal without its beginning gave a story")
	}
}
