package operate_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// was393 is a release.json of a version that is released: api and gateway with it, common before.
const was393 = `{
    "name": "Acme",
    "version": "3.9.3",
    "scmHttpUrl": "https://github.com/acme",
    "components": [
        { "name": "common", "version": "1.20.2", "since": "3.9.0" },
        { "name": "api", "version": "1.25.0", "since": "3.9.3" },
        { "name": "webui", "version": "2.1.4", "since": "3.9.3" },
        { "name": "gateway", "version": "3.9.3", "since": "3.9.3" }
    ],
    "buildDependencies": [["common"], ["api", "webui"], ["gateway"]]
}
`

// next393 is what came of it on the release branch.
var next393 = strings.NewReplacer(`"3.9.3",
    "scm`, `"3.9.4-SNAPSHOT",
    "scm`, `"version": "3.9.3", "since": "3.9.3"`, `"version": "3.9.4-SNAPSHOT", "since": "3.9.3"`).Replace(was393)

// hasReleased is a world in which 3.9.3 is released and tagged, by another program than gio: there is no journal of it.
func hasReleased(t *testing.T, p plant) *world {
	t.Helper()
	p.manifest = was393
	w := p.grow(t)
	gittest.Git(t, w.remote, "tag", "3.9.3", branch)
	gittest.Push(t, w.remote, branch, map[string]string{"release.json": next393}, "prepare next patch version")
	return w.pulled()
}

func (o *operator) stages(version string) (*operate.Result, error) {
	o.w.Helper()
	return operate.Stage(o.w.Context(), o.Setup, o.realEnds(true), version, false)
}

// TestStage: the components that a version released, from its tag, all at once and with the parameters of a staging; those
// that gio.yaml keeps from it are left out. What fails is done by the next call, and then nothing is left.
func TestStage(t *testing.T) {
	t.Parallel()
	w := hasReleased(t, plant{
		Scenario: sim.Scenario{Projects: map[string]sim.Project{"gh/acme/gateway": {Runs: []sim.Run{{Outcome: sim.Failed}}}}},
		files:    map[string]string{"gio.yaml": "components: {webui: {stage: false}}\n"},
	})
	o := w.operator()
	r, err := o.stages("") // the newest that is tagged
	w.ofKind(err, fault.PipelineFailed, "pipeline-failed")
	o.hears("the version to be staged is 3.9.3: the newest released one by release.json", "left out: webui 2.1.4 (stage: false in gio.yaml)")
	if r == nil || r.State.Header.Run() != "stage/3.9.3" || len(r.Plan.Waves) != 1 || r.Level != operate.Real {
		t.Fatalf("staged: %+v", r)
	}
	w.wants("staged", ended(r.State), []string{"api succeeded", "gateway failed"})
	for _, p := range w.sim.Pipelines() {
		if !maps.Equal(p.Parameters, map[string]any{"gio_action": "nexus_staging", "dry_run": false}) {
			t.Errorf("%s was triggered with %v", p.Project, p.Parameters)
		}
	}
	r, err = w.operator().stages("3.9.3")
	if err != nil || r.NothingToDo || len(w.sim.Pipelines()) != 3 {
		t.Errorf("the second staging: %+v, %v, %v", r, err, w.pipelines())
	}
	w.neverTwice()
	r, err = w.operator().stages("3.9.3")
	if err != nil || !r.NothingToDo || len(w.sim.Pipelines()) != 3 {
		t.Errorf("the third staging: %+v, %v, %v", r, err, w.pipelines())
	}
}

// TestStageRefuses what is not released, or is not what its tag says.
func TestStageRefuses(t *testing.T) {
	t.Parallel()
	w := hasReleased(t, plant{})
	gittest.Git(t, w.remote, "tag", "3.9.2", "3.9.3")
	for _, test := range []struct {
		version string
		kind    fault.Kind
		code    string
	}{
		{"3.9.4", fault.NotFound, "no-tag"},
		{"3.9.2", fault.Invalid, "other-version"},
	} {
		r, err := w.operator().stages(test.version)
		if r != nil {
			t.Errorf("%s: it began", test.version)
		}
		w.ofKind(err, test.kind, test.code)
	}
	if len(w.sim.Pipelines()) > 0 {
		t.Errorf("triggered: %v", w.pipelines())
	}
	gittest.Git(t, w.remote, "tag", "--delete", "3.9.2", "3.9.3")
	_, err := w.operator().stages("")
	w.ofKind(err, fault.NotFound, "no-tag")
}

