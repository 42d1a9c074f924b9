package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// tagging is a scenario whose repositories exist and get the tag of what their pipelines release; those of tagless do not.
func tagging(tagless string, components ...string) sim.Scenario {
	hub := &sim.GitHub{Repositories: map[string]sim.Repository{}}
	for _, name := range components {
		r := sim.Repository{Version: "1.2.3-SNAPSHOT"}
		if name == tagless {
			r.ReleaseTags = new(bool)
		}
		hub.Repositories["acme/"+name] = r
	}
	return sim.Scenario{GitHub: hub}
}

// proven is a world whose releases want to see what is said. Its journal is checked at the end; whether something was
// triggered twice is for the test to say.
func proven(t *testing.T, releaseJSON string, s sim.Scenario, v plan.Verification, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, releaseJSON, s, nil)
		defer w.close()
		w.edit = func(r *engine.Release) { w.wants(r, v) }
		f(t, w)
		if err := run.Check(w.kept()); err != nil {
			t.Errorf("the journal cannot be true: %v", err)
		}
	})
}

func (w *world) wants(r *engine.Release, v plan.Verification) {
	r.Options.Verification, r.Tagged = v, w.hub().HasTag
}

func (w *world) hub() *github.Client {
	hub, err := github.New(github.Options{URL: w.host + "/api/v3", Token: token, HTTP: w.client()})
	if err != nil {
		w.t.Fatal(err)
	}
	return hub
}

func (w *world) pushTag(component, tag string) {
	if err := w.sim.Commit("acme/"+component, "1.2.x", "released", tag, nil); err != nil {
		w.t.Error(err)
	}
}

// wantStep tells how a component stands after a release.
func (w *world) wantStep(component string, status run.Status, code string) {
	w.t.Helper()
	if st := w.state().Step(plan.ID(component, "1.2.3")); st.Status != status || st.Code != code {
		w.t.Errorf("%s is %s %q (%s), want %s %q", component, st.Status, st.Code, st.Reason, status, code)
	}
}

var byTag = plan.Verification{Verify: plan.VerifyTag}

// Every pipeline leaves its tag, under the name that gio.yaml says: nothing is different. In a dry run no tag is wanted.
func TestProofByTag(t *testing.T) {
	t.Parallel()
	proven(t, product("a b", "c"), tagging("", "a", "b", "c"), byTag, func(t *testing.T, w *world) {
		wantKind(t, w.release(), 0)
		if asked := w.sim.Stats().GitHub["matching-refs"][200]; asked != 3 {
			t.Errorf("%d requests to GitHub, want one for each component", asked)
		}
		w.check()
	})
	proven(t, product("a b", "c"), tagging("", "a", "b", "c"), byTag, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) {
			w.wants(r, byTag)
			r.Options.DryRun = true
		}
		wantKind(t, w.release(), 0)
	})
}

// A tag that GitHub shows late is waited for, as long as half a minute.
func TestProofComesLate(t *testing.T) {
	t.Parallel()
	for late, want := range map[time.Duration]fault.Kind{20 * time.Second: 0, time.Minute: fault.PipelineFailed} {
		proven(t, product("a"), tagging("a", "a"), byTag, func(t *testing.T, w *world) {
			time.AfterFunc(2*time.Second+late, func() { w.pushTag("a", "1.2.3") })
			began := time.Now()
			wantKind(t, w.release(), want)
			if took := time.Since(began); took > 36*time.Second {
				t.Errorf("it took %s", took)
			}
			if want != 0 {
				w.wantStep("a", run.HasFailed, "no-proof")
			}
			time.Sleep(time.Minute)
			wantKind(t, w.release(), 0) // the tag is there by now: nothing is started again
			if n := w.pipelinesOf("a"); n != 1 {
				t.Errorf("a ran %d times", n)
			}
			w.check()
		})
	}
}

