package gimlet

import (
	"net/http"

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
	App               string `json:"app,omitempty"`
	Env               string `json:"env,omitempty"`
	Hash              string `json:"hash,omitempty"`
	Status            string `json:"status,omitempty"`
	Desc              string `json:"statusDesc,omitempty"`
	GitopsCommit      string `json:"gitopsCommitStatus,omitempty"`
	GitopsCommitsDesc string `json:"gitopsCommitStatusDesc,omitempty"`
}

func trackOf(b ledger.ShownBatch) track {
	return track{Status: "processed", Desc: b.Message, Results: []result{}}
}

func (a API) trackShipment(r request) (int, any, error) {
	id := r.URL.Query().Get("artifactId")
	if id == "" {
		return 0, nil, missing("artifactId")
	}
	b, err := a.Ledger.BatchOfShipment(r.Context(), r.caller, r.project, id)
	return http.StatusOK, trackOf(b), err
}
