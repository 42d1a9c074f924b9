package report_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/doctor"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// sick is a report with a row of each kind: two that disagree, one that could not be read, one that agrees.
func sick() *doctor.Report {
	row := func(name string, code doctor.Code, what, do string) doctor.Row {
		f := doctor.Facts{Component: name, Version: "1.30.4-SNAPSHOT", Open: true, TagRead: true, Step: run.Step{Status: run.Pending}}
		return doctor.Row{Facts: f, Code: code, What: what, Do: do}
	}
	tagged := row("gravitee-gateway", doctor.Released, "the tag 1.30.4 exists in acme/gravitee-gateway and 1.30.x says 1.30.5-SNAPSHOT already: it was released by hand, or release.json was not written",
		"release.json: 1.30.4, since 3.9.4 (`gio doctor --fix`)")
	tagged.Tag, tagged.Stated = "1.30.4", "1.30.5-SNAPSHOT"
	runs := row("api", doctor.RunsAgain, "pipeline #7 had failed and is \x1b[31mrunning", "`gio release` watches it to its end")
	runs.Own, runs.Step.Status = &doctor.Pipeline{Number: 7, State: circleci.Running}, run.HasFailed
	runs.Others = []doctor.Pipeline{{Number: 6, State: circleci.Failed}}
	unread := row("webui", doctor.NotRead, "it could not be compared: no answer", "")
	unread.TagRead = false
	return &doctor.Report{
		Name: "Acme", Version: "3.9.4-SNAPSHOT", Branch: "3.9.x", Compared: true, Driver: "octocat, since then",
		Product:    []doctor.Product{{Code: doctor.JournalLost, What: "the tag 3.9.4_START says that the release has begun", Do: "`gio doctor --fix` writes it anew"}},
		Components: []doctor.Row{tagged, runs, unread, row("common", doctor.Agrees, "", "")},
	}
}

func TestDoctorTable(t *testing.T) {
	t.Parallel()
	well := &doctor.Report{Name: "Acme", Version: "3.9.4-SNAPSHOT", Branch: "3.9.x", Components: []doctor.Row{{Code: doctor.Agrees}}}
	for name, tt := range map[string]struct {
		report     *doctor.Report
		all, color bool
		columns    int
	}{
		"doctor-terminal.txt": {report: sick(), columns: 100},
		"doctor-narrow.txt":   {report: sick(), columns: 50, all: true},
		"doctor-color.txt":    {report: sick(), columns: 100, color: true},
		"doctor-tabs.txt":     {report: sick(), all: true},
		"doctor-well.txt":     {report: well, columns: 80},
	} {
		var b strings.Builder
		if err := report.DoctorTable(&b, tt.report, tt.all, tt.columns, tt.color); err != nil {
			t.Fatal(err)
		}
		golden(t, name, strings.ReplaceAll(b.String(), "\x1b", "␛"))
	}
}

func TestRebuilt(t *testing.T) {
	t.Parallel()
	s := newStory(t).at("10:00:00", begin()...).at("10:00:00",
		resolved(run.AnswerReleased, parent),
		run.Event{Type: run.Failed, Steps: []plan.StepID{common, node}, Code: "journal-lost"},
		run.Event{Type: run.Resolved, Status: run.AnswerPipeline, Steps: []plan.StepID{common}, Pipeline: &run.Pipeline{ID: "p", Number: 7, URL: link(common)}},
		unknown(node),
	)
	var b strings.Builder
	if err := report.Rebuilt(&b, s.state); err != nil {
		t.Fatal(err)
	}
	golden(t, "doctor-rebuilt.txt", b.String())
}
