package workspace

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// outside is a workspace of these variables in a directory that is no checkout, and what is said of its settings.
func outside(t *testing.T, env map[string]string) (Workspace, *place) {
	t.Helper()
	p := &place{T: t, checkout: t.TempDir(), env: env, resolved: map[string]string{}}
	return OpenDirectory(p.options(), "release.json").WithManifest([]byte(releaseJSON)), p
}

// TestOrganization: GH_ORG, then gio.yaml; else release.json says it, which is said.
func TestOrganization(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ env, yaml, want, said string }{
		{"env", "yaml", "env", "env (GH_ORG)"},
		{"", "yaml", "yaml", "yaml (gio.yaml)"},
		{"", "", "", "scmHttpUrl (release.json)"},
	} {
		ws, p := outside(t, map[string]string{"GH_ORG": test.env})
		ws.Config.Organization = test.yaml
		if got := ws.Organization(); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
		p.says("organization", test.said)
	}
}

// TestPlanOptions: what gio.yaml, branch and selection say of a plan.
func TestPlanOptions(t *testing.T) {
	t.Parallel()
	ws, _ := outside(t, map[string]string{"GH_ORG": "acme"})
	var err error
	ws.Config, err = config.Parse("gio.yaml", []byte("main_branch: main\nrelease_branches: [next]\nparameters: {a: b}\ncomponents: {api: {branch: x}}\nverify: tag\n"))
	if err != nil {
		t.Fatal(err)
	}
	ws.Branch.Value = "3.9.x"
	o := ws.PlanOptions([]string{"api"}, []string{"ui"})
	if o.Branch != "3.9.x" || o.ComponentMain != "main" || o.MainBranch != "" || o.Organization != "acme" || !slices.Equal(o.ReleaseBranches, []string{"next"}) ||
		!maps.Equal(o.Parameters, map[string]any{"a": "b"}) || o.Overrides["api"].Branch != "x" || !slices.Equal(o.Only, []string{"api"}) || !slices.Equal(o.Except, []string{"ui"}) || o.Verification.Verify != "tag" {
		t.Errorf("%+v", o)
	}
}

// TestSeedParameters: the container form sends what the seed system's jobs sent. What is not set is left out, with a warning,
// unless gio.yaml says it; gio.yaml overrides the rest.
func TestSeedParameters(t *testing.T) {
	t.Parallel()
	all := map[string]string{"SECRETHUB_ORG": "graviteeio", "SECRETHUB_REPO": "cicd", "MAVEN_PROFILE_ID": "gravitee-release"}
	for _, test := range []struct {
		name   string
		env    map[string]string
		yaml   map[string]any
		local  string
		want   map[string]any
		warned []string
	}{
		{"all of them", all, nil, releaseJSON, map[string]any{
			"secrethub_org": "graviteeio", "secrethub_repo": "cicd", "maven_profile_id": "gravitee-release", "s3_bucket_name": "prepared-nexus-staging-gravitee-apim-3_9_4",
		}, nil},
		{"none of them", nil, nil, releaseJSON, map[string]any{"s3_bucket_name": "prepared-nexus-staging-gravitee-apim-3_9_4"}, []string{
			"MAVEN_PROFILE_ID is not set: the pipelines use their own default of maven_profile_id",
			"SECRETHUB_ORG is not set: the pipelines use their own default of secrethub_org",
			"SECRETHUB_REPO is not set: the pipelines use their own default of secrethub_repo",
		}},
		{"gio.yaml says them", nil, map[string]any{"secrethub_org": "own", "secrethub_repo": nil, "maven_profile_id": "p", "more": true}, "{", map[string]any{
			"secrethub_org": "own", "secrethub_repo": nil, "maven_profile_id": "p", "more": true,
		}, nil},
		{"gio.yaml overrides", all, map[string]any{"secrethub_org": "own", "s3_bucket_name": "bucket"}, releaseJSON, map[string]any{
			"secrethub_org": "own", "secrethub_repo": "cicd", "maven_profile_id": "gravitee-release", "s3_bucket_name": "bucket",
		}, nil},
		{"a value is no template", map[string]string{"SECRETHUB_ORG": "{{x}}", "SECRETHUB_REPO": "a", "MAVEN_PROFILE_ID": "b"}, nil, "{", map[string]any{
			"secrethub_org": `{{"{{"}}x}}`, "secrethub_repo": "a", "maven_profile_id": "b",
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ws, p := outside(t, test.env)
			ws = ws.WithManifest([]byte(test.local))
			ws.o.Container, ws.Config.Parameters = true, test.yaml
			if got := ws.PlanOptions(nil, nil).Parameters; !maps.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
			slices.Sort(p.warned)
			if !slices.Equal(p.warned, test.warned) {
				t.Errorf("warned: %q", p.warned)
			}
			ws.o.Container = false
			if got := ws.PlanOptions(nil, nil).Parameters; !maps.Equal(got, test.yaml) {
				t.Errorf("outside of the container: %v", got)
			}
		})
	}
}

