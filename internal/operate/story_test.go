package operate_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestReleaseResumes is the main story: a component fails, what succeeded is recorded, and the same call again releases what
// is missing, triggers nothing twice, tags the product and prepares the next version.
func TestReleaseResumes(t *testing.T) {
	t.Parallel()
	w := plant{http: true, Scenario: sim.Scenario{Projects: map[string]sim.Project{"gh/acme/definition": {Runs: []sim.Run{{Outcome: sim.Failed}}}}}}.grow(t)
	first := w.operator()
	var views []string
	first.View.Close = func() { views = append(views, "close") }
	r, err := first.releases(operate.ReleaseOptions{})
	w.ofKind(err, fault.PipelineFailed, "pipeline-failed")
	if r == nil || r.NothingToDo || r.Level != operate.Real || len(views) == 0 {
		t.Fatalf("the result is %+v, the view was %q", r, views)
	}
	w.wants("after the failure", ended(r.State), []string{"api succeeded", "definition failed", "gateway skipped"})
	w.wants("recorded", w.versions(), []string{"common 1.20.2 3.9.0", "api 1.25.1 3.9.4", "definition 1.29.1-SNAPSHOT", "gateway 3.9.4-SNAPSHOT"})
	refs := gittest.Refs(t, w.remote)
	if refs["refs/tags/3.9.4_START"] == "" || refs["refs/tags/3.9.4"] != "" || w.manifest().Version != "3.9.4-SNAPSHOT" {
		t.Errorf("an unfinished release leaves %v", refs)
	}
	k := first.read(operate.Selector{})
	w.ofKind(k.Err(k.Lease.Released), fault.PipelineFailed, "pipeline-failed")
	if !k.Lease.Live(k.Lease.Renewed) && k.Lease.Released.IsZero() {
		t.Errorf("the run was not given back: %+v", k.Lease)
	}

	again := w.operator() // on a checkout that is older than what was recorded
	r = again.released(operate.ReleaseOptions{})
	w.wants("after the second call", ended(r.State), []string{"api succeeded", "definition succeeded", "gateway succeeded"})
	w.neverTwice()
	started := w.pipelines()
	slices.Sort(started[:2]) // of one wave
	w.wants("triggered", started, []string{"api 1.25.x", "definition 1.29.x", "definition 1.29.x", "gateway 3.9.x"})
	w.wants("recorded", w.versions(), []string{"common 1.20.2 3.9.0", "api 1.25.1 3.9.4", "definition 1.29.1 3.9.4", "gateway 3.9.4 3.9.4"})
	if got := w.manifest().Version; got != "3.9.5-SNAPSHOT" {
		t.Errorf("the next version is %s", got)
	}
	at := gittest.Git(t, w.remote, "show", "3.9.4^{commit}:release.json")
	if !strings.Contains(at, `"version": "3.9.4",`) || gittest.Git(t, w.remote, "cat-file", "-t", "3.9.4") != "tag" {
		t.Errorf("the tag 3.9.4 holds\n%s", at)
	}
	if !r.State.Finished || len(r.Deliver(t.Context(), nil)) > 0 {
		t.Errorf("finished %t", r.State.Finished)
	}
	for _, p := range w.sim.Pipelines() {
		if p.Parameters["gio_action"] != "release" || p.Parameters["dry_run"] != false {
			t.Errorf("%s was triggered with %v", p.Project, p.Parameters)
		}
	}
	if err := run.Check(again.read(operate.Selector{Version: "3.9.4"}).Events); err != nil {
		t.Error(err)
	}

	// It is done: of the version that the checkout still shows nothing is left, and nothing of the next one is open.
	w.pulled()
	if r := w.operator().released(operate.ReleaseOptions{}); !r.NothingToDo || len(w.sim.Pipelines()) != 4 {
		t.Errorf("a third time: %+v, %d pipelines", r, len(w.sim.Pipelines()))
	}
}

