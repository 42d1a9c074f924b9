package sim_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/sim/simtest"
)

// hub sends a request to the simulated GitHub, with a token unless it is "".
func (t tester) hub(token, method, path, body string) (*http.Response, string) {
	t.Helper()
	r := t.request(method, "", body)
	u, err := r.URL.Parse("/api/v3" + path)
	if err != nil {
		t.Fatal(err)
	}
	r.URL = u
	r.Header.Del("Circle-Token")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := *t.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

// see sends a GET that must be answered with that status.
func (t tester) see(path string, want int) string {
	t.Helper()
	answer, text := t.hub("secret", "GET", path, "")
	if answer.StatusCode != want {
		t.Fatalf("GET %s: %d %s, want %d", path, answer.StatusCode, text, want)
	}
	return text
}

func hubWire(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(simtest.Root(t), "testdata", "wire", "github", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The simulator sends what GitHub sends: every field is in the fixture, in the same form.
func TestGitHubSaysWhatTheFixturesHold(t *testing.T) {
	t.Parallel()
	rules := []sim.Rule{{Type: "pull_request"}, {Type: "required_status_checks", Statuses: []string{"ci/build"}}, {Type: "deletion"}}
	all := &sim.Protection{Review: true, Signatures: true, Statuses: []string{"ci-test"}, Restricted: true, Pushers: []string{"somebody"}, Admins: true}
	alpha := sim.Repository{
		Admin: true, Version: "1.4.2-SNAPSHOT", Tags: []string{"1.4.0", "1.4.1"}, Private: true,
		Branches: map[string]sim.Branch{
			"1.4.x":  {Rules: rules, Files: map[string]string{"big.bin": strings.Repeat("x", 2<<20), ".circleci/scripts/x": ""}},
			"2.0.x":  {Protection: all},
			"tagged": {Commits: []sim.Commit{{Message: "fix: one"}, {Message: "feat: two"}}},
		},
	}
	annotated := alpha
	annotated.Annotated = true
	scenario := sim.Scenario{GitHub: &sim.GitHub{
		Tokens: []string{"secret"},
		Repositories: map[string]sim.Repository{
			"acme/alpha": alpha, "acme/annotated": annotated, "acme/old": {RenamedTo: "acme/alpha"}, "acme/void": {Empty: true},
			"acme/foreign": {CanPush: new(bool)},
		},
	}}
	bubble(t, scenario, func(t tester) {
		at := "/repos/acme/alpha"
		var ref struct{ Object struct{ SHA string } }
		t.parse(t.see("/repos/acme/annotated/git/ref/tags/1.4.1", 200), &ref)
		tests := []struct {
			method, path, body string
			status             int
			fixture            string
		}{
			{"GET", "/user", "", 200, "user"},
			{"GET", "/orgs/acme/repos", "", 200, "org_repositories"},
			{"GET", "/orgs/nobody/repos", "", 404, "error_404"},
			{"GET", at, "", 200, "repository"},
			{"GET", "/repos/acme/old", "", 301, "repository_301"},
			{"GET", at + "/branches/1.4.x", "", 200, "branch"},
			{"GET", at + "/branches/2.0.x", "", 200, "branch_protected"},
			{"GET", at + "/branches/2.0.x/protection", "", 200, "protection"},
			{"GET", at + "/branches/1.4.x/protection", "", 404, "error_404_unprotected"},
			{"GET", at + "/rules/branches/1.4.x", "", 200, "rules"},
			{"GET", at + "/rulesets/1", "", 200, "ruleset"},
			{"GET", at + "/contents/pom.xml?ref=1.4.x", "", 200, "contents_file"},
			{"GET", at + "/contents/big.bin?ref=1.4.x", "", 200, "contents_large"},
			{"GET", at + "/contents/.circleci?ref=1.4.x", "", 200, "contents_directory"},
			{"GET", at + "/contents/pom.xml?ref=9.9.x", "", 404, "error_404_ref"},
			{"GET", at + "/git/ref/tags/1.4.1", "", 200, "ref_commit"},
			{"GET", at + "/git/matching-refs/tags/1.4.1", "", 200, "matching_refs"},
			{"GET", "/repos/acme/annotated/git/ref/tags/1.4.1", "", 200, "ref_tag"},
			{"GET", "/repos/acme/annotated/git/tags/" + ref.Object.SHA, "", 200, "tag_object"},
			{"GET", "/repos/acme/void/git/ref/tags/1.4.1", "", 409, "error_409_empty"},
			{"GET", at + "/tags", "", 200, "tags"},
			{"GET", at + "/compare/1.4.1...tagged", "", 200, "compare"},
			{"GET", at + "/commits/1.4.x", "", 200, "commit"},
			{"GET", at + "/commits/1.4.x/branches-where-head", "", 200, "branches_where_head"},
			{"GET", at + "/commits/0000000000000000000000000000000000000000", "", 422, "error_422_commit"},
			{"GET", at + "/commits/0000000/branches-where-head", "", 422, "error_422_commit"},
			{"POST", at + "/statuses/1.4.x", `{"state":"success","context":"gio/release","description":"x","target_url":"https://x"}`, 201, "status_201"},
			{"POST", at + "/releases", `{"tag_name":"1.4.1","name":"1.4.1","body":"x"}`, 201, "release"},
			{"POST", at + "/releases", `{"tag_name":"1.4.1"}`, 422, "error_422_exists"},
			{"GET", at + "/releases/tags/1.4.1", "", 200, "release"},
			{"POST", "/repos/acme/foreign/statuses/main", `{"state":"success"}`, 403, "error_403"},
			{"GET", "/repos/acme/nowhere", "", 404, "error_404"},
			{"GET", at + "/branches/9.9.x", "", 404, "error_404_branch"},
			{"GET", at + "/nothing", "", 404, "error_404"},
		}
		for _, test := range tests {
			answer, text := t.hub("secret", test.method, test.path, test.body)
			t.equal(test.method+" "+test.path, answer.StatusCode, test.status)
			t.within(test.path, text, test.fixture)
		}
		answer, text := t.hub("wrong", "GET", at, "")
		t.equal("wrong token", answer.StatusCode, 401)
		t.within("wrong token", text, "error_401")
	})
}

func (t tester) parse(text string, out any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// within fails for every field that the fixture does not have.
func (t tester) within(what, text, fixture string) {
	t.Helper()
	known := shape(t, hubWire(t.T, fixture))
	for _, line := range shape(t, []byte(text)) {
		if !slices.Contains(known, line) {
			t.Errorf("%s: %s, but not in %s.json", what, line, fixture)
		}
	}
}

func TestWithoutGitHub(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{}, func(t tester) {
		t.see("/user", 404)
		t.equal("tags", len(t.sim.RepositoryTags("acme/alpha")), 0)
	})
}

func TestWhoSeesARepository(t *testing.T) {
	t.Parallel()
	scenario := sim.Scenario{GitHub: &sim.GitHub{Scopes: new("repo, read:org"), Repositories: map[string]sim.Repository{
		"acme/open": {Archived: true}, "acme/closed": {Private: true}, "acme/hidden": {HiddenFrom: []string{"stranger"}},
	}}}
	bubble(t, scenario, func(t tester) {
		tests := []struct {
			token, method, path string
			want                int
		}{
			{"", "GET", "/repos/acme/open", 200},
			{"", "GET", "/repos/acme/closed", 404},
			{"", "GET", "/user", 401},
			{"", "POST", "/repos/acme/open/releases", 401},
			{"x", "GET", "/repos/acme/closed", 200},
			{"x", "GET", "/repos/acme/hidden", 200},
			{"stranger", "GET", "/repos/acme/hidden", 404},
			{"x", "POST", "/repos/acme/open/releases", 403},
		}
		for _, test := range tests {
			answer, text := t.hub(test.token, test.method, test.path, "{}")
			t.equal(strings.Join([]string{test.token, test.method, test.path}, " "), answer.StatusCode, test.want)
			if test.token == "" && strings.Contains(text, "permissions") {
				t.Errorf("%s tells permissions without a token", test.path)
			}
		}
		answer, _ := t.hub("x", "GET", "/user", "")
		t.equal("scopes", answer.Header.Get("X-OAuth-Scopes"), "repo, read:org")
	})
}

// Only a release job sets the tag and opens the next patch.
func TestAReleaseLeavesItsTag(t *testing.T) {
	t.Parallel()
	release := `{"branch":"1.4.x","parameters":{"gio_action":"release","dry_run":false}}`
	tests := []struct {
		name, body string
		run        sim.Run
		repository sim.Repository
		want       []string
		next       string
	}{
		{"released", release, sim.Run{}, sim.Repository{}, []string{"1.4.1", "1.4.2"}, "1.4.3-SNAPSHOT"},
		{"dry run", `{"branch":"1.4.x","parameters":{"gio_action":"release","dry_run":true}}`, sim.Run{}, sim.Repository{}, []string{"1.4.1"}, "1.4.2-SNAPSHOT"},
		{"something else", `{"branch":"1.4.x","parameters":{"gio_action":"nexus_staging","dry_run":false}}`, sim.Run{}, sim.Repository{}, []string{"1.4.1"}, "1.4.2-SNAPSHOT"},
		{"failed", release, sim.Run{Outcome: sim.Failed}, sim.Repository{}, []string{"1.4.1"}, "1.4.2-SNAPSHOT"},
		{"told not to", release, sim.Run{}, sim.Repository{ReleaseTags: new(bool)}, []string{"1.4.1"}, "1.4.2-SNAPSHOT"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.repository.Version, test.repository.Tags = "1.4.2-SNAPSHOT", []string{"1.4.1"}
			scenario := sim.Scenario{
				Default: sim.Project{Runs: []sim.Run{test.run}},
				GitHub:  &sim.GitHub{Repositories: map[string]sim.Repository{"acme/widget": test.repository}},
			}
			bubble(t, scenario, func(t tester) {
				t.trigger(test.body)
				t.equal("before its end", t.sim.RepositoryTags("acme/widget"), []string{"1.4.1"})
				time.Sleep(time.Minute)
				t.equal("tags", t.sim.RepositoryTags("acme/widget"), test.want)
				t.equal("tags again", t.sim.RepositoryTags("acme/widget"), test.want)
				if pom := t.file("/repos/acme/widget/contents/pom.xml?ref=1.4.x"); !strings.Contains(pom, test.next) {
					t.Errorf("%s does not hold %s", pom, test.next)
				}
				if test.name == "failed" {
					if err := t.sim.Rerun("gh/acme/widget", 1, sim.Success); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Minute)
					t.equal("after a rerun", t.sim.RepositoryTags("acme/widget"), []string{"1.4.1", "1.4.2"})
				}
			})
		})
	}
}

// file returns the content of a file as GitHub sends it.
func (t tester) file(path string) string {
	t.Helper()
	var file struct{ Content string }
	t.parse(t.see(path, 200), &file)
	text, err := base64.StdEncoding.DecodeString(file.Content)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestVersionMakesBranches(t *testing.T) {
	t.Parallel()
	scenario := sim.Scenario{
		Projects: map[string]sim.Project{"widget": {DefaultBranch: "master", Parameters: map[string]string{"gio_action": "string", "profile": "string"}}},
		GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{
			"acme/widget": {Version: "1.4.2-SNAPSHOT", Branches: map[string]sim.Branch{"1.4.x": {Files: map[string]string{"README.md": "hi"}}}},
			"acme/major":  {Version: "2.0.0-SNAPSHOT"},
		}},
	}
	bubble(t, scenario, func(t tester) {
		for path, want := range map[string]string{
			"widget/contents/pom.xml?ref=1.4.x":              "<version>1.4.2-SNAPSHOT</version>\n</project>",
			"widget/contents/pom.xml":                        "<version>1.5.0-SNAPSHOT</version>\n</project>",
			"widget/contents/README.md?ref=1.4.x":            "hi",
			"widget/contents/.circleci/config.yml?ref=1.4.x": "  profile:\n    type: string\n",
			"major/contents/pom.xml?ref=main":                "<version>2.0.0-SNAPSHOT</version>",
			"major/contents/.circleci/config.yml":            "  dry_run:\n    type: boolean\n    default: true\n",
		} {
			if text := t.file("/repos/acme/" + path); !strings.Contains(text, want) {
				t.Errorf("%s: %q does not hold %q", path, text, want)
			}
		}
		t.see("/repos/acme/major/branches/2.0.x", 404)
	})
}

func TestCommitsOfSomebody(t *testing.T) {
	t.Parallel()
	scenario := sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{"acme/widget": {Version: "1.4.2-SNAPSHOT"}}}}
	bubble(t, scenario, func(t tester) {
		if err := t.sim.Commit("acme/widget", "1.4.x", "fix: it", "v1", map[string]string{"a/b": "c"}); err != nil {
			t.Fatal(err)
		}
		if err := t.sim.Commit("acme/widget", "new", "begin", "", nil); err != nil {
			t.Fatal(err)
		}
		t.equal("file", t.file("/repos/acme/widget/contents/a/b?ref=v1"), "c")
		var compared struct {
			Status string
			Ahead  int `json:"ahead_by"`
			Behind int `json:"behind_by"`
		}
		t.parse(t.see("/repos/acme/widget/compare/new...v1", 200), &compared)
		t.equal("diverged", []any{compared.Status, compared.Ahead, compared.Behind}, []any{"diverged", 2, 2})
		var pipeline struct {
			VCS struct{ Revision, Branch string }
		}
		id := t.trigger(`{"branch":"1.4.x"}`)
		answer, text := t.do(t.request("GET", "/pipeline/"+id, ""))
		t.equal("status", answer, 200)
		t.parse(text, &pipeline)
		var branch struct{ Commit struct{ SHA string } }
		t.parse(t.see("/repos/acme/widget/branches/1.4.x", 200), &branch)
		t.equal("the pipeline builds the commit", pipeline.VCS.Revision, branch.Commit.SHA)
		if err := t.sim.Commit("acme/other", "main", "x", "", nil); err == nil {
			t.Error("a commit in a repository that does not exist")
		}
	})
}

