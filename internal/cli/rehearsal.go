package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

const (
	rehearsalTakes = 4 * time.Second  // of real time, about, and
	eachWave       = time.Second / 2  // more: a machine that is late by milliseconds is late by seconds on the rehearsal's clock
	fastest        = 3000             // times real time
	usualPipeline  = 10 * time.Minute // where no run is known
	usualHold      = 10 * time.Minute // until somebody approves
	mostAttempts   = 9                // of one component in a rehearsal
)

// rehearsal is a release that only the simulator and the memory see.
type rehearsal struct {
	env     *environment
	options releaseOptions
	fails   map[string]int           // by component, how many of its pipelines fail
	holds   map[string]time.Duration // by component, how long it waits for an approval

	dry    dryRun
	looked *engine.Release // prepared on a slow clock, to see what there is
	events []run.Event     // of the real journal, and what was added
	known  report.Expectation
	clock  engine.Clock
	speed  float64 // 1 is real time
	// assumed: nothing is known of how long a component takes.
	assumed bool
}

// rehearse looks at the release, then walks through it, session after session until nothing is left or a person is needed.
func (h *rehearsal) rehearse(ctx context.Context, ws workspace) (report.Rehearsal, error) {
	h.dry = dryRun{env: h.env, ws: ws, out: &dryPrinter{w: io.Discard, path: ws.Path}}
	if err := h.dry.openRepository(ctx); err != nil {
		return report.Rehearsal{}, err
	}
	ws.Branch = h.dry.ws.Branch
	if err := h.look(ctx); err != nil {
		return report.Rehearsal{}, err
	}
	h.env.warn(h.looked.Plan.Warnings)
	if err := h.whatIfs(); err != nil {
		return report.Rehearsal{}, err
	}
	h.learn(ctx)
	forecast, _ := h.known.Forecast(h.looked.Plan, h.looked.State().Step, time.Now()) // something is known, if only the default
	takes := rehearsalTakes + time.Duration(len(h.looked.Plan.Waves))*eachWave
	h.speed = min(max(float64(forecast.Likely+h.held())/float64(takes), 1), fastest)
	h.clock = engine.FastClock(h.speed)
	told := report.Rehearsal{
		Product: h.looked.Plan.Product, Version: h.looked.Plan.Version, MaxParallel: h.known.Parallel,
		Began: h.clock.Now(), WhatIf: len(h.fails)+len(h.holds) > 0,
	}
	told.Tell(forecast)
	err := h.walk(ctx, &told)
	return told, err
}

// held is how long the approvals are waited for, one after the other.
func (h *rehearsal) held() time.Duration {
	var all time.Duration
	for _, d := range h.holds {
		all += d
	}
	return all
}

// look prepares the release as a dry run does. Like a real one, it can be refused.
func (h *rehearsal) look(ctx context.Context) error {
	s := sim.New(h.scenario())
	defer s.Close()
	h.looked = h.env.newRelease(h.dry.ws, h.options, client(s), h.dry.repo)
	h.looked.Simulated = true
	h.looked.Open = func(header run.Header) (_ engine.Journal, _ []run.Event, err error) {
		_, h.events, err = h.dry.openJournal(ctx, header)
		return &journal.Memory{}, h.events, err
	}
	return h.looked.Prepare(ctx)
}

func client(s *sim.Sim) *circleci.Client {
	return circleci.New(circleci.Options{Host: sim.URL, Token: "none", HTTP: &http.Client{Transport: s.Transport()}})
}

// walk runs the release, again and again as long as what was asked to fail keeps it from being finished.
func (h *rehearsal) walk(ctx context.Context, told *report.Rehearsal) error {
	s := sim.New(h.scenario())
	defer s.Close()
	r := h.looked
	r.CI, r.Clock, r.Earlier = client(s), h.clock, h.known.Took
	source := func(component string) string { _, from := h.takes(component); return from }
	for {
		began, kept := h.clock.Now(), &journal.Memory{}
		r.Open = func(run.Header) (engine.Journal, []run.Event, error) { return kept, slices.Clone(h.events), nil }
		if err := r.Prepare(ctx); err != nil {
			return err
		}
		err := r.Run(ctx, nil)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h.events = append(h.events, kept.Events()...)
		told.Sessions = append(told.Sessions, report.NewRehearsed(r.Plan, r.State(), began, h.clock.Now(), err, source))
		if fault.KindOf(err) != fault.PipelineFailed || len(told.Sessions) > h.failures() {
			return nil
		}
	}
}

