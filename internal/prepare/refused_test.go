package prepare_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/prepare"
	"github.com/gravitee-lab/gio/internal/sim"
)

func set(component, version string) prepare.Request {
	return prepare.Request{Set: []prepare.Setting{{Component: component, Version: version}}}
}

func open(components ...string) prepare.Request { return prepare.Request{Open: components} }

// TestRefused: what Make does not do, and what it says to do instead. None of these asks a repository that is not named.
func TestRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		request prepare.Request
		hub     repositories
		kind    fault.Kind
		code    string
		words   []string
	}{
		"opened and removed": {prepare.Request{Open: []string{"common"}, Remove: []string{"common"}}, nil, fault.Usage, "usage", []string{"common is named twice"}},
		"set twice":          {prepare.Request{Set: []prepare.Setting{{Component: "api", Version: "1.0.0"}, {Component: "api", Version: "1.0.1"}}}, nil, fault.Usage, "usage", []string{"api is named twice"}},
		"added twice":        {prepare.Request{Add: []prepare.Setting{{Component: "x"}, {Component: "x"}}}, nil, fault.Usage, "usage", []string{"x is named twice"}},
		"a typo":             {open("comon"), nil, fault.Usage, "unknown-component", []string{`"comon" is no component of release.json`, "did you mean common?"}},
		"a stranger":         {set("something-else", "1.0.0"), nil, fault.Usage, "unknown-component", []string{"--add something-else@GROUP adds it"}},
		"a stranger's group": {prepare.Request{Groups: []manifest.Placement{{Name: "ghost", Group: 1}}}, nil, fault.Usage, "unknown-component", []string{`"ghost" is no component`}},
		"removed stranger":   {prepare.Request{Remove: []string{"nobody"}}, nil, fault.Usage, "unknown-component", []string{`"nobody" is no component`}},
		"added again":        {prepare.Request{Add: []prepare.Setting{{Component: "api"}}}, nil, fault.Invalid, "manifest-edit", []string{"release.json:7:", "api is already a component"}},
		"misspelled":         {set("common", "1.20.3-SNAPHOT"), nil, fault.Invalid, "manifest-edit", []string{"misspelled SNAPSHOT", `"1.20.3-SNAPSHOT"`}},
		"added, misspelled":  {prepare.Request{Add: []prepare.Setting{{Component: "x", Version: "1-SNAPSHOT"}}}, nil, fault.Invalid, "manifest-edit", []string{"x"}},
		"no such group":      {prepare.Request{Groups: []manifest.Placement{{Name: "api", Group: 9}}}, nil, fault.Invalid, "manifest-edit", []string{"no group 9 for api: it has 3"}},

		"product released too early": {prepare.Request{Product: "3.9.4"}, nil, fault.Invalid, "manifest-edit", []string{"release.json:3:14: the product cannot become 3.9.4 while 2 components (api, …) are to be released"}},
		"product without -SNAPSHOT":  {prepare.Request{Product: "3.9.5"}, nil, fault.Usage, "usage", []string{"3.9.5 cannot be the product's version: it is not 3.9.4-SNAPSHOT, and the release repository has no such tag", "--version 3.9.5-SNAPSHOT makes it the next one"}},
		"product and a word":         {prepare.Request{Product: "3.9.5 "}, nil, fault.Usage, "usage", []string{"3.9.5  cannot be the product's version", "X.Y.Z-PRE-SNAPSHOT"}},
		"product without a number":   {prepare.Request{Product: "null"}, nil, fault.Usage, "usage", []string{"null cannot be"}},
		"product of another line":    {prepare.Request{Product: "3.10.0-SNAPSHOT"}, nil, fault.Invalid, "wrong-branch", []string{`from the branch "3.9.x"`}},
		"no version":                 {set("common", "x-SNAPSHOT"), nil, fault.Invalid, "manifest-edit", []string{"common"}},

		"open in no group":  {set("loose", "1.0.1-SNAPSHOT"), nil, fault.Invalid, "no-group", []string{"loose is to be released (1.0.1-SNAPSHOT) but would stand in no group", "say which: --group loose@GROUP"}},
		"added to no group": {prepare.Request{Add: []prepare.Setting{{Component: "x", Version: "1.0.0-SNAPSHOT"}}}, nil, fault.Invalid, "no-group", []string{"say which: --add x@GROUP"}},

		"not released": {
			set("common", "1.20.3"),
			repositories{"acme/common": {Tags: []string{"1.20.2"}}},
			fault.Invalid, "no-tag",
			[]string{"common 1.20.3 is not released: acme/common has no tag 1.20.3 and no v1.20.3", "common=1.20.3-SNAPSHOT opens it to be released"},
		},
		"added, not released": {prepare.Request{Add: []prepare.Setting{{Component: "x", Version: "2.0.0"}}}, repositories{"acme/x": {}}, fault.Invalid, "no-tag", []string{"x 2.0.0 is not released"}},
		"tagged already": {
			open("common"),
			repositories{"acme/common": {Version: "1.20.3-SNAPSHOT", Tags: []string{"v1.20.3"}}},
			fault.Invalid, "tag-exists",
			[]string{"common cannot be opened at 1.20.3-SNAPSHOT: acme/common has the tag v1.20.3 already", "`gio prepare common=1.20.3` takes it as released"},
		},
		"no branch": {
			open("common"),
			repositories{"acme/common": {Branches: map[string]sim.Branch{"main": {Version: "1.20.3-SNAPSHOT"}}}},
			fault.Invalid, "cannot-open",
			[]string{"common cannot be opened: there is no branch 1.20.x; pom.xml on main says 1.20.3-SNAPSHOT, which is built from 1.20.x", "common=X.Y.Z-SNAPSHOT opens it at a version that you know"},
		},
		"behind": {
			open("common"),
			repositories{"acme/common": {Branches: map[string]sim.Branch{"1.20.x": {Version: "1.20.2-SNAPSHOT"}, "main": {Version: "1.21.0-SNAPSHOT"}}}},
			fault.Invalid, "cannot-open",
			[]string{"common cannot be opened: pom.xml on 1.20.x says 1.20.2-SNAPSHOT, which does not follow 1.20.2"},
		},
		"a released version on the branch": {
			open("common"),
			repositories{"acme/common": {Branches: map[string]sim.Branch{"1.20.x": {Version: "1.20.3"}}}},
			fault.Invalid, "cannot-open",
			[]string{"pom.xml on 1.20.x says 1.20.3, which is not of the form X.Y.Z-SNAPSHOT"},
		},
		"no version on the branch": {
			open("common"),
			repositories{"acme/common": {Branches: map[string]sim.Branch{"1.20.x": packageJSON("next-SNAPSHOT")}}},
			fault.Invalid, "cannot-open",
			[]string{"package.json on 1.20.x says next-SNAPSHOT, which is not of the form"},
		},
		"no version file": {
			open("common"),
			repositories{"acme/common": {Branches: map[string]sim.Branch{"1.20.x": {Files: map[string]string{"README.md": "hello"}}}}},
			fault.Invalid, "cannot-open",
			[]string{"there is no pom.xml and no package.json on 1.20.x"},
		},
		"broken version file": {
			open("common"),
			repositories{"acme/common": {Branches: map[string]sim.Branch{"1.20.x": {Files: map[string]string{"pom.xml": "<project><version>${revision}</version></project>"}}}}},
			fault.Invalid, "cannot-open",
			[]string{"common cannot be opened: on 1.20.x, pom.xml has a version made of ${revision}"},
		},
		"no repository":            {open("common"), repositories{}, fault.NotFound, "no-repository", []string{"acme/common"}},
		"no repository to take it": {set("common", "1.20.3"), repositories{}, fault.NotFound, "no-repository", []string{"acme/common"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := prepare.Make(t.Context(), question(t, tt.hub, tt.request))
			wantFault(t, err, tt.kind, tt.code, tt.words...)
		})
	}
}

