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
	all := github.Comparison{Ahead: len(work) + len(released) + unseen, Behind: 2, Subjects: append(released, work...)}
	want := github.Comparison{Ahead: len(work) + unseen, Behind: 2, Subjects: work}
	if diff := cmp.Diff(want, all.Work("1.20.2")); diff != "" {
		t.Errorf("work (-want +got):\n%s", diff)
	}
	if odd := (github.Comparison{Ahead: 1, Subjects: []string{"Continue with 1.20.3-SNAPSHOT"}}); odd.Work("1.20").Ahead != 1 {
		t.Error("a version that cannot be counted has no next one")
	}
}
