package gimlet

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitops"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// artifact is Gimlet's word for a shipment.
type artifact struct {
	ID           string            `json:"id,omitempty"`
	Created      int64             `json:"created,omitempty"`
	Version      *gitops.Version   `json:"version,omitempty"`
	Context      map[string]string `json:"context,omitempty"`
	Environments []json.RawMessage `json:"environments,omitempty"`
	CUE          []string          `json:"cueEnvironments,omitempty"`
	Items        []map[string]any  `json:"items,omitempty"`
	Vars         map[string]string `json:"vars,omitempty"`
	Fake         bool              `json:"fake,omitempty"`
}

func artifactOf(s ledger.Shipment) artifact {
	c := s.Contents
	return artifact{
		ID: s.ID, Created: s.CreatedAt.Unix(), Version: gitops.VersionOf(s.Revision), Context: c.Context, Environments: c.Files, CUE: c.CUE,
		Items: c.Items, Vars: c.Vars, Fake: c.Fake,
	}
}

func (a API) ship(r request) (int, any, error) {
	body, err := decode[artifact](r)
	if err != nil {
		return 0, nil, err
	}
	if body.Version == nil {
		body.Version = &gitops.Version{}
	}
	shipped, err := a.Ledger.Ship(r.Context(), r.caller, r.project, ledger.Shipment{
		Revision: body.Version.Revision(),
		Contents: ledger.Contents{
			Files: body.Environments, CUE: body.CUE, Context: body.Context, Items: body.Items, Vars: body.Vars, Fake: body.Fake,
		},
	})
	return http.StatusCreated, artifactOf(shipped), err
}

const (
	usualLimit = 10
	mostListed = 100
)

func (a API) shipments(r request) (int, any, error) {
	o, err := listOf(r)
	if err != nil {
		return 0, nil, err
	}
	all, err := a.Ledger.Shipments(r.Context(), r.caller, r.project, o)
	list := []artifact{}
	for _, s := range all {
		list = append(list, artifactOf(s))
	}
	return http.StatusOK, list, err
}

// listOf reads what a list of artifacts is to hold. Gimlet looks for the source branch where it looks for the branch.
func listOf(r request) (o ledger.ShipmentList, err error) {
	q := r.URL.Query()
	if o.Limit, err = number(r, "limit"); err != nil {
		return o, err
	}
	if o.Offset, err = number(r, "offset"); err != nil {
		return o, err
	}
	if o.Limit == 0 && o.Offset == 0 {
		o.Limit = usualLimit
	}
	o.Limit = min(o.Limit, mostListed)
	if o.Since, err = moment(r, "since"); err != nil {
		return o, err
	}
	if o.Until, err = moment(r, "until"); err != nil {
		return o, err
	}
	o.Repository, o.Branch, o.SHAs = q.Get("repository"), q.Get("branch"), q["sha"]
	if source := q.Get("sourceBranch"); source != "" {
		if o.Branch != "" && o.Branch != source {
			o.Limit = 0 // no branch has two names
		}
		o.Branch = source
	}
	if len(o.SHAs) > mostListed {
		return o, fault.New(fault.Invalid, "invalid-parameter", "sha is given %d times: at most %d times it can be", len(o.SHAs), mostListed)
	}
	if text := q.Get("event"); text != "" {
		o.Event = ledger.ParseGitEvent(text)
	}
	return o, nil
}

// number reads a parameter from 0 on; 0 stands for none.
func number(r request, name string) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 1<<30 {
		return 0, fault.New(fault.Invalid, "invalid-parameter", "%s is %.40q: it must be a number from 0", name, text)
	}
	return n, nil
}

// moment reads a time of RFC 3339; zero stands for none.
func moment(r request, name string) (time.Time, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fault.New(fault.Invalid, "invalid-parameter", "%s is no time of RFC 3339", name).Because(err)
	}
	return t, nil
}