// TestCircleCI: token and host come from the same place, the token is never said, and an address with a password is refused.
func TestCircleCI(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		env     map[string]string
		secrets string
		token   string
		code    string
		host    string // as it is said
		from    string
	}{
		{"the cloud", map[string]string{"CIRCLE_TOKEN": "tok"}, "", "tok", "", "https://circleci.com (default)", "CIRCLE_TOKEN"},
		{"a server", map[string]string{"CIRCLE_TOKEN": "tok", "CIRCLE_HOST": "https://ci.example"}, "", "tok", "", "https://ci.example (CIRCLE_HOST)", "CIRCLE_TOKEN"},
		{"beside release.json", map[string]string{}, `{"circleci": {"auth": {"token": "tok"}}}`, "tok", "", "https://circleci.com (default)", "FILE"},
		{"a password", map[string]string{"CIRCLE_TOKEN": "tok", "CIRCLE_HOST": "https://me:secret@ci.example"}, "", "tok", "circleci-host", "", ""},
		{"no token", map[string]string{"CIRCLE_HOST": "https://me:secret@ci.example"}, "", "", "no-token", "", ""},
		{"a broken file", map[string]string{}, `{`, "", "secrets-file", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ws, p := outside(t, test.env)
			if test.secrets != "" {
				p.write(".secrets.json", test.secrets)
			}
			found, err := ws.CircleCI()
			if fault.CodeOf(err) != test.code || found.Token != test.token {
				t.Errorf("%v", err)
			}
			if err != nil && strings.Contains(err.Error()+strings.Join(fault.HintLines(err), ""), "secret@") {
				t.Errorf("it says a password: %v", err)
			}
			said := ""
			if test.from != "" {
				said = "*** (" + strings.Replace(test.from, "FILE", filepath.Join(p.checkout, ".secrets.json"), 1) + ")"
			}
			p.says("CircleCI host", test.host)
			p.says("CircleCI token", said)
			alone := test.env["CIRCLE_HOST"]
			if strings.Contains(alone, "@") {
				alone = ""
			}
			if ws.CircleCIHost() != alone {
				t.Errorf("the host alone: %q", ws.CircleCIHost())
			}
		})
	}
}

