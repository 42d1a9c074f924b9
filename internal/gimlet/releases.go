package gimlet

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitops"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// leastSHA is how much of a commit's hash the clients show, without looking how long it is.
const leastSHA = 8

func releaseOf(d ledger.Deployment, v ledger.Revision, e ledger.Environment) *gitops.Release {
	r := &gitops.Release{
		App: d.App, Env: e.Name, ArtifactID: d.Shipment, TriggeredBy: d.Actor, GitopsRef: d.Commit.Hash,
		GitopsCommitStatus: d.Commit.Status, GitopsCommitStatusDesc: d.Commit.Message, Created: d.StartedAt.Unix(),
	}
	if !d.Commit.At.IsZero() {
		r.GitopsCommitCreated = d.Commit.At.Unix()
	}
	if e.GitOps != nil {
		r.GitopsRepo = e.GitOps.Repository
	}
	if len(v.SHA) >= leastSHA {
		r.Version = gitops.VersionOf(v)
	}
	return r
}

func (a API) deploy(r request) (int, any, error) {
	body, err := decode[struct {
		Env        string `json:"env"`
		App        string `json:"app"`
		ArtifactID string `json:"artifactId"`
	}](r)
	switch {
	case err != nil:
		return 0, nil, err
	case body.Env == "":
		return 0, nil, missing("env")
	case body.ArtifactID == "":
		return 0, nil, missing("artifact")
	}
	b, err := a.Ledger.DeployApps(r.Context(), r.caller, r.project, body.Env, body.ArtifactID, ledger.AppsOptions{App: body.App, Refuse: true})
	if fault.Is(err, "no-shipment") {
		err = fault.New(fault.NotFound, "no-artifact", "cannot find artifact with id %.300s", body.ArtifactID)
	}
	return http.StatusCreated, made{b.ID, "release"}, err
}

// made is the answer to what asks for a batch.
type made struct {
	ID   string `json:"id"`
	Type string `json:"type,omitempty"`
}

// needed reads parameters that a request must have.
func needed(r request, names ...string) ([]string, error) {
	var values []string
	for _, name := range names {
		value := r.URL.Query().Get(name)
		if value == "" {
			return nil, missing(name)
		}
		values = append(values, value)
	}
	return values, nil
}

func (a API) rollback(r request) (int, any, error) {
	p, err := needed(r, "env", "app", "sha")
	if err != nil {
		return 0, nil, err
	}
	b, err := a.Ledger.RollbackApp(r.Context(), r.caller, r.project, p[0], p[1], ledger.RollbackAppOptions{To: p[2], Refuse: true})
	return http.StatusCreated, made{ID: b.ID}, err
}

// sinceDays is how far back releases are listed unless somebody wants more.
const sinceDays = 30

func (a API) releases(r request) (int, any, error) {
	o, reverse, err := releasesOf(r)
	if err != nil {
		return 0, nil, err
	}
	all, e, err := a.Ledger.Rollouts(r.Context(), r.caller, r.project, r.URL.Query().Get("env"), o)
	list := []*gitops.Release{}
	for _, d := range all {
		one := releaseOf(d.Deployment, d.Revision, e)
		one.RolledBack = d.RolledBack
		list = append(list, one)
	}
	if reverse {
		slices.Reverse(list)
	}
	return http.StatusOK, list, err
}

func releasesOf(r request) (o ledger.RolloutList, reverse bool, err error) {
	q := r.URL.Query()
	if _, err := needed(r, "env"); err != nil {
		return o, false, err
	}
	o = ledger.RolloutList{App: q.Get("app"), Repository: q.Get("git-repo"), Limit: usualLimit}
	if text := q.Get("limit"); text != "-1" {
		n, err := number(r, "limit")
		if err != nil {
			return o, false, err
		}
		if text != "" {
			o.Limit = n
		}
	} else {
		o.Limit = ledger.MostRollouts
	}
	if text := q.Get("reverse"); text != "" {
		if reverse, err = strconv.ParseBool(text); err != nil {
			return o, false, fault.New(fault.Invalid, "invalid-parameter", "reverse is %.40q: true or false", text)
		}
	}
	if o.Since, err = moment(r, "since"); err != nil {
		return o, false, err
	}
	if o.Since.IsZero() {
		o.Since = time.Now().AddDate(0, 0, -sinceDays)
	}
	o.Until, err = moment(r, "until")
	return o, reverse, err
}

func (a API) status(r request) (int, any, error) {
	if _, err := needed(r, "env"); err != nil {
		return 0, nil, err
	}
	all, e, err := a.Ledger.CurrentApps(r.Context(), r.caller, r.project, r.URL.Query().Get("env"))
	app := r.URL.Query().Get("app")
	runs := map[string]*gitops.Release{}
	if app != "" {
		runs[app] = nil
	}
	for _, each := range all {
		switch {
		case app != "" && each.Name != app:
		case each.Current == nil:
			runs[each.Name] = nil
		default:
			runs[each.Name] = releaseOf(*each.Current, each.Revision, e)
		}
	}
	if fault.Is(err, "no-environment") { // that is what Gimlet says
		err = fault.New(fault.NotFound, "unknown-environment", "%s", err)
	}
	return http.StatusOK, runs, err
}

// deleteWithin is how long a removal is waited for, as Gimlet does. Its clients give up after a minute.
const (
	deleteWithin = 50 * time.Second
	deleteLook   = 500 * time.Millisecond
)

func (a API) remove(r request) (int, any, error) {
	p, err := needed(r, "env", "app")
	if err != nil {
		return 0, nil, err
	}
	b, err := a.Ledger.DeleteApp(r.Context(), r.caller, r.project, p[0], p[1], ledger.DeleteAppOptions{Refuse: true})
	return http.StatusOK, made{ID: b.ID}, err
}

// removed waits for the end of the removal that was asked for.
func (a API) removed(r request, answer string) (string, error) {
	ctx, cancel := context.WithTimeout(r.Context(), deleteWithin)
	defer cancel()
	var asked made
	_, text, _ := strings.Cut(answer, " ")
	if err := json.Unmarshal([]byte(text), &asked); err != nil {
		return "", err
	}
	for {
		b, err := a.Ledger.Batch(ctx, r.caller, r.project, asked.ID)
		switch t := trackOf(b); {
		case err != nil && ctx.Err() != nil:
			return "", errSlow
		case err != nil:
			return "", err
		case t.failed() != "":
			return "", fault.New(fault.Stopped, "not-deleted", "%s", t.failed())
		case t.done():
			return "200 {}", nil
		case t.Desc != "": // it waits for persons
			return "", fault.New(fault.Stopped, "not-deleted", "%s", t.Desc)
		}
		select {
		case <-ctx.Done():
			return "", errSlow
		case <-time.After(deleteLook):
		}
	}
}

var errSlow = fault.New(fault.Timeout, "not-deleted-yet", "the app is not deleted yet: it goes on, and gimlet release status tells")
