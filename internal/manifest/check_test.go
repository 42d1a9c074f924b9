package manifest_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// with writes a manifest of one component per line, from line 3 on.
func with(product, components, groups string) string {
	return fmt.Sprintf("{\"name\": \"S\", \"version\": %q,\n\"components\": [\n%s\n],\n\"buildDependencies\": [%s]}", product, components, groups)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		want       []string // the lines of the error
		warnings   []string
	}{
		{name: "all well", data: with("1.0.0-SNAPSHOT", `{"name":"a"},{"name":"b","version":"2.0.0-beta.1-SNAPSHOT"},{"name":"c","version":"not semver"}`, `["a"],[],["b"]`)},
		{name: "nothing open, product released", data: with("1.0.0", `{"name":"a"}`, `["a","a"]`)},
		{name: "nothing open, product null", data: with("null", `{"name":"a","version":"1.0.0"}`, `["a"]`)},
		{
			name: "product without SNAPSHOT (S7)",
			data: with("3.9.4", `{"name":"a","version":"1.0.0-SNAPSHOT"}`, `["a"]`),
			want: []string{`release.json:1:26: version "3.9.4" of the product does not end in -SNAPSHOT, but a is to be released: write "3.9.4-SNAPSHOT"`},
		},
		{
			name: "component misspelled (S30)",
			data: with("1.0.0-SNAPSHOT", `{"name":"a","version":"1.30.28-SNAPHOT"}`, `["a"]`),
			want: []string{`release.json:3:23: version "1.30.28-SNAPHOT" of a is a misspelled SNAPSHOT and would count as released: write "1.30.28-SNAPSHOT"`},
		},
		{
			name: "product misspelled (S30)",
			data: with("3.2.1-SNASPHOT", `{"name":"a"}`, `["a"]`),
			want: []string{`release.json:1:26: version "3.2.1-SNASPHOT" of the product is a misspelled SNAPSHOT: write "3.2.1-SNAPSHOT"`},
		},
		{
			name: "product not semver, said once",
			data: with("3.9-SNAPSHOT", `{"name":"a"},{"name":"b"}`, `["a","b"]`),
			want: []string{`release.json:1:26: version "3.9-SNAPSHOT" of the product is to be released and must be X.Y.Z-SNAPSHOT or X.Y.Z-PRE-SNAPSHOT`},
		},
		{
			name: "no group, two groups, not semver, strange name",
			data: with("1.0.0-SNAPSHOT", `{"name":"a"},
{"name":"b"},
{"name":"c","version":"v1-SNAPSHOT"},
{"name":"../d"}`, `["b"],["c","b"],["../d"]`),
			want: []string{
				"release.json has 4 problems:",
				`release.json:3:9: a is to be released (1.0.0-SNAPSHOT) but is in no group: add it to buildDependencies`,
				`release.json:8:34: b is to be released (1.0.0-SNAPSHOT) but appears 2 times in buildDependencies, first in group 1 at release.json:8:24: keep one`,
				`release.json:5:23: version "v1-SNAPSHOT" of c is to be released and must be X.Y.Z-SNAPSHOT or X.Y.Z-PRE-SNAPSHOT`,
				`release.json:6:9: component "../d" is to be released, but its name cannot be a repository's: use letters, digits, '.', '_' and '-'`,
			},
		},
		{
			name: "twice in one group",
			data: with("1.0.0-SNAPSHOT", `{"name":"a"}`, `["a","a"]`),
			want: []string{`release.json:5:28: a is to be released (1.0.0-SNAPSHOT) but appears 2 times in buildDependencies, first in group 1 at release.json:5:24: keep one`},
		},
		{
			name: "warnings",
			data: with("2.0.0-rc1", `{"name":"a"},{"name":"gateway","version":"1.0.0-FINAL"}`, `["gatway"],["x"]`),
			warnings: []string{
				`release.json:1:26: version "2.0.0-rc1" of the product counts as released, because it does not end in -SNAPSHOT`,
				`release.json:3:42: version "1.0.0-FINAL" of gateway counts as released, because it does not end in -SNAPSHOT`,
				`release.json:5:24: group 1 of buildDependencies names gatway, which is not a component (did you mean gateway?)`,
				`release.json:5:35: group 2 of buildDependencies names x, which is not a component`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			warnings, err := mustParse(t, tt.data).Check()
			var got []string
			if err != nil {
				got = strings.Split(err.Error(), "\n")
				if fault.KindOf(err) != fault.Invalid || fault.CodeOf(err) != "manifest-invalid" {
					t.Errorf("got kind %d code %s", fault.KindOf(err), fault.CodeOf(err))
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckMisspelled(t *testing.T) {
	t.Parallel()
	for version, meant := range map[string]string{
		"1.30.28-SNAPHOT":         "1.30.28-SNAPSHOT",
		"1.0.0-snapshot":          "1.0.0-SNAPSHOT",
		"1.0.0-SNAPSHOT ":         "1.0.0-SNAPSHOT",
		"1.0.0.SNAPSHOT":          "1.0.0-SNAPSHOT",
		"1.0.0SNAPSHOT":           "1.0.0-SNAPSHOT",
		"1.0.0-beta.1-SNAPSOT":    "1.0.0-beta.1-SNAPSHOT",
		"1.0.0-SNAPSHOTS":         "1.0.0-SNAPSHOT",
		"1.0.0-SNAPSHOT-SNAPSHOT": "1.0.0-SNAPSHOT",
		"1.0.0-SNAPSHOT.20210101": "1.0.0-SNAPSHOT",

		// Nobody tags these for a release, and each is found in the wild: a counter or a qualifier behind the word, build metadata,
		// what Maven makes of a snapshot when it deploys it, SNAP for short.
		"1.25.1-SNAPSHOT.1":                   "1.25.1-SNAPSHOT",
		"1.25.1-SNAPSHOT-alpha":               "1.25.1-SNAPSHOT",
		"1.25.1-SNAPSHOT+build.5":             "1.25.1-SNAPSHOT",
		"1.25.1-20240101.123456-7":            "1.25.1-SNAPSHOT",
		"1.25.1-beta.2-20240101.123456-7":     "1.25.1-beta.2-SNAPSHOT",
		"1.25.1-20240101.123456-7-javadoc":    "1.25.1-SNAPSHOT",
		"1.25.1-snapshot":                     "1.25.1-SNAPSHOT",
		"1.25.1-SNAP":                         "1.25.1-SNAPSHOT",
		"1.25.1-SNAP2":                        "1.25.1-SNAPSHOT",
		"1.25.1_SNAPSHOT":                     "1.25.1-SNAPSHOT",
		"1.25.1-SNAPHOT-SNAPSHOT":             "1.25.1-SNAPSHOT", // it would be released as 1.25.1-SNAPHOT
		"1.25.1-20240101.123456-7-SNAPSHOT":   "1.25.1-SNAPSHOT",
		"1.25.1-beta.1-SNAPSHOT.4-SNAPSHOT":   "1.25.1-beta.1-SNAPSHOT",
		"1.25.1-SNAPSHOT (do not release it)": "1.25.1-SNAPSHOT",

		// They are to be released, and gio cannot release such a version: the right one where it is clear.
		"1.25.1.BUILD-SNAPSHOT": "1.25.1-SNAPSHOT",
		"1.25.1 -SNAPSHOT":      "1.25.1-SNAPSHOT",
		"v1.25.1-SNAPSHOT":      "1.25.1-SNAPSHOT",
		"1.25.1+7-SNAPSHOT":     "1.25.1-SNAPSHOT",

		// These are other versions: what somebody released may have any name, and SNAP is no word of it.
		"1.25.1-20240101":     "",
		"1.25.1-M1":           "",
		"1.25.1-SNAPPY":       "",
		"2024.01.3":           "",
		"1.25.1-M1-SNAPSHOT":  "",
		"1.25.1-snap":         "",
		"1.25.1-alpha.1":      "",
		"1.25.1-rc1-SNAPSHOT": "",
		"1.0.0":               "",
		"1.0.0-SHOT":          "",
		"1.0.0-beta":          "",
		"RELEASE":             "",
	} {
		_, err := mustParse(t, with("1.0.0-SNAPSHOT", fmt.Sprintf(`{"name":"a","version":%q}`, version), `["a"]`)).Check()
		switch {
		case meant == "" && err != nil:
			t.Errorf("%q: %v", version, err)
		case meant != "" && (err == nil || !strings.HasSuffix(err.Error(), fmt.Sprintf("write %q", meant))):
			t.Errorf("%q: got %v, want the advice to write %q", version, err, meant)
		}
	}
}

// TestCheckNoForm: versions that are to be released, and of which nobody can tell what they should be.
func TestCheckNoForm(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.25-SNAPSHOT", "1.25.1.0-SNAPSHOT", "2024.01.3-SNAPSHOT", "v01.2.3-SNAPSHOT", "-SNAPSHOT"} {
		_, err := mustParse(t, with("1.0.0-SNAPSHOT", fmt.Sprintf(`{"name":"a","version":%q}`, version), `["a"]`)).Check()
		if err == nil || !strings.HasSuffix(err.Error(), "of a is to be released and must be X.Y.Z-SNAPSHOT or X.Y.Z-PRE-SNAPSHOT") {
			t.Errorf("%q: %v", version, err)
		}
	}
}

// TestCheckProduct: the hint names a version that the product can have.
func TestCheckProduct(t *testing.T) {
	t.Parallel()
	for version, right := range map[string]string{
		"null":            `write "3.9.5-SNAPSHOT", because the newest since is 3.9.4`,
		"null-SNAPSHOT":   `write "3.9.5-SNAPSHOT", because the newest since is 3.9.4`,
		"3.9.4":           `write "3.9.4-SNAPSHOT"`,
		"v3.9.4":          `write "3.9.4-SNAPSHOT"`,
		"3.9.4 ":          `write "3.9.4-SNAPSHOT"`,
		"3.9.4 -SNAPSHOT": `write "3.9.4-SNAPSHOT"`,
		"3.9":             `write X.Y.Z-SNAPSHOT`,
		"3.9-SNAPSHOT":    `must be X.Y.Z-SNAPSHOT or X.Y.Z-PRE-SNAPSHOT`,
	} {
		data := with(version, `{"name":"a","version":"1.0.0-SNAPSHOT","since":"3.9.3"},{"name":"b","version":"1.0.0","since":"3.9.4"},{"name":"c","version":"1","since":"x"}`, `["a"]`)
		_, err := mustParse(t, data).Check()
		if err == nil || !strings.HasSuffix(err.Error(), right) {
			t.Errorf("%q: %v, want %s", version, err, right)
		}
	}
}

func TestSinceNewerThanTheProduct(t *testing.T) {
	t.Parallel()
	m := mustParse(t, with("3.9.4-SNAPSHOT", `{"name":"a","version":"1.0.0","since":"3.9.4"},{"name":"b","version":"1.0.0","since":"3.9.5"},
{"name":"c","version":"1.0.0","since":"3.10.0-SNAPSHOT"},{"name":"d","version":"1.0.0","since":"long ago"}`, `["a"]`))
	want := []string{
		"release.json:3:86: since 3.9.5 of b is newer than the product, 3.9.4-SNAPSHOT",
		"release.json:4:39: since 3.10.0-SNAPSHOT of c is newer than the product, 3.9.4-SNAPSHOT",
	}
	warnings, err := m.Check()
	if diff := cmp.Diff(want, warnings); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestCheckRealFiles(t *testing.T) {
	t.Parallel()
	faults := map[string]string{
		"3.0.0-beta.json": `release.json has 2 problems:
release.json:3:16: version "3.0.0-beta" of the product does not end in -SNAPSHOT, but 10 components (gravitee-definition, …) are to be released: write "3.0.0-beta-SNAPSHOT"
release.json:289:21: gravitee-policy-xsd is to be released (1.0.0-SNAPSHOT) but is in no group: add it to buildDependencies`,
	}
	for _, file := range realData(t, "manifests/[0-9]*.json") {
		m, err := manifest.Parse("release.json", readFile(t, file))
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Check()
		got := ""
		if err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(faults[filepath.Base(file)], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"3.9.4":                   "3.9.4",
		"3.9.4-SNAPSHOT":          "3.9.4",
		"3.0.0-beta.1-SNAPSHOT":   "3.0.0-beta.1",
		"3.9":                     "",
		"v3.9.4":                  "",
		"03.9.4":                  "",
		"3.9.4+1":                 "",
		"3.9.4-SNAPSHOT-SNAPSHOT": "",
		"null":                    "",
	} {
		v, err := manifest.ParseVersion(version)
		if (err == nil) != (want != "") || (err == nil && v.Original() != want) {
			t.Errorf("%q: got %v, %v; want %q", version, v, err, want)
		}
	}
}