// Green without its tag is a failure: the wave ends, the rest is skipped, what is proven is recorded. Run again, it starts
// anew, as often as it takes; once the tag is there, whoever pushed it, nothing more is started.
func TestNoProof(t *testing.T) {
	t.Parallel()
	proven(t, product("a b", "c"), tagging("b", "a", "b", "c"), byTag, func(t *testing.T, w *world) {
		for attempt := 1; attempt <= 3; attempt++ {
			err := w.release()
			wantKind(t, err, fault.PipelineFailed)
			if !fault.Is(err, "no-proof") || !strings.Contains(err.Error(), "b") {
				t.Errorf("got %v", err)
			}
			w.wantStep("a", run.HasSucceeded, "")
			w.wantStep("b", run.HasFailed, "no-proof")
			w.wantStep("c", run.WasSkipped, "")
			if st := w.state().Step("b@1.2.3"); st.Reason != "its pipeline is green, but the tag 1.2.3 does not exist in acme/b" || st.URL == "" || st.Attempt != attempt {
				t.Errorf("attempt %d: %+v", attempt, st)
			}
			if n := w.pipelinesOf("b"); n != attempt {
				t.Errorf("attempt %d: %d pipelines", attempt, n)
			}
		}
		if c, _ := w.manifestAt(branch).Component("b"); c.Version != "1.2.3-SNAPSHOT" {
			t.Errorf("b is recorded as %s", c.Version)
		}
		w.pushTag("b", "1.2.3")
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("b"); n != 3 {
			t.Errorf("%d pipelines of b in the end", n)
		}
		if v := w.manifestAt("1.0.4").Version; v != "1.0.4" {
			t.Errorf("the tag holds %s", v)
		}
	})
}

// Somebody pushes the missing tag while the wave still runs: the release goes on by itself.
func TestProofDuringTheWave(t *testing.T) {
	t.Parallel()
	s := tagging("a", "a", "b", "c")
	s.Projects = map[string]sim.Project{"b": minutes(10)}
	proven(t, product("a b", "c"), s, byTag, func(t *testing.T, w *world) {
		time.AfterFunc(5*time.Minute, func() { w.pushTag("a", "1.2.3") })
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("a"); n != 1 {
			t.Errorf("a ran %d times", n)
		}
		w.check()
	})
}

// The expected workflow was filtered and another one ran green: the seed's worst kind of success.
func TestProofByWorkflow(t *testing.T) {
	t.Parallel()
	green := func(names ...string) sim.Run {
		r := sim.Run{Setup: &sim.Setup{Name: "release"}} // a setup workflow proves nothing
		for _, name := range names {
			r.Workflows = append(r.Workflows, sim.Workflow{Name: name})
		}
		return r
	}
	s := sim.Scenario{Projects: map[string]sim.Project{
		"a": {Runs: []sim.Run{green("lint", "release")}},
		"b": {Runs: []sim.Run{green("lint"), green("release")}},
	}}
	v := plan.Verification{Verify: plan.VerifyWorkflow, Workflows: []string{"release"}}
	proven(t, product("a b"), s, v, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) { r.Options.Verification = v } // GitHub is not needed
		wantKind(t, w.release(), fault.PipelineFailed)
		w.wantStep("a", run.HasSucceeded, "")
		w.wantStep("b", run.HasFailed, "no-proof")
		if st := w.state().Step("b@1.2.3"); !strings.Contains(st.Reason, "the workflow release did not run in it: lint did") {
			t.Errorf("b: %s", st.Reason)
		}
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("b"); n != 2 {
			t.Errorf("%d pipelines of b", n)
		}
	})
}

