package prepare_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/prepare"
)

// edited is what Make makes of release.json, which may be broken.
func edited(t *testing.T, content string, r repositories, request prepare.Request) (*prepare.Edit, error) {
	t.Helper()
	m, err := manifest.ParseToEdit("release.json", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return prepare.Make(t.Context(), prepare.Question{Manifest: m, Options: plan.Options{Branch: "3.9.x", MainBranch: "master"}, GitHub: hub(t, r), Request: request})
}

// TestMakeMore: since, positions, names, the product's version and the end of a product: each action, and the lines that it changes.
func TestMakeMore(t *testing.T) {
	t.Parallel()
	released := strings.NewReplacer("1.25.1-SNAPSHOT", "1.25.1", `{"name": "webui"}`, `{"name": "webui", "version": "3.9.4"}`).Replace(release)
	set := func(c, v string) []prepare.Setting { return []prepare.Setting{{Component: c, Version: v}} }
	tests := map[string]struct {
		content string
		request prepare.Request
		hub     repositories
		told    []string
		changed []string
	}{
		"since of what is taken": {
			release,
			prepare.Request{Set: set("common", "1.21.0"), Since: set("common", "3.9.4")},
			repositories{"acme/common": {Tags: []string{"1.21.0"}}},
			[]string{"take common: 1.20.2 -> 1.21.0, since 3.9.4"},
			[]string{`- {"name": "common", "version": "1.20.2", "since": "3.9.0"}`, `+ {"name": "common", "version": "1.21.0", "since": "3.9.4"}`},
		},
		"since alone": {
			release,
			prepare.Request{Since: []prepare.Setting{{Component: "common"}, {Component: "loose", Version: "3.9.3"}}},
			nil,
			[]string{"since common: 3.9.0 -> none", "since loose:  -> 3.9.3"},
			[]string{
				`- {"name": "common", "version": "1.20.2", "since": "3.9.0"}`, `- {"name": "loose", "version": "1.0.0"}`,
				`+ {"name": "common", "version": "1.20.2"}`, `+ {"name": "loose", "version": "1.0.0", "since": "3.9.3"}`,
			},
		},
		"since of another one than is taken": {
			release,
			prepare.Request{Set: set("common", "1.21.0"), Since: set("loose", "3.9.3")},
			repositories{"acme/common": {Tags: []string{"1.21.0"}}},
			[]string{"take common: 1.20.2 -> 1.21.0", "since loose:  -> 3.9.3"},
			[]string{
				`- {"name": "common", "version": "1.20.2", "since": "3.9.0"}`, `- {"name": "loose", "version": "1.0.0"}`,
				`+ {"name": "common", "version": "1.21.0", "since": "3.9.0"}`, `+ {"name": "loose", "version": "1.0.0", "since": "3.9.3"}`,
			},
		},
		"the same position in another group": {
			release,
			prepare.Request{Groups: []manifest.Placement{{Name: "webui", Group: 2, At: 2}, {Name: "gateway", Group: 3, At: 1}}},
			nil,
			[]string{"group webui: 3 -> 2, position 2"},
			[]string{`- ["api"]`, `- ["gateway", "webui", "ghost"]`, `+ ["api", "webui"]`, `+ ["gateway", "ghost"]`},
		},
		"the product's version": {
			release,
			prepare.Request{Set: set("gateway", prepare.OfProduct)},
			nil,
			[]string{"open gateway: 3.9.3 -> 3.9.4-SNAPSHOT"},
			[]string{`- {"name": "gateway", "version": "3.9.3"}`, `+ {"name": "gateway"}`},
		},
		"its own version": {
			release,
			prepare.Request{Set: set("webui", "3.9.4-SNAPSHOT")},
			nil,
			[]string{"open webui: 3.9.4-SNAPSHOT -> 3.9.4-SNAPSHOT"},
			[]string{`- {"name": "webui"}`, `+ {"name": "webui", "version": "3.9.4-SNAPSHOT"}`},
		},
		"added with the product's version, in its place": {
			release,
			prepare.Request{
				Add: set("ui", prepare.OfProduct), Groups: []manifest.Placement{{Name: "ui", Behind: "gateway"}},
				Move: []prepare.Move{{Component: "ui", To: manifest.Place{Behind: "common"}}}, Since: set("ui", "3.9.3"),
			},
			nil,
			[]string{"add ui:  -> 3.9.4-SNAPSHOT, since 3.9.3", "move ui:  -> behind common"},
			[]string{`- ["gateway", "webui", "ghost"]`, `+ {"name": "ui", "since": "3.9.3"}`, `+ ["gateway", "ui", "webui", "ghost"]`},
		},
		"moved to the front": {
			release,
			prepare.Request{Move: []prepare.Move{{Component: "loose", To: manifest.Place{At: 1}}, {Component: "common", To: manifest.Place{At: 2}}}},
			nil,
			[]string{"move loose:  -> position 1"},
			nil,
		},
		"renamed, and more of it": {
			release,
			prepare.Request{Rename: []prepare.Renaming{{Component: "api", To: "rest-api"}}, Set: set("rest-api", "1.26.0-SNAPSHOT")},
			nil,
			[]string{"rename rest-api: api -> rest-api", "open rest-api: 1.25.1-SNAPSHOT -> 1.26.0-SNAPSHOT"},
			[]string{
				`- {"name": "api", "version": "1.25.1-SNAPSHOT"}`, `- ["api"]`,
				`+ {"name": "rest-api", "version": "1.26.0-SNAPSHOT"}`, `+ ["rest-api"]`,
			},
		},
		"groups": {
			release,
			prepare.Request{Groups: []manifest.Placement{{Name: "common", Out: true}, {Name: "webui", Group: 3, At: 1}, {Name: "loose", Out: true}}},
			nil,
			[]string{"group common: 1 -> none", "group webui: 3 -> 3, position 1"},
			[]string{`- ["common"]`, `- ["gateway", "webui", "ghost"]`, `+ ["webui", "gateway", "ghost"]`},
		},
		"the product is released": {
			released,
			prepare.Request{Product: "3.9.4"},
			nil,
			[]string{"set : 3.9.4-SNAPSHOT -> 3.9.4"},
			[]string{`- "version": "3.9.4-SNAPSHOT"`, `+ "version": "3.9.4"`},
		},
		"the product and its last component are released": {
			strings.Replace(released, "1.25.1", "1.25.1-SNAPSHOT", 1),
			prepare.Request{Product: "3.9.4", Set: set("api", "1.25.1")},
			repositories{"acme/api": {Tags: []string{"1.25.1"}}},
			[]string{"record api: 1.25.1-SNAPSHOT -> 1.25.1", "set : 3.9.4-SNAPSHOT -> 3.9.4"},
			[]string{`- "version": "3.9.4-SNAPSHOT"`, `- {"name": "api", "version": "1.25.1-SNAPSHOT"}`, `+ "version": "3.9.4"`, `+ {"name": "api", "version": "1.25.1"}`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edit, err := edited(t, tt.content, tt.hub, tt.request)
			if err != nil {
				t.Fatal(err)
			}
			got := told(edit)
			for i, c := range edit.Changes {
				if c.Since != "" {
					got[i] += ", since " + c.Since
				}
			}
			if diff := cmp.Diff(tt.told, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.changed, changed(edit)); diff != "" {
				t.Errorf("release.json (-want +got):\n%s", diff)
			}
		})
	}
}

// broken is release.json with what Parse refuses.
var broken = strings.NewReplacer(
	`{"name": "api", "version": "1.25.1-SNAPSHOT"},`, `{"name": "api", "version": null},`+"\n    "+`{"name": "gateway", "version": "3.9.2"},`,
	`"version": "1.0.0"}`, `"version": "1.0.0", "since": null}`,
).Replace(release)

// TestMakeMends: what the request is about is mended, the rest stays and is said.
func TestMakeMends(t *testing.T) {
	t.Parallel()
	set := func(c, v string) []prepare.Setting { return []prepare.Setting{{Component: c, Version: v}} }
	const mended = "mend gateway: 3.9.2 (release.json:8:14) goes -> , 3.9.3 (release.json:9:14) stays"
	tests := map[string]struct {
		request   prepare.Request
		told      []string
		remaining int
	}{
		"a version":                     {prepare.Request{Set: set("api", "1.25.0")}, []string{"take api:  -> 1.25.0"}, 2},
		"opened where its branch says":  {prepare.Request{Open: []string{"api"}}, []string{"open api:  -> 1.26.0-SNAPSHOT, pom.xml on main"}, 2},
		"the product's instead":         {prepare.Request{Set: set("api", prepare.OfProduct)}, []string{"open api:  -> 3.9.4-SNAPSHOT"}, 2},
		"a since":                       {prepare.Request{Since: set("loose", "3.9.3")}, []string{"since loose:  -> 3.9.3"}, 2},
		"a since that is none":          {prepare.Request{Mend: []string{"loose"}}, []string{"since loose:  -> none"}, 2},
		"two entries, with a version":   {prepare.Request{Set: set("gateway", "3.9.3")}, []string{mended}, 2},
		"two entries":                   {prepare.Request{Mend: []string{"gateway"}}, []string{mended}, 2},
		"two entries, another version":  {prepare.Request{Set: set("gateway", "3.9.4-SNAPSHOT")}, []string{mended, "open gateway: 3.9.3 -> 3.9.4-SNAPSHOT"}, 2},
		"two entries are removed":       {prepare.Request{Remove: []string{"gateway"}}, []string{"remove gateway: 3.9.3 -> "}, 2},
		"something else":                {prepare.Request{Set: set("common", "1.20.3-SNAPSHOT")}, []string{"open common: 1.20.2 -> 1.20.3-SNAPSHOT"}, 3},
		"nothing that is not so":        {prepare.Request{Mend: []string{"common", "webui"}}, nil, 0},
		"what has commits, not of null": {prepare.Request{Unreleased: true, Remove: []string{"gateway", "common"}}, []string{"remove gateway: 3.9.3 -> ", "remove common: 1.20.2 -> "}, 2},
	}
	world := repositories{"acme/api": {Version: "1.25.1-SNAPSHOT", Tags: []string{"1.25.0"}}, "acme/gateway": {Tags: []string{"3.9.3"}}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edit, err := edited(t, broken, world, tt.request)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.told, told(edit)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if len(edit.Remaining) != tt.remaining {
				t.Errorf("remaining: %q", edit.Remaining)
			}
		})
	}
}

