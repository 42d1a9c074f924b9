package operate_test

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestRetryBesideADriver: who has had its attempt at a component begins no other, so that what failed may be run again beside it, once.
// Another driver may be about to start it anew: then nothing is sent.
func TestRetryBesideADriver(t *testing.T) {
	t.Parallel()
	w := plant{Scenario: sim.Scenario{Projects: map[string]sim.Project{"gh/acme/api": {Runs: []sim.Run{{Outcome: sim.Failed}}}}}}.grow(t)
	failed := run.Event{Type: run.Failed, Code: "pipeline-failed", Reason: "workflow release failed", Steps: []plan.StepID{apiStep.ID()}}
	r := w.begun(run.Release, "3.9.4", []plan.Step{apiStep}).started(apiStep).note(failed)
	w.awaits("the pipeline has failed", func() bool { return w.sim.Pipelines()[0].Outcome == "failed" })
	r.left()
	retry := func() error {
		found, err := operate.NewRetries(t.Context(), w.operator().Setup, operate.Selector{}, []string{"api"})
		if err != nil {
			return err
		}
		_, err = found.Run(t.Context(), found.Of[0])
		return err
	}
	beside := func(driver string) error {
		j, _, err := journal.OpenGit(t.Context(), w.ref(), r.header, journal.GitOptions{Driver: run.Driver{ID: driver}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = j.Close() }()
		return retry()
	}
	if err := beside("somebody"); !fault.Is(err, "driven-elsewhere") {
		t.Errorf("beside one that may start it anew: %v", err)
	}
	if got := w.sim.Pipelines()[0].Outcome; got != "failed" {
		t.Errorf("it was run again: %s", got)
	}
	if err := beside("another"); err != nil {
		t.Errorf("beside the one that has had its attempt: %v", err)
	}
	if err := beside("another"); !fault.Is(err, "no-retry") && !fault.Is(err, "retried-elsewhere") { // CircleCI's times are whole seconds
		t.Errorf("once more: %v", err)
	}
}
