package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Story is the report of a whole run, for people who did not follow it. Its field names are a contract.
type Story struct {
	Run       string       `json:"run"`
	Kind      run.Kind     `json:"kind"`
	Product   string       `json:"product"`
	Version   string       `json:"version"`
	Branch    string       `json:"branch"`
	Manifest  string       `json:"manifest"`
	Order     plan.Order   `json:"order,omitempty"` // graph: Waves are its levels
	Standing  run.Standing `json:"standing"`
	Began     time.Time    `json:"began"`
	LastEvent time.Time    `json:"last_event"`
	Sessions  []Session    `json:"sessions"`
	Waves     []StoryWave  `json:"waves"`
	Critical  int64        `json:"critical_seconds"` // of the steps of the critical path together
	Materials []Material   `json:"materials"`
	Commit    string       `json:"commit,omitempty"` // of the release repository, with the newest record
	Driven    bool         `json:"driven"`           // it has a driver: how it ends is open
	Next      []string     `json:"next,omitempty"`   // what to do and what to type
	Note      string       `json:"note,omitempty"`   // why something is missing
}

// Session is one driver's time with the run.
type Session struct {
	Login string    `json:"login,omitempty"`
	Job   string    `json:"job,omitempty"` // link of the CircleCI job that gio ran in
	Gio   string    `json:"gio,omitempty"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"` // time of its last event; now while it drives
	Code  string    `json:"code,omitempty"`
	End   string    `json:"end"` // how it ended, a sentence
}

// StoryWave is the components of one group of buildDependencies, or of one level of the graph. It merges the plans of all sessions,
// because a later plan lacks what was done before.
type StoryWave struct {
	Number int         `json:"number"` // from 1; 0 holds steps that no plan contains
	Group  int         `json:"group"`  // its index in buildDependencies, from 1; 0 of a level
	Steps  []StoryStep `json:"steps"`
}

// StoryStep is one step. Critical marks the last step of its wave to end, for which the next wave waited; by the graph the last of all,
// and of those that a critical one needs.
type StoryStep struct {
	Step
	Needs    []plan.StepID `json:"needs,omitempty"` // by the graph
	Seconds  int64         `json:"seconds"`         // of the last attempt, holds counted
	Critical bool          `json:"critical,omitempty"`
	Spans    []Span        `json:"spans"`
}

// Span is a time in which a pipeline of a step ran, or waited for an approval (Held). Failed: it ended in failure.
type Span struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"` // of an open span: the newest event's time, or now while somebody drives
	Held   bool      `json:"held,omitempty"`
	Failed bool      `json:"failed,omitempty"`
	Open   bool      `json:"open,omitempty"`
}

// StoryOptions hold what the journal does not.
type StoryOptions struct {
	Lease   run.Lease
	Now     time.Time               // by the reporter's clock
	Command string                  // that drives the run, as a sentence quotes it
	Output  func(run.Step) []string // returns the last lines of a step's failing job, which no journal keeps; may be nil
}

// NewStory reads the journal of a run; its error is run.Fold's.
func NewStory(events []run.Event, o StoryOptions) (*Story, error) {
	t := &tracer{state: &run.State{}, group: map[plan.StepID]int{}, spans: map[plan.StepID][]Span{}, repository: map[string]string{}}
	for _, e := range events {
		if err := t.add(e); err != nil {
			return nil, err
		}
	}
	state, h, driven := t.state, t.state.Header, o.Lease.Live(o.Now)
	s := &Story{
		Run: h.Run(), Kind: h.Kind, Product: h.Product, Version: h.Version, Branch: h.Branch, Manifest: h.Manifest,
		Began: state.Began, LastEvent: state.Time, Sessions: t.sessions, Commit: t.commit,
		Driven: driven, Standing: state.Standing(driven),
	}
	end := state.Time
	if driven {
		end = o.Now
	}
	if !driven && s.Standing != run.StandingReleased && s.Standing != run.StandingPassed {
		for _, r := range next(state, o.Command, true) {
			s.Next = append(s.Next, strings.TrimPrefix(r.render(0, false), "next: "))
		}
	}
	if n := len(t.sessions); n > 0 && driven {
		t.sessions[n-1].Ended = o.Now
	}
	t.endSession(s.Standing)
	s.Waves = t.waves(end, o.Output)
	if t.graph {
		s.Order, s.Critical = plan.ByGraph, s.markPath()
	} else {
		for i := range s.Waves {
			s.Critical += markCritical(s.Waves[i].Steps)
		}
	}
	s.Materials = t.materials()
	return s, nil
}

