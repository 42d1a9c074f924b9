package worker_test

import (
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sim"
)

// A lost answer is looked up for a minute before anything is sent again, whoever looks: drivers that are ended every 20 seconds
// come to an end together.
func TestLookUpOfManyDrivers(t *testing.T) {
	for name, s := range map[string]struct {
		lost sim.FaultKind
		late time.Duration // until what it made is shown
	}{
		"nothing was made":       {lost: sim.ErrorBefore},
		"it is shown at the end": {lost: sim.ResetAfter, late: 57 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			scenario := runs()
			scenario.ListLag, scenario.NumberLag = s.late, s.late
			scenario.Faults = []sim.Fault{{Match: sim.Match{Endpoint: "trigger"}, Kind: s.lost, Times: 1}}
			inBubble(t, scenario, func(w *world) {
				d := w.deploy("qa", 1)
				for range 6 {
					end := w.work()
					time.Sleep(20 * time.Second)
					end()
					w.runOut()
				}
				if n := len(w.sim.Pipelines()); n != 1 {
					w.t.Errorf("after two minutes there are %d pipelines", n)
				}
				w.until("it has ended", w.ended(d.ID))
				w.wants(d.ID, ledger.Success, ledger.EffectDone, "")
			})
		})
	}
}
