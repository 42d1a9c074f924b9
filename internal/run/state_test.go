package run

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gravitee-lab/gio/internal/plan"
)

// sameState compares two states except for their caches.
func sameState() cmp.Option {
	return cmp.Options{cmp.AllowUnexported(State{}), cmpopts.IgnoreFields(State{}, "done"), cmpopts.EquateEmpty()}
}

func statuses(s *State) map[plan.StepID]Status {
	all := map[plan.StepID]Status{}
	for _, st := range s.Steps() {
		all[st.ID] = st.Status
	}
	return all
}

func TestStepID(t *testing.T) {
	t.Parallel()
	id := plan.ID("gravitee-node", "1.2.0@rc")
	if id != "gravitee-node@1.2.0@rc" || id.Component() != "gravitee-node" || id.Version() != "1.2.0@rc" {
		t.Errorf("%q: component %q, version %q", id, id.Component(), id.Version())
	}
}

// TestAttempts follows a step through two attempts, field by field.
func TestAttempts(t *testing.T) {
	t.Parallel()
	j := begun(intent(1, alpha), triggered("p1", alpha), observed(alpha), failed(alpha))
	first := Step{
		ID: alpha, Status: HasFailed, Attempt: 1, Send: 1, After: 40, Project: "gh/acme/x", Branch: "1.0.x",
		Intent: 3, Posts: 1, Pipeline: Pipeline{ID: "p1", Number: 41, URL: "https://ci/p1"},
		Workflow: "release", Job: "build", Code: "pipeline-failed", Reason: "it failed",
		URL: "https://ci/p1", StartedAt: at(4), EndedAt: at(6),
	}
	if diff := cmp.Diff(first, j.fold(t).Step(alpha)); diff != "" {
		t.Errorf("after the first attempt:\n%s", diff)
	}
	again := intent(1, alpha)
	again.After = 50
	second := Step{
		ID: alpha, Status: Intended, Attempt: 2, Send: 1, After: 50, Project: "gh/acme/x", Branch: "1.0.x",
		Intent: 7, Posts: 1, Earlier: []string{"p1"},
	}
	if diff := cmp.Diff(second, j.add(again).fold(t).Step(alpha)); diff != "" {
		t.Errorf("after the second intent:\n%s", diff)
	}
}

