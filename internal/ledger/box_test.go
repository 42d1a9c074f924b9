package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// releasing is a project that names a release repository, and what the boxes of candidates are made of.
func releasing(t *testing.T, url string) *world {
	t.Helper()
	w := shelves(t, url)
	w.Connections["git"] = ledger.Git
	w.maps(ledger.Mapping{Repository: "libs", Path: "{{.Component}}/{{.Version}}/*"})
	return w
}

func released() *ledger.Releases {
	return &ledger.Releases{Connection: "git", Repository: "acme/release", Manifest: "release.json"}
}

// maps declares what boxes are made of.
func (w *world) maps(all ...ledger.Mapping) {
	w.t.Helper()
	w.declares(func(d *ledger.Declaration) { d.Project.Releases, d.Project.Bundle = released(), all })
}

// arrive lets a release arrive that has the components api and ui of version 1, and plugin-a and plugin-b of version 2.
func (w *world) arrive(version, commit string) ledger.Candidate {
	w.t.Helper()
	components := map[string]string{"api": "1", "ui": "1", "plugin-a": "2", "plugin-b": "2"}
	made, _, err := w.Arrive(w.t.Context(), ledger.Watch{Project: "acme", Releases: *released()}, ledger.Released{Version: version, Commit: commit, Components: components})
	if err != nil {
		w.t.Fatal(err)
	}
	return made
}

// box is the box of a candidate in words, "" for none.
func (w *world) box(c ledger.Candidate) string {
	w.t.Helper()
	var b ledger.Bundle
	err := w.store.Read(w.t.Context(), func(tx ledger.Tx) (err error) {
		b, err = tx.BundleOf(w.t.Context(), c.ID)
		return err
	})
	if fault.Is(err, "no-bundle") {
		return ""
	}
	if err != nil {
		w.t.Fatal(err)
	}
	text := fmt.Sprintf("%s %s %s", b.Name, b.Version, b.Status)
	if b.Missing != "" {
		text += ", " + b.Missing
	}
	if _, items, err := w.BundleItems(w.t.Context(), admin, b.Project, b.Name, b.Version); err != nil {
		w.t.Fatal(err)
	} else if len(items) > 0 {
		text += ":"
		for _, i := range items {
			text += " " + i.Repository + "/" + i.Path
		}
	}
	return text
}

