package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

var (
	now     = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	apiPlan = &plan.Plan{Version: "1.0.0", Branch: "1.0.x", Waves: []plan.Wave{{Steps: []plan.Step{{Component: "api", Version: "1.2.3", Project: "gh/acme/api"}}}}}
)

// journalOf is a run of this kind with these events behind its plan.
func journalOf(t *testing.T, kind run.Kind, p *plan.Plan, events ...run.Event) *run.State {
	t.Helper()
	h := run.Header{Schema: run.Schema, Kind: kind, Version: "1.0.0", Manifest: "release.json"}
	events = append([]run.Event{{Type: run.Opened, Header: &h}, {Type: run.Planned, Plan: p}}, events...)
	for i := range events {
		events[i].Run, events[i].Seq, events[i].Time = h.Run(), int64(i+1), now
		if events[i].Type != run.Opened && events[i].Type != run.Planned && events[i].Type != run.Recorded && events[i].Steps == nil {
			events[i].Steps = []plan.StepID{plan.ID("api", "1.2.3")}
		}
	}
	state, err := run.Fold(events)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// TestSnapshotErr: each way a run can stand is a fault of its kind, or none where nothing is wrong or its end is open.
func TestSnapshotErr(t *testing.T) {
	t.Parallel()
	intent := run.Event{Type: run.Intent, Send: 1}
	triggered := run.Event{Type: run.Triggered, Pipeline: &run.Pipeline{ID: "p", Number: 1}}
	failed := []run.Event{intent, triggered, {Type: run.Failed, Code: "pipeline-failed", Reason: "broken"}}
	succeeded := []run.Event{intent, triggered, {Type: run.Succeeded}}
	for _, test := range []struct {
		name   string
		kind   run.Kind
		events []run.Event
		driven bool
		want   fault.Kind
		hint   string
	}{
		{"unknown", run.Release, []run.Event{intent, {Type: run.Unknown, Reason: "lost"}}, false, fault.Decision, "`gio resolve COMPONENT --pipeline N`, `--released` or `--not-triggered`"},
		{"unknown, of a dry run", run.DryRun, []run.Event{intent, {Type: run.Unknown, Reason: "lost"}}, false, fault.Decision, "`gio resolve COMPONENT --pipeline N --dry-run`, `--released` or `--not-triggered`"},
		{"failed", run.Release, failed, false, fault.PipelineFailed, "what succeeded is not started again"},
		{"failed, and somebody drives", run.Release, failed, true, 0, ""},
		{"stopped", run.Release, []run.Event{intent, triggered}, false, fault.Stopped, "goes on from there"},
		{"driven", run.Release, []run.Event{intent, triggered}, true, 0, ""},
		{"passed", run.Staging, succeeded, false, 0, ""},
		{"released", run.Release, append(succeeded[:3:3], run.Event{Type: run.Recorded, Record: &run.Record{Finished: true, Steps: []plan.StepID{plan.ID("api", "1.2.3")}}}), false, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			k := Snapshot{State: journalOf(t, test.kind, apiPlan, test.events...)}
			k.Header = k.State.Header
			if test.driven {
				k.Lease = run.Lease{Driver: "one", Renewed: now}
			}
			err := k.Err(now)
			if fault.KindOf(err) != test.want || !strings.Contains(strings.Join(fault.HintLines(err), "\n"), test.hint) {
				t.Errorf("it stands at %s: %v, hints %q", k.Standing(now), err, fault.HintLines(err))
			}
			if k.Driven(now) != test.driven || k.Driven(now.Add(time.Hour)) {
				t.Errorf("driven: %t", k.Driven(now))
			}
		})
	}
}

// TestReviewAction: the review that a branch asks for by its prefix; what has no prefix of the table is not known.
func TestReviewAction(t *testing.T) {
	t.Parallel()
	for branch, want := range map[string]string{
		"support-1.2": "support_pr_review true", "lts-1": "support_pr_review true", "sts-1": "support_pr_review true",
		"issue-1": "dev_pr_review true", "fix-1": "dev_pr_review true", "feat-1": "dev_pr_review true", "feature-1": "dev_pr_review true",
		"snyk-1": " true", "dependabot-1": " true",
		"master": " false", "hotfix-1": " false", "fix": " false", "": " false", "Fix-1": " false",
	} {
		action, known := reviewAction(branch)
		if got := fmt.Sprint(action, " ", known); got != want {
			t.Errorf("%s: %s, want %s", branch, got, want)
		}
	}
}

