package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

func since(name, since string) editing {
	return func(m *manifest.Manifest) (*manifest.Manifest, error) { return m.SetSince(name, since) }
}

func follow(name string) editing {
	return func(m *manifest.Manifest) (*manifest.Manifest, error) { return m.FollowProduct(name) }
}

func rename(name, to string) editing {
	return func(m *manifest.Manifest) (*manifest.Manifest, error) { return m.Rename(name, to) }
}

func moveTo(name string, at int) editing {
	return func(m *manifest.Manifest) (*manifest.Manifest, error) {
		return m.MoveComponent(name, manifest.Place{At: at})
	}
}

func moveBehind(name, other string) editing {
	return func(m *manifest.Manifest) (*manifest.Manifest, error) {
		return m.MoveComponent(name, manifest.Place{Behind: other})
	}
}

func place(placements ...manifest.Placement) editing {
	return func(m *manifest.Manifest) (*manifest.Manifest, error) { return m.PutInGroups(placements...) }
}

// TestEditsKeepTheRest: each edit of one component, on lines and on one line. The other bytes stay.
func TestEditsKeepTheRest(t *testing.T) {
	t.Parallel()
	tight := func(components string) string {
		return `{"name":"S","version":"1.0.0","components":[` + components + `],"buildDependencies":[["a"],["a" , "b"]]}`
	}
	tests := []struct {
		name          string
		edit          editing
		before, after string
	}{
		{"since after version", since("a", "1.0.0"), tight(`{"name":"a","version":"2","x":1}`), tight(`{"name":"a","version":"2","since":"1.0.0","x":1}`)},
		{"since after name", since("a", "1.0.0"), tight(`{"name": "a"}`), tight(`{"name": "a", "since": "1.0.0"}`)},
		{"since before version", since("a", "1.0.0"), tight(`{"since":"0.9.0","version":"2","name":"a"}`), tight(`{"since":"1.0.0","version":"2","name":"a"}`)},
		{"since removed", since("a", ""), tight(`{"name":"a", "version":"2", "since":"1"}`), tight(`{"name":"a", "version":"2"}`)},
		{"since removed from the front", since("a", ""), tight(`{ "since":"1", "name":"a"}`), tight(`{ "name":"a"}`)},
		{"no since to remove", since("a", ""), tight(`{"name":"a"}`), tight(`{"name":"a"}`)},
		{"the product's version", follow("a"), tight("{\n \"name\":\"a\",\n \"version\":\"2\",\n \"since\":\"1\"\n}"), tight("{\n \"name\":\"a\",\n \"since\":\"1\"\n}")},
		{"the product's version already", follow("a"), tight(`{"name":"a"}`), tight(`{"name":"a"}`)},
		{"renamed", rename("a", "c"), tight(`{"version":"1","name":"a"},{"name":"b"}`), strings.ReplaceAll(tight(`{"version":"1","name":"a"},{"name":"b"}`), `"a"`, `"c"`)},
		{"moved to the front", moveTo("b", 1), tight(`{"name":"a"} ,{ "name":"b" }`), tight(`{ "name":"b" } ,{"name":"a"}`)},
		{"moved to the end", moveTo("a", 3), tight(`{"name":"a"},{"name":"b"}, {"name":"c"}`), tight(`{"name":"b"}, {"name":"c"},{"name":"a"}`)},
		{"moved where it is", moveTo("a", 1), tight(`{"name":"a"},{"name":"b"}`), tight(`{"name":"a"},{"name":"b"}`)},
		{"behind one after it", moveBehind("a", "b"), tight(`{"name":"a"},{"name":"b"},{"name":"c"}`), tight(`{"name":"b"},{"name":"a"},{"name":"c"}`)},
		{"behind one before it", moveBehind("c", "a"), tight(`{"name":"a"},{"name":"b"},{"name":"c"}`), tight(`{"name":"a"},{"name":"c"},{"name":"b"}`)},
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

// TestPlacements: positions in groups, new groups of several, out of all groups.
func TestPlacements(t *testing.T) {
	t.Parallel()
	const file = `{"name":"S","version":"1","components":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"}],"buildDependencies":`
	type p = manifest.Placement
	tests := []struct {
		name, before, after string
		places              []p
	}{
		{"first of its group", `[["a", "b"],["c"]]`, `[["c", "a", "b"]]`, []p{{Name: "c", Group: 1, At: 1}}},
		{"between", `[["a", "b"],["c"]]`, `[["a", "c", "b"]]`, []p{{Name: "c", Group: 1, At: 2}}},
		{"moved in its group", `[["a", "b", "c"]]`, `[["b", "c", "a"]]`, []p{{Name: "a", Group: 1, At: 3}}},
		{"behind a name", `[["a", "b"],["c"]]`, `[["a", "c", "b"]]`, []p{{Name: "c", Behind: "a"}}},
		{"behind a ghost", `[["ghost", "b"],["c"]]`, `[["ghost", "c", "b"]]`, []p{{Name: "c", Behind: "ghost"}}},
		{"a new group of three", `[["a" , "b"],["c"]]`, `[["a"],["b" , "d" , "c"]]`, []p{{Name: "b", Group: 1, New: true}, {Name: "d", Behind: "b"}, {Name: "c", Behind: "d"}}},
		{"kept where it is, in the middle", `[["b", "a", "c"],["a", "d"]]`, `[["b", "a", "c"],["d"]]`, []p{{Name: "a", Group: 1}}},
		{"out of all", `[["a", "b"],["a"]]`, `[["b"]]`, []p{{Name: "a", Out: true}}},
		{"out of none", `[["a"]]`, `[["a"]]`, []p{{Name: "b", Out: true}}},
		{"all out", `[["a"]]`, `[]`, []p{{Name: "a", Out: true}}},
		{"the groups change places", `[["a"],["b", "c"]]`, `[["b", "c"],["a"]]`, []p{{Name: "a", Group: 2, New: true}}},
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
}

func TestMoreEditFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		edit editing
		want string
	}{
		{since("x", "1.0.0"), `release.json has no component "x"`},
		{since("common", "3.9.4-SNAPSHOT"), `"3.9.4-SNAPSHOT" cannot be the since of common: it is the product version X.Y.Z that it was released with`},
		{since("common", "yesterday"), `"yesterday" cannot be the since of common: it is the product version X.Y.Z that it was released with`},
		{follow("x"), `release.json has no component "x"`},
		{rename("x", "y"), `release.json has no component "x"`},
		{rename("common", "policy"), `release.json:15:21: policy is already a component`},
		{rename("common", "a b"), `component "a b" cannot have this name: its name cannot be a repository's: use letters, digits, '.', '_' and '-'`},
		{moveTo("x", 1), `release.json has no component "x"`},
		{moveTo("common", 0), `release.json: common cannot be at position 0 of the components: there are 3`},
		{moveTo("common", 4), `release.json: common cannot be at position 4 of the components: there are 3`},
		{moveBehind("common", "x"), `release.json has no component "x"`},
		{moveBehind("common", "common"), `release.json: common cannot stand behind itself`},
		{place(manifest.Placement{Name: "common", Behind: "nobody"}), `common cannot stand behind nobody, which is in no group of buildDependencies`},
		{place(manifest.Placement{Name: "common", Behind: "common"}), `common cannot stand behind common, which is in no group of buildDependencies`},
		{place(manifest.Placement{Name: "common", Group: 2, At: 5}), `common cannot be at position 5 of group 2, which has 3 names`},
	}
	for _, tt := range tests {
		_, err := tt.edit(mustParse(t, sample))
		if err == nil || err.Error() != tt.want || !fault.Is(err, "manifest-edit") || fault.KindOf(err) != fault.Invalid {
			t.Errorf("got  %v\nwant %s", err, tt.want)
		}
	}
}
