package operate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// checkHub is a GitHub on which nothing is wrong with what product releases.
func checkHub() *sim.GitHub {
	return &sim.GitHub{Repositories: map[string]sim.Repository{
		"acme/common":     {Branches: map[string]sim.Branch{"1.20.x": {Version: "1.20.3-SNAPSHOT"}}, Tags: []string{"1.20.2"}},
		"acme/api":        {Version: "1.25.1-SNAPSHOT", Tags: []string{"1.25.0"}},
		"acme/definition": {Version: "1.29.1-SNAPSHOT"},
		"acme/gateway":    {Version: "3.9.4-SNAPSHOT"},
		"acme/release":    {Branches: map[string]sim.Branch{branch: {}}},
	}}
}

// TestCheck: what is wrong is a finding and no error, and what the findings add up to is the fault of a release. Nothing is
// written, and a release that is checked so is not started.
func TestCheck(t *testing.T) {
	t.Parallel()
	yes := true
	for _, test := range []struct {
		name  string
		plant func(*plant)
		o     operate.CheckOptions
		want  []string // codes
		kind  fault.Kind
	}{
		{"nothing is wrong", func(*plant) {}, operate.CheckOptions{}, nil, 0},
		{"only what is named", func(p *plant) { delete(p.GitHub.Repositories, "acme/gateway") }, operate.CheckOptions{Only: []string{"api"}}, nil, 0},
		{"all but what is named", func(p *plant) { delete(p.GitHub.Repositories, "acme/gateway") }, operate.CheckOptions{Except: []string{"gateway"}}, nil, 0},
		{"no repository", func(p *plant) { delete(p.GitHub.Repositories, "acme/gateway") }, operate.CheckOptions{}, []string{"repository-missing"}, fault.Invalid},
		{"a warning", func(p *plant) { p.Projects = map[string]sim.Project{"gateway": {Autocancel: &yes}} }, operate.CheckOptions{}, []string{"auto-cancel"}, 0},
		{"no token", func(p *plant) { p.env = map[string]string{"CIRCLE_TOKEN": ""} }, operate.CheckOptions{}, []string{"not-checked", "token"}, fault.Auth},
		{"no token, and by the graph the groups do not matter", func(p *plant) {
			p.env, p.files = map[string]string{"CIRCLE_TOKEN": ""}, map[string]string{"gio.yaml": "order: graph\n"}
			p.GitHub.Repositories["acme/api"] = pom("1.25.x", "api", "1.25.1-SNAPSHOT", "gateway 3.9.4-SNAPSHOT")
			p.GitHub.Repositories["acme/gateway"] = pom("3.9.x", "gateway", "3.9.4-SNAPSHOT")
		}, operate.CheckOptions{}, []string{"not-checked", "token"}, fault.Auth},
		{"a wrong token", func(p *plant) { p.Tokens = []string{"the-right-one"} }, operate.CheckOptions{}, []string{"token"}, fault.Auth},
		{"no GitHub token", func(p *plant) { p.env = map[string]string{"GITHUB_TOKEN": ""} }, operate.CheckOptions{}, []string{"not-checked"}, 0},
		{"the remote is not there", func(p *plant) { p.git.Token = "another" }, operate.CheckOptions{}, []string{"release-repository"}, fault.Auth},
		{"release.json is broken", func(p *plant) { p.manifest = strings.Replace(product, `"name": "Acme",`, "", 1) }, operate.CheckOptions{}, []string{"manifest"}, fault.Invalid},
		{"gio.yaml is wrong", func(p *plant) { p.files = map[string]string{"gio.yaml": "components: {gatway: {branch: x}}"} }, operate.CheckOptions{}, []string{"configuration"}, fault.Invalid},
		{"offline", func(*plant) {}, operate.CheckOptions{Offline: true}, []string{"not-checked", "not-checked"}, 0},
		{"offline, gio.yaml is wrong", func(p *plant) { p.files = map[string]string{"gio.yaml": "components: {gatway: {branch: x}}"} }, operate.CheckOptions{Offline: true}, []string{"configuration", "not-checked", "not-checked"}, fault.Invalid},
		{"offline, release.json is broken", func(p *plant) { p.manifest = strings.Replace(product, `"name": "Acme",`, "", 1) }, operate.CheckOptions{Offline: true}, []string{"manifest", "not-checked", "not-checked"}, fault.Invalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := plant{Scenario: sim.Scenario{GitHub: checkHub()}}
			test.plant(&p)
			w := p.grow(t)
			unwritten := w.unwritten()
			r, err := operate.Check(t.Context(), w.operator().Setup, test.o)
			if err != nil {
				t.Fatal(err)
			}
			unwritten()
			var codes []string
			for _, f := range r.Findings {
				codes = append(codes, f.Code)
			}
			w.wants("found", sorted(codes), test.want)
			if got := fault.KindOf(r.Err()); got != test.kind {
				t.Errorf("the findings are %v, want %v: %+v", got, test.kind, r.Findings)
			}
			if asked := len(w.sim.Requests()) > 0; asked == test.o.Offline || (r.Requests == 0) != test.o.Offline {
				t.Errorf("%d requests, CircleCI saw %d", r.Requests, len(w.sim.Requests()))
			}
		})
	}
}

