package rehearse

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

const (
	rehearsalTakes = 4 * time.Second  // real time, about
	eachWave       = time.Second / 2  // real time for each wave: milliseconds of delay are seconds on the rehearsal's clock
	fastest        = 3000             // times real time
	usualPipeline  = 10 * time.Minute // where no run is known
)

// Options say what is rehearsed.
type Options struct {
	Only, Except []string
	Order        plan.Order // "" is gio.yaml's
	MaxParallel  int
	WhatIfs      WhatIfs
	// OnStart is called with the real time that the rehearsal takes. It may be nil.
	OnStart func(takes time.Duration)
}

// Rehearsal is the prediction of a release.
type Rehearsal struct {
	Plan        *plan.Plan
	NothingToDo bool // there is nothing to release and nothing to finish, and so nothing below
	State       *run.State
	Parallel    int       // pipelines of a wave that run at once
	Began       time.Time // all times assume this one
	Forecast    run.Forecast
	ByWaves     run.Forecast // of a plan by the graph: what the same takes by waves
	WhatIf      bool         // something had to go wrong: Forecast is without it
	Started     int          // pipelines that the simulated CircleCI made, in all sessions
	Twice       []string     // pipelines that must not both exist; any is a bug of gio
	Sessions    []Session    // one for each gio release; another follows one that did not finish
}

// Session is one driver's time with the release.
type Session struct {
	Began, Ended time.Time
	State        *run.State // at its end
	Err          error
	Killed       *Killed                       // when gio was killed; nil when it was not
	Source       func(component string) string // where the duration of a component comes from
}

// Rehearse prepares the release, then drives it, session after session, until nothing is left to do or a person is needed. It
// can be refused like a real release.
func Rehearse(ctx context.Context, s operate.Setup, o Options) (Rehearsal, error) {
	h := &rehearsal{options: o, dry: dry{Setup: s, observer: Observer{Push: func(*gitrepo.Repo, []gitrepo.Update) {}}}}
	if err := h.dry.openRepository(ctx); err != nil {
		return Rehearsal{}, err
	}
	if err := h.prepare(ctx); err != nil {
		return Rehearsal{Plan: h.release.Plan, NothingToDo: true, State: h.release.State()}, ignoreNothing(err)
	}
	for _, warning := range h.release.Plan.Warnings {
		if s.Warn != nil {
			s.Warn(warning)
		}
	}
	if err := o.WhatIfs.validate(h.release.Plan); err != nil {
		return Rehearsal{}, err
	}
	if err := h.learn(ctx); err != nil {
		return Rehearsal{}, err
	}
	forecast, _ := h.expected.Forecast(h.release.Plan, h.stepOnResume, time.Now()) // it is known: at least the default is
	takes := rehearsalTakes + time.Duration(len(h.release.Plan.Waves))*eachWave
	h.clock = engine.FastClock(min(max(float64(forecast.Likely+o.WhatIfs.maxWait())/float64(takes), 1), fastest))
	if o.OnStart != nil {
		o.OnStart(takes)
	}
	result := Rehearsal{Plan: h.release.Plan, Parallel: h.expected.Parallel, Began: h.clock.Now(), Forecast: forecast, WhatIf: o.WhatIfs.Any()}
	if h.release.Plan.IsByGraph() {
		result.ByWaves, _ = h.expected.Forecast(h.release.Plan.ByGroups(), h.stepOnResume, time.Now())
	}
	err := h.runSessions(ctx, &result)
	return result, err
}

// ignoreNothing returns nil where there was nothing to do, else err.
func ignoreNothing(err error) error {
	if err == engine.ErrNothing { //nolint:errorlint // Prepare returns it as it is
		return nil
	}
	return err
}

