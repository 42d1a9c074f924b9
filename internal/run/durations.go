package run

import (
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
)

// Durations returns how long the successful pipelines took, by component. It omits those that waited for a person, and those
// that the driver which started them did not watch to the end: the time of their events does not tell how long they ran.
func Durations(events []Event) map[string]time.Duration {
	began, took := map[plan.StepID]time.Time{}, map[string]time.Duration{}
	for _, e := range events {
		switch e.Type {
		case Planned, Stopped:
			clear(began)
		case Triggered:
			if !e.Adopted { // an adopted one ran before it was found
				each(e, func(id plan.StepID) { began[id] = e.Time })
			}
		case Observed:
			if e.Held {
				each(e, func(id plan.StepID) { delete(began, id) })
			}
		case Succeeded:
			each(e, func(id plan.StepID) {
				if at, watched := began[id]; watched && e.Time.After(at) {
					took[id.Component()] = e.Time.Sub(at)
				}
			})
		default: // about the run, or no success
		}
	}
	return took
}

func each(e Event, do func(plan.StepID)) {
	for _, id := range e.Steps {
		do(id)
	}
}
