package operate_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/rehearse"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// shown is what a dry run shows.
type shown struct {
	mu               sync.Mutex
	requests, pushes []string
}

func (s *shown) add(to *[]string, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*to = append(*to, line)
}

// dryEnds are those of a client dry run, which shows what it would do.
func (o *operator) dryEnds(inRepository bool) (operate.Setup, operate.Ends, *shown) {
	o.w.Helper()
	seen := &shown{}
	s, ends, err := rehearse.DryEnds(o.w.Context(), o.Setup, inRepository, rehearse.Observer{
		Request: func(method, _ string, body []byte) { seen.add(&seen.requests, method+" "+string(body)) },
		Push: func(_ *gitrepo.Repo, updates []gitrepo.Update) {
			for _, u := range updates {
				seen.add(&seen.pushes, u.Ref)
			}
		},
	})
	if err != nil {
		o.w.Fatal(err)
	}
	o.w.Cleanup(ends.Close)
	return s, ends, seen
}

// TestClientDryRun: the whole release is walked, nothing but reads leave, nothing is pushed, and the result says what would be.
func TestClientDryRun(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	unwritten := w.unwritten()
	o := w.operator()
	o.Ask = cancelled // a dry run asks nobody, and is its own plan
	o.ShowPlan = func(*plan.Plan) error { return errors.New("shown") }
	s, ends, seen := o.dryEnds(true)
	r, err := operate.Release(t.Context(), s, ends, operate.ReleaseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	unwritten()
	if r.Level != operate.Client || r.NothingToDo || !r.State.Finished {
		t.Errorf("the result is %+v", r)
	}
	w.wants("would be", ended(r.State), []string{"api succeeded", "definition succeeded", "gateway succeeded"})
	if len(seen.requests) != 3 || !strings.Contains(strings.Join(seen.requests, ""), `POST {"branch":"3.9.x","parameters":{"dry_run":false,"gio_action":"release"}}`) {
		t.Errorf("would be sent: %q", seen.requests)
	}
	w.wants("would be pushed", sorted(seen.pushes), []string{"refs/heads/3.9.x", "refs/tags/3.9.4", "refs/tags/3.9.4_START"})
	if len(w.sim.Requests()) == 0 {
		t.Error("CircleCI was asked nothing")
	}
}

// TestClientDryRunRefused: what the check of a real release would refuse is said at the end, and the walk goes on.
func TestClientDryRunRefused(t *testing.T) {
	t.Parallel()
	p := plant{manifest: single, Scenario: sim.Scenario{GitHub: checkHub()}}
	delete(p.GitHub.Repositories, "acme/api")
	w := p.grow(t)
	unwritten := w.unwritten()
	s, ends, seen := w.operator().dryEnds(true)
	r, err := operate.Release(t.Context(), s, ends, operate.ReleaseOptions{})
	w.ofKind(err, fault.Invalid, "check")
	unwritten()
	if r == nil || !r.State.Finished || len(seen.requests) != 1 {
		t.Errorf("the result is %+v, would be sent: %q", r, seen.requests)
	}
	s, ends, _ = w.operator().dryEnds(true)
	if _, err := operate.Release(t.Context(), s, ends, operate.ReleaseOptions{SkipCheck: []string{"repository-missing"}}); err != nil {
		t.Errorf("with what is skipped: %v", err)
	}
}

// TestClientDryRunProves: what a dry run triggers is simulated, and taken to leave the tag that proves a release.
func TestClientDryRunProves(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single, Scenario: sim.Scenario{GitHub: checkHub()}, files: map[string]string{"gio.yaml": "verify: tag\n"}}.grow(t)
	s, ends, _ := w.operator().dryEnds(true)
	r, err := operate.Release(t.Context(), s, ends, operate.ReleaseOptions{})
	if err != nil || !r.State.Finished || r.Plan.Steps()[0].Proof.Tag != "1.25.1" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestClientDryRunAfterAFailure: what has succeeded is not shown as triggered again.
func TestClientDryRunAfterAFailure(t *testing.T) {
	t.Parallel()
	w := plant{Scenario: sim.Scenario{Projects: map[string]sim.Project{"gh/acme/definition": {Runs: []sim.Run{{Outcome: sim.Failed}}}}}}.grow(t)
	_, err := w.operator().releases(operate.ReleaseOptions{})
	w.ofKind(err, fault.PipelineFailed, "pipeline-failed")
	unwritten := w.unwritten()
	s, ends, seen := w.operator().dryEnds(true)
	r, err := operate.Release(t.Context(), s, ends, operate.ReleaseOptions{})
	unwritten()
	if err != nil || len(seen.requests) != 2 {
		t.Errorf("%v, would be sent: %q", err, seen.requests)
	}
	w.wants("would be", ended(r.State), []string{"api succeeded", "definition succeeded", "gateway succeeded"})
}

// TestClientDryRunOfOthers: stagings and triggers are shown as well, and keep no journal. What was released cannot be known
// without the remote.
func TestClientDryRunOfOthers(t *testing.T) {
	t.Parallel()
	w := hasReleased(t, plant{})
	unwritten := w.unwritten()
	s, ends, seen := w.operator().dryEnds(true)
	r, err := operate.Stage(t.Context(), s, ends, "3.9.3", false)
	if err != nil || r.Level != operate.Client || len(seen.requests) != 3 || !strings.Contains(seen.requests[0], "nexus_staging") {
		t.Errorf("a staging: %+v, %v, %q", r, err, seen.requests)
	}
	s, ends, seen = w.operator().dryEnds(true)
	r, err = operate.Trigger(t.Context(), s, ends, operate.TriggerOptions{Repository: "docs", Branch: "main"})
	if err != nil || r.Level != operate.Client || len(seen.requests) != 1 || r.State.Header.Version != "docs-main" {
		t.Errorf("a trigger: %+v, %v, %q", r, err, seen.requests)
	}
	unwritten()
	alone := w.operator()
	alone.Git = false
	s, ends, _ = alone.dryEnds(true)
	alone.hears("the release repository could not be read, the checkout's release.json stands for it: ")
	_, err = operate.Stage(t.Context(), s, ends, "3.9.3", false)
	w.ofKind(err, fault.Remote, "no-remote")
	if r, err := operate.Release(t.Context(), s, ends, operate.ReleaseOptions{}); err != nil || !r.State.Finished {
		t.Errorf("a release of the checkout alone: %+v, %v", r, err)
	}
}

// TestClaimedIsSaidBefore: that another run has released a version is said by the check, by the client dry run, which goes on, and
// before anybody is asked.
func TestClaimedIsSaidBefore(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single}.grow(t)
	w.begun(run.Release, "3.9.3", []plan.Step{apiStep}).started(apiStep).left()
	unwritten := w.unwritten()

	report, err := operate.Check(t.Context(), w.operator().Setup, operate.CheckOptions{})
	if err != nil || fault.KindOf(report.Err()) != fault.Invalid || !strings.Contains(report.Findings[0].What, "api 1.25.1: release/3.9.3") {
		t.Errorf("check: %+v, %v", report.Findings, err)
	}

	s, ends, seen := w.operator().dryEnds(true)
	r, err := operate.Release(t.Context(), s, ends, operate.ReleaseOptions{})
	w.ofKind(err, fault.Stopped, "claimed-elsewhere")
	if r == nil || len(seen.requests) != 1 {
		t.Errorf("the dry run does not go on: %+v, %q", r, seen.requests)
	}

	o := w.operator()
	o.Ask = func(string, string) error { return errors.New("asked") }
	_, err = o.releases(operate.ReleaseOptions{})
	w.ofKind(err, fault.Stopped, "claimed-elsewhere")
	unwritten()
}