// rehearsal drives a release between the simulator and a journal in memory.
type rehearsal struct {
	options  Options
	dry      dry
	release  *engine.Release // prepared on a slow clock, to see what there is
	events   []run.Event     // of the real journal, and what was added
	expected run.Expectation
	clock    engine.Clock
	// insights says where durations come from that are not those of earlier runs, by component.
	insights map[string]string
	assumed  bool // nothing is known of how long a component takes
}

// stepOnResume returns a step as the next session begins with it: one that failed, was skipped or never began is pending.
func (h *rehearsal) stepOnResume(id plan.StepID) run.Step {
	st := h.release.State().Step(id)
	if st.Status == run.HasSucceeded || st.Status == run.IsUnknown {
		return st
	}
	return run.Step{ID: id, Status: run.Pending}
}

// anyCircleCI makes a scenario without projects.
func (h *rehearsal) anyCircleCI() sim.Scenario {
	return sim.Scenario{Seed: drySeed, Default: sim.Project{DefaultBranch: h.dry.repo.DefaultBranch()}}
}

// prepare prepares the release as a dry run does.
func (h *rehearsal) prepare(ctx context.Context) error {
	s := sim.New(h.anyCircleCI())
	defer s.Close()
	o := operate.ReleaseOptions{Only: h.options.Only, Except: h.options.Except, Order: h.options.Order, MaxParallel: h.options.MaxParallel}
	h.release = operate.NewRelease(h.dry.Setup, operate.Ends{CI: client(s.Transport()), Repo: h.dry.repo}, o)
	h.release.Simulated = true
	h.release.Open = func(header run.Header) (_ engine.Journal, _ []run.Event, err error) {
		if h.events, err = h.dry.initialEvents(ctx, header); err == nil {
			h.events, err = resetFailed(h.events, header)
		}
		return &journal.Memory{}, h.events, err
	}
	return h.release.Prepare(ctx)
}

// resetFailed makes failed steps begin anew: the simulator does not know their pipelines, and the engine would look for them for
// ten minutes.
func resetFailed(events []run.Event, h run.Header) ([]run.Event, error) {
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

// runSessions drives the release, again and again as long as a requested fault keeps it from finishing.
func (h *rehearsal) runSessions(ctx context.Context, result *Rehearsal) error {
	s := sim.New(h.scenario())
	defer s.Close()
	r, k := h.release, newKiller(h.options.WhatIfs.Crashes, h.release.Plan)
	r.CI, r.Clock, r.Earlier = client(killedWire{s.Transport(), k}), h.clock, h.expected.Took
	for range h.options.WhatIfs.maxSessions() {
		session, again, err := h.session(ctx, k)
		if err != nil {
			return err
		}
		result.Sessions = append(result.Sessions, session)
		if !again {
			break
		}
	}
	result.Started, result.Twice = len(s.Pipelines()), s.Duplicates()
	return nil
}

// session drives the release once. Another session follows a failure and a kill.
func (h *rehearsal) session(ctx context.Context, k *killer) (_ Session, again bool, err error) {
	ctx, kill := context.WithCancelCause(ctx)
	defer kill(nil)
	k.begin(kill)
	r, began, kept := h.release, h.clock.Now(), &journal.Memory{}
	r.Open = func(run.Header) (engine.Journal, []run.Event, error) {
		return killedJournal{kept, k}, slices.Clone(h.events), nil
	}
	if err := r.Prepare(ctx); err != nil {
		return Session{}, false, err
	}
	err = r.Run(ctx, nil)
	death := k.killedAt()
	if ctx.Err() != nil && death == nil {
		return Session{}, false, context.Cause(ctx)
	}
	h.events = append(h.events, kept.Events()...)
	state := r.State()
	if death != nil { // what the driver noted after it was killed is lost
		folded, err := run.Fold(h.events)
		if err != nil {
			return Session{}, false, err
		}
		state = folded
	}
	source := func(component string) string { _, from := h.durationOf(component); return from }
	session := Session{Began: began, Ended: h.clock.Now(), State: state, Err: err, Killed: death, Source: source}
	return session, death != nil || fault.KindOf(err) == fault.PipelineFailed, nil
}

// learn reads what earlier runs took, and asks Insights for the others. When neither knows anything, it assumes the default.
func (h *rehearsal) learn(ctx context.Context) error {
	h.expected = run.Expectation{Took: map[string][]time.Duration{}, Parallel: operate.Expected(&h.release.Execution).Parallel}
	if !h.dry.imagined {
		header := run.Header{Kind: run.Release, Manifest: h.dry.Path}
		h.expected.Took = journal.DurationsGit(ctx, h.dry.repo.Ref(journal.GitRef), header)
	}
	unknown := operate.NeverSeen(h.expected.Took, h.release.Plan)
	if len(unknown) > 0 {
		if err := h.askInsights(ctx, unknown); err != nil {
			return err
		}
	}
	if unknown = operate.NeverSeen(h.expected.Took, h.release.Plan); len(unknown) == 0 || len(unknown) < len(h.release.Plan.Steps()) {
		return nil
	}
	h.dry.tell("it is not known how long these components take: each pipeline is assumed to take %s", usualPipeline)
	h.expected.Took, h.assumed = map[string][]time.Duration{}, true
	for _, st := range h.release.Plan.Steps() {
		h.expected.Took[st.Component] = []time.Duration{usualPipeline}
	}
	return nil
}

// askInsights asks CircleCI's Insights. Their failure is reported, but fails nothing: a rehearsal is a guess.
func (h *rehearsal) askInsights(ctx context.Context, unknown []plan.Step) error {
	var mu sync.Mutex
	learned, sources := map[string][]time.Duration{}, map[string]string{}
	err := operate.AskInsights(ctx, h.dry.Setup, unknown, func(component string, i engine.Insight) {
		mu.Lock()
		defer mu.Unlock()
		learned[component], sources[component] = i.Took, insightOf(i)
	})
	maps.Copy(h.expected.Took, learned)
	h.insights = sources
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		h.dry.tell("CircleCI's Insights could not be read: %s", oneLine(err))
	}
	return nil
}

