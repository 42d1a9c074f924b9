package run

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
)

// Status is the status of a step.
type Status string

// The statuses; the package comment draws how they follow each other.
const (
	Pending      Status = "pending"
	Intended     Status = "intended" // an intent without an outcome: a pipeline may exist
	Running      Status = "running"
	OnHold       Status = "held"
	HasSucceeded Status = "succeeded"
	HasFailed    Status = "failed"
	IsUnknown    Status = "unknown"
	WasSkipped   Status = "skipped"
)

// Step is the state of one component's version.
type Step struct {
	ID      plan.StepID `json:"id"`
	Status  Status      `json:"status"`
	Attempt int         `json:"attempt,omitempty"`

	// The open or last intent.
	Intent  int64    `json:"-"` // sequence number of its event: the steps that share it share a pipeline
	Send    int      `json:"send,omitempty"`
	Posts   int      `json:"-"` // of the attempt: each but the last may have made a pipeline, too
	After   int64    `json:"after,omitempty"`
	Project string   `json:"project,omitempty"`
	Branch  string   `json:"branch,omitempty"`
	Logins  []string `json:"-"` // owners of the tokens that sent it, by which CircleCI attributes a pipeline

	Pipeline  Pipeline  `json:"pipeline,omitzero"`
	Commit    string    `json:"commit,omitempty"`    // the commit of the pipeline, of a success
	Cancel    string    `json:"cancel,omitempty"`    // a second pipeline of this attempt, to be cancelled
	Earlier   []string  `json:"earlier,omitempty"`   // pipeline ids of earlier attempts
	Dropped   int       `json:"-"`                   // that many of Earlier no longer count, because a person decided so
	Workflow  string    `json:"workflow,omitempty"`  // the deciding one
	Job       string    `json:"job,omitempty"`       // the failing one
	Detail    string    `json:"detail,omitempty"`    // CircleCI's status word
	Code      string    `json:"code,omitempty"`      // of a failure, or of what is unknown
	Reason    string    `json:"reason,omitempty"`    // why failed, unknown or skipped; of a success, what must be known of it
	URL       string    `json:"url,omitempty"`       // link to the cause
	Output    []string  `json:"output,omitempty"`    // the last lines that the failing step printed
	Recorded  bool      `json:"recorded,omitempty"`  // the release repository holds the success
	ByHand    bool      `json:"by_hand,omitempty"`   // a person decided it
	StartedAt time.Time `json:"started_at,omitzero"` // when the pipeline was triggered
	EndedAt   time.Time `json:"ended_at,omitzero"`
}

// Open reports whether a pipeline of this step runs or may exist without gio knowing how it ended.
func (s *Step) Open() bool {
	return s.Status == Intended || s.Status == Running || s.Status == OnHold || s.Status == IsUnknown
}

// State is the result of a run's events. The zero value is the state of an empty journal. It is not safe for concurrent use.
type State struct {
	Header Header
	Seq    int64      // of the last event applied
	Time   time.Time  // of the last event applied
	Driver Driver     // the last driver that planned
	Plan   *plan.Plan // of the last session
	Began  time.Time  // when the first session began

	Recording *Record // a push whose outcome is not known yet
	Finished  bool    // the product is recorded as released

	steps  map[plan.StepID]*Step
	order  []plan.StepID
	owners map[string]plan.StepID // by pipeline id
	refs   map[string]string      // pushed refs: name to object

	waveOf map[plan.StepID]int       // index in Plan.Waves
	done   int                       // that many waves of Plan are known to have succeeded; see firstOpenBefore
	frozen map[plan.StepID]plan.Step // each step that a plan by the graph has held, as the newest one of these says
}

// Step returns a copy of the state of a step; one without any event is pending.
func (s *State) Step(id plan.StepID) Step {
	if st, ok := s.steps[id]; ok {
		return *st
	}
	return Step{ID: id, Status: Pending}
}

// Frozen returns a step, with its needs, as the newest plan by the graph that held it says; ok is false where there was none.
func (s *State) Frozen(id plan.StepID) (_ plan.Step, ok bool) {
	st, ok := s.frozen[id]
	return st, ok
}

// Steps lists copies of every step that has an event or is in the newest plan, in the order of their first appearance.
func (s *State) Steps() []Step {
	all := make([]Step, 0, len(s.order))
	for _, id := range s.order {
		all = append(all, *s.steps[id])
	}
	return all
}

// With lists the steps of one status, in the order of Steps.
func (s *State) With(status Status) []Step {
	return slices.DeleteFunc(s.Steps(), func(st Step) bool { return st.Status != status })
}

// ToRecord lists the steps whose success the release repository does not hold yet.
func (s *State) ToRecord() []Step {
	return slices.DeleteFunc(s.With(HasSucceeded), func(st Step) bool { return st.Recorded })
}