// TestServerDryRun: the pipelines really run and are told that it is a dry run; nothing but the journal is pushed. The real
// run takes none of its successes for a release.
func TestServerDryRun(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single}.grow(t)
	before := gittest.Refs(t, w.remote)
	r := w.operator().released(operate.ReleaseOptions{DryRun: true})
	if r.Level != operate.Server || r.State.Header.Kind != run.DryRun {
		t.Errorf("level %q, kind %q", r.Level, r.State.Header.Kind)
	}
	after := gittest.Refs(t, w.remote)
	for name, object := range after {
		if name != "refs/gio/journal" && before[name] != object {
			t.Errorf("%s was pushed", name)
		}
	}
	if len(after) != len(before)+1 {
		t.Errorf("pushed: %v, before %v", after, before)
	}
	o := w.operator()
	o.released(operate.ReleaseOptions{})
	w.wants("triggered", w.pipelines(), []string{"api 1.25.x", "api 1.25.x"})
	for i, p := range w.sim.Pipelines() {
		if p.Parameters["dry_run"] != (i == 0) {
			t.Errorf("pipeline %d: %v", i+1, p.Parameters)
		}
	}
	if k := o.read(operate.Selector{DryRun: true, Version: "3.9.4"}); k.Standing(k.Lease.Released) != run.StandingPassed {
		t.Errorf("the dry run stands at %s", k.Standing(k.Lease.Released))
	}
}

// TestAskedAndRefused: until the answer nothing is written, and a no ends the release before it began. Who is asked is shown
// the plan first.
func TestAskedAndRefused(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	unwritten := w.unwritten()
	o := w.operator()
	var asked []string
	o.ShowPlan = func(p *plan.Plan) error {
		asked = append(asked, p.Version)
		return nil
	}
	o.Ask = func(question, otherwise string) error {
		unwritten()
		asked = append(asked, question, otherwise)
		return cancelled(question, otherwise)
	}
	r, err := o.releases(operate.ReleaseOptions{})
	w.ofKind(err, fault.Cancelled, "cancelled")
	unwritten()
	if r != nil || len(o.saw) > 0 {
		t.Errorf("it began: %+v, %v", r, o.saw)
	}
	w.wants("asked", asked, []string{"3.9.4", "Release 3 components of 3.9.4 from 3.9.x of " + w.url + "?", "nothing was started and nothing was written"})
}

// TestAskedTooLong: a yes starts what the question was about. What somebody changed meanwhile is refused, and nothing starts.
func TestAskedTooLong(t *testing.T) {
	t.Parallel()
	more := strings.NewReplacer(`1.25.1-SNAPSHOT" }`, `1.25.1-SNAPSHOT" }, { "name": "new", "version": "1.0.1-SNAPSHOT" }`, `"api"]]`, `"api", "new"]]`).Replace(single)
	for _, test := range []struct{ name, checkedOut, code string }{
		{"the checkout shows the release branch", branch, "stale-checkout"},
		{"the checkout shows another branch", "master", "plan-changed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := plant{manifest: single}.grow(t)
			gittest.Git(t, w.checkout, "checkout", "--quiet", test.checkedOut)
			w.named = branch
			o := w.operator()
			asked := 0
			o.Ask = func(string, string) error {
				asked++
				gittest.Push(t, w.remote, branch, map[string]string{"release.json": more}, "one more component")
				return nil
			}
			r, err := o.releases(operate.ReleaseOptions{})
			w.ofKind(err, fault.Invalid, test.code)
			if r != nil || asked != 1 || len(w.sim.Pipelines()) > 0 || len(w.manifest().Components) != 3 {
				t.Errorf("it began: %+v, asked %d times, %v", r, asked, w.versions())
			}
		})
	}
}

// TestAskedAndAgreed: a yes to a plan that nobody changed releases, and the events are told from the beginning.
func TestAskedAndAgreed(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single}.grow(t)
	o := w.operator()
	o.Ask = func(string, string) error { return nil }
	if r := o.released(operate.ReleaseOptions{NoNext: true}); !r.State.Finished || len(o.saw) == 0 || o.saw[0].Type != run.Opened {
		t.Errorf("finished %t, saw %v", r.State.Finished, o.saw)
	}
	if got := w.manifest().Version; got != "3.9.4" {
		t.Errorf("no next version was wanted, and it is %s", got)
	}
}

