package rehearse

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
	for name, answers := range map[string]map[string]Answer{
		"good": {}, "lost": {"a": Lost}, "error": {"a": Error}, "throttled": {"a": Throttled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sim.New(sim.Scenario{Faults: WhatIfs{Answers: answers}.simFaults(p)})
			defer s.Close()
			ctx, kill := context.WithCancelCause(t.Context())
			defer kill(nil)
			k := newKiller(map[string]Moment{"a": AtSent}, p)
			k.begin(kill)
			k.reach("a", AtIntent)
			_, err := client(killedWire{s.Transport(), k}).Trigger(ctx, circleci.TriggerRequest{Project: "gh/acme/a", Branch: "master"})
			if !errors.Is(err, errKilled) || k.killedAt() == nil || !errors.Is(context.Cause(ctx), errKilled) {
				t.Errorf("it goes on: %v", err)
			}
			if saw := len(s.Requests()); saw != 1 {
				t.Errorf("CircleCI saw %d requests, want one", saw)
			}
		})
	}
}
