package github_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/transport"
)

const token = "ghp_sesame_open"

// canned answers each path, without the root, with a fixture of testdata/wire/github and a status.
type canned struct {
	mu     sync.Mutex
	answer map[string]reply
	asked  []string
	bodies []string
}

type reply struct {
	status  int
	fixture string
	header  map[string]string
}

func (c *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := new(strings.Builder)
	if _, err := body.WriteString(readAll(r)); err != nil {
		panic(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/api/v3/")
	c.asked = append(c.asked, r.Method+" "+path)
	c.bodies = append(c.bodies, body.String())
	a, ok := c.answer[path]
	if !ok {
		a = reply{status: 404, fixture: "error_404"}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "wire", "github", a.fixture+".json"))
	if err != nil {
		panic(err)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(data)
}

// client talks to a handler of the same process with that token.
func client(t *testing.T, h http.Handler, token string) *github.Client {
	t.Helper()
	server := sim.InProcess(h)
	t.Cleanup(server.Close)
	wire := transport.New(github.Wire(transport.Options{Base: server.Transport()}))
	c, err := github.New(github.Options{URL: sim.URL + "/api/v3", Token: token, HTTP: wire})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// wantFault checks kind, code and message.
func wantFault(t *testing.T, err error, kind fault.Kind, code string, words ...string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Errorf("%v: kind %d, code %q; want %d, %q", err, fault.KindOf(err), fault.CodeOf(err), kind, code)
		return
	}
	f, _ := errors.AsType[*fault.Fault](err)
	text := err.Error() + "\n" + strings.Join(fault.HintLines(f), "\n")
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%s\ndoes not say %q", text, word)
		}
	}
	if strings.Contains(text, token) {
		t.Errorf("%s tells the token", text)
	}
}

const (
	head   = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d"
	before = "553c2077f0edc3d5dc5d17262f6aa498e69d6f8e"
	alpha  = "repos/acme/alpha"
)