// Over reports whether the newest plan is complete: each of its steps has succeeded or, where the plan does not watch it, has
// its pipeline.
func (s *State) Over() bool {
	if s.Plan == nil {
		return false
	}
	for _, planned := range s.Plan.Steps() {
		st := s.Step(planned.ID())
		triggered := !s.Plan.Watches(planned.ID()) && (st.Status == Running || st.Status == OnHold)
		if st.Status != HasSucceeded && !triggered {
			return false
		}
	}
	return true
}

// ProductTag returns the name of the tag that marks the released product.
func (s *State) ProductTag() string {
	if s.Plan == nil {
		return s.Header.Version
	}
	return s.Plan.ProductTag()
}

// Owner returns the step to which a pipeline belongs, in its current or an earlier attempt; of several that share it, one of
// them.
func (s *State) Owner(pipeline string) (plan.StepID, bool) {
	id, ok := s.owners[pipeline]
	return id, ok
}

// Made reports whether this run has pushed that object to ref, or was about to.
func (s *State) Made(ref, object string) bool {
	return object != "" && (s.refs[ref] == object || s.Recording != nil && s.Recording.Refs[ref] == object)
}

// Pushed returns the object that this run has pushed to a ref last, "" for none.
func (s *State) Pushed(ref string) string { return s.refs[ref] }

// Clone copies the state, so that a view may keep it while the run goes on.
func (s *State) Clone() *State {
	c := *s
	c.order, c.owners, c.refs = slices.Clone(s.order), maps.Clone(s.owners), maps.Clone(s.refs)
	c.steps = make(map[plan.StepID]*Step, len(s.steps))
	for id, st := range s.steps {
		copied := *st
		c.steps[id] = &copied
	}
	return &c
}

