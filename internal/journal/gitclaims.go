package journal

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// claim is a file below claims/.
type claim struct {
	Run      string    `json:"run"`
	Manifest string    `json:"manifest"`
	Driver   string    `json:"driver"`
	Time     time.Time `json:"time"`
}

func (c claim) key() key { return key{manifest: c.Manifest, run: c.Run} }

// claim is the path of a claim. It escapes what would be a directory of its own.
func (k key) claim(id plan.StepID) string {
	return ClaimSpace(k.kind()) + "/" + url.PathEscape(id.Component()) + "/" + url.PathEscape(id.Version())
}

// claims are the files that the events change on top of the newest tip. A version that another run has claimed is the fault of
// Elsewhere.
func (g *Git) claims(events []run.Event) (map[string][]byte, error) {
	changes, refused, err := ClaimChanges(g.key.kind(), events, func(id plan.StepID) (Holder, error) {
		_, holder, err := g.claimAt(id)
		return holder, err
	})
	if err != nil {
		return nil, err
	}
	if len(refused) > 0 {
		return nil, g.elsewhere(refused)
	}
	files := map[string][]byte{}
	for id, change := range changes {
		var data []byte // nil removes the file
		if change == WriteClaim {
			if data, err = json.Marshal(claim{Run: g.key.run, Manifest: g.key.manifest, Driver: g.options.Driver.ID, Time: g.now()}); err != nil {
				return nil, err
			}
		}
		files[g.key.claim(id)] = data
	}
	return files, nil
}

// elsewhere is the fault that names who claims these steps.
func (g *Git) elsewhere(refused []plan.StepID) error {
	var all []Claim
	for _, id := range refused {
		held, _, err := g.claimAt(id)
		if err != nil {
			return err
		}
		all = append(all, g.withDriver(id, held))
	}
	return Elsewhere(all)
}

// claimAt gives the claim of a step at the tip, and whose it is.
func (g *Git) claimAt(id plan.StepID) (claim, Holder, error) {
	var held claim
	if g.tip == "" {
		return held, Nobody, nil
	}
	path := g.key.claim(id)
	data, err := g.repo.Read(g.tip, path)
	if err != nil || data == nil {
		return held, Nobody, err
	}
	if err := json.Unmarshal(data, &held); err != nil {
		return held, Nobody, damaged(shown(g.repo, path), 1, err)
	}
	if held.key() == g.key {
		return held, Ourselves, nil
	}
	return held, AnotherRun, nil
}

// withDriver adds who drives, or drove, the run that has a claim. It is for people: where it cannot be read it is missing.
func (g *Git) withDriver(id plan.StepID, held claim) Claim {
	c := Claim{Step: id, Run: held.key().String(), Since: held.Time}
	if lease, err := readLease(g.repo, g.tip, held.key()); err == nil {
		c.Login, c.Job = lease.Login, lease.Job
	}
	return c
}

// succeeded tells whether the run that has claimed a step has brought it to success; false where that cannot be read.
func (g *Git) succeeded(id plan.StepID, held claim) bool {
	events, err := readEvents(g.repo, g.tip, held.key())
	if err != nil {
		return false
	}
	state, err := run.Fold(events)
	return err == nil && state.Step(id).Status == run.HasSucceeded
}

// Claimed gives the claims of other runs that keep this one from these steps, as of the newest commit that was read or written.
func (g *Git) Claimed(steps []plan.StepID) ([]Claim, error) {
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	var claimed []Claim
	for _, id := range steps {
		held, holder, err := g.claimAt(id)
		if err != nil {
			return nil, err
		}
		if Hinders(g.key.kind(), holder, func() bool { return g.succeeded(id, held) }) {
			claimed = append(claimed, g.withDriver(id, held))
		}
	}
	return claimed, nil
}
