package gitrepo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/git"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

var files = map[string]string{
	"release.json":          "{\"version\": \"3.9.4-SNAPSHOT\"}\n",
	"README.md":             "read me\n",
	"scripts/deep/build.sh": "#!/bin/sh\nexit 0\n",
	"scripts/deep/notes":    "notes\n",
	"scripts.txt":           "sorts between scripts and scripts/\n",
}

const branch = "3.9.x"

func open(t *testing.T, url string) *Repo {
	t.Helper()
	r, err := Open(t.Context(), options(url))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func options(url string) Options {
	return Options{
		URL: url, Branch: branch, Author: Author{"Gio", "gio@example.org"},
		Now: func() time.Time { return time.Date(2022, 6, 1, 12, 0, 0, 0, time.FixedZone("", 7200)) },
	}
}

// wires are the transports to a bare repository with which every test of the wire runs.
func wires(t *testing.T, test func(t *testing.T, dir, url string)) {
	t.Parallel()
	for name, address := range map[string]func(t *testing.T, dir string) string{
		"path": func(_ *testing.T, dir string) string { return dir },
		"file": func(_ *testing.T, dir string) string { return "file://" + dir },
		"http": func(t *testing.T, dir string) string { return gittest.HTTP(t, dir, gittest.Options{}).URL },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := gittest.Bare(t, files, branch)
			test(t, dir, address(t, dir))
		})
	}
}

// commit makes the usual change on the head and its tag, and the updates that push both.
func commit(t *testing.T, r *Repo, content, tag string) []Update {
	t.Helper()
	c, err := r.Commit(r.Head(), "release.json", []byte(content), "a release")
	if err != nil {
		t.Fatal(err)
	}
	h, err := r.Tag(tag, c, "Release "+tag)
	if err != nil {
		t.Fatal(err)
	}
	return []Update{{Ref: "refs/heads/" + branch, Old: r.Head(), New: c}, {Ref: "refs/tags/" + tag, New: h}}
}

func wantFault(t *testing.T, err error, kind fault.Kind, code string, words ...string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Fatalf("got %d %q, want %d %q: %v", fault.KindOf(err), fault.CodeOf(err), kind, code, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
}

func TestOpenReads(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		head := gittest.Push(t, dir, branch, map[string]string{"release.json": "{}\n"}, "second commit\n\nwith a body")
		gittest.Git(t, dir, "tag", "light")
		gittest.Git(t, dir, "tag", "-a", "-m", "m", "heavy")
		heavy := gittest.Git(t, dir, "rev-parse", "refs/tags/heavy")
		r := open(t, url)
		if r.Head() != Hash(head) || r.DefaultBranch() != branch || r.Subject(r.Head()) != "second commit" {
			t.Errorf("head %s, default branch %q, subject %q", r.Head(), r.DefaultBranch(), r.Subject(r.Head()))
		}
		want := map[string]Hash{
			"refs/heads/" + branch: Hash(head), "refs/tags/light": Hash(head),
			"refs/tags/heavy": Hash(heavy), "refs/tags/heavy^{}": Hash(head),
		}
		if d := cmp.Diff(want, r.Refs()); d != "" {
			t.Error(d)
		}
		content, err := r.ReadFile(r.Head(), "release.json")
		if err != nil || string(content) != "{}\n" {
			t.Errorf("release.json: %q, %v", content, err)
		}
		_, err = r.ReadFile(r.Head(), "scripts/none")
		wantFault(t, err, fault.NotFound, "file-missing", "scripts/none")
		_, err = r.ReadFile(Hash(gittest.Git(t, dir, "rev-parse", head+"^")), "release.json")
		wantFault(t, err, fault.NotFound, "commit-missing") // depth 1: the parent is not here

		tags, err := RemoteTags(t.Context(), url, Credentials{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(map[string]Hash{"light": Hash(head), "heavy": Hash(head)}, tags); d != "" {
			t.Error(d)
		}
	})
}

func TestOpenFaults(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		o := options(url)
		o.Branch = "4.0.x"
		_, err := Open(t.Context(), o)
		wantFault(t, err, fault.NotFound, "branch-missing", "4.0.x", url)
		_, err = Open(t.Context(), options(strings.Replace(url, "release.git", "other.git", 1)))
		wantFault(t, err, fault.NotFound, "repository-missing", "other.git")
		gittest.Git(t, dir, "update-ref", "-d", "refs/heads/"+branch)
		_, err = Open(t.Context(), options(url))
		wantFault(t, err, fault.NotFound, "repository-empty", url)
		tags, err := RemoteTags(t.Context(), url, Credentials{})
		if err != nil || len(tags) != 0 {
			t.Errorf("tags of an empty repository: %v, %v", tags, err)
		}
	})
}