// TestStageFrom: the branches of the components are told by the branch that the version was released from, which its run
// says. Those that are built from the main branch are built from that of their own repository.
func TestStageFrom(t *testing.T) {
	t.Parallel()
	minor := strings.ReplaceAll(was393, "3.9.3", "3.9.0")
	for _, test := range []struct{ from, yaml, want string }{
		{"", "", "3.9.x"},
		{"master", "", "trunk"},
		{"master", "main_branch: main\n", "main"},
	} {
		t.Run(test.from+test.yaml, func(t *testing.T) {
			t.Parallel()
			w := plant{
				manifest: minor, files: map[string]string{"gio.yaml": test.yaml + "components: {api: {stage: false}, webui: {stage: false}, common: {stage: false}}\n"},
				Scenario: sim.Scenario{Projects: map[string]sim.Project{"gh/acme/gateway": {DefaultBranch: "trunk"}}},
			}.grow(t)
			gittest.Git(t, w.remote, "tag", "3.9.0", branch)
			if test.from != "" {
				w.begunOn(test.from, run.Release, "3.9.0", []plan.Step{apiStep}).left()
			}
			o := w.operator()
			ends, err := operate.RealEnds(t.Context(), o.Setup, true)
			if err != nil {
				t.Fatal(err)
			}
			r, err := operate.Stage(t.Context(), o.Setup, ends, "3.9.0", false)
			if err != nil {
				t.Fatal(err)
			}
			w.wants("staged", w.pipelines(), []string{"gateway " + test.want})
			if r.Plan.Steps()[0].Branch != test.want {
				t.Errorf("planned: %+v", r.Plan.Steps()[0])
			}
		})
	}
}

func (o *operator) triggers(inRepository bool, options operate.TriggerOptions) (*operate.Result, error) {
	o.w.Helper()
	return operate.Trigger(o.w.Context(), o.Setup, o.realEnds(inRepository), options)
}

// outside is an operator without a release repository; its runs are kept on this machine.
func (w *world) outside() *operator {
	return w.on(workspace.OpenDirectory(w.options(), "release.json"))
}

// TestTriggerOne: one pipeline with its parameters, not watched: it is over when it is triggered, and the next call is another
// run. The journal lies in the release repository, or outside of one in the state directory.
func TestTriggerOne(t *testing.T) {
	t.Parallel()
	for _, inRepository := range []bool{true, false} {
		t.Run(fmt.Sprintf("in a repository %t", inRepository), func(t *testing.T) {
			t.Parallel()
			w := plant{bare: !inRepository, env: map[string]string{"GH_ORG": "acme"}}.grow(t)
			options := operate.TriggerOptions{Repository: "docs", Branch: "main", Parameters: map[string]any{"n": int64(7), "text": operate.Literal("{{x}}"), "yes": true}}
			for i := range 2 {
				o := w.outside()
				if inRepository {
					o = w.operator()
				}
				r, err := o.triggers(inRepository, options)
				if err != nil {
					t.Fatal(err)
				}
				want := fmt.Sprintf("trigger/docs-main.%d", i+1)
				if r.NothingToDo || !r.Plan.Unwatched || r.State.Header.Run() != want || r.State.Header.Product != "pipeline" || !r.State.Over() {
					t.Errorf("triggered: %+v, %+v", r.Plan, r.State.Header)
				}
			}
			w.wants("triggered", w.pipelines(), []string{"docs main", "docs main"})
			for _, p := range w.sim.Pipelines() {
				if !reflect.DeepEqual(p.Parameters, map[string]any{"n": int64(7), "text": "{{x}}", "yes": true}) {
					t.Errorf("sent: %v", p.Parameters)
				}
			}
			files, err := filepath.Glob(filepath.Join(w.state, "gio", "trigger", "*", "*", "*.jsonl"))
			if err != nil || inRepository && len(files) > 0 || !inRepository && len(files) != 2 {
				t.Errorf("in the state directory: %v, %v", files, err)
			}
		})
	}
}

