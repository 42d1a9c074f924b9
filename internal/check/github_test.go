package check

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

func TestGitHub(t *testing.T) {
	t.Parallel()
	checkPlanted(t, []planted{
		{"no client", func(w *world) {
			w.ask = func(_ testing.TB, _ *sim.Sim, q *Question) { q.GitHub, q.NoGitHub = nil, "set GITHUB_TOKEN" }
		}, []string{"note not-checked"}, 0, `branch protection","do":"set GITHUB_TOKEN"`},
		{"token refused, said once", func(w *world) { w.GitHub.Tokens = []string{"the-right-one"} }, []string{"error github-token"}, 3, `"where":"GITHUB_TOKEN"`},
		{"token refused while it is checked", func(w *world) { w.hubAnswers("matching-refs", "", 401) }, []string{"error github-token"}, 3, ""},
	})
}

func TestRepository(t *testing.T) {
	t.Parallel()
	checkPlanted(t, []planted{
		{"missing", func(w *world) { delete(w.GitHub.Repositories, "acme/api") }, []string{"error repository-missing api"}, 7, `"where":"acme/api"`},
		{"hidden from the token", func(w *world) {
			w.repository("acme/api", func(r *sim.Repository) { r.HiddenFrom = []string{"a-token"} })
		}, []string{"error repository-missing api"}, 7, "the token cannot see it"},
		{"renamed", func(w *world) {
			w.GitHub.Repositories["acme/api-server"] = w.GitHub.Repositories["acme/api"]
			w.GitHub.Repositories["acme/api"] = sim.Repository{RenamedTo: "acme/api-server"}
		}, []string{"warning repository-renamed api"}, 0, "write repository: acme/api-server under the component's name"},
		{"renamed, but for the case of its letters", func(w *world) {
			w.GitHub.Repositories["acme/API"] = w.GitHub.Repositories["acme/api"]
			w.GitHub.Repositories["acme/api"] = sim.Repository{RenamedTo: "acme/API"}
		}, nil, 0, ""},
		{"branch missing", func(w *world) {
			w.repository("acme/api", func(r *sim.Repository) { r.Version = "1.26.1-SNAPSHOT" })
		}, []string{"error branch-missing api"}, 7, "the branch 1.25.x does not exist (1.25.1 is a patch of 1.25)"},
		{"branch missing, its version tagged", func(w *world) {
			w.repository("acme/api", func(r *sim.Repository) { r.Version, r.Tags = "1.26.1-SNAPSHOT", []string{"1.25.1"} })
		}, []string{"error tag-exists api", "error branch-missing api"}, 7, ""},
		{"branch not readable", func(w *world) { w.hubAnswers("branch", "acme/api", 418) }, []string{"error not-checked"}, 4, "not checked: the branch of api: "},
		{"branches not readable, of one for another reason", func(w *world) {
			w.hubAnswers("branch", "acme/api", 418)
			w.hubAnswers("branch", "acme/definition", 403)
			w.hubAnswers("branch", "acme/gateway", 418)
		}, []string{"error not-checked", "error not-checked"}, 3, "not checked: the branch of api, gateway: "},
	})
}

func TestTag(t *testing.T) {
	t.Parallel()
	tagged := func(tags ...string) func(*world) {
		return func(w *world) { w.repository("acme/api", func(r *sim.Repository) { r.Tags = tags }) }
	}
	exists := []string{"error tag-exists api"}
	checkPlanted(t, []planted{
		{"plain", tagged("1.25.1"), exists, 7, "the tag 1.25.1 exists already: api 1.25.1 is released"},
		{"with a v", tagged("v1.25.1"), exists, 7, "mark it as released: `gio prepare api=1.25.1`"},
		{"as the proof is named", func(w *world) {
			tagged("api-1.25.1")(w)
			w.options.Verification = plan.Verification{Verify: plan.VerifyTag, Tag: "{{.Component}}-{{.Version}}"}
		}, exists, 7, "the tag api-1.25.1 exists"},
		{"as no proof is named", tagged("api-1.25.1"), nil, 0, ""},
		{"of another version that begins so", tagged("1.25.10", "v1.25.1-rc1"), nil, 0, ""},
		{"once the run has begun", func(w *world) {
			tagged("1.25.1")(w)
			w.state = []run.Event{}
		}, exists, 7, "if the release is complete, `gio resolve api --released`"},
		{"of a run whose journal is empty", func(w *world) {
			tagged("1.25.1")(w)
			w.ask = func(_ testing.TB, _ *sim.Sim, q *Question) { q.State = &run.State{} }
		}, exists, 7, "`gio prepare api=1.25.1`"},
		{"not readable", func(w *world) { w.hubAnswers("matching-refs", "acme/api", 418) }, []string{"error not-checked"}, 4, "not checked: the version's tag of api: "},
	})
}