// TestSendAgain: another send belongs to the same attempt, and the search begins where the first did.
func TestSendAgain(t *testing.T) {
	t.Parallel()
	resend := Event{Type: Intent, Steps: []plan.StepID{alpha}, Send: 2, After: 99, Project: "gh/acme/x", Branch: "1.0.x"}
	got := begun(intent(1, alpha), resend).fold(t).Step(alpha)
	want := Step{
		ID: alpha, Status: Intended, Attempt: 1, Send: 2, After: 40, Project: "gh/acme/x", Branch: "1.0.x",
		Intent: 3, Posts: 2,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestReRun: a failed pipeline that runs again keeps nothing of its failure.
func TestReRun(t *testing.T) {
	t.Parallel()
	got := begun(intent(1, alpha), triggered("p1", alpha), failed(alpha), observed(alpha)).fold(t).Step(alpha)
	if got.Code+got.Reason+got.Job != "" || !got.EndedAt.IsZero() || got.Attempt != 1 || got.Pipeline.ID != "p1" {
		t.Errorf("%+v", got)
	}
}

// TestPosts: each intent event of an attempt is one POST, whoever drives; a new attempt counts anew.
func TestPosts(t *testing.T) {
	t.Parallel()
	next := planned(threeWaves())
	next.Driver = &Driver{ID: "two"}
	j := begun(intent(1, alpha), intent(1, alpha), next, intent(2, alpha))
	if got := j.fold(t).Step(alpha); got.Posts != 3 || got.Intent != 3 || got.Send != 2 || got.Attempt != 1 {
		t.Errorf("%+v", got)
	}
	if got := j.add(failed(alpha), intent(1, alpha)).fold(t).Step(alpha); got.Posts != 1 || got.Intent != 8 || got.Attempt != 2 {
		t.Errorf("a new attempt: %+v", got)
	}
}

// TestShared: two steps, one event, one pipeline, one outcome.
func TestShared(t *testing.T) {
	t.Parallel()
	j := begun(intent(1, alpha, beta), triggered("p1", alpha, beta))
	s := j.fold(t)
	if owner, ok := s.Owner("p1"); !ok || owner != alpha && owner != beta {
		t.Errorf("owner %q, %v", owner, ok)
	}
	s = j.add(held(alpha, beta), succeeded(alpha, beta)).fold(t)
	want := map[plan.StepID]Status{alpha: HasSucceeded, beta: HasSucceeded, gamma: Pending, delta: Pending}
	if diff := cmp.Diff(want, statuses(s)); diff != "" {
		t.Error(diff)
	}
	j.add(intent(1, gamma)).fold(t) // the next wave is open
}

// TestSharedAnswer: of two steps that shared a pipeline one was released by hand; the other may still watch it.
func TestSharedAnswer(t *testing.T) {
	t.Parallel()
	j := begun(intent(1, alpha, beta), triggered("p1", alpha, beta), failed(alpha, beta), released(beta), itIs("p1", alpha))
	if got := j.fold(t).Step(alpha); got.Status != Running || len(got.Earlier) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestWaveGate: a step starts when every step of the earlier waves has succeeded, by CircleCI or by a person, and not after
// one of them was re-opened.
func TestWaveGate(t *testing.T) {
	t.Parallel()
	first := append(succeed("p1", alpha), succeed("p2", beta)...)
	tests := []struct {
		name   string
		events []Event
		id     plan.StepID
		open   bool
	}{
		{"first wave", nil, alpha, true},
		{"one of two has succeeded", first[:3], gamma, false},
		{"both have succeeded", first, gamma, true},
		{"the wave after the next", first, delta, false},
		{"one still runs", first[:5], gamma, false},
		{"one was released by hand", append(slices.Clone(first[:3]), released(beta)), gamma, true},
		{"one was re-opened", append(slices.Clone(first), notTriggered(alpha)), gamma, false},
		{"one was re-opened after the gate was passed", append(slices.Clone(first), intent(1, gamma), failed(gamma), notTriggered(alpha)), gamma, false},
		{"re-opened and released again", append(append(slices.Clone(first), intent(1, gamma), failed(gamma), notTriggered(alpha)), succeed("p3", alpha)...), gamma, true},
		{"a new plan adds a step to the first wave", append(slices.Clone(first), planned(waves([]plan.StepID{alpha, beta, "new@1.0.0"}, []plan.StepID{gamma}))), gamma, false},
		{"a new plan adds one after the gate was passed", append(slices.Clone(first), intent(1, gamma), failed(gamma), planned(waves([]plan.StepID{alpha, beta, "new@1.0.0"}, []plan.StepID{gamma}))), gamma, false},
		{"a new plan takes one deviation", append(slices.Clone(first[:3]), planned(waves([]plan.StepID{alpha}, []plan.StepID{gamma}))), gamma, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := begun(tt.events...).fold(t)
			e := intent(1, tt.id)
			e.Seq = s.Seq + 1
			if err := s.Allows(e); (err == nil) != tt.open {
				t.Errorf("open is to be %v: %v", tt.open, err)
			}
		})
	}
}

func TestWave(t *testing.T) {
	t.Parallel()
	s := begun().fold(t)
	for id, want := range map[plan.StepID][2]int{alpha: {1, 3}, beta: {1, 3}, gamma: {2, 3}, delta: {3, 3}, "omega@1.0.0": {0, 0}} {
		if wave, of := s.Wave(id); wave != want[0] || of != want[1] {
			t.Errorf("%s: %d of %d, want %v", id, wave, of, want)
		}
	}
	if wave, of := new(State).Wave(alpha); wave != 0 || of != 0 {
		t.Errorf("without plan: %d of %d", wave, of)
	}
}

// TestNextSession: skipped steps are pending again; those that succeeded, failed or are unknown stay so.
func TestNextSession(t *testing.T) {
	t.Parallel()
	j := begun(succeed("p1", alpha)...).add(intent(1, beta), unknown(beta), skipped(gamma, delta))
	s := j.fold(t)
	if got := s.Step(gamma); got.Status != WasSkipped || got.Reason != "upstream" {
		t.Errorf("%+v", got)
	}
	s = j.add(planned(threeWaves())).fold(t)
	want := map[plan.StepID]Status{alpha: HasSucceeded, beta: IsUnknown, gamma: Pending, delta: Pending}
	if diff := cmp.Diff(want, statuses(s)); diff != "" {
		t.Error(diff)
	}
	if got := s.Step(gamma).Reason; got != "" {
		t.Errorf("reason %q is left", got)
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	refs := map[string]string{"refs/heads/3.9.x": "c1"}
	j := begun(append(succeed("p1", alpha), succeed("p2", beta)...)...)
	if diff := cmp.Diff([]plan.StepID{alpha, beta}, ids(j.fold(t).ToRecord())); diff != "" {
		t.Errorf("to record at first:\n%s", diff)
	}
	about := Record{Commit: "c1", Refs: refs, Steps: []plan.StepID{alpha}, Refused: []plan.StepID{beta}}
	s := j.add(recording(about)).fold(t)
	if s.Recording == nil || len(s.ToRecord()) != 2 || !s.Made("refs/heads/3.9.x", "c1") {
		t.Errorf("a push that is under way: %+v", s)
	}
	s = j.add(recorded(about)).fold(t)
	if diff := cmp.Diff([]plan.StepID{beta}, ids(s.ToRecord())); diff != "" {
		t.Errorf("to record after the first push:\n%s", diff)
	}
	if s.Recording != nil || s.Finished || !s.Step(alpha).Recorded {
		t.Errorf("after the first push: %+v", s)
	}
	for _, made := range []struct {
		ref, object string
		want        bool
	}{
		{"refs/heads/3.9.x", "c1", true},
		{"refs/heads/3.9.x", "c2", false},
		{"refs/tags/3.9.4", "c1", false},
		{"refs/tags/3.9.4", "", false}, // a ref that does not exist was made by nobody
	} {
		if got := s.Made(made.ref, made.object); got != made.want {
			t.Errorf("Made(%q, %q) = %v", made.ref, made.object, got)
		}
	}
	again := Record{Commit: "c2", Refs: map[string]string{"refs/heads/3.9.x": "c2"}, Finished: true}
	s = j.add(recorded(again)).fold(t)
	if !s.Finished || s.Made("refs/heads/3.9.x", "c1") || !s.Made("refs/heads/3.9.x", "c2") {
		t.Errorf("after the last push: %+v", s)
	}
	if s = j.add(recorded(Record{Steps: []plan.StepID{beta}})).fold(t); !s.Finished || len(s.ToRecord()) != 0 {
		t.Errorf("after a push behind the last: %+v", s)
	}
}

// TestReopened: a finished version whose components are reset to SNAPSHOT. What succeeded is recorded again and not released
// again, what is new is to be released, and the product is no longer finished.
func TestReopened(t *testing.T) {
	t.Parallel()
	j := new(journal).add(opened(), planned(waves([]plan.StepID{alpha}))).add(succeed("p1", alpha)...)
	j.add(recorded(Record{Finished: true, Steps: []plan.StepID{alpha}, Refs: map[string]string{"refs/tags/3.9.4": "t1"}}))
	j.add(planned(waves([]plan.StepID{alpha, beta})))
	s := j.fold(t)
	if s.Finished {
		t.Error("it is finished while beta is to be released")
	}
	if !s.Made("refs/tags/3.9.4", "t1") {
		t.Error("its own tag is a stranger's")
	}
	if diff := cmp.Diff([]plan.StepID{alpha}, ids(s.ToRecord())); diff != "" {
		t.Errorf("to record:\n%s", diff)
	}
	e := intent(1, alpha)
	e.Seq = s.Seq + 1
	if s.Allows(e) == nil {
		t.Error("alpha is released twice")
	}
	s = j.add(notTriggered(alpha)).fold(t)
	want := Step{ID: alpha, Status: Pending, Attempt: 1, Earlier: []string{"p1"}, Dropped: 1}
	if diff := cmp.Diff(want, s.Step(alpha)); diff != "" {
		t.Errorf("re-opened by a person:\n%s", diff)
	}
	j.add(succeed("p2", alpha)...).fold(t)
}

// TestAnswer: the pipeline that a person names is watched like any other, and keeps no misleading facts of the attempt.
func TestAnswer(t *testing.T) {
	t.Parallel()
	got := begun(intent(1, alpha), withCancel("p1", "p2", alpha), failed(alpha), itIs("p2", alpha)).fold(t).Step(alpha)
	want := Step{
		ID: alpha, Status: Running, Attempt: 1, Send: 1, After: 40, Project: "gh/acme/x", Branch: "1.0.x",
		Intent: 3, Posts: 1, Pipeline: Pipeline{ID: "p2", Number: 41, URL: "https://ci/p2"},
		Earlier: []string{"p1"}, URL: "https://ci/p2", ByHand: true, StartedAt: at(6),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestForeignFields: a pipeline is only taken from the events that give one.
func TestForeignFields(t *testing.T) {
	t.Parallel()
	theft := observed(beta)
	theft.Pipeline = &Pipeline{ID: "p1"}
	s := begun(intent(1, alpha), triggered("p1", alpha), intent(1, beta), triggered("p2", beta), theft).fold(t)
	if owner, _ := s.Owner("p1"); owner != alpha {
		t.Errorf("p1 belongs to %s", owner)
	}
}

func TestClone(t *testing.T) {
	t.Parallel()
	j := begun(intent(1, alpha), triggered("p1", alpha), failed(alpha))
	s := j.fold(t)
	kept, want := s.Clone(), j.fold(t)
	more := j.and(intent(1, alpha), triggered("p2", alpha), succeeded(alpha), recorded(Record{Steps: []plan.StepID{alpha}, Refs: map[string]string{"a": "b"}}),
		planned(waves([]plan.StepID{delta})))
	for _, e := range more.events {
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, kept, sameState()); diff != "" {
		t.Errorf("the copy moved on with the state:\n%s", diff)
	}
	if wave, of := kept.Wave(alpha); wave != 1 || of != 3 {
		t.Errorf("wave %d of %d", wave, of)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	s := begun(intent(1, beta), triggered("p1", beta), succeeded(beta), intent(1, "alpha@1.0.0")).fold(t)
	if diff := cmp.Diff([]plan.StepID{alpha, beta, gamma, delta}, ids(s.Steps())); diff != "" {
		t.Errorf("the plan's order is kept:\n%s", diff)
	}
	if diff := cmp.Diff([]plan.StepID{gamma, delta}, ids(s.With(Pending))); diff != "" {
		t.Errorf("pending:\n%s", diff)
	}
	got := s.Steps()[0]
	got.Status = HasSucceeded
	if s.Step(alpha).Status != Intended {
		t.Error("a listed step is no copy")
	}
	if diff := cmp.Diff(Step{ID: "omega@1.0.0", Status: Pending}, s.Step("omega@1.0.0")); diff != "" {
		t.Errorf("a step without events:\n%s", diff)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	want := map[string]bool{"intended": true, "running": true, "held": true, "unknown": true, "forgotten": true}
	for where, path := range paths {
		st := begun(path...).fold(t).Step(alpha)
		if st.Open() != want[where] {
			t.Errorf("%s: open is %v", where, st.Open())
		}
	}
}

func ids(steps []Step) []plan.StepID {
	var all []plan.StepID
	for _, st := range steps {
		all = append(all, st.ID)
	}
	return all
}
