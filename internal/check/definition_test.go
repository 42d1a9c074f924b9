package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

const app = "circleci/f22b6566-597d-46d5-ba74-99ef5bb3d85c/84996744-a854-4f5e-aea3-04e2851dc1d2"

// definitionOf is the id of the pipeline definition that a project has in every world.
func definitionOf(t testing.TB, slug string) string {
	t.Helper()
	s, q := ready().open(t)
	defer s.Close()
	all, err := q.CI.Definitions(t.Context(), slug)
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	return all[0].ID
}

// TestDefinitions: what a project is triggered by must be there before anything starts.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	known := definitionOf(t, app)
	set := func(o plan.Override) func(*world) {
		return func(w *world) { w.options.Overrides = map[string]plan.Override{"api": o, "gateway": o} }
	}
	undefined := []string{"error definition-missing api", "error definition-missing gateway"}
	checkPlanted(t, []planted{
		{"there", set(plan.Override{Project: app, Definition: known}), nil, 0, ""},
		{"there, of a classic project", set(plan.Override{Project: "github/acme/api", Definition: definitionOf(t, "gh/acme/api")}), nil, 0, ""},
		{"none is named", set(plan.Override{Project: app}), undefined, 7, "definition: under the component's name in gio.yaml: " + known + " (build)"},
		{"named by its name", set(plan.Override{Project: app, Definition: "build"}), undefined, 7, "no pipeline definition build"},
		{"of another project", set(plan.Override{Project: app, Definition: definitionOf(t, "gh/acme/api")}), undefined, 7, known + " (build)"},
		{"of a server", func(w *world) {
			set(plan.Override{Project: "gh/acme/api", Definition: "d"})(w)
			w.answers("definitions", "", 404, "")
		}, []string{"warning not-checked api", "warning not-checked gateway"}, 0, "not checked: whether the project has the pipeline definition d: "},
		{"not readable", func(w *world) {
			set(plan.Override{Project: app, Definition: known})(w)
			w.answers("definitions", "", 418, "")
		}, []string{"error not-checked"}, 4, "not checked: the pipeline definition of api, gateway: "},
		{"not readable, and none is named", func(w *world) {
			set(plan.Override{Project: app})(w)
			w.answers("definitions", "", 418, "")
		}, undefined, 7, "the id stands in the project's settings"},
		{"of a project that is unknown", func(w *world) {
			set(plan.Override{Project: app, Definition: "d"})(w)
			w.Strict, w.Projects["definition"] = true, sim.Project{}
		}, []string{"error project-unknown api", "error project-unknown gateway"}, 7, ""},
	})
}

// TestUndefined: that a definition is missing is known without CircleCI, too.
func TestUndefined(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Question, *circleci.Client){
		"no client":     func(q *Question, _ *circleci.Client) { q.CI, q.NoCI = nil, "left out by --offline" },
		"token refused": func(q *Question, refused *circleci.Client) { q.CI = refused },
	} {
		w := ready()
		w.Tokens = []string{"another"}
		w.options.Overrides = map[string]plan.Override{"api": {Project: app}, "gateway": {Project: app, Definition: "d"}}
		w.ask = func(_ testing.TB, _ *sim.Sim, q *Question) { change(q, q.CI) }
		var found []string
		for _, line := range lines(w.check(t).Findings) {
			if line != "note not-checked" && line != "error token" {
				found = append(found, line)
			}
		}
		if diff := cmp.Diff([]string{"error definition-missing api"}, found); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
