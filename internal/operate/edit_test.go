package operate_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/prepare"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// openCommon opens the component that product says is released.
var openCommon = prepare.Request{Set: []prepare.Setting{{Component: "common", Version: "1.20.3-SNAPSHOT"}}}

func (o *operator) prepares(r prepare.Request) *operate.Preparation {
	o.w.Helper()
	p, err := operate.Prepare(o.w.Context(), o.Setup, r)
	if err != nil {
		o.w.Fatal(err)
	}
	return p
}

// TestPrepare: an edit is worked out first, and pushed as one commit on whatever other commits came meanwhile. Only the bytes
// change that must.
func TestPrepare(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	unwritten := w.unwritten()
	p := w.operator().prepares(openCommon)
	unwritten()
	if len(p.Changes) != 1 || p.Commit != "" || p.CheckoutDiffers() || !p.CanPull() || p.RemoteURL() != w.url || p.RemoteManifest().Version != "3.9.4-SNAPSHOT" {
		t.Errorf("worked out: %+v", p)
	}
	gittest.Push(t, w.remote, branch, map[string]string{"README.md": "hello"}, "another file")
	if err := p.Push(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(product, `"1.20.2"`, `"1.20.3-SNAPSHOT"`, 1)
	if got := gittest.Git(t, w.remote, "show", branch+":release.json") + "\n"; got != want {
		t.Errorf("release.json is\n%s", got)
	}
	if got := gittest.Git(t, w.remote, "rev-parse", branch); string(p.Commit) != got || p.Subject != gittest.Git(t, w.remote, "log", "-1", "--format=%s", branch) {
		t.Errorf("pushed: %s %q", p.Commit, p.Subject)
	}
	if gittest.Git(t, w.remote, "show", branch+":README.md") != "hello" {
		t.Error("the colleague's file is gone")
	}
	if p = w.operator().prepares(openCommon); len(p.Changes) != 0 || !p.CheckoutDiffers() {
		t.Errorf("once more, in a checkout that is older now: %+v", p.Changes)
	}
}

// TestPrepareElsewhere: the remote's release.json is edited, whatever the checkout shows.
func TestPrepareElsewhere(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(w.checkout, "release.json"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.ReplaceAll(product, "\n", "\r\n"))
	if p := w.operator().prepares(openCommon); p.CheckoutDiffers() {
		t.Error("another form of line ends is another file")
	}
	write(product + "\n")
	if p := w.operator().prepares(openCommon); !p.CheckoutDiffers() || !p.CanPull() {
		t.Error("an edit in the checkout is not said")
	}
	options := w.options()
	options.Repo, options.Branch = w.remote, branch
	ws, err := workspace.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if p := w.on(ws).prepares(openCommon); p.CheckoutDiffers() || p.CanPull() {
		t.Error("without a checkout there is no other file, and nothing to be pulled")
	}
	write(product)
	gittest.Git(t, w.checkout, "checkout", "--quiet", "master")
	w.named = branch
	if p := w.operator().prepares(openCommon); !p.CheckoutDiffers() || p.CanPull() {
		t.Error("another branch of the checkout is not said")
	}
}

// TestPrepareRefused: while somebody drives the release nobody edits release.json, neither before nor between; and not what
// somebody else has edited.
func TestPrepareRefused(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	first := w.operator().prepares(openCommon)
	second := w.operator().prepares(prepare.Request{Set: []prepare.Setting{{Component: "common", Version: "1.20.4-SNAPSHOT"}}})
	if err := first.Push(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.ofKind(second.Push(t.Context()), fault.Stopped, "branch-moved")
	third := w.operator().prepares(prepare.Request{Remove: []string{"common"}})
	r := w.begun(run.Release, "3.9.4", []plan.Step{apiStep})
	unwritten := w.unwritten()
	_, err := operate.Prepare(t.Context(), w.operator().Setup, openCommon)
	w.ofKind(err, fault.Stopped, "driven-elsewhere")
	w.ofKind(third.Push(t.Context()), fault.Stopped, "driven-elsewhere")
	unwritten()
	r.left()
	if err := third.Push(t.Context()); err != nil {
		t.Error(err)
	}
	_, err = operate.Prepare(t.Context(), w.operator().Setup, prepare.Request{Open: []string{"nobody"}})
	w.ofKind(err, fault.Usage, "unknown-component")
}

// TestPrepareBetween: a commit that comes between reading and pushing is built upon, three times at most.
func TestPrepareBetween(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		times int
		code  string
	}{{2, ""}, {3, "branch-moved"}} {
		t.Run(test.code, func(t *testing.T) {
			t.Parallel()
			var w *world
			var mu sync.Mutex
			pushed := 0
			p := plant{http: true}
			p.git.Intercept = func(r *http.Request) gittest.Action {
				mu.Lock()
				defer mu.Unlock()
				if gittest.IsPush(r) && pushed < test.times {
					pushed++
					gittest.Push(t, w.remote, branch, map[string]string{"README.md": strings.Repeat("!", pushed)}, "between")
				}
				return gittest.Serve
			}
			w = p.grow(t)
			err := w.operator().prepares(openCommon).Push(t.Context())
			if fault.CodeOf(err) != test.code || pushed != test.times {
				t.Errorf("after %d pushes: %v", pushed, err)
			}
			if opened := w.manifest().Components[0].Version == "1.20.3-SNAPSHOT"; opened != (test.code == "") {
				t.Errorf("opened: %t", opened)
			}
		})
	}
}

// examines is one gio doctor.
func (o *operator) examines(names ...string) *operate.Examination {
	o.w.Helper()
	x, err := operate.Examine(o.w.Context(), o.Setup, names)
	if err != nil {
		o.w.Fatal(err)
	}
	return x
}

// TestDoctor: what agrees is said to; a version that is certainly another one is edited; what cannot be compared is its own
// fault.
func TestDoctor(t *testing.T) {
	t.Parallel()
	w := plant{Scenario: sim.Scenario{GitHub: checkHub()}}.grow(t)
	unwritten := w.unwritten()
	x := w.operator().examines()
	if !x.Report.Compared || x.Report.Verdict(false) != nil || !x.Report.Fix().Empty() || x.Header.Run() != "release/3.9.4" || x.Header.Host != w.host {
		t.Errorf("examined: %+v, %v", x.Report, x.Report.Verdict(false))
	}
	if p, err := x.Edit(t.Context()); p != nil || err != nil {
		t.Errorf("an edit of what agrees: %+v, %v", p, err)
	}
	_, err := operate.Examine(t.Context(), w.operator().Setup, []string{"nobody"})
	w.ofKind(err, fault.Usage, "unknown-component")
	unwritten()
}

// TestDoctorWithoutGitHub: what only GitHub knows is not compared.
func TestDoctorWithoutGitHub(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	gittest.Git(t, w.remote, "tag", "3.9.4", branch)
	x := w.operator().examines()
	if x.Report.Compared || !fault.Is(x.Report.Verdict(false), "disagree") || len(x.Report.Product) != 1 {
		t.Errorf("examined: %+v", x.Report)
	}
	w.env["CIRCLE_TOKEN"] = ""
	_, err := operate.Examine(t.Context(), w.operator().Setup, nil)
	w.ofKind(err, fault.Auth, "no-token")
}

// TestDoctorAfterARelease: the tag that the run itself has made is no disagreement, whether the next version is prepared or not.
func TestDoctorAfterARelease(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single}.grow(t)
	w.operator().released(operate.ReleaseOptions{NoNext: true})
	if x := w.operator().examines(); x.Report.Verdict(false) != nil {
		t.Errorf("released: %+v", x.Report)
	}
	gittest.Push(t, w.remote, branch, map[string]string{"release.json": single}, "opened again")
	if x := w.operator().examines("common"); len(x.Report.Product) != 0 {
		t.Errorf("opened again: %+v", x.Report)
	}
}

