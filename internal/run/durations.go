package run

import "time"

// Durations is how long the pipelines that succeeded took, by component. One that waited for a person, or that the driver
// which started it did not watch to its end, is left out: when it was noted says nothing of how long it ran.
func Durations(events []Event) map[string]time.Duration {
	began, took := map[StepID]time.Time{}, map[string]time.Duration{}
	for _, e := range events {
		switch e.Type {
		case Planned, Stopped:
			clear(began)
		case Triggered:
			if !e.Adopted { // it ran before it was found
				each(e, func(id StepID) { began[id] = e.Time })
			}
		case Observed:
			if e.Held {
				each(e, func(id StepID) { delete(began, id) })
			}
		case Succeeded:
			each(e, func(id StepID) {
				if at, watched := began[id]; watched && e.Time.After(at) {
					took[id.Component()] = e.Time.Sub(at)
				}
			})
		default: // about the run, or no success
		}
	}
	return took
}

func each(e Event, do func(StepID)) {
	for _, id := range e.Steps {
		do(id)
	}
}