func TestOpenRefusesBadOptions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		url, branch, code string
		kind              fault.Kind
	}{
		{"", "main", "no-remote", fault.NotFound},
		{"https://example.org/x", "", "no-branch", fault.NotFound},
		{"git://example.org/x", "main", "remote-url", fault.Invalid},
		{"https://user:hunter2@exa mple.org/x", "main", "remote-url", fault.Invalid},
		{"https://example.org/x?access_token=hunter2", "main", "remote-url", fault.Invalid},
	} {
		_, err := Open(t.Context(), Options{URL: test.url, Branch: test.branch})
		wantFault(t, err, test.kind, test.code)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}

func TestOpenUnreachable(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	url := server.URL + "/release.git"
	server.Close()
	_, err := Open(t.Context(), options(url))
	wantFault(t, err, fault.Remote, "git-remote", url)
}

func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	server := gittest.HTTP(t, dir, gittest.Options{Intercept: func(r *http.Request) gittest.Action {
		cancel()
		<-release
		return gittest.Serve
	}})
	_, err := Open(ctx, options(server.URL))
	close(release)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantFault(t, err, fault.Stopped, "git-stopped")
}

func TestOpenFetchesOneCommit(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	gittest.Push(t, dir, branch, map[string]string{"a": "a"}, "second")
	var asked string
	server := gittest.HTTP(t, dir, gittest.Options{Intercept: func(r *http.Request) gittest.Action {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			asked += string(body)
			r.Body = io.NopCloser(strings.NewReader(string(body)))
		}
		return gittest.Serve
	}})
	r := open(t, server.URL)
	if !strings.Contains(asked, "deepen 1") || strings.Count(asked, "want ") != 1 {
		t.Errorf("asked for %q", asked)
	}
	before := len(server.Requests())
	if err := r.Fetch(t.Context()); err != nil || len(server.Requests()) != before+1 {
		t.Errorf("a fetch of what is here already: %v, %d requests", err, len(server.Requests())-before)
	}
}

