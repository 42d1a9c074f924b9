package operate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/sim"
)

// released pushes release.json of a version to a branch, with the tag of a release that was made then.
func (w *world) released(branch, manifest, version string, at time.Time) {
	w.Helper()
	gittest.Push(w, w.remote, branch, map[string]string{"release.json": manifest}, "release "+version)
	repo, err := gitrepo.Open(w.Context(), gitrepo.Options{URL: w.remote, Branch: branch, Now: func() time.Time { return at }})
	if err != nil {
		w.Fatal(err)
	}
	tag, err := repo.Tag(version, repo.Head(), version)
	if err != nil {
		w.Fatal(err)
	}
	if err := repo.Push(w.Context(), []gitrepo.Update{{Ref: "refs/tags/" + version, New: tag}}); err != nil {
		w.Fatal(err)
	}
}

// of is a release.json of one component.
func of(product, component, version string) string {
	return fmt.Sprintf(`{"name": "Acme", "version": %q, "scmHttpUrl": "https://github.com/acme", "components": [{"name": %q, "version": %q}], "buildDependencies": [[%q]]}`,
		product, component, version, component)
}

// TestChangelogOfManyCommits: of 300 commits GitHub shows the newest 250, and the others are counted.
func TestChangelogOfManyCommits(t *testing.T) {
	t.Parallel()
	branch := sim.Branch{Commits: []sim.Commit{{Message: "begin", Tag: "1.0.0"}}}
	for i := range 300 {
		branch.Commits = append(branch.Commits, sim.Commit{Message: fmt.Sprintf("change %d", i+1)})
	}
	branch.Commits[300].Tag = "1.0.1"
	w := plant{Scenario: sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{"acme/api": {Branches: map[string]sim.Branch{"1.0.x": branch}}}}}}.grow(t)
	w.released("3.9.x", of("3.9.3", "api", "1.0.0"), "3.9.3", time.Now())
	w.released("3.9.x", of("3.9.4", "api", "1.0.1"), "3.9.4", time.Now())
	c, err := operate.ReadChangelog(t.Context(), w.operator().Setup, operate.ChangelogOptions{Range: "3.9.3..3.9.4"})
	if err != nil || len(c.Changes) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	change := c.Changes[0]
	if n := len(change.Commits); n != 250 || change.More != 50 || change.LeftOut != 0 || change.Unread != "" {
		t.Errorf("%d commits, %d more, %d left out: %s", n, change.More, change.LeftOut, change.Unread)
	}
	if newest := change.Commits[0].Subject; newest != "change 300" {
		t.Errorf("the newest is %q", newest)
	}
}

// TestChangelogSinceTheVersionBefore: that is the highest lower one among those that were released before, which leaves out a patch
// of an older line that came later. For what is open it is the highest of all.
func TestChangelogSinceTheVersionBefore(t *testing.T) {
	t.Parallel()
	w := plant{Scenario: sim.Scenario{GitHub: &sim.GitHub{}}}.grow(t)
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, version := range []string{"3.9.3", "3.9.10", "3.10.0", "3.9.11"} {
		w.released("3.9.x", of(version, "api", version), version, day.AddDate(0, 0, i))
	}
	gittest.Push(w, w.remote, "3.9.x", map[string]string{"release.json": of("3.9.12-SNAPSHOT", "api", "3.9.11")}, "next")
	for of, want := range map[string]string{"3.9.10": "3.9.3", "3.10.0": "3.9.10", "3.9.11": "3.9.10", "": "3.9.11", "3.9.x": "3.9.11", "3.9.3..": "3.9.3", "3.9.12": "3.9.11"} {
		c, err := operate.ReadChangelog(t.Context(), w.operator().Setup, operate.ChangelogOptions{Range: of})
		if err != nil || c.From.Version != want {
			t.Errorf("%q: since %q, want %s: %v", of, c.From.Version, want, err)
		}
		for _, change := range c.Changes {
			if !strings.Contains(change.Unread, "not found, or the token cannot see it") {
				t.Errorf("%q: %q", of, change.Unread)
			}
		}
	}
	_, err := operate.ReadChangelog(t.Context(), w.operator().Setup, operate.ChangelogOptions{Range: "3.9.3"})
	w.ofKind(err, fault.NotFound, "no-version")
}

// TestTagsThatAreLeftOut: a tag that marks no version of its release.json is said; of many there is one sentence.
func TestTagsThatAreLeftOut(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	w.released("3.9.x", of("3.9.3", "api", "1.0.0"), "3.9.3", time.Now())
	gittest.Push(t, w.remote, "other", map[string]string{"release.json": "{"}, "spoilt")
	for i, want := range []string{
		"the tag 1.0.0 was left out: release.json there has version 3.9.4-SNAPSHOT",
		"the tag 1.0.1 was left out: release.json:1:2: ",
		"the tag 1.0.2 was left out: ",
		"4 tags were left out, for release.json there cannot be read or has another version: 1.0.0, 1.0.1, 1.0.2, 1.0.3",
	} {
		at := "other"
		if i == 0 {
			at = "master"
		}
		gittest.Git(t, w.remote, "tag", fmt.Sprintf("1.0.%d", i), at)
		found, err := operate.Find(t.Context(), w.operator().Setup, operate.WhereOptions{What: "api"})
		if err != nil {
			t.Fatal(err)
		}
		if last := found.Unread[len(found.Unread)-1]; !strings.HasPrefix(last, want) || len(found.Unread) != i%3+1 {
			t.Errorf("%q, want %q", found.Unread, want)
		}
	}
}
