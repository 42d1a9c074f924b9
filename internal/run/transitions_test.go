package run

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/plan"
)

// paths are the events that bring a step to each status.
var paths = map[string][]Event{
	"pending":           {},
	"intended":          {intent(1, alpha)},
	"running":           {intent(1, alpha), triggered("p1", alpha)},
	"held":              {intent(1, alpha), triggered("p1", alpha), held(alpha)},
	"succeeded":         {intent(1, alpha), triggered("p1", alpha), succeeded(alpha)},
	"released by hand":  {released(alpha)},
	"failed":            {intent(1, alpha), triggered("p1", alpha), failed(alpha)},
	"failed to trigger": {intent(1, alpha), failed(alpha)},
	"unknown":           {intent(1, alpha), unknown(alpha)},
	"skipped":           {skipped(alpha)},
	"forgotten":         {intent(1, alpha), triggered("p1", alpha), unknown(alpha)},
}

// facts are the events about steps; a pipeline that they name is new.
var facts = map[string]Event{
	"intent":        intent(1, alpha),
	"intent again":  intent(2, alpha),
	"triggered":     triggered("p2", alpha),
	"observed":      observed(alpha),
	"held":          held(alpha),
	"succeeded":     succeeded(alpha),
	"failed":        failed(alpha),
	"unknown":       unknown(alpha),
	"skipped":       skipped(alpha),
	"pipeline":      itIs("p2", alpha),
	"released":      released(alpha),
	"not triggered": notTriggered(alpha),
}

// TestTransitions checks the picture of the package comment: from, fact, to. Everything else is refused.
func TestTransitions(t *testing.T) {
	t.Parallel()
	allowed := map[string]map[string]Status{
		"pending": {"intent": Intended, "skipped": WasSkipped, "released": HasSucceeded, "failed": HasFailed},
		"intended": {
			"intent": Intended, "intent again": Intended, "triggered": Running, "failed": HasFailed, "unknown": IsUnknown,
			"skipped": WasSkipped, "pipeline": Running, "released": HasSucceeded, "not triggered": Pending,
		},
		"running":          {"observed": Running, "held": OnHold, "succeeded": HasSucceeded, "failed": HasFailed, "unknown": IsUnknown},
		"held":             {"observed": Running, "held": OnHold, "succeeded": HasSucceeded, "failed": HasFailed, "unknown": IsUnknown},
		"succeeded":        {"not triggered": Pending},
		"released by hand": {"not triggered": Pending},
		"failed": {
			"intent": Intended, "observed": Running, "held": OnHold, "succeeded": HasSucceeded, "failed": HasFailed, "unknown": IsUnknown,
			"pipeline": Running, "released": HasSucceeded, "not triggered": Pending,
		},
		"failed to trigger": {
			"intent": Intended, "failed": HasFailed, "unknown": IsUnknown, "pipeline": Running, "released": HasSucceeded, "not triggered": Pending,
		},
		"unknown": {"pipeline": Running, "released": HasSucceeded, "not triggered": Pending},
		"skipped": {"skipped": WasSkipped, "released": HasSucceeded},
		"forgotten": {
			"observed": Running, "held": OnHold, "succeeded": HasSucceeded,
			"pipeline": Running, "released": HasSucceeded, "not triggered": Pending,
		},
	}
	for from, path := range paths {
		for fact, e := range facts {
			t.Run(from+"/"+fact, func(t *testing.T) {
				t.Parallel()
				s := begun(path...).fold(t)
				before := s.Clone()
				e.Seq = s.Seq + 1
				err := s.Apply(e)
				want, ok := allowed[from][fact]
				if !ok {
					refused(t, before, s, err)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := s.Step(alpha).Status; got != want {
					t.Errorf("is %s, want %s", got, want)
				}
			})
		}
	}
}

func refused(t *testing.T, before, after *State, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("allowed")
	}
	if diff := cmp.Diff(before, after, sameState()); diff != "" {
		t.Errorf("a refused event changed the state:\n%s", diff)
	}
}

