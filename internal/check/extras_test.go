package check

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// extras lets a question ask for what is only worth knowing, of a clone of a release repository at an address; "" for none.
func (w *world) extras(address func(testing.TB) string) {
	w.ask = func(t testing.TB, _ *sim.Sim, q *Question) {
		t.Helper()
		m, err := manifest.Parse("release.json", []byte(w.manifest))
		if err != nil {
			t.Fatal(err)
		}
		q.Manifest, q.Path = m, "release.json"
		if address == nil {
			return
		}
		if q.Repo, err = gitrepo.Open(t.Context(), gitrepo.Options{URL: address(t), Branch: w.options.Branch}); err != nil {
			t.Fatal(err)
		}
	}
}

// remote makes a release repository with these branches besides 3.9.x, and what their release.json holds.
func remote(t testing.TB, branches map[string]string) string {
	t.Helper()
	dir := gittest.Bare(t, map[string]string{"release.json": releaseJSON}, "3.9.x")
	for branch, content := range branches {
		gittest.Push(t, dir, branch, map[string]string{"release.json": content}, "theirs")
	}
	return dir
}

// TestOpenElsewhere: another release branch is to release the same version of a component, for another product version.
func TestOpenElsewhere(t *testing.T) {
	t.Parallel()
	const api = "1.25.1-SNAPSHOT"
	other := func(more ...string) string { // for 3.8.7 only api has the version that it has for 3.9.4
		edit := append([]string{"3.9.4", "3.8.7", "1.29.0", "1.28.2"}, more...)
		return strings.NewReplacer(edit...).Replace(releaseJSON)
	}
	has := func(branch, content string, edit ...func(*world)) func(*world) {
		return func(w *world) {
			for _, change := range edit {
				change(w)
			}
			w.extras(func(t testing.TB) string { return remote(t, map[string]string{branch: content}) })
		}
	}
	found := []string{"warning open-elsewhere api"}
	checkPlanted(t, []planted{
		{"on a support branch", has("3.8.x", other()), found, 0, `"where":"3.8.x release.json:7:37","what":"1.25.1-SNAPSHOT is to be released from branch 3.8.x too, for Acme 3.8.7","do":"release it once, then run ` + "`gio prepare api=1.25.1`"},
		{"on the main branch", has("master", other()), found, 0, "from branch master too"},
		{"on a branch that gio.yaml lists", has("hotfix", other(), func(w *world) { w.options.ReleaseBranches = []string{"hotfix"} }), found, 0, ""},
		{"on a branch that is none of a release", has("hotfix", other()), nil, 0, ""},
		{"on a branch that is named like a support branch, nearly", has("3.8.x-fix", other()), nil, 0, ""},
		{"on a branch that ends like a support branch", has("v3.8.x", other()), nil, 0, ""},
		{"for the same product version", has("3.8.x", releaseJSON), nil, 0, ""},
		{"in another version", has("3.8.x", other(api, "1.25.2-SNAPSHOT")), nil, 0, ""},
		{"released there", has("3.8.x", other(api, "1.25.1")), nil, 0, ""},
		{"not there", has("3.8.x", other(`"api"`, `"api-v2"`)), nil, 0, ""},
		{"in a file that cannot be read", has("3.8.x", other("{", "[")), nil, 0, ""},
		{"no longer to be triggered", has("3.8.x", other(), func(w *world) { w.state = attempt(plan.ID("api", "1.25.1"), "p1") }), nil, 0, ""},
		{"on no branch but a tag", func(w *world) {
			w.extras(func(t testing.TB) string {
				dir := remote(t, map[string]string{"hotfix": other()})
				gittest.Git(t, dir, "tag", "3.8.x", "hotfix")
				return dir
			})
		}, nil, 0, ""},
		{"where release.json is called otherwise", func(w *world) {
			w.extras(func(t testing.TB) string { return remote(t, map[string]string{"3.8.x": other()}) })
			ask := w.ask
			w.ask = func(t testing.TB, s *sim.Sim, q *Question) {
				ask(t, s, q)
				q.Path = "products/release.json"
			}
		}, nil, 0, ""},
		{"cannot be read", func(w *world) {
			var opened atomic.Bool
			w.extras(func(t testing.TB) string {
				fails := func(*http.Request) gittest.Action {
					if opened.Load() {
						return gittest.Fail
					}
					return gittest.Serve
				}
				return gittest.HTTP(t, remote(t, map[string]string{"3.8.x": other()}), gittest.Options{Intercept: fails}).URL
			})
			ask := w.ask
			w.ask = func(t testing.TB, s *sim.Sim, q *Question) {
				ask(t, s, q)
				opened.Store(true)
			}
		}, []string{"error not-checked", "error not-checked"}, 4, "not checked: the other release branches: "}, // and the right to push
	})
}