func TestFetchFollowsAndGetsFurtherRefs(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		r := open(t, url)
		head := Hash(gittest.Push(t, dir, branch, map[string]string{"release.json": "new"}, "second"))
		other := Hash(gittest.Push(t, dir, "journal", map[string]string{"release/3.9.4.jsonl": "{}"}, "third"))
		gittest.Git(t, dir, "update-ref", "refs/gio/journal", string(other))
		if err := r.Fetch(t.Context(), "refs/gio/journal", "refs/gio/none"); err != nil {
			t.Fatal(err)
		}
		if r.Head() != head || r.Refs()["refs/gio/journal"] != other {
			t.Errorf("head %s, refs %v", r.Head(), r.Refs())
		}
		if got, err := r.ReadFile(other, "release/3.9.4.jsonl"); err != nil || string(got) != "{}" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestCredentialsOverHTTP(t *testing.T) {
	t.Parallel()
	const token = "s3cret-t0ken"
	dir := gittest.Bare(t, files, branch)
	server := gittest.HTTP(t, dir, gittest.Options{Token: token})
	withUser := func(user string) string { return strings.Replace(server.URL, "//", "//"+user+"@", 1) }
	for _, test := range []struct {
		name, url string
		c         Credentials
		ok        bool
	}{
		{"the token of this host", server.URL, Credentials{Token: token, TokenHost: "127.0.0.1"}, true},
		{"the token before the address", withUser("x:wrong"), Credentials{Token: token, TokenHost: "127.0.0.1:8443"}, true},
		{"in the address", withUser("x:" + token), Credentials{}, true},
		{"a wrong one in the address", withUser("x:wr0ng-secret"), Credentials{}, false},
		{"a wrong one as the user", withUser("wr0ng-secret-as-the-user"), Credentials{}, false},
		{"a wrong token", server.URL, Credentials{Token: "wr0ng-secret", TokenHost: "127.0.0.1"}, false},
	} {
		o := options(test.url)
		o.Credentials = test.c
		_, err := Open(t.Context(), o)
		if test.ok && err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if test.ok {
			continue
		}
		wantFault(t, err, fault.Auth, "git-auth", server.URL)
		if strings.Contains(err.Error(), "wr0ng-secret") {
			t.Errorf("%s: the error tells the secret: %v", test.name, err)
		}
	}
}

func TestTokenStaysAtHome(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	foreign := gittest.HTTP(t, dir, gittest.Options{})
	o := options(foreign.URL)
	o.Credentials = Credentials{Token: "s3cret"}
	if _, err := Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	home := httptest.NewServer(http.RedirectHandler(foreign.URL+"/info/refs?service=git-upload-pack", http.StatusMovedPermanently))
	defer home.Close()
	o.URL = home.URL + "/release.git"
	o.Credentials.TokenHost = "127.0.0.1"
	if _, err := Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, request := range foreign.Requests() {
		if request.Authorization != "" {
			t.Errorf("a foreign host got %+v", request)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	c := Credentials{Token: "s3cret", TokenHost: "h", Git: git.Find(os.Getenv, []string{"GITHUB_TOKEN=s3cret"})}
	text, _ := c.Token.MarshalText()
	for _, s := range []string{sprint("%v", c), sprint("%+v", c), sprint("%#v", c), sprint("%s", c.Token), sprint("%q", c.Token), string(text)} {
		if strings.Contains(s, "s3cret") || !strings.Contains(s, "***") {
			t.Errorf("printed %s", s)
		}
	}
}

// gitWith returns Git with a personal configuration, in no checkout.
func gitWith(t *testing.T, config string) git.Git {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gitconfig")
	write(t, file, config)
	env := append(gittest.Env(), "GIT_CONFIG_GLOBAL="+file)
	g, _, err := Outside(t.Context(), git.Find(getenvOf(env), env), "/")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A helper is asked for what the address does not say, and is told the user that it does say.
func TestCredentialHelper(t *testing.T) {
	t.Parallel()
	const token = "from-the-helper"
	dir := gittest.Bare(t, files, branch)
	server := gittest.HTTP(t, dir, gittest.Options{Token: token})
	_, err := Open(t.Context(), options(server.URL))
	wantFault(t, err, fault.Auth, "git-auth")
	helper := `[credential]
	helper = "!f() { test $1 = get || exit 0; grep -q username=robot && exit 0; echo username=u; echo password=` + token + `; }; f"
	helper = "!f() { test $1 = get || exit 0; grep -q username=robot && echo password=` + token + `; }; f"
`
	for user, at := range map[string]string{"u": server.URL, "robot": strings.Replace(server.URL, "://", "://robot@", 1)} {
		o := options(at)
		o.Credentials.Git = gitWith(t, helper)
		if _, err := Open(t.Context(), o); err != nil {
			t.Errorf("%s: %v", user, err)
		}
		requests := server.Requests()
		seen := &http.Request{Header: http.Header{"Authorization": {requests[len(requests)-1].Authorization}}}
		if got, _, _ := seen.BasicAuth(); got != user {
			t.Errorf("it came as %q, want %q", got, user)
		}
	}
}

// A user without a password may be a token, which is then all that there is.
func TestTokenAsUser(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	handler := gittest.Handler(t, dir, gittest.Options{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || user != "s3cret-t0ken" || password != "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	for user, code := range map[string]string{"": "git-auth", "s3cret-t0ken@": "", "other@": "git-auth"} {
		_, err := Open(t.Context(), options(strings.Replace(server.URL, "//", "//"+user, 1)+"/release.git"))
		if fault.CodeOf(err) != code {
			t.Errorf("%q: %v", user, err)
		}
	}
}