// TestTriggerName: a single pipeline of the command line is named by repository and branch, anything else by its file and
// version.
func TestTriggerName(t *testing.T) {
	t.Parallel()
	one := plan.Step{Component: "docs", Branch: "main"}
	for _, test := range []struct {
		file, version string
		steps         []plan.Step
		want          string
	}{
		{commandLine, "", []plan.Step{one}, "docs-main"},
		{"processes/after.json", "", []plan.Step{one}, "after"},
		{"/a/b/after.json", "1.0.0-SNAPSHOT", []plan.Step{one, one}, "after-1.0.0"},
		{"after", "", []plan.Step{one}, "after"},
	} {
		p := &manifest.Process{File: test.file, Version: test.version}
		if got := triggerName(p, &plan.Plan{Waves: []plan.Wave{{Steps: test.steps}}}); got != test.want {
			t.Errorf("%s: %s, want %s", test.file, got, test.want)
		}
	}
}

// TestRepositoryURL: the last part of scmHttpUrl is the product's organization, and a component may have another one.
func TestRepositoryURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ scm, repository, want string }{
		{"https://github.com/acme", "acme/api", "https://github.com/acme/api"},
		{"https://github.com/acme/", "other/api", "https://github.com/other/api"},
		{"https://host.example/scm/acme", "acme/api", "https://host.example/scm/acme/api"},
		{"file:///srv/git/acme", "acme/api", "file:///srv/git/acme/api"},
		{"/srv/git/acme", "acme/api", "/srv/git/acme/api"},
	} {
		if got := repositoryURL(test.scm, test.repository); got != test.want {
			t.Errorf("%s %s: %s, want %s", test.scm, test.repository, got, test.want)
		}
	}
}

