package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Expectation is what is known of how long the rest of a run takes.
type Expectation struct {
	Took     map[string][]time.Duration // by component, of earlier runs, in any order; may be nil
	Parallel int                        // pipelines of a wave that run at once; 0 is no limit
}

// Forecast is how long the rest of a run is likely to take: with a chance of 80 % between Low and High, as often
// longer than Likely as shorter. The time that a person takes for an approval is not in it.
type Forecast struct{ Low, Likely, High time.Duration }

// Spread is how far a duration is taken to lie from the usual one, at most, where no component has run twice.
const Spread = 0.2

const (
	mostDraws = 400        // runs that are thrown for one forecast: enough for its minutes
	drawing   = 100_000    // pipelines of all of them, about: more would be felt in a frame
	drawsSeed = 0x67696f00 // the same facts give the same forecast
)

// Forecast throws many runs of what is left of the plan, each pipeline as far from what it usually takes as pipelines were
// in earlier runs. A component that never ran is taken for an average one. It is not ok while nothing is known, or
// while a person is waited for. After a failure only its wave still counts. Step gives where one stands.
func (x Expectation) Forecast(p *plan.Plan, step func(run.StepID) run.Step, now time.Time) (_ Forecast, ok bool) {
	usual := run.Usual(x.Took)
	average := Average(usual)
	if p == nil || average == 0 {
		return Forecast{}, false
	}
	waves, ok := whatIsLeft(p, step, now)
	if !ok {
		return Forecast{}, false
	}
	rnd := rand.New(rand.NewPCG(drawsSeed, drawsSeed)) //nolint:gosec // nothing is kept secret by it
	away := deviations(x.Took)
	left := 0
	for _, w := range waves {
		left += len(w)
	}
	draws := min(max(drawing/max(left, 1), 20), mostDraws)
	thrown := make([]time.Duration, draws)
	for i := range thrown {
		for _, w := range waves {
			thrown[i] += x.waveTakes(w, func(component string) time.Duration {
				took := orElseDuration(usual[component], average)
				return time.Duration(float64(took) * away.draw(rnd, len(x.Took[component])))
			})
		}
	}
	slices.Sort(thrown)
	return Forecast{Low: thrown[draws/10], Likely: thrown[draws/2], High: thrown[draws-draws/10]}, true
}

// pipelineLeft is a pipeline that has not ended.
type pipelineLeft struct {
	component string
	ran       time.Duration // so far
	runs      bool
}

// whatIsLeft are the pipelines that have not ended, by wave, those that run first. It is not ok where a person is waited for.
func whatIsLeft(p *plan.Plan, step func(run.StepID) run.Step, now time.Time) (waves [][]pipelineLeft, ok bool) {
	for _, w := range p.Waves {
		var running, waiting []pipelineLeft
		failed, held := false, false
		for _, unit := range plan.Units(w) {
			st := step(run.StepID(unit[0].ID()))
			left := pipelineLeft{component: unit[0].Component, ran: elapsed(st, now)}
			switch st.Status {
			case run.HasSucceeded, run.WasSkipped:
			case run.HasFailed, run.IsUnknown:
				failed = true
			case run.OnHold:
				held = true
			case run.Running, run.Intended:
				left.runs = true
				running = append(running, left)
			case run.Pending:
				waiting = append(waiting, left)
			}
		}
		waves = append(waves, append(running, waiting...))
		if failed {
			break // and what is on hold is left
		}
		if held {
			return nil, false
		}
	}
	return waves, true
}

// waveTakes is when the last of a wave's pipelines ends, if each takes so long and begins when one of the slots is free.
func (x Expectation) waveTakes(left []pipelineLeft, takes func(component string) time.Duration) time.Duration {
	var last time.Duration
	if x.Parallel == 0 || len(left) <= x.Parallel {
		for _, l := range left {
			last = max(last, takes(l.component)-l.ran)
		}
		return last
	}
	free := make([]time.Duration, x.Parallel)
	for _, l := range left {
		soonest := 0
		for i := range free {
			if free[i] < free[soonest] {
				soonest = i
			}
		}
		free[soonest] += max(takes(l.component)-l.ran, 0)
		last = max(last, free[soonest])
	}
	return last
}

// deviation is how far durations were from what is usual for their component, as factors around 1.
type deviation struct {
	factors []float64
	spread  float64 // standard deviation of the factors
}

// deviations pools those of all components: few of them ran often enough to tell it of themselves.
func deviations(took map[string][]time.Duration) deviation {
	var d deviation
	var squares float64
	for _, all := range took {
		if len(all) < 2 {
			continue
		}
		n, mean := float64(len(all)), float64(sum(all))/float64(len(all))
		if mean == 0 {
			continue
		}
		for _, one := range all {
			// What is measured from their own mean lies nearer to it than to the true one.
			off := (float64(one)/mean - 1) * math.Sqrt(n/(n-1))
			d.factors = append(d.factors, 1+off)
			squares += off * off
		}
	}
	if len(d.factors) == 0 {
		return deviation{factors: []float64{1 - Spread, 1 - Spread/2, 1, 1 + Spread/2, 1 + Spread}, spread: Spread / math.Sqrt2}
	}
	slices.Sort(d.factors) // a map has no order, a forecast has
	d.spread = math.Sqrt(squares / float64(len(d.factors)))
	return d
}

// medianError is how much farther from the true value a median is likely to lie than the mean of as many, for many of them.
const medianError = 1.25

// draw is one factor. What is usual, a median, is itself known the less, the fewer runs say it.
func (d deviation) draw(rnd *rand.Rand, runs int) float64 {
	doubt := d.spread / math.Sqrt(float64(max(runs, 1))) * rnd.NormFloat64()
	if runs > 2 {
		doubt *= medianError
	}
	return max((1+doubt)*d.factors[rnd.IntN(len(d.factors))], 0)
}

func sum(all []time.Duration) time.Duration {
	var s time.Duration
	for _, d := range all {
		s += d
	}
	return s
}

// Average is what a component is taken to take that never ran, by what is usual for the others; 0 for none.
func Average(durations map[string]time.Duration) time.Duration {
	var all time.Duration
	for _, d := range durations {
		all += d
	}
	return all / time.Duration(max(len(durations), 1))
}

func orElseDuration(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

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

// timeLeft says how much longer one pipeline is likely to run: "~3m left", or by how much it is late. It is empty
// where no earlier run is known, and while a person is waited for.
func (x Expectation) timeLeft(st run.Step, now time.Time) string {
	component := st.ID.Component()
	due := run.Usual(map[string][]time.Duration{component: x.Took[component]})[component]
	if due == 0 || st.Status != run.Running || st.StartedAt.IsZero() {
		return ""
	}
	rest := due - elapsed(st, now)
	if rest >= 0 {
		return "~" + rough(rest) + " left"
	}
	return rough(-rest) + " over"
}

// end is when the run is likely to end, with how long that is from now: "ends about 14:32 (in 8m)".
func (x Expectation) end(p *plan.Plan, step func(run.StepID) run.Step, now time.Time) string {
	rest, ok := x.Forecast(p, step, now)
	if !ok || rest.Likely <= 0 {
		return ""
	}
	return "ends about " + now.Add(rest.Likely).Local().Format("15:04") + " (in " + rough(rest.Likely) + ")"
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
