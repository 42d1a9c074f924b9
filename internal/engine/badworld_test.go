package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

func project(r sim.Run) sim.Scenario {
	return sim.Scenario{Projects: map[string]sim.Project{"a": {Runs: []sim.Run{r}}}}
}

func workflows(ws ...sim.Workflow) sim.Scenario { return project(sim.Run{Workflows: ws}) }

// S5: while an automatic re-run is due a failure is not final; the last one is, and so is one whose re-run
// never comes.
func TestS5AutomaticReruns(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rerun sim.AutoRerun
		want  fault.Kind
	}{
		"the second one succeeds": {sim.AutoRerun{Max: 3, Outcomes: []sim.Outcome{sim.Failed, sim.Success}, Delay: 20 * time.Second}, 0},
		"all fail":                {sim.AutoRerun{Max: 2, Outcomes: []sim.Outcome{sim.Failed, sim.Failed}}, fault.PipelineFailed},
		"it never comes":          {sim.AutoRerun{Max: 3, Outcomes: []sim.Outcome{sim.Failed}}, fault.PipelineFailed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := workflows(sim.Workflow{Name: "release", Outcome: sim.Failed, AutoRerun: &tt.rerun})
			inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
				began := time.Now()
				wantKind(t, w.release(), tt.want)
				if took := time.Since(began); took > 10*time.Minute {
					t.Errorf("it took %s", took)
				}
				wantKind(t, w.release(), 0)
			})
		})
	}
}

// S5: the automatic re-run comes in the very second of the workflow that failed, whose time is as new as its own.
func TestS5AutomaticRerunInTheSameSecond(t *testing.T) {
	t.Parallel()
	s := workflows(sim.Workflow{
		Name: "release", Duration: time.Millisecond, Outcome: sim.Failed, AutoRerun: &sim.AutoRerun{Max: 3, Outcomes: []sim.Outcome{sim.Success}},
	})
	inBubble(t, product("a"), s, func(t *testing.T, w *world) {
		wantKind(t, w.release(), 0)
	})
}

// S8: more workflows than fit on a page, one failed on the last page.
func TestS8Pages(t *testing.T) {
	t.Parallel()
	var many []sim.Workflow
	for i := range 7 {
		many = append(many, sim.Workflow{Name: fmt.Sprintf("w%d", i)})
	}
	many[0].Outcome = sim.Failed // the oldest: listed last
	s := workflows(many...)
	s.PageSize = 2
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		wantKind(t, w.release(), fault.PipelineFailed)
		if st := w.state().Step("a@1.2.3"); st.Workflow != "w0" {
			t.Errorf("the failing workflow is said to be %q", st.Workflow)
		}
		wantKind(t, w.release(), 0)
	})
}

// S13: throttled with and without Retry-After, as a date, absurd, in plain text: waited, then sent again.
func TestS13Throttled(t *testing.T) {
	t.Parallel()
	forms := map[string]sim.Fault{
		"nothing said": {}, "seconds": {RetryAfter: 7 * time.Second}, "date": {RetryAfter: 7 * time.Second, RetryAsDate: true},
		"ten days": {RetryAfter: 240 * time.Hour}, "negative": {RetryText: "-5"}, "nonsense": {RetryText: "soon"}, "plain": {Body: "Rate limited."},
	}
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.Kind, f.Times = sim.Throttle, 2
			var s sim.Scenario
			for _, endpoint := range []string{"me", "trigger", "workflows", "pipeline", "project-pipelines"} {
				f.Match = sim.Match{Endpoint: endpoint}
				s.Faults = append(s.Faults, f)
			}
			inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
				began := time.Now()
				wantKind(t, w.release(), 0)
				if took := time.Since(began); took > time.Hour {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// A real limit of three requests a second, with headers of both families: frugal enough to get through.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	for _, headers := range []bool{true, false} {
		s := sim.Scenario{Limit: &sim.Limit{PerSecond: 3, Headers: headers}}
		inBubble(t, product("a b c d e f", "g h i j"), s, func(t *testing.T, w *world) {
			wantKind(t, w.release(), 0)
		})
	}
}

// S18, of the token: wrong, a project's, or without the right to trigger. Nothing is started, and the
// fault says which.
func TestS18Token(t *testing.T) {
	t.Parallel()
	forbidden := true
	tests := map[string]struct {
		s    sim.Scenario
		kind fault.Kind
		says string
	}{
		"wrong":               {sim.Scenario{Tokens: []string{"another"}}, fault.Auth, "token"},
		"of a project":        {sim.Scenario{ProjectTokens: []string{token}}, fault.Auth, "token"},
		"not allowed to post": {sim.Scenario{Default: sim.Project{Forbidden: &forbidden}}, fault.Auth, "trigger"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, product("a b", "c"), tt.s, func(t *testing.T, w *world) {
				err := w.release()
				wantKind(t, err, tt.kind)
				if !strings.Contains(err.Error(), tt.says) {
					t.Errorf("it does not say what is wrong: %v", err)
				}
				if n := len(w.sim.Pipelines()); n != 0 {
					t.Errorf("%d pipelines", n)
				}
			})
		})
	}
}

// S18, of a project: unknown to CircleCI, or hidden from this token, found out before the first trigger
// where its default branch is read.
func TestS18Project(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{"b": {HiddenFrom: []string{token}}}}
	inBubble(t, product("a", "b:2.0.0-SNAPSHOT"), s, func(t *testing.T, w *world) {
		err := w.release()
		wantKind(t, err, fault.NotFound)
		if !strings.Contains(err.Error(), "b") || len(w.sim.Pipelines()) != 0 {
			t.Errorf("%d pipelines, %v", len(w.sim.Pipelines()), err)
		}
	})
}

