package journal

import (
	"fmt"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// The rules of claims, for every home that holds the runs of several product versions. They read no storage.

// Claim says that a run other than ours holds a component's version.
type Claim struct {
	Step  plan.StepID
	Run   string // "release/3.10.0"; with the manifest's path before it unless that is release.json
	Login string // of the run's last driver
	Job   string // its link
	Since time.Time
}

func (c Claim) by() run.Lease { return run.Lease{Login: c.Login, Job: c.Job, Since: c.Since} }

// ClaimSpace names the claims that concern a run of this kind. A version is staged after it was released: the two have claims
// apart.
func ClaimSpace(kind run.Kind) string {
	if kind == run.Staging {
		return "staged"
	}
	return "claims"
}

// Effect is what an event does to the claims of its steps.
type Effect int

// The effects.
const (
	LeavesClaims Effect = iota
	TakesClaims         // or the event is refused
	NotesClaims         // takes what is free: a fact is kept also where the claim is another run's
	FreesClaims         // gives back what is ours
)

// EffectOf says what an event of a run of this kind does. A success keeps its claim for good, unless it was a rehearsal; an
// attempt that is over without one frees it. Somebody may re-run it on CircleCI: then it is noted again. Only releases, dry or
// not, and stagings make claims.
func EffectOf(kind run.Kind, e run.Event) Effect {
	if !kind.Claims() {
		return LeavesClaims
	}
	ended := FreesClaims
	if kind.KeepsClaims() {
		ended = NotesClaims
	}
	switch e.Type {
	case run.Intent:
		return TakesClaims
	case run.Triggered, run.Observed:
		return NotesClaims
	case run.Succeeded:
		return ended
	case run.Failed, run.Skipped:
		return FreesClaims
	case run.Resolved:
		switch e.Status {
		case run.AnswerNotTriggered:
			return FreesClaims
		case run.AnswerReleased:
			return ended
		default:
			return NotesClaims
		}
	default:
		return LeavesClaims
	}
}

// Holder is who holds a claim, as one run sees it.
type Holder int

// The holders.
const (
	Nobody Holder = iota
	Ourselves
	AnotherRun
)

// Change is what is to be done about a claim.
type Change int

// The changes.
const (
	KeepClaim Change = iota
	WriteClaim
	RemoveClaim
	RefuseClaim // the event must not be kept
)

// On says what an effect changes about a claim that somebody holds.
func (f Effect) On(h Holder) Change {
	switch {
	case f == TakesClaims && h == AnotherRun:
		return RefuseClaim
	case f == FreesClaims && h == Ourselves:
		return RemoveClaim
	case (f == TakesClaims || f == NotesClaims) && h == Nobody:
		return WriteClaim
	}
	return KeepClaim
}

// after is who holds the claim once the change is made.
func (c Change) after(h Holder) Holder {
	switch c {
	case WriteClaim:
		return Ourselves
	case RemoveClaim:
		return Nobody
	case KeepClaim, RefuseClaim:
	}
	return h
}

// ClaimChanges is what the events of one write change, one after the other: the last change of each claim, and the steps whose
// events another run's claim refuses. The holders are as before the write.
func ClaimChanges(kind run.Kind, events []run.Event, holder func(plan.StepID) (Holder, error)) (changes map[plan.StepID]Change, refused []plan.StepID, err error) {
	changes, now := map[plan.StepID]Change{}, map[plan.StepID]Holder{}
	for _, e := range events {
		effect := EffectOf(kind, e)
		if effect == LeavesClaims {
			continue
		}
		for _, id := range e.Steps {
			if _, known := now[id]; !known {
				if now[id], err = holder(id); err != nil {
					return nil, nil, err
				}
			}
			switch change := effect.On(now[id]); change {
			case KeepClaim:
			case RefuseClaim:
				refused = append(refused, id)
			case WriteClaim, RemoveClaim:
				changes[id], now[id] = change, change.after(now[id])
			}
		}
	}
	return changes, refused, nil
}

// Hinders tells whether a claim keeps a run of this kind from starting the component version. A run that makes no claims itself, as a
// trigger, follows a release: only what that has not brought to success keeps it from it.
func Hinders(kind run.Kind, h Holder, succeeded func() bool) bool {
	return h == AnotherRun && (kind.Claims() || !succeeded())
}

// Elsewhere is the fault for component versions that other runs have claimed, nil where there are none: kind Stopped, code
// "claimed-elsewhere".
func Elsewhere(claims []Claim) error {
	if len(claims) == 0 {
		return nil
	}
	var lines []string
	for _, c := range claims {
		lines = append(lines, fmt.Sprintf("%s %s: %s (%s)", c.Step.Component(), c.Step.Version(), c.Run, c.by()))
	}
	return fault.New(fault.Stopped, "claimed-elsewhere", "another run releases, or has released, the same version:\n  %s", strings.Join(lines, "\n  ")).
		Hint("while that run goes on: wait for its end, then %s", fault.Again()).
		Hint("when it has released the version: write the released version into release.json").
		Hint("when it has not and will not: %s on its branch frees the version", fault.Next{Action: fault.Resolve, Args: []string{"--not-triggered"}})
}
