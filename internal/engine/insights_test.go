package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestAskInsights chooses the workflow that decides how long a release takes, among runs of other things.
func TestAskInsights(t *testing.T) {
	t.Parallel()
	workflows := func(names ...string) sim.Run {
		var r sim.Run
		for i, name := range names {
			r.Workflows = append(r.Workflows, sim.Workflow{Name: name, Duration: time.Duration(i+1) * time.Minute})
		}
		return r
	}
	many := make([]sim.Run, 12)
	for i := range many {
		many[i] = sim.Run{Duration: time.Duration(i+1) * time.Minute} // of the workflow "release"
	}
	tests := map[string]struct {
		runs  []sim.Run
		proof []string
		want  engine.Insight
	}{
		"named release":   {[]sim.Run{workflows("Standalone_Release", "nightly")}, nil, engine.Insight{Workflow: "Standalone_Release", Took: []time.Duration{time.Minute}}},
		"the slowest one": {[]sim.Run{workflows("release-notes", "release")}, nil, engine.Insight{Workflow: "release", Took: []time.Duration{2 * time.Minute}}},
		"the proof":       {[]sim.Run{workflows("publish", "release")}, []string{"publish"}, engine.Insight{Workflow: "publish", Took: []time.Duration{time.Minute}}},
		"any":             {[]sim.Run{workflows("test", "build")}, nil, engine.Insight{Workflow: "build", Took: []time.Duration{2 * time.Minute}}},
		"without those on hold": {
			[]sim.Run{{Workflows: []sim.Workflow{
				{Name: "release", Hold: &sim.Hold{ApprovedAfter: time.Hour}}, {Name: "release-fast", Duration: time.Minute},
			}}}, nil, engine.Insight{Workflow: "release-fast", Took: []time.Duration{time.Minute}},
		},
		"none that succeeded": {[]sim.Run{{Outcome: sim.Failed}}, nil, engine.Insight{}},
		"none":                {nil, nil, engine.Insight{}},
		"the newest ten": {many, nil, engine.Insight{Workflow: "release", Took: []time.Duration{
			12 * time.Minute, 11 * time.Minute, 10 * time.Minute, 9 * time.Minute, 8 * time.Minute,
			7 * time.Minute, 6 * time.Minute, 5 * time.Minute, 4 * time.Minute, 3 * time.Minute,
		}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := sim.New(sim.Scenario{Strict: true, Projects: map[string]sim.Project{"gh/acme/api": {Runs: tt.runs}}})
				defer s.Close()
				ci := circleci.New(circleci.Options{Host: sim.URL, Token: token, HTTP: s.Client()})
				for range tt.runs {
					if _, err := ci.Trigger(t.Context(), circleci.TriggerRequest{Project: "gh/acme/api", Branch: "1.0.x"}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(2 * time.Hour)
				}
				got, err := engine.AskInsights(t.Context(), ci, plan.Step{Project: "gh/acme/api", Proof: plan.Proof{Workflows: tt.proof}})
				if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
					t.Errorf("%v\n%s", err, diff)
				}
				if _, err := engine.AskInsights(t.Context(), ci, plan.Step{Project: "gh/acme/nobody"}); fault.KindOf(err) != fault.NotFound {
					t.Errorf("of nobody: %v", err)
				}
			})
		})
	}
}
