package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// broken has a component twice, the better entry second, and one without a version and since.
const broken = `{"name": "S", "version": "3.9.4-SNAPSHOT", "components": [
  {"name": "tcp", "version": "1.0.0"},
  {"name": "file", "version": null, "since": "3.9.4"},
  {"name": "tcp", "version": "1.2.0-SNAPSHOT", "since": "3.9.1"},
  {"name": "ws", "version": "1.1.0", "since": null}
], "buildDependencies": [["tcp"], ["file"]]}
`

func toEdit(t *testing.T, data string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.ParseToEdit("release.json", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestBroken: Parse refuses all that an edit can mend at once, and names what to do. ParseToEdit reads it, Check refuses it.
func TestBroken(t *testing.T) {
	t.Parallel()
	want := []string{
		`release.json:3:31: version of component file must be a string, not null: write the version that was released with 3.9.4, as its since says`,
		`release.json:4:12: component "tcp" appears here again, first at release.json:2:12: keep the one at release.json:4:12 (1.2.0-SNAPSHOT)`,
		`release.json:5:47: since of component ws must be a string, not null: write the product version that it was released with, or remove it`,
	}
	_, err := manifest.Parse("release.json", []byte(broken))
	if diff := cmp.Diff("release.json has 3 problems:\n"+strings.Join(want, "\n"), err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	hint := "`gio prepare file=VERSION tcp=1.2.0-SNAPSHOT --since ws=none` mends it; `gio doctor --fix` finds out what it can, and mends that"
	if lines := fault.HintLines(err); len(lines) != 1 || lines[0] != hint {
		t.Errorf("hints: %q", lines)
	}
	m := toEdit(t, broken)
	if _, err := m.Check(); !fault.Is(err, "manifest-invalid") || !strings.HasSuffix(err.Error(), strings.Join(want, "\n")) {
		t.Errorf("Check: %v", err)
	}
	if c, found := m.Component("tcp"); !found || c.Version != "1.2.0-SNAPSHOT" {
		t.Errorf("the entry that stays: %+v", c)
	}
	if c, found := m.Component("file"); !found || c.Version != "" || c.Open() || c.Since != "3.9.4" {
		t.Errorf("the entry without a version: %+v", c)
	}
}

// TestBrokenValues: each alone.
func TestBrokenValues(t *testing.T) {
	t.Parallel()
	for component, want := range map[string]string{
		`{"name":"a","version":null}`:                 "version of component a must be a string, not null: write its version, or remove the key: then it has the product's, 3.9.4-SNAPSHOT",
		`{"name":"a","version":7}`:                    "version of component a must be a string, not a number: write its version",
		`{"name":"a","version":" "}`:                  "version of component a is empty: write its version",
		`{"name":"a","version":"null","since":"3.9"}`: `version of component a is "null": write the version that was released with 3.9`,
		`{"name":"a","since":["3.9.3"]}`:              "since of component a must be a string, not an array",
	} {
		_, err := manifest.Parse("release.json", []byte(with("3.9.4-SNAPSHOT", component, `["a"]`)))
		if !fault.Is(err, "manifest-shape") || !strings.HasPrefix(err.Error(), "release.json:3:") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", component, err)
		}
	}
	mustParse(t, with("3.9.4-SNAPSHOT", `{"name":"a","since":""}`, `["a"]`)) // is as good as none
	_, err := manifest.Parse("release.json", []byte(strings.Replace(with("-", `{"name":"a","version":"1.0.0","since":"3.9.3"}`, `["a"]`), `"-"`, "null", 1)))
	if want := `release.json:1:26: version of the manifest must be a string, not null: write "3.9.4-SNAPSHOT", because the newest since is 3.9.3`; err == nil || err.Error() != want {
		t.Errorf("product: %v", err)
	}
	if lines := fault.HintLines(err); len(lines) != 1 || !strings.HasPrefix(lines[0], "`gio prepare --version 3.9.4-SNAPSHOT` mends it") {
		t.Errorf("hints: %q", lines)
	}
}

// TestMend: the same file, mended step by step.
func TestMend(t *testing.T) {
	t.Parallel()
	m := toEdit(t, broken)
	for _, edit := range []editing{
		set("file", "2.3.1", ""), since("ws", ""),
		func(m *manifest.Manifest) (*manifest.Manifest, error) { return m.RemoveDoubles("tcp") },
		func(m *manifest.Manifest) (*manifest.Manifest, error) { return m.RemoveDoubles("ws") },
	} {
		var err error
		if m, err = edit(m); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.NewReplacer("null, \"since\": \"3.9.4\"", "\"2.3.1\", \"since\": \"3.9.4\"", `, "since": null`, "", "  {\"name\": \"tcp\", \"version\": \"1.0.0\"},\n", "").Replace(broken)
	if diff := cmp.Diff(want, string(m.Bytes())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := manifest.Parse("release.json", m.Bytes()); err != nil {
		t.Error(err)
	}
}

// TestDoubles: which entry stays.
func TestDoubles(t *testing.T) {
	t.Parallel()
	for entries, stays := range map[string]int{
		`"1.0.0" "1.0.0"`:                            0,
		`"1.0.0-SNAPSHOT" "1.0.0"`:                   0,
		`"1.0.0" "1.0.0-SNAPSHOT"`:                   1,
		`"1.2.0-SNAPSHOT" "1.0.0"`:                   0,
		`"1.0.0-SNAPSHOT" "1.2.0"`:                   1,
		`"1.9.0" "1.10.0" "1.0.0"`:                   1,
		`null "1.0.0"`:                               1,
		`"1.0.0" null`:                               0,
		`null "archive"`:                             1,
		`null null`:                                  0,
		`"archive" "1.0.0"`:                          0, // no version that can be compared: the first
		`"1.0.0" "archive"`:                          0,
		`"2.0.0-beta.1-SNAPSHOT" "2.0.0-beta.1"`:     0,
		`"2.0.0-beta.1-SNAPSHOT" "2.0.0" "archive"`:  1,
		`"1.0.0" "1.0.0" "1.0.0-SNAPSHOT" "0.1.0"`:   2,
		`"1.0.0" "1.0.0" "1.0.0" "1.0.0-SNAPSHOT"`:   3,
		`"3.0.0" "1.0.0-SNAPSHOT" "2.0.0-SNAPSHOT"`:  0,
		`"1.25.1-SNAPHOT" "1.25.1-SNAPSHOT" "1.0.0"`: 1,
	} {
		var components []string
		for _, version := range strings.Fields(entries) {
			components = append(components, `{"name":"a","version":`+version+`}`)
		}
		m := toEdit(t, with("1.0.0-SNAPSHOT", strings.Join(components, ",\n"), `["a"]`))
		doubles := m.Doubles()
		if len(doubles) != 1 || len(doubles[0].Goes) != len(components)-1 || doubles[0].Stays.At.Line != stays+3 {
			t.Errorf("%s: %+v", entries, doubles)
			continue
		}
		mended, err := m.RemoveDoubles("a")
		if err != nil || len(mended.Components) != 1 || len(mended.Doubles()) != 0 {
			t.Errorf("%s: %v\n%s", entries, err, mended.Bytes())
		}
	}
	if doubles := toEdit(t, sample).Doubles(); doubles != nil {
		t.Errorf("none: %v", doubles)
	}
}

// FuzzMend: whatever ParseToEdit reads, edits can make what Parse reads of it.
func FuzzMend(f *testing.F) {
	f.Add([]byte(broken))
	f.Add([]byte(`{"name":"S","version":null,"components":[{"name":"a","version":7},{"name":"a"},{"since":[],"name":"a"}],"buildDependencies":[["a"]]}`))
	f.Add([]byte(`{"components":[{"version":"null","name":"a"},{"name":"b"}],"name":"S","buildDependencies":[],"version":"null"}`))
	f.Add([]byte(`{"name":"S","version":null,"components":[{"name":"a","version":"0.2.0-SNAPSHOT"},{"since":[],"name":"a"}],"buildDependencies":[["a"]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest.ParseToEdit("release.json", data)
		if err != nil {
			return
		}
		for _, edit := range mends(m) {
			if m, err = edit(m); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := manifest.Parse("release.json", m.Bytes()); err != nil {
			t.Fatalf("%v\n%s", err, m.Bytes())
		}
	})
}

// mends looks anew before each edit: which of two entries stays may depend on an edit before.
func mends(m *manifest.Manifest) []editing {
	edits := []editing{func(m *manifest.Manifest) (*manifest.Manifest, error) {
		if _, err := manifest.ParseVersion(m.Version); err == nil {
			return m, nil
		}
		return m.SetVersion("1.0.0-SNAPSHOT")
	}}
	for _, c := range m.Components {
		edits = append(edits, func(m *manifest.Manifest) (*manifest.Manifest, error) { return m.RemoveDoubles(c.Name) })
		edits = append(edits, func(m *manifest.Manifest) (*manifest.Manifest, error) {
			if !m.BrokenSince(c.Name) {
				return m, nil
			}
			return since(c.Name, "")(m)
		})
		edits = append(edits, func(m *manifest.Manifest) (*manifest.Manifest, error) {
			if stays, _ := m.Component(c.Name); !stays.Own || stays.HasVersion() {
				return m, nil
			}
			return set(c.Name, "1.0.0", "")(m)
		})
	}
	return edits
}
