package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/plan"
)

// What the graph no longer keeps apart is said against the groups that it was made of: what a step needs, directly or not, and what is in
// its pipeline or in one of those stays apart.
func TestAgainstTheGroups(t *testing.T) {
	t.Parallel()
	waves := byWaves("a x", "b y", "c/shared d/shared", "e f")
	graph, err := waves.Arrange(needing("a:", "x:", "b: a", "y:", "c: b", "d:", "e: d", "f:"))
	if err != nil {
		t.Fatal(err)
	}
	var freed []string
	for _, f := range graph.Freed() {
		var of []string
		for _, st := range f.Of {
			of = append(of, st.Component)
		}
		freed = append(freed, fmt.Sprintf("%s: %s", f.Step.Component, strings.Join(of, " ")))
	}
	want := []string{"y: a x", "f: a x y b c d", "b: x", "c: x y", "d: x y", "e: x y"}
	if diff := cmp.Diff(want, freed); diff != "" {
		t.Error(diff)
	}
	var free []string
	for _, st := range graph.Free() {
		free = append(free, st.Component)
	}
	if diff := cmp.Diff([]string{"y", "f"}, free); diff != "" { // d waits, since it is in c's pipeline
		t.Error(diff)
	}
	again := graph.ByGroups()
	if again.IsByGraph() || len(again.Waves) != len(waves.Waves) {
		t.Fatalf("%+v", again)
	}
	for i, w := range again.Waves {
		if w.Group != waves.Waves[i].Group || len(w.Steps) != len(waves.Waves[i].Steps) {
			t.Errorf("wave %d is %+v", i+1, w)
		}
	}
	if waves.ByGroups() != waves || waves.Freed() != nil || waves.Free() != nil {
		t.Error("a plan by waves frees nothing")
	}
	if (&plan.Plan{Order: plan.ByGraph}).Free() != nil {
		t.Error("nothing is free of nothing")
	}
}
