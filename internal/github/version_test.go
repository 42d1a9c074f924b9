package github_test

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestVersions: the version of a branch, in the file that counts, and the tag of a version, with a v or without.
func TestVersions(t *testing.T) {
	t.Parallel()
	node := map[string]string{"package.json": `{"version": "2.0.1"}`}
	both := map[string]string{"package.json": `{"version": "2.0.1"}`, "pom.xml": "<project><version>1.2.3-SNAPSHOT</version></project>"}
	g := sim.GitHub{Repositories: map[string]sim.Repository{"acme/alpha": {Tags: []string{"1.0.0", "v1.1.0", "release-1.2.0", "release-1.1.0"}, Branches: map[string]sim.Branch{
		"node": {Files: node}, "both": {Files: both}, "none": {Files: map[string]string{"README": ""}}, "broken": {Files: map[string]string{"pom.xml": "<"}},
	}}, "acme/empty": {Empty: true}}}
	hub(t, g, token, func(t *testing.T, _ *sim.Sim, c *github.Client) {
		for branch, want := range map[string][2]string{"node": {"package.json", "2.0.1"}, "both": {"pom.xml", "1.2.3-SNAPSHOT"}, "none": {"", ""}} {
			file, version, err := c.VersionOn(t.Context(), "acme/alpha", branch)
			if err != nil || file != want[0] || version != want[1] {
				t.Errorf("%s: %q %q %v, want %q", branch, file, version, err, want)
			}
		}
		_, _, err := c.VersionOn(t.Context(), "acme/alpha", "broken")
		wantFault(t, err, fault.Invalid, "version-file")
		_, _, err = c.VersionOn(t.Context(), "acme/alpha", "nowhere")
		wantFault(t, err, fault.NotFound, "no-commit")
		for version, want := range map[string]string{"1.0.0": "1.0.0", "1.1.0": "v1.1.0", "1.2.0": "release-1.2.0", "1.3.0": ""} {
			if got, err := c.VersionTag(t.Context(), "acme/alpha", version, "release-"+version); err != nil || got != want {
				t.Errorf("tag of %s: %q %v, want %q", version, got, err, want)
			}
		}
		if got, err := c.VersionTag(t.Context(), "acme/empty", "1.0.0", ""); err != nil || got != "" {
			t.Errorf("an empty repository has the tag %q, %v", got, err)
		}
		_, err = c.VersionTag(t.Context(), "acme/nobody", "1.0.0", "")
		wantFault(t, err, fault.NotFound, "no-repository")
	})
}
