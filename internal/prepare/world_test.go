package prepare_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/prepare"
	"github.com/gravitee-lab/gio/internal/sim"
)

// release is release.json of most tests: released and open components, one that follows the product, one in no group, and a
// name in a group that is no component.
const release = `{
  "name": "Acme",
  "version": "3.9.4-SNAPSHOT",
  "scmHttpUrl": "https://github.com/acme",
  "components": [
    {"name": "common", "version": "1.20.2", "since": "3.9.0"},
    {"name": "api", "version": "1.25.1-SNAPSHOT"},
    {"name": "gateway", "version": "3.9.3"},
    {"name": "webui"},
    {"name": "loose", "version": "1.0.0"}
  ],
  "buildDependencies": [
    ["common"],
    ["api"],
    ["gateway", "webui", "ghost"]
  ]
}
`

type repositories map[string]sim.Repository

// hub is a GitHub with those repositories.
func hub(t *testing.T, r repositories, faults ...sim.Fault) *github.Client {
	t.Helper()
	s := sim.New(sim.Scenario{GitHub: &sim.GitHub{Repositories: r, Faults: faults}})
	t.Cleanup(s.Close)
	gh, err := github.New(github.Options{URL: sim.URL + "/api/v3", Token: "any", HTTP: &http.Client{Transport: s.Transport()}})
	if err != nil {
		t.Fatal(err)
	}
	return gh
}

func parse(t *testing.T, content string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse("release.json", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// question asks about release.json on the support branch 3.9.x.
func question(t *testing.T, r repositories, request prepare.Request) prepare.Question {
	t.Helper()
	return prepare.Question{
		Manifest: parse(t, release), Options: plan.Options{Branch: "3.9.x", MainBranch: "master"}, GitHub: hub(t, r), Request: request,
	}
}

// told are the changes of an edit, each in a line.
func told(e *prepare.Edit) []string {
	var lines []string
	for _, c := range e.Changes {
		line := string(c.Action) + " " + c.Component + ": " + c.From + " -> " + c.To
		if c.Why != "" {
			line += ", " + c.Why
		}
		for _, subject := range c.Subjects {
			line += "; " + subject
		}
		lines = append(lines, line)
	}
	return lines
}

// changed are the lines of release.json that an edit takes away, and those that it brings. Commas behind them do not count.
func changed(e *prepare.Edit) []string {
	lines := func(m *manifest.Manifest) []string {
		all := strings.Split(string(m.Bytes()), "\n")
		for i, line := range all {
			all[i] = strings.TrimRight(strings.TrimSpace(line), ",")
		}
		return all
	}
	before, after := lines(e.Before), lines(e.After)
	var diff []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			diff = append(diff, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			diff = append(diff, "+ "+line)
		}
	}
	return diff
}

// wantFault holds kind, code and words of an error; the words may be those of its hints.
func wantFault(t *testing.T, err error, kind fault.Kind, code string, words ...string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Errorf("kind %d, code %q, want %d, %q: %v", fault.KindOf(err), fault.CodeOf(err), kind, code, err)
		return
	}
	text := err.Error()
	if f, ok := err.(*fault.Fault); ok { //nolint:errorlint // the hints of what Make returned, not of a cause
		text += "\n" + strings.Join(fault.HintLines(f), "\n")
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in %q", w, text)
		}
	}
}
