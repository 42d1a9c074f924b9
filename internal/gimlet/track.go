package gimlet

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// track says how far a request is.
type track struct {
	Type    string   `json:"type"`
	Status  string   `json:"status"`
	Desc    string   `json:"statusDesc"`
	Results []result `json:"results"` // never null: old clients take that for another shape
}

// result is what became of one app.
type result struct {
	App        string `json:"app,omitempty"`
	Env        string `json:"env,omitempty"`
	Hash       string `json:"hash,omitempty"`
	Status     string `json:"status,omitempty"`
	Desc       string `json:"statusDesc,omitempty"`
	Commit     string `json:"gitopsCommitStatus,omitempty"`
	CommitDesc string `json:"gitopsCommitStatusDesc,omitempty"`
}

// Statuses of requests, and of results.
const (
	isNew     = "new"
	processed = "processed"
	success   = "success"
	failure   = "failure"
	pending   = "pending"
)

// Statuses of commits that Flux does not know. Old clients wait for as long as they may unless one of a failure has Failed in it.
const (
	gateFailed    = "GateFailed"
	releaseFailed = "ReleaseFailed"
)

// types are Gimlet's words for what was asked for; the one of a shipment is empty.
var types = map[ledger.BatchKind]string{
	ledger.OfDeploy: "release", ledger.OfRollback: "rollback", ledger.OfDelete: "delete", ledger.BranchDeleted: "branchDeleted",
}

// trackOf tells how far a batch is. What the policies of a shipment could not deploy, or what waits for persons, is no failure of who
// shipped it: it is told, and nobody waits for it.
func trackOf(b ledger.ShownBatch) track {
	t := track{Type: types[b.Kind], Status: processed, Results: []result{}}
	byPolicy := b.Kind == ledger.OfShipment || b.Kind == ledger.BranchDeleted
	said := []string{}
	if b.Message != "" {
		said = append(said, b.Message)
	}
	for _, r := range b.Refused {
		if byPolicy {
			said = append(said, fmt.Sprintf("%s -> %s: %s", r.App, r.Environment, r.Why))
			continue
		}
		t.Results = append(t.Results, result{App: r.App, Env: r.Environment, Status: failure, Desc: r.Why, Commit: gateFailed, CommitDesc: r.Why})
	}
	for _, d := range b.Deployments {
		environment := b.Environments[d.Environment].Name
		r := resultOf(d)
		r.App, r.Env = d.App, environment
		forPersons := r.Status == pending && d.WaitsForPersons()
		switch {
		case byPolicy && (forPersons || d.Status == ledger.Canceled):
			said = append(said, fmt.Sprintf("%s -> %s: %s", d.App, environment, d.Message))
			continue
		case forPersons:
			said = append(said, fmt.Sprintf("%s: gio deployment approve %s", d.Message, d.ID))
		}
		if r.Status == pending {
			t.Status = isNew
		}
		t.Results = append(t.Results, r)
	}
	t.Desc = strings.Join(said, "; ")
	return t
}

// resultOf tells what became of a deployment.
func resultOf(d ledger.Deployment) result {
	r := result{Hash: d.Commit.Hash, Commit: d.Commit.Status, CommitDesc: d.Commit.Message}
	switch {
	case d.Commit.Hash != "":
		r.Status = success
	case d.Status == ledger.Success: // nothing had to change, so there is nothing to wait for
		r.Status, r.Commit, r.CommitDesc = success, ledger.ReconciliationSucceeded, "nothing had to change"
	case d.Status.Ended() || d.Status == ledger.Unknown:
		r.Status, r.Desc, r.Commit, r.CommitDesc = failure, d.Message, releaseFailed, d.Message
	default:
		r.Status, r.Desc = pending, d.Message
	}
	return r
}

// failed is why a request has failed; "" where it has not.
func (t track) failed() string {
	for _, r := range t.Results {
		if r.Status == failure || strings.Contains(r.Commit, "Failed") {
			return strings.TrimSpace(r.App + " -> " + r.Env + ": " + r.Commit + " " + r.CommitDesc)
		}
	}
	return ""
}

// done tells that all of a request is applied.
func (t track) done() bool {
	for _, r := range t.Results {
		if r.Commit != ledger.ReconciliationSucceeded {
			return false
		}
	}
	return t.Status == processed
}

func (a API) trackShipment(r request) (int, any, error) {
	id, err := needed(r, "artifactId")
	if err != nil {
		return 0, nil, err
	}
	b, err := a.Ledger.BatchOfShipment(r.Context(), r.caller, r.project, id[0])
	return http.StatusOK, trackOf(b), err
}

func (a API) trackBatch(r request) (int, any, error) {
	id, err := needed(r, "id")
	if err != nil {
		return 0, nil, err
	}
	b, err := a.Ledger.Batch(r.Context(), r.caller, r.project, id[0])
	return http.StatusOK, trackOf(b), err
}

// oldTrack is what clients before 0.18 understand.
type oldTrack struct {
	Status string    `json:"status"`
	Desc   string    `json:"statusDesc"`
	Hashes []oldHash `json:"gitopsHashes"`
}

type oldHash struct {
	Hash   string `json:"hash"`
	Status string `json:"status"`
	Desc   string `json:"statusDesc"`
}

// trackEither is the one track of old clients, for releases and artifacts alike.
func (a API) trackEither(r request) (int, any, error) {
	id, err := needed(r, "id")
	if err != nil {
		return 0, nil, err
	}
	b, err := a.Ledger.Batch(r.Context(), r.caller, r.project, id[0])
	if fault.Is(err, "no-batch") {
		b, err = a.Ledger.BatchOfShipment(r.Context(), r.caller, r.project, id[0])
	}
	t := trackOf(b)
	old := oldTrack{Status: t.Status, Desc: t.Desc, Hashes: []oldHash{}}
	if why := t.failed(); why != "" && old.Status == processed { // they know no results
		old.Status, old.Desc = "error", why
	}
	for _, r := range t.Results {
		if r.Hash != "" {
			old.Hashes = append(old.Hashes, oldHash{r.Hash, r.Commit, r.CommitDesc})
		}
	}
	return http.StatusOK, old, err
}
