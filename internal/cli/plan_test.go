package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
)

// realManifests hold release.json files of the real product, each named after its branch.
const realManifests = "../../../shared/data/manifests"

// planned is what `gio plan` says of one file: the head line and how many components each wave has, or the exit code
// and the places that stderr names.
type planned struct {
	Exit   int
	Head   string
	Waves  []int
	Places []string // line:column: what is wrong there
}

func TestPlanOfRealManifests(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(realManifests, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("skipped: the real release.json files (shared/data/manifests) do not lie beside this checkout")
	}
	want := map[string]planned{
		"1.20.x": {Head: "Gravitee.io 1.20.20: nothing to release; the others: 62 released"},
		"3.10.x": {Head: "Gravitee.io 3.10.18: nothing to release; the others: 58 released"},
		"3.18.x": {Head: "Gravitee.io 3.18.2: nothing to release; the others: 63 released"},
		"3.8.2":  {Head: "Gravitee.io 3.8.2: nothing to release; the others: 84 released"},
		"3.5.x":  {Head: "Gravitee.io 3.5.32 from branch 3.5.x: 1 component in 1 wave; the others: 71 released", Waves: []int{1}},
		"99.999.x": {Exit: 7, Places: []string{
			`3:16: version 3.9.0-SNAPSHOT of Gravitee.io cannot be released from the branch "99.999.x"`,
		}},
		"3.0.0-beta": {Exit: 7, Places: []string{
			`3:16: version "3.0.0-beta" of the product does not end in -SNAPSHOT, but 10 components (gravitee-definition, …) are to be released: write "3.0.0-beta-SNAPSHOT"`,
			`289:21: gravitee-policy-xsd is to be released (1.0.0-SNAPSHOT) but is in no group: add it to buildDependencies`,
		}},
		"invalid-61c7d5f0": {Exit: 7, Places: []string{"26:9: not valid JSON: no comma is allowed before '}'"}},
		"invalid-ca123c47": {Exit: 7, Places: []string{"231:13: not valid JSON: a comma is missing before this"}},
	}
	got := map[string]planned{}
	for _, file := range files {
		branch := strings.TrimSuffix(filepath.Base(file), ".json")
		got[branch] = planFile(t, file, branch)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("gio plan (-want +got):\n%s", diff)
	}
	// The same file on the branch where it belongs.
	onMaster := planned{
		Head:  "Gravitee.io 3.9.0 from branch master: 17 components in 6 waves; the others: 68 released",
		Waves: []int{1, 1, 4, 1, 7, 3},
	}
	if diff := cmp.Diff(onMaster, planFile(t, filepath.Join(realManifests, "99.999.x.json"), "master")); diff != "" {
		t.Errorf("99.999.x on master (-want +got):\n%s", diff)
	}
}

func planFile(t *testing.T, file, branch string) planned {
	t.Helper()
	dir := t.TempDir()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "release.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := gio(t, dir, nil, "plan", "--branch", branch)
	p := planned{Exit: code}
	if code == 0 {
		p.Head, _, _ = strings.Cut(stdout, "\n")
		p.Waves = waves(stdout)
		return p
	}
	if code != int(fault.Invalid) || stdout != "" {
		t.Errorf("%s: exit %d, stdout %q", file, code, stdout)
	}
	for line := range strings.Lines(stderr) {
		_, what, found := strings.Cut(strings.TrimSpace(line), "release.json:")
		if found && !strings.HasPrefix(line, "  ->") {
			p.Places = append(p.Places, what)
		}
	}
	return p
}

// waves counts the rows of each wave; a row off a terminal has six fields with tabs between them.
func waves(table string) []int {
	counts := map[string]int{}
	var order []string
	for line := range strings.Lines(table) {
		fields := strings.Split(line, "\t")
		if len(fields) != 6 || fields[0] == "WAVE" {
			continue
		}
		if !slices.Contains(order, fields[0]) {
			order = append(order, fields[0])
		}
		counts[fields[0]]++
	}
	var rows []int
	for _, wave := range order {
		rows = append(rows, counts[wave])
	}
	return rows
}