// TestReleaseStopped: who is asked to stop starts nothing new, watches what runs, records it, and gives the run back. The view
// is opened with what is known, and closed.
func TestReleaseStopped(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	o := w.operator()
	stop, done := make(chan struct{}), 0
	o.Stopping = func(ctx context.Context) (context.Context, <-chan struct{}, func()) {
		return ctx, stop, func() { done++ }
	}
	var views []string
	o.View.Start = func(_ engine.Clock, expected func() run.Expectation) {
		views = append(views, fmt.Sprintf("start %d", expected().Parallel))
	}
	o.View.Close = func() { views = append(views, "close") }
	before, once := o.View.Notify, sync.Once{}
	o.View.Notify = func(e run.Event, s *run.State) {
		before(e, s)
		if e.Type == run.Triggered {
			once.Do(func() { close(stop) })
		}
	}
	r, err := o.releases(operate.ReleaseOptions{MaxParallel: 5})
	if fault.KindOf(err) != fault.Stopped || done != 1 || !slices.Equal(views[:2], []string{"start 5", "close"}) {
		t.Errorf("%v, done %d, views %q", err, done, views)
	}
	if got := r.State.Step(plan.ID("gateway", "3.9.4")).Status; got == run.HasSucceeded || len(w.sim.Pipelines()) > 2 {
		t.Errorf("the gateway is %s, triggered: %v", got, w.pipelines())
	}
	k := o.read(operate.Selector{})
	w.ofKind(k.Err(time.Now()), fault.Stopped, "stopped")
	if k.Lease.Released.IsZero() {
		t.Errorf("the run was not given back: %+v", k.Lease)
	}
}

// TestReleaseLeft: who leaves leaves the pipelines running; the next one watches them to their end.
func TestReleaseLeft(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single, Scenario: sim.Scenario{Default: sim.Project{Duration: time.Hour}}}.grow(t)
	o := w.operator()
	var leave context.CancelCauseFunc
	o.Stopping = func(ctx context.Context) (context.Context, <-chan struct{}, func()) {
		ctx, leave = context.WithCancelCause(ctx)
		return ctx, nil, func() { leave(nil) }
	}
	isSeen := o.sees(func(e run.Event) bool { return e.Type == run.Triggered })
	end := o.drives(operate.ReleaseOptions{})
	isSeen()
	w.awaits("the pipeline runs", func() bool { return w.sim.Pipelines()[0].Outcome == "running" })
	leave(operate.ErrDetached)
	r, err := end()
	if fault.KindOf(err) != fault.Stopped || r == nil || r.NothingToDo {
		t.Errorf("%+v, %v", r, err)
	}
	if err := w.sim.Finish("gh/acme/api", 1); err != nil {
		t.Fatal(err)
	}
	w.operator().released(operate.ReleaseOptions{})
	w.wants("triggered", w.pipelines(), []string{"api 1.25.x"})
}

// TestReleaseOfOthers: a run whose driver is gone is taken over at once when that is asked for, and what it triggered is
// watched. A version that another run has claimed is refused.
func TestReleaseOfOthers(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single}.grow(t)
	w.begun(run.Release, "3.9.4", []plan.Step{apiStep}).started(apiStep)
	if r := w.operator().released(operate.ReleaseOptions{TakeOver: true}); !r.State.Finished {
		t.Errorf("taken over: %v", ended(r.State))
	}
	w.wants("triggered", w.pipelines(), []string{"api 1.25.x"})

	other := plant{manifest: single}.grow(t)
	other.begun(run.Release, "3.9.3", []plan.Step{apiStep}).started(apiStep).left()
	r, err := other.operator().releases(operate.ReleaseOptions{})
	if r != nil || fault.KindOf(err) == 0 || !strings.Contains(err.Error(), "api 1.25.1: release/3.9.3") {
		t.Errorf("claimed: %+v, %v", r, err)
	}
	other.wants("triggered", other.pipelines(), []string{"api 1.25.x"})
	k := other.operator().read(operate.Selector{Version: "3.9.3"})
	if k.Lease.Released.IsZero() {
		t.Errorf("the other run: %+v", k.Lease)
	}
}

// TestReleaseAfterItsJob: a driver whose CircleCI job has ended is gone for certain, which is said; while the job runs, nobody
// goes on with its run.
func TestReleaseAfterItsJob(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single, Scenario: sim.Scenario{Projects: map[string]sim.Project{"gh/acme/release": {Duration: time.Hour}}}}.grow(t)
	if _, err := w.sim.Trigger("gh/acme/release", branch, "octocat", nil); err != nil {
		t.Fatal(err)
	}
	w.job = w.host + "/gh/acme/release/1"
	w.begun(run.Release, "3.9.4", []plan.Step{apiStep}).started(apiStep)
	answer := engine.Answer{Component: "api", Released: true}
	_, err := operate.Resolve(t.Context(), w.operator().Setup, answer, false, false)
	w.ofKind(err, fault.Stopped, "driven-elsewhere")
	w.awaits("the job runs", func() bool { return w.sim.Pipelines()[0].Outcome == "running" })
	if err := w.sim.Cancel("gh/acme/release", 1); err != nil {
		t.Fatal(err)
	}
	o := w.operator()
	o.released(operate.ReleaseOptions{})
	o.hears("the job of the driver has ended (" + w.job + "): continuing the run")
	w.neverTwice()
}

