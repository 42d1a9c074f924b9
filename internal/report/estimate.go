package report

import (
	"fmt"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// elapsed is how long a step's pipeline has run, or ran; 0 before it was triggered.
func elapsed(st run.Step, now time.Time) time.Duration {
	if st.StartedAt.IsZero() {
		return 0
	}
	end := now
	if !st.Open() && !st.EndedAt.IsZero() {
		end = st.EndedAt
	}
	return max(end.Sub(st.StartedAt), 0)
}

// remaining is how long the rest of the run is likely to take: of every wave the pipeline that ends last, waves
// one after the other. A component that never ran is taken for an average one. It is not ok while nothing is
// known, or while a person is waited for. After a failure only its wave still counts. Step gives where one stands.
func remaining(p *plan.Plan, step func(run.StepID) run.Step, expected map[string]time.Duration, now time.Time) (_ time.Duration, ok bool) {
	usual := average(expected)
	if p == nil || usual == 0 {
		return 0, false
	}
	var sum time.Duration
	for _, w := range p.Waves {
		var longest time.Duration
		failed, held := false, false
		for _, planned := range w.Steps {
			st := step(run.ID(planned.Component, planned.Version))
			switch st.Status {
			case run.HasSucceeded, run.WasSkipped:
				continue
			case run.HasFailed, run.IsUnknown:
				failed = true
				continue
			case run.OnHold:
				held = true
				continue
			case run.Pending, run.Intended, run.Running:
			}
			due := expected[planned.Component]
			if due == 0 {
				due = usual
			}
			longest = max(longest, due-elapsed(st, now))
		}
		sum += longest
		if failed {
			break // and what is on hold is left
		}
		if held {
			return 0, false
		}
	}
	return sum, true
}

func average(durations map[string]time.Duration) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	var sum time.Duration
	for _, d := range durations {
		sum += d
	}
	return sum / time.Duration(len(durations))
}

// timeLeft says how much longer one pipeline is likely to run: "~3m left", or by how much it is late. It is empty
// where no earlier run is known, and while a person is waited for.
func timeLeft(st run.Step, expected map[string]time.Duration, now time.Time) string {
	due := expected[st.ID.Component()]
	if due == 0 || st.Status != run.Running || st.StartedAt.IsZero() {
		return ""
	}
	rest := due - elapsed(st, now)
	if rest >= 0 {
		return "~" + rough(rest) + " left"
	}
	return rough(-rest) + " over"
}

// expectedEnd is when the run is likely to end, with how long that is from now: "ends about 14:32 (in 8m)".
func expectedEnd(p *plan.Plan, step func(run.StepID) run.Step, expected map[string]time.Duration, now time.Time) string {
	rest, ok := remaining(p, step, expected, now)
	if !ok || rest <= 0 {
		return ""
	}
	return "ends about " + now.Add(rest).Local().Format("15:04") + " (in " + rough(rest) + ")"
}

// rough is a time span without more digits than a guess deserves: "40s", "3m", "1h05m".
func rough(d time.Duration) string {
	switch {
	case d < time.Minute:
		return Duration(d)
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Round(time.Minute).Minutes()))
	}
	return Duration(d)
}
