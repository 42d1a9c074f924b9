package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// editing is one edit of a manifest.
type editing func(*manifest.Manifest) (*manifest.Manifest, error)

func set(name, version, since string) editing {
	return func(m *manifest.Manifest) (*manifest.Manifest, error) {
		m, err := m.SetComponent(name, version)
		if err != nil || since == "" {
			return m, err
		}
		return m.SetSince(name, since)
	}
}

func add(name, version string) editing {
	return func(m *manifest.Manifest) (*manifest.Manifest, error) { return m.AddComponent(name, version) }
}

func remove(name string) editing {
	return func(m *manifest.Manifest) (*manifest.Manifest, error) { return m.RemoveComponent(name) }
}

func group(name string, n int) editing {
	return func(m *manifest.Manifest) (*manifest.Manifest, error) {
		return m.PutInGroups(manifest.Placement{Name: name, Group: n})
	}
}

func newGroup(name string, behind int) editing {
	return func(m *manifest.Manifest) (*manifest.Manifest, error) {
		return m.PutInGroups(manifest.Placement{Name: name, Group: behind, New: true})
	}
}

func ungroup(name string) editing {
	return func(m *manifest.Manifest) (*manifest.Manifest, error) { return m.RemoveFromGroups(name) }
}

// TestEdits edits the sample: an edit replaces only the text old, by want.
func TestEdits(t *testing.T) {
	t.Parallel()
	const groups = "        [\"common\"],\n        [\"gateway\", \"é-ghost\", \"policy\"]\n"
	tests := []struct {
		name      string
		edit      editing
		old, want string
	}{
		{"open a component", set("common", "1.20.1-SNAPSHOT", ""), `"1.20.0"`, `"1.20.1-SNAPSHOT"`},
		{"take a version released elsewhere", set("policy", "1.3.0", ""), `"1.2.1-SNAPSHOT"`, `"1.3.0"`},
		{
			"mark as released", set("policy", "1.2.1", "3.9.4"),
			"\"1.2.1-SNAPSHOT\",\n            \"since\": \"3.9.0\"", "\"1.2.1\",\n            \"since\": \"3.9.4\"",
		},
		{"a version of its own", set("gateway", "3.9.3", ""), "\"gateway\"\n", "\"gateway\",\n            \"version\": \"3.9.3\"\n"},
		{"since alone", set("common", "1.20.0", "3.9.4"), `"1.20.0"`, "\"1.20.0\",\n            \"since\": \"3.9.4\""},
		{"the version that it has", set("policy", "1.2.1-SNAPSHOT", "3.9.0"), "", ""},
		{
			"the version that it inherits", set("gateway", "3.9.4-SNAPSHOT", ""),
			`"name": "gateway"`, "\"name\": \"gateway\",\n            \"version\": \"3.9.4-SNAPSHOT\"",
		},
		{
			"add in its sorted place", add("foo", "1.0.0-SNAPSHOT"),
			"        {\n            \"name\": \"gateway\"",
			"        {\n            \"name\": \"foo\",\n            \"version\": \"1.0.0-SNAPSHOT\"\n        },\n        {\n            \"name\": \"gateway\"",
		},
		{
			"add at the beginning, capital letters aside", add("A-one", "2"),
			"        {\n            \"name\": \"common\"",
			"        {\n            \"name\": \"A-one\",\n            \"version\": \"2\"\n        },\n        {\n            \"name\": \"common\"",
		},
		{
			"add at the end", add("zoo", "1.0.0"),
			"        }\n    ],\n    \"build",
			"        },\n        {\n            \"name\": \"zoo\",\n            \"version\": \"1.0.0\"\n        }\n    ],\n    \"build",
		},
		{"remove the first", remove("common"), "        {\n            \"name\": \"common\",\n            \"version\": \"1.20.0\"\n        },\n", ""},
		{
			"remove the last", remove("policy"),
			`,
        {
            "name": "policy",
            "version": "1.2.1-SNAPSHOT",
            "since": "3.9.0",
            "owner": {"team": ["core"], "size": 3}
        }
`, "\n",
		},
		{"move to another group", group("gateway", 1), groups, "        [\"common\", \"gateway\"],\n        [\"é-ghost\", \"policy\"]\n"},
		{"move the only one of a group", group("common", 2), groups, "        [\"gateway\", \"é-ghost\", \"policy\", \"common\"]\n"},
		{"the group that it is in", group("common", 1), "", ""},
		{"a new group between", newGroup("policy", 1), groups, "        [\"common\"],\n        [\"policy\"],\n        [\"gateway\", \"é-ghost\"]\n"},
		{"a new first group", newGroup("gateway", 0), groups, "        [\"gateway\"],\n        [\"common\"],\n        [\"é-ghost\", \"policy\"]\n"},
		{"a new last group", newGroup("gateway", 2), groups, "        [\"common\"],\n        [\"é-ghost\", \"policy\"],\n        [\"gateway\"]\n"},
		{"take a ghost out", ungroup("é-ghost"), `, "é-ghost"`, ""},
		{"take the last of a group out", ungroup("common"), "[\"common\"],\n        ", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if n := strings.Count(sample, tt.old); tt.old != "" && n != 1 {
				t.Fatalf("%q stands %d times in the sample", tt.old, n)
			}
			got, err := tt.edit(mustParse(t, sample))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Replace(sample, tt.old, tt.want, 1), string(got.Bytes())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEditsKeepStyle(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		edit   editing
		before string
		after  string
	}{
		{
			"tight", add("b", "1"),
			`{"name":"S","version":"1","components":[{"name":"a"}],"buildDependencies":[["a"]]}`,
			`{"name":"S","version":"1","components":[{"name":"a"},{"name":"b","version":"1"}],"buildDependencies":[["a"]]}`,
		},
		{
			"one line", add("b", "1"),
			`{"name": "S", "version": "1", "components": [{"name": "a"}], "buildDependencies": [["a"]]}`,
			`{"name": "S", "version": "1", "components": [{"name": "a"}, {"name": "b", "version": "1"}], "buildDependencies": [["a"]]}`,
		},
		{
			"not sorted: at the end", add("a", "1"),
			`{"name":"S","version":"1","components":[{"name":"c" , "version":"2"},{ "since":"1", "name":"b" }],"buildDependencies":[]}`,
			`{"name":"S","version":"1","components":[{"name":"c" , "version":"2"},{ "since":"1", "name":"b" },{ "name":"a", "version":"1" }],"buildDependencies":[]}`,
		},
		{
			"the first component", add("a", "1"),
			"{\r\n\t\"name\": \"S\",\r\n\t\"version\": \"1\",\r\n\t\"components\": [],\r\n\t\"buildDependencies\": []\r\n}",
			"{\r\n\t\"name\": \"S\",\r\n\t\"version\": \"1\",\r\n\t\"components\": [\r\n\t\t{\"name\": \"a\", \"version\": \"1\"}\r\n\t],\r\n\t\"buildDependencies\": []\r\n}",
		},
		{
			"the last component", remove("a"),
			"{\n \"name\": \"S\",\n \"version\": \"1\",\n \"components\": [\n  {\"name\": \"a\"}\n ],\n \"buildDependencies\": []\n}\n",
			"{\n \"name\": \"S\",\n \"version\": \"1\",\n \"components\": [],\n \"buildDependencies\": []\n}\n",
		},
		{
			"the first group", newGroup("a", 0),
			"{\n \"name\": \"S\",\n \"version\": \"1\",\n \"components\": [{\"name\": \"a\"}],\n \"buildDependencies\": [ ]\n}\n",
			"{\n \"name\": \"S\",\n \"version\": \"1\",\n \"components\": [{\"name\": \"a\"}],\n \"buildDependencies\": [\n  [\"a\"]\n ]\n}\n",
		},
		{
			"the first of a group", group("a", 1),
			`{"name":"S","version":"1","components":[{"name":"a"}],"buildDependencies":[[ ]]}`,
			`{"name":"S","version":"1","components":[{"name":"a"}],"buildDependencies":[["a"]]}`,
		},
		{
			"the first of a group, in a file on lines", group("a", 1),
			"{\n \"name\":\"S\",\n \"version\":\"1\",\n \"components\":[{\"name\":\"a\"}],\n \"buildDependencies\":[\n  []\n ]\n}",
			"{\n \"name\":\"S\",\n \"version\":\"1\",\n \"components\":[{\"name\":\"a\"}],\n \"buildDependencies\":[\n  [\"a\"]\n ]\n}",
		},
		{
			"two groups where there was none", place(manifest.Placement{Name: "a", New: true}, manifest.Placement{Name: "b", New: true}),
			"{\n \"name\":\"S\",\n \"version\":\"1\",\n \"components\":[{\"name\":\"a\"},{\"name\":\"b\"}],\n \"buildDependencies\":[]\n}",
			"{\n \"name\":\"S\",\n \"version\":\"1\",\n \"components\":[{\"name\":\"a\"},{\"name\":\"b\"}],\n \"buildDependencies\":[\n  [\"a\"],\n  [\"b\"]\n ]\n}",
		},
		{
			"the second of a group on lines", group("b", 1),
			"{\"name\":\"S\",\"version\":\"1\",\"components\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"buildDependencies\":[\n [\n  \"a\"\n ]]}",
			"{\"name\":\"S\",\"version\":\"1\",\"components\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"buildDependencies\":[\n [\n  \"a\",\n  \"b\"\n ]]}",
		},
		{
			"a group on lines", newGroup("b", 1),
			"{\"name\":\"S\",\"version\":\"1\",\"components\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"buildDependencies\":[\n [\n  \"a\"\n ]\n]}",
			"{\"name\":\"S\",\"version\":\"1\",\"components\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"buildDependencies\":[\n [\n  \"a\"\n ],\n [\n  \"b\"\n ]\n]}",
		},
		{
			"once, where it stood many times", group("a", 2),
			`{"name":"S","version":"1","components":[{"name":"a"}],"buildDependencies":[["a"],["x","a","a"],["a","a"],[]]}`,
			`{"name":"S","version":"1","components":[{"name":"a"}],"buildDependencies":[["x","a"],[]]}`,
		},
		{
			"comma first", group("a", 1),
			"{\"name\":\"S\",\"version\":\"1\",\"components\":[{\"name\":\"a\"}],\"buildDependencies\":[[\"x\"\n,\"y\"]]}",
			"{\"name\":\"S\",\"version\":\"1\",\"components\":[{\"name\":\"a\"}],\"buildDependencies\":[[\"x\"\n,\"y\"\n,\"a\"]]}",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.edit(mustParse(t, tt.before))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.after, string(got.Bytes())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestComponentEditFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		edit editing
		want string
	}{
		{set("gatewai", "1.0.0", ""), `release.json has no component "gatewai"`},
		{set("common", "1.0.0-SNAPHOT", ""), `"1.0.0-SNAPHOT" cannot be the version of common: it is a misspelled SNAPSHOT: write "1.0.0-SNAPSHOT"`},
		{set("common", "1.0-SNAPSHOT", ""), `"1.0-SNAPSHOT" cannot be the version of common: what is to be released must be X.Y.Z-SNAPSHOT or X.Y.Z-PRE-SNAPSHOT`},
		{set("common", "", ""), `"" cannot be the version of common: use letters, digits, '.', '_', '+' and '-'`},
		{set("common", "1..2", ""), `"1..2" cannot be the version of common: use letters, digits, '.', '_', '+' and '-'`},
		{add("common", "1.0.0"), `release.json:8:21: common is already a component`},
		{add("a b", "1.0.0"), `component "a b" cannot be added: its name cannot be a repository's: use letters, digits, '.', '_' and '-'`},
		{add("new", "1 "), `"1 " cannot be the version of new: use letters, digits, '.', '_', '+' and '-'`},
		{remove("é-ghost"), `release.json has no component "é-ghost"`},
		{group("é-ghost", 1), `release.json has no component "é-ghost"`},
		{group("common", 3), `release.json: buildDependencies has no group 3 for common: it has 2`},
		{group("common", 0), `release.json: buildDependencies has no group 0 for common: it has 2`},
		{newGroup("common", 3), `release.json: buildDependencies has no group 3 for common: it has 2`},
		{ungroup("nobody"), `release.json: "nobody" is in no group of buildDependencies`},
	}
	for _, tt := range tests {
		_, err := tt.edit(mustParse(t, sample))
		if err == nil || err.Error() != tt.want || !fault.Is(err, "manifest-edit") || fault.KindOf(err) != fault.Invalid {
			t.Errorf("got  %v\nwant %s", err, tt.want)
		}
	}
}

// TestPutInGroups places several components at once: the numbers are those of the file before the edit.
func TestPutInGroups(t *testing.T) {
	t.Parallel()
	const file = `{"name":"S","version":"1","components":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"}],"buildDependencies":`
	tests := []struct {
		name, before, after string
		places              []manifest.Placement
	}{
		{"two change places", `[["a"],["b"]]`, `[["b"],["a"]]`, []manifest.Placement{{Name: "a", Group: 2}, {Name: "b", Group: 1}}},
		{"the group before is left empty", `[["a"],["b"],["c"]]`, `[["b","d"],["c","a"]]`, []manifest.Placement{{Name: "a", Group: 3}, {Name: "d", Group: 2}}},
		{
			"new groups", `[["a","b"],["c"],["d"]]`, `[["a"],["b"],["c","d"]]`,
			[]manifest.Placement{{Name: "a", Group: 1, New: true}, {Name: "b", Group: 1, New: true}, {Name: "d", Group: 2}},
		},
		{"in front and behind", `[["a","b"]]`, `[["b"],["a"],["c"]]`, []manifest.Placement{{Name: "c", Group: 1, New: true}, {Name: "b", Group: 0, New: true}}},
		{"kept where it is, moved by a new one", `[["x"],["a","b"],["a"]]`, `[["x"],["c"],["a","b"]]`, []manifest.Placement{{Name: "a", Group: 2}, {Name: "c", Group: 1, New: true}}},
	}
	for _, tt := range tests {
		got, err := mustParse(t, file+tt.before+"}").PutInGroups(tt.places...)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(file+tt.after+"}", string(got.Bytes())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if _, err := mustParse(t, sample).PutInGroups(manifest.Placement{Name: "common", Group: 1}, manifest.Placement{Name: "common", Group: 2}); !fault.Is(err, "manifest-edit") {
		t.Errorf("two places: %v", err)
	}
}

func TestCheckEdit(t *testing.T) {
	t.Parallel()
	before := mustParse(t, strings.Replace(sample, `"1.2.1-SNAPSHOT"`, `"1.2-SNAPSHOT"`, 1))
	after := before
	for _, edit := range []editing{ungroup("common"), set("common", "1.20.1-SNAPSHOT", "")} {
		var err error
		if after, err = edit(after); err != nil {
			t.Fatal(err)
		}
	}
	remaining, err := after.CheckEdit(before)
	if want := "release.json:8:21: common is to be released (1.20.1-SNAPSHOT) but is in no group: add it to buildDependencies"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if len(remaining) != 1 || !strings.Contains(remaining[0], `version "1.2-SNAPSHOT" of policy`) {
		t.Errorf("remaining: %q", remaining)
	}
	if after, err = group("common", 1)(after); err != nil {
		t.Fatal(err)
	}
	if _, err := after.CheckEdit(before); err != nil {
		t.Error(err)
	}
}
