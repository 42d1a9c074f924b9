package rehearse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// walked is a release.json of two waves.
const walked = `{
  "name": "Acme", "version": "3.9.4-SNAPSHOT", "scmHttpUrl": "https://github.com/acme",
  "components": [
    { "name": "common", "version": "1.20.2" },
    { "name": "api", "version": "1.25.1-SNAPSHOT" }, { "name": "ui", "version": "2.0.1-SNAPSHOT" },
    { "name": "gateway", "version": "3.9.4-SNAPSHOT" }
  ],
  "buildDependencies": [["common"], ["api", "ui"], ["gateway"]]
}`

// follower is told what goes on.
type follower struct{ said []string }

func (f *follower) text() string { return strings.Join(f.said, "\n") }

// alone is a setup of a release.json and of these variables: there is neither remote nor network.
func alone(manifest string, env map[string]string) (operate.Setup, *follower) {
	f := &follower{}
	ws := workspace.OpenDirectory(workspace.Options{Dir: "/nowhere", File: "release.json", Getenv: func(name string) string { return env[name] }}, "release.json")
	return operate.Setup{
		Workspace: ws.WithManifest([]byte(manifest)), HoldLimit: 24 * time.Hour,
		Tell: func(format string, args ...any) { f.said = append(f.said, fmt.Sprintf(format, args...)) },
		Warn: func(sentence string) { f.said = append(f.said, "warning: "+sentence) },
	}, f
}

// statuses are how a session left its components: "api failed".
func statuses(s *run.State) string {
	var all []string
	for _, st := range s.Steps() {
		all = append(all, st.ID.Component()+" "+string(st.Status))
	}
	return strings.Join(all, ", ")
}

const allSucceeded = "api succeeded, ui succeeded, gateway succeeded"