// fill is a look of the watcher after a time.
func (w *world) fill(after time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(after)
	if err := w.FillDrafts(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// What a mapping stands for, by what a draft lacks.
func TestMappings(t *testing.T) {
	t.Parallel()
	w := releasing(t, storetest.SQLite(t))
	w.put("libs/there/x", "one")
	for n, test := range []struct {
		mappings []ledger.Mapping
		want     string
	}{
		{[]ledger.Mapping{{Repository: "libs", Path: "{{.Component}}/{{.Version}}/*"}}, "libs/api/1/*, libs/plugin-a/2/*, libs/plugin-b/2/*, libs/ui/1/*"},
		{[]ledger.Mapping{{Repository: "libs", Path: "{{.Component}}/x", Components: []string{"ui", "api", "none"}}}, "libs/api/x, libs/ui/x"},
		{[]ledger.Mapping{{Repository: "libs", Path: "p/{{.Version}}/*.jar", Components: []string{"plugin-*"}}, {Repository: "jars", Path: "{{.Component}}", Components: []string{"u*"}}}, "libs/p/2/*.jar, jars/ui"},
		{[]ledger.Mapping{{Repository: "libs", Path: "dist/{{.ProductVersion}}.zip"}, {Repository: "libs", Path: "there/*"}}, "libs/dist/VERSION.zip"},
		{[]ledger.Mapping{{Repository: "libs", Path: "{{.Component}}-{{.ProductVersion}}", Components: []string{"api"}}}, "libs/api-VERSION"},
		{[]ledger.Mapping{{Repository: "libs", Path: "dist/{{.ProductVersion}}.zip", Components: []string{"nothing"}}, {Repository: "libs", Path: "there/y"}}, "libs/there/y"},
	} {
		w.maps(test.mappings...)
		version := fmt.Sprintf("3.%d", n)
		want := "acme " + version + " DRAFT, there is no file " + strings.ReplaceAll(test.want, "VERSION", version)
		if got := w.box(w.arrive(version, commit)); got != want {
			t.Errorf("%+v: %s, want %s", test.mappings, got, want)
		}
	}
	many := []ledger.Mapping{}
	for n := range 12 {
		many = append(many, ledger.Mapping{Repository: "libs", Path: fmt.Sprintf("f%d", n)})
	}
	w.maps(many...)
	if got := w.box(w.arrive("4", commit)); !strings.HasSuffix(got, "libs/f8, libs/f9 and 2 more") {
		t.Error(got)
	}
	// A mapping that is for nothing of the candidate makes no empty box.
	w.maps(ledger.Mapping{Repository: "libs", Path: "x", Components: []string{"nothing"}})
	if got := w.box(w.arrive("5", commit)); got != "acme 5 DRAFT, nothing is in the bundle acme 5" {
		t.Error(got)
	}
	for _, test := range []struct {
		mapping ledger.Mapping
		says    string
	}{
		{ledger.Mapping{Repository: "nowhere", Path: "x"}, `there is no repository "nowhere"`},
		{ledger.Mapping{Repository: "images", Path: "x"}, "has no files, it is registry"},
		{ledger.Mapping{Repository: "libs", Image: "x:1"}, "has no images, it is hosted"},
		{ledger.Mapping{Repository: "images", Image: "x"}, "is no image"},
		{ledger.Mapping{Repository: "images", Image: "x:1", Path: "x"}, "it has both"},
		{ledger.Mapping{Repository: "theirs", Path: "x"}, `there is no repository "theirs"`},
		{ledger.Mapping{Repository: "libs", Path: ""}, "it is empty"},
		{ledger.Mapping{Repository: "libs", Path: "../{{.Version}}"}, ". and .. are no names"},
		{ledger.Mapping{Repository: "libs", Path: "{{.Candidate}}"}, "cannot be filled in"},
		{ledger.Mapping{Repository: "libs", Path: "{{.Version"}, "cannot be filled in"},
		{ledger.Mapping{Repository: "libs", Path: "x", Components: []string{"a/b"}}, "no name of a component"},
	} {
		d := declaration()
		d.Project.Bundle = []ledger.Mapping{test.mapping}
		d.Repositories = []ledger.Repository{{Name: "images", Kind: ledger.Registry, Connection: "reg", Path: "acme"}}
		other := ledger.Declaration{Project: ledger.Project{Name: "am", Repository: "acme/am"}, Repositories: []ledger.Repository{{Name: "theirs"}}}
		if _, err := w.Apply(t.Context(), admin, other, false); err != nil {
			t.Fatal(err)
		}
		_, err := w.Apply(t.Context(), admin, d, true)
		if refused(t, test.says, err, fault.Invalid, "invalid-project"); err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v, want %s", test.mapping, err, test.says)
		}
	}
}

// A declaration of what boxes are made of is compared like all others.
func TestMappingDifferences(t *testing.T) {
	t.Parallel()
	w := releasing(t, storetest.SQLite(t))
	d, err := w.Declared(t.Context(), admin, "acme")
	if err != nil {
		t.Fatal(err)
	}
	same(t, d.Project.Bundle, []ledger.Mapping{{Repository: "libs", Path: "{{.Component}}/{{.Version}}/*"}})
	d.Project.Bundle = []ledger.Mapping{{Repository: "jars", Path: "x", Components: []string{"a", "b"}}, {Repository: "libs", Path: "y"}}
	apply := func() []ledger.Difference {
		t.Helper()
		changes, err := w.Apply(t.Context(), admin, d, false)
		if err != nil {
			t.Fatal(err)
		}
		return changes
	}
	same(t, apply(), []ledger.Difference{{What: "bundle.1", From: "libs/{{.Component}}/{{.Version}}/*", To: "jars/x of a, b"}, {What: "bundle.2", To: "libs/y"}})
	d.Project.Bundle = d.Project.Bundle[:1]
	same(t, apply(), []ledger.Difference{{What: "bundle.2", From: "libs/y"}})
}

// What arrives with all its files has its box at once; what does not has a draft, which is sealed when they are there and no more come.
func TestBoxes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := releasing(t, url)
		for _, path := range []string{"api/1/api.jar", "api/1/api.pom", "ui/1/ui.zip", "plugin-a/2/a.jar"} {
			w.put("libs/"+path, "one")
		}
		since := len(w.events())
		c := w.arrive("3.9.4", commit)
		is := func(want string) {
			t.Helper()
			if got := w.box(c); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		lacking := "acme 3.9.4 DRAFT, there is no file libs/plugin-b/2/*"
		is(lacking)
		_, err := w.SealBundle(t.Context(), admin, "acme", "acme", "3.9.4", "")
		refused(t, "an incomplete one is sealed", err, fault.Stopped, "incomplete-bundle")
		w.put("libs/plugin-b/2/b.jar", "one") // the first of its files
		w.fill(59 * time.Second)
		is(lacking)
		w.now = w.now.Add(time.Second)
		w.put("libs/plugin-b/2/b.pom", "one")
		w.fill(0)
		is("acme 3.9.4 DRAFT, files still arrive: one came a moment ago")
		w.fill(59 * time.Second)
		is("acme 3.9.4 DRAFT, files still arrive: one came a moment ago")
		w.fill(time.Second)
		is("acme 3.9.4 COMPLETED: libs/api/1/api.jar libs/api/1/api.pom libs/plugin-a/2/a.jar libs/plugin-b/2/b.jar libs/plugin-b/2/b.pom libs/ui/1/ui.zip")
		if _, key, err := w.VerifyBundle(t.Context(), admin, "acme", "acme", "3.9.4"); err != nil || key != "key" {
			t.Error(key, err)
		}
		w.fill(24 * time.Hour) // nothing more
		same(t, w.events()[since:], []string{"candidate.created", "bundle.created", "bundle.incomplete", "bundle.incomplete", "bundle.sealed"})

		// Another try at the same release, and what is there already.
		c = w.arrive("3.9.4", strings.Repeat("1", 40))
		is("acme 3.9.4-rc2 COMPLETED: libs/api/1/api.jar libs/api/1/api.pom libs/plugin-a/2/a.jar libs/plugin-b/2/b.jar libs/plugin-b/2/b.pom libs/ui/1/ui.zip")
		c = w.arrive("3.9.4", strings.Repeat("1", 40))
		is("acme 3.9.4-rc2 COMPLETED: libs/api/1/api.jar libs/api/1/api.pom libs/plugin-a/2/a.jar libs/plugin-b/2/b.jar libs/plugin-b/2/b.pom libs/ui/1/ui.zip")
		w.bundle("acme", "3.9.5", "libs/ui/1/ui.zip")
		w.bundle("acme", "3.9.5-rc1", "libs/ui/1/ui.zip")
		c = w.arrive("3.9.5", commit)
		is("")
		c = w.arrive("3.9.6+build.7", commit)
		if got := w.box(c); !strings.HasPrefix(got, "acme 3.9.6_build.7 COMPLETED: ") {
			t.Error(got)
		}

		// Two files that would be promoted to the same place are no box.
		w.maps(ledger.Mapping{Repository: "libs", Path: "api/1/*"}, ledger.Mapping{Repository: "qa-generic", Path: "api/1/*"})
		w.put("qa-generic/api/1/api.jar", "other")
		c = w.arrive("4.0", commit)
		is("acme 4.0 DRAFT, libs/api/1/api.jar and qa-generic/api/1/api.jar have other contents, and would be promoted to the same place")
	})
}