// TestCheckErrors: a selection that names nobody is an error, no finding.
func TestCheckErrors(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	for _, offline := range []bool{true, false} {
		_, err := operate.Check(t.Context(), w.operator().Setup, operate.CheckOptions{Only: []string{"nobody"}, Offline: offline})
		w.ofKind(err, fault.Usage, "unknown-component")
	}
}

// TestCheckOfAPullRequest: offline, on a branch that nothing is released from, that of release.json's version is checked.
func TestCheckOfAPullRequest(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	gittest.Git(t, w.checkout, "checkout", "--quiet", "-b", "fix")
	o := w.operator()
	r, err := operate.Check(t.Context(), o.Setup, operate.CheckOptions{Offline: true})
	if err != nil || r.Err() != nil || r.Components != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	o.hears("nothing is released from the checkout's branch fix; --branch names another one", "without a checkout and without --branch the release branch is not known: assuming 3.9.x")
}

// TestReleaseIsChecked: an error of the check keeps a release from starting, unless it is skipped. The findings are shown.
func TestReleaseIsChecked(t *testing.T) {
	t.Parallel()
	p := plant{manifest: single, Scenario: sim.Scenario{GitHub: checkHub()}}
	p.GitHub.Repositories["acme/api"] = sim.Repository{Version: "1.25.2-SNAPSHOT", Tags: []string{"1.25.0"}}
	w := p.grow(t)
	var found []string
	release := func(options operate.ReleaseOptions) (*operate.Result, error) {
		o := w.operator()
		o.ShowFindings = func(r check.Report) {
			for _, f := range r.Findings {
				found = append(found, string(f.Severity)+" "+f.Code)
			}
		}
		return o.releases(options)
	}
	r, err := release(operate.ReleaseOptions{})
	w.ofKind(err, fault.Invalid, "check")
	if r != nil || len(w.sim.Pipelines()) > 0 {
		t.Errorf("it began: %+v", r)
	}
	if r, err = release(operate.ReleaseOptions{SkipCheck: []string{"version-mismatch"}}); err != nil || !r.State.Finished {
		t.Errorf("skipped: %+v, %v", r, err)
	}
	w.wants("found", found, []string{"error version-mismatch", "warning version-mismatch"})
}

