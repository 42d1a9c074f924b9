package report

import (
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
)

// Standing is where a run stands, in one word for tables and programs.
type Standing string

// The standings. Where several hold, the first one counts.
const (
	IsReleased   Standing = "released" // the product is recorded as released
	IsDriven     Standing = "driven"   // somebody drives it: how it ends is open
	AwaitsAnswer Standing = "unknown"  // `gio resolve` must say what became of a pipeline
	HasFailed    Standing = "failed"   // a component of the newest plan failed
	HasStopped   Standing = "stopped"  // something is left to be done, and nobody does it
	HasPassed    Standing = "passed"   // a dry run, a staging or a trigger with nothing left to be done
	IsPartial    Standing = "partial"  // all is done but what --only or --except left out
)

// StandingOf says where a run stands; driven tells that somebody drives it.
func StandingOf(s *run.State, driven bool) Standing {
	switch {
	case s.Finished:
		return IsReleased
	case driven:
		return IsDriven
	case len(s.With(run.IsUnknown)) > 0:
		return AwaitsAnswer
	case len(failedNow(s)) > 0:
		return HasFailed
	case s.Header.Kind != "release" && s.Over():
		return HasPassed
	case !succeededNow(s) || s.Header.Kind != "release":
		return HasStopped
	case s.Plan.Partial && len(s.ToRecord()) == 0 && s.Recording == nil:
		return IsPartial
	}
	return HasStopped // between the last success and its record
}

// failedNow are the failures of what is still to be released: the newest plan knows what release.json has dropped since.
func failedNow(s *run.State) []run.Step {
	return slices.DeleteFunc(s.With(run.HasFailed), func(st run.Step) bool { return earlier(s, st) })
}

func succeededNow(s *run.State) bool {
	return s.Plan != nil && !slices.ContainsFunc(s.Steps(), func(st run.Step) bool {
		return st.Status != run.HasSucceeded && !earlier(s, st)
	})
}

// earlier tells that the newest plan does not hold a step: it was done, or left out, before that plan was made.
func earlier(s *run.State, st run.Step) bool {
	wave, _ := s.Wave(st.ID)
	return wave == 0
}

// Driver is who drives a run, or did, as its lease says. State is "drives", "gave it back", "silent" for one that did
// neither for longer than a lease lasts, and "none" where there is no lease.
type Driver struct {
	State string    `json:"state"`
	Login string    `json:"login,omitempty"`
	Job   string    `json:"job,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Heard time.Time `json:"heard,omitzero"` // by the driver's clock
}

// NewDriver reads a lease at this time.
func NewDriver(l journal.Lease, now time.Time) Driver {
	d := Driver{State: "silent", Login: l.Login, Job: l.Job, Since: l.Since, Heard: l.Renewed}
	switch {
	case l.Driver == "":
		d.State = "none"
	case !l.Released.IsZero():
		d.State, d.Heard = "gave it back", l.Released
	case l.Live(now):
		d.State = "drives"
	}
	return d
}