func TestSkipsCI(t *testing.T) {
	t.Parallel()
	of := func(n int) string { return strings.Repeat("é", n) }
	for _, tt := range []struct {
		message string
		want    bool
	}{
		{"", false},
		{"work", false},
		{"docs [skip ci]", true},
		{"[ci skip] docs", true},
		{"title\n\nbody [skip ci]", true},
		{"[skip  ci]", false},
		{"[SKIP CI]", false},
		{of(241) + "[skip ci]", true}, // the 242nd to the 250th character
		{of(242) + "[skip ci]", false},
		{"title\n\n" + of(241) + "[ci skip]", true},
		{"title\n\n" + of(242) + "[ci skip]", false},
		{of(300) + "\n\n[ci skip]", true},
	} {
		if got := skipsCI(tt.message); got != tt.want {
			t.Errorf("skipsCI(%q) = %v", tt.message, got)
		}
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	says := func(message string) func(*world) {
		return func(w *world) {
			w.repository("acme/api", func(r *sim.Repository) {
				r.Branches = map[string]sim.Branch{"1.25.x": {Version: "1.25.1-SNAPSHOT", Commits: []sim.Commit{{Message: "docs [skip ci]"}, {Message: message}}}}
			})
		}
	}
	checkPlanted(t, []planted{
		{"skips", says("docs\n\n[skip ci]"), []string{"error skip-ci api"}, 7, "the newest commit of 1.25.x says [skip ci]"},
		{"skipped before", says("work"), nil, 0, ""},
		{"skips, of the GitHub App", func(w *world) {
			says("[skip ci]")(w)
			w.options.Overrides = map[string]plan.Override{"api": {Project: app, Definition: definitionOf(t, app)}}
		}, nil, 0, ""},
	})
}

// TestVersion: the branch must state the version that release.json says.
func TestVersion(t *testing.T) {
	t.Parallel()
	pom := func(version string) func(*world) {
		return func(w *world) { w.repository("acme/gateway", func(r *sim.Repository) { r.Version = version }) }
	}
	file := func(name, content string) func(*world) {
		return func(w *world) {
			w.holds("acme/gateway", "3.9.x", "", map[string]string{configPath: takesAll, name: content})
		}
	}
	npm := func(version string) func(*world) { return file("package.json", `{"version": "`+version+`"}`) }
	shared := func(branch string) func(*world) { // api and definition in one repository
		return func(w *world) {
			w.options.Overrides = map[string]plan.Override{"definition": {Repository: "acme/api", Branch: branch}}
			w.repository("acme/api", func(r *sim.Repository) { r.Branches = map[string]sim.Branch{"develop": {Version: "1.25.1-SNAPSHOT"}} })
		}
	}
	mismatch, unknown := []string{"error version-mismatch gateway"}, []string{"warning version-unknown gateway"}
	checkPlanted(t, []planted{
		{"another one", pom("3.9.5-SNAPSHOT"), mismatch, 7, "release.json says 3.9.4-SNAPSHOT, pom.xml of branch 3.9.x says 3.9.5-SNAPSHOT\""},
		{"one that begins so", file("pom.xml", "<project><version>3.9.4-SNAPSHOT-1</version></project>"), mismatch, 7, `"where":"acme/gateway 3.9.x pom.xml"`},
		{"the released one, of Maven", file("pom.xml", "<project><version>3.9.4</version></project>"), mismatch, 7, "`gio prepare gateway` takes the branch's version"},
		{"the released one, of npm", npm("3.9.4"), nil, 0, ""},
		{"a snapshot, of npm", npm("3.9.4-SNAPSHOT"), nil, 0, ""},
		{"another one, of npm", npm("3.9.3"), mismatch, 7, "package.json of branch 3.9.x says 3.9.3"},
		{"another one, that the main branch has", func(w *world) {
			w.GitHub.Repositories["acme/gateway"] = sim.Repository{Branches: map[string]sim.Branch{
				"3.9.x": {Version: "3.9.5-SNAPSHOT"}, "master": {Version: "3.9.4-SNAPSHOT"},
			}}
		}, mismatch, 7, "says 3.9.5-SNAPSHOT; branch master has it\",\"do\":\"write branch: master under components: gateway: in gio.yaml"},
		{"another one, that the branch of its line has", func(w *world) {
			w.options.Overrides = map[string]plan.Override{"api": {Branch: "develop"}}
			w.repository("acme/api", func(r *sim.Repository) { r.Branches = map[string]sim.Branch{"develop": {Version: "1.26.0-SNAPSHOT"}} })
		}, []string{"error version-mismatch api"}, 7, "; branch 1.25.x has it"},
		{"another one, that the release branch has", func(w *world) {
			w.repository("acme/definition", func(r *sim.Repository) {
				r.Branches = map[string]sim.Branch{"master": {Version: "1.30.0-SNAPSHOT"}, "3.9.x": {Version: "1.29.0-SNAPSHOT"}}
			})
		}, []string{"error version-mismatch definition"}, 7, "; branch 3.9.x has it"},
		{"of two components on one branch, the other's", shared("1.25.x"), nil, 0, ""},
		{"of two components on two branches, the other's", shared("develop"), []string{"error version-mismatch definition"}, 7, ""},
		{"no file", func(w *world) { w.holds("acme/gateway", "3.9.x", "", map[string]string{configPath: takesAll}) }, unknown, 0, "there is no pom.xml and no package.json"},
		{"no version in the file", npm(""), unknown, 0, "make sure that 3.9.x holds 3.9.4-SNAPSHOT"},
		{"a broken file", file("pom.xml", "<project>"), unknown, 0, "pom.xml cannot be read"},
		{"not readable", func(w *world) {
			w.GitHub.Faults = []sim.Fault{{Match: sim.Match{Path: "/gateway/contents/pom.xml"}, Kind: sim.Answer, Status: 418, Times: -1}}
		}, []string{"error not-checked"}, 4, "not checked: the version file of gateway: "},
	})
}

// TestOtherBranches: a version is looked for on each other branch that it could be on, once.
func TestOtherBranches(t *testing.T) {
	t.Parallel()
	s, q := ready().open(t)
	defer s.Close()
	for _, tt := range []struct {
		repository, branch, version string
		want                        []string
	}{
		{"acme/api", "develop", "1.25.1", []string{"1.25.x", "3.9.x", "master"}},
		{"acme/api", "1.25.x", "1.25.1", []string{"3.9.x", "master"}},
		{"acme/api", "master", "3.9.4", []string{"3.9.x"}},
		{"acme/api", "master", "summer", []string{"3.9.x"}},
		{"acme/gone", "develop", "1.25.1", []string{"1.25.x", "3.9.x"}},
	} {
		i := &inspection{Question: q}
		got := i.otherBranches(t.Context(), plan.Step{Repository: tt.repository, Branch: tt.branch, Version: tt.version})
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %s %s (-want +got):\n%s", tt.repository, tt.branch, tt.version, diff)
		}
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	config := func(old, now string) func(*world) {
		return func(w *world) {
			w.holds("acme/gateway", "3.9.x", "3.9.4-SNAPSHOT", map[string]string{configPath: strings.Replace(takesAll, old, now, 1)})
		}
	}
	none := func(w *world) {
		w.holds("acme/gateway", "3.9.x", "", map[string]string{"package.json": `{"version": "3.9.4"}`})
	}
	checkPlanted(t, []planted{
		{"as it should be", config("", ""), nil, 0, ""},
		{"missing", none, []string{"error config-missing gateway"}, 7, "the branch has no .circleci/config.yml"},
		{"missing, of a pipeline definition", func(w *world) {
			none(w)
			w.options.Overrides = map[string]plan.Override{"gateway": {Project: app, Definition: definitionOf(t, app)}}
		}, nil, 0, ""},
		{"not readable", func(w *world) {
			w.GitHub.Faults = []sim.Fault{{Match: sim.Match{Path: "/gateway/contents/.circleci/config.yml"}, Kind: sim.Answer, Status: 418, Times: -1}}
		}, []string{"error not-checked"}, 4, "not checked: the CircleCI configuration of gateway: "},
		{"not YAML", config("parameters:", "parameters: ["), []string{"error config-unreadable gateway"}, 7, `"where":"acme/gateway 3.9.x .circleci/config.yml"`},
		{"a parameter under another name", config("dry_run", "dryrun"), []string{"error parameter-undeclared gateway", "error parameter-defaulted gateway"}, 7, "declare dry_run on that branch"},
		{"a parameter of another type", config("boolean, default: true", `string, default: ""`), []string{"error parameter-type gateway"}, 7, "dry_run would be false, which is not of its type, string"},
		{"a parameter without the value", config("[release, ", "["), []string{"error parameter-type gateway"}, 7, "none of its values: nexus_staging, "},
		{"a parameter that is not sent, in a dry run", func(w *world) {
			config("dry_run", "x: {type: string, default: y}\n  dry_run")(w)
			w.ask = func(_ testing.TB, _ *sim.Sim, q *Question) { q.DryRun = true }
		}, []string{"warning parameter-defaulted gateway"}, 0, `its default "y"`},
	})
}
