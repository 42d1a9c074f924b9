package doctor

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/sim"
)

// brokenQuestion asks about a release.json that Parse refuses; changes are made to its text, pair by pair.
func (w *world) brokenQuestion(changes ...string) Question {
	w.Helper()
	q := w.question()
	m, err := manifest.ParseToEdit("release.json", []byte(strings.NewReplacer(changes...).Replace(release)))
	if err != nil {
		w.Fatal(err)
	}
	q.Manifest = m
	return q
}

// TestNoVersion: the version is that of an earlier release.json, released if it is tagged.
func TestNoVersion(t *testing.T) {
	t.Parallel()
	was := func(version string) func(string) (string, string) {
		return func(component string) (string, string) {
			if component != "common" {
				t.Errorf("asked about %s", component)
			}
			return version, "3.9.4_START"
		}
	}
	for name, tt := range map[string]struct {
		version string // null, or what stands for it
		was     func(string) (string, string)
		noHub   bool
		edit    string
		say     string
	}{
		"tagged":                   {"null", was("1.1.0-SNAPSHOT"), false, "1.1.0", "at 3.9.4_START it was 1.1.0-SNAPSHOT, and the tag 1.1.0 exists"},
		"tagged, as the word":      {`"null"`, was("1.1.0"), false, "1.1.0", "at 3.9.4_START it was 1.1.0, and the tag 1.1.0 exists"},
		"open, and not tagged":     {`""`, was("1.2.0-SNAPSHOT"), false, "1.2.0-SNAPSHOT", "at 3.9.4_START it was 1.2.0-SNAPSHOT"},
		"released, and not tagged": {"null", was("1.0.9"), false, "", "`gio prepare common=VERSION` sets it"},
		"without GitHub":           {"null", was("1.2.0-SNAPSHOT"), true, "", "`gio prepare common=VERSION` sets it"},
		"never seen":               {"null", was(""), false, "", "`gio prepare common=VERSION` sets it"},
		"nobody to ask":            {"null", nil, false, "", "`gio prepare common=VERSION` sets it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := plainWorld(t)
			q := w.brokenQuestion(`"1.1.0"`, tt.version)
			q.Was = tt.was
			if tt.noHub {
				q.GitHub = nil
			}
			r := w.examine(q)
			row := r.row("common")
			if row.Code != NoVersion || row.Edit != tt.edit || !strings.Contains(row.What+"; "+row.Do, tt.say) || row.Mend {
				t.Errorf("%s, edit %q: %s; %s", row.Code, row.Edit, row.What, row.Do)
			}
			if api := r.row("api"); api.Code != Agrees {
				t.Errorf("api: %s", api.Code)
			}
		})
	}
}

// TestNoVersionUnread: what cannot be asked is said, and nothing is edited.
func TestNoVersionUnread(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.Scenario{GitHub: &sim.GitHub{}}) // no repository
	q := w.brokenQuestion(`"1.1.0"`, "null")
	q.Was = func(string) (string, string) { return "1.1.0-SNAPSHOT", "3.9.4_START" }
	if row := w.examine(q).row("common"); row.Code != NotRead || row.Edit != "" {
		t.Errorf("%s, edit %q: %s", row.Code, row.Edit, row.What)
	}
}

// TestTwice: one row for a component that stands twice, of the entry that stays.
func TestTwice(t *testing.T) {
	t.Parallel()
	const second = `, {"name": "common", "version": "1.0.0"}` + "\n  ],"
	for name, tt := range map[string]struct {
		entry string
		names []string
		mend  bool
	}{
		"older":        {second, nil, true},
		"named":        {second, []string{"common"}, true},
		"older, open":  {strings.Replace(second, "1.0.0", "1.0.0-SNAPSHOT", 1), nil, false},
		"three of one": {strings.Replace(second, "\n", `, {"name": "common", "version": null}`+"\n", 1), nil, true},
	} {
		w := plainWorld(t)
		q := w.brokenQuestion("\n  ],", tt.entry)
		q.Names = tt.names
		r := w.examine(q)
		rows := 0
		for _, row := range r.Components {
			if row.Component == "common" {
				rows++
			}
		}
		row := r.row("common")
		if rows != 1 || row.Code != Twice || row.Mend != tt.mend || row.Version != "1.1.0" || !strings.Contains(row.What, "at release.json:8:14 (1.1.0), and again at release.json:8:") {
			t.Errorf("%s: %d rows, %s, mend %v: %s; %s", name, rows, row.Code, row.Mend, row.What, row.Do)
		}
		fix := r.Fix()
		if diff := cmp.Diff(tt.mend, fix.EditsManifest()); diff != "" || tt.mend && fix.Mend[0] != "common" {
			t.Errorf("%s: %+v", name, fix)
		}
	}
}

// TestNoProductVersion: the product's version is for a person; components that follow it are not to blame.
func TestNoProductVersion(t *testing.T) {
	t.Parallel()
	for none, likely := range map[string]string{"null": "3.9.1-SNAPSHOT", `"null"`: "3.9.1-SNAPSHOT"} {
		w := plainWorld(t)
		r := w.examine(w.brokenQuestion(`"3.9.4-SNAPSHOT"`, none))
		if len(r.Product) != 1 || r.Product[0].Code != NoProductVersion || !strings.Contains(r.Product[0].Do, "`gio prepare --version "+likely+"` sets it, because the newest since is 3.9.0") {
			t.Errorf("%s: %+v", none, r.Product)
		}
		if web := r.row("web"); web.Edit != "" || web.Code == NoVersion {
			t.Errorf("%s: web: %s", none, web.Code)
		}
	}
	w := plainWorld(t)
	r := w.examine(w.brokenQuestion(`"3.9.4-SNAPSHOT"`, "null", `"3.9.0"`, "null"))
	if !strings.Contains(r.Product[0].Do, "`gio prepare --version X.Y.Z-SNAPSHOT` sets it") {
		t.Errorf("%+v", r.Product)
	}
	if row := r.row("common"); row.Code != NoSince || !row.Mend {
		t.Errorf("common: %+v", row)
	}
}
