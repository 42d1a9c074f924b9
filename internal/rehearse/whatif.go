package rehearse

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

const (
	throttledFor = time.Minute // after a 429
	lostAnswer   = time.Minute // that looking for a pipeline takes, about
)

// WhatIfs say what goes wrong in a rehearsal, by component.
type WhatIfs struct {
	Fails   map[string]int           // how many of its first pipelines fail
	Holds   map[string]time.Duration // how long it waits for an approval
	Answers map[string]Answer        // how its first trigger is answered
	Crashes map[string]Moment        // when gio is killed
}

// Answer is how a trigger is answered.
type Answer string

// The answers.
const (
	Lost      Answer = "lost"      // the pipeline is made, but the connection breaks
	Error     Answer = "error"     // a server error, and no pipeline
	Throttled Answer = "throttled" // 429
)

// Answers lists every answer.
func Answers() []Answer { return []Answer{Error, Lost, Throttled} }

// simFault returns the simulator's fault for an answer.
func (a Answer) simFault() sim.Fault {
	switch a {
	case Error:
		return sim.Fault{Kind: sim.ErrorBefore}
	case Throttled:
		return sim.Fault{Kind: sim.Throttle, RetryAfter: throttledFor}
	case Lost:
	}
	return sim.Fault{Kind: sim.ResetAfter}
}

// Moment is the moment of a component's progress at which gio is killed.
type Moment string

// The moments.
const (
	AtIntent  Moment = "intent"  // the intent is written, and nothing was sent
	AtSent    Moment = "sent"    // CircleCI has the request, but gio does not have the answer: the worst one
	AtRunning Moment = "running" // the pipeline's id is written
	AtEnded   Moment = "ended"   // the pipeline's end is written
)

// Moments lists every moment, in order of time.
func Moments() []Moment { return []Moment{AtIntent, AtSent, AtRunning, AtEnded} }

// Killed says when gio was killed.
type Killed struct {
	Component string
	At        Moment
}

// Any reports that something is to go wrong.
func (w WhatIfs) Any() bool {
	return len(w.Fails)+len(w.Holds)+len(w.Answers)+len(w.Crashes) > 0
}

// maxSessions returns how many sessions a rehearsal may need.
func (w WhatIfs) maxSessions() int {
	all := 1 + len(w.Crashes)
	for _, n := range w.Fails {
		all += n
	}
	return all
}

// maxWait returns how long all waits for people and for lost answers take together, at most.
func (w WhatIfs) maxWait() time.Duration {
	all := time.Duration(len(w.Answers)+len(w.Crashes)) * lostAnswer
	for _, d := range w.Holds {
		all += d
	}
	return all
}

// validate returns a fault for a component that is not to be released.
func (w WhatIfs) validate(p *plan.Plan) error {
	for _, list := range []struct {
		flag       string
		components []string
	}{
		{"fail", slices.Sorted(maps.Keys(w.Fails))},
		{"hold", slices.Sorted(maps.Keys(w.Holds))},
		{"fault", slices.Sorted(maps.Keys(w.Answers))},
		{"crash", slices.Sorted(maps.Keys(w.Crashes))},
	} {
		for _, component := range list.components {
			if !slices.ContainsFunc(p.Steps(), func(st plan.Step) bool { return st.Component == component }) {
				return fault.New(fault.Usage, "usage", "--%s %s: this release has no such component", list.flag, component).
					Hint("%s lists those that it has", fault.Next{Action: fault.Plan})
			}
		}
	}
	return nil
}

// simFaults returns the simulator's faults: each hits the first POST for the component's project.
func (w WhatIfs) simFaults(p *plan.Plan) []sim.Fault {
	var all []sim.Fault
	for _, st := range p.Steps() {
		if answer, ok := w.Answers[st.Component]; ok {
			f := answer.simFault()
			f.Match = sim.Match{Method: http.MethodPost, Project: st.Project}
			all = append(all, f)
		}
	}
	return all
}