// While GitHub does not answer it is neither a success nor a failure, and nothing is started again: not by this driver, and not
// by the next one.
func TestProofCannotBeTold(t *testing.T) {
	t.Parallel()
	s := tagging("", "a", "b")
	s.GitHub.Faults = []sim.Fault{{Match: sim.Match{Endpoint: "matching-refs", Project: "acme/a"}, Kind: sim.ErrorBefore, Times: 1500}}
	proven(t, product("a", "b"), s, byTag, func(t *testing.T, w *world) {
		err := w.release()
		wantKind(t, err, fault.Timeout)
		w.wantStep("a", run.HasFailed, "timeout")
		if st := w.state().Step("a@1.2.3"); !strings.Contains(st.Reason, "cannot tell whether its tag 1.2.3 exists") {
			t.Errorf("a: %s", st.Reason)
		}
		for range 5 {
			if err = w.release(); err == nil {
				break
			}
			wantKind(t, err, fault.Timeout)
		}
		wantKind(t, err, 0)
		if n := w.pipelinesOf("a"); n != 1 {
			t.Errorf("a ran %d times", n)
		}
		w.check()
	})
}

// A token that may not ask, or a repository that it cannot see, ends the session: waiting does not mend it. The pipeline stays
// as it is, and nothing is started again when it is mended.
func TestProofMayNotBeAsked(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]fault.Kind{403: fault.Auth, 404: fault.NotFound} {
		s := tagging("", "a", "b")
		s.GitHub.Faults = []sim.Fault{{Match: sim.Match{Endpoint: "matching-refs", Project: "acme/a"}, Kind: sim.Answer, Status: status, Body: `{"message":"no"}`}}
		proven(t, product("a", "b"), s, byTag, func(t *testing.T, w *world) {
			wantKind(t, w.release(), want)
			w.wantStep("a", run.Running, "")
			wantKind(t, w.release(), 0)
			w.check()
		})
	}
}

// Two components of one pipeline have each a tag: one is proven, the other is not.
func TestProofOfASharedPipeline(t *testing.T) {
	t.Parallel()
	s := tagging("mono", "mono")
	v := plan.Verification{Verify: plan.VerifyTag, Tag: "{{.Component}}-{{.Version}}"}
	proven(t, product("a b"), s, v, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) {
			w.wants(r, v)
			r.Options.Overrides = map[string]plan.Override{"a": {Repository: "mono"}, "b": {Repository: "mono"}}
		}
		w.pushTag("mono", "a-1.2.3")
		wantKind(t, w.release(), fault.PipelineFailed)
		w.wantStep("a", run.HasSucceeded, "")
		w.wantStep("b", run.HasFailed, "no-proof")
		w.pushTag("mono", "b-1.2.3")
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("mono"); n != 1 {
			t.Errorf("%d pipelines", n)
		}
		w.check()
	})
}

// What is not proven is not started again by itself when its pipeline has released another component: that has succeeded
// (promise 1).
func TestSharedPipelineIsNotStartedAgain(t *testing.T) {
	t.Parallel()
	v := plan.Verification{Verify: plan.VerifyTag, Tag: "{{.Component}}-{{.Version}}"}
	proven(t, product("a b c"), tagging("mono", "mono"), v, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) {
			w.wants(r, v)
			r.Options.Overrides = map[string]plan.Override{"a": {Repository: "mono"}, "b": {Repository: "mono"}, "c": {Repository: "mono"}}
		}
		w.pushTag("mono", "b-1.2.3")
		wantKind(t, w.release(), fault.PipelineFailed)
		wantKind(t, w.release(), fault.Decision)
		w.wantStep("a", run.IsUnknown, "no-proof")
		w.wantStep("b", run.HasSucceeded, "")
		w.wantStep("c", run.IsUnknown, "no-proof")
		wantKind(t, w.release(), fault.Decision) // it looks again, and nothing else
		if n := w.pipelinesOf("mono"); n != 1 {
			t.Errorf("%d pipelines", n)
		}
		w.pushTag("mono", "a-1.2.3")
		w.pushTag("mono", "c-1.2.3")
		wantKind(t, w.release(), 0)
		w.check()
	})
}

