package jfrog

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// builds are the routes of what CI servers say of their builds.
func (a API) builds(mux *http.ServeMux) {
	mux.Handle("PUT /artifactory/api/build", a.answering(a.publishBuild))
	mux.Handle("GET /artifactory/api/build/{name}/{number}", a.answering(a.build))
	mux.Handle("GET /artifactory/api/build/{name}", a.answering(a.buildNumbers))
}

// buildTime is how build info writes times.
const buildTime = "2006-01-02T15:04:05.000-0700"

// buildProject finds out of which project a request's builds are, and the key of its repository for them.
func (a API) buildProject(r *http.Request, c ledger.Caller) (project, key string, err error) {
	q := r.URL.Query()
	project, err = a.project(c, q.Get("project"), q.Get("buildRepo"))
	return project, a.buildsOf(project), err
}

func (a API) publishBuild(r *http.Request, c ledger.Caller) (int, any, error) {
	project, key, err := a.buildProject(r, c)
	if err != nil {
		return 0, nil, err
	}
	info, err := decode[json.RawMessage](r)
	if err != nil {
		return 0, nil, err
	}
	var said *struct {
		Name    string `json:"name"`
		Number  string `json:"number"`
		Started string `json:"started"`
	}
	if json.Unmarshal(info, &said) != nil || said == nil {
		return 0, nil, errBody
	}
	started, err := time.Parse(buildTime, said.Started)
	if err != nil {
		return 0, nil, fault.New(fault.Invalid, "invalid-build", "started is %.80q, and must be as %s", said.Started, buildTime)
	}
	b := ledger.Build{Project: project, Key: key, Name: said.Name, Number: said.Number, StartedAt: started, Info: string(info)}
	return http.StatusNoContent, nil, a.Ledger.PublishBuild(r.Context(), c, b)
}

func (a API) buildAddress(name string) string {
	return a.BaseURL + "/artifactory/api/build/" + url.PathEscape(name)
}

func (a API) build(r *http.Request, c ledger.Caller) (int, any, error) {
	project, key, err := a.buildProject(r, c)
	if err != nil {
		return 0, nil, err
	}
	b, err := a.Ledger.Build(r.Context(), c, project, key, r.PathValue("name"), r.PathValue("number"))
	return http.StatusOK, struct {
		Info json.RawMessage `json:"buildInfo"`
		URI  string          `json:"uri"`
	}{json.RawMessage(b.Info), a.buildAddress(b.Name) + "/" + url.PathEscape(b.Number)}, err
}

// mostBuilds is how many of a name are listed: the newest.
const mostBuilds = 1000

func (a API) buildNumbers(r *http.Request, c ledger.Caller) (int, any, error) {
	project, key, err := a.buildProject(r, c)
	if err != nil {
		return 0, nil, err
	}
	name := r.PathValue("name")
	all, err := a.Ledger.Builds(r.Context(), c, project, key, name, mostBuilds)
	if err == nil && len(all) == 0 {
		err = fault.New(fault.NotFound, "no-build-info", "there is no build %.120s in %.120s", name, key)
	}
	type number struct {
		URI     string `json:"uri"`
		Started string `json:"started"`
	}
	numbers := []number{}
	for _, b := range all {
		numbers = append(numbers, number{"/" + url.PathEscape(b.Number), b.StartedAt.UTC().Format(buildTime)})
	}
	return http.StatusOK, struct {
		URI     string   `json:"uri"`
		Numbers []number `json:"buildsNumbers"`
	}{a.buildAddress(name), numbers}, err
}
