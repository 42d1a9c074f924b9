package run

import (
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
)

// Standing is the condition of a run, in one word for tables and programs.
type Standing string

// The standings. Where several hold, the first one counts.
const (
	StandingReleased Standing = "released" // the product is recorded as released
	StandingDriven   Standing = "driven"   // it has a driver: how it ends is open
	StandingUnknown  Standing = "unknown"  // `gio resolve` must say what became of a pipeline
	StandingFailed   Standing = "failed"   // a component of the newest plan failed
	StandingStopped  Standing = "stopped"  // it is not finished and has no driver
	StandingPassed   Standing = "passed"   // a dry run, a staging or a trigger that is complete
	StandingPartial  Standing = "partial"  // everything is done except what --only or --except left out
	StandingDamaged  Standing = "damaged"  // its journal cannot be read
)

// Standing returns the standing of the run; driven means that it has a driver.
func (s *State) Standing(driven bool) Standing {
	switch {
	case s.Finished:
		return StandingReleased
	case driven:
		return StandingDriven
	case len(s.With(IsUnknown)) > 0:
		return StandingUnknown
	case len(failedNow(s)) > 0:
		return StandingFailed
	case !s.Header.Kind.Records() && s.Over():
		return StandingPassed
	case !succeededNow(s) || !s.Header.Kind.Records():
		return StandingStopped
	case s.Plan.Partial && len(s.ToRecord()) == 0 && s.Recording == nil:
		return StandingPartial
	}
	return StandingStopped // between the last success and its record
}

// failedNow returns the failures of the newest plan, without those of components that release.json has dropped since.
func failedNow(s *State) []Step {
	return slices.DeleteFunc(s.With(HasFailed), func(st Step) bool { return s.Earlier(st.ID) })
}

func succeededNow(s *State) bool {
	return s.Plan != nil && !slices.ContainsFunc(s.Steps(), func(st Step) bool {
		return st.Status != HasSucceeded && !s.Earlier(st.ID)
	})
}

// Earlier reports whether the newest plan does not contain a step: it was done, or left out, before that plan was made.
func (s *State) Earlier(id plan.StepID) bool {
	wave, _ := s.Wave(id)
	return wave == 0
}

// Elapsed returns how long the step's pipeline has run, or ran; 0 before it was triggered.
func (s Step) Elapsed(now time.Time) time.Duration {
	if s.StartedAt.IsZero() {
		return 0
	}
	end := now
	if !s.Open() && !s.EndedAt.IsZero() {
		end = s.EndedAt
	}
	return max(end.Sub(s.StartedAt), 0)
}