// TestUnreleased: work that was committed to a component that stays as it is.
func TestUnreleased(t *testing.T) {
	t.Parallel()
	commits := func(repository, branch, tag string, subjects ...string) func(*world) {
		return func(w *world) {
			list := []sim.Commit{{Message: "work", Tag: tag}}
			for _, subject := range subjects {
				list = append(list, sim.Commit{Message: subject})
			}
			w.GitHub.Repositories[repository] = sim.Repository{DefaultBranch: branch, Branches: map[string]sim.Branch{branch: {Commits: list}}}
			w.extras(nil)
		}
	}
	common := func(subjects ...string) func(*world) { return commits("acme/common", "1.20.x", "1.20.2", subjects...) }
	onMain := func(branch string, edit func(*world)) func(*world) {
		return func(w *world) {
			commits("acme/common", branch, "1.20.2", "fix: a leak")(w)
			w.manifest = strings.NewReplacer("3.9.4", "3.10.0", "1.25.1", "1.26.0").Replace(releaseJSON)
			w.options.Branch = "master"
			w.GitHub.Repositories["acme/api"], w.GitHub.Repositories["acme/gateway"] = sim.Repository{Version: "1.26.0-SNAPSHOT"}, sim.Repository{Version: "3.10.0-SNAPSHOT"}
			edit(w)
		}
	}
	noted := []string{"note unreleased-commits common"}
	checkPlanted(t, []planted{
		{"none", common(), nil, 0, ""},
		{"one", common("fix: a leak"), noted, 0, `"where":"acme/common 1.20.2...1.20.x","what":"1 commit since 1.20.2, not to be released; the newest: fix: a leak","do":"` + "`gio prepare common` opens it"},
		{"two", common("fix: a leak", "feat: less"), noted, 0, "2 commits since 1.20.2, not to be released; the newest: feat: less"},
		{"one and that of the release", common("[maven-release-plugin] prepare for next development iteration", "fix: a leak"), noted, 0, "1 commit since"},
		{"that of the release", common("[maven-release-plugin] prepare for next development iteration"), nil, 0, ""},
		{"since a tag with a v", commits("acme/common", "1.20.x", "v1.20.2", "fix: a leak"), noted, 0, "acme/common v1.20.2...1.20.x"},
		{"since no tag", commits("acme/common", "1.20.x", "another", "fix: a leak"), nil, 0, ""},
		{"on no support branch", commits("acme/common", "1.21.x", "1.20.2", "fix: a leak"), nil, 0, ""},
		{"on the main branch", onMain("master", func(*world) {}), noted, 0, "1.20.2...master"},
		{"on the support branch, of a release from the main branch", onMain("1.20.x", func(*world) {}), nil, 0, ""},
		{"on the main branch of gio.yaml's", onMain("develop", func(w *world) {
			w.options.ComponentMain = "develop"
			for name, version := range map[string]string{"api": "1.26.0", "definition": "1.29.0", "gateway": "3.10.0"} {
				w.GitHub.Repositories["acme/"+name] = sim.Repository{DefaultBranch: "develop", Version: version + "-SNAPSHOT"}
			}
		}), noted, 0, "1.20.2...develop"},
		{"of a version that no branch follows from", onMain("master", func(w *world) {
			w.manifest = strings.ReplaceAll(w.manifest, `"1.20.2"`, `"summer"`)
			w.repository("acme/common", func(r *sim.Repository) { r.Branches["master"].Commits[0].Tag = "summer" })
		}), nil, 0, ""},
		{"of another repository by gio.yaml", func(w *world) {
			commits("acme/commons", "1.20.x", "1.20.2", "fix: a leak")(w)
			w.options.Overrides = map[string]plan.Override{"common": {Repository: "commons"}}
		}, noted, 0, "acme/commons 1.20.2"},
		{"of a component that --except leaves out", func(w *world) {
			common()(w)
			w.options.Except = []string{"api"}
			w.repository("acme/api", func(r *sim.Repository) {
				r.Branches = map[string]sim.Branch{"1.25.x": {Commits: []sim.Commit{{Message: "work", Tag: "1.25.1-SNAPSHOT"}, {Message: "fix: a leak"}}}}
			})
		}, nil, 0, ""},
		{"forbidden to the token", func(w *world) {
			common("fix: a leak")(w)
			w.hubAnswers("compare", "acme/common", 403)
		}, nil, 0, ""},
		{"cannot be read", func(w *world) {
			common("fix: a leak")(w)
			w.hubAnswers("compare", "acme/common", 418)
		}, []string{"error not-checked"}, 4, "not checked: commits since the tag of common: "},
		{"not asked for", func(w *world) {
			common("fix: a leak")(w)
			w.ask = nil
		}, nil, 0, ""},
		{"without a plan", func(w *world) {
			common("fix: a leak")(w)
			ask := w.ask
			w.ask = func(t testing.TB, s *sim.Sim, q *Question) {
				ask(t, s, q)
				q.Plan = nil
			}
		}, nil, 0, ""},
		{"without GitHub", func(w *world) {
			common("fix: a leak")(w)
			ask := w.ask
			w.ask = func(t testing.TB, s *sim.Sim, q *Question) {
				ask(t, s, q)
				q.GitHub = nil
			}
		}, []string{"note not-checked"}, 0, "not checked without GitHub"},
		{"while the run goes on", func(w *world) {
			common("fix: a leak")(w)
			w.state = []run.Event{}
		}, noted, 0, ""},
	})
}
