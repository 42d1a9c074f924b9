package plan_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

// sample has an empty group, a group of released components, an unknown name and every kind of version.
const sample = `{
  "name": "Suite",
  "version": "3.9.4-SNAPSHOT",
  "scmHttpUrl": "https://github.com/acme/",
  "components": [
    {"name": "common", "version": "1.20.0"},
    {"name": "gateway"},
    {"name": "policy", "version": "1.2.1-SNAPSHOT"},
    {"name": "fetcher", "version": "1.3.0-SNAPSHOT"},
    {"name": "ui", "version": "2.0.0-beta.1-SNAPSHOT"}
  ],
  "buildDependencies": [["common"], [], ["fetcher", "policy", "ghost"], ["ui", "gateway"]]
}`

func parse(t *testing.T, data string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse("release.json", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func options(change func(*plan.Options)) plan.Options {
	o := plan.Options{Branch: "3.9.x", MainBranch: "master"}
	if change != nil {
		change(&o)
	}
	return o
}

func makePlan(t *testing.T, data string, change func(*plan.Options)) *plan.Plan {
	t.Helper()
	p, err := plan.Make(parse(t, data), options(change))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// outline writes a plan as one line per wave: "3: fetcher@1.3.0 policy@1.2.1".
func outline(p *plan.Plan) string {
	var b strings.Builder
	for _, w := range p.Waves {
		fmt.Fprintf(&b, "%d:", w.Group)
		for _, s := range w.Steps {
			b.WriteString(" " + string(s.ID()))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestMake(t *testing.T) {
	t.Parallel()
	got := makePlan(t, sample, nil)
	parameters := map[string]any{"gio_action": "release", "dry_run": false}
	step := func(name, version, branch, reason string) plan.Step {
		return plan.Step{
			Component: name, Version: version, Repository: "acme/" + name, Project: "gh/acme/" + name,
			Branch: branch, BranchReason: reason, Parameters: parameters,
		}
	}
	want := &plan.Plan{
		Product: "Suite", Version: "3.9.4", Tag: "3.9.4", Branch: "3.9.x",
		Waves: []plan.Wave{
			{Group: 3, Steps: []plan.Step{
				step("fetcher", "1.3.0", "master", "1.3.0 is a new minor or major version: the main branch of the release repository"),
				step("policy", "1.2.1", "1.2.x", "1.2.1 is a patch of 1.2"),
			}},
			{Group: 4, Steps: []plan.Step{
				step("ui", "2.0.0-beta.1", "3.9.x", "2.0.0-beta.1 is a pre-release, built from the branch named like the release branch"),
				step("gateway", "3.9.4", "3.9.x", "3.9.4 belongs to the line of the release branch 3.9.x"),
			}},
		},
		Excluded: []plan.Excluded{{Component: "common", Version: "1.20.0", Reason: plan.ReasonReleased}},
		Warnings: []string{"release.json:12:63: group 3 of buildDependencies names ghost, which is not a component"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(slices.Concat(want.Waves[0].Steps, want.Waves[1].Steps), got.Steps()); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	p := makePlan(t, sample, func(o *plan.Options) { o.Only = []string{"policy"} })
	p.Warnings = nil
	got, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"product":"Suite","version":"3.9.4","tag":"3.9.4","branch":"3.9.x","waves":[{"group":3,"steps":[` +
		`{"component":"policy","version":"1.2.1","repository":"acme/policy","project":"gh/acme/policy","branch":"1.2.x",` +
		`"branch_reason":"1.2.1 is a patch of 1.2","parameters":{"dry_run":false,"gio_action":"release"}}]}],"left":[` +
		`{"component":"common","version":"1.20.0","reason":"released"},` +
		`{"component":"gateway","version":"3.9.4-SNAPSHOT","reason":"not in --only"},` +
		`{"component":"fetcher","version":"1.3.0-SNAPSHOT","reason":"not in --only"},` +
		`{"component":"ui","version":"2.0.0-beta.1-SNAPSHOT","reason":"not in --only"}],"partial":true}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSelection(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		only, except []string
		want, left   string
		partial      bool
	}{
		{"only", []string{"gateway", "fetcher"}, nil, "3: fetcher@1.3.0\n4: gateway@3.9.4\n", "common policy ui", true},
		{"except (S25)", nil, []string{"ui"}, "3: fetcher@1.3.0 policy@1.2.1\n4: gateway@3.9.4\n", "common ui", true},
		{"except what is released", nil, []string{"common"}, "3: fetcher@1.3.0 policy@1.2.1\n4: ui@2.0.0-beta.1 gateway@3.9.4\n", "common", false},
		{"only all", []string{"fetcher", "policy", "ui", "gateway"}, nil, "3: fetcher@1.3.0 policy@1.2.1\n4: ui@2.0.0-beta.1 gateway@3.9.4\n", "common", false},
		{"nothing is left", []string{"ui"}, []string{"ui"}, "", "common gateway policy fetcher ui", true},
	}
	for _, tt := range tests {
		p := makePlan(t, sample, func(o *plan.Options) { o.Only, o.Except = tt.only, tt.except })
		var left []string
		for _, l := range p.Excluded {
			left = append(left, l.Component)
		}
		if outline(p) != tt.want || strings.Join(left, " ") != tt.left || p.Partial != tt.partial {
			t.Errorf("%s: got %q, left %v, partial %v", tt.name, outline(p), left, p.Partial)
		}
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	step := func(name, project, definition, branch string, parameters map[string]any) plan.Step {
		return plan.Step{Component: name, Project: project, Definition: definition, Branch: branch, Parameters: parameters}
	}
	same := func() map[string]any { return map[string]any{"n": int64(1), "dry_run": true} }
	w := plan.Wave{Steps: []plan.Step{
		step("a", "p", "", "b", same()),
		step("other branch", "p", "", "c", same()),
		step("shares with a", "p", "", "b", same()),
		step("other project", "q", "", "b", same()),
		step("other parameters", "p", "", "b", map[string]any{"n": int64(2), "dry_run": true}),
		step("other definition", "p", "d", "b", same()),
		step("none", "r", "", "b", nil),
		step("empty is none", "r", "", "b", map[string]any{}),
	}}
	var got [][]string
	for _, unit := range plan.Units(w) {
		var names []string
		for _, s := range unit {
			names = append(names, s.Component)
		}
		got = append(got, names)
	}
	want := [][]string{{"a", "shares with a"}, {"other branch"}, {"other project"}, {"other parameters"}, {"other definition"}, {"none", "empty is none"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
