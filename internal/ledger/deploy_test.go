package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

func TestCreateCandidate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		made, err := w.CreateCandidate(t.Context(), by(ledger.Releaser, "acme"), "acme", rc(7), "Acme/Shop", strings.ToUpper(commit), ledger.CandidateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want := ledger.Candidate{
			ID: made.ID, Project: "acme", Version: rc(7), Commit: commit, State: ledger.Ready, CreatedAt: w.now, CreatedBy: "releaser@example.org",
		}
		same(t, made, want)
		before := len(w.events())
		w.now = w.now.Add(time.Hour)
		again, err := w.CreateCandidate(t.Context(), storetest.Admin(), "acme", rc(7), "acme/shop", commit, ledger.CandidateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, again, want)
		tests := []struct {
			title, project, repository, commit, code string
			kind                                     fault.Kind
		}{
			{"another commit", "acme", "acme/shop", strings.Repeat("a", 40), "candidate-exists", fault.Invalid},
			{"another repository", "acme", "acme/other", commit, "other-repository", fault.NotFound},
			{"another project", "other", "acme/shop", commit, "no-project", fault.NotFound},
			{"a short commit", "acme", "acme/shop", commit[:39], "invalid-commit", fault.Invalid},
			{"a branch", "acme", "acme/shop", "master", "invalid-commit", fault.Invalid},
		}
		for _, test := range tests {
			_, err := w.CreateCandidate(t.Context(), storetest.Admin(), test.project, rc(7), test.repository, test.commit, ledger.CandidateOptions{})
			refused(t, test.title, err, test.kind, test.code)
		}
		if after := w.history(); len(after) != before {
			t.Errorf("what changed nothing is an event: %v", after[before:])
		}
		e := w.history()[before-1]
		same(t, e, ledger.Event{
			ID: e.ID, Position: int64(before), Time: w.now.Add(-time.Hour), Project: "acme", Type: "candidate.created", Subject: made.ID,
			Actor: "releaser@example.org", Dialect: "v1", Data: map[string]string{"candidate": "1.0-rc7", "commit": commit},
		})
	})
}

func TestDeploy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		first := w.deploy(1)
		same(t, first, ledger.Deployment{ID: first.ID, Environment: first.Environment, Candidate: rc(1), Status: ledger.Pending, Actor: "ann@example.org", StartedAt: w.now})
		w.deploy(2)
		same(t, w.list(), []string{"rc2 pending", "rc1 canceled superseded by 1.0-rc2"})
		w.report(2, ledger.InProgress)
		w.deploy(3) // what has begun is not superseded
		same(t, w.list(), []string{"rc3 pending", "rc2 in_progress", "rc1 canceled superseded by 1.0-rc2"})
		w.report(2, ledger.Success)
		if d := w.deploy(4); d.From != rc(2) {
			t.Errorf("it comes from %v", d.From)
		}
		same(t, w.list()[:2], []string{"rc4 pending", "rc3 canceled superseded by 1.0-rc4"})
		prod := must(t)(w.Deploy(t.Context(), storetest.Admin(), "acme", "prod", rc(1), ledger.DeployOptions{}))
		if prod.From != (ledger.Version{}) || len(w.list()) != 4 {
			t.Errorf("another environment: %+v", prod)
		}
		tests := []struct {
			project, environment string
			v                    ledger.Version
			code                 string
		}{
			{"other", "qa", rc(1), "no-project"},
			{"acme", "other", rc(1), "no-environment"},
			{"acme", "qa", rc(9), "no-candidate"},
		}
		for _, test := range tests {
			_, err := w.Deploy(t.Context(), storetest.Admin(), test.project, test.environment, test.v, ledger.DeployOptions{})
			refused(t, "deploying", err, fault.NotFound, test.code)
			_, err = w.Report(t.Context(), storetest.Admin(), test.project, test.environment, test.v, ledger.Success)
			refused(t, "reporting", err, fault.NotFound, test.code)
		}
	})
}

func TestReport(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		foreign := w.report(1, ledger.Success) // somebody else deployed
		if foreign.EndedAt != w.now || foreign.Status != ledger.Success {
			t.Errorf("a foreign deployment: %+v", foreign)
		}
		d := w.deploy(2)
		w.now = w.now.Add(time.Minute)
		for _, status := range ledger.Statuses() {
			got := w.report(2, status)
			if got.ID != d.ID || got.Status != status || got.EndedAt.IsZero() == status.Ended() {
				t.Errorf("reported %s: %+v", status, got)
			}
		}
		before := len(w.events())
		w.report(2, ledger.Unknown)
		if after := w.events(); len(after) != before {
			t.Errorf("the same again is an event: %v", after[before:])
		}
		newest := w.deploy(2)
		if got := w.report(2, ledger.Failure); got.ID != newest.ID {
			t.Errorf("the newest is %s, reported was %s", newest.ID, got.ID)
		}
		same(t, w.list(), []string{"rc2 failure", "rc2 unknown", "rc1 success"})
		_, err := w.Report(t.Context(), storetest.Admin(), "acme", "qa", rc(2), "finished")
		refused(t, "an unknown status", err, fault.Invalid, "invalid-status")
	})
}

