package report

import (
	"fmt"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// timeLeft says how much longer a pipeline is likely to run, "~3m left", or how much longer than usual it has run, "2m over".
// It is empty without an earlier run to compare with, and while the pipeline waits for a person.
func timeLeft(x run.Expectation, st run.Step, now time.Time) string {
	component := st.ID.Component()
	due := run.Usual(map[string][]time.Duration{component: x.Took[component]})[component]
	if due == 0 || st.Status != run.Running || st.StartedAt.IsZero() {
		return ""
	}
	rest := due - st.Elapsed(now)
	if rest >= 0 {
		return "~" + rough(rest) + " left"
	}
	return rough(-rest) + " over"
}

// endsAbout says when the run is likely to end: "ends about 14:32 (in 8m)".
func endsAbout(x run.Expectation, p *plan.Plan, step func(plan.StepID) run.Step, now time.Time) string {
	rest, ok := x.Forecast(p, step, now)
	if !ok || rest.Likely <= 0 {
		return ""
	}
	return "ends about " + now.Add(rest.Likely).Local().Format("15:04") + " (in " + rough(rest.Likely) + ")"
}

// rough formats a time span with no more precision than an estimate deserves: "40s", "3m", "1h05m".
func rough(d time.Duration) string {
	switch {
	case d < time.Minute:
		return Duration(d)
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Round(time.Minute).Minutes()))
	}
	return Duration(d)
}
