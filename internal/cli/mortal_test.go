package cli

import (
	"context"
	"errors"
	"testing"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestKilledWhateverTheAnswer: a driver is killed when its trigger has reached CircleCI, also when the answer is lost anyway.
func TestKilledWhateverTheAnswer(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Waves: []plan.Wave{{Steps: []plan.Step{{Component: "a", Version: "1.0.0", Project: "gh/acme/a"}}}}}
	for name, faults := range map[string]map[string]sim.FaultKind{
		"good": {}, "lost": {"a": triggerFaults["lost"]}, "error": {"a": triggerFaults["error"]}, "throttled": {"a": triggerFaults["throttled"]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sim.New(sim.Scenario{Faults: whatIfs{faults: faults}.onTheWire(p)})
			defer s.Close()
			ctx, kill := context.WithCancelCause(t.Context())
			defer kill(nil)
			m := newMortal(map[string]moment{"a": atSent}, p)
			m.next(kill)
			m.reached("a", atIntent)
			_, err := client(mortalWire{s.Transport(), m}).Trigger(ctx, circleci.TriggerRequest{Project: "gh/acme/a", Branch: "master"})
			if !errors.Is(err, errKilled) || m.death() == nil || !errors.Is(context.Cause(ctx), errKilled) {
				t.Errorf("it goes on: %v", err)
			}
			if saw := len(s.Requests()); saw != 1 {
				t.Errorf("CircleCI saw %d requests, want one", saw)
			}
		})
	}
}
