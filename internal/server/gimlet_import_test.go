package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// TestGimletImport: what Gimlet has deployed before is listed on the first day, and an app can go back to it.
func TestGimletImport(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		bare := gittest.Bare(w.T, map[string]string{"README.md": "the state of our environments\n"}, "main")
		release := func(app, sha, artifact string) map[string]string {
			return map[string]string{
				"staging/" + app + "/manifest.yaml": "sha: " + sha + "\n",
				"staging/" + app + "/release.json": fmt.Sprintf(`{"app":%q,"env":"staging","artifactId":%q,"triggeredBy":"policy","version":{"repositoryName":"my/repo","sha":%q,"branch":"main","message":"hello"},"gitopsRef":"","gitopsRepo":""}`+"\n",
					app, artifact, sha),
			}
		}
		push := func(files map[string]string, message string) string {
			return gittest.Push(w.T, bare, "main", files, message)
		}
		one := push(release("demo", firstSHA, "my/repo-1"), "[Gimlet] staging/demo automated deploy")
		other := push(release("other", firstSHA, "my/repo-1"), "[Gimlet] staging/other automated deploy")
		two := push(release("demo", secondSHA, "my/repo-2"), "[Gimlet] staging/demo automated deploy")
		push(release("demo", firstSHA, "my/repo-1"), "Revert \"[Gimlet] staging/demo automated deploy\"\n\nThis reverts commit "+two+".")
		three := push(release("demo", strings.Repeat("3", 40), "my/repo-3"), "[Gimlet] staging/demo automated deploy")

		git := gittest.HTTP(w.T, bare, gittest.Options{Under: "acme"})
		base, _, _ := strings.Cut(git.URL, "/acme/")
		w.settings.DefaultProject = "apim"
		w.connect(`connections: {git: {kind: git, url: "` + base + `"}}`).begin()
		declared := `{"name": "apim", "repository": "acme/apim", "environments": [{"name": "staging", "kind": "gitops", "gitops": {"connection": "git", "repository": "acme/release.git", "confirm": "push"}}]}`
		w.ofStatus(http.StatusOK, w.admin, "PUT", own, declared)

		var list []struct {
			App, ArtifactID, TriggeredBy, GitopsRef, GitopsCommitStatus string
			Version                                                     *struct{ SHA, RepositoryName string }
			RolledBack                                                  bool
			GitopsCommitCreated                                         int64
		}
		const all = "/api/releases?env=staging&since=2020-01-01T00:00:00Z"
		read := func() string {
			list = nil
			w.decode(w.gimletSays(200, "GET", all, ""), &list)
			var lines []string
			for _, r := range list {
				lines = append(lines, fmt.Sprintf("%s %s %s %t", r.App, r.ArtifactID, r.GitopsRef, r.RolledBack))
			}
			return strings.Join(lines, "\n")
		}
		w.until(func() bool { return read() != "" })
		want := strings.Join([]string{
			"demo my/repo-3 " + three + " false", "demo my/repo-2 " + two + " true", "other my/repo-1 " + other + " false", "demo my/repo-1 " + one + " false",
		}, "\n")
		if got := read(); got != want {
			w.Fatalf("the releases are\n%s\nwant\n%s", got, want)
		}
		if r := list[0]; r.TriggeredBy != "policy" || r.Version == nil || r.Version.SHA != strings.Repeat("3", 40) || r.Version.RepositoryName != "my/repo" || r.GitopsCommitCreated != 1700000000 {
			w.Errorf("%+v", r)
		}
		current := func() map[string]*struct{ ArtifactID, GitopsRef string } {
			var runs map[string]*struct{ ArtifactID, GitopsRef string }
			w.decode(w.gimletSays(200, "GET", "/api/status?env=staging", ""), &runs)
			return runs
		}
		if runs := current(); len(runs) != 2 || runs["demo"].GitopsRef != three || runs["other"].GitopsRef != other {
			w.Errorf("the status: %v", runs)
		}
		if n := strings.TrimSpace(gittest.Git(w.T, bare, "rev-list", "--count", "main")); n != "6" {
			w.Errorf("the import has made commits: %s", n)
		}
		// Declared again it is not imported again.
		w.ofStatus(http.StatusOK, w.admin, "PUT", own, strings.Replace(declared, `"push"}`, `"push"}, "tier": "staging"`, 1))
		var made struct{ ID string }
		w.decode(w.gimletSays(201, "POST", "/api/rollback?env=staging&app=demo&sha="+one, ""), &made)
		if got := w.endedTrack(func() tracked { return w.track(made.ID) }); got.results() != "processed: demo -> staging success ReconciliationSucceeded" {
			w.Fatalf("%+v\n%s", got, w.log)
		}
		if text := gittest.Git(w.T, bare, "show", "main:staging/demo/manifest.yaml"); strings.TrimSpace(text) != "sha: "+firstSHA {
			w.Errorf("after the rollback: %s", text)
		}
		if runs := current(); runs["demo"].GitopsRef != one {
			w.Errorf("the status after the rollback: %+v", runs["demo"])
		}
		if got, want := read(), strings.Replace(want, three+" false", three+" true", 1); got != want {
			w.Errorf("the releases are\n%s\nwant\n%s", got, want)
		}
	})
}

// TestGimletImportLater: a repository that cannot be read is tried again, and the history says so.
func TestGimletImportLater(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		bare := gittest.Bare(w.T, map[string]string{"README.md": "the state of our environments\n"}, "trunk")
		git := gittest.HTTP(w.T, bare, gittest.Options{Under: "acme"})
		base, _, _ := strings.Cut(git.URL, "/acme/")
		w.settings.DefaultProject = "apim"
		w.connect(`connections: {git: {kind: git, url: "` + base + `"}}`).begin()
		w.ofStatus(http.StatusOK, w.admin, "PUT", own,
			`{"name": "apim", "repository": "acme/apim", "environments": [{"name": "staging", "kind": "gitops", "gitops": {"connection": "git", "repository": "acme/release.git"}}]}`)
		w.until(func() bool { return strings.Contains(w.log.String(), "no branch main") })
		if said := w.rows(); !strings.Contains(said, "branch-missing") || !strings.Contains(said, "environment.unreadable") {
			w.Errorf("the problem is not kept\n%s", w.log)
		}
	})
}
