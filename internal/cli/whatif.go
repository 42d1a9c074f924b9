package cli

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

const (
	usualHold    = 10 * time.Minute // until somebody approves
	mostAttempts = 9                // of one component in a rehearsal
	throttledFor = time.Minute      // after a 429
	lostAnswer   = time.Minute      // of looking for a pipeline, about
)

// whatIfs are what a rehearsal is asked to let go wrong, by component.
type whatIfs struct {
	fails   map[string]int           // how many of its first pipelines fail
	holds   map[string]time.Duration // how long it waits for an approval
	faults  map[string]sim.FaultKind // what becomes of its first trigger
	crashes map[string]moment        // when gio is killed
}

// moment is one at which gio is killed: report.Killed says what each is.
type moment string

const (
	atIntent moment = "intent"
	atSent   moment = "sent" // the worst one
	atRuns   moment = "running"
	atEnd    moment = "ended"
)

// triggerFaults are what may become of a trigger, in an operator's words.
var triggerFaults = map[string]sim.FaultKind{"lost": sim.ResetAfter, "error": sim.ErrorBefore, "throttled": sim.Throttle}

// whatIfs reads the flags.
func (o rehearseOptions) whatIfs() (w whatIfs, err error) {
	w.fails, err = eachOf("fail", o.fail, "@", 1, func(value string) (int, error) {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > mostAttempts {
			return 0, fmt.Errorf("after the @ stands a number from 1 to %d", mostAttempts)
		}
		return n, nil
	})
	if err != nil {
		return w, err
	}
	w.holds, err = eachOf("hold", o.hold, "=", usualHold, func(value string) (time.Duration, error) {
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 || d > 24*time.Hour {
			return 0, errors.New("after the = stands a time as 30m, 24h at most")
		}
		return d, nil
	})
	if err != nil {
		return w, err
	}
	w.faults, err = eachOf("fault", o.fault, "=", sim.ResetAfter, func(value string) (sim.FaultKind, error) {
		if kind, ok := triggerFaults[value]; ok {
			return kind, nil
		}
		return "", fmt.Errorf("after the = stands one of %s", strings.Join(slices.Sorted(maps.Keys(triggerFaults)), ", "))
	})
	if err != nil {
		return w, err
	}
	w.crashes, err = eachOf("crash", o.crash, "=", atSent, func(value string) (moment, error) {
		if all := []moment{atIntent, atSent, atRuns, atEnd}; !slices.Contains(all, moment(value)) {
			return "", fmt.Errorf("after the = stands one of %v", all)
		}
		return moment(value), nil
	})
	return w, err
}

// eachOf reads the values of a flag: COMPONENT, or COMPONENT and something behind a sign.
func eachOf[T any](flag string, values []string, sign string, otherwise T, read func(string) (T, error)) (map[string]T, error) {
	all := map[string]T{}
	for _, value := range values {
		component, text, given := strings.Cut(value, sign)
		all[component] = otherwise
		if !given {
			continue
		}
		var err error
		if all[component], err = read(text); err != nil {
			return nil, fault.New(fault.Usage, "usage", "--%s %s: %s", flag, value, err)
		}
	}
	return all, nil
}

// any tells that something was asked for.
func (w whatIfs) any() bool {
	return len(w.fails)+len(w.holds)+len(w.faults)+len(w.crashes) > 0
}

// sessions is how many a rehearsal may need.
func (w whatIfs) sessions() int {
	all := 1 + len(w.crashes)
	for _, n := range w.fails {
		all += n
	}
	return all
}

// waits is how long is waited for people and for lost answers, one after the other, at most.
func (w whatIfs) waits() time.Duration {
	all := time.Duration(len(w.faults)+len(w.crashes)) * lostAnswer
	for _, d := range w.holds {
		all += d
	}
	return all
}

// check refuses a component that is not to be released.
func (w whatIfs) check(p *plan.Plan) error {
	for _, asked := range []struct {
		flag       string
		components []string
	}{
		{"fail", slices.Sorted(maps.Keys(w.fails))},
		{"hold", slices.Sorted(maps.Keys(w.holds))},
		{"fault", slices.Sorted(maps.Keys(w.faults))},
		{"crash", slices.Sorted(maps.Keys(w.crashes))},
	} {
		for _, component := range asked.components {
			if !slices.ContainsFunc(p.Steps(), func(st plan.Step) bool { return st.Component == component }) {
				return fault.New(fault.Usage, "usage", "--%s %s: this release has no such component", asked.flag, component).
					Hint("`gio plan` lists those that it has")
			}
		}
	}
	return nil
}

// onTheWire are the faults as the simulator makes them: each hits the first POST about the component's project.
func (w whatIfs) onTheWire(p *plan.Plan) []sim.Fault {
	var all []sim.Fault
	for _, st := range p.Steps() {
		kind, asked := w.faults[st.Component]
		if !asked {
			continue
		}
		f := sim.Fault{Kind: kind, Match: sim.Match{Method: http.MethodPost, Project: st.Project}}
		if kind == sim.Throttle {
			f.RetryAfter = throttledFor
		}
		all = append(all, f)
	}
	return all
}