// The client reads GitHub's answers, as the fixtures hold them.
func TestReads(t *testing.T) {
	t.Parallel()
	h := &canned{answer: map[string]reply{
		"user":                                  {200, "user", map[string]string{"X-OAuth-Scopes": "repo, read:org"}},
		"orgs/acme/repos":                       {200, "org_repositories", nil},
		alpha:                                   {200, "repository", nil},
		alpha + "/branches/1.4.x":               {200, "branch_protected", nil},
		alpha + "/contents/a%20b/pom.xml":       {200, "contents_file", nil},
		alpha + "/git/ref/tags/1.4.1":           {200, "ref_commit", nil},
		alpha + "/git/matching-refs/tags/1.4.1": {200, "matching_refs", nil},
		alpha + "/git/matching-refs/tags/1.4":   {200, "matching_refs", nil},
		alpha + "/git/ref/tags/app/1.4.1":       {200, "ref_tag", nil},
		alpha + "/git/tags/940bd336248efae0f9ee5bc7b2d5c985887b16ac": {200, "tag_object", nil},
		alpha + "/tags":                                     {200, "tags", nil},
		alpha + "/compare/1.4.1...a%2Fb":                    {200, "compare", nil},
		alpha + "/commits/" + head[:7]:                      {200, "commit", nil},
		alpha + "/commits/" + head + "/branches-where-head": {200, "branches_where_head", nil},
		alpha + "/releases/tags/1.4.1":                      {200, "release", nil},
		alpha + "/releases":                                 {201, "release", nil},
		alpha + "/statuses/" + head:                         {201, "status_201", nil},
	}}
	c, ctx := client(t, h, token), t.Context()
	read := func(what string, got any, err error, want any) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		equal(t, what, got, want)
	}
	login, err := c.User(ctx)
	read("user", login, err, "release-bot")
	scopes, told, err := c.Scopes(ctx)
	read("scopes", scopes, err, []string{"repo", "read:org"})
	equal(t, "told", told, true)
	repository, err := c.Repository(ctx, "acme/alpha")
	read("repository", repository, err, github.Repository{FullName: "acme/alpha", DefaultBranch: "master", Private: true, CanPush: true})
	var repositories []github.Repository
	for r, err := range c.Repositories(ctx, "acme") {
		read("repositories", nil, err, nil)
		repositories = append(repositories, r)
	}
	equal(t, "repositories", repositories, []github.Repository{repository, {FullName: "acme/beta", DefaultBranch: "main", Archived: true, CanPush: true}})
	branch, err := c.Branch(ctx, "acme/alpha", "1.4.x")
	read("branch", branch, err, github.Branch{
		Name: "1.4.x", SHA: head, Message: "Prepare 1.4.2-SNAPSHOT\n\nby the release job", Repository: "acme/alpha",
		CommittedAt: time.Date(2026, 3, 2, 9, 17, 40, 0, time.UTC),
	})
	file, err := c.File(ctx, "acme/alpha", "1.4.x", "a b/pom.xml")
	read("file", string(file), err, "<project>\n  <version>1.4.2-SNAPSHOT</version>\n</project>\n")
	tag, err := c.Tag(ctx, "acme/alpha", "1.4.1")
	read("tag", tag, err, github.Tag{Name: "1.4.1", SHA: head})
	tag, err = c.Tag(ctx, "acme/alpha", "app/1.4.1")
	read("annotated tag", tag, err, github.Tag{Name: "app/1.4.1", SHA: head})
	has, err := c.HasTag(ctx, "acme/alpha", "1.4.1")
	read("has a tag", has, err, true)
	has, err = c.HasTag(ctx, "acme/alpha", "1.4")
	read("has a tag that others begin with", has, err, false)
	var tags []github.Tag
	for tag, err := range c.Tags(ctx, "acme/alpha") {
		read("tags", nil, err, nil)
		tags = append(tags, tag)
	}
	equal(t, "tags", tags, []github.Tag{{Name: "1.4.1", SHA: head}, {Name: "1.4.0", SHA: before}})
	second := github.Commit{SHA: head, Subject: "feat: the second", Author: "release-bot", URL: "https://github.com/acme/alpha/commit/" + head}
	compared, err := c.Compare(ctx, "acme/alpha", "1.4.1", "a/b")
	read("comparison", compared, err, github.Comparison{
		Ahead: 2, URL: "https://github.com/acme/alpha/compare/1.4.1...1.4.x", Commits: []github.Commit{
			{SHA: compared.Commits[0].SHA, Subject: "fix: the first", Author: "release-bot", URL: compared.Commits[0].URL},
			second,
		},
	})
	commit, err := c.Commit(ctx, "acme/alpha", head[:7])
	read("commit", commit, err, second)
	heads, err := c.BranchesAt(ctx, "acme/alpha", head)
	read("branches", heads, err, []string{"1.4.x"})
	release, err := c.Release(ctx, "acme/alpha", "1.4.1")
	want := github.Release{Tag: "1.4.1", Name: "1.4.1", Notes: "* fix: the first", Prerelease: true, URL: "https://github.com/acme/alpha/releases/tag/1.4.1"}
	read("release", release, err, want)
	for _, asked := range h.asked {
		if !strings.HasPrefix(asked, "GET ") {
			t.Errorf("a read sent %s", asked)
		}
	}
	release, err = c.CreateRelease(ctx, "acme/alpha", github.Release{Tag: "1.4.1", Name: "n", Notes: "x"})
	read("created release", release, err, want)
	err = c.SetStatus(ctx, "acme/alpha", head, github.Status{State: "success", Context: "gio/release", Description: strings.Repeat("é", 200), URL: "https://x"})
	read("status", nil, err, nil)
	equal(t, "sent", h.bodies[len(h.bodies)-2:], []string{
		`{"tag_name":"1.4.1","name":"n","body":"x","draft":false,"prerelease":false}` + "\n",
		`{"state":"success","target_url":"https://x","description":"` + strings.Repeat("é", 139) + `…","context":"gio/release"}` + "\n",
	})
}