// A comparison without a page has the newest 250 commits, with a page the oldest first. A commit is found by the beginning of its id,
// unless several begin so.
func TestManyCommits(t *testing.T) {
	t.Parallel()
	const same = "71aa6e09"
	branch := sim.Branch{Commits: []sim.Commit{{Message: "begin", Tag: "v1"}}}
	for i := range 300 {
		branch.Commits = append(branch.Commits, sim.Commit{Message: fmt.Sprintf("change %d", i+1), Author: "jdoe", Merge: i == 299})
	}
	branch.Commits[7].SHA, branch.Commits[8].SHA = same+strings.Repeat("0", 32), same+strings.Repeat("1", 32)
	scenario := sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{"acme/widget": {Branches: map[string]sim.Branch{"main": branch}}}}}
	bubble(t, scenario, func(t tester) {
		type item struct {
			SHA     string
			Commit  struct{ Message string }
			Author  struct{ Login string }
			Parents []struct{ SHA string }
		}
		for query, want := range map[string][]string{"": {"change 51", "change 300"}, "?per_page=100": {"change 1", "change 100"}, "?per_page=100&page=3": {"change 201", "change 300"}} {
			var compared struct {
				Total   int `json:"total_commits"`
				Commits []item
			}
			t.parse(t.see("/repos/acme/widget/compare/v1...main"+query, 200), &compared)
			all := compared.Commits
			t.equal("commits"+query, []string{all[0].Commit.Message, all[len(all)-1].Commit.Message}, want)
			t.equal("total", compared.Total, 300)
		}
		var newest item
		t.parse(t.see("/repos/acme/widget/commits/main", 200), &newest)
		t.equal("newest", []any{newest.Author.Login, len(newest.Parents)}, []any{"jdoe", 2})
		t.parse(t.see("/repos/acme/widget/commits/"+strings.ToUpper(newest.SHA[:7]), 200), &newest)
		t.see("/repos/acme/widget/commits/"+same, 422)
		t.see("/repos/acme/widget/commits/"+same+"1", 200)
		t.equal("is no head", strings.TrimSpace(t.see("/repos/acme/widget/commits/"+same+"1/branches-where-head", 200)), "[]")
	})
}

