package gitops

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// TestFirstDeploy goes the narrowest way: one app, into an empty repository, with what stands there afterwards byte for byte.
func TestFirstDeploy(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, nil, branch)
	r := openAt(t, t.TempDir(), dir)
	h := one(t, r, deploy("e1", "demo", "1"))
	if got := gittest.Git(t, dir, "rev-parse", branch); got != string(h) {
		t.Errorf("the branch is at %s, want %s", got, h)
	}
	if d := cmp.Diff("staging/demo/deployment.yaml\nstaging/demo/release.json\nstaging/demo/service.yaml\nstaging/release.json", tree(t, dir, branch, "staging")); d != "" {
		t.Error(d)
	}
	release := `{"app":"demo","env":"staging","artifactId":"acme/demo-1","triggeredBy":"ann","version":{"repositoryName":"acme/demo","sha":"abababababababababababababababababababab"},` +
		`"gitopsRef":"","gitopsRepo":"","gitopsCommitStatus":"","gitopsCommitStatusDesc":""}` + "\n"
	for _, file := range []string{"staging/demo/release.json", "staging/release.json"} {
		if d := cmp.Diff(release, gittest.Git(t, dir, "cat-file", "blob", branch+":"+file)+"\n"); d != "" {
			t.Error(d)
		}
	}
	if got := gittest.Git(t, dir, "cat-file", "blob", branch+":staging/demo/deployment.yaml"); got != "image: demo:1\r" {
		t.Errorf("the file is %q", got)
	}
	if d := cmp.Diff("Gimlet <gimlet@gimlet.io> 1796040000\n[Gimlet] staging/demo automated deploy\n\nGio-Effect: e1\n", gittest.Git(t, dir, "log", "-1", "--format=%an <%ae> %at%n%B", branch)); d != "" {
		t.Error(d)
	}
	straight(t, dir, map[string]int{"e1": 1})

	// Somebody wants the same once more: nothing changes, and the first one is still found.
	standings, err := r.Settle(t.Context(), []Intent{{Wish: deploy("e2", "demo", "1")}, {Wish: deploy("e1", "demo", "1")}})
	if err != nil || standings[0].State != Unchanged || standings[1].State != Landed || standings[1].Intent.Hash() != h {
		t.Errorf("%+v, %v", standings, err)
	}
}