// What is missing is looked for ever more seldom, and not for what nobody deploys any more.
func TestBoxTries(t *testing.T) {
	t.Parallel()
	w := releasing(t, storetest.SQLite(t))
	w.maps(ledger.Mapping{Repository: "libs", Path: "{{.ProductVersion}}"})
	due := func() bool {
		t.Helper()
		var ids []string
		err := w.store.Read(t.Context(), func(tx ledger.Tx) (err error) {
			ids, err = tx.DueDrafts(t.Context(), w.now, 100)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return len(ids) > 0
	}
	w.arrive("1", commit)
	for _, test := range []struct{ age, pause time.Duration }{
		{time.Minute, time.Minute}, {10 * time.Minute, time.Minute}, {100 * time.Minute, 10 * time.Minute}, {20 * time.Hour, time.Hour}, {1000 * time.Hour, time.Hour},
	} {
		w.now = time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC).Add(test.age)
		w.fill(0)
		w.now = w.now.Add(test.pause - time.Second)
		early := due()
		w.now = w.now.Add(time.Second)
		if early || !due() {
			t.Errorf("at an age of %s it is not looked for after %s", test.age, test.pause)
		}
	}
	w.put("libs/1", "one")
	if _, err := w.Block(t.Context(), admin, "acme", ledger.Version{Release: "1", Number: 1}, "broken"); err != nil {
		t.Fatal(err)
	}
	w.fill(2 * time.Hour)
	if got := w.box(w.arrive("1", commit)); got != "acme 1 DRAFT, there is no file libs/1" {
		t.Errorf("the box of a candidate that is blocked: %s", got)
	}
	w.maps()
	c := w.arrive("2", commit)
	if got := w.box(c); got != "" {
		t.Errorf("a project without a mapping: %s", got)
	}
}

// A person makes the box of a candidate, or looks for what it lacks, whoever made the candidate.
func TestCreateBox(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := releasing(t, url)
		create := func(v ledger.Version, want string) {
			t.Helper()
			b, err := w.CreateBox(t.Context(), by(ledger.Releaser, "acme"), "acme", v)
			if got := fmt.Sprintf("%s %s %s, %s", b.Name, b.Version, b.Status, b.Missing); err != nil || got != want {
				t.Errorf("%s: %s, %v, want %s", v, got, err, want)
			}
		}
		create(rc(1), "acme 1.0 DRAFT, nobody has said the components of 1.0-rc1: gio did not release it")
		w.maps(ledger.Mapping{Repository: "libs", Path: "{{.ProductVersion}}/*"})
		create(rc(1), "acme 1.0 DRAFT, there is no file libs/1.0/*")
		w.put("libs/1.0/x", "one")
		create(rc(1), "acme 1.0 COMPLETED, ") // whoever asks for it knows that no more files come
		w.put("libs/1.0/y", "one")
		create(rc(1), "acme 1.0 COMPLETED, ")
		create(rc(2), "acme 1.0-rc2 COMPLETED, ")
		same(t, w.inside("acme", "1.0"), []string{"1 file generic libs/1.0/x " + sum("one")[:4] + " 3 true {}"})
		_, err := w.CreateBox(t.Context(), admin, "acme", rc(9))
		refused(t, "an unknown candidate", err, fault.NotFound, "no-candidate")
		_, err = w.CreateBox(t.Context(), by(ledger.Deployer, "acme"), "acme", rc(3))
		refused(t, "a deployer", err, fault.Auth, "not-allowed")
		w.maps()
		_, err = w.CreateBox(t.Context(), admin, "acme", rc(3))
		refused(t, "without a mapping", err, fault.Invalid, "no-mapping")
		create(rc(2), "acme 1.0-rc2 COMPLETED, ")
		// A box of chosen files.
		v := rc(3)
		n := ledger.NewBundle{Name: "chosen", Version: "1", Candidate: &v, Sources: []ledger.Source{files("libs/1.0/y")}}
		if _, err := w.CreateBundle(t.Context(), admin, "acme", n); err != nil {
			t.Fatal(err)
		}
		create(rc(3), "chosen 1 COMPLETED, ")
		s, err := w.ShowBundle(t.Context(), admin, "acme", "chosen", "1")
		if err != nil || s.Of != rc(3) {
			t.Error(s.Of, err)
		}
	})
}