// TestRefusedOfItself: what release.json or the settings make impossible.
func TestRefusedOfItself(t *testing.T) {
	t.Parallel()
	released := strings.NewReplacer("3.9.4-SNAPSHOT", "3.9.3", "1.25.1-SNAPSHOT", "1.25.1").Replace(release)
	tests := map[string]struct {
		content string
		options plan.Options
		request prepare.Request
		code    string
		words   []string
	}{
		"the product is released": {
			released,
			plan.Options{Branch: "3.9.x", MainBranch: "master"},
			set("common", "1.20.3-SNAPSHOT"), "product-released",
			[]string{"release.json:3:14: version 3.9.3 of the product counts as released", "--version 3.9.4-SNAPSHOT sets the next one"},
		},
		"on the main branch": {
			released,
			plan.Options{Branch: "master", MainBranch: "master"},
			set("common", "1.20.3-SNAPSHOT"), "product-released",
			[]string{"--version 3.10.0-SNAPSHOT sets the next one"},
		},
		"no next version": {
			strings.Replace(released, "3.9.3", "3.9", 1),
			plan.Options{Branch: "3.9.x", MainBranch: "master"},
			set("common", "1.20.3-SNAPSHOT"), "product-released",
			[]string{"version 3.9 of the product"},
		},
		"no organization": {
			strings.Replace(release, "https://github.com/acme", "", 1),
			plan.Options{Branch: "3.9.x", MainBranch: "master"},
			open("common"), "invalid-repository",
			[]string{"set GH_ORG"},
		},
		"no main branch": {
			release,
			plan.Options{Branch: "3.9.x", Only: []string{"nobody"}},
			set("common", "1.20.3-SNAPSHOT"), "unknown-component",
			[]string{"nobody"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := prepare.Question{Manifest: parse(t, tt.content), Options: tt.options, GitHub: hub(t, nil), Request: tt.request}
			_, err := prepare.Make(t.Context(), q)
			wantFault(t, err, fault.KindOf(err), tt.code, tt.words...)
		})
	}
}