// TestNewestReleased: of the versions that components were released with, the newest whose tag exists, by version and not by
// text.
func TestNewestReleased(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		since []string
		tags  []string
		want  string
	}{
		{"the newest", []string{"3.9.2", "3.9.10", "3.9.9"}, []string{"3.9.2", "3.9.9", "3.9.10"}, "3.9.10"},
		{"not tagged", []string{"3.9.2", "3.9.10"}, []string{"3.9.2"}, "3.9.2"},
		{"no version", []string{"", "next"}, []string{"", "next"}, ""},
		{"nothing", nil, []string{"3.9.2"}, ""},
	} {
		content := `{"name": "Acme", "version": "4.0.0-SNAPSHOT", "components": [`
		for i, since := range test.since {
			content += strings.Repeat(",", min(i, 1)) + fmt.Sprintf(`{"name": "c%d", "version": "1.0.0", "since": %q}`, i, since)
		}
		m, err := manifest.Parse("release.json", []byte(content+`], "buildDependencies": []}`))
		if err != nil {
			t.Fatal(err)
		}
		repo, err := gitrepo.Imagine(gitrepo.Options{Branch: "master"}, "master", "release.json", []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range test.tags {
			if err := repo.Push(t.Context(), []gitrepo.Update{{Ref: "refs/tags/" + tag, New: repo.Head()}}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := Setup{}.newestReleased(m, repo)
		if got != test.want || (test.want == "") != fault.Is(err, "no-tag") {
			t.Errorf("%s: %q, %v, want %q", test.name, got, err, test.want)
		}
	}
}

// TestQuestion: what the operator is asked says how much would be started, and whether it is a dry run.
func TestQuestion(t *testing.T) {
	t.Parallel()
	two := &plan.Plan{Version: "1.0.0", Branch: "1.0.x", Waves: []plan.Wave{{Steps: []plan.Step{{Component: "api", Version: "1.2.3"}, {Component: "ui", Version: "1.0.0"}}}}}
	none := &plan.Plan{Version: "1.0.0", Branch: "1.0.x"}
	for _, test := range []struct {
		plan   *plan.Plan
		dryRun bool
		want   string
	}{
		{two, false, "Release 2 components of 1.0.0 from 1.0.x?"},
		{apiPlan, false, "Release 1 component of 1.0.0 from 1.0.x?"},
		{none, false, "Finish the release of 1.0.0 on 1.0.x?"},
		{two, true, "Run the pipelines of 2 components of 1.0.0 from 1.0.x, as a dry run?"},
		{none, true, "Run the dry-run pipelines of 1.0.0 from 1.0.x again?"},
	} {
		r := &engine.Release{Execution: engine.Execution{Plan: test.plan}, Options: plan.Options{DryRun: test.dryRun}}
		if got := question(r, test.plan.Branch, false, false); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
		for takeOver, first := range map[bool]string{false: "Wait until that driver is gone? ", true: "Take the run from that driver? "} {
			if got := question(r, test.plan.Branch, true, takeOver); got != first+test.want {
				t.Errorf("beside a driver: %q, want %q", got, first+test.want)
			}
		}
	}
}

// TestNotCancelled: what was not cancelled for certain is named; without the right, or after leaving, the fault says so.
func TestNotCancelled(t *testing.T) {
	t.Parallel()
	of := func(fate engine.Fate, err error, components ...string) engine.Cancelled {
		c := engine.Cancelled{Fate: fate, Err: err}
		for _, name := range components {
			c.Steps = append(c.Steps, run.Step{ID: plan.ID(name, "1.0.0")})
		}
		return c
	}
	refused := fault.New(fault.Auth, "refused", "no")
	left, leave := context.WithCancelCause(t.Context())
	leave(ErrDetached)
	for _, test := range []struct {
		name  string
		ctx   context.Context
		ended []engine.Cancelled
		kind  fault.Kind
		text  string
	}{
		{"all has ended", t.Context(), []engine.Cancelled{of(engine.IsCancelled, nil, "a"), of(engine.HadSucceeded, nil, "b"), of(engine.HadFailed, nil, "c"), of(engine.NotStarted, refused, "d")}, 0, ""},
		{"something runs", t.Context(), []engine.Cancelled{of(engine.IsCancelled, nil, "a"), of(engine.StillRuns, nil, "b", "c"), of(engine.NotKnown, errors.New("lost"), "d")}, fault.Remote, "could not be cancelled: b, c, d"},
		{"not allowed", t.Context(), []engine.Cancelled{of(engine.StillRuns, refused, "a"), of(engine.StillRuns, nil, "b")}, fault.Auth, "could not be cancelled: a, b"},
		{"left", left, []engine.Cancelled{of(engine.StillRuns, refused, "a")}, fault.Stopped, "gio left before it knew what became of a"},
		{"left when all had ended", left, []engine.Cancelled{of(engine.IsCancelled, nil, "a")}, 0, ""},
	} {
		err := notCancelled(test.ctx, test.ended)
		if fault.KindOf(err) != test.kind || err != nil && !strings.HasPrefix(err.Error(), test.text) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// TestNumberIn: the number of a trigger's run; the names of others that begin alike, and nonsense, have none.
func TestNumberIn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		version, name string
		want          int
	}{
		{"docs-main.1", "docs-main", 1},
		{"docs-main.12", "docs-main", 12},
		{"docs-main", "docs-main", 0},
		{"docs-main.x", "docs-main", 0},
		{"docs-main.1.2", "docs-main", 0},
		{"docs-main.1.2", "docs-main.1", 2},
		{"12", "docs", 0},
	} {
		if got := numberIn(test.version, test.name); got != test.want {
			t.Errorf("%s of %s: %d, want %d", test.version, test.name, got, test.want)
		}
	}
}

// TestHeader: which run a selector means, and when release.json must say its version.
func TestHeader(t *testing.T) {
	t.Parallel()
	s := setupOf(nil)
	s.Workspace = s.WithManifest([]byte(`{"name": "Acme", "version": "1.0.0-SNAPSHOT", "components": [], "buildDependencies": []}`))
	for _, test := range []struct {
		sel   Selector
		want  string
		exact bool
	}{
		{Selector{}, "release/1.0.0", false},
		{Selector{DryRun: true}, "dry/1.0.0", false},
		{Selector{Version: "2.0.0-SNAPSHOT"}, "release/2.0.0", true},
		{Selector{Version: "2.0.0", DryRun: true}, "dry/2.0.0", true},
		{Selector{Run: run.Name{Kind: run.Staging, Version: "3.0.0"}, DryRun: true}, "stage/3.0.0", true},
	} {
		h, err := s.header(test.sel)
		if err != nil || h.Run() != test.want || test.sel.exact() != test.exact {
			t.Errorf("%+v: %s, %v, exact %t", test.sel, h.Run(), err, test.sel.exact())
		}
	}
	s.Workspace = s.WithManifest([]byte("{"))
	if _, err := s.header(Selector{}); err == nil {
		t.Error("a broken release.json says a version")
	}
	if _, err := s.header(Selector{Version: "1.0.0"}); err != nil {
		t.Errorf("a version that is said needs no release.json: %v", err)
	}
}

// TestNoSuchRun: the fault for a run that does not exist says what there is instead, by its kind.
func TestNoSuchRun(t *testing.T) {
	t.Parallel()
	for kind, want := range map[run.Kind]string{
		run.Release: "add --dry-run", run.DryRun: "leave --dry-run out", run.Staging: "`gio stage 1.0.0` shows", run.Trigger: "keep their runs in a file",
		"another": "lists the runs",
	} {
		err := noSuchRun(run.Name{Kind: kind, Version: "1.0.0"}, "first of all")
		lines := fault.HintLines(err)
		if fault.KindOf(err) != fault.NotFound || !strings.Contains(strings.Join(lines, "\n"), want) {
			t.Errorf("%s: %v, %q", kind, err, lines)
		}
		if hinted := lines[0] == "first of all"; hinted != (kind != run.Release && kind != run.DryRun) {
			t.Errorf("%s: %q", kind, lines)
		}
	}
	var known []run.Header
	for i := range 7 {
		known = append(known, run.Header{Kind: run.Trigger, Version: fmt.Sprint(i)})
	}
	if got := suggestRuns(known); got != "the known runs are, newest first: --run trigger/0, --run trigger/1, --run trigger/2, --run trigger/3, --run trigger/4" {
		t.Errorf("known: %s", got)
	}
	_, err := choose([]journal.Listed{{Header: run.Header{Kind: run.Staging, Version: "2.0.0"}}}, run.Header{Kind: run.Staging, Version: "1.0.0"}, true)
	if got := strings.Join(fault.HintLines(err), "\n"); !strings.Contains(got, "--run stage/2.0.0") {
		t.Errorf("of a staging: %q", got)
	}
	_, err = choose([]journal.Listed{{Header: run.Header{Kind: run.Release, Version: "2.0.0"}}}, run.Header{Kind: run.Release, Version: "1.0.0"}, true)
	if got := strings.Join(fault.HintLines(err), "\n"); strings.Contains(got, "2.0.0") {
		t.Errorf("of a release: %q", got)
	}
}

// TestHintOutsideRepository: outside of a release repository the fault says that the run of a trigger may be on another machine.
func TestHintOutsideRepository(t *testing.T) {
	t.Parallel()
	trigger := Selector{Run: run.Name{Kind: run.Trigger, Version: "x.1"}}
	for _, test := range []struct {
		sel  Selector
		code string
		want bool
	}{
		{trigger, "no-manifest", true},
		{trigger, "no-remote", true},
		{trigger, "no-branch", false},
		{Selector{}, "no-manifest", false},
		{Selector{Run: run.Name{Kind: run.Staging, Version: "1.0.0"}}, "no-remote", false},
	} {
		err := HintOutsideRepository(test.sel, fault.New(fault.NotFound, test.code, "none"))
		if said := strings.Contains(strings.Join(fault.HintLines(err), "\n"), notShared); said != test.want {
			t.Errorf("%+v, %s: said %t", test.sel, test.code, said)
		}
	}
	if err := errors.New("plain"); !errors.Is(HintOutsideRepository(trigger, err), err) {
		t.Error("another error is changed")
	}
}

// TestRefuseOtherPlan: a run of a trigger that has anything open goes on with what it sent before, and with nothing else.
func TestRefuseOtherPlan(t *testing.T) {
	t.Parallel()
	other := &plan.Plan{Waves: []plan.Wave{{Steps: []plan.Step{{Component: "api", Version: "1.2.3", Project: "gh/acme/api", Parameters: map[string]any{"n": int64(1)}}}}}}
	open := journalOf(t, run.Trigger, apiPlan, run.Event{Type: run.Intent, Send: 1})
	closed := journalOf(t, run.Trigger, apiPlan, run.Event{Type: run.Intent, Send: 1}, run.Event{Type: run.Failed, Code: "refused", Reason: "no"})
	for _, test := range []struct {
		name  string
		state *run.State
		plan  *plan.Plan
		code  string
	}{
		{"nothing was planned", &run.State{}, other, ""},
		{"the same", open, apiPlan, ""},
		{"another one, and something is open", open, other, "open-trigger"},
		{"another one, and nothing is open", closed, other, ""},
	} {
		if err := refuseOtherPlan(test.state, test.plan); fault.CodeOf(err) != test.code {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	second := plan.Plan{Waves: []plan.Wave{{}, apiPlan.Waves[0]}}
	if fmt.Sprint(requestsOf(&second)) == fmt.Sprint(requestsOf(apiPlan)) {
		t.Error("the wave does not count")
	}
}

// TestSilentSetup: a setup without functions prints, asks and shows nothing.
func TestSilentSetup(t *testing.T) {
	t.Parallel()
	s := Setup{}
	s.tell("%s", "x")
	s.warn("x")
	s.View.start(engine.Clock{}, nil)
	s.View.close()
	ctx, done := s.leaving(t.Context())
	done()
	_, stop, stopped := s.stopping(ctx)
	stopped()
	if ctx != t.Context() || stop != nil {
		t.Error("somebody may leave")
	}
	r := &Result{}
	if errs := r.Deliver(t.Context(), nil); errs != nil {
		t.Errorf("not notified: %v", errs)
	}
	Ends{}.Close()
}

// TestSteadyWire: whoever looks on may be impatient, but a run under way is not.
func TestSteadyWire(t *testing.T) {
	t.Parallel()
	s := Setup{}
	s.Wire.Impatient, s.Wire.Version = true, "1.2.3"
	if wire := s.steadyWire(); wire.Impatient || wire.Version != "1.2.3" || !s.Wire.Impatient {
		t.Errorf("%+v", wire)
	}
}

// TestReleaseRepository: the release repository is known to GitHub where it lies there, and has an organization and a name.
func TestReleaseRepository(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"https://github.com/acme/release.git": "acme/release", "git@github.com:acme/release.git": "acme/release",
		"https://gitlab.com/acme/release": "", "https://github.com/scm/acme/release": "", "https://github.com/release": "", "/srv/release": "", "": "",
	} {
		s := setupOf(map[string]string{"CIRCLE_TOKEN": "any", "GITHUB_TOKEN": "ghp"})
		s.Checkout.RemoteURL = remote
		p, err := newPrecheck(s)
		if err != nil || p.question.Release != want {
			t.Errorf("%q: %q, %v, want %q", remote, p.question.Release, err, want)
		}
	}
}

// TestExpected: as many pipelines at once as somebody says, else the usual number, but never more than the most.
func TestExpected(t *testing.T) {
	t.Parallel()
	for said, want := range map[int]int{0: engine.MaxParallel, 3: 3, engine.MostParallel: engine.MostParallel, engine.MostParallel + 1: engine.MostParallel} {
		took := map[string][]time.Duration{"api": {time.Minute}}
		if got := Expected(&engine.Execution{MaxParallel: said, Earlier: took}); got.Parallel != want || !maps.EqualFunc(got.Took, took, func(a, b []time.Duration) bool { return len(a) == len(b) }) {
			t.Errorf("%d: %+v, want %d", said, got, want)
		}
	}
}

// TestCountdown: while gio waits for a run it says so every half minute, not with every reading.
func TestCountdown(t *testing.T) {
	t.Parallel()
	var said []string
	s := Setup{Tell: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }}
	wait := s.countdown(run.Header{Kind: run.Release, Version: "1.0.0"})
	for range 3 {
		wait(run.Lease{Login: "octocat", Since: now}, 90*time.Second+time.Millisecond)
	}
	want := "release/1.0.0 has a driver already (octocat, since 2026-01-02T03:04:05Z): gio takes over in 1m30s unless that driver gives a sign; Ctrl-C leaves, --take-over does not wait"
	if len(said) != 1 || said[0] != want {
		t.Errorf("told: %q", said)
	}
}

// TestDurations: what Insights say of a component is added to what is known, and a view that has read the old keeps it.
func TestDurations(t *testing.T) {
	t.Parallel()
	l := &durations{}
	l.add("api", engine.Insight{Took: []time.Duration{time.Minute}})
	before := l.expectation()
	l.add("ui", engine.Insight{Took: []time.Duration{time.Second}})
	if len(before.Took) != 1 || len(l.expectation().Took) != 2 {
		t.Errorf("before %v, after %v", before.Took, l.expectation().Took)
	}
	if unseen := NeverSeen(map[string][]time.Duration{"api": {time.Minute}}, apiPlan); len(unseen) != 0 {
		t.Errorf("never seen: %v", unseen)
	}
	if unseen := NeverSeen(map[string][]time.Duration{"api": {}}, apiPlan); len(unseen) != 1 {
		t.Errorf("never seen: %v", unseen)
	}
}
