package operate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

// pom is a repository whose branch has a pom.xml that names versions of artifacts.
func pom(branch, name, version string, dependencies ...string) sim.Repository {
	var b strings.Builder
	for _, d := range dependencies {
		artifact, version, _ := strings.Cut(d, " ")
		fmt.Fprintf(&b, "<dependency><groupId>acme</groupId><artifactId>%s</artifactId><version>%s</version></dependency>", artifact, version)
	}
	text := fmt.Sprintf("<project><groupId>acme</groupId><artifactId>%s</artifactId><version>%s</version><dependencies>%s</dependencies></project>", name, version, b.String())
	return sim.Repository{Branches: map[string]sim.Branch{branch: {Version: version, Files: map[string]string{"pom.xml": text}}}}
}

// graphed is a world in which gateway needs definition and nothing else, and all that is started fails.
func graphed() plant {
	fails := sim.Project{Runs: []sim.Run{{Outcome: sim.Failed}, {Outcome: sim.Failed}}}
	return plant{
		files: map[string]string{"gio.yaml": "order: graph\nsettle: 1s\n"},
		Scenario: sim.Scenario{
			Projects: map[string]sim.Project{"gh/acme/api": fails, "gh/acme/definition": fails, "gh/acme/gateway": fails},
			GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{
				"acme/release":    {Branches: map[string]sim.Branch{branch: {}}},
				"acme/common":     pom("1.20.x", "common", "1.20.3-SNAPSHOT"),
				"acme/api":        pom("1.25.x", "api", "1.25.1-SNAPSHOT"),
				"acme/definition": pom("1.29.x", "definition", "1.29.1-SNAPSHOT"),
				"acme/gateway":    pom("3.9.x", "gateway", "3.9.4-SNAPSHOT", "definition 1.29.1-SNAPSHOT", "common 1.20.2"),
			}},
		},
	}
}

// levels are the components of each wave, and what each needs.
func levels(p *plan.Plan) (lines []string) {
	for n, w := range p.Waves {
		for _, st := range w.Steps {
			line := fmt.Sprintf("%d %s", n+1, st.Component)
			for _, need := range st.Needs {
				line += fmt.Sprintf(" -> %s (%s)", need.Step, need)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// TestPlanByGraph: the plan of a checkout, too, says what each component needs, whether the remote answers or not.
func TestPlanByGraph(t *testing.T) {
	t.Parallel()
	byGraph := []string{"1 api", "1 definition", "2 gateway -> definition@1.29.1 (pom.xml:1 names acme:definition 1.29.1-SNAPSHOT)"}
	byWaves := []string{"1 api", "1 definition", "2 gateway"}
	for name, tt := range map[string]struct {
		options operate.PlanOptions
		edit    func(*world)
		want    []string
		warns   string
	}{
		"gio.yaml":         {operate.PlanOptions{}, nil, byGraph, ""},
		"asked for waves":  {operate.PlanOptions{Order: plan.ByWaves}, nil, byWaves, ""},
		"without a remote": {operate.PlanOptions{}, func(w *world) { gittest.Git(w, w.checkout, "remote", "set-url", "origin", w.remote+"-gone") }, byGraph, ""},
		"without GitHub": {
			operate.PlanOptions{},
			func(w *world) { delete(w.env, "GITHUB_TOKEN") },
			[]string{"1 api", "1 definition", "2 gateway -> api@1.25.1 (an earlier group) -> definition@1.29.1 (an earlier group)"},
			"set GITHUB_TOKEN",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := graphed().grow(t)
			if tt.edit != nil {
				tt.edit(w)
			}
			p, _, err := operate.Plan(t.Context(), w.operator().Setup, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, levels(p)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if said := strings.Join(p.Warnings, "\n"); !strings.Contains(said, tt.warns) {
				t.Errorf("it warns of %q", said)
			}
		})
	}
}

// TestNeedsChangedAsks: what a run has planned stays until somebody agrees to plan it anew, where something that was needed can no
// longer be had.
func TestNeedsChangedAsks(t *testing.T) {
	t.Parallel()
	w := graphed().grow(t)
	r, err := w.operator().releases(operate.ReleaseOptions{})
	w.ofKind(err, fault.PipelineFailed, "pipeline-failed")
	w.wants("after the failure", ended(r.State), []string{"api failed", "definition failed", "gateway skipped"})

	w.pulled()
	edited := strings.Replace(product, `"1.29.1-SNAPSHOT"`, `"1.29.2-SNAPSHOT"`, 1)
	gittest.Push(w, w.remote, branch, map[string]string{"release.json": edited}, "another version")
	if err := w.sim.Commit("acme/definition", "1.29.x", "work", "", map[string]string{"pom.xml": "<project><groupId>acme</groupId><artifactId>definition</artifactId><version>1.29.2-SNAPSHOT</version></project>"}); err != nil {
		t.Fatal(err)
	}
	w.pulled()
	_, err = w.operator().releases(operate.ReleaseOptions{SkipCheck: []string{check.DependencyOtherVersion}})
	w.ofKind(err, fault.Invalid, engine.NeedsChanged)
	if text := err.Error(); !strings.Contains(text, "gateway needed definition 1.29.1 (pom.xml:1 names acme:definition 1.29.1-SNAPSHOT), and needs definition 1.29.2") {
		t.Error(text)
	}

	r, err = w.operator().releases(operate.ReleaseOptions{Yes: true, SkipCheck: []string{check.DependencyOtherVersion}})
	w.ofKind(err, fault.PipelineFailed, "pipeline-failed")
	w.wants("planned anew", levels(r.Plan), []string{"1 api", "1 definition", "2 gateway -> definition@1.29.2 (pom.xml:1 names acme:definition 1.29.1-SNAPSHOT)"})
	w.neverTwice()
}

// TestPlanOfARunByWaves: a run that has begun by waves goes on so, whatever gio.yaml says, and its plan is shown so.
func TestPlanOfARunByWaves(t *testing.T) {
	t.Parallel()
	w := graphed().grow(t)
	_, err := w.operator().releases(operate.ReleaseOptions{Order: plan.ByWaves})
	w.ofKind(err, fault.PipelineFailed, "pipeline-failed")
	w.pulled()
	p, _, err := operate.Plan(t.Context(), w.operator().Setup, operate.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.wants("planned", levels(p), []string{"1 api", "1 definition", "2 gateway"})
	if said := strings.Join(p.Warnings, "\n"); !strings.Contains(said, "has begun with --order waves") {
		t.Errorf("it warns of %q", said)
	}
}
