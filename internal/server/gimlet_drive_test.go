package server_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// driven is a server with the project apim, whose environments staging, where a push counts, and production, where Flux tells, share a
// repository; and that repository.
func eachDriven(t *testing.T, test func(w *world, bare string)) {
	t.Helper()
	t.Parallel()
	eachPrepared(t, func(w *world) {
		bare := gittest.Bare(w.T, map[string]string{"README.md": "the state of our environments\n"}, "main")
		git := gittest.HTTP(w.T, bare, gittest.Options{Token: "git-token-of-the-server", Under: "acme"})
		w.settings.DefaultProject = "apim"
		base, _, _ := strings.Cut(git.URL, "/acme/")
		w.connect(`connections: {git: {kind: git, url: "`+base+`", token: "env:GIT_TOKEN", flux_secret: "env:FLUX_SECRET"}}`, "GIT_TOKEN=git-token-of-the-server", "FLUX_SECRET="+fluxSecret).begin()
		w.ofStatus(http.StatusOK, w.admin, "PUT", own, `{"name": "apim", "repository": "acme/apim", "environments": [
			{"name": "staging", "kind": "gitops", "gitops": {"connection": "git", "repository": "acme/release.git", "confirm": "push"}},
			{"name": "production", "kind": "gitops", "gitops": {"connection": "git", "repository": "acme/release.git"}}]}`)
		test(w, bare)
		if said := w.rows() + w.log.String(); strings.Contains(said, "git-token") || strings.Contains(said, fluxSecret) {
			w.Error("the token is shown")
		}
	})
}

// ended waits until a track is processed and no result waits.
func (w *world) endedTrack(read func() tracked) (t tracked) {
	w.Helper()
	w.until(func() bool {
		t = read()
		return t.Status != "new" && !strings.Contains(t.results(), "pending") && !strings.Contains(t.results(), "NotReconciled")
	})
	return t
}

// until waits for something that happens by itself.
func (w *world) until(holds func() bool) {
	w.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("it does not come to that\n%s", w.log)
		}
	}
}

const fluxSecret = "the-secret-of-flux"