// TestRehearse walks through the release again and again until nothing is left; CircleCI sees nothing twice. What goes wrong is
// what was asked for.
func TestRehearse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		what    WhatIfs
		want    []string // how each session ends: its fault's kind, when it was killed, where its components stand
		started int
		atLeast time.Duration // takes the first session
	}{
		{"as it should", WhatIfs{}, []string{"0 " + allSucceeded}, 3, 20 * time.Minute},
		{"a component fails twice", WhatIfs{Fails: map[string]int{"api": 2}}, []string{
			"10 api failed, ui succeeded, gateway skipped", "10 api failed, ui succeeded, gateway skipped", "0 " + allSucceeded,
		}, 5, 10 * time.Minute},
		{"components of both waves fail", WhatIfs{Fails: map[string]int{"api": 1, "gateway": 1}}, []string{
			"10 api failed, ui succeeded, gateway skipped", "10 api succeeded, ui succeeded, gateway failed", "0 " + allSucceeded,
		}, 5, 10 * time.Minute},
		{"a component waits for an approval", WhatIfs{Holds: map[string]time.Duration{"ui": time.Hour}}, []string{"0 " + allSucceeded}, 3, 80 * time.Minute},
		{"answers are lost", WhatIfs{Answers: map[string]Answer{"api": Lost, "ui": Error, "gateway": Throttled}}, []string{"0 " + allSucceeded}, 3, 20 * time.Minute},
		{"killed before anything is sent", WhatIfs{Crashes: map[string]Moment{"gateway": AtIntent}}, []string{
			"gateway at intent: api succeeded, ui succeeded, gateway intended", "0 " + allSucceeded,
		}, 3, 10 * time.Minute},
		{"killed before the answer comes", WhatIfs{Crashes: map[string]Moment{"gateway": AtSent}}, []string{
			"gateway at sent: api succeeded, ui succeeded, gateway intended", "0 " + allSucceeded,
		}, 3, 10 * time.Minute},
		{"killed while it runs", WhatIfs{Crashes: map[string]Moment{"gateway": AtRunning}}, []string{
			"gateway at running: api succeeded, ui succeeded, gateway running", "0 " + allSucceeded,
		}, 3, 10 * time.Minute},
		{"killed when it has ended", WhatIfs{Crashes: map[string]Moment{"gateway": AtEnded}}, []string{
			"gateway at ended: " + allSucceeded, "0 " + allSucceeded,
		}, 3, 20 * time.Minute},
		{"killed, and a failure", WhatIfs{Crashes: map[string]Moment{"gateway": AtRunning}, Fails: map[string]int{"gateway": 1}}, []string{
			"gateway at running: api succeeded, ui succeeded, gateway running", "10 api succeeded, ui succeeded, gateway failed", "0 " + allSucceeded,
		}, 4, 10 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, f := alone(walked, nil)
				var takes time.Duration
				r, err := Rehearse(t.Context(), s, Options{WhatIfs: test.what, MaxParallel: 7, OnStart: func(d time.Duration) { takes = d }})
				if err != nil {
					t.Fatalf("%v\n%s", err, f.text())
				}
				var got []string
				for i, session := range r.Sessions {
					ended := fmt.Sprintf("%d ", fault.KindOf(session.Err))
					if session.Killed != nil {
						ended = fmt.Sprintf("%s at %s: ", session.Killed.Component, session.Killed.At)
					}
					got = append(got, ended+statuses(session.State))
					if session.Ended.Before(session.Began) || i > 0 && session.Began.Before(r.Sessions[i-1].Ended) || session.Source("api") != "default" {
						t.Errorf("session %d: %+v", i+1, session)
					}
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("the sessions end %q, want %q", got, test.want)
				}
				if r.Started != test.started || len(r.Twice) > 0 || r.NothingToDo || r.WhatIf != test.what.Any() || r.Parallel != 7 {
					t.Errorf("started %d, want %d, twice %q: %+v", r.Started, test.started, r.Twice, r)
				}
				first, last := r.Sessions[0], r.Sessions[len(r.Sessions)-1]
				if took := first.Ended.Sub(first.Began); took < test.atLeast {
					t.Errorf("the first session takes %s, want at least %s", took, test.atLeast)
				}
				if !last.State.Finished || takes != rehearsalTakes+2*eachWave || r.Began.After(first.Began) {
					t.Errorf("it takes %s, began %s and %s: %s", takes, r.Began, first.Began, statuses(last.State))
				}
				if r.Forecast.Likely < 19*time.Minute || r.Forecast.Likely > 25*time.Minute {
					t.Errorf("forecast: %+v", r.Forecast)
				}
				for _, want := range []string{
					"the release repository could not be read, the checkout's release.json stands for it: ",
					"CircleCI's Insights could not be read: there is no CircleCI token",
					"it is not known how long these components take: each pipeline is assumed to take 10m0s",
					"warning: without a checkout and without --branch the release branch is not known: assuming 3.9.x",
				} {
					if !strings.Contains(f.text(), want) {
						t.Errorf("not told: %q, but\n%s", want, f.text())
					}
				}
			})
		})
	}
}