// TestRemaining: problems that release.json had before keep no edit from being made; those that an edit brings do, and so
// does what plan.Make has against a file without problems.
func TestRemaining(t *testing.T) {
	t.Parallel()
	q := question(t, nil, set("common", "1.20.3-SNAPSHOT"))
	q.Manifest = parse(t, strings.Replace(release, `["api"]`, `["nothing"]`, 1))
	edit, err := prepare.Make(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if len(edit.Remaining) != 1 || !strings.Contains(edit.Remaining[0], "api is to be released (1.25.1-SNAPSHOT) but is in no group") {
		t.Errorf("remaining: %q", edit.Remaining)
	}
	q.Request = prepare.Request{Groups: []manifest.Placement{{Name: "api", Group: 1}}}
	if edit, err = prepare.Make(t.Context(), q); err != nil || len(edit.Remaining) > 0 || len(edit.Changes) != 1 {
		t.Errorf("%v, remaining %q, changes %q", err, edit.Remaining, told(edit))
	}
	q.Request = prepare.Request{Set: []prepare.Setting{{Component: "common", Version: "1.20.2"}}}
	q.GitHub = hub(t, repositories{"acme/common": {Tags: []string{"1.20.2"}}})
	if edit, err = prepare.Make(t.Context(), q); err != nil || len(edit.Remaining) > 0 { // nothing is edited, so that nothing is said of it
		t.Errorf("%v, remaining %q", err, edit.Remaining)
	}
	twice := question(t, nil, set("gateway", "3.9.4-SNAPSHOT"))
	twice.Manifest = parse(t, strings.Replace(release, `["common"]`, `["common", "gateway"]`, 1))
	_, err = prepare.Make(t.Context(), twice)
	wantFault(t, err, fault.Invalid, "manifest-invalid", "gateway is to be released (3.9.4-SNAPSHOT) but appears 2 times")
}

// TestWithoutGitHub: only what no repository need be asked about can be done.
func TestWithoutGitHub(t *testing.T) {
	t.Parallel()
	q := question(t, nil, set("common", "1.20.3-SNAPSHOT"))
	q.GitHub, q.NoGitHub = nil, "nobody has an account"
	edit, err := prepare.Make(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"open common: 1.20.2 -> 1.20.3-SNAPSHOT"}, told(edit)); diff != "" {
		t.Error(diff)
	}
	for _, request := range []prepare.Request{open("common"), set("common", "1.20.3"), {Unreleased: true, Remove: []string{"gateway"}}} {
		q.Request = request
		_, err := prepare.Make(t.Context(), q)
		wantFault(t, err, fault.Invalid, "no-github", "common cannot be looked up: nobody has an account", "common=X.Y.Z-SNAPSHOT opens it")
	}
}

