package operate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// held is a scenario in which the first pipeline of the api waits for an approval.
func held() sim.Scenario {
	return sim.Scenario{Projects: map[string]sim.Project{"gh/acme/api": {Runs: []sim.Run{{Outcome: sim.Held}}}}}
}

// holds waits until the first pipeline waits for an approval.
func (w *world) holds() {
	w.Helper()
	w.awaits("the pipeline waits for an approval", func() bool {
		return len(w.sim.Pipelines()) > 0 && w.sim.Pipelines()[0].Outcome == "on_hold"
	})
}

// TestApprove: the job that waits is found and approved; once more there is nothing to do.
func TestApprove(t *testing.T) {
	t.Parallel()
	w := plant{Scenario: held()}.grow(t)
	api2 := step("api-docs", "1.25.1", "1.25.x")
	r := w.begun(run.Release, "3.9.4", []plan.Step{apiStep, api2, step("gateway", "3.9.4", "3.9.x")}).started(apiStep)
	w.holds()
	o, sel := w.operator(), operate.Selector{}
	a, err := operate.FindApproval(t.Context(), o.Setup, sel, "api", "")
	if err != nil {
		t.Fatal(err)
	}
	if a.Already || a.Job.Job.Name != "hold" || len(a.Steps) != 1 || a.Steps[0].ID != apiStep.ID() || !strings.Contains(a.URL, "/pipelines/gh/acme/api/1/workflows/"+a.Job.Workflow.ID) {
		t.Errorf("found: %+v", a)
	}
	if d := a.DriverStatus(time.Now()); d.State != run.Drives || d.Login != "octocat" {
		t.Errorf("its driver: %+v", d)
	}
	for _, test := range []struct {
		component, job string
		kind           fault.Kind
		code           string
	}{
		{"nobody", "", fault.NotFound, "no-step"},
		{"gateway", "", fault.Invalid, "no-pipeline"},
		{"api", "deploy", fault.NotFound, "no-job"},
	} {
		_, err := operate.FindApproval(t.Context(), o.Setup, sel, test.component, test.job)
		w.ofKind(err, test.kind, test.code)
	}
	if err := a.Approve(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, err := operate.FindApproval(t.Context(), o.Setup, sel, "api", "release/hold")
	if err != nil || !again.Already {
		t.Errorf("approved, and found: %+v, %v", again, err)
	}
	r.left()
	if _, err := operate.FindApproval(t.Context(), o.Setup, operate.Selector{Version: "3.9.9"}, "api", ""); !fault.Is(err, "no-journal") {
		t.Errorf("of a version without a run: %v", err)
	}
	w.env["CIRCLE_HOST"] = "https://circleci.example"
	_, err = operate.FindApproval(t.Context(), w.operator().Setup, sel, "api", "")
	w.ofKind(err, fault.Invalid, "other-host")
}

// TestApproveSharing: components that share the pipeline are approved together, and are named.
func TestApproveSharing(t *testing.T) {
	t.Parallel()
	w := plant{Scenario: held()}.grow(t)
	second := apiStep
	second.Component = "api-docs"
	third := step("gateway", "3.9.4", "3.9.x")
	r := w.begun(run.Release, "3.9.4", []plan.Step{apiStep, second, third})
	made, err := w.ci().Trigger(t.Context(), circleci.TriggerRequest{Project: apiStep.Project, Branch: apiStep.Branch})
	if err != nil {
		t.Fatal(err)
	}
	ids := []plan.StepID{apiStep.ID(), second.ID()}
	r.note(run.Event{Type: run.Intent, Steps: ids, Send: 1}).note(run.Event{Type: run.Triggered, Steps: ids, Pipeline: &run.Pipeline{ID: made.ID, Number: made.Number}})
	w.holds()
	a, err := operate.FindApproval(t.Context(), w.operator().Setup, operate.Selector{}, "api-docs", "")
	if err != nil || len(a.Steps) != 2 || a.Steps[0].ID != second.ID() || a.Steps[1].ID != apiStep.ID() {
		t.Errorf("found: %+v, %v", a, err)
	}
}

// cancels is one gio cancel.
func (o *operator) cancels(components ...string) (*operate.Cancellation, []engine.Cancelled, error) {
	o.w.Helper()
	c, err := operate.NewCancellation(o.w.Context(), o.Setup, operate.Selector{Version: "3.9.4"}, components, false)
	if err != nil {
		o.w.Fatal(err)
	}
	if c.NothingToDo() {
		o.w.Fatalf("there is nothing to cancel: %+v", c.State.Steps())
	}
	ended, err := c.Run(o.w.Context())
	return c, ended, err
}

func fates(all []engine.Cancelled) []string {
	var said []string
	for _, c := range all {
		for _, st := range c.Steps {
			said = append(said, st.ID.Component()+" "+string(c.Fate))
		}
	}
	return said
}

// TestCancelDriven: the driver of a run that is cancelled starts nothing more, notes how its pipelines ended, records what
// succeeded and leaves; the next release goes on.
func TestCancelDriven(t *testing.T) {
	t.Parallel()
	groups := strings.NewReplacer(`["common"]`, `["common", "definition"]`, `["api", "definition"]`, `["api"]`).Replace(product)
	w := plant{Scenario: held(), manifest: groups}.grow(t)
	driver := w.operator()
	isSeen := driver.sees(isHeld) // when the journal holds the success of the wave before
	end := driver.drives(operate.ReleaseOptions{})
	isSeen()
	c, said, cancelled := w.operator().cancels()
	r, err := end()
	if cancelled != nil || c.Ours || !c.Ended || !c.HasDriver() {
		t.Errorf("cancelled: %v, %+v", cancelled, c)
	}
	w.wants("cancelled", fates(said), []string{"api cancelled"})
	w.ofKind(err, fault.Cancelled, "run-cancelled")
	w.wants("the driver saw", ended(r.State), []string{"definition succeeded", "api failed", "gateway skipped"})
	w.wants("recorded", w.versions(), []string{"common 1.20.2 3.9.0", "api 1.25.1-SNAPSHOT", "definition 1.29.1 3.9.4", "gateway 3.9.4-SNAPSHOT"})
	after, err := operate.NewCancellation(t.Context(), w.operator().Setup, operate.Selector{}, nil, false)
	if err != nil || !after.NothingToDo() {
		t.Errorf("something is left to cancel: %+v, %v", after, err)
	}
	if r := w.operator().released(operate.ReleaseOptions{}); !r.State.Finished {
		t.Errorf("the next release: %v", ended(r.State))
	}
	w.neverTwice()
}

// TestCancelSome: the driver of a run of which some components are cancelled goes on as after a failure of these.
func TestCancelSome(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single, Scenario: held()}.grow(t)
	driver := w.operator()
	isSeen := driver.sees(isHeld)
	end := driver.drives(operate.ReleaseOptions{})
	isSeen()
	c, said, cancelled := w.operator().cancels("api")
	r, err := end()
	w.ofKind(err, fault.PipelineFailed, "pipeline-failed")
	if cancelled != nil || c.Ours || !c.Ended {
		t.Errorf("cancelled: %v, %+v", cancelled, c)
	}
	w.wants("cancelled", fates(said), []string{"api cancelled"})
	w.wants("the driver saw", ended(r.State), []string{"api failed"})
}

