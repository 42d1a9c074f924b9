package run

import (
	"fmt"
	"testing"

	"github.com/gravitee-lab/gio/internal/plan"
)

// BenchmarkFold reads the journal of a whole run: five events for each component, and a
// second driver that plans again after half of the waves. The time must grow as the journal does.
func BenchmarkFold(b *testing.B) {
	for _, size := range []struct{ components, waves int }{{1_000, 10}, {1_000, 100}, {10_000, 100}} {
		events := bigRun(size.components, size.waves)
		b.Run(fmt.Sprintf("components=%d/waves=%d", size.components, size.waves), func(b *testing.B) {
			for b.Loop() {
				if _, err := Fold(events); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
		})
	}
}

// bigRun is a run in which every wave is driven as the engine does: all intents, then all the rest.
func bigRun(components, count int) []Event {
	groups := make([][]plan.StepID, count)
	for i := range components {
		w := i * count / components
		groups[w] = append(groups[w], plan.ID(fmt.Sprint("component-", i), "1.0.0"))
	}
	p := waves(groups...)
	j := new(journal).add(opened(), planned(p))
	for i, group := range groups {
		for _, id := range group {
			j.add(intent(1, id))
		}
		for _, id := range group {
			j.add(triggered("p-"+id.Component(), id), observed(id), held(id), succeeded(id))
		}
		if i == count/2 {
			j.add(recorded(Record{Steps: group}), planned(p))
		}
	}
	return j.events
}
