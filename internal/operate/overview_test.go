package operate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// overview is what is read of a branch, idle or not.
func (w *world) overview(branch string) operate.BranchOverview {
	w.Helper()
	all, err := operate.ReadOverview(w.Context(), w.operator().Setup, operate.OverviewOptions{All: true})
	if err != nil {
		w.Fatal(err)
	}
	for _, b := range all.Branches {
		if b.Name == branch {
			return b
		}
	}
	w.Fatalf("there is no %s in %+v", branch, all.Branches)
	return operate.BranchOverview{}
}

// TestOverviewOfARun: a run is shown on its own branch alone, with the time that it is likely to take; a dry run only while somebody
// drives it.
func TestOverviewOfARun(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	gittest.Git(t, w.remote, "branch", "3.8.x", branch) // it has the same version open
	dry := w.begun(run.DryRun, "3.9.4", []plan.Step{apiStep})
	if b := w.overview(branch); b.Run == nil || !b.Driven(time.Now()) || b.Run.Header.Kind != run.DryRun || b.Ready != nil {
		t.Errorf("the dry run is %+v", b)
	}
	dry.left()
	if b := w.overview(branch); b.Run != nil || b.Open != "3.9.4" || b.ToDo != 3 || b.Ready == nil || b.Ready.Err() != nil {
		t.Errorf("after the dry run: %+v", b)
	}
	earlier := step("api", "1.25.0", "1.25.x")
	before := w.begun(run.Release, "3.9.3", []plan.Step{earlier}).started(earlier)
	before.seq++
	if err := before.j.Append(t.Context(), run.Event{Type: run.Succeeded, Run: "release/3.9.3", Seq: before.seq, Time: time.Now().Add(30 * time.Minute), Steps: []plan.StepID{earlier.ID()}}); err != nil {
		t.Fatal(err)
	}
	before.left()
	w.begun(run.Release, "3.9.4", []plan.Step{apiStep}).started(apiStep)
	b := w.overview(branch)
	if !b.Driven(time.Now()) || b.Run.Header.Kind != run.Release || b.Left < 10*time.Minute || b.Left > time.Hour {
		t.Errorf("%+v has %v left", b.Run, b.Left)
	}
	if other := w.overview("3.8.x"); other.Run != nil || other.Ready == nil {
		t.Errorf("the run is that of 3.8.x, too: %+v", other)
	}
}

// TestOverviewOfWhatCannotBeRead: a journal or a release.json that cannot be read is its branch's error, and hides no other branch.
// Where that holds for all branches, it is an error.
func TestOverviewOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := plant{manifest: of("3.10.0-SNAPSHOT", "api", "3.10.0-SNAPSHOT")}.grow(t)
	gittest.Push(t, w.remote, branch, map[string]string{"release.json": product}, "the line")
	r := w.begun(run.Release, "3.9.4", []plan.Step{apiStep})
	r.note(run.Event{Type: run.Succeeded, Steps: []plan.StepID{"nobody@1.0.0"}})
	r.left()
	gittest.Git(t, w.checkout, "pull", "--quiet")
	if b := w.overview(branch); b.Err == nil || b.ToDo != 3 {
		t.Errorf("its journal is fine: %+v", b)
	}
	if b := w.overview("master"); b.Err != nil || b.Open != "3.10.0" {
		t.Errorf("master: %+v", b)
	}
	for _, name := range []string{"master", branch} {
		gittest.Push(t, w.remote, name, map[string]string{"release.json": "{"}, "spoilt")
	}
	_, err := operate.ReadOverview(t.Context(), w.operator().Setup, operate.OverviewOptions{All: true})
	w.ofKind(err, fault.Remote, "nothing-read")
}

// TestOverviewOfGioYAML: each branch is checked by the settings that it has itself.
func TestOverviewOfGioYAML(t *testing.T) {
	t.Parallel()
	w := plant{files: map[string]string{"gio.yaml": "components: {api: {branch: special}}"}}.grow(t)
	for name, settings := range map[string]string{"3.8.x": "components: {gatway: {branch: x}}", "3.7.x": "nonsense: true"} {
		gittest.Git(t, w.remote, "branch", name, "master")
		version := fmt.Sprint(name[:3], ".4-SNAPSHOT")
		gittest.Push(t, w.remote, name, map[string]string{"gio.yaml": settings, "release.json": of(version, "api", "1.25.1-SNAPSHOT")}, "settings")
	}
	for name, wrong := range map[string]bool{branch: false, "3.8.x": true, "3.7.x": true} {
		b := w.overview(name)
		if b.Ready == nil || (b.Ready.Err() != nil) != wrong {
			t.Errorf("%s: %+v, %v", name, b.Ready, b.Unchecked)
		}
	}
}