// Each answer that is not a 2xx has its fault, and a request about the repository distinguishes the 404s.
func TestFaults(t *testing.T) {
	t.Parallel()
	seen := map[string]reply{alpha: {200, "repository", nil}}
	file := func(ctx context.Context, c *github.Client) error {
		_, err := c.File(ctx, "acme/alpha", "9.9.x", "pom.xml")
		return err
	}
	branch := func(ctx context.Context, c *github.Client) error {
		_, err := c.Branch(ctx, "acme/alpha", "1.4.x")
		return err
	}
	tag := func(ctx context.Context, c *github.Client) error {
		_, err := c.Tag(ctx, "acme/alpha", "1.4.1")
		return err
	}
	release := func(ctx context.Context, c *github.Client) error {
		_, err := c.CreateRelease(ctx, "acme/alpha", github.Release{Tag: "1.4.1"})
		return err
	}
	status := func(ctx context.Context, c *github.Client) error {
		return c.SetStatus(ctx, "acme/alpha", head, github.Status{State: "success"})
	}
	commit := func(ctx context.Context, c *github.Client) error {
		_, err := c.Commit(ctx, "acme/alpha", "0000000")
		return err
	}
	heads := func(ctx context.Context, c *github.Client) error {
		_, err := c.BranchesAt(ctx, "acme/alpha", "0000000")
		return err
	}
	contents, ref := alpha+"/contents/pom.xml", alpha+"/git/ref/tags/1.4.1"
	tests := []struct {
		name, token string
		answers     map[string]reply
		call        func(context.Context, *github.Client) error
		kind        fault.Kind
		code        string
		words       []string
	}{
		{"wrong token", token, map[string]reply{contents: {401, "error_401", nil}}, file, fault.Auth, "github-unauthorized", []string{"Bad credentials", "GITHUB_TOKEN"}},
		{"needs a token", "", map[string]reply{contents: {401, "error_401", nil}}, file, fault.Auth, "github-unauthorized", []string{"needs a token"}},
		{"forbidden", token, map[string]reply{alpha + "/statuses/" + head: {403, "error_403", map[string]string{"X-Accepted-GitHub-Permissions": "statuses=write"}}}, status, fault.Auth, "github-forbidden", []string{"needs: statuses=write"}},
		{"single sign-on", token, map[string]reply{contents: {403, "error_403", map[string]string{"X-GitHub-SSO": "required; url=https://x"}}}, file, fault.Auth, "github-forbidden", []string{"single sign-on"}},
		{"no repository", token, nil, file, fault.NotFound, "no-repository", []string{"repository acme/alpha: not found, or the token cannot see it: it needs contents:read"}},
		{"no repository, no token", "", nil, file, fault.NotFound, "no-repository", []string{"public repositories only", "GITHUB_TOKEN"}},
		{"no file", token, seen, file, fault.NotFound, "no-file", []string{"pom.xml of acme/alpha at 9.9.x does not exist"}},
		{"no ref", token, map[string]reply{contents: {404, "error_404_ref", nil}}, file, fault.NotFound, "no-commit", []string{"there is no such branch, tag or commit"}},
		{"a directory", token, map[string]reply{contents: {200, "contents_directory", nil}}, file, fault.Invalid, "github-file", nil},
		{"a large file", token, map[string]reply{contents: {200, "contents_large", nil}}, file, fault.Invalid, "github-file", []string{"1 MB"}},
		{"no branch", token, seen, branch, fault.NotFound, "no-branch", []string{"branch 1.4.x of acme/alpha does not exist"}},
		{"no tag", token, seen, tag, fault.NotFound, "no-tag", nil},
		{"empty repository", token, map[string]reply{ref: {409, "error_409_empty", nil}, alpha: {200, "repository", nil}}, tag, fault.NotFound, "no-tag", []string{"does not exist"}},
		{"no commit", token, map[string]reply{alpha + "/commits/0000000": {422, "error_422_commit", nil}}, commit, fault.NotFound, "no-commit", []string{"commit 0000000 of acme/alpha does not exist"}},
		{"no commit, in no repository", token, nil, commit, fault.NotFound, "no-repository", nil},
		{"a branch that is named like a commit", token, map[string]reply{alpha + "/commits/0000000": {200, "commit", nil}}, commit, fault.NotFound, "no-commit", nil},
		{"no commit, no branches", token, map[string]reply{alpha + "/commits/0000000/branches-where-head": {422, "error_422_commit", nil}}, heads, fault.NotFound, "no-commit", nil},
		{"release exists", token, map[string]reply{alpha + "/releases": {422, "error_422_exists", nil}}, release, fault.Invalid, "release-exists", nil},
		{"cannot be made", token, map[string]reply{alpha + "/releases": {422, "error_404", nil}}, release, fault.Invalid, "github-refused", []string{"422"}},
		{"a firewall's page", token, map[string]reply{alpha + "/releases": {403, "error_404", map[string]string{"Content-Type": "text/html; charset=utf-8"}}}, release, fault.Remote, "github-page", []string{"a web page came back, with status 403"}},
		{"a proxy's 407", token, map[string]reply{alpha + "/releases": {407, "error_404", nil}}, release, fault.Remote, "proxy-refused", []string{"a proxy of HTTP_PROXY"}},
		{"something else", token, map[string]reply{alpha + "/releases": {410, "error_404", nil}}, release, fault.Remote, "github-error", []string{"410"}},
		{"another shape", token, map[string]reply{ref: {200, "tags", nil}}, tag, fault.Remote, "github-answer", []string{"GITHUB_API_URL"}},
		{"an object about something else", token, map[string]reply{ref: {200, "user", nil}}, tag, fault.Remote, "github-answer", nil},
		{"limited write", token, map[string]reply{alpha + "/releases": {403, "error_403_secondary", map[string]string{"Retry-After": "30"}}}, release, fault.Remote, "github-limit", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := &canned{answer: test.answers}
			wantFault(t, test.call(t.Context(), client(t, h, test.token)), test.kind, test.code, test.words...)
		})
	}
}
