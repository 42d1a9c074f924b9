package cli_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/sim"
)

// plant is a world in which a release is to be checked.
type plant struct {
	sim.Scenario
	manifest string
	branch   string            // release branch
	also     map[string]string // release.json of further branches
	git      gittest.Options
	env      map[string]string
	args     []string
	triggers []string // pipelines of the token's user that run: "gh/acme/api 1.25.x"
	tags     []string // of the release repository
	local    string   // release.json of the checkout, where it is not the remote's
}

const checkedManifest = `{
    "name": "Acme",
    "version": "3.9.4-SNAPSHOT",
    "scmHttpUrl": "https://github.com/acme",
    "components": [
        { "name": "common", "version": "1.20.2", "since": "3.9.0" },
        { "name": "api", "version": "1.25.1-SNAPSHOT" },
        { "name": "definition", "version": "1.29.0-SNAPSHOT" },
        { "name": "gateway", "version": "3.9.4-SNAPSHOT" }
    ],
    "buildDependencies": [
        ["common"],
        ["api", "definition"],
        ["gateway"]
    ]
}
`

// ready is a world in which nothing is wrong: everything that is to be released lies where the rules say.
func ready() *plant {
	yes := true
	p := &plant{manifest: checkedManifest, branch: "3.9.x", env: map[string]string{}}
	p.Login = "release-bot"
	p.Default = sim.Project{DefaultBranch: "master", Parameters: map[string]string{"gio_action": "string", "dry_run": "boolean"}, Duration: time.Hour}
	p.Projects = map[string]sim.Project{}
	p.GitHub = &sim.GitHub{Repositories: map[string]sim.Repository{
		"acme/common":     {Branches: map[string]sim.Branch{"1.20.x": {Commits: []sim.Commit{{Message: "work", Tag: "1.20.2"}, {Message: "[maven-release-plugin] prepare for next development iteration"}}}}},
		"acme/api":        {Version: "1.25.1-SNAPSHOT", Tags: []string{"1.25.0", "v1.24.9"}},
		"acme/definition": {Version: "1.29.0-SNAPSHOT"},
		"acme/gateway":    {Version: "3.9.4-SNAPSHOT", CanPush: &yes},
		"acme/release":    {Branches: map[string]sim.Branch{"3.9.x": {}}},
	}}
	p.git.Under = "acme"
	return p
}

// repository changes one repository.
func (p *plant) repository(name string, edit func(*sim.Repository)) {
	r := p.GitHub.Repositories[name]
	edit(&r)
	p.GitHub.Repositories[name] = r
}

// files replaces files on the branch of a repository.
func (p *plant) files(name, branch, version string, files map[string]string) {
	p.repository(name, func(r *sim.Repository) {
		r.Version, r.Branches = "", map[string]sim.Branch{branch: {Version: version, Files: files}}
	})
}

const config = `version: 2.1
parameters:
  gio_action: {type: enum, enum: [release, nexus_staging, ""], default: ""}
  dry_run: {type: boolean, default: true}
`

// grown is a plant that gio can work in.
type grown struct {
	sim              *sim.Sim
	remote, checkout string
	env              map[string]string
}

