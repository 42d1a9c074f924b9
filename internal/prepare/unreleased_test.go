package prepare_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/prepare"
	"github.com/gravitee-lab/gio/internal/sim"
)

// branch is one with a version and commits, the newest last.
func branch(version string, messages ...string) sim.Branch {
	b := sim.Branch{Version: version}
	for _, m := range messages {
		b.Commits = append(b.Commits, sim.Commit{Message: m})
	}
	return b
}

func branches(name string, b sim.Branch) map[string]sim.Branch { return map[string]sim.Branch{name: b} }

// TestUnreleased: what common has since its version was released, and what Make proposes or notes then.
func TestUnreleased(t *testing.T) {
	t.Parallel()
	onSupport := branches("1.20.x", branch("1.20.3-SNAPSHOT", "fix: one"))
	withMain := func(main sim.Branch, support sim.Branch) map[string]sim.Branch {
		return map[string]sim.Branch{"main": main, "1.20.x": support}
	}
	tests := map[string]struct {
		common *sim.Repository
		onMain bool   // the release branch is the main branch
		opened string // the change, "" for none
		note   string
	}{
		"commits": {
			common: &sim.Repository{Tags: []string{"1.20.2"}, Branches: branches("1.20.x", branch("1.20.3-SNAPSHOT",
				"[maven-release-plugin] prepare for next development iteration", "fix: one", "fix: two\n\nbecause", "fix: three", "fix: four"))},
			opened: "open common: 1.20.2 -> 1.20.3-SNAPSHOT, pom.xml on 1.20.x, 4 commits since 1.20.2; fix: four; fix: three; fix: two",
		},
		"one commit": {
			common: &sim.Repository{Tags: []string{"v1.20.2"}, Branches: onSupport},
			opened: "open common: 1.20.2 -> 1.20.3-SNAPSHOT, pom.xml on 1.20.x, 1 commit since v1.20.2; fix: one",
		},
		"both tags: the plain one counts": {
			common: &sim.Repository{Tags: []string{"1.20.2", "v1.20.2"}, Branches: onSupport},
			opened: "open common: 1.20.2 -> 1.20.3-SNAPSHOT, pom.xml on 1.20.x, 1 commit since 1.20.2; fix: one",
		},
		"only what a release leaves": {common: &sim.Repository{Tags: []string{"1.20.2"}, Branches: branches("1.20.x", branch("1.20.3-SNAPSHOT", "Continue with 1.20.3-SNAPSHOT"))}},
		"commits that cannot be released": {
			common: &sim.Repository{Tags: []string{"1.20.2"}, Branches: branches("1.20.x", branch("1.20.2", "fix: one"))},
			note:   "common has 1 commit since 1.20.2 on 1.20.x: common cannot be opened: pom.xml on 1.20.x says 1.20.2, which is not of the form X.Y.Z-SNAPSHOT",
		},
		"commits of a version that is tagged": {
			common: &sim.Repository{Tags: []string{"1.20.2", "1.20.3"}, Branches: onSupport},
			note:   "common has 1 commit since 1.20.2 on 1.20.x: common cannot be opened at 1.20.3-SNAPSHOT: acme/common has the tag 1.20.3 already",
		},
		"no tag":        {common: &sim.Repository{Branches: onSupport}, note: "common was not checked: acme/common has no tag 1.20.2 and no v1.20.2"},
		"no repository": {note: "common was not checked: repository acme/common: not found, or the token cannot see it: it needs contents:read"},
		"no support branch": {
			common: &sim.Repository{Tags: []string{"1.20.2"}, Branches: branches("main", branch("1.21.0-SNAPSHOT", "feat: new"))},
			opened: "open common: 1.20.2 -> 1.21.0-SNAPSHOT, pom.xml on main, 1 commit since 1.20.2; feat: new",
		},
		"support branch not the one that is built": {
			common: &sim.Repository{Tags: []string{"1.20.2"}, Branches: withMain(branch("1.21.0-SNAPSHOT", "feat: new", "feat: newer"), branch("1.20.0-SNAPSHOT", "chore: begin the line anew", "feat: x"))},
			note:   "common has 2 commits since 1.20.2 on 1.20.x: common cannot be opened: pom.xml on 1.20.x says 1.20.0-SNAPSHOT, which does not follow 1.20.2",
		},
		"moved on to the next minor": {
			common: &sim.Repository{Tags: []string{"1.20.2"}, Branches: withMain(branch("1.21.0-SNAPSHOT", "feat: new", "feat: newer"), branch("1.21.0-SNAPSHOT", "fix: one"))},
			opened: "open common: 1.20.2 -> 1.21.0-SNAPSHOT, pom.xml on main, 2 commits since 1.20.2; feat: newer; feat: new",
		},
		"moved on, but nothing is new there": {
			common: &sim.Repository{Tags: []string{"1.20.2"}, Branches: withMain(branch("1.21.0-SNAPSHOT", "prepare next version"), branch("1.21.0-SNAPSHOT", "fix: one"))},
		},
		"on the main branch": {
			onMain: true,
			common: &sim.Repository{Tags: []string{"1.20.2"}, Branches: withMain(branch("1.21.0-SNAPSHOT", "feat: new"), branch("1.20.3-SNAPSHOT", "fix: one", "fix: two"))},
			opened: "open common: 1.20.2 -> 1.21.0-SNAPSHOT, pom.xml on main, 1 commit since 1.20.2; feat: new",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := repositories{}
			if tt.common != nil {
				world["acme/common"] = *tt.common
			}
			// gateway is removed, so that common is the only one left to propose; api and webui are open
			q := question(t, world, prepare.Request{Unreleased: true, Remove: []string{"gateway", "loose"}})
			if tt.onMain {
				q.Options = plan.Options{Branch: "master", MainBranch: "master"}
			}
			edit, err := prepare.Make(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"remove gateway: 3.9.3 -> ", "remove loose: 1.0.0 -> "}
			if tt.opened != "" {
				want = append([]string{tt.opened}, want...)
			}
			if diff := cmp.Diff(want, told(edit)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if note := strings.Join(edit.Notes, "\n"); note != tt.note {
				t.Errorf("note: %q\nwant  %q", note, tt.note)
			}
		})
	}
}

