package check

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

const releaseJSON = `{
    "name": "Acme",
    "version": "3.9.4-SNAPSHOT",
    "scmHttpUrl": "https://github.com/acme",
    "components": [
        { "name": "common", "version": "1.20.2", "since": "3.9.0" },
        { "name": "api", "version": "1.25.1-SNAPSHOT" },
        { "name": "definition", "version": "1.29.0-SNAPSHOT" },
        { "name": "gateway", "version": "3.9.4-SNAPSHOT" }
    ],
    "buildDependencies": [
        ["common"],
        ["api", "definition"],
        ["gateway"]
    ]
}
`

// takesAll is a configuration that declares what a release sends.
const takesAll = `version: 2.1
parameters:
  gio_action: {type: enum, enum: [release, nexus_staging, ""], default: ""}
  dry_run: {type: boolean, default: true}
`

// world is a CircleCI and a GitHub in the process, and the question that they are asked.
type world struct {
	sim.Scenario
	manifest string
	options  plan.Options
	clock    *atomic.Int64                         // how long after noon it is for CircleCI and GitHub
	state    []run.Event                           // of the run, behind opened and planned; nil: there is none
	before   func(testing.TB, *sim.Sim)            // happens before the question
	ask      func(testing.TB, *sim.Sim, *Question) // changes the question
}

// noon is when worlds begin.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// ready is a world in which nothing is wrong.
func ready() *world {
	w := &world{manifest: releaseJSON, options: plan.Options{Branch: "3.9.x", MainBranch: "master"}, clock: new(atomic.Int64)}
	w.Now = func() time.Time { return noon.Add(time.Duration(w.clock.Load())) }
	w.Login, w.PageSize = "release-bot", 100
	w.Default = sim.Project{
		DefaultBranch: "master", Parameters: map[string]string{"gio_action": "string", "dry_run": "boolean"},
		Duration: time.Hour,
	}
	w.Projects = map[string]sim.Project{}
	w.GitHub = &sim.GitHub{Repositories: map[string]sim.Repository{
		"acme/common":     {Branches: map[string]sim.Branch{"1.20.x": {Commits: []sim.Commit{{Message: "work", Tag: "1.20.2"}}}}},
		"acme/api":        {Version: "1.25.1-SNAPSHOT", Tags: []string{"1.25.0", "1.25.11"}},
		"acme/definition": {Version: "1.29.0-SNAPSHOT"},
		"acme/gateway":    {Version: "3.9.4-SNAPSHOT"},
		"acme/release":    {Branches: map[string]sim.Branch{"3.9.x": {}}},
	}}
	return w
}

// repository changes a repository on GitHub.
func (w *world) repository(name string, edit func(*sim.Repository)) {
	r := w.GitHub.Repositories[name]
	edit(&r)
	w.GitHub.Repositories[name] = r
}

// holds replaces a repository by one whose branch has these files and no others, but for those of version.
func (w *world) holds(name, branch, version string, files map[string]string) {
	w.GitHub.Repositories[name] = sim.Repository{Branches: map[string]sim.Branch{branch: {Version: version, Files: files}}}
}

// answers lets CircleCI answer requests to an endpoint about a project with a status and a body, always.
func (w *world) answers(endpoint, project string, status int, body string) {
	w.Faults = append(w.Faults, answer(endpoint, project, status, body))
}

// hubAnswers lets GitHub do the same.
func (w *world) hubAnswers(endpoint, repository string, status int) {
	w.GitHub.Faults = append(w.GitHub.Faults, answer(endpoint, repository, status, `{"message":"a bad day"}`))
}

func answer(endpoint, about string, status int, body string) sim.Fault {
	return sim.Fault{Match: sim.Match{Endpoint: endpoint, Project: about}, Kind: sim.Answer, Status: status, Body: body, Times: -1}
}