// TestProductWithoutVersion: components without their own version follow the new one, and nothing is written out for them.
func TestProductWithoutVersion(t *testing.T) {
	t.Parallel()
	for _, none := range []string{"null", `"null"`, `""`} {
		edit, err := edited(t, strings.Replace(release, `"3.9.4-SNAPSHOT"`, none, 1), nil, prepare.Request{Product: "3.9.4-SNAPSHOT"})
		if err != nil {
			t.Fatalf("%s: %v", none, err)
		}
		if diff := cmp.Diff(release, string(edit.After.Bytes())); diff != "" || len(edit.Remaining) > 0 {
			t.Errorf("%s: remaining %q (-want +got):\n%s", none, edit.Remaining, diff)
		}
	}
}

// TestProductOfATag: a version of the product that is released already can be said.
func TestProductOfATag(t *testing.T) {
	t.Parallel()
	q := question(t, nil, prepare.Request{Product: "3.9.2"})
	q.Manifest = parse(t, strings.NewReplacer("1.25.1-SNAPSHOT", "1.25.1", `{"name": "webui"}`, `{"name": "webui", "version": "3.9.2"}`).Replace(release))
	q.Tagged = func(version string) bool { return version == "3.9.2" }
	edit, err := prepare.Make(t.Context(), q)
	if err != nil || edit.After.Version != "3.9.2" || len(edit.Notes) != 1 {
		t.Errorf("%v: %+v", err, edit)
	}
	q.Request.Product = "3.9.3"
	_, err = prepare.Make(t.Context(), q)
	wantFault(t, err, fault.Usage, "usage", "the release repository has no such tag")
}

