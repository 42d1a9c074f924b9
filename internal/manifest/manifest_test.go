package manifest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// sample has what edits must keep: an unknown key, a component without a version, an unknown name in a group.
const sample = `{
    "name": "Ünïversal Suite",
    "version": "3.9.4-SNAPSHOT",
    "scmSshUrl": "git@github.com:acme",
    "scmHttpUrl": "https://github.com/acme/",
    "components": [
        {
            "name": "common",
            "version": "1.20.0"
        },
        {
            "name": "gateway"
        },
        {
            "name": "policy",
            "version": "1.2.1-SNAPSHOT",
            "since": "3.9.0",
            "owner": {"team": ["core"], "size": 3}
        }
    ],
    "buildDependencies": [
        ["common"],
        ["gateway", "é-ghost", "policy"]
    ]
}
`

func mustParse(t *testing.T, data string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse("release.json", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// realData returns the files of the data directory beside the checkout that match the pattern.
func realData(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "data", pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("skipped: the real release.json files (shared/data/%s) do not lie beside this checkout", pattern)
	}
	return files
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParse(t *testing.T) {
	t.Parallel()
	m := mustParse(t, sample)
	at := func(line, column int) manifest.Position {
		return manifest.Position{File: "release.json", Line: line, Column: column}
	}
	wantComponents := []manifest.Component{
		{Name: "common", Version: "1.20.0", Own: true, At: at(8, 21), VersionAt: at(9, 24)},
		{Name: "gateway", Version: "3.9.4-SNAPSHOT", At: at(12, 21), VersionAt: at(3, 16)},
		{Name: "policy", Version: "1.2.1-SNAPSHOT", Own: true, Since: "3.9.0", At: at(15, 21), VersionAt: at(16, 24)},
	}
	if diff := cmp.Diff(wantComponents, m.Components); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	wantGroups := []manifest.Group{
		{{Name: "common", At: at(22, 10)}},
		{{Name: "gateway", At: at(23, 10)}, {Name: "é-ghost", At: at(23, 21)}, {Name: "policy", At: at(23, 32)}},
	}
	if diff := cmp.Diff(wantGroups, m.Groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	got := []string{m.File, m.Name, m.Version, m.VersionAt.String(), m.SCMHTTPURL, m.SCMSSHURL, m.Organization(), m.ReleaseVersion()}
	want := []string{"release.json", "Ünïversal Suite", "3.9.4-SNAPSHOT", "release.json:3:16", "https://github.com/acme/", "git@github.com:acme", "acme", "3.9.4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("product (-want +got):\n%s", diff)
	}
	if string(m.Bytes()) != sample {
		t.Error("Bytes are not what was read")
	}
}

func TestComponentOpen(t *testing.T) {
	t.Parallel()
	m := mustParse(t, sample)
	for name, want := range map[string]struct {
		open    bool
		version string
	}{"common": {false, "1.20.0"}, "gateway": {true, "3.9.4"}, "policy": {true, "1.2.1"}} {
		c, found := m.Component(name)
		if !found || c.Open() != want.open || c.ReleaseVersion() != want.version {
			t.Errorf("%s: found %v, open %v, %s; want %+v", name, found, c.Open(), c.ReleaseVersion(), want)
		}
	}
	if _, found := m.Component("é-ghost"); found {
		t.Error("a ghost was found")
	}
}

func TestOrganization(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://github.com/acme/":           "acme",
		"https://github.com/acme":            "acme",
		"https://git.example.com/group/acme": "acme",
		"https://github.com/":                "",
		"acme":                               "",
		"":                                   "",
	} {
		m := mustParse(t, strings.Replace(sample, "https://github.com/acme/", url, 1))
		if got := m.Organization(); got != want {
			t.Errorf("%q: got %q, want %q", url, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	m := mustParse(t, sample)
	for name, want := range map[string]string{"gatway": "gateway", "Gateway": "gateway", "polcy": "policy", "commn": "common", "x": "", "repository": ""} {
		if got := m.Nearest(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	minimal := func(components, groups string) string {
		return `{"name":"S","version":"1.0.0","components":` + components + `,"buildDependencies":` + groups + `}`
	}
	tests := []struct{ name, data, code, want string }{
		{"empty", "", "manifest-syntax", "release.json:1:1: not valid JSON: the file ends too early"},
		{"cut off", "{\n  \"name\": \"S\"\n", "manifest-syntax", "release.json:2:14: not valid JSON: the file ends too early"},
		{"comma too many", "{\n  \"name\": \"é\",\n}", "manifest-syntax", "release.json:3:1: not valid JSON: no comma is allowed before '}'"},
		{"comma missing in object", "{\"é\": 1 \"b\": 2}", "manifest-syntax", "release.json:1:9: not valid JSON: a comma is missing before this"},
		{"comma missing in array", "[\"a\"\n\"b\"]", "manifest-syntax", "release.json:2:1: not valid JSON: a comma is missing before this"},
		{"colon missing", "{\"a\" \"b\"}", "manifest-syntax", "release.json:1:6: not valid JSON: invalid character '\"' after object key"},
		{"brace missing", "{\"a\": {\"b\": 1, \"c\": 2]}", "manifest-syntax", "release.json:1:22: not valid JSON: invalid character ']' after object key:value pair"},
		{"two values", "{} {}", "manifest-syntax", "release.json:1:4: not valid JSON: invalid character '{' after top-level value"},
		{"conflict marker", "{\n<<<<<<< HEAD\n}", "manifest-syntax", "release.json:2:1: not valid JSON: invalid character '<' looking for beginning of object key string"},
		{"byte order mark", "\ufeff{}", "manifest-syntax", "release.json:1:1: the file begins with a byte order mark"},
		{"not UTF-8", "{\"name\": \"\xe9\"}", "manifest-syntax", "release.json:1:11: byte 0xe9 is not UTF-8"},
		{"not an object", "[]", "manifest-shape", "release.json:1:1: the manifest must be an object, not an array"},
		{"duplicate key", `{"name":"S","version":"1","n\u0061me":"T"}`, "manifest-shape", `release.json:1:27: key "name" appears here again, first at release.json:1:2`},
		{"name missing", `{"version":"1"}`, "manifest-shape", `release.json:1:1: the manifest has no "name"`},
		{"version missing", `{"name":"S"}`, "manifest-shape", `release.json:1:1: the manifest has no "version"`},
		{"version null", `{"name":"S","version":null,"components":[],"buildDependencies":[]}`, "manifest-shape", `release.json:1:23: version of the manifest must be a string, not null: write X.Y.Z-SNAPSHOT`},
		{"version empty", `{"name":"S","version":"","components":[],"buildDependencies":[]}`, "manifest-shape", `release.json:1:23: version of the manifest is empty: write X.Y.Z-SNAPSHOT`},
		{"url number", `{"name":"S","version":"1","scmHttpUrl":7}`, "manifest-shape", `release.json:1:40: scmHttpUrl of the manifest must be a string, not a number`},
		{"components missing", `{"name":"S","version":"1"}`, "manifest-shape", `release.json:1:1: the manifest has no "components"`},
		{"buildDependencies missing", `{"name":"S","version":"1","components":[]}`, "manifest-shape", `release.json:1:1: the manifest has no "buildDependencies"`},
		{"components object", minimal(`{}`, `[]`), "manifest-shape", `release.json:1:44: components must be an array, not an object`},
		{"component string", minimal(`["a"]`, `[]`), "manifest-shape", `release.json:1:45: a component must be an object, not a string`},
		{"component without name", minimal(`[{"version":"1"}]`, `[]`), "manifest-shape", `release.json:1:45: the component has no "name"`},
		{"component with empty name", minimal(`[{"name":" "}]`, `[]`), "manifest-shape", `release.json:1:53: name of the component is empty`},
		{"component version boolean", minimal(`[{"name":"a","version":true}]`, `[]`), "manifest-shape", `release.json:1:67: version of component a must be a string, not a boolean: write its version, or remove the key: then it has the product's, 1.0.0`},
		{"component since number", minimal(`[{"name":"a","since":3.9}]`, `[]`), "manifest-shape", `release.json:1:65: since of component a must be a string, not a number: write the product version that it was released with, or remove it`},
		{"component twice", minimal(`[{"name":"a"},{"name":"a"}]`, `[]`), "manifest-shape", `release.json:1:66: component "a" appears here again, first at release.json:1:53: keep the one at release.json:1:53 (1.0.0)`},
		{"groups object", minimal(`[]`, `{}`), "manifest-shape", `release.json:1:67: buildDependencies must be an array, not an object`},
		{"group string", minimal(`[]`, `["a"]`), "manifest-shape", `release.json:1:68: a group of buildDependencies must be an array, not a string`},
		{"group name number", minimal(`[]`, `[["a", 1]]`), "manifest-shape", `release.json:1:74: a name in buildDependencies must be a string, not a number`},
		{"group name empty", minimal(`[]`, `[[""]]`), "manifest-shape", `release.json:1:69: a name in buildDependencies is empty`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := manifest.Parse("release.json", []byte(tt.data))
			if err == nil || m != nil {
				t.Fatalf("got %v, %v; want no manifest and a fault", m, err)
			}
			if err.Error() != tt.want {
				t.Errorf("got  %s\nwant %s", err, tt.want)
			}
			if fault.KindOf(err) != fault.Invalid || fault.CodeOf(err) != tt.code {
				t.Errorf("got kind %d code %s, want %d %s", fault.KindOf(err), fault.CodeOf(err), fault.Invalid, tt.code)
			}
		})
	}
}

func TestParseRealFiles(t *testing.T) {
	t.Parallel()
	faults := map[string]string{
		"invalid-61c7d5f0.json": "release.json:26:9: not valid JSON: no comma is allowed before '}'",
		"invalid-ca123c47.json": "release.json:231:13: not valid JSON: a comma is missing before this",
	}
	for _, file := range realData(t, "manifests/*.json") {
		data := readFile(t, file)
		m, err := manifest.Parse("release.json", data)
		if want := faults[filepath.Base(file)]; want != "" {
			if err == nil || err.Error() != want {
				t.Errorf("%s: got %v, want %s", file, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if !bytes.Equal(m.Bytes(), data) {
			t.Errorf("%s: Bytes are not what was read", file)
		}
		if len(m.Components) < 50 || len(m.Groups) == 0 || m.Organization() != "gravitee-io" {
			t.Errorf("%s: %d components, %d groups, organization %q", file, len(m.Components), len(m.Groups), m.Organization())
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(strings.ReplaceAll(sample, "\n", "\r\n")))
	f.Add([]byte(`{"name":"x","version":"1","components":[{"name":"a"}],"buildDependencies":[["a"],[]]}`))
	f.Add([]byte("{\"a\": 1,}"))
	f.Add([]byte("\ufeff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest.Parse("release.json", data)
		if err != nil {
			if code := fault.CodeOf(err); code != "manifest-syntax" && code != "manifest-shape" {
				t.Fatalf("not a fault of this package: %v", err)
			}
			return
		}
		if !json.Valid(data) || !bytes.Equal(m.Bytes(), data) {
			t.Fatal("invalid JSON was read, or its bytes were changed")
		}
		lines := strings.Split(string(data), "\n")
		for _, c := range m.Components {
			for _, at := range []manifest.Position{c.At, c.VersionAt} {
				if got := []rune(lines[at.Line-1])[at.Column-1]; got != '"' {
					t.Fatalf("%s of %s points at %q", at, c.Name, got)
				}
			}
		}
		_, _ = m.Check() // must not panic
	})
}

func TestNearestOf(t *testing.T) {
	t.Parallel()
	versions := []string{"3.10.0", "3.9.5", "3.9.4", "3.9.x", "master"}
	for name, want := range map[string][]string{"3.9.44": {"3.9.4", "3.9.5", "3.9.x"}, "mastre": {"master", "3.10.0", "3.9.5"}} {
		if got := manifest.NearestOf(versions, name, 3); !slices.Equal(got, want) {
			t.Errorf("near %s are %v, want %v", name, got, want)
		}
	}
	if got := manifest.NearestOf(versions[:1], "x", 3); len(got) != 1 {
		t.Errorf("%v", got)
	}
}