// TestCancelAlone: where nobody drives, the outcome is noted here, and nobody can begin meanwhile. With names, the others go on.
func TestCancelAlone(t *testing.T) {
	t.Parallel()
	gateway := step("gateway", "3.9.4", "3.9.x")
	for _, test := range []struct {
		components []string
		want       []string
		left       []string
	}{
		{nil, []string{"api cancelled", "gateway cancelled"}, []string{"api failed", "gateway failed"}},
		{[]string{"gateway"}, []string{"gateway cancelled"}, []string{"api running", "gateway failed"}},
	} {
		t.Run(fmt.Sprint(test.components), func(t *testing.T) {
			t.Parallel()
			w := plant{Scenario: sim.Scenario{Default: sim.Project{Duration: time.Hour}}}.grow(t)
			w.begun(run.Release, "3.9.4", []plan.Step{apiStep, gateway}).started(apiStep).started(gateway).left()
			c, said, err := w.operator().cancels(test.components...)
			if err != nil || !c.Ours || !c.Ended || c.HasDriver() {
				t.Errorf("cancelled: %+v, %v", c, err)
			}
			w.wants("cancelled", sorted(fates(said)), test.want)
			k := w.operator().read(operate.Selector{})
			w.wants("noted", ended(k.State), test.left)
			if d := k.DriverStatus(time.Now()); d.State != run.GaveBack || d.Login != "release-bot" {
				t.Errorf("the journal was not given back: %+v", d)
			}
			if err := run.Check(k.Events); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCancelNothing: of a run that somebody drives there is always somebody to tell; of components only what runs counts.
func TestCancelNothing(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	r := w.begun(run.Release, "3.9.4", []plan.Step{apiStep})
	sel := operate.Selector{}
	is := func(nothing bool, components []string, takeOver bool) {
		t.Helper()
		c, err := operate.NewCancellation(t.Context(), w.operator().Setup, sel, components, takeOver)
		if err != nil || c.NothingToDo() != nothing || c.HasDriver() == takeOver && c.Lease.Released.IsZero() {
			t.Errorf("%v, take over %t: nothing is %t, %v", components, takeOver, c.NothingToDo(), err)
		}
	}
	is(false, nil, false)
	is(true, []string{"api"}, false)
	is(true, nil, true)
	_, err := operate.NewCancellation(t.Context(), w.operator().Setup, sel, []string{"nobody"}, false)
	w.ofKind(err, fault.NotFound, "no-step")
	r.left()
	is(true, nil, false)
}

// TestCancelTakenOver: the outcome of a run whose driver is gone without a word is noted here when that is asked for.
func TestCancelTakenOver(t *testing.T) {
	t.Parallel()
	w := plant{Scenario: sim.Scenario{Default: sim.Project{Duration: time.Hour}}}.grow(t)
	w.begun(run.Release, "3.9.4", []plan.Step{apiStep}).started(apiStep)
	c, err := operate.NewCancellation(t.Context(), w.operator().Setup, operate.Selector{}, nil, true)
	if err != nil || c.HasDriver() {
		t.Fatalf("%+v, %v", c, err)
	}
	said, err := c.Run(t.Context())
	if err != nil || !c.Ours {
		t.Errorf("%+v, %v", c, err)
	}
	w.wants("cancelled", fates(said), []string{"api cancelled"})
}

// TestCancelInVain: what could not be cancelled is the fault, and no pipeline is cancelled by a token that may not even ask.
func TestCancelInVain(t *testing.T) {
	t.Parallel()
	w := plant{Scenario: sim.Scenario{
		Tokens: []string{token}, Default: sim.Project{Duration: time.Hour},
		Faults: []sim.Fault{{Match: sim.Match{Method: "POST", Path: "/cancel$"}, Kind: sim.Answer, Status: 403, Body: `{"message":"Forbidden"}`, Times: -1}},
	}}.grow(t)
	w.begun(run.Release, "3.9.4", []plan.Step{apiStep}).started(apiStep).left()
	w.awaits("the workflow is there", func() bool { return w.sim.Pipelines()[0].Outcome == "running" })
	c, said, err := w.operator().cancels()
	w.ofKind(err, fault.Auth, "not-cancelled")
	w.wants("not cancelled", fates(said), []string{"api still runs"})
	if !c.Ended || !strings.Contains(err.Error(), "could not be cancelled: api") {
		t.Errorf("%+v, %v", c, err)
	}
	before := w.unwritten()
	w.env["CIRCLE_TOKEN"] = "wrong"
	c, _, err = w.operator().cancels()
	w.ofKind(err, fault.Auth, "circleci-unauthorized")
	if c.Ended {
		t.Error("it says that everything has ended")
	}
	before()
}

// TestResolve: each answer is noted for the component and for nobody else, and the release goes on from there.
func TestResolve(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		answer engine.Answer
		want   run.Status
		more   int // pipelines that the release triggers then
	}{
		{"it was released", engine.Answer{Component: "api", Released: true}, run.HasSucceeded, 0},
		{"it was not triggered", engine.Answer{Component: "api", NotTriggered: true}, run.Pending, 1},
		{"it is this pipeline", engine.Answer{Component: "api", Pipeline: 1}, run.Running, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := plant{manifest: single}.grow(t)
			if test.answer.Pipeline > 0 {
				if _, err := w.sim.Trigger("gh/acme/api", "1.25.x", "release-bot", nil); err != nil {
					t.Fatal(err)
				}
			}
			before := len(w.sim.Pipelines())
			w.begun(run.Release, "3.9.4", []plan.Step{apiStep}).lost(apiStep).left()
			k := w.operator().read(operate.Selector{})
			w.ofKind(k.Err(time.Now()), fault.Decision, "unknown")
			_, err := w.operator().releases(operate.ReleaseOptions{})
			if fault.KindOf(err) != fault.Decision || len(w.sim.Pipelines()) != before {
				t.Errorf("a release that needs a decision ends with %v, %v", err, w.pipelines())
			}
			noted, err := operate.Resolve(t.Context(), w.operator().Setup, test.answer, false, false)
			if err != nil || len(noted.Steps) != 1 || noted.Steps[0].ID != apiStep.ID() || noted.Run.Run() != "release/3.9.4" {
				t.Fatalf("noted: %+v, %v", noted, err)
			}
			if got := w.operator().read(operate.Selector{}).State.Step(apiStep.ID()).Status; got != test.want {
				t.Errorf("it is %s, want %s", got, test.want)
			}
			w.operator().released(operate.ReleaseOptions{})
			if got := len(w.sim.Pipelines()) - before; got != test.more {
				t.Errorf("triggered then: %d, want %d", got, test.more)
			}
		})
	}
}

// TestResolveRefuses an answer about what is not there, what somebody drives, and what cannot be true.
func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single}.grow(t)
	if _, err := w.sim.Trigger("gh/acme/api", "main", "release-bot", nil); err != nil {
		t.Fatal(err)
	}
	resolve := func(a engine.Answer, dryRun, takeOver bool) error {
		_, err := operate.Resolve(t.Context(), w.operator().Setup, a, dryRun, takeOver)
		return err
	}
	released := engine.Answer{Component: "api", Released: true}
	w.ofKind(resolve(released, false, false), fault.NotFound, "no-journal")
	r := w.begun(run.Release, "3.9.4", []plan.Step{apiStep}).lost(apiStep)
	w.ofKind(resolve(released, false, false), fault.Stopped, "driven-elsewhere")
	w.ofKind(resolve(released, true, false), fault.NotFound, "no-journal") // that of the dry run
	r.left()
	w.ofKind(resolve(engine.Answer{Component: "nobody", Released: true}, false, false), fault.NotFound, "no-step")
	w.ofKind(resolve(engine.Answer{Component: "api", Pipeline: 9}, false, false), fault.NotFound, "circleci-not-found")
	w.ofKind(resolve(engine.Answer{Component: "api", Pipeline: 1}, false, false), fault.Invalid, "other-pipeline")
}