// TestGitHub: there is a GitHub where GITHUB_API_URL names one, or the release repository lies on it. The token is never said.
func TestGitHub(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, remote string
		env          map[string]string
		ok           bool
		address      string
		token        string // as it is said
	}{
		{"on github.com", "https://github.com/acme/release", map[string]string{"GITHUB_TOKEN": "ghp"}, true, "", "*** (GITHUB_TOKEN)"},
		{"by the other name", "git@github.com:acme/release.git", map[string]string{"GH_TOKEN": "ghp"}, true, "", "*** (GH_TOKEN)"},
		{"without a token", "https://github.com/acme/release", nil, true, "", "(none)"},
		{"elsewhere", "https://gitlab.com/acme/release", map[string]string{"GITHUB_TOKEN": "ghp"}, false, "", "*** (GITHUB_TOKEN)"},
		{"nowhere", "", nil, false, "", "(none)"},
		{"elsewhere, and named", "/srv/release", map[string]string{"GITHUB_API_URL": "https://ghe.example/api/v3"}, true, "https://ghe.example/api/v3", "(none)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ws, p := outside(t, test.env)
			ws.Checkout.RemoteURL = test.remote
			address, credentials, ok, err := ws.GitHub()
			if err != nil || ok != test.ok || address.Value != test.address || (credentials.Token == "") != (test.token == "(none)") || credentials.TokenHost != gitrepo.TokenHost(test.address) {
				t.Errorf("%+v, %+v, %t, %v", address, credentials, ok, err)
			}
			p.says("GitHub token", test.token)
		})
	}
	ws, p := outside(t, map[string]string{"GITHUB_API_URL": "https://ghe.example/api/v3"})
	p.write(".secrets.json", "{")
	if _, _, ok, err := ws.GitHub(); ok || !fault.Is(err, "secrets-file") {
		t.Errorf("a broken file: %t, %v", ok, err)
	}
	if _, err := ws.Credentials(); !fault.Is(err, "secrets-file") {
		t.Errorf("a broken file: %v", err)
	}
	p.write(".secrets.json", `{"github": {"token": "ghp"}}`)
	if c, err := ws.Credentials(); err != nil || c.Token != "ghp" || c.TokenHost != "ghe.example" {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestRepository: without a remote, or a branch, gio would not know where to record a release.
func TestRepository(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	ws := p.open()
	for _, test := range []struct {
		name string
		edit func(*Workspace)
		kind fault.Kind
		code string
	}{
		{"no Git", func(ws *Workspace) { ws.Git = false }, fault.NotFound, "no-remote"},
		{"no remote", func(ws *Workspace) { ws.Checkout.RemoteURL = "" }, fault.NotFound, "no-remote"},
		{"no branch", func(ws *Workspace) { ws.Branch.Value = "" }, fault.Usage, "no-branch"},
		{"another branch", func(ws *Workspace) { ws.Branch.Value = "4.0.x" }, fault.NotFound, "branch-missing"},
	} {
		other := ws
		test.edit(&other)
		if _, err := other.Repository(t.Context(), nil); fault.KindOf(err) != test.kind || fault.CodeOf(err) != test.code {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	p.says("remote", p.remote+" (the checkout)")
	secrets := p.write(".secrets.json", "{")
	if _, err := ws.Repository(t.Context(), nil); !fault.Is(err, "secrets-file") {
		t.Errorf("a broken file: %v", err)
	}
	if err := os.Remove(secrets); err != nil {
		t.Fatal(err)
	}
	before := gittest.Refs(t, p.remote)
	var pushed []string
	dry, err := ws.Repository(t.Context(), func(updates []gitrepo.Update) { pushed = append(pushed, updates[0].Ref) })
	if err != nil {
		t.Fatal(err)
	}
	if err := dry.Push(t.Context(), []gitrepo.Update{{Ref: "refs/tags/x", New: dry.Head()}}); err != nil || !slices.Equal(pushed, []string{"refs/tags/x"}) || !maps.Equal(before, gittest.Refs(t, p.remote)) {
		t.Errorf("a dry push: %q, %v", pushed, err)
	}
}

// TestAuthor: of gio.yaml, where neither environment nor Git say one, each on its own.
func TestAuthor(t *testing.T) {
	t.Parallel()
	p := newPlace(t, map[string]string{"gio.yaml": "author: {name: Robot, email: robot@example.org}\n"})
	p.env["GIT_CONFIG_GLOBAL"] = os.DevNull
	p.env["GIT_COMMITTER_NAME"] = "Committer"
	repo, err := p.open().Repository(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	commit, err := repo.Commit(repo.Head(), "release.json", []byte("{}"), "edit")
	if err == nil {
		err = repo.Push(t.Context(), []gitrepo.Update{{Ref: "refs/heads/3.9.x", Old: repo.Head(), New: commit}})
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, want := gittest.Git(t, p.remote, "log", "-1", "--format=%an %ae %cn %ce", "3.9.x"), "Robot robot@example.org Committer robot@example.org"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestNewDriver: its id is new with each call; it names its CircleCI job and the version of gio.
func TestNewDriver(t *testing.T) {
	t.Parallel()
	ws, _ := outside(t, map[string]string{"CIRCLE_BUILD_URL": "https://ci/1"})
	one, two := ws.NewDriver(), ws.NewDriver()
	if one.ID == "" || one.ID == two.ID || one.ID != strings.ToLower(one.ID) || one.Job != "https://ci/1" || one.Gio != "1.2.3" || one.Login != "" {
		t.Errorf("%+v, %+v", one, two)
	}
}

// TestDriverWithoutPassword: what the address of the job holds beside it gets into no journal.
func TestDriverWithoutPassword(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"https://robot:secret@circleci.com/gh/acme/release/77": "https://circleci.com/gh/acme/release/77",
		"https://secret@ci/1":  "https://ci/1",
		"https://u:se%zz@ci/1": "", // it cannot be told where a password ends
		"":                     "",
	} {
		ws, _ := outside(t, map[string]string{"CIRCLE_BUILD_URL": value})
		if got := ws.NewDriver().Job; got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

// TestSecrets: every secret of the environment, of .secrets.json and of the addresses of the release repository, but no short
// ones, and no names.
func TestSecrets(t *testing.T) {
	t.Parallel()
	ws, p := outside(t, map[string]string{
		"CIRCLE_TOKEN": "secret-circle", "CCI_TOKEN": "secret-unused", "GITHUB_TOKEN": " secret-github\n", "GH_TOKEN": "short", "SLACK_BOT_TOKEN": "xoxb-secret",
		"SLACK_WEBHOOK_URL": "https://hooks.example.org/services/secret-slack", "GIO_WEBHOOK_SECRET": "secret-webhook", "GH_ORG": "organization",
	})
	if err := os.WriteFile(filepath.Join(p.checkout, ".secrets.json"),
		[]byte(`{"circleci":{"auth":{"username":"robot-user","token":"secret-file"}},"more":["secret-more"],"n":12345678}`), 0o600); err != nil {
		t.Fatal(err)
	}
	ws.File = filepath.Join(p.checkout, "release.json")
	ws.Checkout.RemoteURL = "https://robot:secret%2Dremote@git.example.org/acme/release.git"
	ws.o.Repo = "https://secret-token-as-user@git.example.org/acme/release.git"
	want := []string{
		"/services/secret-slack", "https://hooks.example.org/services/secret-slack", "secret-circle", "secret-file", "secret-github", "secret-more", "secret-remote",
		"secret-token-as-user", "secret-unused", "secret-webhook", "xoxb-secret",
	}
	if got := slices.Sorted(slices.Values(ws.Secrets())); !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// TestJob: the CircleCI job that gio runs in, only by all of its variables.
func TestJob(t *testing.T) {
	t.Parallel()
	job := map[string]string{"CIRCLECI": "true", "CIRCLE_PROJECT_USERNAME": "acme", "CIRCLE_PROJECT_REPONAME": "release", "CIRCLE_BRANCH": "3.9.x"}
	for _, test := range []struct {
		name, value string
		want        string
	}{
		{"CIRCLE_REPOSITORY_URL", "git@github.com:acme/release.git", "gh/acme/release 3.9.x"},
		{"CIRCLE_REPOSITORY_URL", "git@bitbucket.org:acme/release.git", "bb/acme/release 3.9.x"},
		{"CIRCLE_BRANCH", "", "gh/acme/release "},
		{"CIRCLECI", "", " "},
		{"CIRCLE_PROJECT_USERNAME", "", " "},
		{"CIRCLE_PROJECT_REPONAME", "", " "},
	} {
		env := maps.Clone(job)
		env[test.name] = test.value
		ws, _ := outside(t, env)
		if project, branch := ws.Job(); project+" "+branch != test.want {
			t.Errorf("%s=%s: %q %q", test.name, test.value, project, branch)
		}
	}
}

// TestNotifySecrets: what is pasted with spaces is meant without; a signing secret is what it is.
func TestNotifySecrets(t *testing.T) {
	t.Parallel()
	ws, _ := outside(t, map[string]string{"SLACK_BOT_TOKEN": " xoxb\n", "SLACK_WEBHOOK_URL": "\thttps://hooks ", "GIO_WEBHOOK_SECRET": " s "})
	if got, want := ws.NotifySecrets(), (NotifySecrets{"xoxb", "https://hooks", " s "}); got != want {
		t.Errorf("%+v", got)
	}
	ws, _ = outside(t, nil)
	if got := ws.NotifySecrets(); got != (NotifySecrets{}) {
		t.Errorf("%+v", got)
	}
}

// TestStateDir: XDG_STATE_HOME, else that of the home directory, but none in a container.
func TestStateDir(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		state, home string
		container   bool
		want        string
	}{
		{"/state", "/home/me", false, "/state"},
		{"/state", "/root", true, "/state"},
		{"", "/home/me", false, filepath.Join("/home/me", ".local", "state")},
		{"", "/root", true, ""},
		{"", "", false, ""},
	} {
		ws, p := outside(t, map[string]string{"XDG_STATE_HOME": test.state, "HOME": test.home})
		ws.o.Container = test.container
		if got := ws.StateDir(); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
		p.says("state directory", config.Value{Value: test.want, Source: "XDG_STATE_HOME"}.String())
	}
}

// TestScmURL: the organization that is named, that of GH_ORG, else the one that the release repository lies in.
func TestScmURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ organization, env, api, remote, want string }{
		{"acme", "other", "", "https://github.com/third/release", "https://github.com/acme"},
		{"", "other", "", "https://github.com/third/release", "https://github.com/other"},
		{"", "other", "https://ghe.example/api/v3", "", "https://ghe.example/other"},
		{"", "", "", "git@github.com:third/release.git", "https://github.com/third"},
		{"", "", "", "https://git.example:8443/third/release", "https://git.example:8443/third"},
		{"", "", "", "/srv/third/release.git", ""},
		{"", "", "", "https://git.example/scm/third/release", ""},
		{"", "", "", "", ""},
	} {
		dir := t.TempDir()
		gittest.Git(t, dir, "init", "--quiet", "--template=")
		if test.remote != "" {
			gittest.Git(t, dir, "remote", "add", "origin", test.remote)
		}
		env := map[string]string{"GH_ORG": test.env, "GITHUB_API_URL": test.api}
		if got := ScmURL(t.Context(), Options{Getenv: func(name string) string { return env[name] }}, test.organization, dir); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
	if got := ScmURL(t.Context(), Options{Getenv: func(string) string { return "" }}, "", t.TempDir()); got != "" {
		t.Errorf("outside of Git: %q", got)
	}
}

// TestWithAssumptions: without a branch that of the product version, without a main branch the usual one, or the branch itself where
// it is no support branch. What a person should know of is said.
func TestWithAssumptions(t *testing.T) {
	t.Parallel()
	const said = "without a checkout and without --branch the release branch is not known: assuming 3.9.x"
	for _, test := range []struct{ branch, main, version, wantBranch, wantMain, said string }{
		{"", "", "3.9.4-SNAPSHOT", "3.9.x (the product version)", "master", said},
		{"", "trunk", "3.9.4-SNAPSHOT", "3.9.x (the product version)", "trunk", said},
		{"", "", "nonsense", "(none)", "master", ""},
		{"4.0.x", "", "3.9.4-SNAPSHOT", "4.0.x (--branch)", "master", ""},
		{"main", "", "3.9.4-SNAPSHOT", "main (--branch)", "main", ""},
		{"main", "trunk", "3.9.4-SNAPSHOT", "main (--branch)", "trunk", ""},
		{"3.0.0-beta", "", "3.0.0-beta-SNAPSHOT", "3.0.0-beta (--branch)", "3.0.0-beta", ""},
	} {
		ws, _ := outside(t, nil)
		ws.Branch, ws.Checkout.MainBranch = config.Value{Value: test.branch, Source: "--branch"}, test.main
		got, assumptions := ws.WithAssumptions(&manifest.Manifest{Version: test.version})
		if got.Branch.String() != test.wantBranch || got.Checkout.MainBranch != test.wantMain || strings.Join(assumptions, ";") != test.said {
			t.Errorf("%+v: %s, %s, %q", test, got.Branch, got.Checkout.MainBranch, assumptions)
		}
		if ws.Branch.Value != test.branch || ws.Checkout.MainBranch != test.main {
			t.Error("the workspace itself was changed")
		}
	}
}

// TestForReleaseBranch: a branch that nothing is released from is left out, which is said; unless it was named, or nothing is to
// be released.
func TestForReleaseBranch(t *testing.T) {
	t.Parallel()
	open, closed := &manifest.Manifest{Version: "3.9.4-SNAPSHOT"}, &manifest.Manifest{Version: "3.9.4"}
	for _, test := range []struct {
		branch, named string
		m             *manifest.Manifest
		out           bool
	}{
		{"fix", "", open, true},
		{"fix", "fix", open, false},
		{"fix", "", closed, false},
		{"main", "", open, false},
		{"next", "", open, false},
		{"3.9.x", "", open, false},
		{"3.0.0-beta", "", open, false},
		{"3.0.0", "", open, true},
		{"v3.9.x", "", open, true},
		{"", "", open, false},
	} {
		ws, _ := outside(t, nil)
		ws.Branch.Value, ws.Checkout.MainBranch, ws.Config.ReleaseBranches, ws.o.Branch = test.branch, "main", []string{"next"}, test.named
		got, said := ws.ForReleaseBranch(test.m)
		want := test.branch
		if test.out {
			want = ""
		}
		if got.Branch.Value != want || (said != "") != test.out {
			t.Errorf("%+v: %q, said %q", test, got.Branch.Value, said)
		}
		if test.out && said != "nothing is released from the checkout's branch "+test.branch+"; --branch names another one" {
			t.Errorf("said: %q", said)
		}
	}
}

// TestFindPullRequest: GH_ORG and --branch come first, then the checkout, then CircleCI's variables; each says where it came
// from.
func TestFindPullRequest(t *testing.T) {
	t.Parallel()
	circle := map[string]string{"CIRCLE_PROJECT_USERNAME": "job-org", "CIRCLE_PROJECT_REPONAME": "job-repo", "CIRCLE_BRANCH": "job-branch", "CIRCLE_SHA1": "abc"}
	for _, test := range []struct {
		name, remote, branch string // "" is no checkout
		env                  map[string]string
		flag                 string
		want                 PullRequest
		said                 string
		code                 string
	}{
		{"the checkout", "https://github.com/acme/api", "fix", nil, "", PullRequest{"acme", "api", "fix", ""}, "acme (the checkout), api (the checkout), fix (the checkout)", ""},
		{"the checkout before the job", "git@github.com:acme/api.git", "fix", circle, "", PullRequest{"acme", "api", "fix", "abc"}, "acme (the checkout), api (the checkout), fix (the checkout)", ""},
		{"the job", "", "", circle, "", PullRequest{"job-org", "job-repo", "job-branch", "abc"}, "job-org (CIRCLE_PROJECT_USERNAME), job-repo (CIRCLE_PROJECT_REPONAME), job-branch (CIRCLE_BRANCH)", ""},
		{"GH_ORG and --branch", "https://github.com/acme/api", "fix", map[string]string{"GH_ORG": "other"}, "named", PullRequest{"other", "api", "named", ""}, "other (GH_ORG), api (the checkout), named (--branch)", ""},
		{"no remote", "none", "fix", map[string]string{"GH_ORG": "other"}, "", PullRequest{"other", "", "fix", ""}, "other (GH_ORG), (none), fix (the checkout)", "no-pull-request"},
		{"a remote on this machine", "/srv/acme/api.git", "fix", nil, "", PullRequest{"", "", "fix", ""}, "(none), (none), fix (the checkout)", "no-pull-request"},
		{"a remote on this machine, in a job", "../api", "fix", circle, "", PullRequest{"job-org", "job-repo", "fix", "abc"}, "job-org (CIRCLE_PROJECT_USERNAME), job-repo (CIRCLE_PROJECT_REPONAME), fix (the checkout)", ""},
		{"a remote without an organization", "https://git.example/api", "fix", nil, "", PullRequest{"", "", "fix", ""}, "(none), (none), fix (the checkout)", "no-pull-request"},
		{"no branch", "", "", map[string]string{"CIRCLE_PROJECT_USERNAME": "o", "CIRCLE_PROJECT_REPONAME": "r"}, "", PullRequest{"o", "r", "", ""}, "o (CIRCLE_PROJECT_USERNAME), r (CIRCLE_PROJECT_REPONAME), (none)", "no-pull-request"},
		{"no organization", "", "", map[string]string{"CIRCLE_PROJECT_REPONAME": "r", "CIRCLE_BRANCH": "b"}, "", PullRequest{"", "r", "b", ""}, "(none), r (CIRCLE_PROJECT_REPONAME), b (CIRCLE_BRANCH)", "no-pull-request"},
		{"nothing", "", "", nil, "", PullRequest{}, "(none), (none), (none)", "no-pull-request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := &place{T: t, checkout: t.TempDir(), env: test.env, resolved: map[string]string{}}
			if test.branch != "" {
				gittest.Git(t, p.checkout, "init", "--quiet", "--template=", "--initial-branch="+test.branch)
			}
			if test.remote != "" && test.remote != "none" {
				gittest.Git(t, p.checkout, "remote", "add", "origin", test.remote)
			}
			o := p.options()
			o.Branch = test.flag
			got, err := FindPullRequest(t.Context(), o)
			if got != test.want || fault.CodeOf(err) != test.code || err != nil && fault.KindOf(err) != fault.Usage {
				t.Errorf("%+v, %v", got, err)
			}
			if said := p.resolved["organization"] + ", " + p.resolved["repository"] + ", " + p.resolved["branch"]; said != test.said {
				t.Errorf("said: %s, want %s", said, test.said)
			}
		})
	}
	broken := newPlace(t, nil)
	gittest.Git(t, broken.checkout, "config", "extensions.refStorage", "reftable")
	if _, err := FindPullRequest(t.Context(), broken.options()); !fault.Is(err, "checkout-format") {
		t.Errorf("%v", err)
	}
}

// TestMainBranchOf: main_branch is the release repository's where that has such a branch; X.Y.x is never the main branch.
func TestMainBranchOf(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	for _, test := range []struct{ configured, head, want string }{
		{"", "master", "master"}, {"next", "master", "next"}, {"trunk", "master", "master"}, {"", "3.9.x", ""}, {"next", "3.9.x", "next"}, {"3.9.x", "master", ""},
	} {
		remote := gittest.Bare(t, map[string]string{"release.json": releaseJSON}, "master")
		for _, branch := range []string{"3.9.x", "next"} {
			gittest.Git(t, remote, "branch", branch, "master")
		}
		gittest.Git(t, remote, "symbolic-ref", "HEAD", "refs/heads/"+test.head)
		o := p.options()
		o.Repo, o.Branch = remote, "3.9.x"
		ws, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		ws.Config.MainBranch = test.configured
		repo, err := ws.RepositoryToRead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := ws.MainBranchOf(repo); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}
