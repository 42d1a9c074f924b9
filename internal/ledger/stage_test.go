package ledger_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// stage is a project of a world with the environments qa and prod of a kind, and a deployment of prod that a test brings somewhere.
// Many projects share a world, so that each row of a table has its own.
type stage struct {
	*world
	project string
	kind    ledger.Kind
	ids     []string // the deployments of prod, in the order of their making
	lease   ledger.Lease
	since   int // how many events there were
}

var admin = storetest.Admin()

func connected(t *testing.T, url string) *world {
	t.Helper()
	w := empty(t, url)
	w.Connections = map[string]ledger.Kind{"ci": ledger.CircleCI, "hook": ledger.Webhook}
	return w
}

func trigger(k ledger.Kind, name string) *ledger.Trigger {
	switch k {
	case ledger.CircleCI:
		return &ledger.Trigger{Connection: "ci", Project: "gh/acme/" + name, Branch: "main", Parameters: ledger.Parameters{"version": "{{.Version}}", "before": "{{.Previous}}", "n": int64(7)}}
	case ledger.Webhook:
		return &ledger.Trigger{Connection: "hook", Parameters: ledger.Parameters{"version": "{{.Version}}"}}
	case ledger.None, ledger.Git, ledger.GitOps:
	}
	return nil
}

// staged makes the project, with the candidates rc1 to rc4.
func (w *world) staged(t *testing.T, k ledger.Kind, r ledger.Requirements) *stage {
	t.Helper()
	s := &stage{world: w, project: "p" + storetest.NewID(), kind: k}
	s.t = t
	s.declare(k, r)
	for n := range int64(4) {
		s.no(second(w.CreateCandidate(t.Context(), admin, s.project, rc(n+1), "acme/shop", commit, ledger.CandidateOptions{Author: "author@example.org"})))
	}
	return s
}

func second[T any](_ T, err error) error { return err }

// no fails the test with an error.
func (s *stage) no(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) declare(k ledger.Kind, r ledger.Requirements) {
	s.t.Helper()
	s.no(second(s.Apply(s.t.Context(), admin, ledger.Declaration{
		Project: ledger.Project{Name: s.project, Repository: "acme/shop", Build: trigger(ledger.CircleCI, s.project)},
		Environments: []ledger.Environment{
			{Name: "qa", Tier: ledger.Staging, Kind: ledger.None},
			{Name: "prod", Tier: ledger.Production, Kind: k, Deploy: trigger(k, s.project), Requires: r},
		},
	}, false)))
}

func named(role ledger.Role, name string) ledger.Caller {
	c := by(role, "")
	c.Token.Subject = name
	return c
}

var (
	eve = named(ledger.Approver, "eve@example.org")
	bob = named(ledger.Approver, "bob@example.org")
)

func (s *stage) ship(n int64) {
	s.t.Helper()
	d, err := s.Deploy(s.t.Context(), admin, s.project, "prod", rc(n), ledger.DeployOptions{})
	s.no(err)
	s.ids = append(s.ids, d.ID)
}

func (s *stage) back() {
	s.t.Helper()
	d, err := s.Rollback(s.t.Context(), admin, s.project, "prod", ledger.RollbackOptions{})
	s.no(err)
	s.ids = append(s.ids, d.ID)
}

func (s *stage) latest() string { return s.ids[len(s.ids)-1] }

// effectOf reads the effect of a deployment; its ID is "" where there is none.
func (s *stage) effectOf(deployment string) (e ledger.Effect) {
	s.t.Helper()
	err := s.store.Read(s.t.Context(), func(tx ledger.Tx) (err error) {
		e, err = tx.EffectOf(s.t.Context(), deployment)
		return err
	})
	if err != nil && !fault.Is(err, "no-effect") {
		s.t.Fatal(err)
	}
	return e
}

// take takes the effect of the deployment that was made last.
func (s *stage) take() {
	s.t.Helper()
	var err error
	_, s.lease, _, err = s.Take(s.t.Context(), s.effectOf(s.latest()).ID)
	s.no(err)
}

func (s *stage) runs() {
	s.t.Helper()
	n := ledger.Noted{Pipeline: "pipeline-" + s.latest(), Host: "circleci.test", Link: "https://circleci.test/1"}
	if s.kind == ledger.Webhook {
		n = ledger.Noted{Delivered: true}
	}
	s.no(s.Note(s.t.Context(), s.lease, []ledger.Entry{{Seq: 1, Text: "{}"}}, n))
}