// Fold returns the state of a whole journal. Its error names the first event that breaks a rule.
func Fold(events []Event) (*State, error) {
	s := &State{}
	for _, e := range events {
		if err := s.Apply(e); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Apply applies one event. It ignores an event that was applied before, so a replay changes nothing. It returns the error of
// Allows for one that must not follow, which changes nothing either.
func (s *State) Apply(e Event) error {
	if e.Seq <= s.Seq {
		return nil
	}
	if err := s.Allows(e); err != nil {
		return fmt.Errorf("event %d (%s): %w", e.Seq, e.Type, err)
	}
	s.Seq, s.Time = e.Seq, e.Time
	s.applyRun(e)
	for _, id := range e.Steps {
		s.applyStep(s.step(id), e)
		s.recordOwner(id, e)
	}
	return nil
}

func (s *State) step(id plan.StepID) *Step {
	if s.steps == nil {
		s.steps = map[plan.StepID]*Step{}
	}
	if _, ok := s.steps[id]; !ok {
		s.steps[id] = &Step{ID: id, Status: Pending}
		s.order = append(s.order, id)
	}
	return s.steps[id]
}

// recordOwner records to which step a pipeline belongs. It forgets s.done after a person's answer, which may re-open an
// earlier wave.
func (s *State) recordOwner(id plan.StepID, e Event) {
	if e.Type == Resolved {
		s.done = 0
	}
	if !e.givesPipeline() {
		return
	}
	for _, pipeline := range []string{e.Pipeline.ID, e.Cancel} {
		if pipeline != "" {
			s.owners = merge(s.owners, map[string]plan.StepID{pipeline: id})
		}
	}
}

func (s *State) applyRun(e Event) {
	switch e.Type {
	case Opened:
		s.Header = *e.Header
	case Raised:
		s.Header.Schema = e.Header.Schema
	case Planned:
		s.applyPlan(e)
	case Recording:
		s.Recording = e.Record
	case Recorded:
		s.Recording = nil
		s.Finished = s.Finished || e.Record.Finished
		s.refs = merge(s.refs, e.Record.Refs)
		for _, id := range e.Record.Steps {
			s.step(id).Recorded = true
		}
	default: // about steps
	}
}

// applyPlan begins a session: skipped steps are pending again. The plan shows that
// release.json has the product as unreleased, still or again.
func (s *State) applyPlan(e Event) {
	if s.Began.IsZero() {
		s.Began = e.Time
	}
	if e.Plan.Branch != "" { // it may have been renamed since the run began
		s.Header.Branch = e.Plan.Branch
	}
	s.Plan, s.waveOf, s.done, s.Finished = e.Plan, map[plan.StepID]int{}, 0, false
	if e.Driver != nil {
		s.Driver = *e.Driver
	}
	frozen := map[plan.StepID]plan.Step{} // a new one: copies of the state share the old one
	maps.Copy(frozen, s.frozen)
	for i, w := range e.Plan.Waves {
		for _, st := range w.Steps {
			id := plan.ID(st.Component, st.Version)
			s.waveOf[id] = i
			s.step(id).Recorded = false // like Finished
			if e.Plan.IsByGraph() {
				frozen[id] = st
			}
		}
	}
	s.frozen = frozen
	for _, st := range s.steps {
		if st.Status == WasSkipped {
			st.Status, st.Reason = Pending, ""
		}
	}
}

// SetOutput sets what the failing job of a step printed last, when that is learnt after the event of the failure.
func (s *State) SetOutput(id plan.StepID, lines []string) { s.step(id).Output = lines }

func (s *State) applyStep(st *Step, e Event) {
	switch e.Type {
	case Intent:
		applyIntent(st, e, s.Driver.Login)
	case Triggered:
		st.Status, st.Pipeline, st.Cancel = Running, *e.Pipeline, e.Cancel
		st.StartedAt, st.URL = e.Time, e.Pipeline.URL
	case Observed:
		st.Status, st.Detail, st.Workflow, st.Reason, st.Code, st.Job = Running, e.Status, e.Workflow, e.Reason, "", e.Job
		st.Output = nil
		st.EndedAt = time.Time{}
		if e.Held {
			st.Status = OnHold
		}
		st.URL = or(e.URL, st.Pipeline.URL)
	case Succeeded:
		end(st, HasSucceeded, e)
	case Failed:
		end(st, HasFailed, e)
	case Unknown:
		st.Status, st.Reason, st.URL, st.Code = IsUnknown, e.Reason, e.URL, or(e.Code, st.Code)
	case Resolved:
		applyAnswer(st, e)
	case Skipped:
		st.Status, st.Reason = WasSkipped, e.Reason
	default: // about the run
	}
}

func applyIntent(st *Step, e Event, login string) {
	if st.Status != Intended { // a new attempt, not another send of the same one
		*st = Step{ID: st.ID, Attempt: st.Attempt + 1, Earlier: st.past(), Dropped: st.Dropped, Intent: e.Seq, After: e.After}
	}
	if login != "" && !slices.Contains(st.Logins, login) {
		st.Logins = append(slices.Clone(st.Logins), login)
	}
	st.Status, st.Send, st.Project, st.Branch = Intended, e.Send, e.Project, e.Branch
	st.Posts++
}

func applyAnswer(st *Step, e Event) {
	st.ByHand, st.Reason = true, ""
	switch e.Status {
	case AnswerPipeline:
		if st.Pipeline.ID != "" && st.Pipeline.ID != e.Pipeline.ID {
			st.Earlier = append(slices.Clone(st.Earlier), st.Pipeline.ID)
		}
		if st.Cancel == e.Pipeline.ID { // it is the one to watch now
			st.Cancel = ""
		}
		if i := slices.Index(st.Earlier, e.Pipeline.ID); i >= 0 { // an earlier attempt's, which a person may choose
			st.Earlier = slices.Delete(slices.Clone(st.Earlier), i, i+1)
			if i < st.Dropped {
				st.Dropped--
			}
		}
		st.Status, st.Pipeline, st.URL, st.StartedAt = Running, *e.Pipeline, e.Pipeline.URL, e.Time
		st.Workflow, st.Job, st.Detail, st.Code, st.Output, st.Commit, st.EndedAt = "", "", "", "", nil, "", time.Time{}
	case AnswerReleased:
		end(st, HasSucceeded, e)
	case AnswerNotTriggered:
		past := st.past()
		*st = Step{ID: st.ID, Status: Pending, Attempt: st.Attempt, Earlier: past, Dropped: len(past)}
	}
}

// past returns the pipelines of all attempts including the current one: none of them may be used again.
func (s *Step) past() []string {
	past := slices.Clone(s.Earlier)
	for _, id := range []string{s.Pipeline.ID, s.Cancel} {
		if id != "" {
			past = append(past, id)
		}
	}
	return past
}

func end(st *Step, status Status, e Event) {
	st.Status, st.EndedAt = status, e.Time
	st.Reason, st.Code, st.Workflow, st.Job, st.Detail = e.Reason, e.Code, e.Workflow, e.Job, e.Status
	st.URL, st.Output, st.Commit = or(e.URL, st.URL), e.Output, e.Commit
}

func merge[V any](to, from map[string]V) map[string]V {
	if to == nil {
		to = make(map[string]V, len(from))
	}
	maps.Copy(to, from)
	return to
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Usual returns the median of each component's durations in earlier runs, without components that have none.
func Usual(took map[string][]time.Duration) map[string]time.Duration {
	usual := map[string]time.Duration{}
	for component, all := range took {
		if len(all) > 0 {
			sorted := slices.Sorted(slices.Values(all))
			usual[component] = (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
		}
	}
	return usual
}

// Wave returns in which wave of the newest plan a step is, from 1, and how many waves there are; 0 when the plan does not
// contain it.
func (s *State) Wave(id plan.StepID) (wave, of int) {
	if i, ok := s.waveOf[id]; ok {
		return i + 1, len(s.Plan.Waves)
	}
	return 0, 0
}
