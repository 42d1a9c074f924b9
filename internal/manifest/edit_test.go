package manifest_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

func TestReleaseKeepsStyle(t *testing.T) {
	t.Parallel()
	file := func(component string) string {
		return `{"name":"S","version":"2.0.0-SNAPSHOT","components":[` + component + `],"buildDependencies":[["a"]]}`
	}
	tests := []struct{ name, before, after string }{
		{"tight", `{"name":"a"}`, `{"name":"a","version":"2.0.0","since":"2.0.0"}`},
		{"one line", `{"name": "a"}`, `{"name": "a", "version": "2.0.0", "since": "2.0.0"}`},
		{"one line, padded", `{ "name": "a" }`, `{ "name": "a", "version": "2.0.0", "since": "2.0.0" }`},
		{"lines", "{\n\t\"name\" : \"a\"\n}", "{\n\t\"name\" : \"a\",\n\t\"version\" : \"2.0.0\",\n\t\"since\" : \"2.0.0\"\n}"},
		{"CRLF", "{\r\n  \"name\": \"a\"\r\n}\r\n", "{\r\n  \"name\": \"a\",\r\n  \"version\": \"2.0.0\",\r\n  \"since\": \"2.0.0\"\r\n}\r\n"},
		{"version and since there", `{"since": "1", "version": "1.1.0-SNAPSHOT", "name": "a"}`, `{"since": "2.0.0", "version": "1.1.0", "name": "a"}`},
		{"since after version", `{"name": "a", "version": "1.1.0-SNAPSHOT", "x": [1, {}]}`, `{"name": "a", "version": "1.1.0", "since": "2.0.0", "x": [1, {}]}`},
		{"version after name", "{\n \"x\": 1,\n \"name\": \"a\",\n \"since\": \"1\"\n}", "{\n \"x\": 1,\n \"name\": \"a\",\n \"version\": \"2.0.0\",\n \"since\": \"2.0.0\"\n}"},
		{"since before name", `{"since":"1","name":"a"}`, `{"since":"2.0.0","name":"a","version":"2.0.0"}`},
		{"comma first", "{ \"name\":\"a\"\n, \"x\":1 }", "{ \"name\":\"a\", \"version\":\"2.0.0\", \"since\":\"2.0.0\"\n, \"x\":1 }"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := mustParse(t, file(tt.before)).Release([]string{"a", "a"}, "2.0.0")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(file(tt.after), string(m.Bytes())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReleaseThenNextVersion(t *testing.T) {
	t.Parallel()
	m := mustParse(t, sample)
	released, err := m.Release([]string{"policy", "gateway"}, "3.9.4")
	if err != nil {
		t.Fatal(err)
	}
	finished, err := released.SetVersion("3.9.4")
	if err != nil {
		t.Fatal(err)
	}
	next, err := finished.SetVersion("3.9.5-SNAPSHOT")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		`"3.9.4-SNAPSHOT"`, `"3.9.5-SNAPSHOT"`,
		`"name": "gateway"`, "\"name\": \"gateway\",\n            \"version\": \"3.9.4\",\n            \"since\": \"3.9.4\"",
		`"1.2.1-SNAPSHOT"`, `"1.2.1"`,
		`"since": "3.9.0"`, `"since": "3.9.4"`,
	).Replace(sample)
	if diff := cmp.Diff(want, string(next.Bytes())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if string(m.Bytes()) != sample {
		t.Error("the first manifest was changed by an edit")
	}
}

func TestSetVersion(t *testing.T) {
	t.Parallel()
	file := func(product, component string) string {
		return `{"name":"S","version":"` + product + `","components":[` + component + `],"buildDependencies":[["a"]]}`
	}
	tests := []struct{ name, before, version, after string }{
		{"released component keeps its version", file("1.0.0", `{"name":"a","since":"1"}`), "1.0.1-SNAPSHOT", file("1.0.1-SNAPSHOT", `{"name":"a","version":"1.0.0","since":"1"}`)},
		{"open component follows", file("1.0.0-SNAPSHOT", `{"name":"a"}`), "1.1.0-SNAPSHOT", file("1.1.0-SNAPSHOT", `{"name":"a"}`)},
		{"component's own version stays", file("1.0.0-SNAPSHOT", `{"name":"a","version":"1.0.0"}`), "1.0.0", file("1.0.0", `{"name":"a","version":"1.0.0"}`)},
		{"the same version changes nothing", file("1.0.0", `{"name":"a"}`), "1.0.0", file("1.0.0", `{"name":"a"}`)},
	}
	for _, tt := range tests {
		m, err := mustParse(t, tt.before).SetVersion(tt.version)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(tt.after, string(m.Bytes())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestEditFaults(t *testing.T) {
	t.Parallel()
	m := mustParse(t, sample)
	tests := []struct {
		name, want string
		edit       func() (*manifest.Manifest, error)
	}{
		{"unknown component", `release.json has no component "é-ghost" to record as released`, func() (*manifest.Manifest, error) { return m.Release([]string{"é-ghost"}, "3.9.4") }},
		{"released component", `release.json:9:24: common cannot be recorded as released: its version 1.20.0 does not end in -SNAPSHOT`, func() (*manifest.Manifest, error) { return m.Release([]string{"gateway", "common"}, "3.9.4") }},
		{"product null", `null cannot be the product's version: not of the form X.Y.Z or X.Y.Z-PRE`, func() (*manifest.Manifest, error) { return m.SetVersion("null") }},
		{"product finished too early", `release.json:3:16: the product cannot become 3.9.4 while 2 components (gateway, …) are to be released`, func() (*manifest.Manifest, error) { return m.SetVersion("3.9.4") }},
	}
	for _, tt := range tests {
		_, err := tt.edit()
		if err == nil || err.Error() != tt.want || !fault.Is(err, "manifest-edit") {
			t.Errorf("%s: got  %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

// TestReplays repeats the edits of real releases: the result means what the old system recorded, and no other line
// differs.
func TestReplays(t *testing.T) {
	t.Parallel()
	for _, dir := range realData(t, "replays/*") {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			before := readFile(t, filepath.Join(dir, "before.json"))
			var outcome struct {
				Finished bool
				Released []string
			}
			if err := json.Unmarshal(readFile(t, filepath.Join(dir, "outcome.json")), &outcome); err != nil {
				t.Fatal(err)
			}
			m, err := manifest.Parse("release.json", before)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.Check(); err != nil {
				t.Error(err)
			}
			after, err := m.Release(outcome.Released, m.ReleaseVersion())
			if err == nil && outcome.Finished {
				after, err = after.SetVersion(m.ReleaseVersion())
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decode(t, readFile(t, filepath.Join(dir, "after.json"))), decode(t, after.Bytes())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkLines(t, before, after.Bytes())
		})
	}
}

// checkLines checks that only version and since were changed or inserted; a name may gain a comma.
func checkLines(t *testing.T, before, after []byte) {
	t.Helper()
	old := strings.Split(string(before), "\n")
	i := 0
	for _, line := range strings.Split(string(after), "\n") {
		key, _, _ := strings.Cut(line, ":")
		edited := strings.TrimSpace(key) == `"version"` || strings.TrimSpace(key) == `"since"`
		switch {
		case i < len(old) && (line == old[i] || line == old[i]+",") || i < len(old) && edited && strings.HasPrefix(old[i], key+":"):
			i++
		case !edited:
			t.Fatalf("line %q was not to be touched", line)
		}
	}
	if i != len(old) {
		t.Fatalf("line %q was lost", old[i])
	}
}

func decode(t *testing.T, data []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func FuzzRelease(f *testing.F) {
	f.Add([]byte(sample), "3.9.4", uint64(1))
	f.Add([]byte(strings.ReplaceAll(sample, "\n", "\r\n")), "é<\"\\", uint64(3))
	f.Add([]byte(`{"version":"1-SNAPSHOT","name":"x","components":[{"since":"","name":"a"},{"x":{},"name":"b"}],"buildDependencies":[["a"],[]]}`), "", uint64(3))
	f.Fuzz(func(t *testing.T, data []byte, since string, pick uint64) {
		m, err := manifest.Parse("release.json", data)
		if err != nil || !utf8.ValidString(since) {
			return
		}
		want := decode(t, data)
		var names []string
		for i, c := range m.Components {
			// "-SNAPSHOT" alone has no version to release; Check reports it.
			if !c.Open() || strings.TrimSpace(c.ReleaseVersion()) == "" || pick>>(i%64)&1 == 0 {
				continue
			}
			names = append(names, c.Name)
			component := want["components"].([]any)[i].(map[string]any)
			component["version"], component["since"] = c.ReleaseVersion(), since
		}
		got, err := m.Release(names, since)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, decode(t, got.Bytes())); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if len(names) == 0 && !bytes.Equal(got.Bytes(), data) {
			t.Fatal("nothing was asked, something was changed")
		}
	})
}