func (s *stage) finish(state ledger.EffectState, status ledger.Status, message string) {
	s.t.Helper()
	s.no(s.Finish(s.t.Context(), s.lease, ledger.Outcome{State: state, Status: status, Message: message}))
}

// succeed deploys a candidate to the end.
func (s *stage) succeed(n int64) {
	s.t.Helper()
	s.ship(n)
	s.take()
	s.runs()
	s.finish(ledger.EffectDone, ledger.Success, "")
}

// bring deploys rc1, and brings that to a state of its effect.
func (s *stage) bring(state string) {
	s.t.Helper()
	s.ship(1)
	if state == "wanted" || state == "intended" {
		return
	}
	s.take()
	if state == "taken" {
		return
	}
	s.runs()
	switch state {
	case "running":
	case "canceling":
		s.no(second(s.Cancel(s.t.Context(), admin, s.latest(), "too early")))
	case "done":
		s.finish(ledger.EffectDone, ledger.Success, "")
	case "failed":
		s.finish(ledger.EffectFailed, ledger.Failure, "a job failed")
	case "unknown":
		s.finish(ledger.EffectUnknown, ledger.Unknown, "two pipelines may be it")
	default:
		s.t.Fatalf("there is no %q", state)
	}
}

func (s *stage) deployment(id string) (d ledger.Deployment) {
	s.t.Helper()
	s.no(s.store.Read(s.t.Context(), func(tx ledger.Tx) (err error) {
		d, err = tx.Deployment(s.t.Context(), id)
		return err
	}))
	return d
}

// standing is how a deployment stands, and its effect: "in_progress running; running held".
func (s *stage) standing(id string) string {
	s.t.Helper()
	d := s.deployment(id)
	text := fmt.Sprintf("%s %s", d.Status, d.Effect)
	if d.Reported {
		text += " reported"
	}
	if d.Message != "" {
		text += fmt.Sprintf(" (%s)", d.Message)
	}
	e := s.effectOf(id)
	if e.ID == "" {
		return text
	}
	text += "; " + string(e.State)
	for word, is := range map[string]bool{"held": e.Held} {
		if is {
			text += " " + word
		}
	}
	if e.Cancel {
		text += " to cancel"
	}
	if e.Answer != "" {
		text += " answered " + e.Answer
	}
	return text
}

// mark forgets what happened up to now.
func (s *stage) mark() { s.since = len(s.history()) }

// told is what happened since the mark, as "deployment.started, deployment.created".
func (s *stage) told() string {
	s.t.Helper()
	var types []string
	for _, e := range s.history()[s.since:] {
		types = append(types, strings.TrimPrefix(e.Type, "deployment."))
	}
	return strings.Join(types, ", ")
}

func (s *stage) freeze(environment string, end time.Time) ledger.Freeze {
	s.t.Helper()
	f, err := s.Freeze(s.t.Context(), admin, s.project, ledger.NewFreeze{Environment: environment, Reason: "peak season", EndsAt: end})
	s.no(err)
	return f
}

// call is what a row of a table does with the deployment that was made last.
type call func(ctx context.Context, s *stage) error

func saysOf(status ledger.Status) call {
	return func(ctx context.Context, s *stage) error {
		return second(s.Report(ctx, named(ledger.Reporter, "ci"), s.project, "prod", rc(1), status))
	}
}

func cancels(ctx context.Context, s *stage) error {
	return second(s.Cancel(ctx, named(ledger.Deployer, "dan@example.org"), s.latest(), "wrong one"))
}

func approves(c ledger.Caller) call {
	return func(ctx context.Context, s *stage) error { return second(s.Approve(ctx, c, s.latest())) }
}

func rejects(ctx context.Context, s *stage) error {
	return second(s.Reject(ctx, eve, s.latest(), "not tested"))
}

func resolves(r ledger.Resolution) call {
	return func(ctx context.Context, s *stage) error {
		return second(s.Resolve(ctx, named(ledger.Deployer, "dan@example.org"), s.latest(), r))
	}
}

func ends(state ledger.EffectState, status ledger.Status, message string) call {
	return func(ctx context.Context, s *stage) error {
		return s.Finish(ctx, s.lease, ledger.Outcome{State: state, Status: status, Message: message})
	}
}

func inTurn(calls ...call) call {
	return func(ctx context.Context, s *stage) error {
		for _, c := range calls {
			if err := c(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
}
