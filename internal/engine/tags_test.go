package engine_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// onTriggered calls do once, when the first pipeline is triggered.
func (w *world) onTriggered(do func()) {
	w.edit = func(r *engine.Release) {
		r.Notify = func(e run.Event, _ *run.State) {
			if e.Type == run.Triggered {
				do()
				do = func() {}
			}
		}
	}
}

// wantTags fails unless these are the tags of the remote.
func (w *world) wantTags(want string) {
	w.t.Helper()
	if got := strings.Join(strings.Fields(gittest.Git(w.t, w.remote, "tag")), " "); got != want {
		w.t.Errorf("tags %q, want %q", got, want)
	}
}

// wantFault fails unless the error has this code, and a text and hints that contain these parts.
func wantFault(t *testing.T, err error, code string, parts ...string) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("%v, want code %s", err, code)
	}
	said := err.Error() + "\n" + strings.Join(fault.HintLines(err), "\n")
	for _, part := range parts {
		if !strings.Contains(said, part) {
			t.Errorf("it does not say %q:\n%s", part, said)
		}
	}
}

// S52: the release branch X.Y.x is the default branch: a patch release like any other.
func TestS52SupportBranchIsTheDefaultBranch(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a"), sim.Scenario{}, func(t *testing.T, w *world) {
		gittest.Git(t, w.remote, "symbolic-ref", "HEAD", plan.BranchRef(branch))
		wantKind(t, w.release(), 0)
		w.wantTags("1.0.4 1.0.4_START")
		if v := w.manifestAt(branch).Version; v != "1.0.5-SNAPSHOT" {
			t.Errorf("next version %s", v)
		}
		if n := len(strings.Fields(gittest.Git(t, w.remote, "for-each-ref", "--format=%(refname)", "refs/heads"))); n != 2 {
			t.Errorf("%d branches, want the two that were there", n)
		}
	})
}

// S52: where the default branch is X.Y.x, a component's new minor version is built from the main branch of its own repository.
func TestS52NewMinorVersionOfAComponent(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a:1.3.0-SNAPSHOT"), sim.Scenario{Default: sim.Project{DefaultBranch: "trunk"}}, func(t *testing.T, w *world) {
		gittest.Git(t, w.remote, "symbolic-ref", "HEAD", plan.BranchRef(branch))
		wantKind(t, w.release(), 0)
		if all := w.sim.Pipelines(); len(all) != 1 || all[0].Branch != "trunk" {
			t.Errorf("pipelines %+v, want one of trunk", all)
		}
	})
}

// S55: a colleague makes the product's tag during the run: what succeeded is recorded, the product is not finished, and gio says
// whose tag it is. Without the tag the same command finishes.
func TestS55ColleagueTagsDuringTheRun(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string][]string{"annotated": {"-a", "-m", "mine"}, "a commit": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, product("a", "b"), sim.Scenario{}, func(t *testing.T, w *world) {
				w.onTriggered(func() {
					gittest.Git(t, w.remote, append(append([]string{"tag"}, kind...), "1.0.4", "master")...)
				})
				err := w.release()
				wantKind(t, err, fault.Invalid)
				wantFault(t, err, "tag-exists", "this run did not make it", "<", "commit "+gittest.Git(t, w.remote, "rev-parse", "1.0.4^{commit}")[:10],
					"whose release.json says 1.0.4-SNAPSHOT", "git push --delete origin 1.0.4")
				if kind != nil {
					wantFault(t, err, "tag-exists", "Colleague <colleague@example.org> made it at ")
				}
				m := w.manifestAt(branch)
				if a, _ := m.Component("a"); a.Version != "1.2.3" || m.Version != "1.0.4-SNAPSHOT" {
					t.Errorf("a %s, product %s: want a recorded and the product open", a.Version, m.Version)
				}
				if w.state().Finished {
					t.Error("the run claims to have finished the product")
				}

				w.edit = nil
				wantFault(t, w.release(), "tag-exists") // and it claims the tag no more the next time
				gittest.Git(t, w.remote, "tag", "--delete", "1.0.4")
				wantKind(t, w.release(), 0)
				if n := len(w.sim.Pipelines()); n != 2 {
					t.Errorf("%d pipelines", n)
				}
				if v := w.manifestAt("1.0.4").Version; v != "1.0.4" {
					t.Errorf("the tag holds %s", v)
				}
			})
		})
	}
}