// durationOf returns how long a component is assumed to run, and where that comes from.
func (h *rehearsal) durationOf(component string) (time.Duration, string) {
	usual := run.Usual(h.expected.Took)
	switch n := len(h.expected.Took[component]); {
	case h.assumed:
		return usualPipeline, "default"
	case h.insights[component] != "":
		return usual[component], h.insights[component]
	case n > 0:
		return usual[component], count(n, "run")
	}
	return run.Average(usual), "average"
}

// scenario makes the CircleCI of the rehearsal: it uses the rehearsal's clock and the assumed durations.
func (h *rehearsal) scenario() sim.Scenario {
	s := h.anyCircleCI()
	s.Now = h.clock.Now
	s.Projects, s.Faults = map[string]sim.Project{}, h.options.WhatIfs.simFaults(h.release.Plan)
	for _, w := range h.release.Plan.Waves {
		for _, unit := range plan.Units(w) {
			project := s.Projects[unit[0].Project]
			project.Runs = append(project.Runs, h.simRuns(unit)...)
			s.Projects[unit[0].Project] = project
		}
	}
	return s
}

// simRuns makes the pipelines that these steps share: those that have to fail, and one that succeeds.
func (h *rehearsal) simRuns(unit []plan.Step) []sim.Run {
	var fails int
	var took time.Duration
	var hold *sim.Hold
	for _, st := range unit {
		d, _ := h.durationOf(st.Component)
		took, fails = max(took, d), max(fails, h.options.WhatIfs.Fails[st.Component])
		if wait := h.options.WhatIfs.Holds[st.Component]; wait > 0 {
			hold = &sim.Hold{After: d / 2, ApprovedAfter: wait}
		}
	}
	good := sim.Run{Duration: took, Hold: hold}
	bad := good
	bad.Outcome = sim.Failed
	return append(slices.Repeat([]sim.Run{bad}, fails), good)
}