func TestLimitOfGitHub(t *testing.T) {
	t.Parallel()
	scenario := sim.Scenario{GitHub: &sim.GitHub{
		Limit:        &sim.GitHubLimit{Requests: 2, Window: time.Minute},
		Repositories: map[string]sim.Repository{"acme/widget": {}},
	}}
	bubble(t, scenario, func(t tester) {
		t.see("/user", 200)
		t.see("/user", 200)
		answer, text := t.hub("x", "GET", "/user", "")
		t.equal("third", []any{answer.StatusCode, answer.Header.Get("X-RateLimit-Remaining")}, []any{403, "0"})
		t.within("third", text, "error_403_primary")
		t.equal("reset", answer.Header.Get("X-RateLimit-Reset"), strconv.FormatInt(time.Now().Add(time.Minute).Unix(), 10))
		t.get(widget)
		time.Sleep(time.Minute)
		t.see("/user", 200)
		stats := t.sim.Stats()
		t.equal("counted apart", []any{stats.GitHub["user"], stats.Requests["user"]}, []any{map[int]int{200: 3, 403: 1}, map[int]int(nil)})
	})
}

func TestFaultsOfGitHub(t *testing.T) {
	t.Parallel()
	scenario := sim.Scenario{
		Faults: []sim.Fault{{Kind: sim.Answer, Status: 502, Times: -1}},
		GitHub: &sim.GitHub{
			Latency:      time.Second,
			Repositories: map[string]sim.Repository{"acme/widget": {}},
			Faults: []sim.Fault{
				{Kind: sim.SecondaryLimit, RetryAfter: 30 * time.Second},
				{Kind: sim.Answer, Status: 403, Match: sim.Match{Project: "widget", Endpoint: "tags"}, Nth: 1},
			},
		},
	}
	bubble(t, scenario, func(t tester) {
		answer, text := t.hub("x", "GET", "/repos/acme/widget", "")
		t.equal("secondary", []any{answer.StatusCode, answer.Header.Get("Retry-After")}, []any{403, "30"})
		t.within("secondary", text, "error_403_secondary")
		t.within("forbidden", t.see("/repos/acme/widget/tags", 403), "error_403")
		begun := time.Now()
		t.see("/repos/acme/widget/tags", 200)
		t.equal("latency", time.Since(begun), time.Second)
	})
}