// grow serves CircleCI, GitHub and the release repository, and clones that one.
func (p *plant) grow(t testing.TB) grown {
	t.Helper()
	s, host := serve(t, p.Scenario)
	files := map[string]string{"release.json": p.manifest}
	if settings := p.env["gio.yaml"]; settings != "" {
		files["gio.yaml"] = settings
	}
	remote := gittest.Bare(t, files, "master")
	if p.branch != "master" { // which has moved on, as it does
		gittest.Git(t, remote, "branch", p.branch, "master")
		gittest.Push(t, remote, "master", map[string]string{"release.json": strings.NewReplacer("3.9.4", "3.10.0", "1.25.1", "1.26.0", "1.29.0", "1.30.0").Replace(p.manifest)}, "next")
	}
	for branch, manifest := range p.also {
		gittest.Git(t, remote, "branch", branch, "master")
		gittest.Push(t, remote, branch, map[string]string{"release.json": manifest}, "theirs")
	}
	for _, tag := range p.tags {
		gittest.Git(t, remote, "tag", tag, p.branch)
	}
	checkout := filepath.Join(t.TempDir(), "checkout")
	server := gittest.HTTP(t, remote, p.git)
	gittest.Git(t, "", "clone", "--quiet", "--branch", p.branch, remote, checkout)
	gittest.Git(t, checkout, "remote", "set-url", "origin", server.URL)
	for _, line := range p.triggers {
		project, branch, _ := strings.Cut(line, " ")
		if _, err := s.Trigger(project, branch, "release-bot", nil); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{
		"CIRCLE_HOST": host, "CIRCLE_TOKEN": "any", "HOME": t.TempDir(), "XDG_STATE_HOME": t.TempDir(),
		"GITHUB_API_URL": host + "/api/v3", "GITHUB_TOKEN": "planted-hub-secret",
	}
	maps.Copy(env, p.env)
	return grown{s, remote, checkout, env}
}

// check runs gio check and gives its findings as "severity code component", its exit code, and all of the report.
func (p *plant) check(t *testing.T) (found []string, code int, r check.Report) {
	t.Helper()
	w := p.grow(t)
	if p.local != "" {
		write(t, filepath.Join(w.checkout, "release.json"), p.local)
	}
	before := gittest.Refs(t, w.remote)
	code, stdout, stderr := gio(t, w.checkout, w.env, append([]string{"check", "--json"}, p.args...)...)
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	for _, f := range r.Findings {
		found = append(found, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Severity, f.Code, f.Component)))
		if f.What == "" || f.Severity == check.Error && f.Do == "" {
			t.Errorf("it does not say what is wrong, or what to do: %+v", f)
		}
	}
	if diff := cmp.Diff(before, gittest.Refs(t, w.remote)); diff != "" {
		t.Errorf("it wrote (-before +after):\n%s", diff)
	}
	for _, request := range w.sim.Requests() {
		if request.Method != "GET" {
			t.Errorf("it sent %s %s", request.Method, request.Path)
		}
	}
	return found, code, r
}

const noCircleCI, noGitHub = "note not-checked", "note not-checked"