// endSession sets how the newest session ended, where its own events do not say so.
func (t *tracer) endSession(s run.Standing) {
	n := len(t.sessions)
	if n == 0 || t.sessions[n-1].End != "" {
		return
	}
	end := "was not heard from again"
	switch s {
	case run.StandingReleased, run.StandingPassed:
		end = string(s)
	case run.StandingDriven:
		end = "still drives"
	case run.StandingPartial:
		end = "released in part"
	case run.StandingUnknown, run.StandingFailed, run.StandingStopped, run.StandingDamaged:
	}
	t.sessions[n-1].End = end
}

// tracer follows a run event by event.
type tracer struct {
	state      *run.State
	sessions   []Session
	graph      bool                // the plans are by the graph
	group      map[plan.StepID]int // of the newest plan that holds a step; by the graph its level in the first one
	spans      map[plan.StepID][]Span
	repository map[string]string // by component
	commit     string
}

func (t *tracer) add(e run.Event) error {
	if e.Type == run.Planned {
		t.endSession(t.state.Standing(false))
	}
	if err := t.state.Apply(e); err != nil {
		return err
	}
	switch e.Type {
	case run.Planned:
		t.plan(e)
	case run.Stopped:
		if n := len(t.sessions); n > 0 {
			t.sessions[n-1].Code, t.sessions[n-1].End = e.Code, e.Reason
		}
	case run.Recorded:
		t.commit = cmp.Or(e.Record.Commit, t.commit)
	default: // about steps
	}
	if n := len(t.sessions); n > 0 && e.Type != run.Resolved { // a person's answer comes between two sessions
		t.sessions[n-1].Ended = e.Time
	}
	for _, id := range e.Steps {
		t.follow(t.state.Step(id), e.Time)
	}
	return nil
}

func (t *tracer) plan(e run.Event) {
	s := Session{Began: e.Time, Ended: e.Time}
	if e.Driver != nil {
		s.Login, s.Job, s.Gio = e.Driver.Login, e.Driver.Job, e.Driver.Gio
	}
	t.sessions = append(t.sessions, s)
	t.graph = e.Plan.IsByGraph()
	for i, w := range e.Plan.Waves {
		for _, st := range w.Steps {
			switch {
			case !t.graph:
				t.group[st.ID()] = w.Group
			case t.group[st.ID()] == 0: // a later plan lacks what was done before, and so has fewer levels
				t.group[st.ID()] = i + 1
			}
			t.repository[st.Component] = st.Repository
		}
	}
}

// follow opens and closes the spans of a step as its status changes.
func (t *tracer) follow(st run.Step, at time.Time) {
	spans := t.spans[st.ID]
	last := len(spans) - 1
	open := last >= 0 && spans[last].Open
	runs, held := st.Status == run.Running || st.Status == run.OnHold, st.Status == run.OnHold
	if open && runs && spans[last].Held == held {
		return
	}
	if open {
		spans[last].To, spans[last].Open, spans[last].Failed = at, false, st.Status == run.HasFailed
	}
	if runs {
		spans = append(spans, Span{From: at, Held: held, Open: true})
	}
	t.spans[st.ID] = spans
}