// S35: a proxy answers the trigger with a redirect. It is not followed, the token goes nowhere, and
// nothing is taken for started.
func TestS35Redirect(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 307, 308} {
		for _, to := range []string{"http://elsewhere.example/api/v2", "/api/v2/me"} {
			f := onTrigger(sim.Answer, 1)
			f.Status, f.Location = status, to
			inBubble(t, product("a b", "c"), sim.Scenario{Faults: []sim.Fault{f}}, func(t *testing.T, w *world) {
				wantKind(t, w.release(), fault.PipelineFailed)
				if st := w.state().Step("b@1.2.3"); !strings.Contains(st.Reason, "redirect") || st.Status != run.HasFailed {
					t.Errorf("%d to %s: b is %s: %s", status, to, st.Status, st.Reason)
				}
				wantKind(t, w.release(), 0)
				if n := w.pipelinesOf("b"); n != 1 {
					t.Errorf("%d pipelines of b", n)
				}
			})
		}
	}
}

// Setup workflows: the continuation decides, whenever it comes; an invalid one and one that adds nothing
// are failures, however green the setup is.
func TestSetupWorkflows(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		r    sim.Run
		want fault.Kind
	}{
		"continued":            {sim.Run{Setup: &sim.Setup{}}, 0},
		"continued late":       {sim.Run{Setup: &sim.Setup{Delay: 10 * time.Minute}}, 0},
		"invalid continuation": {sim.Run{Setup: &sim.Setup{}, Outcome: sim.Errored, Errors: []string{"no such job"}}, fault.PipelineFailed},
		"setup fails":          {sim.Run{Setup: &sim.Setup{Outcome: sim.Failed}}, fault.PipelineFailed},
		"continued to failure": {sim.Run{Setup: &sim.Setup{}, Outcome: sim.Failed}, fault.PipelineFailed},
		"never continued":      {sim.Run{Setup: &sim.Setup{Never: true}}, fault.Timeout},
		"continued to nothing": {sim.Run{Setup: &sim.Setup{}, Outcome: sim.None}, fault.Timeout},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, product("a b", "c"), project(tt.r), func(t *testing.T, w *world) {
				wantKind(t, w.release(), tt.want)
				if c, _ := w.manifestAt(branch).Component("c"); tt.want != 0 && !c.Open() {
					t.Error("the next wave was started")
				}
			})
		})
	}
}

// What a workflow says on its way is not what it comes to.
func TestStatusesOnTheWay(t *testing.T) {
	t.Parallel()
	word := "superseded"
	tests := map[string]struct {
		s    sim.Scenario
		want fault.Kind
	}{
		"queued":              {workflows(sim.Workflow{Name: "r", QueuedFor: time.Hour}), 0},
		"failing":             {workflows(sim.Workflow{Name: "r", Outcome: sim.Failed, Duration: time.Hour, FailingFor: 50 * time.Minute}), fault.PipelineFailed},
		"an unknown word":     {workflows(sim.Workflow{Name: "r", Duration: time.Hour, Shows: []sim.Show{{For: 30 * time.Minute, Status: &word}}}), 0},
		"null":                {workflows(sim.Workflow{Name: "r", Duration: time.Hour, Shows: []sim.Show{{For: 30 * time.Minute}}}), 0},
		"one of three failed": {workflows(sim.Workflow{Name: "r"}, sim.Workflow{Name: "s", Outcome: sim.Failed, Duration: time.Hour}, sim.Workflow{Name: "t"}), fault.PipelineFailed},
		"one filtered":        {workflows(sim.Workflow{Name: "r"}, sim.Workflow{Name: "s", Outcome: sim.None}), 0},
		"not run":             {project(sim.Run{Outcome: sim.NotRun}), fault.PipelineFailed},
		"unauthorized":        {project(sim.Run{Outcome: sim.Unauthorized}), fault.PipelineFailed},
		"canceled":            {project(sim.Run{Outcome: sim.Canceled}), fault.PipelineFailed},
		"error":               {project(sim.Run{Outcome: sim.InternalErr}), fault.PipelineFailed},
		"skip ci":             {project(sim.Run{SkipCI: true}), fault.PipelineFailed},
		"hold, then canceled": {workflows(sim.Workflow{Name: "r", Hold: &sim.Hold{CanceledAfter: 20 * time.Minute}}), fault.PipelineFailed},
		"hold beside a job":   {workflows(sim.Workflow{Name: "r", Hold: &sim.Hold{Beside: 10 * time.Minute, ApprovedAfter: 20 * time.Minute}}), 0},
		"late workflow list":  {sim.Scenario{WorkflowListLag: 40 * time.Second}, 0},
		"no vcs":              {sim.Scenario{Default: sim.Project{VCS: sim.NoVCS}}, 0},
		"old records":         {sim.Scenario{Default: sim.Project{NextNumber: 12, Relics: new(bool)}}, 0},
	}
	*tests["old records"].s.Default.Relics = true
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWildBubble(t, product("a b", "c"), tt.s, func(t *testing.T, w *world) {
				wantKind(t, w.release(), tt.want)
				if c, _ := w.manifestAt(branch).Component("a"); c.Open() != (tt.want != 0) {
					t.Errorf("a is recorded as %s", c.Version)
				}
			})
		})
	}
}