// TestTriggerWaited: a pipeline that is watched is a run that the same call finishes; one that succeeded is over.
func TestTriggerWaited(t *testing.T) {
	t.Parallel()
	for _, inRepository := range []bool{true, false} {
		t.Run(fmt.Sprintf("in a repository %t", inRepository), func(t *testing.T) {
			t.Parallel()
			w := plant{
				bare: !inRepository, env: map[string]string{"GH_ORG": "acme"},
				Scenario: sim.Scenario{Projects: map[string]sim.Project{"gh/acme/docs": {Runs: []sim.Run{{Outcome: sim.Failed}}}}},
			}.grow(t)
			for i, want := range []struct {
				run  string
				code string
			}{{"trigger/docs-main.1", "pipeline-failed"}, {"trigger/docs-main.1", ""}, {"trigger/docs-main.2", ""}} {
				o := w.outside()
				if inRepository {
					o = w.operator()
				}
				r, err := o.triggers(inRepository, operate.TriggerOptions{Repository: "docs", Branch: "main", Wait: true})
				if r == nil || r.State.Header.Run() != want.run || fault.CodeOf(err) != want.code || r.Plan.Unwatched || len(w.sim.Pipelines()) != i+1 {
					t.Fatalf("call %d: %+v, %v, %v", i+1, r, err, w.pipelines())
				}
			}
		})
	}
}

