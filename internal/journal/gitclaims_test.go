package journal

import (
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// ofVersion is the header of another run.
func ofVersion(kind run.Kind, version string) run.Header {
	h := header()
	h.Kind, h.Version = kind, version
	return h
}

func about(what run.Type, id plan.StepID) run.Event {
	return run.Event{Type: what, Steps: []plan.StepID{id}}
}

// TestClaims walks through what events do to a claim. The events alone decide: whether they can be true is not the journal's to say.
func TestClaims(t *testing.T) {
	t.Parallel()
	alpha := plan.ID("alpha", "1.0.0")
	answer := func(status string) run.Event {
		return run.Event{Type: run.Resolved, Status: status, Steps: []plan.StepID{alpha}}
	}
	for _, test := range []struct {
		name   string
		kind   run.Kind
		events []run.Event
		held   bool
	}{
		{"intent", "release", []run.Event{about(run.Intent, alpha)}, true},
		{"a dry run's intent", "dry", []run.Event{about(run.Intent, alpha)}, true},
		{"unknown", "release", []run.Event{about(run.Intent, alpha), about(run.Unknown, alpha)}, true},
		{"failed", "release", []run.Event{about(run.Intent, alpha), about(run.Failed, alpha)}, false},
		{"skipped", "release", []run.Event{about(run.Intent, alpha), about(run.Skipped, alpha)}, false},
		{"skipped without an intent", "release", []run.Event{about(run.Skipped, alpha)}, false},
		{"succeeded", "release", []run.Event{about(run.Intent, alpha), about(run.Succeeded, alpha)}, true},
		{"rehearsed", "dry", []run.Event{about(run.Intent, alpha), about(run.Succeeded, alpha)}, false},
		{"failed and run again by somebody", "release", []run.Event{about(run.Intent, alpha), about(run.Failed, alpha), about(run.Observed, alpha)}, true},
		{"answered: not triggered", "release", []run.Event{about(run.Intent, alpha), answer(run.AnswerNotTriggered)}, false},
		{"answered: released", "release", []run.Event{answer(run.AnswerReleased)}, true},
		{"answered: a pipeline", "release", []run.Event{answer(run.AnswerPipeline)}, true},
		{"staged", "stage", []run.Event{about(run.Intent, alpha), about(run.Succeeded, alpha)}, false},
	} {
		for _, together := range []bool{true, false} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				dir := bare(t)
				g, _ := opened(t, dir, ofVersion(test.kind, "3.9.4"), GitOptions{})
				if together {
					keep(t, g, test.events...)
				} else {
					for _, e := range test.events {
						keep(t, g, e)
					}
				}
				other, _ := opened(t, dir, ofVersion("release", "3.10.0"), GitOptions{})
				claims, err := other.Claimed([]plan.StepID{alpha, plan.ID("beta", "1.0.0")})
				if err != nil || len(claims) > 1 || (len(claims) == 1) != test.held {
					t.Errorf("claims %v, %v", claims, err)
				}
				if mine, err := g.Claimed([]plan.StepID{alpha}); err != nil || mine != nil {
					t.Errorf("its own claim is called somebody else's: %v, %v", mine, err)
				}
			})
		}
	}
}

// TestTriggerFollows: what a release has brought to its end may be triggered, what it still runs may not.
func TestTriggerFollows(t *testing.T) {
	t.Parallel()
	dir, alpha, beta := bare(t), plan.ID("alpha", "1.0.0"), plan.ID("beta", "1.0.0")
	h := ofVersion("release", "3.9.4")
	g, _ := opened(t, dir, h, GitOptions{})
	p := &plan.Plan{Waves: []plan.Wave{{Steps: []plan.Step{{Component: "alpha", Version: "1.0.0"}, {Component: "beta", Version: "1.0.0"}}}}}
	events := []run.Event{{Type: run.Opened, Header: &h}, {Type: run.Planned, Plan: p}}
	for _, id := range []plan.StepID{alpha, beta} {
		intent, triggered := about(run.Intent, id), about(run.Triggered, id)
		intent.Send, intent.Project, intent.Branch = 1, "gh/acme/"+id.Component(), "1.0.x"
		triggered.Pipeline = &run.Pipeline{ID: "pipeline of " + string(id), Number: 1}
		events = append(events, intent, triggered)
	}
	events = append(events, about(run.Succeeded, alpha))
	for i := range events { // as a recorder numbers them
		events[i].Run, events[i].Seq = h.Run(), int64(i+1)
	}
	keep(t, g, events...)
	trigger, _ := opened(t, dir, ofVersion("trigger", "after-3.9.4.1"), GitOptions{})
	claims, err := trigger.Claimed([]plan.StepID{alpha, beta})
	if err != nil || len(claims) != 1 || claims[0].Step != beta {
		t.Errorf("%+v, %v", claims, err)
	}
}

