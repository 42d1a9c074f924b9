package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// What a release names wrongly is said with its line wherever its component is: as a question, or beside a success that counts.
func TestWrongPoms(t *testing.T) {
	t.Parallel()
	const warning, wrong = "at its tag 1.19.1, pom.xml:7 names a SNAPSHOT", "at its tag 1.10.2, pom.xml:9 names a branch build"
	counts := succeeded(common)
	counts.Reason = warning
	asked := run.Event{Type: run.Unknown, Steps: []plan.StepID{node}, Code: run.WrongPoms, Reason: wrong, URL: link(node)}
	s := newStory(t).at("10:00:00", begin()...).at("10:00:01", intent(1, parent), triggered(parent)).at("10:03:00", succeeded(parent)).
		at("10:03:01", intent(1, common), intent(1, node), triggered(common), triggered(node)).at("10:08:00", counts).at("10:09:00", asked)
	var summary, page, markdown bytes.Buffer
	story := reportStory(t, s, report.StoryOptions{Now: clockAt(t, "10:30:00"), Command: "`gio release`"})
	for _, err := range []error{
		report.Summary(&summary, s.state, "`gio release`", false), report.StoryPage(&page, story, "1.0.0", clockAt(t, "10:30:00")), report.StoryMarkdown(&markdown, story),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	text, blocks := report.SlackFailure(asked, s.state)
	for name, all := range map[string]string{"lines": strings.Join(s.lines, "\n"), "summary": summary.String(), "page": page.String(), "markdown": markdown.String()} {
		if !strings.Contains(all, warning) && !strings.Contains(all, strings.ToUpper(warning[:1])+warning[1:]) {
			t.Errorf("%s lacks the warning:\n%s", name, all)
		}
		if !strings.Contains(all, wrong) && !strings.Contains(all, strings.ToUpper(wrong[:1])+wrong[1:]) {
			t.Errorf("%s lacks what is wrong:\n%s", name, all)
		}
	}
	if said := summary.String(); !strings.Contains(said, "next: `gio resolve gravitee-node --released` if it may stay so; or delete its tag, then `--not-triggered`") || strings.Contains(said, "--pipeline") {
		t.Error(said)
	}
	inSlack, err := json.Marshal(blocks)
	if said := text + string(inSlack); err != nil || !strings.Contains(said, wrong) || !strings.Contains(said, "nothing builds on it until somebody runs") {
		t.Error(said)
	}
}
