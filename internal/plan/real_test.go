package plan_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

// TestRealFiles plans every real release.json on the branch in its name.
func TestRealFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "..", "shared", "data", "manifests")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("skipped: the real release.json files (shared/data/manifests) do not lie beside this checkout")
	}
	want := map[string]string{
		"1.20.x":           "",
		"3.10.x":           "",
		"3.18.x":           "",
		"3.5.x":            "12: gravitee-api-management@3.5.32 3.5.x\n",
		"3.0.0-beta":       "release.json has 2 problems:",
		"3.8.2":            `release.json:3:16: version 3.8.2 of Gravitee.io cannot be released from the branch "3.8.2"`,
		"99.999.x":         `release.json:3:16: version 3.9.0-SNAPSHOT of Gravitee.io cannot be released from the branch "99.999.x"`,
		"invalid-61c7d5f0": "release.json:26:9: not valid JSON: no comma is allowed before '}'",
		"invalid-ca123c47": "release.json:231:13: not valid JSON: a comma is missing before this",
	}
	for branch, want := range want {
		if got := planFile(t, filepath.Join(dir, branch+".json"), plan.Options{Branch: branch, MainBranch: "master"}); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", branch, got, want)
		}
	}
	got := planFile(t, filepath.Join(dir, "99.999.x.json"), plan.Options{Branch: "master", MainBranch: "master"})
	for _, line := range []string{"gravitee-gateway@3.9.0 master", "gravitee-elasticsearch@3.7.0 master", "gravitee-policy-jwt@1.19.0 master"} {
		if !strings.Contains(got, line) {
			t.Errorf("99.999.x on master: no %q in\n%s", line, got)
		}
	}
}

// planFile returns the first line of the fault, or each wave with its steps and their branches.
func planFile(t *testing.T, file string, o plan.Options) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse("release.json", data)
	var p *plan.Plan
	if err == nil {
		p, err = plan.Make(m, o)
	}
	if err != nil {
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: exit %d, want 7", file, fault.KindOf(err))
		}
		line, _, _ := strings.Cut(err.Error(), "\n")
		return line
	}
	var b strings.Builder
	for _, w := range p.Waves {
		fmt.Fprintf(&b, "%d:", w.Group)
		for _, s := range w.Steps {
			fmt.Fprintf(&b, " %s %s", s.ID(), s.Branch)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestReplays plans the release.json of real runs: the plan has exactly what ran, failed or was skipped then.
func TestReplays(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "data", "replays", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) == 0 {
		t.Skip("skipped: the real runs (shared/data/replays) do not lie beside this checkout")
	}
	for _, dir := range dirs {
		data, err := os.ReadFile(filepath.Join(dir, "outcome.json"))
		if err != nil {
			t.Fatal(err)
		}
		var outcome struct {
			Branch                    string
			Released, Failed, Skipped []string
		}
		if err := json.Unmarshal(data, &outcome); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(filepath.Join(dir, "before.json"))
		if err != nil {
			t.Fatal(err)
		}
		p := makePlan(t, string(before), func(o *plan.Options) { o.Branch = outcome.Branch })
		var got []string
		for _, s := range p.Steps() {
			got = append(got, s.Component)
		}
		want := slices.Concat(outcome.Released, outcome.Failed, outcome.Skipped)
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || p.Partial {
			t.Errorf("%s, partial %v (-want +got):\n%s", dir, p.Partial, diff)
		}
	}
}