// TestPlan: from the checkout alone; the default branches are read where somebody can be asked, else it is said that they
// were not.
func TestPlan(t *testing.T) {
	t.Parallel()
	minor := strings.ReplaceAll(product, "1.29.1-SNAPSHOT", "1.29.0-SNAPSHOT")
	for _, test := range []struct {
		name, yaml string
		env        map[string]string
		faults     []sim.Fault
		want       string // branch of definition
		warned     string
	}{
		{"the default branch is read", "", nil, nil, "trunk", ""},
		{"gio.yaml says the main branch", "main_branch: main\n", nil, nil, "main", ""},
		{"without a token", "", map[string]string{"CIRCLE_TOKEN": ""}, nil, "master", "the default branch of 1 projects was not read (there is no CircleCI token): assuming master"},
		{"CircleCI says no", "", nil, []sim.Fault{{Kind: sim.Answer, Status: 403, Times: -1}}, "master", "the default branch of 1 projects was not read ("},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := plant{
				manifest: minor, files: map[string]string{"gio.yaml": test.yaml}, env: test.env,
				Scenario: sim.Scenario{Faults: test.faults, Projects: map[string]sim.Project{"gh/acme/definition": {DefaultBranch: "trunk"}}},
			}.grow(t)
			p, _, err := operate.Plan(t.Context(), w.operator().Setup, operate.PlanOptions{Except: []string{"api"}})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, st := range p.Steps() {
				got = append(got, st.Component+" "+st.Branch)
			}
			w.wants("planned", got, []string{"definition " + test.want, "gateway 3.9.x"})
			if said := strings.Join(p.Warnings, "\n"); !strings.HasPrefix(said, test.warned) || (said == "") != (test.warned == "") {
				t.Errorf("warned: %q", said)
			}
		})
	}
}