// S56: two manifests of one repository reach the same version: the second is refused before it starts, unless its tags have names
// of their own.
func TestS56TwoProductsOneRepository(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a"), sim.Scenario{}, func(t *testing.T, w *world) {
		w.ref = newGitRef(w.power)
		gittest.Push(t, w.remote, branch, map[string]string{"am/release.json": product("b")}, "another product")
		wantKind(t, w.release(), 0)

		other := w.ref
		w.ref, w.events = nil, nil
		w.edit = func(r *engine.Release) { r.Path = "am/release.json" }
		err := w.release()
		wantKind(t, err, fault.Invalid)
		wantFault(t, err, "tag-shared", "1.0.4_START", "release.json", `product_tag: "am-{{.Version}}"`, "am/release.json")
		if n := w.pipelinesOf("b"); n != 0 {
			t.Errorf("%d pipelines of b were started", n)
		}

		w.edit = func(r *engine.Release) { r.Path, r.Options.ProductTag = "am/release.json", "am-{{.Version}}" }
		wantKind(t, w.release(), 0)
		w.wantTags("1.0.4 1.0.4_START am-1.0.4 am-1.0.4_START")
		w.check()
		w.ref = other
	})
}

// S57: a finished version is re-opened on the main branch and its tag stands: refused before anything starts, with the commands;
// once tag and support branch are gone, it is continued.
func TestS57ReopenedAndItsTagStands(t *testing.T) {
	t.Parallel()
	inBubble(t, strings.Replace(product("a"), "1.0.4", "1.1.0", 1), sim.Scenario{}, func(t *testing.T, w *world) {
		w.branch = "master"
		wantKind(t, w.release(), 0)
		w.wantTags("1.1.0 1.1.0_START")
		gittest.Push(t, w.remote, "master", map[string]string{"release.json": strings.Replace(product("a:1.2.3", "b"), "1.0.4", "1.1.0", 1)}, "a forgotten component")

		err := w.release()
		wantKind(t, err, fault.Invalid)
		wantFault(t, err, "tag-stale", "1.1.0 was finished before", "git push --delete origin 1.1.0 1.1.x")
		gittest.Git(t, w.remote, "tag", "--delete", "1.1.0")
		wantFault(t, w.release(), "support-branch-exists", "gio made it when it finished 1.1.0", "git push --delete origin 1.1.x")
		if n := w.pipelinesOf("b"); n != 0 {
			t.Errorf("%d pipelines of b were started", n)
		}

		gittest.Git(t, w.remote, "branch", "--quiet", "-D", "1.1.x")
		wantKind(t, w.release(), 0)
		if m := w.manifestAt("1.1.0"); m.Version != "1.1.0" || len(m.Components) != 2 || m.Components[1].Open() {
			t.Errorf("the tag holds %s with %+v", m.Version, m.Components)
		}
		if n := w.pipelinesOf("a"); n != 1 {
			t.Errorf("%d pipelines of a", n)
		}
	})
}

// S58: a released component is set back: it is said, with the command that releases it again; the product may be finished under
// its tag, which holds the same.
func TestS58SetBack(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a"), sim.Scenario{}, func(t *testing.T, w *world) {
		wantKind(t, w.release(), 0)
		gittest.Push(t, w.remote, branch, map[string]string{"release.json": product("a")}, "set back")
		var said []string
		w.edit = func(r *engine.Release) {
			r.Notify = func(e run.Event, _ *run.State) {
				if e.Type == run.Planned {
					said = e.Plan.Warnings
				}
			}
		}
		wantKind(t, w.release(), 0)
		if text := strings.Join(said, "\n"); !strings.Contains(text, "a 1.2.3 is released already (by pipeline 1)") || !strings.Contains(text, "gio resolve a --not-triggered") {
			t.Errorf("said: %q", text)
		}
		if n := w.pipelinesOf("a"); n != 1 {
			t.Errorf("%d pipelines", n)
		}
	})
}

