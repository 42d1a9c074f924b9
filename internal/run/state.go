package run

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
)

// Status is where a step stands.
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
	ID      StepID `json:"id"`
	Status  Status `json:"status"`
	Attempt int    `json:"attempt,omitempty"`

	// The open or last intent.
	Send    int       `json:"send,omitempty"`
	After   int64     `json:"after,omitempty"`
	Project string    `json:"project,omitempty"`
	Branch  string    `json:"branch,omitempty"`
	Logins  []string  `json:"-"`                // whose tokens sent it: CircleCI says whose a pipeline is
	From    time.Time `json:"from,omitzero"`    // of the first send, CircleCI's clock
	SentAt  time.Time `json:"sent_at,omitzero"` // of the newest send, CircleCI's clock
	// Until is when the driver that wrote the intent was gone at the latest (CircleCI's clock); zero
	// while it drives. A pipeline received later is not its doing.
	Until time.Time `json:"until,omitzero"`

	Pipeline  Pipeline  `json:"pipeline,omitzero"`
	Commit    string    `json:"commit,omitempty"`    // what the pipeline was started on; of one that succeeded
	Cancel    string    `json:"cancel,omitempty"`    // a second pipeline of this attempt, to be cancelled
	Earlier   []string  `json:"earlier,omitempty"`   // pipeline ids of earlier attempts
	Dropped   int       `json:"-"`                   // so many of Earlier are none of its business: a person said so
	Workflow  string    `json:"workflow,omitempty"`  // the deciding one
	Job       string    `json:"job,omitempty"`       // the failing one
	Detail    string    `json:"detail,omitempty"`    // CircleCI's status word
	Code      string    `json:"code,omitempty"`      // of a failure
	Reason    string    `json:"reason,omitempty"`    // why failed, unknown or skipped
	URL       string    `json:"url,omitempty"`       // where to look
	Output    []string  `json:"output,omitempty"`    // the last lines that the failing job printed
	Recorded  bool      `json:"recorded,omitempty"`  // the release repository holds the success
	ByHand    bool      `json:"by_hand,omitempty"`   // a person said so
	StartedAt time.Time `json:"started_at,omitzero"` // when the pipeline was triggered
	EndedAt   time.Time `json:"ended_at,omitzero"`
}

// Open tells whether a pipeline of this step runs or may exist without gio knowing how it ended.
func (s *Step) Open() bool {
	return s.Status == Intended || s.Status == Running || s.Status == OnHold || s.Status == IsUnknown
}

// State is what the events of a run add up to. The zero value is the state of an empty journal.
type State struct {
	Header Header
	Seq    int64      // of the last event applied
	Time   time.Time  // of the last event applied
	Driver Driver     // the last one that planned
	Plan   *plan.Plan // of the last session
	Began  time.Time  // when the first session began

	Recording *Record // a push whose outcome is not known yet
	Finished  bool    // the product is recorded as released

	steps  map[StepID]*Step
	order  []StepID
	owners map[string]StepID // by pipeline id
	refs   map[string]string // what was pushed: ref to object

	waveOf map[StepID]int // index in Plan.Waves
	done   int            // so many waves of Plan are known to have succeeded; see behind
}

// Step gives the state of a step; one without any event is pending. The result is a copy.
func (s *State) Step(id StepID) Step {
	if st, ok := s.steps[id]; ok {
		return *st
	}
	return Step{ID: id, Status: Pending}
}

// Steps lists every step that has an event or stands in the newest plan, in the order of their first
// appearance. The result is a copy.
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

// Over tells that nothing of the newest plan is left to be done: each of its steps has succeeded or, where the plan watches
// nothing, has its pipeline.
func (s *State) Over() bool {
	if s.Plan == nil {
		return false
	}
	for _, planned := range s.Plan.Steps() {
		st := s.Step(StepID(planned.ID()))
		triggered := !s.Plan.Watches(planned.ID()) && (st.Status == Running || st.Status == OnHold)
		if st.Status != HasSucceeded && !triggered {
			return false
		}
	}
	return true
}

// Owner is the step that a pipeline belongs to, in its current or an earlier attempt; of several that
// share it, one of them.
func (s *State) Owner(pipeline string) (StepID, bool) {
	id, ok := s.owners[pipeline]
	return id, ok
}

// Made tells whether this run pushed ref with that object, or was about to.
func (s *State) Made(ref, object string) bool {
	return object != "" && (s.refs[ref] == object || s.Recording != nil && s.Recording.Refs[ref] == object)
}

// Clone copies the state, so that a view may keep it while the run goes on.
func (s *State) Clone() *State {
	c := *s
	c.order, c.owners, c.refs = slices.Clone(s.order), maps.Clone(s.owners), maps.Clone(s.refs)
	c.steps = make(map[StepID]*Step, len(s.steps))
	for id, st := range s.steps {
		copied := *st
		c.steps[id] = &copied
	}
	return &c
}