// TestRefused checks the rules that are not about one step's status.
func TestRefused(t *testing.T) {
	t.Parallel()
	shared := begun(intent(1, alpha, beta), triggered("p1", alpha, beta), failed(alpha, beta))
	tests := []struct {
		name    string
		journal *journal
		event   Event
		want    string
	}{
		{"nothing before the opening", new(journal), planned(threeWaves()), `the first event must be "opened", and no other may`},
		{"no second opening", begun(), opened(), `the first event must be "opened", and no other may`},
		{"opening without header", new(journal), Event{Type: Opened}, "it has no header"},
		{"planning without plan", new(journal).add(opened()), Event{Type: Planned}, "it has no plan"},
		{"a type of a newer gio", begun(), Event{Type: "paused"}, "a newer gio wrote it"},
		{"a fact about nobody", begun(), Event{Type: Succeeded}, "it names no step"},
		{"triggered without pipeline", begun(intent(1, alpha)), Event{Type: Triggered, Steps: []plan.StepID{alpha}}, "it has no pipeline"},
		{"triggered with an empty pipeline", begun(intent(1, alpha)), triggered("", alpha), "it has no pipeline"},
		{"an answer without its pipeline", begun(intent(1, alpha)), itIs("", alpha), "it has no pipeline"},
		{"no answer", begun(intent(1, alpha)), Event{Type: Resolved, Steps: []plan.StepID{alpha}, Status: "maybe"}, `"maybe" is no answer`},
		{"an attempt begins with send 1", begun(), intent(2, alpha), "send 2 begins no attempt"},
		{"no send is left out", begun(intent(1, alpha)), intent(3, alpha), "send 3 does not follow 1"},
		{"not planned", begun(), intent(1, "omega@1.0.0"), "no plan holds it"},
		{"before any plan", new(journal).add(opened()), intent(1, alpha), "no plan holds it"},
		{"before its wave", begun(succeed("p1", alpha)...), intent(1, gamma), "beta@1.0.0 of an earlier wave is pending"},
		{"one of several breaks a rule", begun(), intent(1, alpha, gamma), "gamma@1.0.0: alpha@1.0.0 of an earlier wave is pending"},
		{"another step's pipeline", begun(intent(1, alpha), triggered("p1", alpha), intent(1, beta)), triggered("p1", beta), "pipeline p1 belongs to alpha@1.0.0"},
		{"another step's pipeline as the answer", begun(intent(1, alpha), triggered("p1", alpha), intent(1, beta)), itIs("p1", beta), "pipeline p1 belongs to alpha@1.0.0"},
		{"the pipeline of the attempt before", begun(intent(1, alpha), triggered("p1", alpha), failed(alpha), intent(1, alpha)), triggered("p1", alpha), "pipeline p1 belongs to an earlier attempt"},
		{"the pipeline that a person replaced", begun(intent(1, alpha), triggered("p1", alpha), failed(alpha), itIs("p2", alpha), failed(alpha), intent(1, alpha)), triggered("p1", alpha), "pipeline p1 belongs to an earlier attempt"},
		{"the second pipeline of the attempt before", begun(intent(1, alpha), withCancel("p1", "p2", alpha), failed(alpha), intent(1, alpha)), triggered("p2", alpha), "pipeline p2 belongs to an earlier attempt"},
		{"to cancel another step's pipeline", begun(intent(1, alpha), triggered("p1", alpha), intent(1, beta)), withCancel("p2", "p1", beta), "pipeline p1 belongs to alpha@1.0.0"},
		{"to cancel its own pipeline", begun(intent(1, alpha)), withCancel("p1", "p1", alpha), "it would cancel its own pipeline p1"},
		{"one of two takes the shared pipeline again", shared.and(intent(1, alpha)), triggered("p1", alpha), "pipeline p1 belongs to beta@1.0.0"},
		{"recording without record", begun(), Event{Type: Recording}, "it has no record"},
		{"recorded without record", begun(), Event{Type: Recorded}, "it has no record"},
		{"recording what failed", shared, recording(Record{Steps: []plan.StepID{alpha}}), "alpha@1.0.0 is recorded but failed"},
		{"recorded what nobody knows", begun(), recorded(Record{Steps: []plan.StepID{delta}}), "delta@1.0.0 is recorded but pending"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := tt.journal.fold(t)
			before := s.Clone()
			tt.event.Seq = s.Seq + 1
			err := s.Apply(tt.event)
			refused(t, before, s, err)
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
		})
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	s := begun().fold(t)
	for _, seq := range []int64{-1, 0, 1, 2} { // known: a replay
		e := intent(1, alpha)
		e.Seq = seq
		before := s.Clone()
		if err := s.Apply(e); err != nil {
			t.Errorf("replay of %d: %v", seq, err)
		}
		if diff := cmp.Diff(before, s, sameState()); diff != "" {
			t.Errorf("replay of %d changed the state:\n%s", seq, diff)
		}
	}
	gap := intent(1, alpha)
	gap.Seq = 4
	before := s.Clone()
	refused(t, before, s, s.Apply(gap))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := begun(succeed("p1", alpha)...).events
	if err := Check(good); err != nil {
		t.Error(err)
	}
	if err := Check(nil); err != nil {
		t.Errorf("an empty journal: %v", err)
	}
	tests := []struct {
		name string
		bend func([]Event) []Event
		want string
	}{
		{"a line twice", func(es []Event) []Event { return append(es[:3:3], es[2:]...) }, "event 3 is in line 4"},
		{"a line too many at the end", func(es []Event) []Event { return append(es, es[0]) }, "event 1 is in line 6"},
		{"a line without number", func([]Event) []Event { return []Event{{Run: "/"}} }, "event 0 is in line 1"},
		{"a line is missing", func(es []Event) []Event { return append(es[:2:2], es[3:]...) }, "event 4 (triggered): its number does not follow 2"},
		{"another run", func(es []Event) []Event { es[3].Run = "dry/3.9.4"; return es }, `event 4 belongs to run "dry/3.9.4", not to "release/3.9.4"`},
		{"an impossible fact", func(es []Event) []Event { es[4].Type = Skipped; return es }, "event 5 (skipped): alpha@1.0.0: it is running"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := Check(tt.bend(append([]Event{}, good...)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func withCancel(pipeline, cancel string, ids ...plan.StepID) Event {
	e := triggered(pipeline, ids...)
	e.Adopted, e.Cancel = true, cancel
	return e
}
