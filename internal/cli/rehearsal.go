package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
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
	insightsAtOnce = 25               // components that CircleCI is asked about
	usualPipeline  = 10 * time.Minute // where no run is known
)

// rehearsal is a release that only the simulator and the memory see.
type rehearsal struct {
	env     *environment
	options releaseOptions
	asked   whatIfs

	dry    dryRun
	looked *engine.Release // prepared on a slow clock, to see what there is
	events []run.Event     // of the real journal, and what was added
	known  report.Expectation
	clock  engine.Clock
	// insights says of components where their durations come from, if not from earlier runs.
	insights map[string]string
	assumed  bool // nothing is known of how long a component takes
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
	if err := h.asked.check(h.looked.Plan); err != nil {
		return report.Rehearsal{}, err
	}
	if err := h.learn(ctx, ws); err != nil {
		return report.Rehearsal{}, err
	}
	forecast, _ := h.known.Forecast(h.looked.Plan, h.anew, time.Now()) // something is known, if only the default
	takes := rehearsalTakes + time.Duration(len(h.looked.Plan.Waves))*eachWave
	h.clock = engine.FastClock(min(max(float64(forecast.Likely+h.asked.waits())/float64(takes), 1), fastest))
	told := report.Rehearsal{
		Product: h.looked.Plan.Product, Version: h.looked.Plan.Version, MaxParallel: h.known.Parallel,
		Began: h.clock.Now(), WhatIf: h.asked.any(),
	}
	told.Tell(forecast)
	if h.env.errTerminal {
		fmt.Fprintf(h.env.Stderr, "rehearsing, which takes about %s\n", takes.Round(time.Second))
	}
	err := h.walk(ctx, &told)
	return told, err
}

// anew is where a step stands once the release goes on: what failed, was skipped or was left is to be started.
func (h *rehearsal) anew(id run.StepID) run.Step {
	st := h.looked.State().Step(id)
	if st.Status == run.HasSucceeded || st.Status == run.IsUnknown {
		return st
	}
	return run.Step{ID: id, Status: run.Pending}
}

// anyCircleCI is one of which nothing special is known.
func (h *rehearsal) anyCircleCI() sim.Scenario {
	return sim.Scenario{Seed: drySeed, Default: sim.Project{DefaultBranch: h.dry.repo.DefaultBranch()}}
}

// look prepares the release as a dry run does. Like a real one, it can be refused.
func (h *rehearsal) look(ctx context.Context) error {
	s := sim.New(h.anyCircleCI())
	defer s.Close()
	h.looked = h.env.newRelease(h.dry.ws, h.options, client(s.Transport()), h.dry.repo)
	h.looked.Simulated = true
	h.looked.Open = func(header run.Header) (_ engine.Journal, _ []run.Event, err error) {
		if _, h.events, err = h.dry.openJournal(ctx, header); err == nil {
			h.events, err = freed(h.events, header)
		}
		return &journal.Memory{}, h.events, err
	}
	return h.looked.Prepare(ctx)
}

// freed lets what has failed begin anew: the simulator does not know its pipeline, and would be asked for it for ten minutes.
func freed(events []run.Event, h run.Header) ([]run.Event, error) {
	state, err := run.Fold(events)
	if err != nil {
		return nil, err
	}
	failed := state.With(run.HasFailed)
	if len(failed) == 0 {
		return events, nil
	}
	e := run.Event{Type: run.Resolved, Status: run.AnswerNotTriggered, Run: h.Run(), Seq: state.Seq + 1, Time: time.Now().UTC()}
	for _, st := range failed {
		e.Steps = append(e.Steps, st.ID)
	}
	return append(events, e), nil
}

func client(wire http.RoundTripper) *circleci.Client {
	return circleci.New(circleci.Options{Host: sim.URL, Token: "none", HTTP: &http.Client{Transport: wire}})
}

// walk runs the release, again and again as long as what was asked to go wrong keeps it from being finished.
func (h *rehearsal) walk(ctx context.Context, told *report.Rehearsal) error {
	s := sim.New(h.scenario())
	defer s.Close()
	r, m := h.looked, newMortal(h.asked.crashes, h.looked.Plan)
	r.CI, r.Clock, r.Earlier = client(mortalWire{s.Transport(), m}), h.clock, h.known.Took
	for range h.asked.sessions() {
		session, again, err := h.session(ctx, m)
		if err != nil {
			return err
		}
		told.Sessions = append(told.Sessions, session)
		if !again {
			break
		}
	}
	told.Started, told.Twice = len(s.Pipelines()), append([]string{}, s.Duplicates()...) // never null
	return nil
}