// failures is how many pipelines were asked to fail.
func (h *rehearsal) failures() int {
	all := 0
	for _, n := range h.fails {
		all += n
	}
	return all
}

// whatIfs refuses a component that is not to be released.
func (h *rehearsal) whatIfs() error {
	for _, name := range slices.Sorted(maps.Keys(h.fails)) {
		if err := h.planned("--fail", name); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.holds)) {
		if err := h.planned("--hold", name); err != nil {
			return err
		}
	}
	return nil
}

func (h *rehearsal) planned(flag, component string) error {
	if slices.ContainsFunc(h.looked.Plan.Steps(), func(st plan.Step) bool { return st.Component == component }) {
		return nil
	}
	return fault.New(fault.Usage, "usage", "%s %s: this release has no such component", flag, component).
		Hint("`gio plan` lists those that it has")
}

// learn reads what earlier runs took. Where that is nothing, each takes the default.
func (h *rehearsal) learn(ctx context.Context) {
	h.known = report.Expectation{Took: map[string][]time.Duration{}, Parallel: expected(&h.looked.Execution).Parallel}
	if !h.dry.imagined {
		header := run.Header{Kind: "release", Manifest: h.dry.ws.Path}
		h.known.Took = journal.DurationsGit(ctx, h.dry.repo.Ref(journal.GitRef), header)
	}
	for _, st := range h.looked.Plan.Steps() {
		if len(h.known.Took[st.Component]) > 0 {
			return
		}
	}
	fmt.Fprintf(h.env.Stderr, "no earlier run of these components is known: each pipeline is taken to take %s\n", report.Duration(usualPipeline))
	h.known.Took, h.assumed = map[string][]time.Duration{}, true
	for _, st := range h.looked.Plan.Steps() {
		h.known.Took[st.Component] = []time.Duration{usualPipeline}
	}
}

// takes is how long a component is taken to run, and where that comes from.
func (h *rehearsal) takes(component string) (time.Duration, string) {
	usual := run.Usual(h.known.Took)
	switch n := len(h.known.Took[component]); {
	case h.assumed:
		return usualPipeline, "default"
	case n > 0:
		return usual[component], count(n, "earlier run")
	}
	return report.Average(usual), "average of the others"
}

// scenario is a CircleCI whose pipelines take what they are taken to, on the rehearsal's clock.
func (h *rehearsal) scenario() sim.Scenario {
	s := sim.Scenario{Seed: drySeed, Default: sim.Project{DefaultBranch: h.dry.repo.DefaultBranch(), WorkflowDelay: time.Millisecond}}
	if h.speed == 0 {
		return s
	}
	s.Projects = map[string]sim.Project{}
	for _, w := range h.looked.Plan.Waves {
		for _, unit := range plan.Units(w) {
			project := s.Projects[unit[0].Project]
			project.Runs = append(project.Runs, h.runs(unit)...)
			s.Projects[unit[0].Project] = project
		}
	}
	return s
}

// runs is the fate of the pipelines that these steps share: those that fail, and one that does not.
func (h *rehearsal) runs(unit []plan.Step) []sim.Run {
	var fails int
	var took time.Duration
	var hold *sim.Hold
	for _, st := range unit {
		d, _ := h.takes(st.Component)
		took, fails = max(took, d), max(fails, h.fails[st.Component])
		if wait := h.holds[st.Component]; wait > 0 {
			hold = &sim.Hold{After: h.simulated(d / 2), ApprovedAfter: h.simulated(wait)}
		}
	}
	good := sim.Run{Duration: h.simulated(took), Hold: hold}
	bad := good
	bad.Outcome = sim.Failed
	return append(slices.Repeat([]sim.Run{bad}, fails), good)
}

// simulated is a time span as the simulator, which goes by real time, has to make it.
func (h *rehearsal) simulated(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)/h.speed), time.Millisecond)
}
