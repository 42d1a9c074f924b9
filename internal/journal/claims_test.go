package journal

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

func hintsOf(t *testing.T, err error) []string {
	t.Helper()
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok {
		t.Fatalf("%v is no fault", err)
	}
	return fault.HintLines(f)
}

// TestEffects: every type of event, in runs of every kind.
func TestEffects(t *testing.T) {
	t.Parallel()
	const leaves, takes, notes, frees = LeavesClaims, TakesClaims, NotesClaims, FreesClaims
	kinds := []run.Kind{run.Release, run.DryRun, run.Staging, run.Trigger}
	for _, tt := range []struct {
		event run.Event
		want  [4]Effect // by kind
	}{
		{run.Event{Type: run.Opened}, [4]Effect{leaves, leaves, leaves, leaves}},
		{run.Event{Type: run.Planned}, [4]Effect{leaves, leaves, leaves, leaves}},
		{run.Event{Type: run.Intent}, [4]Effect{takes, takes, takes, leaves}},
		{run.Event{Type: run.Triggered}, [4]Effect{notes, notes, notes, leaves}},
		{run.Event{Type: run.Observed}, [4]Effect{notes, notes, notes, leaves}},
		{run.Event{Type: run.Succeeded}, [4]Effect{notes, frees, notes, leaves}},
		{run.Event{Type: run.Failed}, [4]Effect{frees, frees, frees, leaves}},
		{run.Event{Type: run.Skipped}, [4]Effect{frees, frees, frees, leaves}},
		{run.Event{Type: run.Unknown}, [4]Effect{leaves, leaves, leaves, leaves}},
		{run.Event{Type: run.Resolved, Status: run.AnswerNotTriggered}, [4]Effect{frees, frees, frees, leaves}},
		{run.Event{Type: run.Resolved, Status: run.AnswerReleased}, [4]Effect{notes, frees, notes, leaves}},
		{run.Event{Type: run.Resolved, Status: run.AnswerPipeline}, [4]Effect{notes, notes, notes, leaves}},
		{run.Event{Type: run.Recorded}, [4]Effect{leaves, leaves, leaves, leaves}},
		{run.Event{Type: run.Stopped}, [4]Effect{leaves, leaves, leaves, leaves}},
	} {
		for i, kind := range kinds {
			if got := EffectOf(kind, tt.event); got != tt.want[i] {
				t.Errorf("%s %s of a %s: %d, want %d", tt.event.Type, tt.event.Status, kind, got, tt.want[i])
			}
		}
	}
}

// TestEffectOn: what every effect changes, whoever holds the claim.
func TestEffectOn(t *testing.T) {
	t.Parallel()
	for effect, want := range map[Effect][3]Change{ // by holder: nobody, ourselves, another run
		LeavesClaims: {KeepClaim, KeepClaim, KeepClaim},
		TakesClaims:  {WriteClaim, KeepClaim, RefuseClaim},
		NotesClaims:  {WriteClaim, KeepClaim, KeepClaim},
		FreesClaims:  {KeepClaim, RemoveClaim, KeepClaim},
	} {
		for holder, change := range want {
			if got := effect.On(Holder(holder)); got != change {
				t.Errorf("effect %d on holder %d: %d, want %d", effect, holder, got, change)
			}
		}
	}
}

// TestClaimChanges: the events of one write follow one another.
func TestClaimChanges(t *testing.T) {
	t.Parallel()
	alpha, beta := plan.ID("alpha", "1.0.0"), plan.ID("beta", "1.0.0")
	for _, tt := range []struct {
		name    string
		holders map[plan.StepID]Holder
		events  []run.Event
		changes map[plan.StepID]Change
		refused []plan.StepID
	}{
		{"an intent", nil, []run.Event{about(run.Intent, alpha)}, map[plan.StepID]Change{alpha: WriteClaim}, nil},
		{"an intent again", map[plan.StepID]Holder{alpha: Ourselves}, []run.Event{about(run.Intent, alpha)}, nil, nil},
		{"begun and failed", nil, []run.Event{about(run.Intent, alpha), about(run.Failed, alpha)}, map[plan.StepID]Change{alpha: RemoveClaim}, nil},
		{
			"failed and begun again",
			map[plan.StepID]Holder{alpha: Ourselves},
			[]run.Event{about(run.Failed, alpha), about(run.Intent, alpha)},
			map[plan.StepID]Change{alpha: WriteClaim},
			nil,
		},
		{
			"one of two is another run's",
			map[plan.StepID]Holder{beta: AnotherRun},
			[]run.Event{{Type: run.Intent, Steps: []plan.StepID{alpha, beta}}},
			map[plan.StepID]Change{alpha: WriteClaim},
			[]plan.StepID{beta},
		},
		{
			"a fact about what another run holds",
			map[plan.StepID]Holder{alpha: AnotherRun},
			[]run.Event{about(run.Observed, alpha), about(run.Succeeded, alpha), about(run.Failed, alpha)},
			nil, nil,
		},
	} {
		asked := map[plan.StepID]int{}
		changes, refused, err := ClaimChanges(run.Release, tt.events, func(id plan.StepID) (Holder, error) {
			asked[id]++
			return tt.holders[id], nil
		})
		if err != nil || !maps.Equal(changes, tt.changes) || !slices.Equal(refused, tt.refused) {
			t.Errorf("%s: %v, refused %v, %v", tt.name, changes, refused, err)
		}
		for id, n := range asked {
			if n != 1 {
				t.Errorf("%s: the holder of %s was read %d times", tt.name, id, n)
			}
		}
	}
	unreadable := errors.New("unreadable")
	_, _, err := ClaimChanges(run.Release, []run.Event{about(run.Intent, alpha)}, func(plan.StepID) (Holder, error) { return Nobody, unreadable })
	if !errors.Is(err, unreadable) {
		t.Errorf("got %v", err)
	}
}

// TestHinders: what another run claims keeps a run from it; a trigger only for as long as that run has not succeeded with it.
func TestHinders(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind      run.Kind
		holder    Holder
		succeeded bool
		want      bool
	}{
		{run.Release, Nobody, false, false},
		{run.Release, Ourselves, true, false},
		{run.Release, AnotherRun, false, true},
		{run.Release, AnotherRun, true, true},
		{run.DryRun, AnotherRun, true, true},
		{run.Staging, AnotherRun, true, true},
		{run.Trigger, AnotherRun, false, true},
		{run.Trigger, AnotherRun, true, false},
		{run.Trigger, Nobody, false, false},
	} {
		if got := Hinders(tt.kind, tt.holder, func() bool { return tt.succeeded }); got != tt.want {
			t.Errorf("%+v: %t", tt, got)
		}
	}
	if ClaimSpace(run.Release) != ClaimSpace(run.DryRun) || ClaimSpace(run.Release) == ClaimSpace(run.Staging) || ClaimSpace(run.Trigger) != ClaimSpace(run.Release) {
		t.Error("the claims of stagings stand apart from those of releases, which all others follow")
	}
}