// Without anybody to ask for tags such a release does not begin, unless what wants one has succeeded.
func TestNobodyToAskForTags(t *testing.T) {
	t.Parallel()
	proven(t, product("a"), tagging("", "a"), byTag, func(t *testing.T, w *world) {
		ask := w.edit
		w.edit = func(r *engine.Release) {
			ask(r)
			r.Tagged = nil
		}
		err := w.release()
		wantKind(t, err, fault.Invalid)
		if !fault.Is(err, "no-tags") || len(w.kept()) > 0 || len(w.sim.Pipelines()) > 0 {
			t.Errorf("%v, %d events", err, len(w.kept()))
		}
		w.edit = ask
		wantKind(t, w.release(), 0)
	})
}

// Stopped dead at any write and at any request, also those to GitHub, the end is the same: a is proven, b is not until somebody
// pushes its tag, and nothing is started twice without being told so.
func TestProofSurvivesCrashes(t *testing.T) {
	t.Parallel()
	const every = 3
	uses := proofCrash(t, "", 0)
	points := 0
	for _, kind := range []string{"write", "written", "request", "answer"} {
		for n := 1; n <= uses[kind]; n += every {
			points++
			t.Run(fmt.Sprintf("%s%d", kind, n), func(t *testing.T) {
				t.Parallel()
				proofCrash(t, kind, n)
			})
		}
	}
	if points < 20 {
		t.Errorf("only %d points, of %v", points, uses)
	}
}

func proofCrash(t *testing.T, kind string, at int) (uses map[string]int) {
	proven(t, product("a b", "c"), tagging("b", "a", "b", "c"), byTag, func(t *testing.T, w *world) {
		w.power.kind, w.power.at = kind, at
		told := func() bool { return w.state().Step("b@1.2.3").Code == "no-proof" }
		for runs := 0; !told(); runs++ {
			if err := w.release(); runs == 5 {
				t.Fatalf("b is not told to lack its tag: %v\n%s", err, w.statuses())
			}
		}
		if n := w.pipelinesOf("b"); n != 1 {
			t.Errorf("%d pipelines of b before it was told to lack its tag", n)
		}
		w.pushTag("b", "1.2.3")
		for runs := 0; !w.state().Finished; runs++ {
			if err := w.release(); runs == 5 {
				t.Fatalf("not finished: %v\n%s", err, w.statuses())
			}
		}
		w.check()
		uses = w.power.count
	})
	return uses
}

// The client's walk: what it triggers is simulated and leaves no tag. What an earlier run left without its proof would be
// started again, and is shown so.
func TestSimulatedIsProven(t *testing.T) {
	t.Parallel()
	proven(t, product("a", "b"), tagging("a", "a", "b"), byTag, func(t *testing.T, w *world) {
		wantKind(t, w.release(), fault.PipelineFailed)
		w.edit = func(r *engine.Release) {
			w.wants(r, byTag)
			r.Simulated = true
		}
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("a"); n != 2 {
			t.Errorf("a ran %d times", n)
		}
	})
}

// What gio cancel comes too late for is no success either before it is proven.
func TestTooLateToCancelIsNotProven(t *testing.T) {
	t.Parallel()
	proven(t, product("a b"), tagging("a", "a", "b"), byTag, func(t *testing.T, w *world) {
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		wantKind(t, w.releaseUntil(ctx, nil), fault.Stopped)
		time.Sleep(time.Minute) // both are green by now
		c := engine.Cancellation{
			CI:   circleci.New(circleci.Options{Host: w.host, Token: token, HTTP: w.client()}),
			Read: func(context.Context) (*run.State, error) { return w.state(), nil },
		}
		ended, err := c.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Note(t.Context(), disk{w}, w.kept(), ended, run.Driver{}); err != nil {
			t.Fatal(err)
		}
		w.wantStep("a", run.Running, "")
		wantKind(t, w.release(), fault.PipelineFailed)
		w.wantStep("a", run.HasFailed, "no-proof")
		w.wantStep("b", run.HasSucceeded, "")
		w.check()
	})
}