// Fold is the state of a whole journal. Its error names the first event that must not be there.
func Fold(events []Event) (*State, error) {
	s := &State{}
	for _, e := range events {
		if err := s.Apply(e); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Apply adds one event. An event that was applied before is ignored, so a replay changes nothing; one
// that Allows refuses changes nothing either and is returned as the error.
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
		s.own(id, e)
	}
	return nil
}

func (s *State) step(id StepID) *Step {
	if s.steps == nil {
		s.steps = map[StepID]*Step{}
	}
	if _, ok := s.steps[id]; !ok {
		s.steps[id] = &Step{ID: id, Status: Pending}
		s.order = append(s.order, id)
	}
	return s.steps[id]
}

// own notes whose pipeline it is. A person's answer may re-open an earlier wave.
func (s *State) own(id StepID, e Event) {
	if e.Type == Resolved {
		s.done = 0
	}
	if !e.givesPipeline() {
		return
	}
	for _, pipeline := range []string{e.Pipeline.ID, e.Cancel} {
		if pipeline != "" {
			s.owners = merge(s.owners, map[string]StepID{pipeline: id})
		}
	}
}

func (s *State) applyRun(e Event) {
	switch e.Type {
	case Opened:
		s.Header = *e.Header
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

// applyPlan begins a session: what was skipped waits again, and the driver of an open intent is gone.
// A product that is planned stands in release.json as to be released, again or still.
func (s *State) applyPlan(e Event) {
	if s.Began.IsZero() {
		s.Began = e.Time
	}
	s.Plan, s.waveOf, s.done, s.Finished = e.Plan, map[StepID]int{}, 0, false
	if e.Driver != nil {
		s.Driver = *e.Driver
	}
	for i, w := range e.Plan.Waves {
		for _, st := range w.Steps {
			id := ID(st.Component, st.Version)
			s.waveOf[id] = i
			s.step(id).Recorded = false // as the product is
		}
	}
	for _, st := range s.steps {
		if st.Status == WasSkipped {
			st.Status, st.Reason = Pending, ""
		}
		if st.Status == Intended && st.Until.IsZero() {
			st.Until = e.ServerTime
		}
	}
}

func (s *State) applyStep(st *Step, e Event) {
	switch e.Type {
	case Intent:
		applyIntent(st, e, s.Driver.Login)
	case Triggered:
		st.Status, st.Pipeline, st.Cancel = Running, *e.Pipeline, e.Cancel
		st.StartedAt, st.URL = e.Time, e.Pipeline.URL
	case Observed:
		st.Status, st.Detail, st.Workflow, st.Reason, st.Code, st.Job = Running, e.Status, e.Workflow, "", "", ""
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
		st.Status, st.Reason, st.URL = IsUnknown, e.Reason, e.URL
	case Resolved:
		applyAnswer(st, e)
	case Skipped:
		st.Status, st.Reason = WasSkipped, e.Reason
	default: // about the run
	}
}

func applyIntent(st *Step, e Event, login string) {
	if st.Status != Intended { // a new attempt, not another send of the same one
		*st = Step{ID: st.ID, Attempt: st.Attempt + 1, Earlier: st.past(), Dropped: st.Dropped, From: e.ServerTime, After: e.After}
	}
	if login != "" && !slices.Contains(st.Logins, login) {
		st.Logins = append(slices.Clone(st.Logins), login)
	}
	st.Status, st.Send, st.SentAt, st.Until = Intended, e.Send, e.ServerTime, time.Time{}
	st.Project, st.Branch = e.Project, e.Branch
}

func applyAnswer(st *Step, e Event) {
	st.ByHand, st.Reason = true, ""
	switch e.Status {
	case AnswerPipeline:
		if st.Pipeline.ID != "" && st.Pipeline.ID != e.Pipeline.ID {
			st.Earlier = append(slices.Clone(st.Earlier), st.Pipeline.ID)
		}
		if st.Cancel == e.Pipeline.ID { // it is the one to be watched now
			st.Cancel = ""
		}
		if i := slices.Index(st.Earlier, e.Pipeline.ID); i >= 0 { // as an earlier attempt's may be
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

// past is the pipelines of the earlier attempts once the current one is over: none of them may come back.
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

// Usual is the median of what each component took in earlier runs. Components without any are left out.
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

// Wave tells in which wave of the newest plan a step stands, from 1, and how many there are; 0 when no
// plan holds it.
func (s *State) Wave(id StepID) (wave, of int) {
	if i, ok := s.waveOf[id]; ok {
		return i + 1, len(s.Plan.Waves)
	}
	return 0, 0
}