// TestPlanLeft: who leaves while the default branches are read gets no plan.
func TestPlanLeft(t *testing.T) {
	t.Parallel()
	w := plant{manifest: strings.ReplaceAll(product, "1.29.1-SNAPSHOT", "1.29.0-SNAPSHOT")}.grow(t)
	ctx, leave := context.WithCancelCause(t.Context())
	leave(operate.ErrDetached)
	if p, _, err := operate.Plan(ctx, w.operator().Setup, operate.PlanOptions{}); p != nil || !errors.Is(err, operate.ErrDetached) {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestPlanCompares: the plan says what a release would say, and why it would be refused, as the remote is now.
func TestPlanCompares(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		edit   func(w *world)
		warned string
	}{
		{"all is well", func(*world) {}, ""},
		{"somebody's tag", func(w *world) { gittest.Git(w, w.remote, "tag", "3.9.4", branch) }, "`gio release` would be refused: the tag 3.9.4 exists already"},
		{"a branch in the way", func(w *world) { gittest.Git(w, w.remote, "tag", "3.9.4/signed", branch) }, "`gio release` would be refused: "},
		{"an edit that is not pushed", func(w *world) {
			edited := strings.Replace(product, "1.25.1-SNAPSHOT", "1.25.2-SNAPSHOT", 1)
			if err := os.WriteFile(filepath.Join(w.checkout, "release.json"), []byte(edited), 0o644); err != nil {
				w.Fatal(err)
			}
		}, "`gio release` would be refused: release.json of the checkout is not the one"},
		{"another run has released a version", func(w *world) {
			w.begun(run.Release, "3.9.3", []plan.Step{apiStep}).started(apiStep).left()
		}, "`gio release` would be refused: another run releases, or has released, the same version: api 1.25.1: release/3.9.3"},
		{"the run of another branch", func(w *world) {
			gittest.Git(w, w.remote, "branch", "3.9.x-hotfix", branch)
			w.begunOn("3.9.x-hotfix", run.Release, "3.9.4", []plan.Step{apiStep}).started(apiStep).left()
		}, "is the journal of branch 3.9.x-hotfix, not 3.9.x"},
		{"no version follows", func(w *world) {
			edited := strings.Replace(product, "3.9.4-SNAPSHOT", "3.9.4-beta-SNAPSHOT", 1)
			gittest.Push(w, w.remote, branch, map[string]string{"release.json": edited}, "a beta")
			gittest.Git(w, w.checkout, "pull", "--quiet", "origin", branch)
		}, "`gio release` would be refused: no version can follow 3.9.4-beta by itself: its pre-release part does not end in a number"},
		{"the journal cannot be read", func(w *world) {
			gittest.Git(w, w.remote, "update-ref", journal.GitRef, gittest.Git(w, w.remote, "rev-parse", branch+":release.json"))
		}, "the plan was not held against the release repository ("},
		{"a component is released", func(w *world) {
			w.begun(run.Release, "3.9.4", []plan.Step{apiStep}).started(apiStep).note(run.Event{Type: run.Succeeded, Steps: []plan.StepID{apiStep.ID()}}).left()
		}, "release/3.9.4 has released 1 of these 3 components: `gio release` goes on with the others (released: api)"},
		{"the remote is gone", func(w *world) { gittest.Git(w, w.checkout, "remote", "set-url", "origin", w.remote+".gone") }, "the release repository was not read ("},
	} {
		for _, token := range []string{"", "token"} {
			t.Run(test.name+", token "+token, func(t *testing.T) {
				t.Parallel()
				w := plant{env: map[string]string{"CIRCLE_TOKEN": token}}.grow(t)
				test.edit(w)
				p, refs, err := operate.Plan(t.Context(), w.operator().Setup, operate.PlanOptions{})
				if err != nil || len(p.Steps()) == 0 || len(refs) != 3 || refs[2].Name != "refs/heads/"+branch {
					t.Fatalf("%+v, %v, %v", p, refs, err)
				}
				if said := strings.Join(p.Warnings, "\n"); !strings.Contains(said, test.warned) || (said == "") != (test.warned == "") || len(p.Warnings) > 1 {
					t.Errorf("warned: %q", said)
				}
			})
		}
	}
}

// TestPlanAsksNobody when no component is built from a main branch.
func TestPlanAsksNobody(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	p, _, err := operate.Plan(t.Context(), w.operator().Setup, operate.PlanOptions{Only: []string{"api"}})
	if err != nil || !p.Partial || len(p.Steps()) != 1 || len(w.sim.Requests()) > 0 {
		t.Errorf("%+v, %v, %d requests", p, err, len(w.sim.Requests()))
	}
	_, _, err = operate.Plan(t.Context(), w.operator().Setup, operate.PlanOptions{Only: []string{"nobody"}})
	w.ofKind(err, fault.Usage, "unknown-component")
	gittest.Git(t, w.checkout, "checkout", "--quiet", "--detach")
	p, _, err = operate.Plan(t.Context(), w.operator().Setup, operate.PlanOptions{})
	if err != nil || len(p.Warnings) != 1 || p.Branch != branch {
		t.Errorf("detached: %+v, %v", p, err)
	}
}

// TestHistory: the newest runs first, so many at most. A run that cannot be read hides no other.
func TestHistory(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	o := w.operator()
	if past, all, err := operate.History(t.Context(), o.Setup, 5); err != nil || all != 0 || len(past) != 0 {
		t.Errorf("of nothing: %v, %d, %v", past, all, err)
	}
	w.begun(run.Release, "3.9.3", []plan.Step{step("api", "1.25.0", "1.25.x")}).left()
	w.begun(run.Staging, "3.9.3", []plan.Step{step("api", "1.25.0", "1.25.x")}).left()
	w.begun(run.Release, "3.9.4", []plan.Step{apiStep}).left()
	ref := w.ref()
	tip, err := ref.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	broken, err := ref.Commit(tip, map[string][]byte{"stage/3.9.3.jsonl": []byte("nonsense\n{}\n")}, "damage")
	if err != nil {
		t.Fatal(err)
	}
	if err := ref.Push(t.Context(), tip, broken); err != nil {
		t.Fatal(err)
	}
	past, all, err := operate.History(t.Context(), w.operator().Setup, 2)
	if err != nil || all != 3 || len(past) != 2 {
		t.Fatalf("%d of %d, %v", len(past), all, err)
	}
	past, _, err = operate.History(t.Context(), w.operator().Setup, 9)
	if err != nil {
		t.Fatal(err)
	}
	good, bad := 0, 0
	for _, p := range past {
		switch {
		case p.Err == nil && p.State != nil && p.State.Header.Kind == run.Release:
			good++
		case p.Err != nil && p.State == nil:
			bad++
		}
	}
	if good != 2 || bad != 1 {
		t.Errorf("read %d, not read %d of %+v", good, bad, past)
	}
}

// TestReadRun: the run that is meant, or the newest one, which is said.
func TestReadRun(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	w.begun(run.Release, "3.9.3", []plan.Step{step("api", "1.25.0", "1.25.x")}).left()
	w.begunOn("main", run.Trigger, "docs-main.1", []plan.Step{step("docs", "main", "main")}).left()
	o := w.operator()
	k, err := operate.ReadRun(t.Context(), o.Setup, operate.Selector{}, false)
	if err != nil || k.Header.Version != "3.9.3" || k.Requested != "3.9.4" {
		t.Errorf("the newest: %+v, %v", k.Header, err)
	}
	o.hears("3.9.4 has no run yet: this is the newest one, of 3.9.3 from 3.9.x")
	_, err = operate.ReadRun(t.Context(), o.Setup, operate.Selector{}, true)
	w.ofKind(err, fault.NotFound, "no-journal")
	_, err = operate.ReadRun(t.Context(), o.Setup, operate.Selector{Version: "3.9.2"}, false)
	w.ofKind(err, fault.NotFound, "no-journal")
	if k, err = operate.ReadRun(t.Context(), w.operator().Setup, operate.Selector{Version: "3.9.3-SNAPSHOT"}, true); err != nil || k.Requested != "3.9.3" {
		t.Errorf("by its version: %+v, %v", k.Header, err)
	}
	quiet := w.operator()
	name := run.Name{Kind: run.Trigger, Version: "docs-main"}
	if k, err = operate.ReadRun(t.Context(), quiet.Setup, operate.Selector{Run: name}, true); err != nil || k.Requested != "docs-main.1" {
		t.Errorf("by its name: %+v, %v", k, err)
	}
	quiet.hears("the newest run of trigger/docs-main is trigger/docs-main.1")
	exact := w.operator()
	name.Version = "docs-main.1"
	if _, err = operate.ReadRun(t.Context(), exact.Setup, operate.Selector{Run: name}, true); err != nil || exact.heard() != "" {
		t.Errorf("%v, told: %s", err, exact.heard())
	}
	alone := w.operator()
	alone.Git = false
	_, err = operate.ReadRun(t.Context(), alone.Setup, operate.Selector{Run: name}, true)
	if f := new(fault.Fault); !fault.Is(err, "no-remote") || !strings.Contains(fmt.Sprint(fault.HintLines(err)), "keep their runs in a file") {
		t.Errorf("outside: %v, %v", err, f)
	}
}

// TestMaterials: what the workspace's release.json lists or, of a version, what its tag lists, with what its run says.
func TestMaterials(t *testing.T) {
	t.Parallel()
	w := hasReleased(t, plant{files: map[string]string{"gio.yaml": "components: {api: {repository: other/api-server}}\n"}})
	m, err := operate.ReadMaterials(t.Context(), w.operator().Setup, "")
	if err != nil || m.Manifest.Version != "3.9.4-SNAPSHOT" || m.State != nil || m.Commit != "" {
		t.Errorf("%+v, %v", m, err)
	}
	m, err = operate.ReadMaterials(t.Context(), w.operator().Setup, "3.9.3")
	if err != nil || m.Manifest.Version != "3.9.3" || m.State != nil || m.Commit != gittest.Git(t, w.remote, "rev-parse", "3.9.3") {
		t.Errorf("%+v, %v", m, err)
	}
	var repositories []string
	for _, c := range m.Manifest.Components {
		repositories = append(repositories, m.Repository(c))
	}
	w.wants("repositories", repositories, []string{"acme/common", "other/api-server", "acme/webui", "acme/gateway"})
	w.begun(run.Release, "3.9.3", []plan.Step{step("api", "1.25.0", "1.25.x")}).left()
	if m, err = operate.ReadMaterials(t.Context(), w.operator().Setup, "3.9.3"); err != nil || m.State == nil {
		t.Errorf("with a run: %+v, %v", m, err)
	}
	_, err = operate.ReadMaterials(t.Context(), w.operator().Setup, "3.9.4")
	w.ofKind(err, fault.NotFound, "no-tag")
	w.named = "master"
	m, err = operate.ReadMaterials(t.Context(), w.operator().Setup, "")
	if err != nil || m.Manifest.Version == "3.9.4-SNAPSHOT" { // of the branch that is named
		t.Errorf("of master: %+v, %v", m, err)
	}
	gittest.Git(t, w.checkout, "checkout", "--quiet", "--detach") // as CI does: it may well be that branch
	if _, err = operate.ReadMaterials(t.Context(), w.operator().Setup, ""); err != nil {
		t.Errorf("detached: %v", err)
	}
}

// TestFailureOutput: the lines that failed jobs printed are read from the CircleCI that the run was on. Why they are missing is
// said.
func TestFailureOutput(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single, Scenario: sim.Scenario{Projects: map[string]sim.Project{
		"gh/acme/api": {Runs: []sim.Run{{Workflows: []sim.Workflow{{Name: "release", Outcome: sim.Failed, Output: "first\nthe end of it\n"}}}}},
	}}}.grow(t)
	_, err := w.operator().releases(operate.ReleaseOptions{})
	w.ofKind(err, fault.PipelineFailed, "pipeline-failed")
	k := w.operator().read(operate.Selector{})
	read, note := operate.FailureOutput(t.Context(), w.operator().Setup, k)
	if note != "" || read == nil {
		t.Fatalf("nothing is read: %q", note)
	}
	if lines := read(k.State.Steps()[0]); !slices.Contains(lines, "the end of it") {
		t.Errorf("read: %q", lines)
	}
	w.env["CIRCLE_HOST"] = "https://circleci.example"
	if read, note = operate.FailureOutput(t.Context(), w.operator().Setup, k); read != nil || !strings.Contains(note, "the run was on "+w.host+", and the token is for https://circleci.example") {
		t.Errorf("of another host: %q", note)
	}
	w.env["CIRCLE_TOKEN"] = ""
	if read, note = operate.FailureOutput(t.Context(), w.operator().Setup, k); read != nil || !strings.Contains(note, "no CircleCI token was found") {
		t.Errorf("without a token: %q", note)
	}
	k.State = &run.State{}
	if read, note = operate.FailureOutput(t.Context(), w.operator().Setup, k); read != nil || note != "" {
		t.Errorf("where nothing failed: %q", note)
	}
}