func TestScenariosOfGitHub(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"github: {repositories: {alpha: {}}}":                                                          `s: github: repositories: "alpha" is not org/name`,
		"github: {repositories: {a/b: {renamed_to: a/c}}}":                                             "s: github: repositories.a/b: renamed_to names no repository that is listed and keeps its name",
		"github: {repositories: {a/b: {version: 1.0.0}}}":                                              `s: github: repositories.a/b: version is X.Y.Z-SNAPSHOT, not "1.0.0"`,
		"github: {repositories: {a/b: {empty: true, tags: [1]}}}":                                      "s: github: repositories.a/b: an empty repository has no version, branches or tags",
		"github: {repositories: {a/b: {tags: [x], branches: {m: {commits: [{message: m, tag: x}]}}}}}": "s: github: repositories.a/b: a tag appears twice: x, x",
		"github: {repositories: {a/b: {rules: [{type: update, bypass: no}]}}}":                         `s: github: repositories.a/b: rules: [0]: unknown bypass "no"`,
		"github: {repositories: {a/b: {branches: {m: {commits: [{message: m, sha: 71aa6e0}]}}}}}":      `s: github: repositories.a/b: branches.m.commits[0]: sha is 40 hexadecimal digits, not "71aa6e0"`,
		"github: {limit: {requests: 0}}":                                                               "s: github: limit: requests is at least 1, it is 0",
		"github: {faults: [{kind: status, status: 500, match: {endpoint: trigger}}]}":                  `s: github: faults[0]: unknown endpoint "trigger"`,
		"faults: [{kind: secondary-limit}]":                                                            "s: faults[0]: secondary-limit is a fault of GitHub",
		"github: {repository: {}}":                                                                     `s:1: unknown key "repository"`,
	} {
		_, err := sim.Load("s", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := sim.Load("s", []byte("github: {repositories: {a/b: {branches: {m: {version: 1.0.0-SNAPSHOT, commits: [{message: x, age: 48h, tag: y}]}}}}}")); err != nil {
		t.Error(err)
	}
}

// The pipeline after a release builds the release's commits, though nobody has read the repository meanwhile.
// The tagged commit has no SNAPSHOT in any pom.xml, unless the scenario says what is in it; that release can be taken back, and the
// next one has none.
func TestFilesOfARelease(t *testing.T) {
	t.Parallel()
	const release = `{"branch":"1.4.x","parameters":{"gio_action":"release","dry_run":false}}`
	core := "<project><parent><version>1.4.2-SNAPSHOT</version></parent><dependency><version>7.0.0-SNAPSHOT</version></dependency></project>"
	r := sim.Repository{
		Branches:     map[string]sim.Branch{"1.4.x": {Version: "1.4.2-SNAPSHOT", Files: map[string]string{"core/pom.xml": core}}},
		ReleaseFiles: map[string]string{"ui/pom.xml": "<version>6-fix</version>"},
	}
	scenario := sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{"acme/widget": r}}}
	bubble(t, scenario, func(t tester) {
		for n, want := range []string{"<version>6-fix</version>", "gone"} {
			t.trigger(release)
			time.Sleep(time.Minute)
			t.equal("the tag's", t.file("/repos/acme/widget/contents/core/pom.xml?ref=1.4.2"), strings.ReplaceAll(core, "-SNAPSHOT", ""))
			t.equal("the branch's", t.file("/repos/acme/widget/contents/core/pom.xml?ref=1.4.x"), strings.ReplaceAll(core, "1.4.2-", "1.4.3-"))
			answer, body := t.hub("x", "GET", "/repos/acme/widget/contents/ui/pom.xml?ref=1.4.2", "")
			if is := answer.StatusCode == http.StatusOK; is != (n == 0) {
				t.Errorf("release %d: %s %s, want %s", n+1, answer.Status, body, want)
			}
			if err := t.sim.Untag("acme/widget", "1.4.x", "1.4.2"); err != nil {
				t.Fatal(err)
			}
			t.equal("tags", len(t.sim.RepositoryTags("acme/widget")), 0)
		}
	})
}

func TestPipelineAfterARelease(t *testing.T) {
	t.Parallel()
	scenario := sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{"acme/widget": {Version: "1.4.2-SNAPSHOT"}}}}
	bubble(t, scenario, func(t tester) {
		const release = `{"branch":"1.4.x","parameters":{"gio_action":"release","dry_run":false}}`
		revision := func() string { return t.get("/pipeline/"+t.trigger(release)).text("vcs", "revision") }
		first := revision()
		time.Sleep(time.Minute)
		if second := revision(); second == first {
			t.Error("both pipelines build the same commit")
		}
		time.Sleep(time.Minute)
		t.equal("tags", t.sim.RepositoryTags("acme/widget"), []string{"1.4.2", "1.4.3"})
	})
}