func signed(body string) string {
	mac := hmac.New(sha256.New, []byte(fluxSecret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// fluxSays sends an event with a signature, and returns the status of the answer.
func (w *world) fluxSays(target, body, signature string) int {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), http.MethodPost, "http://"+w.address+target, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	if signature != "" {
		r.Header.Set("X-Signature", signature)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// app is an app file with one object, for an environment.
func app(name, environment, more string) string {
	return fmt.Sprintf(`{"app": %q, "env": %q, "namespace": "my-team"%s, "manifests": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .APP }}\ndata:\n  sha: {{ .SHA }}\n"}`, name, environment, more)
}

func artifact(sha, branch string, apps ...string) string {
	return fmt.Sprintf(`{"version": {"repositoryName": "my/repo", "sha": %q, "branch": %q, "authorName": "Jane", "message": "hello"}, "environments": [%s], "vars": {"SHA": %[1]q, "DEPLOY_TOKEN": "planted"}}`,
		sha, branch, strings.Join(apps, ", "))
}

const (
	firstSHA  = "0714000000000000000000000000000000000001"
	secondSHA = "0714000000000000000000000000000000000002"
)

// TestGimletWholeWay: what CI ships is deployed by its policy, by name, rolled back and removed, each by one commit of the repository.
func TestGimletWholeWay(t *testing.T) {
	eachDriven(t, func(w *world, bare string) {
		ship := func(sha string) string {
			var made struct{ ID string }
			w.decode(w.gimletSays(201, "POST", "/api/artifact", artifact(sha, "main", app("demo", "staging", `, "deploy": {"branch": "main", "event": "push"}`), app("demo", "production", ""))), &made)
			return made.ID
		}
		shipped := func(id string) tracked {
			return w.endedTrack(func() (t tracked) {
				w.decode(w.gimletSays(200, "GET", "/api/eventArtifactTrack?artifactId="+id, ""), &t)
				return t
			})
		}
		released := func(id string) tracked { return w.endedTrack(func() tracked { return w.track(id) }) }
		show := func(what string) string { return gittest.Git(w.T, bare, "show", what) }

		// By policy.
		first := ship(firstSHA)
		got := shipped(first)
		if got.results() != "processed: demo -> staging success ReconciliationSucceeded" {
			w.Fatalf("%+v\n%s", got, w.log)
		}
		one := got.Results[0].Hash
		if head := strings.TrimSpace(gittest.Git(w.T, bare, "rev-parse", "main")); head != one {
			w.Errorf("the branch is at %s, and the result says %s", head, one)
		}
		if text := show("main:staging/demo/manifest.yaml"); !strings.Contains(text, "sha: "+firstSHA) {
			w.Errorf("the file: %s", text)
		}
		if text := show("main:staging/demo/release.json"); !strings.Contains(text, `"artifactId":"`+first+`","triggeredBy":"policy"`) {
			w.Errorf("release.json: %s", text)
		}
		// By name, where Flux tells.
		track := w.releasesApp("production", "demo", first)
		w.until(func() bool {
			return strings.Contains(w.track(track).results(), "demo -> production success NotReconciled")
		})
		hash := w.track(track).Results[0].Hash
		if head := strings.TrimSpace(gittest.Git(w.T, bare, "rev-parse", "main")); head != hash {
			w.Errorf("the branch is at %s, and the result says %s", head, hash)
		}
		// Flux applies a later commit, which a person made, and all before it.
		gittest.Push(w.T, bare, "main", map[string]string{"README.md": "changed by a person\n"}, "a person's")
		flux := `{"severity":"info","reason":"ReconciliationSucceeded","metadata":{"revision":"main@sha1:` + strings.TrimSpace(gittest.Git(w.T, bare, "rev-parse", "main")) + `"}}`
		for signature, status := range map[string]int{"": 401, "sha256=00": 401, signed(flux): 200} {
			if got := w.fluxSays("/api/flux-events?env=production&access_token="+w.admin, flux, signature); got != status {
				w.Errorf("signature %q: %d", signature, got)
			}
		}
		if got := released(track); got.results() != "processed: demo -> production success ReconciliationSucceeded" {
			w.Errorf("%+v", got)
		}
		// The same again is there already.
		if got := released(w.releasesApp("production", "demo", first)); !strings.Contains(got.results(), "demo -> production failure") || !strings.Contains(got.Results[0].StatusDesc, "No changes made to the gitops state") {
			w.Errorf("the same again: %+v", got)
		}
		// The next one, and back.
		if got := shipped(ship(secondSHA)); got.results() != "processed: demo -> staging success ReconciliationSucceeded" {
			w.Fatalf("%+v", got)
		}
		var made struct{ ID string }
		w.decode(w.gimletSays(201, "POST", "/api/rollback?env=staging&app=demo&sha="+one, ""), &made)
		if got := released(made.ID); got.results() != "processed: demo -> staging success ReconciliationSucceeded" {
			w.Fatalf("rolled back: %+v\n%s", got, w.log)
		}
		if text := show("main:staging/demo/manifest.yaml"); !strings.Contains(text, "sha: "+firstSHA) {
			w.Errorf("after the rollback: %s", text)
		}
		if text := show("main"); !strings.Contains(text, "This reverts commit ") {
			w.Errorf("no revert: %s", text)
		}
		// A policy is held from it.
		if got := shipped(ship(secondSHA)); got.results() != "processed: " {
			w.Errorf("held: %+v", got)
		}
		// Removed.
		if said := w.gimletSays(200, "POST", "/api/delete?env=staging&app=demo", ""); strings.TrimSpace(said) != "{}" {
			w.Errorf("delete: %s", said)
		}
		if files := gittest.Git(w.T, bare, "ls-tree", "-r", "--name-only", "main"); strings.Contains(files, "staging/demo/") || !strings.Contains(files, "production/demo/manifest.yaml") {
			w.Errorf("the files: %s", files)
		}
		gittest.Git(w.T, bare, "fsck", "--strict")
		if n := strings.TrimSpace(gittest.Git(w.T, bare, "rev-list", "--count", "main")); n != "7" { // the first, two deployments, one elsewhere, a person's, a revert, a removal
			w.Errorf("%s commits", n)
		}
		if strings.Contains(w.rows(), "planted") || bytes.Contains([]byte(gittest.Git(w.T, bare, "log", "-p", "main")), []byte("planted")) {
			w.Error("a secret was kept")
		}
	})
}

// TestGimletManifests: `gimlet environment connect` gets what Flux is installed with, as the branch has it, and nothing else.
func TestGimletManifests(t *testing.T) {
	eachDriven(t, func(w *world, bare string) {
		if said := w.gimletSays(200, "GET", "/api/gitopsManifests/staging", ""); said != `{"apps":{},"infra":{}}` {
			w.Errorf("none: %s", said)
		}
		gittest.Push(w.T, bare, "main", map[string]string{
			"staging/flux/flux.yaml": "kind: Namespace\n", "staging/flux/keys/deeper.yaml": "x", "staging/demo/manifest.yaml": "x", "production/flux/flux.yaml": "x",
		}, "Flux")
		if said := w.gimletSays(200, "GET", "/api/gitopsManifests/staging", ""); said != `{"apps":{"flux.yaml":"kind: Namespace\n"},"infra":{}}` {
			w.Errorf("the files: %s", said)
		}
		if status, said := w.gimletd("GET", "/api/gitopsManifests/none", ""); status != 400 || !strings.Contains(said, "none") {
			w.Errorf("of no environment: %d %s", status, said)
		}
	})
}

// TestGimletBadTemplate: an app file that cannot be rendered fails at once, and says where.
func TestGimletBadTemplate(t *testing.T) {
	eachDriven(t, func(w *world, _ string) {
		var made struct{ ID string }
		bad := strings.Replace(app("demo", "staging", ""), "{{ .SHA }}", "{{ .DEPLOY_TOKEN }}", 1)
		w.decode(w.gimletSays(201, "POST", "/api/artifact", artifact(firstSHA, "main", bad)), &made)
		track := w.releasesApp("staging", "demo", made.ID)
		got := w.endedTrack(func() tracked { return w.track(track) })
		if !strings.Contains(got.results(), "demo -> staging failure") || !strings.Contains(got.Results[0].StatusDesc, "DEPLOY_TOKEN") || strings.Contains(got.Results[0].StatusDesc, "planted") {
			w.Errorf("%+v", got)
		}
	})
}

// TestFiguresOfShipments prints how long 200 shipments take, whose policies deploy fifty apps, until each has come to its end.
func TestFiguresOfShipments(t *testing.T) {
	if !*figures {
		t.Skip("skipped: it measures (make bench)")
	}
	eachDriven(t, func(w *world, bare string) {
		began := time.Now()
		ids := make([]string, 200)
		var all sync.WaitGroup
		turns := make(chan struct{}, 20)
		for i := range ids {
			turns <- struct{}{}
			all.Go(func() {
				defer func() { <-turns }()
				var made struct{ ID string }
				sha := fmt.Sprintf("%040x", i+1)
				w.decode(w.gimletSays(201, "POST", "/api/artifact", artifact(sha, "main", app(fmt.Sprintf("app%d", i%50), "staging", `, "deploy": {"branch": "main", "event": "push"}`))), &made)
				ids[i] = made.ID
			})
		}
		all.Wait()
		kept := time.Since(began)
		hashes := map[string]bool{}
		for _, id := range ids {
			got := w.endedTrack(func() (t tracked) {
				w.decode(w.gimletSays(200, "GET", "/api/eventArtifactTrack?artifactId="+id, ""), &t)
				return t
			})
			for _, r := range got.Results {
				if r.Hash != "" {
					hashes[r.Hash] = true
				}
			}
		}
		commits := strings.TrimSpace(gittest.Git(w.T, bare, "rev-list", "--count", "main"))
		fmt.Printf("  %s: 200 shipments with policies are kept in %s, and all is committed after %s: %d deployments have commits, the branch has %s\n", w.Name(), kept.Round(time.Millisecond), time.Since(began).Round(time.Millisecond), len(hashes), commits)
		if fmt.Sprint(len(hashes)+1) != commits {
			w.Error("a commit is nobody's, or there twice")
		}
	})
}