// TestNothingWorse: what was wrong before may stay, also where its words change; nothing may be added to it.
func TestNothingWorse(t *testing.T) {
	t.Parallel()
	released := strings.Replace(release, "3.9.4-SNAPSHOT", "3.9.3", 1) // although api is open
	take := prepare.Request{Set: []prepare.Setting{{Component: "common", Version: "1.21.0"}}}
	edit, err := edited(t, released, repositories{"acme/common": {Tags: []string{"1.21.0"}}}, take)
	if err != nil || len(edit.Remaining) != 1 || !strings.Contains(edit.Remaining[0], "does not end in -SNAPSHOT, but api is to be released") {
		t.Errorf("%v: %v", edit, err)
	}
	loose := strings.Replace(release, `"loose", "version": "1.0.0"`, `"loose", "version": "1.0.0-SNAPSHOT"`, 1) // in no group
	if edit, err = edited(t, loose, nil, prepare.Request{Since: []prepare.Setting{{Component: "loose", Version: "3.9.3"}}}); err != nil || len(edit.Remaining) != 1 {
		t.Errorf("%v: %v", edit, err)
	}
}

func TestRefusedNames(t *testing.T) {
	t.Parallel()
	move := func(name string, to manifest.Place) prepare.Request {
		return prepare.Request{Move: []prepare.Move{{Component: name, To: to}}}
	}
	set := func(c, v string) []prepare.Setting { return []prepare.Setting{{Component: c, Version: v}} }
	tests := map[string]struct {
		request prepare.Request
		kind    fault.Kind
		code    string
		words   string
	}{
		"since of a stranger":       {prepare.Request{Since: set("ghost", "3.9.3")}, fault.Usage, "unknown-component", `"ghost" is no component`},
		"since that is no version":  {prepare.Request{Since: set("api", "yesterday")}, fault.Invalid, "manifest-edit", `"yesterday" cannot be the since of api`},
		"moved stranger":            {move("ghost", manifest.Place{At: 1}), fault.Usage, "unknown-component", `"ghost" is no component`},
		"moved behind a stranger":   {move("api", manifest.Place{Behind: "ghost"}), fault.Usage, "unknown-component", `"ghost" is no component`},
		"moved too far":             {move("api", manifest.Place{At: 9}), fault.Invalid, "manifest-edit", "api cannot be at position 9 of the components: there are 5"},
		"renamed stranger":          {prepare.Request{Rename: []prepare.Renaming{{Component: "comon", To: "x"}}}, fault.Usage, "unknown-component", "did you mean common?"},
		"renamed to an existing":    {prepare.Request{Rename: []prepare.Renaming{{Component: "api", To: "common"}}}, fault.Invalid, "manifest-edit", "common is already a component"},
		"group of a stranger":       {prepare.Request{Groups: []manifest.Placement{{Name: "api", Behind: "nobody"}}}, fault.Usage, "usage", `api@nobody: "nobody" is no group, and stands in none: write 3 for the third one`},
		"position that is too far":  {prepare.Request{Add: set("x", "1.0.0"), Groups: []manifest.Placement{{Name: "x", Group: 1, At: 5}}}, fault.Invalid, "manifest-edit", "x cannot be at position 5 of group 1, which has 1 names"},
		"out of all groups, open":   {prepare.Request{Groups: []manifest.Placement{{Name: "api", Out: true}}}, fault.Invalid, "no-group", "api is to be released (1.25.1-SNAPSHOT) but would stand in no group"},
		"follows, but in no group":  {prepare.Request{Set: set("loose", prepare.OfProduct)}, fault.Invalid, "no-group", "say which: --group loose@GROUP"},
		"follows what has no tag":   {prepare.Request{Product: "3.9.4", Set: []prepare.Setting{{Component: "gateway", Version: prepare.OfProduct}}}, fault.Invalid, "manifest-edit", "the product cannot become 3.9.4 while 3 components"},
		"an older line's component": {prepare.Request{Add: set("api", "1.0.0")}, fault.Invalid, "manifest-edit", "api is already a component"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := edited(t, release, nil, tt.request)
			wantFault(t, err, tt.kind, tt.code, tt.words)
		})
	}
}