// TestDoctorFixes: the edit that is certain is pushed; what is left is the verdict.
func TestDoctorFixes(t *testing.T) {
	t.Parallel()
	p := plant{Scenario: sim.Scenario{GitHub: checkHub()}}
	p.GitHub.Repositories["acme/api"] = sim.Repository{Branches: map[string]sim.Branch{"1.25.x": {Version: "1.25.2-SNAPSHOT"}}, Tags: []string{"1.25.0"}}
	w := p.grow(t)
	x := w.operator().examines()
	err := x.Report.Verdict(false)
	w.ofKind(err, fault.Invalid, "disagree")
	if len(fault.HintLines(err)) != 1 || x.Report.Verdict(true) != nil {
		t.Errorf("%v, hints %q", err, fault.HintLines(err))
	}
	r := w.begun(run.Release, "3.9.4", []plan.Step{apiStep})
	if driven := w.operator().examines("api"); driven.Report.Driver == "" {
		t.Error("it does not say who drives")
	} else if _, err := driven.Edit(t.Context()); !fault.Is(err, "driven-elsewhere") {
		t.Errorf("an edit while somebody drives: %v", err)
	}
	r.left()
	edit, err := x.Edit(t.Context())
	if err != nil || edit == nil || len(edit.Changes) != 1 {
		t.Fatalf("%+v, %v", edit, err)
	}
	if err := edit.Push(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wants("edited", w.versions()[1:2], []string{"api 1.25.2-SNAPSHOT"})
	if x := w.operator().examines("api"); x.Report.Verdict(false) != nil || len(x.Report.Components) != 1 {
		t.Errorf("after the edit: %+v", x.Report)
	}
}

// TestDoctorCannotRead: what could not be compared is the verdict where nothing disagrees.
func TestDoctorCannotRead(t *testing.T) {
	t.Parallel()
	p := plant{Scenario: sim.Scenario{GitHub: checkHub()}}
	delete(p.GitHub.Repositories, "acme/api")
	w := p.grow(t)
	x := w.operator().examines()
	if err := x.Report.Verdict(false); fault.KindOf(err) != fault.NotFound || fault.Is(err, "disagree") {
		t.Errorf("%v, %+v", err, x.Report)
	}
}

// TestDoctorRebuilds: a journal that was deleted is written anew from tags and pipelines, once, and the release that follows
// starts nothing twice.
func TestDoctorRebuilds(t *testing.T) {
	t.Parallel()
	w := plant{Scenario: sim.Scenario{GitHub: checkHub(), Projects: map[string]sim.Project{"gh/acme/gateway": {Duration: time.Hour}}}}.grow(t)
	gittest.Git(t, w.remote, "tag", "--annotate", "--message", "begun", "3.9.4_START", branch)
	for _, st := range []plan.Step{apiStep, step("gateway", "3.9.4", branch)} {
		if _, err := w.ci().Trigger(t.Context(), circleci.TriggerRequest{Project: st.Project, Branch: st.Branch, Parameters: map[string]any{"gio_action": "release", "dry_run": false}}); err != nil {
			t.Fatal(err)
		}
	}
	w.awaits("the api is released", func() bool { return w.sim.Pipelines()[0].Outcome == "success" })
	if x := w.operator().examines("api"); !x.Report.Lost || x.Report.Fix().Rebuild {
		t.Error("one component is enough to rebuild the journal of all")
	}
	x := w.operator().examines()
	if !x.Report.Fix().Rebuild || x.Report.Verdict(false) == nil {
		t.Fatalf("it is not lost: %+v", x.Report)
	}
	unwritten := w.unwritten()
	first, err := x.Rebuild(t.Context(), x.RemoteManifest())
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.operator().examines().Rebuild(t.Context(), x.RemoteManifest())
	if err != nil {
		t.Fatal(err)
	}
	unwritten()
	w.wants("would be noted", ended(first.State), []string{"api succeeded", "definition pending", "gateway running"})
	if err := first.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.ofKind(second.Write(t.Context()), fault.Stopped, "journal-moved")
	k := w.operator().read(operate.Selector{})
	w.wants("noted", ended(k.State), ended(first.State))
	if k.DriverStatus(time.Now()).State != run.GaveBack || w.operator().examines().Report.Fix().Rebuild {
		t.Errorf("the rebuilt journal: %+v", k.Lease)
	}
	if err := w.sim.Finish("gateway", 1); err != nil {
		t.Fatal(err)
	}
	w.operator().released(operate.ReleaseOptions{})
	w.neverTwice()
	if len(w.sim.Pipelines()) != 3 {
		t.Errorf("triggered: %v", w.pipelines())
	}
}