// TestAskInsights: what CircleCI knows of how long the pipelines of components take; a project that it does not know is no error.
func TestAskInsights(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	w := plant{Scenario: sim.Scenario{
		Strict: true, Projects: map[string]sim.Project{"gh/acme/api": {Duration: 10 * time.Minute}},
		Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) },
	}}.grow(t)
	if _, err := w.sim.Trigger("gh/acme/api", "1.25.x", "somebody", nil); err != nil {
		t.Fatal(err)
	}
	later.Store(int64(time.Hour))
	var mu sync.Mutex
	learned := map[string]engine.Insight{}
	ask := func() error {
		return operate.AskInsights(t.Context(), w.operator().Setup, []plan.Step{apiStep, step("gateway", "3.9.4", branch)}, func(component string, i engine.Insight) {
			mu.Lock()
			defer mu.Unlock()
			learned[component] = i
		})
	}
	if err := ask(); err != nil || len(learned) != 1 || learned["api"].Workflow != "release" || !slices.Equal(learned["api"].Took, []time.Duration{10 * time.Minute}) {
		t.Errorf("learned: %+v, %v", learned, err)
	}
	w.env["CIRCLE_TOKEN"] = ""
	w.ofKind(ask(), fault.Auth, "no-token")
}

// TestWatchEnded: of a run that nobody drives what happened is shown, in its last session or from the first event, and how it
// stands.
func TestWatchEnded(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	r := w.begun(run.Release, "3.9.4", []plan.Step{apiStep}).started(apiStep)
	r.note(run.Event{Type: run.Planned, Plan: &plan.Plan{Version: "3.9.4", Branch: branch, Waves: []plan.Wave{{Group: 1, Steps: []plan.Step{apiStep}}}}}).left()
	for all, want := range map[bool][]string{
		true: {"opened", "planned", "intent", "triggered", "planned"}, false: {"planned"},
	} {
		o := w.operator()
		closed := 0
		o.View.Start = func(engine.Clock, func() run.Expectation) { t.Error("a view of what nobody drives") }
		o.View.Close = func() { closed++ }
		k, err := operate.Watch(t.Context(), o.Setup, o.read(operate.Selector{}), all)
		if err != nil || k.Standing(time.Now()) != run.StandingStopped || closed != 1 || o.heard() != "" {
			t.Errorf("it stands at %s, %v, closed %d times, told %q", k.Standing(time.Now()), err, closed, o.heard())
		}
		var saw []string
		for _, e := range o.saw {
			saw = append(saw, string(e.Type))
		}
		w.wants("shown", saw, want)
	}
}