// session is one driver's time with the release. Another one follows a failure and a death.
func (h *rehearsal) session(ctx context.Context, m *mortal) (_ report.Rehearsed, again bool, err error) {
	ctx, kill := context.WithCancelCause(ctx)
	defer kill(nil)
	m.next(kill)
	r, began, kept := h.looked, h.clock.Now(), &journal.Memory{}
	r.Open = func(run.Header) (engine.Journal, []run.Event, error) {
		return mortalJournal{kept, m}, slices.Clone(h.events), nil
	}
	if err := r.Prepare(ctx); err != nil {
		return report.Rehearsed{}, false, err
	}
	err = r.Run(ctx, nil)
	death := m.death()
	if ctx.Err() != nil && death == nil {
		return report.Rehearsed{}, false, context.Cause(ctx)
	}
	h.events = append(h.events, kept.Events()...)
	source := func(component string) string { _, from := h.takes(component); return from }
	state := r.State()
	if death != nil { // what the dead one noted after its death is nowhere
		folded, err := run.Fold(h.events)
		if err != nil {
			return report.Rehearsed{}, false, err
		}
		state = folded
	}
	session := report.NewRehearsed(r.Plan, state, began, h.clock.Now(), err, source)
	if death != nil {
		session.Die(*death)
	}
	return session, death != nil || fault.KindOf(err) == fault.PipelineFailed, nil
}

// learn reads what earlier runs took, and what Insights know of the others. Where that is nothing, each takes the default.
func (h *rehearsal) learn(ctx context.Context, ws workspace) error {
	h.known = report.Expectation{Took: map[string][]time.Duration{}, Parallel: expected(&h.looked.Execution).Parallel}
	if !h.dry.imagined {
		header := run.Header{Kind: "release", Manifest: h.dry.ws.Path}
		h.known.Took = journal.DurationsGit(ctx, h.dry.repo.Ref(journal.GitRef), header)
	}
	unknown := unknownTo(h.known.Took, h.looked.Plan)
	if len(unknown) > 0 {
		if err := h.askInsights(ctx, ws, unknown); err != nil {
			return err
		}
	}
	if unknown = unknownTo(h.known.Took, h.looked.Plan); len(unknown) == 0 || len(unknown) < len(h.looked.Plan.Steps()) {
		return nil
	}
	fmt.Fprintf(h.env.Stderr, "nothing is known of how long these components take: each pipeline is taken to take %s\n", report.Duration(usualPipeline))
	h.known.Took, h.assumed = map[string][]time.Duration{}, true
	for _, st := range h.looked.Plan.Steps() {
		h.known.Took[st.Component] = []time.Duration{usualPipeline}
	}
	return nil
}

// askInsights asks CircleCI's Insights. What they do not say is said, and no failure: a rehearsal is a guess.
func (h *rehearsal) askInsights(ctx context.Context, ws workspace, unknown []plan.Step) error {
	a := &asker{env: h.env, ws: ws}
	err := a.connect()
	if err == nil {
		err = a.noToken
	}
	if err == nil {
		soon, cancel := context.WithTimeout(ctx, dryProbe)
		defer cancel()
		_, err = a.check.CI.Me(soon)
	}
	var mu sync.Mutex
	h.insights = map[string]string{}
	if err == nil {
		err = askInsights(ctx, a.check.CI, unknown, insightsAtOnce, func(component string, i engine.Insight) {
			mu.Lock()
			defer mu.Unlock()
			h.known.Took[component], h.insights[component] = i.Took, insightOf(i)
		})
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		fmt.Fprintf(h.env.Stderr, "CircleCI's Insights were not read: %s\n", oneLine(err))
	}
	return nil
}

// takes is how long a component is taken to run, and where that comes from.
func (h *rehearsal) takes(component string) (time.Duration, string) {
	usual := run.Usual(h.known.Took)
	switch n := len(h.known.Took[component]); {
	case h.assumed:
		return usualPipeline, "default"
	case h.insights[component] != "":
		return usual[component], h.insights[component]
	case n > 0:
		return usual[component], count(n, "run")
	}
	return report.Average(usual), "average"
}

// scenario is a CircleCI that goes by the rehearsal's clock, and whose pipelines take what they are taken to.
func (h *rehearsal) scenario() sim.Scenario {
	s := h.anyCircleCI()
	s.Now = h.clock.Now
	s.Projects, s.Faults = map[string]sim.Project{}, h.asked.onTheWire(h.looked.Plan)
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
		took, fails = max(took, d), max(fails, h.asked.fails[st.Component])
		if wait := h.asked.holds[st.Component]; wait > 0 {
			hold = &sim.Hold{After: d / 2, ApprovedAfter: wait}
		}
	}
	good := sim.Run{Duration: took, Hold: hold}
	bad := good
	bad.Outcome = sim.Failed
	return append(slices.Repeat([]sim.Run{bad}, fails), good)
}
