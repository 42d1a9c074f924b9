package operate_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/doctor"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// released394 is a world in which 3.9.3 was tagged yesterday, and api and definition are released since; gateway has failed.
func released394(t *testing.T) *world {
	t.Helper()
	w := plant{Scenario: sim.Scenario{Projects: map[string]sim.Project{"gateway": {Runs: []sim.Run{{Outcome: sim.Failed}}}}}}.grow(t)
	w.tagYesterday("3.9.3")
	return w
}

func (w *world) tagYesterday(name string) {
	w.Helper()
	tag := exec.Command("git", "tag", "-a", "-m", name, name, branch)
	tag.Dir = w.remote
	tag.Env = append(gittest.Env(), "GIT_COMMITTER_DATE="+time.Now().Add(-24*time.Hour).Format(time.RFC3339))
	if out, err := tag.CombinedOutput(); err != nil {
		w.Fatalf("%v: %s", err, out)
	}
}

// TestS42LostWithItsTag: git push --mirror from an old checkout deletes the journal and the tag of the start, and puts the branch
// back. Nothing is started again: gio release names gio doctor, whose rebuilt journal lets it finish.
func TestS42LostWithItsTag(t *testing.T) {
	t.Parallel()
	w := released394(t)
	before := gittest.Git(t, w.remote, "rev-parse", branch)
	_, err := w.operator().releases(operate.ReleaseOptions{})
	w.ofKind(err, fault.PipelineFailed, fault.CodeOf(err))
	started := len(w.pipelines())

	gittest.Git(t, w.remote, "update-ref", "-d", journal.GitRef)
	gittest.Git(t, w.remote, "update-ref", "-d", "refs/tags/3.9.4_START")
	gittest.Git(t, w.remote, "update-ref", "refs/heads/"+branch, before)
	_, err = w.operator().releases(operate.ReleaseOptions{})
	w.ofKind(err, fault.Invalid, "check")
	report, err := operate.Check(t.Context(), w.operator().Setup, operate.CheckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, f := range report.Findings {
		if f.Code == "released-unknown" && strings.Contains(f.Do, "gio doctor") {
			told++
		}
	}
	if told == 0 || len(w.pipelines()) != started {
		t.Fatalf("%d findings name gio doctor, and %d pipelines were started after %d: %+v", told, len(w.pipelines()), started, report.Findings)
	}

	x := w.operator().examines()
	if !x.Report.Lost {
		t.Fatalf("gio doctor does not see that the journal is lost: %+v", x.Report)
	}
	rebuilding, err := x.Rebuild(t.Context(), w.manifest())
	if err != nil {
		t.Fatal(err)
	}
	if err := rebuilding.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, unknown := range rebuilding.State.With(run.IsUnknown) { // an operator looks, and answers
		a := engine.Answer{Component: unknown.ID.Component(), NotTriggered: true}
		if _, err := operate.Resolve(t.Context(), w.operator().Setup, a, false, false); err != nil {
			t.Fatal(err)
		}
	}
	w.operator().released(operate.ReleaseOptions{})
	w.neverTwice()
}

// TestS42PutBack: the journal's ref is put back to how it was before anything was started, and so is the branch.
func TestS42PutBack(t *testing.T) {
	t.Parallel()
	w := released394(t)
	before := gittest.Git(t, w.remote, "rev-parse", branch)
	_, err := w.operator().releases(operate.ReleaseOptions{})
	w.ofKind(err, fault.PipelineFailed, fault.CodeOf(err))
	started := len(w.pipelines())
	gittest.Git(t, w.remote, "update-ref", journal.GitRef, w.beforeIntents())
	gittest.Git(t, w.remote, "update-ref", "refs/heads/"+branch, before)

	_, err = w.operator().releases(operate.ReleaseOptions{TakeOver: true})
	w.ofKind(err, fault.Invalid, "check")
	if n := len(w.pipelines()); n != started {
		t.Errorf("%d pipelines were started after %d", n, started)
	}
	var told []string
	for _, row := range w.operator().examines().Report.Components {
		if row.Code == doctor.ReleasedUnknown && strings.Contains(row.Do, "gio resolve "+row.Component+" --released") {
			told = append(told, row.Component)
		}
	}
	if len(told) == 0 {
		t.Error("gio doctor does not say what to do")
	}
}

// TestS42WithoutAnEarlierTag: the product was never tagged, so that the branch's newest commit bounds what a lost run may have
// left.
func TestS42WithoutAnEarlierTag(t *testing.T) {
	t.Parallel()
	w := plant{Scenario: sim.Scenario{Projects: map[string]sim.Project{"gateway": {Runs: []sim.Run{{Outcome: sim.Failed}}}}}}.grow(t)
	before := gittest.Git(t, w.remote, "rev-parse", branch)
	_, err := w.operator().releases(operate.ReleaseOptions{})
	w.ofKind(err, fault.PipelineFailed, fault.CodeOf(err))
	started := len(w.pipelines())
	gittest.Git(t, w.remote, "update-ref", "-d", journal.GitRef)
	gittest.Git(t, w.remote, "update-ref", "-d", "refs/tags/3.9.4_START")
	gittest.Git(t, w.remote, "update-ref", "refs/heads/"+branch, before)
	_, err = w.operator().releases(operate.ReleaseOptions{})
	w.ofKind(err, fault.Invalid, "check")
	if n := len(w.pipelines()); n != started {
		t.Errorf("%d pipelines were started after %d", n, started)
	}
}

// beforeIntents is the last commit of the journal in which a run is planned and nothing was started.
func (w *world) beforeIntents() (commit string) {
	w.Helper()
	for _, at := range strings.Fields(gittest.Git(w, w.remote, "rev-list", "--reverse", journal.GitRef)) {
		all := gittest.Git(w, w.remote, "archive", "--format=tar", at)
		if strings.Contains(all, `"type":"planned"`) && !strings.Contains(all, `"type":"intent"`) {
			commit = at
		}
	}
	return commit
}
