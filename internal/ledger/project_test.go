package ledger_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

func TestApply(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := empty(t, url)
		apply := func(d ledger.Declaration, dry bool) []ledger.Difference {
			t.Helper()
			changes, err := w.Apply(t.Context(), storetest.Admin(), d, dry)
			if err != nil {
				t.Fatal(err)
			}
			return changes
		}
		all := []ledger.Difference{{"project", "", "acme"}, {"environment qa", "", "staging, none"}, {"environment prod", "", "production, none"}}
		same(t, apply(declaration(), true), all)
		if events := w.events(); len(events) > 0 {
			t.Errorf("a dry run did %v", events)
		}
		same(t, apply(declaration(), false), all)
		same(t, apply(declaration(), false), []ledger.Difference(nil))
		changed := declaration()
		changed.Environments = []ledger.Environment{{Name: "qa", Kind: ledger.None}, {Name: "dev", Kind: ledger.None}}
		same(t, apply(changed, false), []ledger.Difference{{"tier of qa", "staging", "development"}, {"environment dev", "", "development, none"}})
		declared, err := w.Declared(t.Context(), by(ledger.Reader, "acme"), "acme")
		if err != nil {
			t.Fatal(err)
		}
		names := ""
		for _, e := range declared.Environments {
			names += e.Name + " " + string(e.Tier) + ", "
		}
		same(t, names, "qa development, prod production, dev development, ") // what is not declared stays
		events := w.history()
		same(t, w.events(), []string{"project.applied", "project.applied"})
		same(t, events[1].Data, map[string]string{"tier of qa": "staging → development", "environment dev": "development, none"})
		moved := declaration()
		moved.Project.Repository = "acme/other"
		_, err = w.Apply(t.Context(), storetest.Admin(), moved, false)
		refused(t, "another repository", err, fault.Invalid, "other-repository")
	})
}

// releases names a release repository.
func releases(r ledger.Releases) func(*ledger.Declaration) {
	return func(d *ledger.Declaration) { d.Project.Releases = &r }
}

// TestReleasesDeclared: what may be left out is filled in, so that the same declaration again changes nothing; another place is watched
// from the beginning.
func TestReleasesDeclared(t *testing.T) {
	t.Parallel()
	w := empty(t, storetest.SQLite(t))
	w.Connections = map[string]ledger.Kind{"git": ledger.Git}
	for _, test := range []struct {
		releases *ledger.Releases
		changes  int
		anew     bool
	}{
		{nil, 1, false}, // the project itself, and its environments
		{&ledger.Releases{Connection: "git"}, 3, true},
		{&ledger.Releases{Connection: "git", Repository: "acme/shop"}, 0, false},
		{&ledger.Releases{Connection: "git", Manifest: "release.json"}, 0, false},
		{&ledger.Releases{Connection: "git", Manifest: "am/release.json"}, 1, true},
		{&ledger.Releases{Connection: "git", Manifest: "am/release.json", Repository: "acme/other"}, 1, true},
		{nil, 3, false},
	} {
		d := ledger.Declaration{Project: ledger.Project{Name: "shop", Repository: "acme/shop", Releases: test.releases}}
		changes, err := w.Apply(t.Context(), storetest.Admin(), d, false)
		if err != nil || len(changes) != test.changes {
			t.Errorf("%+v: %v, %v", test.releases, changes, err)
		}
		due, err := w.DueWatches(t.Context(), 10)
		if err != nil || (len(due) == 1) != test.anew {
			t.Errorf("%+v: due %v, %v", test.releases, due, err)
		}
		if taken, err := w.TakeWatch(t.Context(), "shop", false); test.anew && (err != nil || taken.Repository == "") {
			t.Errorf("%+v: %+v, %v", test.releases, taken, err)
		}
	}
}

func TestInvalidDeclarations(t *testing.T) {
	t.Parallel()
	w := empty(t, storetest.SQLite(t))
	w.Connections = map[string]ledger.Kind{"git": ledger.Git, "ci": ledger.CircleCI}
	tests := map[string]func(d *ledger.Declaration){
		"no name":                   func(d *ledger.Declaration) { d.Project.Name = "" },
		"a name with a slash":       func(d *ledger.Declaration) { d.Project.Name = "a/b" },
		"a name that ends in space": func(d *ledger.Declaration) { d.Project.Name = "acme " },
		"a long name":               func(d *ledger.Declaration) { d.Project.Name = strings.Repeat("a", 101) },
		"no repository":             func(d *ledger.Declaration) { d.Project.Repository = "" },
		"a URL":                     func(d *ledger.Declaration) { d.Project.Repository = "https://example.org/a" },
		"a way out":                 func(d *ledger.Declaration) { d.Project.Repository = "../a" },
		"a nameless environment":    func(d *ledger.Declaration) { d.Environments[1].Name = "" },
		"an environment with space": func(d *ledger.Declaration) { d.Environments[0].Name = "q a" },
		"an environment twice":      func(d *ledger.Declaration) { d.Environments[1].Name = "qa" },
		"an unknown tier":           func(d *ledger.Declaration) { d.Environments[0].Tier = "Production" },
		"an unknown kind":           func(d *ledger.Declaration) { d.Environments[0].Kind = "magic" },
		"deployed by Git":           func(d *ledger.Declaration) { d.Environments[0].Kind = ledger.Git },
		"releases of nowhere":       releases(ledger.Releases{}),
		"releases by another kind":  releases(ledger.Releases{Connection: "ci"}),
		"releases with a way out":   releases(ledger.Releases{Connection: "git", Repository: "acme/../other"}),
		"releases with a host":      releases(ledger.Releases{Connection: "git", Repository: "//example.org/acme"}),
		"releases with a query":     releases(ledger.Releases{Connection: "git", Repository: "acme?x"}),
		"a manifest with a way out": releases(ledger.Releases{Connection: "git", Manifest: "../release.json"}),
		"a manifest from the root":  releases(ledger.Releases{Connection: "git", Manifest: "/etc/release.json"}),
	}
	for title, change := range tests {
		d := declaration()
		change(&d)
		_, err := w.Apply(t.Context(), storetest.Admin(), d, false)
		refused(t, title, err, fault.Invalid, "invalid-project")
	}
}

func TestProjects(t *testing.T) {
	t.Parallel()
	w := empty(t, storetest.SQLite(t))
	for _, name := range []string{"b", "acme", "c d"} {
		d := declaration()
		d.Project.Name = name
		if _, err := w.Apply(t.Context(), storetest.Admin(), d, false); err != nil {
			t.Fatal(err)
		}
	}
	for project, want := range map[string]string{"": "acme, b, c d", "b": "b", "other": ""} {
		all, err := w.Projects(t.Context(), by(ledger.Reader, project))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range all {
			names = append(names, p.Name)
		}
		same(t, strings.Join(names, ", "), want)
	}
	_, err := w.Projects(t.Context(), by("nobody", ""))
	refused(t, "nobody", err, fault.Auth, "not-allowed")
}

func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	if n := len(w.events()); n != 5 {
		t.Fatalf("%d events", n)
	}
	some, err := w.Events(t.Context(), by(ledger.Reader, "acme"), "acme", 2, 2)
	if err != nil || len(some) != 2 || some[0].Position != 3 {
		t.Errorf("%v, %v", some, err)
	}
	_, err = w.Events(t.Context(), by(ledger.Releaser, ""), "", 0, 1)
	refused(t, "the audit", err, fault.Auth, "not-allowed")
	_, err = w.Events(t.Context(), by(ledger.Admin, "acme"), "", 0, 1)
	refused(t, "the audit of all", err, fault.Auth, "other-project")
}