// TestReleaseOvertaken: when a pipeline of a component runs already, and another run has claimed its version since, it is said
// whose it is.
func TestReleaseOvertaken(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single, Scenario: sim.Scenario{Default: sim.Project{Duration: time.Hour}}}.grow(t)
	if _, err := w.sim.Trigger("gh/acme/api", "1.25.x", "release-bot", nil); err != nil {
		t.Fatal(err)
	}
	_, err := w.operator().releases(operate.ReleaseOptions{})
	w.ofKind(err, fault.Invalid, "check") // nobody has claimed it
	o := w.operator()
	o.ShowFindings = func(check.Report) {
		w.begun(run.Release, "3.9.3", []plan.Step{apiStep}).note(run.Event{Type: run.Intent, Steps: []plan.StepID{apiStep.ID()}, Send: 1}).left()
	}
	r, err := o.releases(operate.ReleaseOptions{})
	if r != nil || fault.CodeOf(err) == "check" || !strings.Contains(fmt.Sprint(err), "api 1.25.1: release/3.9.3") {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestReleaseSelected: a selection is released, and the product is not finished. The workspace's settings say how many at once.
func TestReleaseSelected(t *testing.T) {
	t.Parallel()
	w := plant{files: map[string]string{"gio.yaml": "max_parallel: 3\n"}}.grow(t)
	o := w.operator()
	parallel := 0
	o.View.Start = func(_ engine.Clock, expected func() run.Expectation) { parallel = expected().Parallel }
	r := o.released(operate.ReleaseOptions{Only: []string{"api"}})
	if !r.Plan.Partial || r.State.Finished || parallel != 3 {
		t.Errorf("partial %t, finished %t, %d at once", r.Plan.Partial, r.State.Finished, parallel)
	}
	w.wants("recorded", w.versions(), []string{"common 1.20.2 3.9.0", "api 1.25.1 3.9.4", "definition 1.29.1-SNAPSHOT", "gateway 3.9.4-SNAPSHOT"})
	if k := o.read(operate.Selector{}); k.Standing(time.Now()) != run.StandingPartial || k.Err(time.Now()) != nil {
		t.Errorf("it stands at %s", k.Standing(time.Now()))
	}
	w.pulled()
	r = w.operator().released(operate.ReleaseOptions{Except: []string{"definition", "gateway"}})
	if !r.NothingToDo {
		t.Errorf("what is left out is released: %+v", ended(r.State))
	}
}

// TestReleaseFailFast: a failure cancels the others of its wave when that is asked for.
func TestReleaseFailFast(t *testing.T) {
	t.Parallel()
	w := plant{Scenario: sim.Scenario{Projects: map[string]sim.Project{
		"gh/acme/api": {Runs: []sim.Run{{Outcome: sim.Failed}}}, "gh/acme/definition": {Duration: time.Hour},
	}}}.grow(t)
	r, err := w.operator().releases(operate.ReleaseOptions{FailFast: true})
	w.ofKind(err, fault.PipelineFailed, "pipeline-failed")
	w.wants("ended", ended(r.State), []string{"api failed", "definition failed", "gateway skipped"})
	for _, p := range w.sim.Pipelines() {
		if p.Cancelled != (p.Project == "gh/acme/definition") {
			t.Errorf("%s was cancelled: %t", p.Project, p.Cancelled)
		}
	}
}

// TestEnds: a real run needs a token; a release needs its repository as well.
func TestEnds(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	o := w.operator()
	if ends := o.realEnds(false); ends.CI.Host() != w.host || ends.Repo != nil || ends.Dry != nil {
		t.Errorf("%+v", ends)
	}
	if ends := o.realEnds(true); ends.Repo == nil {
		t.Errorf("%+v", ends)
	}
	o.Git = false
	_, err := operate.RealEnds(t.Context(), o.Setup, true)
	w.ofKind(err, fault.NotFound, "no-remote")
	_, err = operate.ReleaseEnds(t.Context(), o.Setup)
	w.ofKind(err, fault.NotFound, "no-remote")
	w.env["CIRCLE_TOKEN"] = ""
	o = w.operator()
	for _, ends := range []func(context.Context, operate.Setup) (operate.Ends, error){
		operate.ReleaseEnds, func(ctx context.Context, s operate.Setup) (operate.Ends, error) {
			return operate.RealEnds(ctx, s, true)
		},
	} {
		_, err = ends(t.Context(), o.Setup)
		w.ofKind(err, fault.Auth, "no-token")
	}
}