// planted are worlds with one thing wrong, and what must be found, nothing else.
var planted = []struct {
	name  string
	plant func(*plant)
	code  int
	want  []string
}{
	{"nothing is wrong", func(*plant) {}, 0, nil},
	{"resumed or not, only what was named", func(p *plant) {
		p.args = []string{"--only", "gateway"}
		p.repository("acme/api", func(r *sim.Repository) { r.Tags = []string{"1.25.1"} })
	}, 0, nil},

	{"manifest", func(p *plant) { p.manifest = strings.Replace(p.manifest, `["common"],`, ``, 1) + " " }, 0, nil},
	{"manifest: not JSON", func(p *plant) { p.manifest = strings.Replace(p.manifest, `"name": "Acme",`, `"name": "Acme"`, 1) }, 7, []string{"error manifest"}},
	{"manifest: two problems", func(p *plant) {
		p.manifest = strings.NewReplacer(`"api", "definition"`, `"definition"`, "3.9.4-SNAPSHOT\" }", "3.9.4-SNAPHOT\" }").Replace(p.manifest)
	}, 7, []string{"error manifest", "error manifest"}},
	{"manifest-odd", func(p *plant) { p.manifest = strings.Replace(p.manifest, `["common"]`, `["comon"]`, 1) }, 0, []string{"warning manifest-odd"}},
	{"configuration", func(p *plant) { p.env["gio.yaml"] = "components: {gatewy: {branch: x}}" }, 7, []string{"error configuration"}},
	{"wrong-branch", func(p *plant) { p.manifest = strings.ReplaceAll(p.manifest, "3.9.4-SNAPSHOT", "3.8.4-SNAPSHOT") }, 7, []string{"error wrong-branch"}},
	{"stale-checkout", func(p *plant) { p.local = strings.Replace(p.manifest, `"1.20.2"`, `"1.20.1"`, 1) }, 7, []string{"error stale-checkout"}},
	{"configuration: nobody is notified", func(p *plant) { p.env["gio.yaml"] = "notify: {slack: {channel: releases}, github: {status: true}}" }, 0, []string{"warning configuration"}},
	{"configuration: all are notified", func(p *plant) {
		p.env["gio.yaml"], p.env["SLACK_BOT_TOKEN"] = "notify: {slack: {channel: releases}, github: {status: true}}", "planted-slack-secret"
	}, 0, nil},
	{"product-tag-exists", func(p *plant) { p.tags = []string{"3.9.4"} }, 7, []string{"error product-tag-exists"}},
	{"cannot-push", func(p *plant) { p.git.DenyPush = true }, 3, []string{"error cannot-push"}},
	{"release-repository", func(p *plant) { p.git.Token = "another" }, 3, []string{"error release-repository"}},

	{"no token", func(p *plant) { p.env["CIRCLE_TOKEN"] = "" }, 3, []string{"error token", noCircleCI}},
	{"token", func(p *plant) { p.Tokens = []string{"the-right-one"} }, 3, []string{"error token"}},
	{"a project's token", func(p *plant) { p.ProjectTokens = []string{"any"} }, 3, []string{"error token"}},
	{"project-unknown", func(p *plant) {
		p.Strict = true
		p.Projects = map[string]sim.Project{"api": {}, "definition": {}}
	}, 7, []string{"error project-unknown gateway"}},
	{"project-unknown, of the main branch", func(p *plant) {
		p.Strict = true
		p.Projects = map[string]sim.Project{"api": {}, "gateway": {}}
	}, 7, []string{"error project-unknown definition"}},
	{"project hidden from the token", func(p *plant) { p.Projects["api"] = sim.Project{HiddenFrom: []string{"any"}} }, 7, []string{"error project-unknown api"}},
	{"pipeline-running", func(p *plant) {
		p.triggers = []string{"gh/acme/api 1.25.x", "gh/acme/api 1.24.x", "gh/acme/common 1.20.x"}
	}, 7, []string{"error pipeline-running api"}},
	{"released-unknown", func(p *plant) {
		p.tags = append(p.tags, "3.9.3")
		p.Projects["api"] = sim.Project{Duration: time.Millisecond, WorkflowDelay: time.Millisecond}
		p.triggers = []string{"gh/acme/api 1.25.x"}
	}, 7, []string{"error released-unknown api"}},
	{"auto-cancel", func(p *plant) {
		yes := true
		p.Projects["gateway"], p.Projects["definition"] = sim.Project{Autocancel: &yes}, sim.Project{Autocancel: &yes}
	}, 0, []string{"warning auto-cancel gateway"}},
	{"auto-cancel of gio's own job", func(p *plant) {
		yes := true
		p.Projects["release"] = sim.Project{Autocancel: &yes}
		maps.Copy(p.env, map[string]string{"CIRCLECI": "true", "CIRCLE_PROJECT_USERNAME": "acme", "CIRCLE_PROJECT_REPONAME": "release", "CIRCLE_BRANCH": "3.9.x"})
	}, 0, []string{"warning auto-cancel"}},
	{"CircleCI is broken", func(p *plant) {
		p.Faults = []sim.Fault{{Match: sim.Match{Endpoint: "settings", Project: "api"}, Kind: sim.Answer, Status: 418, Times: -1}}
	}, 4, []string{"error not-checked"}},

	{"no GitHub token", func(p *plant) { p.env["GITHUB_TOKEN"] = "" }, 0, []string{noGitHub}},
	{"github-token", func(p *plant) { p.GitHub.Tokens = []string{"the-right-one"} }, 3, []string{"error github-token"}},
	{"repository-missing", func(p *plant) { delete(p.GitHub.Repositories, "acme/api") }, 7, []string{"error repository-missing api"}},
	{"repository-renamed", func(p *plant) {
		p.GitHub.Repositories["acme/api-server"] = p.GitHub.Repositories["acme/api"]
		p.GitHub.Repositories["acme/api"] = sim.Repository{RenamedTo: "acme/api-server"}
	}, 0, []string{"warning repository-renamed api"}},
	{"archived", func(p *plant) { p.repository("acme/api", func(r *sim.Repository) { r.Archived = true }) }, 7, []string{"error archived api"}},
	{"archived, in a user's account", func(p *plant) {
		p.repository("acme/api", func(r *sim.Repository) { r.Archived = true })
		p.GitHub.Faults = []sim.Fault{{Match: sim.Match{Path: "/orgs/acme/repos$"}, Kind: sim.Answer, Status: 404, Body: `{"message":"Not Found"}`, Times: -1}}
	}, 7, []string{"error archived api"}},
	{"archived, but not to be released", func(p *plant) { p.repository("acme/common", func(r *sim.Repository) { r.Archived = true }) }, 0, nil},
	{"branch-missing", func(p *plant) { p.repository("acme/api", func(r *sim.Repository) { r.Version = "1.26.0-SNAPSHOT" }) }, 7, []string{"error branch-missing api"}},
	{"version-mismatch", func(p *plant) { p.repository("acme/gateway", func(r *sim.Repository) { r.Version = "3.9.5-SNAPSHOT" }) }, 7, []string{"error version-mismatch gateway"}},
	{"version-unknown", func(p *plant) {
		p.files("acme/gateway", "3.9.x", "", map[string]string{".circleci/config.yml": config})
	}, 0, []string{"warning version-unknown gateway"}},
	{"the version of a package.json", func(p *plant) {
		p.files("acme/gateway", "3.9.x", "", map[string]string{".circleci/config.yml": config, "package.json": `{"version": "3.9.3"}`})
	}, 7, []string{"error version-mismatch gateway"}},
	{"tag-exists", func(p *plant) { p.repository("acme/api", func(r *sim.Repository) { r.Tags = []string{"1.25.1"} }) }, 7, []string{"error tag-exists api"}},
	{"tag-exists, with a v", func(p *plant) { p.repository("acme/api", func(r *sim.Repository) { r.Tags = []string{"v1.25.1"} }) }, 7, []string{"error tag-exists api"}},
	{"skip-ci", func(p *plant) {
		p.repository("acme/api", func(r *sim.Repository) {
			r.Branches = map[string]sim.Branch{"1.25.x": {Version: "1.25.1-SNAPSHOT", Commits: []sim.Commit{{Message: "docs\n\n[skip ci]"}}}}
		})
	}, 7, []string{"error skip-ci api"}},
	{"config-missing", func(p *plant) {
		p.files("acme/gateway", "3.9.x", "", map[string]string{"package.json": `{"version": "3.9.4"}`})
	}, 7, []string{"error config-missing gateway"}},
	{"config-unreadable", func(p *plant) {
		p.files("acme/gateway", "3.9.x", "3.9.4-SNAPSHOT", map[string]string{".circleci/config.yml": "parameters: [\n"})
	}, 7, []string{"error config-unreadable gateway"}},
	{"parameter-undeclared", func(p *plant) {
		p.files("acme/gateway", "3.9.x", "3.9.4-SNAPSHOT", map[string]string{".circleci/config.yml": strings.Replace(config, "dry_run", "dryrun", 1)})
	}, 7, []string{"error parameter-undeclared gateway", "error parameter-defaulted gateway"}},
	{"parameter-type", func(p *plant) {
		p.files("acme/gateway", "3.9.x", "3.9.4-SNAPSHOT", map[string]string{".circleci/config.yml": strings.Replace(config, "boolean, default: true", `string, default: ""`, 1)})
	}, 7, []string{"error parameter-type gateway"}},
	{"parameter-type, of an enum", func(p *plant) {
		p.files("acme/gateway", "3.9.x", "3.9.4-SNAPSHOT", map[string]string{".circleci/config.yml": strings.Replace(config, "[release, ", "[", 1)})
	}, 7, []string{"error parameter-type gateway"}},
	{"parameter-type, by gio.yaml", func(p *plant) {
		p.env["gio.yaml"] = "components:\n  gateway:\n    parameters: {build: 010}\n"
		p.files("acme/gateway", "3.9.x", "3.9.4-SNAPSHOT", map[string]string{".circleci/config.yml": config + "  build: {type: string, default: \"\"}\n"})
	}, 7, []string{"error parameter-type gateway"}},
	{"definition-missing", func(p *plant) {
		p.env["gio.yaml"] = "components:\n  api:\n    project: circleci/f22b6566-597d-46d5-ba74-99ef5bb3d85c/84996744-a854-4f5e-aea3-04e2851dc1d2\n"
	}, 7, []string{"error definition-missing api"}},
	{"parameter-defaulted", func(p *plant) {
		p.files("acme/gateway", "3.9.x", "3.9.4-SNAPSHOT", map[string]string{".circleci/config.yml": config + "  maven_profile_id: {type: string, default: dry-run}\n"})
	}, 7, []string{"error parameter-defaulted gateway"}},
	{"branch-protected", func(p *plant) {
		p.repository("acme/release", func(r *sim.Repository) { r.Branches["3.9.x"] = sim.Branch{Rules: []sim.Rule{{Type: "pull_request"}}} })
	}, 7, []string{"error branch-protected"}},
	{"branch-protected, nobody may read how", func(p *plant) {
		p.repository("acme/release", func(r *sim.Repository) { r.Branches["3.9.x"] = sim.Branch{Protection: &sim.Protection{Review: true}} })
	}, 0, []string{"warning branch-protected"}},
	{"branch-protected, and bypassed", func(p *plant) {
		p.repository("acme/release", func(r *sim.Repository) {
			r.Branches["3.9.x"] = sim.Branch{Rules: []sim.Rule{{Type: "pull_request", Bypass: "always"}}}
		})
	}, 0, nil},
	{"signed-commits", func(p *plant) {
		p.repository("acme/release", func(r *sim.Repository) { r.Rules = []sim.Rule{{Type: "required_signatures"}} })
	}, 7, []string{"error signed-commits"}},
	{"ref-in-the-way", func(p *plant) { p.tags = []string{"3.9.4/rc"} }, 7, []string{"error ref-in-the-way"}},
	{"server-rules, of tags", func(p *plant) {
		p.repository("acme/release", func(r *sim.Repository) {
			r.Rulesets = []sim.Ruleset{{Target: "tag", Rules: []sim.Rule{{Type: "tag_name_pattern", Operator: "starts_with", Pattern: "v"}}}}
		})
	}, 7, []string{"error server-rules", "error server-rules"}},
	{"server-rules, of the address, which needs no CircleCI", func(p *plant) {
		p.env["CIRCLE_TOKEN"], p.env["GIT_COMMITTER_EMAIL"] = "", "bot@example.org"
		p.repository("acme/release", func(r *sim.Repository) {
			r.Rules = []sim.Rule{{Type: "committer_email_pattern", Operator: "ends_with", Pattern: "@acme.example"}}
		})
	}, 3, []string{"error server-rules", "error token", "note not-checked"}},
	{"open-elsewhere", func(p *plant) {
		p.also = map[string]string{"3.8.x": strings.NewReplacer("3.9.4", "3.8.7", "1.29.0", "1.28.2").Replace(p.manifest)}
	}, 0, []string{"warning open-elsewhere api"}},
	{"order-wrong", func(p *plant) { p.names("api", "1.25.x", "1.25.1-SNAPSHOT", "gateway 3.9.4-SNAPSHOT") }, 7, []string{"error order-wrong api"}},
	{"order-wrong by gio.yaml", func(p *plant) { p.env["gio.yaml"] = "needs:\n  api: [gateway]\n" }, 7, []string{"error order-wrong api"}},
	{"order-wrong, and not needed", func(p *plant) {
		p.env["gio.yaml"] = "not_needed:\n  api: {gateway: only in its tests}\n"
		p.names("api", "1.25.x", "1.25.1-SNAPSHOT", "gateway 3.9.4")
	}, 0, nil},
	{"dependency-needed", func(p *plant) {
		p.env["gio.yaml"] = "not_needed:\n  gateway: {api: only in its tests}\n"
		p.names("api", "1.25.x", "1.25.1-SNAPSHOT")
		p.names("gateway", "3.9.x", "3.9.4-SNAPSHOT", "api 1.25.1-SNAPSHOT")
	}, 7, []string{"error dependency-needed gateway"}},
	{"configuration, a need of an unknown one", func(p *plant) { p.env["gio.yaml"] = "needs:\n  api: [gatway]\n" }, 7, []string{"error configuration"}},
	{"dependency-not-open", func(p *plant) { p.names("api", "1.25.x", "1.25.1-SNAPSHOT", "elsewhere 1.0.0-SNAPSHOT") }, 7, []string{"error dependency-not-open api"}},
	{"dependency-other-version", func(p *plant) { p.names("gateway", "3.9.x", "3.9.4-SNAPSHOT", "api 1.26.0-SNAPSHOT") }, 7, []string{"error dependency-other-version gateway"}},
	{"dependency-cycle", func(p *plant) {
		p.names("api", "1.25.x", "1.25.1-SNAPSHOT", "gateway 3.9.4")
		p.names("gateway", "3.9.x", "3.9.4-SNAPSHOT", "api 1.25.1")
	}, 7, []string{"error order-wrong api", "error dependency-cycle api"}},
	{"order-no-edge", func(p *plant) {
		p.env["gio.yaml"] = "order: graph"
		p.names("api", "1.25.x", "1.25.1-SNAPSHOT", "gateway 3.9.4-SNAPSHOT") // which is right by the graph
	}, 0, []string{"note order-no-edge"}},
	{"dependency-cycle by the graph", func(p *plant) {
		p.env["gio.yaml"] = "order: graph"
		p.names("api", "1.25.x", "1.25.1-SNAPSHOT", "gateway 3.9.4")
		p.names("gateway", "3.9.x", "3.9.4-SNAPSHOT", "api 1.25.1")
	}, 7, []string{"error dependency-cycle"}},
	{"dependency-left-out", func(p *plant) {
		p.env["gio.yaml"], p.args = "order: graph", []string{"--except", "api"}
		p.names("gateway", "3.9.x", "3.9.4-SNAPSHOT", "api 1.25.1")
	}, 7, []string{"error dependency-left-out"}},
	{"dependency-split and -older", func(p *plant) {
		p.names("definition", "master", "1.29.0-SNAPSHOT", "gateway 3.8.0")
		p.names("api", "1.25.x", "1.25.1-SNAPSHOT", "gateway 3.7.0")
	}, 0, []string{"warning dependency-split gateway", "note dependency-older"}},
	{"dependency-unknown", func(p *plant) {
		p.names("api", "1.25.x", "1.25.1-SNAPSHOT")
		p.names("definition", "master", "1.29.0-SNAPSHOT")
		r := p.GitHub.Repositories["acme/definition"].Branches["master"]
		r.Files["pom.xml"] = strings.Replace(r.Files["pom.xml"], ">definition<", ">api<", 1)
	}, 0, []string{"warning dependency-unknown definition"}},

	{"unreleased-commits", func(p *plant) {
		p.repository("acme/common", func(r *sim.Repository) {
			r.Branches = map[string]sim.Branch{"1.20.x": {Commits: []sim.Commit{
				{Message: "work", Tag: "1.20.2"}, {Message: "[maven-release-plugin] prepare for next development iteration"}, {Message: "fix: a leak"},
			}}}
		})
	}, 0, []string{"note unreleased-commits common"}},
	{"unreleased-commits, which prepare --unreleased opens, too", func(p *plant) {
		p.repository("acme/common", func(r *sim.Repository) {
			r.Branches = map[string]sim.Branch{"1.20.x": {Commits: []sim.Commit{{Message: "work", Tag: "1.20.2"}, {Message: "fix: gateway 3.9.4-SNAPSHOT is back"}}}}
		})
	}, 0, []string{"note unreleased-commits common"}},
	{"unreleased-commits since a tag with a v", func(p *plant) {
		p.repository("acme/common", func(r *sim.Repository) {
			r.Branches = map[string]sim.Branch{"1.20.x": {Commits: []sim.Commit{{Message: "work", Tag: "v1.20.2"}, {Message: "fix: a leak"}}}}
		})
	}, 0, []string{"note unreleased-commits common"}},
	{"GitHub is broken", func(p *plant) {
		p.GitHub.Faults = []sim.Fault{{Match: sim.Match{Endpoint: "branch", Project: "acme/api"}, Kind: sim.Answer, Status: 418, Times: -1}}
	}, 4, []string{"error not-checked"}},
	{"offline", func(p *plant) {
		p.args = []string{"--offline"}
		p.env["CIRCLE_HOST"], p.env["GITHUB_API_URL"] = "http://127.0.0.1:1", "http://127.0.0.1:1/api/v3"
	}, 0, []string{noCircleCI, noGitHub}},
	{"offline, manifest", func(p *plant) {
		p.args = []string{"--offline"}
		p.manifest = strings.Replace(p.manifest, `"api", `, "", 1)
	}, 7, []string{"error manifest", noCircleCI, noGitHub}},
}