// TestProposals: who is asked, and who is not. A named component is not proposed besides.
func TestProposals(t *testing.T) {
	t.Parallel()
	world := repositories{
		"acme/common":  {Tags: []string{"1.20.2"}, Branches: branches("1.20.x", branch("1.20.3-SNAPSHOT", "fix: one"))},
		"acme/gateway": {Tags: []string{"3.9.3"}, Branches: branches("3.9.x", branch("3.9.4-SNAPSHOT", "fix: two"))},
	}
	tests := map[string]struct {
		request prepare.Request
		told    []string
		notes   []string
	}{
		"all": {prepare.Request{Unreleased: true}, []string{
			"open common: 1.20.2 -> 1.20.3-SNAPSHOT, pom.xml on 1.20.x, 1 commit since 1.20.2; fix: one",
			"open gateway: 3.9.3 -> 3.9.4-SNAPSHOT, pom.xml on 3.9.x, 1 commit since 3.9.3; fix: two",
		}, []string{"not checked, because no group of buildDependencies names them: 1 component"}},
		"without those named": {prepare.Request{Unreleased: true, Set: []prepare.Setting{{Component: "gateway", Version: "3.9.9-SNAPSHOT"}}, Open: []string{"common"}, Remove: []string{"loose"}}, []string{
			"open gateway: 3.9.3 -> 3.9.9-SNAPSHOT",
			"open common: 1.20.2 -> 1.20.3-SNAPSHOT, pom.xml on 1.20.x",
			"remove loose: 1.0.0 -> ",
		}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edit, err := prepare.Make(t.Context(), question(t, world, tt.request))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.told, told(edit)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.notes, edit.Notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}