func (t *tracer) waves(end time.Time, output func(run.Step) []string) []StoryWave {
	byGroup := map[int][]StoryStep{}
	for _, st := range t.state.Steps() {
		if st.Status == run.HasFailed && output != nil {
			st.Output = output(st)
		}
		spans := slices.Clone(t.spans[st.ID])
		if n := len(spans); n > 0 && spans[n-1].Open {
			spans[n-1].To = end
		}
		g := t.group[st.ID]
		one := StoryStep{
			Step:    Step{Component: st.ID.Component(), Version: st.ID.Version(), Step: st, WaitsFor: waitsOf(t.state, st)},
			Seconds: int64(st.Elapsed(end).Round(time.Second).Seconds()), Spans: spans,
		}
		frozen, _ := t.state.Frozen(st.ID)
		for _, n := range frozen.Needs {
			one.Needs = append(one.Needs, n.Step)
		}
		byGroup[g] = append(byGroup[g], one)
	}
	var waves []StoryWave
	number := 0
	for _, g := range slices.Sorted(maps.Keys(byGroup)) {
		if g > 0 {
			number++
		}
		w := StoryWave{Group: g, Steps: byGroup[g]}
		if t.graph {
			w.Group = 0
		}
		if g > 0 {
			w.Number = number
		}
		for i := range w.Steps {
			w.Steps[i].Wave = w.Number
		}
		waves = append(waves, w)
	}
	return waves
}

// markCritical marks the step that ended last, and returns how many seconds it took.
func markCritical(steps []StoryStep) int64 {
	var all []*StoryStep
	for i := range steps {
		all = append(all, &steps[i])
	}
	last := lastToEnd(all)
	if last == nil {
		return 0
	}
	last.Critical = true
	return last.Seconds
}

// lastToEnd is the one that ended last, nil where none has run.
func lastToEnd(steps []*StoryStep) (last *StoryStep) {
	end := func(s *StoryStep) time.Time {
		if len(s.Spans) == 0 {
			return time.Time{}
		}
		return s.Spans[len(s.Spans)-1].To
	}
	for _, s := range steps {
		if !end(s).IsZero() && (last == nil || end(s).After(end(last))) {
			last = s
		}
	}
	return last
}

// markPath marks the step that ended last, the last to end of those that it needs, and so on back, and returns how many seconds they took.
// What shares a pipeline with a step is needed as by itself.
func (s *Story) markPath() (seconds int64) {
	var all []*StoryStep
	byID, beside := map[plan.StepID]*StoryStep{}, map[string][]*StoryStep{}
	for _, w := range s.Waves {
		for i := range w.Steps {
			one := &w.Steps[i]
			all, byID[one.ID] = append(all, one), one
			beside[one.Pipeline.ID] = append(beside[one.Pipeline.ID], one)
		}
	}
	for at := lastToEnd(all); at != nil && !at.Critical; {
		at.Critical = true
		seconds += at.Seconds
		var needed []*StoryStep
		for _, one := range beside[at.Pipeline.ID] {
			for _, id := range one.Needs {
				if n := byID[id]; n != nil {
					needed = append(needed, n)
				}
			}
		}
		at = lastToEnd(needed)
	}
	return seconds
}

// materials lists the components of the product, as far as the newest plan names them: first those that this run releases
// or stages, then the others. The pipelines of a trigger make no product.
func (t *tracer) materials() []Material {
	now, before, open := []Material{}, []Material{}, "-SNAPSHOT"
	switch t.state.Header.Kind {
	case run.Staging:
		open = "" // staging works on released versions
	case run.Trigger:
		return now
	case run.Release, run.DryRun:
	}
	for _, st := range t.state.Steps() {
		if st.Status == run.HasSucceeded {
			now = append(now, Material{
				Name: st.ID.Component(), Version: st.ID.Version(), Now: true, Repository: t.repository[st.ID.Component()],
				Commit: st.Commit, Pipeline: st.Pipeline.URL,
			})
		}
	}
	if t.state.Plan == nil {
		return now
	}
	var others []plan.Excluded
	for _, st := range t.state.Plan.Steps() {
		others = append(others, plan.Excluded{Component: st.Component, Version: st.Version + open})
	}
	others = append(others, t.state.Plan.Excluded...)
	for _, l := range others {
		if t.state.Step(plan.ID(l.Component, strings.TrimSuffix(l.Version, "-SNAPSHOT"))).Status != run.HasSucceeded {
			before = append(before, Material{Name: l.Component, Version: l.Version})
		}
	}
	return append(now, before...)
}
