package run

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
)

// Expectation is what gio knows about how long pipelines take.
type Expectation struct {
	Took     map[string][]time.Duration // by component, of earlier runs, in any order; may be nil
	Parallel int                        // largest number of pipelines that run at once; 0 is no limit
}

// Forecast is how long the rest of a run is likely to take: with a chance of 80 % between Low and High, and as often
// longer than Likely as shorter. It does not include the time that a person takes for an approval.
type Forecast struct{ Low, Likely, High time.Duration }

// Spread is the largest assumed deviation of a duration from the usual one, where no component has run twice.
const Spread = 0.2

const (
	mostDraws = 400        // simulated runs for one forecast: enough for a precision of minutes
	maxDrawn  = 100_000    // pipelines of all simulated runs, roughly: more would slow down a frame
	drawsSeed = 0x67696f00 // the same facts give the same forecast
)

// Forecast simulates many runs of the rest of the plan, in which each pipeline deviates from its usual duration as
// pipelines did in earlier runs. A component that never ran counts as an average one. It is not ok without an earlier
// duration, and while a pipeline waits for a person. After a failure only its wave still counts, or by the graph what does not need
// it. Step returns the state of a step.
func (x Expectation) Forecast(p *plan.Plan, step func(plan.StepID) Step, now time.Time) (_ Forecast, ok bool) {
	usual := Usual(x.Took)
	average := Average(usual)
	if p == nil || average == 0 {
		return Forecast{}, false
	}
	usually := func(component string) time.Duration { return cmp.Or(usual[component], average) }
	takes, remaining, ok := x.rest(p, step, now, usually)
	if !ok {
		return Forecast{}, false
	}
	rnd := rand.New(rand.NewPCG(drawsSeed, drawsSeed)) //nolint:gosec // it protects no secret
	deviation := deviations(x.Took)
	draws := min(max(maxDrawn/max(remaining, 1), 20), mostDraws)
	samples := make([]time.Duration, draws)
	for i := range samples {
		samples[i] = takes(func(component string) time.Duration {
			return time.Duration(float64(usually(component)) * deviation.draw(rnd, len(x.Took[component])))
		})
	}
	slices.Sort(samples)
	return Forecast{Low: samples[draws/10], Likely: samples[draws/2], High: samples[draws-draws/10]}, true
}

// rest returns how long the rest of the plan takes when each pipeline takes what it is given, and how many are left.
func (x Expectation) rest(p *plan.Plan, step func(plan.StepID) Step, now time.Time, usually func(string) time.Duration) (takes func(each func(component string) time.Duration) time.Duration, remaining int, ok bool) {
	if p.IsByGraph() {
		nodes, ok := remainingByGraph(p, step, now)
		rankByWay(nodes, usually)
		return func(each func(string) time.Duration) time.Duration { return x.graphTakes(nodes, each) }, len(nodes), ok
	}
	waves, ok := remainingByWave(p, step, now)
	for _, w := range waves {
		remaining += len(w)
	}
	return func(each func(string) time.Duration) (all time.Duration) {
		for _, w := range waves {
			all += x.waveTakes(w, each)
		}
		return all
	}, remaining, ok
}

// remainingPipeline is a pipeline that has not ended.
type remainingPipeline struct {
	component string
	ran       time.Duration // so far
}

// remainingByWave returns the pipelines that have not ended, by wave, the running ones first. It is not ok where a pipeline
// waits for a person.
func remainingByWave(p *plan.Plan, step func(plan.StepID) Step, now time.Time) (waves [][]remainingPipeline, ok bool) {
	for _, w := range p.Waves {
		var running, waiting []remainingPipeline
		failed, held := false, false
		for _, unit := range plan.Units(w) {
			st := step(unit[0].ID())
			one := remainingPipeline{component: unit[0].Component, ran: st.Elapsed(now)}
			switch st.Status {
			case HasSucceeded, WasSkipped:
			case HasFailed, IsUnknown:
				failed = true
			case OnHold:
				held = true
			case Running, Intended:
				running = append(running, one)
			case Pending:
				waiting = append(waiting, one)
			}
		}
		waves = append(waves, append(running, waiting...))
		if failed {
			break // do not wait for those on hold
		}
		if held {
			return nil, false
		}
	}
	return waves, true
}

// waveTakes returns when the last of a wave's pipelines ends, if each takes the given time and begins when a slot is free.
func (x Expectation) waveTakes(pipelines []remainingPipeline, takes func(component string) time.Duration) time.Duration {
	var last time.Duration
	if x.Parallel == 0 || len(pipelines) <= x.Parallel {
		for _, l := range pipelines {
			last = max(last, takes(l.component)-l.ran)
		}
		return last
	}
	free := make([]time.Duration, x.Parallel)
	for _, l := range pipelines {
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

// deviation is how far durations were from the usual ones of their components, as factors around 1.
type deviation struct {
	factors []float64
	spread  float64 // standard deviation of the factors
}

// deviations pools those of all components, because few components ran often enough to have a distribution of their own.
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
			// Samples lie nearer to their own mean than to the true one: correct for that.
			off := (float64(one)/mean - 1) * math.Sqrt(n/(n-1))
			d.factors = append(d.factors, 1+off)
			squares += off * off
		}
	}
	if len(d.factors) == 0 {
		return deviation{factors: []float64{1 - Spread, 1 - Spread/2, 1, 1 + Spread/2, 1 + Spread}, spread: Spread / math.Sqrt2}
	}
	slices.Sort(d.factors) // the order of a map is random, and the forecast must not be
	d.spread = math.Sqrt(squares / float64(len(d.factors)))
	return d
}

// medianError is the ratio of the standard errors of a median and of a mean of as many samples, for many samples.
const medianError = 1.25

// draw returns one random factor. The usual duration, a median, is the less certain itself the fewer runs it is made of.
func (d deviation) draw(rnd *rand.Rand, runs int) float64 {
	bias := d.spread / math.Sqrt(float64(max(runs, 1))) * rnd.NormFloat64()
	if runs > 2 {
		bias *= medianError
	}
	return max((1+bias)*d.factors[rnd.IntN(len(d.factors))], 0)
}

func sum(all []time.Duration) time.Duration {
	var s time.Duration
	for _, d := range all {
		s += d
	}
	return s
}

// Average returns the assumed duration of a component that never ran, by the usual ones of the others; 0 for none.
func Average(durations map[string]time.Duration) time.Duration {
	var all time.Duration
	for _, d := range durations {
		all += d
	}
	return all / time.Duration(max(len(durations), 1))
}