// open makes the world and its question.
func (w *world) open(t testing.TB) (*sim.Sim, Question) {
	t.Helper()
	s := sim.New(w.Scenario)
	m, err := manifest.Parse("release.json", []byte(w.manifest))
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Make(m, w.options)
	if err != nil {
		t.Fatal(err)
	}
	hub, err := github.New(github.Options{URL: sim.URL + "/api/v3", Token: "a-token", HTTP: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	if w.before != nil {
		w.before(t, s)
	}
	q := Question{
		Plan: p, Options: w.options, GitHub: hub, CI: circleci.New(circleci.Options{Host: sim.URL, Token: "a-token", HTTP: s.Client()}),
	}
	if w.state != nil {
		q.State = fold(t, p, w.state)
	}
	if w.ask != nil {
		w.ask(t, s, &q)
	}
	return s, q
}

// check asks the question. That only reads.
func (w *world) check(t testing.TB) Report {
	t.Helper()
	s, q := w.open(t)
	defer s.Close()
	r, err := Run(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range s.Requests() {
		if request.Method != "GET" {
			t.Errorf("it sent %s %s", request.Method, request.Path)
		}
	}
	return r
}

// lines are findings as "severity code component".
func lines(findings []Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Severity, f.Code, f.Component)))
	}
	return all
}

// text is all that a report says.
func text(t testing.TB, r Report) string {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\"`, `"`).Replace(string(data))
}

// planted is a world with something wrong, and what a check says about it: the findings in their order, the exit code, and a
// part of their text.
type planted struct {
	name  string
	plant func(*world)
	want  []string
	exit  int
	says  string
}

func checkPlanted(t *testing.T, tests []planted) {
	t.Helper()
	for _, tt := range tests {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			w := ready()
			tt.plant(w)
			r := w.check(t)
			if diff := cmp.Diff(tt.want, lines(r.Findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if got := exitOf(r); got != tt.exit {
				t.Errorf("exit %d, want %d", got, tt.exit)
			}
			if said := text(t, r); !strings.Contains(said, tt.says) {
				t.Errorf("it does not say %q: %s", tt.says, said)
			}
			for _, f := range r.Findings {
				if f.What == "" || f.Severity == Error && f.Do == "" {
					t.Errorf("it does not say what is wrong, or what to do: %+v", f)
				}
			}
		})
	}
}

// fold is the state after a journal with these events behind opened and planned.
func fold(t testing.TB, p *plan.Plan, events []run.Event) *run.State {
	t.Helper()
	opened := run.Event{Type: run.Opened, Header: &run.Header{Schema: run.Schema, Kind: run.Release, Version: p.Version}}
	planned := run.Event{Type: run.Planned, Plan: p, Driver: &run.Driver{ID: "driver"}}
	all := slices.Concat([]run.Event{opened, planned}, events)
	for n := range all {
		all[n].Run, all[n].Seq = "release/"+p.Version, int64(n+1)
	}
	state, err := run.Fold(all)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// attempt is what a journal says of an attempt that has a pipeline.
func attempt(id plan.StepID, pipeline string, more ...run.Event) []run.Event {
	events := []run.Event{
		{Type: run.Intent, Steps: []plan.StepID{id}, Send: 1, Project: "gh/acme/x"},
		{Type: run.Triggered, Steps: []plan.StepID{id}, Pipeline: &run.Pipeline{ID: pipeline}},
	}
	for _, e := range more {
		e.Steps = []plan.StepID{id}
		events = append(events, e)
	}
	return events
}

var (
	api        = plan.ID("api", "1.25.1")
	definition = plan.ID("definition", "1.29.0")
)

// TestNothingIsWrong: the world of all other tests has no finding of its own.
func TestNothingIsWrong(t *testing.T) {
	t.Parallel()
	r := ready().check(t)
	if got := text(t, r); got != `{"findings":[],"components":3,"requests":0}` || r.Err() != nil {
		t.Errorf("%s, %v", got, r.Err())
	}
}
