package doctor

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// release is release.json of the worlds: one component to be released on its own line, one that follows the product, and one
// that is released.
const release = `{
  "name": "Acme",
  "version": "3.9.4-SNAPSHOT",
  "scmHttpUrl": "https://github.com/acme",
  "components": [
    {"name": "api", "version": "1.2.3-SNAPSHOT"},
    {"name": "web"},
    {"name": "common", "version": "1.1.0", "since": "3.9.0"}
  ],
  "buildDependencies": [["api", "web"]]
}`

// world is a CircleCI and a GitHub in the process, by a clock that only the test moves.
type world struct {
	*testing.T
	sim   *sim.Sim
	ahead atomic.Int64 // of start, in nanoseconds
}

var start = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, scenario sim.Scenario) *world {
	t.Helper()
	w := &world{T: t}
	scenario.Login, scenario.Now = "bot", func() time.Time { return start.Add(time.Duration(w.ahead.Load())) }
	if scenario.Projects == nil {
		scenario.Projects = map[string]sim.Project{"gh/acme/api": {}, "gh/acme/web": {}, "gh/acme/common": {}}
	}
	w.sim = sim.New(scenario)
	t.Cleanup(w.sim.Close)
	return w
}

// plainWorld has repositories that say the same as release.json.
func plainWorld(t *testing.T) *world {
	t.Helper()
	return newWorld(t, sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{
		"acme/api": {Version: "1.2.3-SNAPSHOT"}, "acme/web": {Version: "3.9.4-SNAPSHOT"}, "acme/common": {Tags: []string{"1.1.0"}},
	}}})
}

// wait moves the clock.
func (w *world) wait(d time.Duration) { w.ahead.Add(int64(d)) }

// trigger makes a pipeline of api on its branch by the API.
func (w *world) trigger(login string) sim.Pipeline {
	w.Helper()
	p, err := w.sim.Trigger("gh/acme/api", "1.2.x", login, nil)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) client() *http.Client { return &http.Client{Transport: w.sim.Transport()} }

// question asks about release.json on its support branch; changes are made to its text, pair by pair.
func (w *world) question(changes ...string) Question {
	w.Helper()
	gh, err := github.New(github.Options{URL: sim.URL + "/api/v3", Token: "any", HTTP: w.client()})
	if err != nil {
		w.Fatal(err)
	}
	m, err := manifest.Parse("release.json", []byte(strings.NewReplacer(changes...).Replace(release)))
	if err != nil {
		w.Fatal(err)
	}
	return Question{
		Manifest: m, Options: plan.Options{Branch: "3.9.x", MainBranch: "master", ComponentMain: "main"},
		CI: circleci.New(circleci.Options{Host: sim.URL, Token: "any", HTTP: w.client()}), GitHub: gh,
	}
}

func (w *world) examine(q Question) *Report {
	w.Helper()
	r, err := Examine(w.Context(), q)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// row is the row of a component.
func (r *Report) row(component string) Row {
	for _, row := range r.Components {
		if row.Component == component {
			return row
		}
	}
	return Row{}
}

// stateOf is the state of a run that planned release.json, and in which this happened besides.
func stateOf(t *testing.T, q Question, events ...run.Event) *run.State {
	t.Helper()
	p, err := plan.Make(q.Manifest, q.Options)
	if err != nil {
		t.Fatal(err)
	}
	events = append([]run.Event{{Type: run.Opened, Header: &rebuiltHeader}, {Type: run.Planned, Plan: p, Driver: &run.Driver{ID: "d"}}}, events...)
	for i := range events {
		events[i].Run, events[i].Seq, events[i].Time = rebuiltHeader.Run(), int64(i+1), start
	}
	state, err := run.Fold(events)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// triggered are the events of an attempt in that pipeline.
func triggered(id plan.StepID, p sim.Pipeline, more ...run.Event) []run.Event {
	events := []run.Event{
		{Type: run.Intent, Send: 1, Project: p.Project, Branch: p.Branch},
		{Type: run.Triggered, Pipeline: &run.Pipeline{ID: p.ID, Number: p.Number}},
	}
	events = append(events, more...)
	for i := range events {
		events[i].Steps = []plan.StepID{id}
	}
	return events
}
