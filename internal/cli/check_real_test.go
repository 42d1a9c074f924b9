package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

// real is the world of a real release.json: every repository as it was when that was released. The component to be
// released is on its branch with its version and a configuration that takes what is sent, the main branch has moved on, and
// what is released has its tag.
func real(t *testing.T, data []byte, branch string) *plant {
	t.Helper()
	p := ready()
	p.manifest, p.branch = string(data), branch
	p.GitHub.Repositories = map[string]sim.Repository{}
	m, err := manifest.Parse("release.json", data)
	if err != nil {
		return p
	}
	if !m.Open() {
		p.tags = []string{m.Version}
	}
	o := plan.Options{Branch: branch, MainBranch: "master"}
	for _, c := range m.Components {
		name, err := o.Repository(m, c)
		if err != nil {
			t.Fatal(err)
		}
		r := sim.Repository{DefaultBranch: "master", Branches: map[string]sim.Branch{"master": {Version: "99.0.0-SNAPSHOT"}}}
		if !c.Open() {
			r.Tags = []string{c.Version}
		}
		p.GitHub.Repositories[name] = r
	}
	planned, err := plan.Make(m, o)
	if err != nil {
		return p
	}
	for _, st := range planned.Steps() {
		p.GitHub.Repositories[st.Repository].Branches[st.Branch] = sim.Branch{Version: st.Version + "-SNAPSHOT"}
	}
	p.GitHub.Repositories["acme/release"] = sim.Repository{Branches: map[string]sim.Branch{branch: {}}}
	return p
}

// TestCheckOfRealFiles: nothing is said against what was released in truth, and only what is wrong of what is not right.
func TestCheckOfRealFiles(t *testing.T) {
	t.Parallel()
	type file struct {
		path, branch string
		code         int
	}
	files := []file{
		{"manifests/1.20.x.json", "1.20.x", 0},
		{"manifests/3.5.x.json", "3.5.x", 0},
		{"manifests/3.8.2.json", "3.8.x", 0},
		{"manifests/3.10.x.json", "3.10.x", 0},
		{"manifests/3.18.x.json", "3.18.x", 0},
		{"manifests/99.999.x.json", "master", 0},
		{"manifests/3.0.0-beta.json", "3.0.0-beta", 7},
		{"manifests/invalid-61c7d5f0.json", "3.8.x", 7},
		{"manifests/invalid-ca123c47.json", "3.8.x", 7},
	}
	dirs, err := filepath.Glob(filepath.Join(realRuns, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) == 0 {
		t.Skip("skipped: the real files (shared/data) do not lie beside this checkout")
	}
	for _, dir := range dirs {
		if r := readReplay(t, dir); r.Finished {
			files = append(files, file{"replays/" + filepath.Base(dir) + "/before.json", r.Branch, 0})
		}
	}
	for _, f := range files {
		t.Run(f.path, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join(realRuns, "..", f.path))
			if err != nil {
				t.Fatal(err)
			}
			found, code, r := real(t, data, f.branch).check(t)
			wrong := slices.DeleteFunc(found, func(line string) bool { return !strings.HasPrefix(line, "error ") })
			if code != f.code || f.code == 0 && len(wrong) > 0 || strings.Trim(strings.Join(slices.Compact(wrong), ""), " ") != map[int]string{7: "error manifest"}[f.code] {
				t.Errorf("exit %d, want %d; %s", code, f.code, strings.Join(wrong, ", "))
			}
			t.Logf("%d errors, %d warnings in %d components; %d requests", len(wrong), r.Count(check.Warning), r.Components, r.Requests)
		})
	}
}