func TestRollback(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		_, err := w.Rollback(t.Context(), storetest.Admin(), "acme", "qa", ledger.RollbackOptions{})
		refused(t, "nothing ran", err, fault.NotFound, "no-previous")
		first := w.report(1, ledger.Success)
		w.report(2, ledger.Success)
		w.deploy(3)
		d := w.rollback()
		same(t, d, ledger.Deployment{
			ID: d.ID, Environment: first.Environment, Candidate: rc(1), From: rc(2), Status: ledger.Pending, Actor: "ann@example.org", Restores: first.ID, StartedAt: w.now,
		})
		same(t, w.list()[:2], []string{"rc1 pending", "rc3 canceled rolled back to 1.0-rc1"})
		w.deploy(4) // a rollback is never superseded
		same(t, w.list()[:2], []string{"rc4 pending", "rc1 pending"})
		w.report(1, ledger.Success)
		w.report(4, ledger.Failure)
		if d := w.rollback(); d.Restores != first.ID || d.From != rc(1) {
			t.Errorf("after a failure: %+v", d)
		}
		_, err = w.Rollback(t.Context(), storetest.Admin(), "acme", "other", ledger.RollbackOptions{})
		refused(t, "no environment", err, fault.NotFound, "no-environment")
		same(t, w.events()[5:], []string{
			"deployment.reported", "deployment.reported", "deployment.created", "deployment.canceled", "deployment.rollback", "environment.resumed",
			"deployment.created",
			"deployment.reported", "deployment.reported", "deployment.rollback",
		})
	})
}

// Nobody does what they may not: each operation, by everybody who may not, and by those of another project.
func TestRefused(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	w := newWorld(t, url)
	w.report(1, ledger.Success)
	w.report(2, ledger.Success)
	token, _, err := w.CreateToken(t.Context(), storetest.Admin(), ledger.Token{Subject: "ci", Role: ledger.Reader, Project: "acme"}, "")
	if err != nil {
		t.Fatal(err)
	}
	before, ctx := len(w.events()), t.Context()
	operations := map[ledger.Action][]func(c ledger.Caller) error{
		ledger.ToRead: {
			func(c ledger.Caller) error { _, err := w.Deployments(ctx, c, "acme", "qa", 0, 1); return err },
			func(c ledger.Caller) error { _, err := w.Declared(ctx, c, "acme"); return err },
			func(c ledger.Caller) error { _, err := w.Events(ctx, c, "acme", 0, 1); return err },
		},
		ledger.ToReport: {func(c ledger.Caller) error { _, err := w.Report(ctx, c, "acme", "qa", rc(2), ledger.Error); return err }},
		ledger.ToDeploy: {
			func(c ledger.Caller) error {
				_, err := w.Deploy(ctx, c, "acme", "qa", rc(1), ledger.DeployOptions{})
				return err
			},
			func(c ledger.Caller) error {
				_, err := w.Rollback(ctx, c, "acme", "qa", ledger.RollbackOptions{})
				return err
			},
		},
		ledger.ToMakeCandidates: {func(c ledger.Caller) error {
			_, err := w.CreateCandidate(ctx, c, "acme", rc(8), "acme/shop", commit, ledger.CandidateOptions{})
			return err
		}},
		ledger.ToDeclare: {func(c ledger.Caller) error {
			d := declaration()
			d.Environments[0].Tier = ledger.Production
			_, err := w.Apply(ctx, c, d, false)
			return err
		}},
		ledger.ToManageTokens: {
			func(c ledger.Caller) error {
				_, _, err := w.CreateToken(ctx, c, ledger.Token{Subject: "a", Role: ledger.Reader, Project: "acme"}, "")
				return err
			},
		},
	}
	for action, all := range operations {
		for _, operation := range all {
			for _, role := range append(ledger.Roles(), "nobody") {
				if !role.May(action) {
					refused(t, string(action)+" by a "+string(role), operation(by(role, "acme")), fault.Auth, "not-allowed")
				}
				refused(t, string(action)+" by a stranger", operation(by(role, "other")), fault.Auth, "other-project")
			}
		}
	}
	refused(t, "revoke by a reader", w.RevokeToken(ctx, by(ledger.Reader, "acme"), token.ID), fault.Auth, "not-allowed")
	refused(t, "revoke by a stranger", w.RevokeToken(ctx, by(ledger.Admin, "other"), token.ID), fault.Auth, "other-project")
	if after := w.history(); len(after) != before {
		t.Errorf("something was done: %v", after[before:])
	}
}