// TestGitHubFails: a repository that cannot be read is the fault, whatever the others say. What must not be asked is not.
func TestGitHubFails(t *testing.T) {
	t.Parallel()
	denied := func(endpoint string) sim.Fault {
		return sim.Fault{Kind: sim.Answer, Status: 401, Times: -1, Match: sim.Match{Endpoint: endpoint, Project: "acme/common"}}
	}
	world := repositories{
		"acme/common":  {Tags: []string{"1.20.2"}, Branches: map[string]sim.Branch{"1.20.x": {Version: "1.20.3-SNAPSHOT", Commits: []sim.Commit{{Message: "fix: it"}}}}},
		"acme/gateway": {Version: "3.9.4-SNAPSHOT"},
	}
	tests := map[string]struct {
		endpoint string
		request  prepare.Request
	}{
		"the version file":                {"contents", open("common", "gateway")},
		"the tag of what is opened":       {"matching-refs", open("gateway", "common")},
		"the tag of what is taken":        {"matching-refs", set("common", "1.20.3")},
		"the comparison of what is new":   {"compare", prepare.Request{Unreleased: true, Remove: []string{"gateway"}}},
		"the version of what has commits": {"contents", prepare.Request{Unreleased: true, Remove: []string{"gateway"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := question(t, nil, tt.request)
			q.GitHub = hub(t, world, denied(tt.endpoint))
			edit, err := prepare.Make(t.Context(), q)
			wantFault(t, err, fault.Auth, "github-unauthorized", "acme/common")
			if edit != nil {
				t.Errorf("edited nevertheless: %q", told(edit))
			}
		})
	}
	t.Run("the default branch", func(t *testing.T) {
		t.Parallel()
		q := question(t, nil, open("common"))
		q.GitHub = hub(t, repositories{"acme/common": {Version: "1.21.0-SNAPSHOT"}}, denied("repository"))
		_, err := prepare.Make(t.Context(), q)
		wantFault(t, err, fault.Auth, "github-unauthorized", "acme/common")
		q.Options.ComponentMain = "main" // gio.yaml says it: then GitHub need not
		if _, err = prepare.Make(t.Context(), q); err != nil {
			t.Error(err)
		}
	})
	t.Run("nobody waits any more", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancelCause(t.Context())
		left := errors.New("left")
		cancel(left)
		if _, err := prepare.Make(ctx, question(t, world, open("common"))); !errors.Is(err, left) {
			t.Error(err)
		}
	})
}

// TestNamedTags: a tag counts as the version's under the name that gio.yaml gives it, too, for all that a tag decides.
func TestNamedTags(t *testing.T) {
	t.Parallel()
	named := func(r repositories, request prepare.Request) prepare.Question {
		q := question(t, r, request)
		q.Options.Verification = plan.Verification{Verify: plan.VerifyTag, Tag: "rel-{{.Version}}"}
		return q
	}
	work := map[string]sim.Branch{"1.20.x": {Version: "1.20.3-SNAPSHOT", Commits: []sim.Commit{{Message: "fix: it"}}}}

	edit, err := prepare.Make(t.Context(), named(repositories{"acme/common": {Tags: []string{"rel-1.21.0"}}}, set("common", "1.21.0")))
	if err != nil || len(edit.Changes) != 1 {
		t.Errorf("taken: %v", err)
	}
	_, err = prepare.Make(t.Context(), named(repositories{"acme/common": {}}, set("common", "1.21.0")))
	wantFault(t, err, fault.Invalid, "no-tag", "acme/common has no tag 1.21.0 and no v1.21.0 and no rel-1.21.0")

	_, err = prepare.Make(t.Context(), named(repositories{"acme/common": {Branches: work, Tags: []string{"rel-1.20.3"}}}, open("common")))
	wantFault(t, err, fault.Invalid, "tag-exists", "has the tag rel-1.20.3 already")

	q := named(repositories{"acme/common": {Branches: work, Tags: []string{"rel-1.20.2"}}}, prepare.Request{Unreleased: true, Remove: []string{"gateway", "loose"}})
	if edit, err = prepare.Make(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("open common: 1.20.2 -> 1.20.3-SNAPSHOT, pom.xml on 1.20.x, 1 commit since rel-1.20.2; fix: it", told(edit)[0]); diff != "" {
		t.Error(diff)
	}
	q.Request = set("common", "from-the-archive") // gio.yaml names no tag for what is no version
	_, err = prepare.Make(t.Context(), q)
	wantFault(t, err, fault.Invalid, "no-tag", "has no tag from-the-archive and no vfrom-the-archive")
}
