package engine_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/sim/simtest"
)

// inBubble runs f in a world of its own. What passes between gio and CircleCI is held against the contract.
func inBubble(t *testing.T, releaseJSON string, s sim.Scenario, f func(t *testing.T, w *world)) {
	t.Helper()
	bubble(t, releaseJSON, s, simtest.Contract, f)
}

// inWildBubble is for what is seen on the real service but not allowed by its published schema.
func inWildBubble(t *testing.T, releaseJSON string, s sim.Scenario, f func(t *testing.T, w *world)) {
	t.Helper()
	bubble(t, releaseJSON, s, nil, f)
}

func bubble(t *testing.T, releaseJSON string, s sim.Scenario, check func(testing.TB, http.Handler) http.Handler, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, releaseJSON, s, check)
		defer w.close()
		f(t, w)
		w.check()
	})
}

func TestReleaseGreen(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a b", "c"), sim.Scenario{}, func(t *testing.T, w *world) {
		wantKind(t, w.release(), 0)
		if n := len(w.sim.Pipelines()); n != 3 {
			t.Errorf("%d pipelines, want 3", n)
		}
		if v := w.manifestAt("1.0.4").Version; v != "1.0.4" {
			t.Errorf("the tag holds product version %s", v)
		}
		if v := w.manifestAt(branch).Version; v != "1.0.5-SNAPSHOT" {
			t.Errorf("the next version is %s", v)
		}
		if kind := gittest.Git(t, w.remote, "cat-file", "-t", "1.0.4"); kind != "tag" {
			t.Errorf("1.0.4 is a %s, not an annotated tag", kind)
		}
		wantKind(t, w.release(), 0) // nothing left to do
		if n := len(w.sim.Pipelines()); n != 3 {
			t.Errorf("the second run made it %d pipelines", n)
		}
	})
}

func TestFailureFinishesItsWaveAndResumes(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"b": {Runs: []sim.Run{{Outcome: sim.Failed, Job: "publish"}}}}}
	inBubble(t, product("a b c", "d"), s, func(t *testing.T, w *world) {
		wantKind(t, w.release(), fault.PipelineFailed)
		m := w.manifestAt(branch)
		for name, want := range map[string]string{"a": "1.2.3", "b": "1.2.3-SNAPSHOT", "c": "1.2.3", "d": "1.2.3-SNAPSHOT"} {
			if c, _ := m.Component(name); c.Version != want {
				t.Errorf("%s is recorded as %s, want %s", name, c.Version, want)
			}
		}
		if st := w.state().Step("b@1.2.3"); st.Job != "publish" {
			t.Errorf("the failing job is said to be %q", st.Job)
		}
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("a"); n != 1 {
			t.Errorf("a ran %d times", n)
		}
		if v := w.manifestAt("1.0.4").Version; v != "1.0.4" {
			t.Errorf("the tag holds product version %s", v)
		}
	})
}