// names puts a pom.xml, whose dependencies are these, on the branch of a component.
func (p *plant) names(name, branch, version string, dependencies ...string) {
	var b strings.Builder
	fmt.Fprintf(&b, "<project><groupId>org.example</groupId><artifactId>%s</artifactId><version>%s</version><dependencies>", name, version)
	for _, d := range dependencies {
		artifact, version, _ := strings.Cut(d, " ")
		fmt.Fprintf(&b, "<dependency><groupId>org.example</groupId><artifactId>%s</artifactId><version>%s</version></dependency>", artifact, version)
	}
	p.files("acme/"+name, branch, version, map[string]string{"pom.xml": b.String() + "</dependencies></project>"})
}

// TestCheckFindsWhatIsPlanted: every finding with its code, and nothing else; and gio check only reads.
func TestCheckFindsWhatIsPlanted(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range planted {
		for _, line := range p.want {
			seen[strings.Fields(line)[1]] = true
		}
		t.Run(strings.ReplaceAll(p.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			world := ready()
			p.plant(world)
			found, code, _ := world.check(t)
			if code != p.code {
				t.Errorf("exit %d, want %d", code, p.code)
			}
			slices.Sort(found)
			want := slices.Sorted(slices.Values(p.want))
			if diff := cmp.Diff(want, found); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
	for _, r := range check.Rules() {
		if !seen[r.Code] && !slices.Contains([]string{check.SupportBranch, check.NextVersion, check.JournalDamaged}, r.Code) {
			t.Errorf("no world is planted for %s", r.Code)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCheckNamesTheOtherBranch: where another branch that could be meant has the version, it is named.
func TestCheckNamesTheOtherBranch(t *testing.T) {
	t.Parallel()
	p := ready()
	p.repository("acme/gateway", func(r *sim.Repository) {
		r.Version, r.Branches = "", map[string]sim.Branch{"3.9.x": {Version: "3.9.5-SNAPSHOT"}, "master": {Version: "3.9.4-SNAPSHOT"}}
	})
	_, _, r := p.check(t)
	if len(r.Findings) != 1 || !strings.HasSuffix(r.Findings[0].What, "says 3.9.5-SNAPSHOT; branch master has it") {
		t.Errorf("%+v", r.Findings)
	}
}
