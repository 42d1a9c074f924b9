package manifest_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/manifest"
)

// TestEditsOfRealFiles makes every edit on every component of the real files, and reverts it: the file is the same
// again, to the byte.
func TestEditsOfRealFiles(t *testing.T) {
	t.Parallel()
	for _, file := range realData(t, "manifests/[0-9]*.json") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			before, err := manifest.Parse("release.json", readFile(t, file))
			if err != nil {
				t.Fatal(err)
			}
			_, invalid := before.Check()
			for _, c := range before.Components {
				if c.Own {
					isBack(t, before, c.Name, set(c.Name, "99.0.1-SNAPSHOT", ""), set(c.Name, c.Version, ""))
				}
				if at := placesOf(before, c.Name); len(before.Groups) > 1 && len(at) == 1 && last(before.Groups[at[0]]) == c.Name {
					isBack(t, before, c.Name, ungroup(c.Name), backTo(before, c.Name, at[0]))
				}
			}
			isBack(t, before, "new", add("gravitee-new", "1.0.0"), remove("gravitee-new"))
			isBack(t, before, "new group", add("gravitee-new", "1.0.0"), newGroup("gravitee-new", len(before.Groups)), ungroup("gravitee-new"), remove("gravitee-new"))
			isBack(t, before, "in group", add("gravitee-new", "1.0.0"), group("gravitee-new", 1), ungroup("gravitee-new"), remove("gravitee-new"))
			added, err := before.AddComponent("gravitee-new", "1.0.0")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := added.Check(); (err == nil) != (invalid == nil) {
				t.Errorf("before: %v\nafter: %v", invalid, err)
			}
		})
	}
}

func isBack(t *testing.T, before *manifest.Manifest, what string, edits ...editing) {
	t.Helper()
	m := before
	for _, edit := range edits {
		var err error
		if m, err = edit(m); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	if !bytes.Equal(before.Bytes(), m.Bytes()) {
		t.Errorf("%s (-before +after):\n%s", what, cmp.Diff(string(before.Bytes()), string(m.Bytes())))
	}
}

func last(g manifest.Group) string { return g[len(g)-1].Name }

// backTo puts a name back into its former group, which may have been removed with it.
func backTo(before *manifest.Manifest, name string, at int) editing {
	if len(before.Groups[at]) == 1 {
		return newGroup(name, at)
	}
	return group(name, at+1)
}

// placesOf returns the indices of the groups that name a component.
func placesOf(m *manifest.Manifest, name string) []int {
	var at []int
	for i, g := range m.Groups {
		for _, e := range g {
			if e.Name == name {
				at = append(at, i)
			}
		}
	}
	return at
}

// FuzzEdit makes one edit of any file, and compares it with the same change of the decoded file.
func FuzzEdit(f *testing.F) {
	f.Add([]byte(sample), byte(0), uint(1), uint(1))
	f.Add([]byte(sample), byte(3), uint(2), uint(0))
	f.Add([]byte(`{"version":"1-SNAPSHOT","name":"x","components":[{"since":"","name":"a"},{"x":{},"name":"b"}],"buildDependencies":[["a"],[]]}`), byte(1), uint(0), uint(3))
	f.Add([]byte(`{"version":"1","name":"x","components":[ ],"buildDependencies":[ ]}`), byte(1), uint(0), uint(3))
	f.Add([]byte("{\n\"version\":\"1\",\"name\":\"x\",\"components\":[{\"name\":\"a\"}\n],\"buildDependencies\":[ [\"a\",\"a\"\n,\"a\"],[\"a\"]]}"), byte(3), uint(0), uint(2))
	f.Fuzz(func(t *testing.T, data []byte, op byte, pick, place uint) {
		m, err := manifest.Parse("release.json", data)
		if err != nil {
			return
		}
		const name = "fuzz-new"
		want := decode(t, data)
		if op%5 == 1 {
			fuzzAdd(t, m, want, name)
			return
		}
		if len(m.Components) == 0 {
			return
		}
		i := int(pick % uint(len(m.Components)))
		c := m.Components[i]
		switch op % 5 {
		case 0:
			want["components"].([]any)[i].(map[string]any)["version"] = "9.9.9-SNAPSHOT"
			want["components"].([]any)[i].(map[string]any)["since"] = "9.0.0"
			same(t, want, set(c.Name, "9.9.9-SNAPSHOT", "9.0.0"), m)
		case 2:
			want["components"] = slices.Delete(want["components"].([]any), i, i+1)
			same(t, want, remove(c.Name), m)
		case 3:
			fuzzGroup(t, m, want, c.Name, int(place%uint(len(m.Groups)+1)), op >= 128)
		case 4:
			if len(placesOf(m, c.Name)) > 0 {
				want["buildDependencies"], _ = without(want["buildDependencies"].([]any), c.Name, -1)
				same(t, want, ungroup(c.Name), m)
			}
		}
	})
}

func same(t *testing.T, want map[string]any, edit editing, m *manifest.Manifest) *manifest.Manifest {
	t.Helper()
	got, err := edit(m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, decode(t, got.Bytes())); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	return got
}

func fuzzAdd(t *testing.T, m *manifest.Manifest, want map[string]any, name string) {
	if _, found := m.Component(name); found {
		return
	}
	added, err := m.AddComponent(name, "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if c, found := added.Component(name); !found || c.Version != "1.0.0" {
		t.Fatalf("%+v, %v", c, found)
	}
	removed := same(t, want, remove(name), added)
	if len(m.Components) > 0 && !bytes.Equal(m.Bytes(), removed.Bytes()) {
		t.Fatal("adding and removing changed other bytes")
	}
}

func fuzzGroup(t *testing.T, m *manifest.Manifest, want map[string]any, name string, n int, fresh bool) {
	if n == 0 {
		fresh = true
	}
	groups := want["buildDependencies"].([]any)
	if fresh {
		groups = slices.Insert(groups, n, any([]any{name}))
		n++
	} else if at := placesOf(m, name); !slices.Contains(at, n-1) {
		groups[n-1] = append(groups[n-1].([]any), name)
	}
	want["buildDependencies"], _ = without(groups, name, n-1)
	edit := group(name, n)
	if fresh {
		edit = newGroup(name, n-1)
	}
	same(t, want, edit, m)
}

// without returns the groups without a name except for its first mention in one group; it omits groups that become
// empty.
func without(groups []any, name string, keep int) (left []any, kept bool) {
	left = []any{}
	for i, g := range groups {
		names := []any{}
		for _, n := range g.([]any) {
			if n != name {
				names = append(names, n)
			} else if i == keep && !kept {
				names, kept = append(names, n), true
			}
		}
		if len(names) > 0 || len(g.([]any)) == 0 {
			left = append(left, names)
		}
	}
	return left, kept
}