// TestTriggerOfAColleague: what runs, or may run, is not mixed up with a trigger of other parameters; the same one goes on.
func TestTriggerOfAColleague(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	docs := step("docs", "main", "main")
	w.begunOn("main", run.Trigger, "docs-main.4", []plan.Step{docs}).started(docs).left()
	o := w.operator()
	r, err := o.triggers(true, operate.TriggerOptions{Repository: "docs", Branch: "main", Parameters: map[string]any{"n": int64(1)}})
	w.ofKind(err, fault.Invalid, "open-trigger")
	if r != nil || !strings.Contains(fmt.Sprint(err), "trigger/docs-main.4 is not finished, and began with other parameters: docs is running") {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = w.operator().triggers(true, operate.TriggerOptions{Repository: "docs", Branch: "main", Wait: true})
	if err != nil || r.State.Header.Version != "docs-main.4" || len(w.sim.Pipelines()) != 1 {
		t.Errorf("%+v, %v, %v", r, err, w.pipelines())
	}
}

// TestTriggerMissed: a run with nothing open does not keep another one of its name back, whatever its parameters were.
func TestTriggerMissed(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	docs := step("docs", "main", "main")
	w.begunOn("main", run.Trigger, "docs-main.1", []plan.Step{docs}).left() // and nothing was sent
	w.begunOn("main", run.Staging, "docs-main.7", []plan.Step{docs}).left() // is another kind of run
	r, err := w.operator().triggers(true, operate.TriggerOptions{Repository: "docs", Branch: "main", Parameters: map[string]any{"n": int64(1)}})
	if err != nil || r.State.Header.Version != "docs-main.1" {
		t.Errorf("%+v, %v", r, err)
	}
	w.wants("triggered", w.pipelines(), []string{"docs main"})
}

// TestTriggerWithoutAJournal: in a container without a home no run is known of, and each is the first.
func TestTriggerWithoutAJournal(t *testing.T) {
	t.Parallel()
	w := plant{bare: true, env: map[string]string{"GH_ORG": "acme", "XDG_STATE_HOME": ""}}.grow(t)
	for range 2 {
		r, err := w.outside().triggers(false, operate.TriggerOptions{Repository: "docs", Branch: "main"})
		if err != nil || r.State.Header.Version != "docs-main.1" {
			t.Errorf("%+v, %v", r, err)
		}
	}
	w.wants("triggered", w.pipelines(), []string{"docs main", "docs main"})
}

// TestTriggerProcess: the pipelines of a process manifest, group after group, with the product version that it asks for.
func TestTriggerProcess(t *testing.T) {
	t.Parallel()
	w := hasReleased(t, plant{Scenario: sim.Scenario{Default: sim.Project{Branches: []string{"main", "3.9.3"}}}})
	write := func(name, content string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(w.checkout, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	after := write("after.json", `{"name": "After", "components": [
		{"name": "docs", "branch": "main", "pipeline_params": {"v": "{{.ProductVersion}}"}},
		{"name": "shop", "branch": "main"}], "buildDependencies": [["shop"], ["docs"]]}`)
	_, err := w.operator().triggers(true, operate.TriggerOptions{Process: after})
	w.ofKind(err, fault.Usage, "usage")
	if !strings.Contains(fmt.Sprint(err), "that needs --wait") {
		t.Error(err)
	}
	o := w.operator()
	r, err := o.triggers(true, operate.TriggerOptions{Process: after, Wait: true})
	if err != nil {
		t.Fatal(err)
	}
	o.hears("{{.ProductVersion}} is 3.9.3, by release.json")
	if r.State.Header.Run() != "trigger/after-3.9.3.1" || r.Plan.Product != "After" {
		t.Errorf("the run is %s, the product %s", r.State.Header.Run(), r.Plan.Product)
	}
	w.wants("triggered", w.pipelines(), []string{"shop main", "docs main"})
	if got := w.sim.Pipelines()[1].Parameters["v"]; got != "3.9.3" {
		t.Errorf("docs got %v", got)
	}
	for _, test := range []struct {
		file string
		kind fault.Kind
		code string
	}{
		{"nowhere.json", fault.NotFound, "no-process"},
		{".", fault.NotFound, "no-process"},
		{write("wrong.json", `{"components": [{"name": "docs"}]}`), fault.Invalid, "invalid-process"},
		{write("broken.json", `{`), fault.Invalid, "manifest-syntax"},
	} {
		_, err := w.operator().triggers(true, operate.TriggerOptions{Process: test.file, Wait: true})
		w.ofKind(err, test.kind, test.code)
	}
	_, err = w.outside().triggers(false, operate.TriggerOptions{Process: after, Wait: true})
	w.ofKind(err, fault.Invalid, "no-product-version")
	if len(w.sim.Pipelines()) != 2 {
		t.Errorf("triggered: %v", w.pipelines())
	}
}

// TestPullRequest: the build, and the review that the prefix of the branch asks for: beside it where nothing cancels it, else
// behind it. Nobody waits for the last one.
func TestPullRequest(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	broken := []sim.Fault{{Match: sim.Match{Endpoint: "settings"}, Kind: sim.Answer, Status: 418, Times: -1}}
	for _, test := range []struct {
		branch     string
		autocancel *bool
		faults     []sim.Fault
		waves      int
		want       []string // gio_action
		told       string
	}{
		{"snyk-upgrade", &yes, nil, 1, []string{"build"}, ""},
		{"master", &no, nil, 1, []string{"build"}, "master has no prefix that asks for a review: only the build is started"},
		{"fix-npe", &no, nil, 1, []string{"build", "dev_pr_review"}, ""},
		{"support-1.2", &yes, nil, 2, []string{"build", "support_pr_review"}, ""},
		{"feat-x", &no, broken, 2, []string{"build", "dev_pr_review"}, "whether api auto-cancels is not known, so dev_pr_review waits for the build: "},
	} {
		t.Run(test.branch, func(t *testing.T) {
			t.Parallel()
			w := plant{bare: true, Scenario: sim.Scenario{Default: sim.Project{Autocancel: test.autocancel}, Faults: test.faults}}.grow(t)
			o := w.on(operate.PullRequestWorkspace(w.options()))
			at := workspace.PullRequest{Organization: "acme", Repository: "api", Branch: test.branch, Commit: "0123456789abcdef"}
			r, err := operate.PullRequest(t.Context(), o.Setup, o.realEnds(false), at, false)
			if err != nil {
				t.Fatal(err)
			}
			var actions []string
			for _, p := range w.sim.Pipelines() {
				if p.Project != "gh/acme/api" || p.Branch != test.branch || len(p.Parameters) != 1 {
					t.Errorf("triggered: %+v", p)
				}
				actions = append(actions, p.Parameters["gio_action"].(string))
			}
			w.wants("triggered", sorted(actions), sorted(test.want))
			if len(r.Plan.Waves) != test.waves || !r.Plan.Unwatched || r.Plan.Product != "pull request" {
				t.Errorf("the plan is %+v", r.Plan)
			}
			if got, want := r.State.Header.Run(), "trigger/api-"+test.branch+"-0123456789.1"; got != want || r.State.Header.Manifest != "pull-request" {
				t.Errorf("the run is %s of %s, want %s", got, r.State.Header.Manifest, want)
			}
			if test.told == "" && o.heard() != "" {
				t.Errorf("told: %s", o.heard())
			}
			o.hears(test.told)
		})
	}
}
