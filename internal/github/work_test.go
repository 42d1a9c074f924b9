package github_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/github"
)

// The commits that a release makes after its tag are no work; those that only mention the same things are.
func TestWork(t *testing.T) {
	t.Parallel()
	work := []string{
		"fix: a leak",
		"[skip ci] docs: a typo",
		"fix: build against gateway 3.9.4-SNAPSHOT again",
		"Prepare release notes",
		"Prepare next generation of policies",
		"Continue with 7.0.0-SNAPSHOT",
	}
	released := []string{
		"[maven-release-plugin] prepare release 1.20.2",
		"[maven-release-plugin] prepare for next development iteration",
		"[ci skip] [maven-release-plugin] rollback the release of 1.20.2",
		"chore(release): 1.20.2 [skip ci]",
		"chore(deps): prepare the next version",
		"[skip ci] prepare next patch version",
		"Prepare Release (1.20.2): Release finished completed without errors",
		"Continue with 1.20.3-SNAPSHOT [skip ci]",
		"Set version to 1.21.0-SNAPSHOT",
	}
	const unseen = 30
	all := github.Comparison{Ahead: len(work) + len(released) + unseen, Behind: 2, Commits: commits(append(released, work...)...)}
	want := github.Comparison{Ahead: len(work) + unseen, Behind: 2, Commits: commits(work...)}
	if diff := cmp.Diff(want, all.Work("1.20.2")); diff != "" {
		t.Errorf("work (-want +got):\n%s", diff)
	}
	if odd := (github.Comparison{Ahead: 1, Commits: commits("Continue with 1.20.3-SNAPSHOT")}); odd.Work("1.20").Ahead != 1 {
		t.Error("a version that cannot be counted has no next one")
	}
}

func commits(subjects ...string) (all []github.Commit) {
	for _, subject := range subjects {
		all = append(all, github.Commit{Subject: subject})
	}
	return all
}

// Between versions lie merges and the commits of releases, also of those whose versions nobody names; what only mentions a version
// is a change.
func TestChanges(t *testing.T) {
	t.Parallel()
	changes := commits("fix: a leak", "Release notes of 3.9.4", "chore(deps): bump netty from 4.1.1 to 4.1.2", "fix: gateway 3.9.4", "Revert 3.9.4 changes")
	made := commits("3.9.4", "Release v3.9.4", "Release: 3.9.4", "ci: prepare 3.9.5-SNAPSHOT", "chore(version): bump version to 3.10.0-rc.1 [skip ci]",
		"Prepare next 3.9.5-SNAPSHOT", "[maven-release-plugin] prepare release 3.9.3", "Continue with 3.9.4-SNAPSHOT")
	merge := github.Commit{Subject: "Merge branch 'fix'", Merge: true}
	all := github.Comparison{Ahead: 20, Commits: append(append(made, merge), changes...)}
	want := github.Comparison{Ahead: 20 - len(made) - 1, Commits: changes}
	got := all.Changes("3.9.3")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Revert 3.9.4 changes", "fix: gateway 3.9.4"}, got.Newest(2)); diff != "" {
		t.Errorf("newest (-want +got):\n%s", diff)
	}
}