// TestClaimedElsewhere (S34): the second is told whose it is, none of its intents is kept, and what it knows about others
// is never taken away by it.
func TestClaimedElsewhere(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	alpha, beta := plan.ID("alpha", "1.0.0"), plan.ID("beta/x", "1.0.0")
	first, _ := opened(t, dir, header(), GitOptions{})
	late, _ := opened(t, dir, ofVersion("release", "3.10.0"), GitOptions{})
	driver := somebody()
	keep(t, first, run.Event{Type: run.Planned, Driver: &driver}, run.Event{Type: run.Intent, Steps: []plan.StepID{alpha, beta}})
	if claims, err := late.Claimed([]plan.StepID{alpha}); err != nil || len(claims) != 0 {
		t.Errorf("before it reads again: %v, %v", claims, err)
	}

	err := late.Append(t.Context(), about(run.Intent, plan.ID("gamma", "1.0.0")), about(run.Intent, alpha))
	isFault(t, err, fault.Stopped, "claimed-elsewhere", "alpha 1.0.0: release/3.9.4 (octocat, https://circleci.com/gh/acme/release/7, since 2")
	if again := late.Append(t.Context(), stopped(1)); again != err { //nolint:errorlint // the very same fault is promised
		t.Errorf("then %v", again)
	}
	closed(t, late)
	if tree := gittest.Git(t, dir, "ls-tree", "-r", "--name-only", GitRef); strings.Contains(tree, "gamma") || strings.Contains(tree, "3.10.0.jsonl") {
		t.Errorf("something of the call was kept:\n%s", tree)
	}

	second, _ := opened(t, dir, ofVersion("release", "3.10.0"), GitOptions{})
	claims, err := second.Claimed([]plan.StepID{alpha, beta})
	if err != nil || len(claims) != 2 || claims[0].Run != "release/3.9.4" || claims[0].Login != "octocat" || time.Since(claims[0].Since) > time.Minute {
		t.Errorf("claims %+v, %v", claims, err)
	}
	isFault(t, Elsewhere(claims), fault.Stopped, "claimed-elsewhere", "beta/x 1.0.0")
	if err := Elsewhere(nil); err != nil {
		t.Errorf("no claims: %v", err)
	}
	keep(t, second, about(run.Failed, alpha), about(run.Skipped, beta), about(run.Observed, alpha))
	third, _ := opened(t, dir, ofVersion("release", "3.11.0"), GitOptions{})
	if claims, err := third.Claimed([]plan.StepID{alpha, beta}); err != nil || len(claims) != 2 || claims[0].Run != "release/3.9.4" {
		t.Errorf("claims %+v, %v", claims, err)
	}

	keep(t, first, about(run.Failed, alpha))
	keep(t, third, about(run.Intent, alpha))
}

// TestClaimRace: of two runs that want a version at the same moment one gets it.
func TestClaimRace(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	for round := range 20 {
		id := plan.ID("alpha", strings.Repeat("1", round+1))
		result := make(chan error, 2)
		for _, version := range []string{"3.9.4", "3.10.0"} {
			h := ofVersion("release", version)
			h.Manifest = id.Version() // a place of its own for each round
			g, _ := opened(t, dir, h, GitOptions{})
			go func() {
				err := g.Append(t.Context(), about(run.Intent, id))
				_ = g.Close() // before the answer: the remote is gone when the test has both
				result <- err
			}()
		}
		one, two := <-result, <-result
		if (one == nil) == (two == nil) || one != nil && !fault.Is(one, "claimed-elsewhere") || two != nil && !fault.Is(two, "claimed-elsewhere") {
			t.Fatalf("round %d: %v and %v", round, one, two)
		}
	}
}

// A version that was released is staged by one run, and claimed apart from its release.
func TestStageClaims(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	alpha := plan.ID("alpha", "1.0.0")
	driver := somebody()
	for _, h := range []run.Header{header(), ofVersion("stage", "3.9.4")} {
		j, _ := opened(t, dir, h, GitOptions{})
		keep(t, j, run.Event{Type: run.Planned, Driver: &driver}, run.Event{Type: run.Intent, Steps: []plan.StepID{alpha}})
		closed(t, j)
	}
	late, _ := opened(t, dir, ofVersion("stage", "3.10.0"), GitOptions{})
	isFault(t, late.Append(t.Context(), about(run.Intent, alpha)), fault.Stopped, "claimed-elsewhere", "alpha 1.0.0: stage/3.9.4")
	closed(t, late)
}

// TestRefused: what would keep a run from being driven is known to whoever only reads, and nobody is told to move a journal away
// that keeps the claims of what is released.
func TestRefused(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	alpha := []plan.StepID{plan.ID("alpha", "1.0.0")}
	if err := Refused(t.Context(), view(t, dir), header(), alpha); err != nil {
		t.Errorf("without a journal: %v", err)
	}
	g, _ := opened(t, dir, header(), GitOptions{})
	for _, call := range calls() {
		keep(t, g, call...)
	}
	if err := Refused(t.Context(), view(t, dir), header(), alpha); err != nil {
		t.Errorf("its own: %v", err)
	}
	isFault(t, Refused(t.Context(), view(t, dir), ofVersion("release", "3.10.0"), alpha), fault.Stopped, "claimed-elsewhere", "alpha 1.0.0: release/3.9.4")
	other := header()
	other.Branch = "master"
	err := Refused(t.Context(), view(t, dir), other, alpha)
	isFault(t, err, fault.Invalid, "other-journal", "branch 3.9.x, not master")
	if hints := strings.Join(fault.HintLines(err), "; "); hints != "run gio with the branch 3.9.x" {
		t.Errorf("hints: %s", hints)
	}
}
