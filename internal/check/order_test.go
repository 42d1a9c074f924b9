package check

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/needs"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

// names is a pom.xml that names versions of artifacts, each in a line of its own, from the third.
func names(artifact, version string, dependencies ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<project><groupId>org.acme</groupId><artifactId>%s</artifactId><version>%s-SNAPSHOT</version>\n<dependencies>\n", artifact, version)
	for _, d := range dependencies {
		name, version, _ := strings.Cut(d, " ")
		fmt.Fprintf(&b, "<dependency><groupId>org.acme</groupId><artifactId>%s</artifactId><version>%s</version></dependency>\n", name, version)
	}
	return b.String() + "</dependencies></project>"
}

// holding are the files of api, definition and gateway; more are added to those of api.
func holding(api, definition, gateway string, more map[string]string) func(*world) {
	return func(w *world) {
		files := map[string]string{"pom.xml": api}
		for path, text := range more {
			files[path] = text
		}
		w.holds("acme/api", "1.25.x", "1.25.1-SNAPSHOT", files)
		w.holds("acme/definition", "1.29.x", "1.29.0-SNAPSHOT", map[string]string{"pom.xml": definition})
		w.holds("acme/gateway", "3.9.x", "3.9.4-SNAPSHOT", map[string]string{"pom.xml": gateway})
		w.repository("acme/definition", func(r *sim.Repository) {
			r.Branches = map[string]sim.Branch{"master": r.Branches["1.29.x"]}
		})
	}
}