// TestRehearseSome: a selection is rehearsed as it would be released.
func TestRehearseSome(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{Only: []string{"api"}}, {Except: []string{"ui", "gateway"}}} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := alone(walked, nil)
			r, err := Rehearse(t.Context(), s, o)
			if err != nil || r.Started != 1 || len(r.Sessions) != 1 || statuses(r.Sessions[0].State) != "api succeeded" || r.Sessions[0].State.Finished || r.Parallel != engine.MaxParallel {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// TestRehearseNothing: what is released has nothing to rehearse, and that is no fault.
func TestRehearseNothing(t *testing.T) {
	t.Parallel()
	s, _ := alone(strings.ReplaceAll(walked, "-SNAPSHOT", ""), nil)
	r, err := Rehearse(t.Context(), s, Options{OnStart: func(time.Duration) { t.Error("it begins") }})
	if err != nil || !r.NothingToDo || r.Plan == nil || r.State == nil || len(r.Sessions) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestRehearseRefuses what a release would refuse, and to let go wrong what is not to be released. Whoever leaves is let go.
func TestRehearseRefuses(t *testing.T) {
	t.Parallel()
	begins := func(time.Duration) { t.Error("it begins") }
	for _, test := range []struct {
		name, manifest string
		o              Options
		kind           fault.Kind
		text           string
	}{
		{"no JSON", "{", Options{}, fault.Invalid, ""},
		{"no such component", walked, Options{Only: []string{"nobody"}}, fault.Usage, ""},
		{"nobody fails", walked, Options{WhatIfs: WhatIfs{Fails: map[string]int{"nobody": 1}}}, fault.Usage, "--fail nobody: this release has no such component"},
		{"what is released already is held", walked, Options{WhatIfs: WhatIfs{Holds: map[string]time.Duration{"common": 1}}}, fault.Usage, "--hold common: this release has no such component"},
	} {
		s, _ := alone(test.manifest, nil)
		test.o.OnStart = begins
		r, err := Rehearse(t.Context(), s, test.o)
		if fault.KindOf(err) != test.kind || !strings.HasPrefix(err.Error(), test.text) || len(r.Sessions) > 0 {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s, _ := alone(walked, nil)
		left := errors.New("left")
		ctx, leave := context.WithCancelCause(t.Context())
		r, err := Rehearse(ctx, s, Options{OnStart: func(time.Duration) { leave(left) }})
		if !errors.Is(err, left) || len(r.Sessions) > 0 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// world is a release repository and a CircleCI over real HTTP.
type world struct {
	*testing.T
	sim    *sim.Sim
	host   string
	remote string
	later  atomic.Int64 // is its clock
}

func newWorld(t *testing.T, manifest string, s sim.Scenario) *world {
	t.Helper()
	w := &world{T: t, remote: gittest.Bare(t, map[string]string{"release.json": manifest}, "master")}
	gittest.Git(t, w.remote, "branch", "3.9.x", "master")
	s.Now = func() time.Time { return time.Now().Add(time.Duration(w.later.Load())) }
	s.Default.DefaultBranch = "master"
	w.sim = sim.New(s)
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	w.host = server.URL
	return w
}

// setup works on the remote, without a checkout.
func (w *world) setup(env map[string]string) (operate.Setup, *follower) {
	w.Helper()
	s, f := alone("", nil)
	all := map[string]string{"CIRCLE_HOST": w.host, "CIRCLE_TOKEN": "any"}
	maps.Copy(all, env)
	var err error
	s.Workspace, err = workspace.Open(w.Context(), workspace.Options{
		Dir: w.TempDir(), File: "release.json", Repo: w.remote, Branch: "3.9.x", Getenv: func(name string) string { return all[name] },
	})
	if err != nil {
		w.Fatal(err)
	}
	return s, f
}

// unwritten fails when anything was written since.
func (w *world) unwritten() func() {
	before := gittest.Refs(w, w.remote)
	return func() {
		w.Helper()
		if after := gittest.Refs(w, w.remote); !maps.Equal(before, after) {
			w.Errorf("refs were %v, and are %v", before, after)
		}
		for _, r := range w.sim.Requests() {
			if r.Method != "GET" && r.Method != "HEAD" {
				w.Errorf("sent: %s %s", r.Method, r.Path)
			}
		}
	}
}

// past writes the journal of a run of this plan; each event is about the component that its reason names.
func (w *world) past(version string, p *plan.Plan, events ...run.Event) {
	w.Helper()
	repo, err := gitrepo.Open(w.Context(), gitrepo.Options{URL: w.remote, Branch: "3.9.x"})
	if err != nil {
		w.Fatal(err)
	}
	h := run.Header{Schema: run.Schema, Kind: run.Release, Manifest: "release.json", Product: "Acme", Version: version, Host: w.host, Branch: "3.9.x"}
	j, _, err := journal.OpenGit(w.Context(), repo.Ref(journal.GitRef), h, journal.GitOptions{Driver: run.Driver{ID: "another"}})
	if err != nil {
		w.Fatal(err)
	}
	events = append([]run.Event{{Type: run.Opened, Header: &h}, {Type: run.Planned, Plan: p}}, events...)
	for i := range events {
		events[i].Run, events[i].Seq = h.Run(), int64(i+1)
		if events[i].Time.IsZero() {
			events[i].Time = time.Now().UTC()
		}
	}
	if err := j.Append(w.Context(), events...); err != nil {
		w.Fatal(err)
	}
	if err := j.Close(); err != nil {
		w.Fatal(err)
	}
}

func planned(components ...string) *plan.Plan {
	var w plan.Wave
	for _, c := range components {
		name, version, _ := strings.Cut(c, " ")
		w.Steps = append(w.Steps, plan.Step{Component: name, Version: version, Project: "gh/acme/" + name, Branch: "master"})
	}
	return &plan.Plan{Product: "Acme", Waves: []plan.Wave{w}}
}

// ran are the events of a pipeline that took so long and ended so.
func ran(component, version, pipeline string, took time.Duration, end run.Type) []run.Event {
	id, began := []plan.StepID{plan.ID(component, version)}, time.Now().Add(-time.Hour).UTC()
	return []run.Event{
		{Type: run.Intent, Steps: id, Send: 1, Time: began},
		{Type: run.Triggered, Steps: id, Pipeline: &run.Pipeline{ID: pipeline, Number: 1}, Time: began},
		{Type: end, Steps: id, Code: "pipeline-failed", Reason: "it broke", Time: began.Add(took)},
	}
}

// TestRehearseWithAPast: durations are those of earlier runs, else what CircleCI's Insights know, else the average; each says
// where it comes from. What has succeeded is not started again, and what has failed is. Nothing is written.
func TestRehearseWithAPast(t *testing.T) {
	t.Parallel()
	w := newWorld(t, walked, sim.Scenario{Default: sim.Project{Duration: 2 * time.Second}})
	if _, err := w.sim.Trigger("gh/acme/gateway", "3.9.x", "somebody", nil); err != nil {
		t.Fatal(err)
	}
	w.later.Store(int64(time.Hour))
	w.past("3.9.3", planned("ui 2.0.0"), ran("ui", "2.0.0", "p1", time.Second, run.Succeeded)...)
	w.past("3.9.4", planned("api 1.25.1", "ui 2.0.1"), append(ran("api", "1.25.1", "p2", time.Second, run.Failed), ran("ui", "2.0.1", "p3", 1200*time.Millisecond, run.Succeeded)...)...)
	unwritten := w.unwritten()
	s, f := w.setup(nil)
	r, err := Rehearse(t.Context(), s, Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, f.text())
	}
	unwritten()
	if r.Started != 2 || len(r.Sessions) != 1 || statuses(r.Sessions[0].State) != allSucceeded || !r.Sessions[0].State.Finished {
		t.Errorf("started %d: %+v", r.Started, r.Sessions)
	}
	source := r.Sessions[0].Source
	if got := source("api") + ", " + source("ui") + ", " + source("gateway"); got != "average, 2 runs, Insights: 1 run of release" {
		t.Errorf("the durations come from %s", got)
	}
	if f.text() != "" {
		t.Errorf("told: %s", f.text())
	}
}

// TestRehearseWithoutInsights: what CircleCI does not tell is said, and no failure: a rehearsal is a guess.
func TestRehearseWithoutInsights(t *testing.T) {
	t.Parallel()
	w := newWorld(t, walked, sim.Scenario{Tokens: []string{"the-right-one"}})
	w.past("3.9.3", planned("ui 2.0.0"), ran("ui", "2.0.0", "p1", 100*time.Millisecond, run.Succeeded)...)
	s, f := w.setup(nil)
	r, err := Rehearse(t.Context(), s, Options{})
	if err != nil || !r.Sessions[0].State.Finished || r.Sessions[0].Source("gateway") != "average" {
		t.Errorf("%+v, %v", r, err)
	}
	if !strings.HasPrefix(f.text(), "CircleCI's Insights could not be read: ") {
		t.Errorf("told: %s", f.text())
	}
}
