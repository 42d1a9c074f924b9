package journal

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/gravitee-lab/gio/internal/run"
)

// Claim says that a run other than ours holds a component's version.
type Claim struct {
	Step  run.StepID
	Run   string // "release/3.10.0"; with the manifest's path before it unless that is release.json
	Login string // of the run's last driver
	Job   string // its link
	Since time.Time
}

func (c Claim) by() Lease { return Lease{Login: c.Login, Job: c.Job, Since: c.Since} }

// claim is a file below claims/.
type claim struct {
	Run      string    `json:"run"`
	Manifest string    `json:"manifest"`
	Driver   string    `json:"driver"`
	Time     time.Time `json:"time"`
}

func (c claim) place() place { return place{manifest: c.Manifest, run: c.Run} }

// claimPath escapes what would be a directory of its own. A version is staged after it was released: the two have claims of
// their own.
func (p place) claimPath(id run.StepID) string {
	dir := "claims/"
	if p.kind() == "stage" {
		dir = stageClaims
	}
	return dir + url.PathEscape(id.Component()) + "/" + url.PathEscape(id.Version())
}

// effect is what an event does to the claims of its steps.
type effect int

const (
	leaves effect = iota
	takes         // or the event is refused
	notes         // takes what is free: a fact is kept also where the claim is somebody else's
	frees
)

// effectOf: a success keeps its claim for good, unless it was a rehearsal; an attempt that is over without one frees it.
// Somebody may re-run it on CircleCI: then it is noted again. Only releases, dry or
// not, and stagings make claims.
func (p place) effectOf(e run.Event) effect {
	if p.kind() != "release" && p.kind() != "dry" && p.kind() != "stage" {
		return leaves
	}
	ended := notes
	if p.kind() == "dry" {
		ended = frees
	}
	switch e.Type {
	case run.Intent:
		return takes
	case run.Triggered, run.Observed:
		return notes
	case run.Succeeded:
		return ended
	case run.Failed, run.Skipped:
		return frees
	case run.Resolved:
		switch e.Status {
		case run.AnswerNotTriggered:
			return frees
		case run.AnswerReleased:
			return ended
		default:
			return notes
		}
	default:
		return leaves
	}
}

// claims are the files that the events change, against the newest tip. A version that another run holds is the fault
// of Elsewhere.
func (g *Git) claims(events []run.Event) (map[string][]byte, error) {
	files := map[string][]byte{}
	var elsewhere []Claim
	for _, e := range events {
		does := g.place.effectOf(e)
		if does == leaves {
			continue
		}
		for _, id := range e.Steps {
			held, err := g.claimAt(files, id)
			if err != nil {
				return nil, err
			}
			mine := held != nil && held.place() == g.place
			switch {
			case does == takes && held != nil && !mine:
				elsewhere = append(elsewhere, g.told(id, *held))
			case does == frees && mine:
				files[g.place.claimPath(id)] = nil
			case does != frees && held == nil:
				data, err := json.Marshal(claim{Run: g.place.run, Manifest: g.place.manifest, Driver: g.options.Driver.ID, Time: g.now()})
				if err != nil {
					return nil, err
				}
				files[g.place.claimPath(id)] = data
			}
		}
	}
	return files, Elsewhere(elsewhere)
}

// claimAt is the claim of a step after the changes so far, nil where there is none.
func (g *Git) claimAt(changed map[string][]byte, id run.StepID) (*claim, error) {
	path := g.place.claimPath(id)
	data, ok := changed[path]
	if !ok && g.tip != "" {
		var err error
		if data, err = g.repo.Read(g.tip, path); err != nil {
			return nil, err
		}
	}
	if data == nil {
		return nil, nil
	}
	held := &claim{}
	if err := json.Unmarshal(data, held); err != nil {
		return nil, damaged(shown(g.repo, path), 1, err)
	}
	return held, nil
}

// told adds who drives, or drove, the run that holds a claim. That is for people, so that it may be missing.
func (g *Git) told(id run.StepID, held claim) Claim {
	c := Claim{Step: id, Run: held.place().String(), Since: held.Time}
	if _, lease, err := readLease(g.repo, g.tip, held.place()); err == nil {
		c.Login, c.Job = lease.Login, lease.Job
	}
	return c
}

// succeeded tells of a claimed step whether the run that claims it has brought it to its end; not where that cannot be read.
func (g *Git) succeeded(id run.StepID, held claim) bool {
	events, err := readEvents(g.repo, g.tip, held.place())
	if err != nil {
		return false
	}
	state, err := run.Fold(events)
	return err == nil && state.Step(id).Status == run.HasSucceeded
}

// Claimed gives the claims that other runs have on these steps, as of the newest commit that was read or written. A run
// that makes none itself, as a trigger, follows a release: of those it is given the ones whose step has not succeeded.
func (g *Git) Claimed(steps []run.StepID) ([]Claim, error) {
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	follows := g.place.effectOf(run.Event{Type: run.Intent}) == leaves
	var claimed []Claim
	for _, id := range steps {
		held, err := g.claimAt(nil, id)
		if err != nil {
			return nil, err
		}
		if held != nil && held.place() != g.place && (!follows || !g.succeeded(id, *held)) {
			claimed = append(claimed, g.told(id, *held))
		}
	}
	return claimed, nil
}
