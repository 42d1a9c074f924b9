package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestServerDryRun: every pipeline is told, an unfinished one is continued, and nothing but the journal is written.
func TestServerDryRun(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"b": {Runs: []sim.Run{{Outcome: sim.Failed}}}}}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) { r.Options.DryRun = true }
		before := gittest.Refs(t, w.remote)
		wantKind(t, w.release(), fault.PipelineFailed)
		wantKind(t, w.release(), 0)
		if diff := cmp.Diff(before, gittest.Refs(t, w.remote)); diff != "" {
			t.Errorf("the release repository was written (-before +after):\n%s", diff)
		}
		if n := w.pipelinesOf("a"); n != 1 {
			t.Errorf("a ran %d times", n)
		}
		for _, p := range w.sim.Pipelines() {
			if p.Parameters["dry_run"] != true {
				t.Errorf("%s #%d was told %v", p.Project, p.Number, p.Parameters)
			}
		}
		if st := w.state(); st.Header.Kind != "dry" || st.Finished || len(w.sim.Pipelines()) != 4 {
			t.Errorf("kind %s, finished %t, %d pipelines", st.Header.Kind, st.Finished, len(w.sim.Pipelines()))
		}
	})
}
