package gitrepo

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// TestLook: the refs of a repository cost one request, and what is downloaded afterwards is no more than what they point to.
func TestLook(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	first := gittest.Git(t, dir, "rev-parse", branch)
	second := gittest.Push(t, dir, branch, map[string]string{"notes": "more\n"}, "second commit")
	gittest.Git(t, dir, "tag", "--annotate", "--message", "released", "3.9.4", second)
	server := gittest.HTTP(t, dir, gittest.Options{Token: "a-token"})
	o := Options{URL: server.URL, Credentials: Credentials{Token: "a-token", TokenHost: "127.0.0.1", User: "x-token-auth"}}
	r, err := Look(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Refs()["refs/tags/3.9.4^{}"]; string(got) != second {
		t.Errorf("the tag points to %s, want %s", got, second)
	}
	for _, request := range server.Requests() {
		user, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(request.Authorization, "Basic "))
		if err != nil || string(user) != "x-token-auth:a-token" {
			t.Errorf("the login is %q, %v", user, err)
		}
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
	if got := r.AuthorOf(Hash(second)); got != (Author{}) {
		t.Errorf("it knows the author before anything is downloaded: %v", got)
	}
	if err := r.Download(t.Context(), "refs/tags/3.9.4", "refs/tags/none"); err != nil {
		t.Fatal(err)
	}
	if got := r.AuthorOf(Hash(second)); got != (Author{"Colleague", "colleague@example.org"}) {
		t.Errorf("the author is %v", got)
	}
	if data, err := r.ReadFile(Hash(second), "notes"); err != nil || string(data) != "more\n" {
		t.Errorf("the file: %q, %v", data, err)
	}
	if _, err := r.ReadFile(Hash(first), "README.md"); err == nil {
		t.Error("the history was downloaded, too")
	}
}

// TestLookAtNothing: an empty repository has no refs.
func TestLookAtNothing(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, nil, branch)
	for _, url := range []string{dir, gittest.HTTP(t, dir, gittest.Options{}).URL} {
		if r, err := Look(t.Context(), Options{URL: url}); err != nil || len(r.Refs()) != 0 {
			t.Errorf("%v", err)
		}
	}
}
