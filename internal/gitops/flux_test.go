package gitops

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// told is an event as Flux's own Forwarder sent it.
const told = `{"involvedObject":{"kind":"Kustomization","namespace":"flux-system","name":"staging","uid":"u","apiVersion":"kustomize.toolkit.fluxcd.io/v1","resourceVersion":"1"},` +
	`"severity":"info","timestamp":"2026-11-29T10:59:50Z","message":"Reconciliation finished in 1s, next run in 10m0s","reason":"ReconciliationSucceeded",` +
	`"metadata":{"revision":"main@sha1:176da9babbd7647fc68f3c5268a86a1d5fc6669a","summary":"staging"},"reportingController":"kustomize-controller","reportingInstance":"kc-0"}`

func TestParseFlux(t *testing.T) {
	t.Parallel()
	const sha = "176da9babbd7647fc68f3c5268a86a1d5fc6669a"
	e, ok := ParseFlux([]byte(told))
	if !ok || e.Revision != sha || e.Reason != "ReconciliationSucceeded" || e.Message == "" || e.Time.Unix() != 1795949990 {
		t.Errorf("%+v, %v", e, ok)
	}
	long := strings.Repeat("0f", 32)
	for revision, want := range map[string]string{
		"main@sha1:" + sha: sha, "feature/x@sha1:" + sha: sha, "main/" + sha: sha, "a/b/" + sha: sha, sha: sha, "main@sha256:" + long: long,
		"": "", "main": "", "main@sha1:" + sha[1:]: "", "main@sha1:x" + sha: "", "main@sha1:" + sha + "x": "",
	} {
		e, ok := ParseFlux([]byte(strings.Replace(told, "main@sha1:"+sha, revision, 1)))
		if string(e.Revision) != want || ok != (want != "") {
			t.Errorf("of %q: %q, %v", revision, e.Revision, ok)
		}
	}
	for _, body := range []string{"", "{}", "[]", "null", strings.Replace(told, `"reason":"ReconciliationSucceeded",`, "", 1), strings.Replace(told, `"metadata":{`, `"metadata":7,"m":{`, 1)} {
		if e, ok := ParseFlux([]byte(body)); ok {
			t.Errorf("of %q: %+v", body, e)
		}
	}
}

func FuzzParseFlux(f *testing.F) {
	f.Add([]byte(told))
	f.Fuzz(func(t *testing.T, body []byte) {
		if e, ok := ParseFlux(body); ok && (e.Reason == "" || len(e.Revision) != 40 && len(e.Revision) != 64) {
			t.Errorf("%+v", e)
		}
	})
}

func TestSigned(t *testing.T) {
	t.Parallel()
	// printf body | openssl dgst -sha256 -hmac secret
	const good = "sha256=dc46983557fea127b43af721467eb9b3fde2338fe3e14f51952aa8478c13d355"
	for _, test := range []struct {
		secret, body, header string
		want                 bool
	}{
		{"secret", "body", good, true},
		{"other", "body", good, false},
		{"secret", "bodies", good, false},
		{"secret", "body", "", false},
		{"secret", "body", strings.TrimPrefix(good, "sha256="), false},
		{"secret", "body", good[:40], false},
		{"secret", "body", "sha256=x", false},
		{"", "body", good, false},
	} {
		if got := Signed([]byte(test.secret), []byte(test.body), test.header); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// TestBehind: what Flux says of a commit it says of those before it, too; of what came later it says nothing.
func TestBehind(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, nil, branch)
	r := openAt(t, t.TempDir(), dir)
	var want []gitrepo.Hash
	for _, effect := range []string{"e0", "e1"} {
		want = slices.Insert(want, 0, one(t, r, deploy(effect, "demo", effect)))
		gittest.Push(t, dir, branch, map[string]string{"notes": effect}, "a person's")
		want = slices.Insert(want, 0, gitrepo.Hash(strings.TrimSpace(gittest.Git(t, dir, "rev-parse", branch)))) // which is not fetched yet
	}
	for _, test := range []struct {
		name     string
		revision gitrepo.Hash
		limit    int
		want     []gitrepo.Hash
	}{
		{"the tip", want[0], 100, want},
		{"one in between", want[2], 100, want[2:]},
		{"no more than wanted", want[0], 2, want[:2]},
		{"unknown", "176da9babbd7647fc68f3c5268a86a1d5fc6669a", 100, nil},
	} {
		got, err := r.Behind(t.Context(), test.revision, test.limit)
		if err != nil {
			t.Fatal(err)
		}
		if test.want != nil && test.limit == 100 {
			got = got[:min(len(got), len(test.want))] // the branch has a first commit of its own
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s: %s", test.name, d)
		}
	}
}