// A product version that was set to a release by hand is not finished: gio says how to finish it.
func TestUntagged(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a"), sim.Scenario{}, func(t *testing.T, w *world) {
		w.onTriggered(func() { gittest.Git(t, w.remote, "tag", "1.0.4", "master") })
		wantKind(t, w.release(), fault.Invalid) // a is recorded, the product is not finished
		gittest.Git(t, w.remote, "tag", "--delete", "1.0.4")
		if err := w.push(`"1.0.4-SNAPSHOT"`, `"1.0.4"`); err != nil {
			t.Fatal(err)
		}
		w.edit = nil
		err := w.release()
		wantKind(t, err, fault.Invalid)
		wantFault(t, err, "not-finished", "release.json:3:14", "the product version is 1.0.4", "gio prepare --version 1.0.4-SNAPSHOT", "product_tag")
		if err := w.push(`"1.0.4"`, `"1.0.4-SNAPSHOT"`); err != nil {
			t.Fatal(err)
		}
		wantKind(t, w.release(), 0)
		w.wantTags("1.0.4 1.0.4_START")
	})
}

// A release is finished again under a tag that stands and holds the same, and somebody edits release.json meanwhile: the edit
// stays.
func TestFinishedAgainKeepsTheEditOfAnother(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a"), sim.Scenario{}, func(t *testing.T, w *world) {
		wantKind(t, w.release(), 0)
		gittest.Push(t, w.remote, branch, map[string]string{"release.json": product("a")}, "set back")
		w.edit = func(r *engine.Release) {
			r.Notify = func(e run.Event, _ *run.State) {
				if e.Type == run.Planned {
					gittest.Push(t, w.remote, branch, map[string]string{"release.json": product("a", "b")}, "a forgotten component")
				}
			}
		}
		wantFault(t, w.release(), "more-to-release", "b")
		m := w.manifestAt(branch)
		if a, _ := m.Component("a"); len(m.Components) != 2 || a.Version != "1.2.3" || m.Version != "1.0.4-SNAPSHOT" {
			t.Errorf("a %s of %d components, product %s: want a recorded, b kept and the product open", a.Version, len(m.Components), m.Version)
		}
	})
}

// A finished version is re-opened after product_tag was changed: it gets no second tag while the first stands.
func TestReopenedUnderAnotherTag(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a"), sim.Scenario{}, func(t *testing.T, w *world) {
		wantKind(t, w.release(), 0)
		gittest.Push(t, w.remote, branch, map[string]string{"release.json": product("a:1.2.3", "b")}, "a forgotten component")
		w.edit = func(r *engine.Release) { r.Options.ProductTag = "acme-{{.Version}}" }
		wantFault(t, w.release(), "tag-stale", "under the tag 1.0.4", "would now be acme-1.0.4", "git push --delete origin 1.0.4", "product_tag")
		if n := w.pipelinesOf("b"); n != 0 {
			t.Errorf("%d pipelines of b were started", n)
		}

		gittest.Git(t, w.remote, "tag", "--delete", "1.0.4")
		wantKind(t, w.release(), 0)
		w.wantTags("1.0.4_START acme-1.0.4 acme-1.0.4_START")
	})
}

// product_tag is changed when a version is released and no next one is prepared: nothing is missing.
func TestReleasedUnderAFormerTag(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a"), sim.Scenario{}, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) { r.NoNext = true }
		wantKind(t, w.release(), 0)
		w.edit = func(r *engine.Release) { r.NoNext, r.Options.ProductTag = true, "acme-{{.Version}}" }
		wantKind(t, w.release(), 0)
		w.wantTags("1.0.4 1.0.4_START")
		gittest.Git(t, w.remote, "tag", "--delete", "1.0.4")
		wantFault(t, w.release(), "not-finished", "nothing is tagged acme-1.0.4")
	})
}
