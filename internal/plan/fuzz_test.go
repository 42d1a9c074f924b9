package plan_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

// FuzzMake builds manifests from numbers: each byte of states is a component (its low bits say whether
// it is open, the rest its group), each bit of except leaves one out.
func FuzzMake(f *testing.F) {
	f.Add([]byte{1, 0, 3, 5, 255, 16, 17}, uint64(0))
	f.Add([]byte{1, 1, 1}, uint64(2))
	f.Fuzz(func(t *testing.T, states []byte, except uint64) {
		data, o := build(states, except)
		m, err := manifest.Parse("release.json", data)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Make(m, o)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		last := 0
		for _, w := range p.Waves {
			if w.Group <= last || len(w.Steps) == 0 {
				t.Fatalf("wave of group %d after %d with %d steps", w.Group, last, len(w.Steps))
			}
			last = w.Group
			checkWave(t, m, w, seen)
		}
		for _, l := range p.Excluded {
			seen[l.Component]++
		}
		for _, c := range m.Components {
			if seen[c.Name] != 1 {
				t.Fatalf("%s stands %d times in waves and left", c.Name, seen[c.Name])
			}
		}
	})
}

// checkWave checks that the steps are in their group's order and that units lose and duplicate none.
func checkWave(t *testing.T, m *manifest.Manifest, w plan.Wave, seen map[string]int) {
	t.Helper()
	i := 0
	for _, entry := range m.Groups[w.Group-1] {
		if i < len(w.Steps) && w.Steps[i].Component == entry.Name {
			i++
		}
	}
	if i != len(w.Steps) {
		t.Fatalf("steps of group %d are not in its order: %v", w.Group, w.Steps)
	}
	inUnits := 0
	for _, unit := range plan.Units(w) {
		inUnits += len(unit)
	}
	if inUnits != len(w.Steps) {
		t.Fatalf("%d steps became %d", len(w.Steps), inUnits)
	}
	for _, s := range w.Steps {
		seen[s.Component]++
		if c, _ := m.Component(s.Component); !c.Open() {
			t.Fatalf("%s is released and runs", s.Component)
		}
	}
}

func build(states []byte, except uint64) ([]byte, plan.Options) {
	type component struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	components, groups := []component{}, make([][]string, 8)
	for i := range groups {
		groups[i] = []string{"ghost"}
	}
	o := plan.Options{Branch: "master", MainBranch: "master", Overrides: map[string]plan.Override{}}
	for i, state := range states {
		c := component{fmt.Sprint("c", i), fmt.Sprintf("1.%d.%d", state>>4, state>>6)}
		if state&1 == 1 {
			c.Version += "-SNAPSHOT"
		}
		if state&2 == 2 {
			o.Overrides[c.Name] = plan.Override{Repository: "mono", Branch: "b"}
		}
		if except>>(i%64)&1 == 1 {
			o.Except = append(o.Except, c.Name)
		}
		components = append(components, c)
		group := state >> 2 & 7
		groups[group] = append(groups[group], c.Name)
	}
	data, err := json.Marshal(map[string]any{
		"name": "S", "version": "1.0.0-SNAPSHOT", "scmHttpUrl": "https://github.com/acme",
		"components": components, "buildDependencies": groups,
	})
	if err != nil {
		panic(err)
	}
	return data, o
}