// TestResolveDryRun: the server dry run of a version is another run than its release; one whose driver is gone is taken over.
func TestResolveDryRun(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single}.grow(t)
	w.begun(run.DryRun, "3.9.4", []plan.Step{apiStep}).lost(apiStep)
	noted, err := operate.Resolve(t.Context(), w.operator().Setup, engine.Answer{Component: "api", Released: true}, true, true)
	if err != nil || noted.Run.Run() != "dry/3.9.4" || len(noted.Steps) != 1 {
		t.Errorf("noted: %+v, %v", noted, err)
	}
}

// TestResolveTagged: what has succeeded is only released again when its repository carries no tag of the version.
func TestResolveTagged(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ tag, code string }{{"1.25.1", "tag-exists"}, {"v1.25.1", "tag-exists"}, {"1.25.0", ""}} {
		t.Run(test.tag, func(t *testing.T) {
			t.Parallel()
			components := t.TempDir()
			w := plant{manifest: strings.Replace(single, "https://github.com/acme", filepath.ToSlash(filepath.Join(components, "acme")), 1)}.grow(t)
			if err := os.MkdirAll(filepath.Join(components, "acme"), 0o755); err != nil {
				t.Fatal(err)
			}
			api := filepath.Join(components, "acme", "api")
			gittest.Git(t, "", "clone", "--quiet", "--bare", w.remote, api)
			gittest.Git(t, api, "tag", test.tag, branch)
			w.begun(run.Release, "3.9.4", []plan.Step{apiStep}).started(apiStep).
				note(run.Event{Type: run.Succeeded, Steps: []plan.StepID{apiStep.ID()}}).left()
			_, err := operate.Resolve(t.Context(), w.operator().Setup, engine.Answer{Component: "api", NotTriggered: true}, false, false)
			if fault.CodeOf(err) != test.code {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestResolveRun: of a staging or a trigger the run is named. It lies in the release repository, or on this machine.
func TestResolveRun(t *testing.T) {
	t.Parallel()
	yes := true // so that the build is waited for
	w := plant{
		env:      map[string]string{"GH_ORG": "acme"},
		Scenario: sim.Scenario{Projects: map[string]sim.Project{"gh/acme/api": {Runs: []sim.Run{{Outcome: sim.Failed}, {Outcome: sim.Failed}}, Autocancel: &yes}}},
	}.grow(t)
	released := engine.Answer{Component: "api", Released: true}
	resolve := func(name run.Name, inRepository bool) (operate.Resolved, error) {
		return operate.ResolveRun(t.Context(), w.operator().Setup, released, name, inRepository, false)
	}
	_, err := resolve(run.Name{Kind: run.Release, Version: "3.9.4"}, true)
	w.ofKind(err, fault.Usage, "usage")
	staging := run.Name{Kind: run.Staging, Version: "3.9.3"}
	_, err = resolve(staging, true)
	w.ofKind(err, fault.NotFound, "no-journal")
	w.begun(run.Staging, "3.9.3", []plan.Step{apiStep}).lost(apiStep).left()
	if noted, err := resolve(staging, true); err != nil || noted.Run.Run() != "stage/3.9.3" || len(noted.Steps) != 1 {
		t.Errorf("noted: %+v, %v", noted, err)
	}
	if k := w.operator().read(operate.Selector{Run: staging}); k.State.Step(apiStep.ID()).Status != run.HasSucceeded {
		t.Errorf("it is %+v", k.State.Steps())
	}
	again := engine.Answer{Component: "api", NotTriggered: true} // the tag of its release keeps nobody from staging it again
	if _, err := operate.ResolveRun(t.Context(), w.operator().Setup, again, staging, true, false); err != nil {
		t.Errorf("staged again: %v", err)
	}

	_, err = resolve(run.Name{Kind: run.Trigger, Version: "api-main.1"}, false)
	w.ofKind(err, fault.NotFound, "no-journal")
	_, err = w.outside().triggers(false, operate.TriggerOptions{Repository: "api", Branch: "main", Wait: true})
	w.ofKind(err, fault.PipelineFailed, "pipeline-failed")
	pulls := w.on(operate.PullRequestWorkspace(w.options()))
	_, err = operate.PullRequest(t.Context(), pulls.Setup, pulls.realEnds(false), workspace.PullRequest{Organization: "acme", Repository: "api", Branch: "fix-npe"}, false)
	w.ofKind(err, fault.PipelineFailed, "pipeline-failed")
	for _, version := range []string{"api-main.1", "api-fix-npe.1"} {
		noted, err := resolve(run.Name{Kind: run.Trigger, Version: version}, false)
		if err != nil || noted.Run.Run() != "trigger/"+version {
			t.Errorf("noted: %+v, %v", noted, err)
		}
	}
}

// TestCancelUntold: where the driver cannot be told, nothing is cancelled.
func TestCancelUntold(t *testing.T) {
	t.Parallel()
	p := plant{http: true, Scenario: sim.Scenario{Default: sim.Project{Duration: time.Hour}}}
	p.git.DenyPush = true
	w := p.grow(t)
	w.begun(run.Release, "3.9.4", []plan.Step{apiStep}).started(apiStep)
	c, _, err := w.operator().cancels()
	w.ofKind(err, fault.Auth, "journal-push")
	if c.Ended || c.Ours || w.sim.Pipelines()[0].Cancelled || !strings.Contains(strings.Join(fault.HintLines(err), ""), "cancels pipelines without notifying it") {
		t.Errorf("%+v, %v", c, err)
	}
}