// Several replicas, and a person, look at the same time: a draft is sealed once.
func TestBoxRaces(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := releasing(t, url)
		w.maps(ledger.Mapping{Repository: "libs", Path: "{{.ProductVersion}}/*"})
		w.arrive("2.0", commit)
		for n := range 50 {
			w.put(fmt.Sprintf("libs/2.0/%d", n), "one")
		}
		w.now = w.now.Add(time.Hour)
		var all sync.WaitGroup
		failed := make(chan error, 16)
		for n := range 8 {
			all.Go(func() {
				var err error
				if n%2 == 0 {
					_, err = w.CreateBox(t.Context(), admin, "acme", ledger.Version{Release: "2.0", Number: 1})
				}
				failed <- errors.Join(err, w.FillDrafts(t.Context()))
			})
		}
		all.Wait()
		close(failed)
		for err := range failed {
			if err != nil {
				t.Error(err)
			}
		}
		if _, items, err := w.BundleItems(t.Context(), admin, "acme", "acme", "2.0"); err != nil || len(items) != 50 {
			t.Errorf("%d items, %v", len(items), err)
		}
		sealed := 0
		for _, event := range w.events() {
			if event == "bundle.sealed" {
				sealed++
			}
		}
		if sealed != 1 {
			t.Errorf("it was sealed %d times", sealed)
		}
	})
}
