package engine_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// What has changed since the release was checked is seen right before the intent: nothing is sent for that component, the
// others of its wave go on, and the same command finishes the run when it is mended.
func TestNotReady(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		refusal *fault.Fault
		kind    fault.Kind
	}{
		{fault.New(fault.Invalid, "tag-exists", "the tag exists"), fault.Invalid},
		{fault.New(fault.Invalid, "version-mismatch", "another version"), fault.Invalid},
		{fault.New(fault.Remote, "not-checked", "GitHub does not answer"), fault.Invalid},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, product("a", "b c", "d"), sim.Scenario{}, nil)
			defer w.close()
			var asked []string
			w.edit = func(r *engine.Release) {
				r.MaxParallel = 1 // one at a time
				r.Ready = func(_ context.Context, steps []plan.Step) error {
					asked = append(asked, steps[0].Component)
					if steps[0].Component == "b" {
						return tt.refusal
					}
					return nil
				}
			}
			wantKind(t, w.release(), tt.kind)
			slices.Sort(asked)
			if !slices.Equal(asked, []string{"a", "b", "c"}) || len(w.sim.Pipelines()) != 2 {
				t.Errorf("asked about %v, %d pipelines", asked, len(w.sim.Pipelines()))
			}
			for _, st := range w.state().With(run.HasFailed) {
				if st.ID.Component() != "b" || st.Code != tt.refusal.Code || st.Reason == "" || st.Attempt != 0 {
					t.Errorf("%+v", st)
				}
			}
			w.edit = nil
			wantKind(t, w.release(), 0)
			if n := len(w.sim.Pipelines()); n != 4 {
				t.Errorf("%d pipelines in all", n)
			}
		})
	}
}
