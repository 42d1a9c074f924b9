package report_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/report"
)

func TestFindings(t *testing.T) {
	t.Parallel()
	found := check.Report{Components: 7, Requests: 41, Findings: []check.Finding{
		{Code: check.Manifest, Severity: check.Error, Where: "release.json:12:16", What: `version "1.2" of api must be X.Y.Z-SNAPSHOT`, Do: "correct it there"},
		{Code: check.TagExists, Severity: check.Error, Component: "gateway", Where: "acme/gateway", What: "the tag 3.9.4 exists already\x1b[31m", Do: "a tag that is a mistake must go"},
		{Code: check.AutoCancel, Severity: check.Warning, Where: "gh/acme/release 3.9.x", What: "auto-cancel is on for the job that gio runs in", Do: "turn it off"},
		{Code: check.NotChecked, Severity: check.Note, What: "not checked without GitHub: tags", Do: "set GITHUB_TOKEN"},
		{Code: check.NotChecked, Severity: check.Note, What: "not checked: the rest"},
	}}
	for _, name := range []string{"api", "gateway", "portal", "webui", "repository"} {
		found.Findings = append(found.Findings, check.Finding{
			Code: check.ParameterDefaulted, Severity: check.Warning, Component: name, Where: "acme/" + name, What: "profile is declared and not sent", Do: "set it",
		})
	}
	var tabs, terminal strings.Builder
	if err := report.FindingsTable(&tabs, found, 0, false); err != nil {
		t.Fatal(err)
	}
	if err := report.FindingsTable(&terminal, found, 80, true); err != nil {
		t.Fatal(err)
	}
	golden(t, "findings-tabs.txt", tabs.String())
	golden(t, "findings-terminal.txt", strings.ReplaceAll(terminal.String(), "\x1b", "␛"))
	var json strings.Builder
	if err := report.JSON(&json, report.NewFindings(check.Report{Findings: found.Findings[:1], Components: 7, Requests: 41})); err != nil {
		t.Fatal(err)
	}
	golden(t, "findings.json", json.String())
}