// declaring is what gio.yaml says beside the files.
func declaring(files func(*world), declared ...needs.Declared) func(*world) {
	return func(w *world) {
		files(w)
		w.options.Declared = declared
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	api, definition, gateway := names("api", "1.25.1"), names("definition", "1.29.0"), names("gateway", "3.9.4")
	wrong := []string{"error order-wrong api"}
	checkPlanted(t, []planted{
		{"right", holding(api, definition, names("gateway", "3.9.4", "api 1.25.1-SNAPSHOT", "definition 1.29.0"), nil), nil, 0, ""},
		{
			"a later group", holding(names("api", "1.25.1", "gateway 3.9.4-SNAPSHOT"), definition, gateway, nil), wrong, 7,
			`"where":"acme/api 1.25.x pom.xml:3","what":"api (group 2) would be built before gateway 3.9.4 (group 3), which it names: org.acme:gateway 3.9.4-SNAPSHOT","do":"` + "`gio prepare --group gateway@1`",
		},
		{"the same group", holding(names("api", "1.25.1", "definition 1.29.0"), definition, gateway, nil), wrong, 7, "definition 1.29.0 (group 2)"},
		{"a lower version, which a release job raises", holding(names("api", "1.25.1", "gateway 3.9.3"), definition, gateway, nil), wrong, 7, "org.acme:gateway 3.9.3"},
		{"a property of nobody", holding(names("api", "1.25.1", "gateway ${v}"), definition, gateway, nil), wrong, 7, "org.acme:gateway ${v}"},
		{"an older line", holding(names("api", "1.25.1", "gateway 3.8.1"), definition, gateway, nil), []string{"note dependency-older"}, 0, "versions of older lines stay: gateway 3.8.1 in api"},
		{"a module", holding(strings.Replace(api, "<dependencies>", "<modules><module>core</module></modules><dependencies>", 1), definition, gateway,
			map[string]string{"core/pom.xml": names("api-core", "1.25.1", "gateway 3.9.4")}), wrong, 7, `"where":"acme/api 1.25.x core/pom.xml:3"`},
		{"a module of a module", holding(strings.Replace(api, "<dependencies>", "<modules><module>core</module></modules><dependencies>", 1), definition, gateway,
			map[string]string{
				"core/pom.xml":      strings.Replace(names("api-core", "1.25.1"), "<dependencies>", "<modules><module>deep</module><module>gone</module></modules><dependencies>", 1),
				"core/deep/pom.xml": names("api-deep", "1.25.1", "gateway 3.9.4"),
			}), wrong, 7, `core/deep/pom.xml:3"`},
		{"an artifact of a module", holding(strings.Replace(api, "<dependencies>", "<modules><module>core</module></modules><dependencies>", 1), names("definition", "1.29.0", "api-core 1.25.1-SNAPSHOT"), gateway,
			map[string]string{"core/pom.xml": names("api-core", "1.25.1")}), []string{"error order-wrong definition"}, 7, "before api 1.25.1"},
		{
			"each needs the other", holding(names("api", "1.25.1", "definition 1.29.0"), names("definition", "1.29.0", "api 1.25.1"), gateway, nil),
			[]string{"error order-wrong api", "error order-wrong definition", "error dependency-cycle api"},
			7, "api -> definition -> api",
		},
		{"a SNAPSHOT of nobody", holding(names("api", "1.25.1", "common 1.21.0-SNAPSHOT"), definition, gateway, nil), []string{"error dependency-not-open api"}, 7, "org.acme:common 1.21.0-SNAPSHOT, which this run does not release"},
		{"a SNAPSHOT of another version", holding(api, definition, names("gateway", "3.9.4", "api 1.26.0-SNAPSHOT"), nil), []string{"error dependency-other-version gateway"}, 7, "and this run releases 1.25.1"},
		{"two versions", holding(api, names("definition", "1.29.0", "gateway 3.8.0"), names("gateway", "3.9.4", "api 1.25.1"), map[string]string{"x/pom.xml": ""}), []string{"note dependency-older"}, 0, ""},
		{"not readable", holding("<project><version>1.25.1-SNAPSHOT</version></project>", definition, names("gateway", "3.9.4", "api 1.25.1"), nil), nil, 0, ""},
		{
			"a module that is no XML", holding(strings.Replace(api, "<dependencies>", "<modules><module>core</module></modules><dependencies>", 1), definition, gateway, map[string]string{"core/pom.xml": "<project>"}),
			[]string{"warning dependency-unknown api"},
			0, "core/pom.xml cannot be read",
		},
		{
			"declared in gio.yaml", declaring(holding(api, definition, gateway, nil), needs.Declared{From: "api", To: "gateway", Place: needs.Place{File: "gio.yaml", Line: 4}}), wrong, 7,
			`"where":"gio.yaml:4","what":"api (group 2) would be built before gateway 3.9.4 (group 3), which it is said to need"`,
		},
		{"declared to be none", declaring(holding(names("api", "1.25.1", "gateway 3.9.4"), definition, gateway, nil), needs.Declared{From: "api", To: "gateway", NotFor: "tests only"}), nil, 0, ""},
		{
			"declared to be none, and a SNAPSHOT", declaring(holding(api, definition, names("gateway", "3.9.4", "api 1.25.1-SNAPSHOT"), nil), needs.Declared{From: "gateway", To: "api", NotFor: "tests only", Place: needs.Place{File: "gio.yaml", Line: 6}}),
			[]string{"error dependency-needed gateway"},
			7, `"where":"gio.yaml:6","what":"not_needed says that it does not need api, but it names org.acme:api 1.25.1-SNAPSHOT (acme/gateway 3.9.x pom.xml:3), which exists only once api is released"`,
		},
		{"an artifact of two", holding(api, names("api", "1.29.0"), gateway, nil), []string{"warning dependency-unknown definition"}, 0, "which is an artifact of api, too"},
	})
}

// TestOrderByGraph: by the graph nothing is said of the order, also where a run that has begun goes by an older one, or no plan by it
// could be made.
func TestOrderByGraph(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Question){
		"frozen":    func(q *Question) { q.Plan.Order = plan.ByGraph },
		"asked for": func(q *Question) { q.ByGraph = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ready()
			holding(names("api", "1.25.1", "gateway 3.9.4"), names("definition", "1.29.0"), names("gateway", "3.9.4"), nil)(w)
			w.ask = func(_ testing.TB, _ *sim.Sim, q *Question) { change(q) }
			if said := text(t, w.check(t)); strings.Contains(said, OrderWrong) {
				t.Error(said)
			}
		})
	}
}

// Two components name different versions of a third one.
func TestSplit(t *testing.T) {
	t.Parallel()
	w := ready()
	w.manifest = strings.Replace(releaseJSON, `["api", "definition"]`, `["api"], ["definition"]`, 1)
	holding(names("api", "1.25.1"), names("definition", "1.29.0", "api 1.24.0"), names("gateway", "3.9.4", "api 1.25.1-SNAPSHOT"), nil)(w)
	if said := text(t, w.check(t)); !strings.Contains(said, "different versions of it are named: 1.24.0 by definition; 1.25.1 by gateway") {
		t.Error(said)
	}
}
