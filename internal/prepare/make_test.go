package prepare_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/prepare"
	"github.com/gravitee-lab/gio/internal/sim"
)

func packageJSON(version string) sim.Branch {
	return sim.Branch{Files: map[string]string{"package.json": `{"version": "` + version + `"}`}}
}

// TestMake: each action, what it says of itself, and the lines of release.json that it changes.
func TestMake(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		request prepare.Request
		hub     repositories
		told    []string
		changed []string
	}{
		"open a patch": {
			prepare.Request{Open: []string{"common"}},
			repositories{"acme/common": {Version: "1.20.3-SNAPSHOT", Tags: []string{"1.20.2"}}},
			[]string{"open common: 1.20.2 -> 1.20.3-SNAPSHOT, pom.xml on 1.20.x"},
			[]string{`- {"name": "common", "version": "1.20.2", "since": "3.9.0"}`, `+ {"name": "common", "version": "1.20.3-SNAPSHOT", "since": "3.9.0"}`},
		},
		"open a minor, the support branch of which does not exist": {
			prepare.Request{Open: []string{"common"}},
			repositories{"acme/common": {DefaultBranch: "trunk", Version: "1.21.0-SNAPSHOT"}},
			[]string{"open common: 1.20.2 -> 1.21.0-SNAPSHOT, pom.xml on trunk"},
			[]string{`- {"name": "common", "version": "1.20.2", "since": "3.9.0"}`, `+ {"name": "common", "version": "1.21.0-SNAPSHOT", "since": "3.9.0"}`},
		},
		"open what is of the line of the release branch, by package.json": {
			prepare.Request{Open: []string{"gateway"}},
			repositories{"acme/gateway": {Branches: map[string]sim.Branch{"3.9.x": packageJSON("3.9.4-SNAPSHOT")}}},
			[]string{"open gateway: 3.9.3 -> 3.9.4-SNAPSHOT, package.json on 3.9.x"},
			[]string{`- {"name": "gateway", "version": "3.9.3"}`, `+ {"name": "gateway", "version": "3.9.4-SNAPSHOT"}`},
		},
		"open what is open at that version": {
			prepare.Request{Open: []string{"api"}},
			repositories{"acme/api": {Version: "1.25.1-SNAPSHOT"}},
			nil, nil,
		},
		"open at a given version": {
			prepare.Request{Set: []prepare.Setting{{Component: "common", Version: "1.20.9-SNAPSHOT"}}},
			nil,
			[]string{"open common: 1.20.2 -> 1.20.9-SNAPSHOT"},
			[]string{`- {"name": "common", "version": "1.20.2", "since": "3.9.0"}`, `+ {"name": "common", "version": "1.20.9-SNAPSHOT", "since": "3.9.0"}`},
		},
		"take": {
			prepare.Request{Set: []prepare.Setting{{Component: "common", Version: "1.21.0"}}},
			repositories{"acme/common": {Tags: []string{"v1.21.0"}}},
			[]string{"take common: 1.20.2 -> 1.21.0"},
			[]string{`- {"name": "common", "version": "1.20.2", "since": "3.9.0"}`, `+ {"name": "common", "version": "1.21.0", "since": "3.9.0"}`},
		},
		"take an earlier one than was open": {
			prepare.Request{Set: []prepare.Setting{{Component: "api", Version: "1.25.0"}}},
			repositories{"acme/api": {Tags: []string{"1.25.0"}}},
			[]string{"take api: 1.25.1-SNAPSHOT -> 1.25.0"},
			[]string{`- {"name": "api", "version": "1.25.1-SNAPSHOT"}`, `+ {"name": "api", "version": "1.25.0"}`},
		},
		"record": {
			prepare.Request{Set: []prepare.Setting{{Component: "api", Version: "1.25.1"}}},
			repositories{"acme/api": {Tags: []string{"1.25.1"}}},
			[]string{"record api: 1.25.1-SNAPSHOT -> 1.25.1"},
			[]string{`- {"name": "api", "version": "1.25.1-SNAPSHOT"}`, `+ {"name": "api", "version": "1.25.1"}`},
		},
		"add, opened": {
			prepare.Request{Add: []prepare.Setting{{Component: "plugin"}}, Groups: []manifest.Placement{{Name: "plugin", Group: 2}}},
			repositories{"acme/plugin": {Version: "0.2.0-SNAPSHOT"}},
			[]string{"add plugin:  -> 0.2.0-SNAPSHOT, pom.xml on main"},
			[]string{`- ["api"]`, `+ {"name": "plugin", "version": "0.2.0-SNAPSHOT"}`, `+ ["api", "plugin"]`},
		},
		"add, open at a given version": {
			prepare.Request{Add: []prepare.Setting{{Component: "plugin", Version: "0.1.0-SNAPSHOT"}}, Groups: []manifest.Placement{{Name: "plugin", Group: 1, New: true}}},
			nil,
			[]string{"add plugin:  -> 0.1.0-SNAPSHOT"},
			[]string{`+ {"name": "plugin", "version": "0.1.0-SNAPSHOT"}`, `+ ["plugin"]`},
		},
		"add, released": {
			prepare.Request{Add: []prepare.Setting{{Component: "licence", Version: "2.0.1"}}},
			repositories{"acme/licence": {Tags: []string{"2.0.1"}}},
			[]string{"add licence:  -> 2.0.1"},
			[]string{`+ {"name": "licence", "version": "2.0.1"}`},
		},
		"group": {
			prepare.Request{Groups: []manifest.Placement{{Name: "gateway", Group: 2}, {Name: "loose", Group: 3}, {Name: "api", Group: 2}}},
			nil,
			[]string{"group gateway: 3 -> 2", "group loose: none -> 3"},
			[]string{`- ["api"]`, `- ["gateway", "webui", "ghost"]`, `+ ["api", "gateway"]`, `+ ["webui", "ghost", "loose"]`},
		},
		"group of its own": {
			prepare.Request{Groups: []manifest.Placement{{Name: "api", Group: 2, New: true}}},
			nil,
			nil, nil, // it stands alone already
		},
		"remove": {
			prepare.Request{Remove: []string{"gateway", "ghost", "loose"}},
			nil,
			[]string{"remove gateway: 3.9.3 -> ", "remove ghost:  -> ", "remove loose: 1.0.0 -> "},
			[]string{`- {"name": "gateway", "version": "3.9.3"}`, `- {"name": "loose", "version": "1.0.0"}`, `- ["gateway", "webui", "ghost"]`, `+ ["webui"]`},
		},
		"product": {
			prepare.Request{Product: "3.9.5-SNAPSHOT"},
			nil,
			[]string{"set : 3.9.4-SNAPSHOT -> 3.9.5-SNAPSHOT"},
			[]string{`- "version": "3.9.4-SNAPSHOT"`, `+ "version": "3.9.5-SNAPSHOT"`},
		},
		"all at once": {
			prepare.Request{
				Product: "3.9.5-SNAPSHOT", Open: []string{"gateway", "common"}, Set: []prepare.Setting{{Component: "api", Version: "1.25.1"}},
				Add: []prepare.Setting{{Component: "plugin", Version: "0.1.0-SNAPSHOT"}}, Groups: []manifest.Placement{{Name: "plugin", Group: 3}, {Name: "common", Group: 2}}, Remove: []string{"loose"},
			},
			repositories{"acme/gateway": {Version: "3.9.4-SNAPSHOT"}, "acme/common": {Version: "1.20.3-SNAPSHOT"}, "acme/api": {Tags: []string{"1.25.1"}}},
			[]string{
				"set : 3.9.4-SNAPSHOT -> 3.9.5-SNAPSHOT", "add plugin:  -> 0.1.0-SNAPSHOT", "group common: 1 -> 2",
				"record api: 1.25.1-SNAPSHOT -> 1.25.1", // with the version that was open, not with the next one
				"open common: 1.20.2 -> 1.20.3-SNAPSHOT, pom.xml on 1.20.x", "open gateway: 3.9.3 -> 3.9.4-SNAPSHOT, pom.xml on 3.9.x",
				"remove loose: 1.0.0 -> ",
			},
			[]string{
				`- "version": "3.9.4-SNAPSHOT"`, `- {"name": "common", "version": "1.20.2", "since": "3.9.0"}`, `- {"name": "api", "version": "1.25.1-SNAPSHOT"}`,
				`- {"name": "gateway", "version": "3.9.3"}`, `- {"name": "loose", "version": "1.0.0"}`, `- ["common"]`, `- ["api"]`, `- ["gateway", "webui", "ghost"]`,
				`+ "version": "3.9.5-SNAPSHOT"`, `+ {"name": "common", "version": "1.20.3-SNAPSHOT", "since": "3.9.0"}`, `+ {"name": "api", "version": "1.25.1"}`,
				`+ {"name": "gateway", "version": "3.9.4-SNAPSHOT"}`, `+ {"name": "plugin", "version": "0.1.0-SNAPSHOT"}`, `+ ["api", "common"]`, `+ ["gateway", "webui", "ghost", "plugin"]`,
			},
		},
		"nothing that is not so already": {
			prepare.Request{Product: "3.9.4-SNAPSHOT", Set: []prepare.Setting{{Component: "common", Version: "1.20.2"}}, Groups: []manifest.Placement{{Name: "api", Group: 2}}},
			repositories{"acme/common": {Tags: []string{"1.20.2"}}},
			nil, nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edit, err := prepare.Make(t.Context(), question(t, tt.hub, tt.request))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.told, told(edit)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.changed, changed(edit)); diff != "" {
				t.Errorf("release.json (-want +got):\n%s", diff)
			}
			if len(edit.Notes)+len(edit.Remaining) > 0 {
				t.Errorf("notes %q, remaining %q", edit.Notes, edit.Remaining)
			}
		})
	}
}
