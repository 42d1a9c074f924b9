package github_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestBuildFiles: the file of the version, its modules and theirs, at whichever ref; what is made in the build is left out.
func TestBuildFiles(t *testing.T) {
	t.Parallel()
	pom := func(modules ...string) string {
		text := "<project><version>1.0.0-SNAPSHOT</version><modules>"
		for _, m := range modules {
			text += "<module>" + m + "</module>"
		}
		return text + "</modules></project>"
	}
	var many []string
	for n := range 200 {
		many = append(many, fmt.Sprint("m", n))
	}
	g := sim.GitHub{Repositories: map[string]sim.Repository{"acme/alpha": {Branches: map[string]sim.Branch{
		"deep":  {Files: map[string]string{"pom.xml": pom("core", "gone", "ui"), "core/pom.xml": pom("in", "in"), "core/in/pom.xml": pom(), "ui/pom.xml": pom("../core")}, Commits: []sim.Commit{{Message: "x", Tag: "1.0.0"}}},
		"npm":   {Files: map[string]string{"package.json": `{"workspaces": ["lib", "x/*"]}`, "lib/package.json": "{}"}},
		"none":  {Files: map[string]string{"README": ""}},
		"wrong": {Files: map[string]string{"pom.xml": "<"}},
		"many":  {Files: map[string]string{"pom.xml": pom(many...)}},
	}}}}
	hub(t, g, token, func(t *testing.T, s *sim.Sim, c *github.Client) {
		for ref, want := range map[string][]string{
			"deep": {"pom.xml", "core/pom.xml", "ui/pom.xml", "core/in/pom.xml"}, "1.0.0": {"pom.xml", "core/pom.xml", "ui/pom.xml", "core/in/pom.xml"},
			"npm": {"package.json", "lib/package.json"}, "none": nil, "wrong": {"pom.xml"},
		} {
			files, err := c.BuildFiles(t.Context(), "acme/alpha", ref)
			var got []string
			for _, f := range files {
				got = append(got, f.Path)
				if len(f.Data) == 0 {
					t.Errorf("%s: %s is empty", ref, f.Path)
				}
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %v %v, want %v", ref, got, err, want)
			}
		}
		_, err := c.BuildFiles(t.Context(), "acme/alpha", "nowhere")
		wantFault(t, err, fault.NotFound, "no-commit")
		_, err = c.BuildFiles(t.Context(), "acme/alpha", "many")
		wantFault(t, err, fault.Invalid, "too-many-modules")
	})
}
