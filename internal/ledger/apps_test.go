package ledger_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// appsWorld has the project acme with environments that are deployed by Git: staging, and prod, which wants an approval.
func appsWorld(t *testing.T, url string) *world {
	t.Helper()
	w := empty(t, url)
	w.Connections = map[string]ledger.Kind{"git": ledger.Git}
	desired := func(repository string, confirm ledger.Confirm) *ledger.Desired {
		return &ledger.Desired{Connection: "git", Repository: repository, Confirm: confirm}
	}
	d := ledger.Declaration{Project: ledger.Project{Name: "acme", Repository: "acme/shop"}, Environments: []ledger.Environment{
		{Name: "staging", Kind: ledger.GitOps, GitOps: desired("acme/gitops", ledger.ByFlux)},
		{Name: "prod", Kind: ledger.GitOps, GitOps: desired("acme/gitops", ledger.ByPush), Requires: ledger.Requirements{Approvals: 1}},
	}}
	if _, err := w.Apply(t.Context(), storetest.Admin(), d, false); err != nil {
		t.Fatal(err)
	}
	return w
}

const (
	always   = `{"app":"shop","env":"staging","deploy":{"event":"push"},"values":{"tag":"{{ .SHA }}"}}`
	toProd   = `{"app":"shop","env":"prod","deploy":{"event":"push","branch":"main"}}`
	previews = `{"app":"shop-preview","env":"staging","preview":true}`
)

// ships ships a commit with app files, on main unless another branch is named first.
func (w *world) ships(files ...string) ledger.Shipment {
	w.t.Helper()
	s := ledger.Shipment{Revision: ledger.Revision{Repository: "acme/shop", SHA: commit, Branch: "main", AuthorEmail: "bob@example.org"}}
	s.Contents.Vars = map[string]string{"SHA": commit, "CI_TOKEN": "planted", "BRANCH": "main"}
	if !strings.HasPrefix(files[0], "{") {
		s.Revision.Branch, s.Contents.Vars["BRANCH"], files = files[0], files[0], files[1:]
	}
	for _, f := range files {
		s.Contents.Files = append(s.Contents.Files, json.RawMessage(f))
	}
	s, err := w.Ship(w.t.Context(), by(ledger.Reporter, ""), "acme", s)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// apps says of a batch what was made, "staging shop deploy pending", and what was not, "staging shop refused: why".
func apps(b ledger.ShownBatch) (lines []string) {
	for _, d := range b.Deployments {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s %s by %s %s", b.Environments[d.Environment].Name, d.App, d.Action, d.Status, d.Actor, d.Message)))
	}
	for _, r := range b.Refused {
		lines = append(lines, fmt.Sprintf("%s %s refused: %s", r.Environment, r.App, r.Why))
	}
	return lines
}

// policies is what the policies of a shipment have made.
func (w *world) policies(s ledger.Shipment) []string {
	w.t.Helper()
	b, err := w.BatchOfShipment(w.t.Context(), by(ledger.Reader, ""), "acme", s.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return apps(b)
}

// push does what effects want, as far as their targets are free, and returns their intents. The commits are named by what is deployed.
func (w *world) push() (intents []ledger.AppIntent) {
	w.t.Helper()
	for {
		ids, _, err := w.Waiting(w.t.Context(), 10)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(ids) == 0 {
			return intents
		}
		e, lease, _, err := w.Take(w.t.Context(), ids[0])
		if err != nil {
			w.t.Fatal(err)
		}
		if e.Kind != ledger.GitOps || e.Target != "git acme/gitops@main" {
			w.t.Errorf("the effect: %+v", e)
		}
		intents = append(intents, *e.Intent.App)
		if err := w.Finish(w.t.Context(), lease, ledger.Outcome{State: ledger.EffectDone, Hash: hash(len(w.commits))}); err != nil {
			w.t.Fatal(err)
		}
		w.commits = append(w.commits, e.Deployment)
	}
}

func hash(n int) string { return fmt.Sprintf("%040x", n+1) }

func (w *world) reconcile(status string, hashes ...string) {
	w.t.Helper()
	if err := w.Reconcile(w.t.Context(), by(ledger.Reporter, ""), "acme", "staging", ledger.Reconciliation{Hashes: hashes, Status: status, Message: "said"}); err != nil {
		w.t.Fatal(err)
	}
}

// runs is what runs in an environment, by app: the shipments.
func (w *world) runs(environment string) map[string]string {
	w.t.Helper()
	all, _, err := w.CurrentApps(w.t.Context(), by(ledger.Reader, ""), "acme", environment)
	if err != nil {
		w.t.Fatal(err)
	}
	runs := map[string]string{}
	for _, a := range all {
		runs[a.Name] = ""
		if a.Current != nil {
			runs[a.Name] = a.Current.Shipment
		}
	}
	return runs
}

// TestPolicyDeploys: a shipment is deployed with itself, once, from what is kept of it.
func TestPolicyDeploys(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := appsWorld(t, url)
		first := w.ships(always, toProd, `{"app":"a","env":"nowhere","deploy":{"event":"push"}}`, `{"app":"shop","env":"staging","deploy":{"event":"push"}}`,
			`{"app":"{{ .CI_TOKEN }}","env":"staging","deploy":{"event":"push"}}`, `{"app":"x","env":"staging","deploy":{"event":"push","branch":"["}}`, `{"app":"silent","env":"staging"}`)
		same(t, w.policies(first), []string{
			"staging shop deploy in_progress by policy", "prod shop deploy pending by policy waits for 1 approval",
			`staging {{ .CI_TOKEN }} refused: "{{ .CI_TOKEN }}" cannot be filled in: the variable CI_TOKEN looked secret, and was not kept`,
			`staging x refused: "[" is no pattern: a ] is missing`,
			"nowhere a refused: acme has no environment nowhere that is deployed by Git", "staging shop refused: another app file before it is for the same app",
		})
		intents := w.push()
		same(t, len(intents), 1)
		i := intents[0]
		if i.App != "shop" || i.Action != ledger.DeployApp || string(i.File) != always || i.By != "policy" || i.Shipment != first.ID || i.Revision.SHA != commit || i.Branch != "main" || i.Confirm != ledger.ByFlux {
			t.Errorf("the intent: %+v", i)
		}
		same(t, i.Vars, map[string]string{"SHA": commit, "BRANCH": "main", "APP": "shop"})
		same(t, i.Dropped, []string{"CI_TOKEN"})
		if text, err := json.Marshal(w.history()); err != nil || strings.Contains(string(text), "planted") {
			t.Errorf("a secret is in the history: %v", err)
		}
		// The newer one supersedes the one that waits, and not the one that somebody approved.
		second := w.ships(toProd)
		same(t, w.policies(first)[1], "prod shop deploy canceled by policy superseded by shop of "+second.ID)
		b, err := w.BatchOfShipment(t.Context(), by(ledger.Reader, ""), "acme", second.ID)
		if err != nil {
			t.Fatal(err)
		}
		waits := b.Deployments[0]
		author := ledger.Caller{Token: ledger.Token{Subject: "Bob@example.org", Role: ledger.Admin}}
		_, err = w.Approve(t.Context(), author, waits.ID)
		refused(t, "its author", err, fault.Auth, "may-not-approve")
		approved, err := w.Approve(t.Context(), by(ledger.Approver, ""), waits.ID)
		if err != nil || approved.Effect != ledger.EffectIntended {
			t.Errorf("approved: %+v, %v", approved, err)
		}
		same(t, len(w.push()), 1)
		same(t, w.runs("prod"), map[string]string{"shop": second.ID}) // a push confirms it
		same(t, w.runs("staging"), map[string]string{"shop": ""})     // Flux does not, yet
		_, err = w.Cancel(t.Context(), storetest.Admin(), w.commits[0], "")
		refused(t, "cancel what is committed", err, fault.Stopped, "is-committed")
	})
}

// TestFlux: what Flux says of a commit is said of those before it, too, until one that was final.
func TestFlux(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := appsWorld(t, url)
		w.commits = nil
		var ids []string
		for _, app := range []string{"a", "b", "c"} {
			ids = append(ids, w.ships(strings.ReplaceAll(always, "shop", app)).ID)
			w.push()
		}
		list := func() (all []string) {
			rollouts, _, err := w.Rollouts(t.Context(), by(ledger.Reader, ""), "acme", "staging", ledger.RolloutList{Limit: 9})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rollouts {
				all = append(all, r.App+" "+r.Commit.Status+" "+string(r.Status))
			}
			return all
		}
		w.reconcile("Progressing", hash(1))
		same(t, list(), []string{"c NotReconciled in_progress", "b Progressing in_progress", "a Progressing in_progress"})
		w.reconcile(ledger.ReconciliationSucceeded, hash(0))
		w.reconcile("HealthCheckFailed", hash(1))
		same(t, list(), []string{"c NotReconciled in_progress", "b HealthCheckFailed failure", "a ReconciliationSucceeded success"})
		w.reconcile(ledger.ReconciliationSucceeded, strings.Repeat("f", 40), hash(2)) // a commit of somebody else, after ours
		same(t, list(), []string{"c ReconciliationSucceeded success", "b HealthCheckFailed failure", "a ReconciliationSucceeded success"})
		w.reconcile("ReconciliationFailed", hash(2))                 // it was final
		w.reconcile("ReconciliationFailed", strings.Repeat("e", 40)) // nobody knows it
		w.reconcile(ledger.ReconciliationSucceeded, hash(1))         // it is healthy after all
		w.reconcile(ledger.ReconciliationSucceeded, hash(1))         // sent again
		same(t, list(), []string{"c ReconciliationSucceeded success", "b ReconciliationSucceeded success", "a ReconciliationSucceeded success"})
		same(t, w.runs("staging"), map[string]string{"a": ids[0], "b": ids[1], "c": ids[2]})
		before := len(w.history())
		w.reconcile("Progressing", hash(2))
		if after := len(w.history()); after != before {
			t.Errorf("%d events of what changes nothing", after-before)
		}
	})
}

// TestAppRollback: an app goes back to a commit, is held against policies until somebody deploys it by name, and is removed.
func TestAppRollback(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := appsWorld(t, url)
		w.commits = nil
		ctx, deployer := t.Context(), by(ledger.Deployer, "")
		deploy := func(s ledger.Shipment) {
			t.Helper()
			if _, err := w.DeployApps(ctx, deployer, "acme", "staging", s.ID, ledger.AppsOptions{}); err != nil {
				t.Fatal(err)
			}
			w.push()
			w.reconcile(ledger.ReconciliationSucceeded, hash(len(w.commits)-1))
		}
		silent := `{"app":"shop","env":"staging"}`
		first, second := w.ships(silent), w.ships(silent)
		_, err := w.RollbackApp(ctx, deployer, "acme", "staging", "shop", ledger.RollbackAppOptions{})
		refused(t, "nothing ran", err, fault.NotFound, "no-previous")
		deploy(first)
		deploy(second)
		back := func(o ledger.RollbackAppOptions) ledger.ShownBatch {
			t.Helper()
			b, err := w.RollbackApp(ctx, deployer, "acme", "staging", "shop", o)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		same(t, apps(back(ledger.RollbackAppOptions{To: hash(1)})), []string(nil)) // it runs there
		same(t, apps(back(ledger.RollbackAppOptions{To: strings.ToUpper(hash(0))})), []string{"staging shop rollback in_progress by deployer@example.org"})
		intents := w.push()
		if len(intents) != 1 || intents[0].To != hash(0) || intents[0].Action != ledger.RollBackApp || intents[0].File != nil || intents[0].Shipment != first.ID {
			t.Errorf("the intents: %+v", intents)
		}
		w.reconcile(ledger.ReconciliationSucceeded, hash(2))
		same(t, w.runs("staging"), map[string]string{"shop": first.ID})
		rollouts, _, err := w.Rollouts(ctx, deployer, "acme", "staging", ledger.RolloutList{App: "shop", Limit: 9})
		if err != nil || len(rollouts) != 2 || !rollouts[0].RolledBack || rollouts[1].RolledBack {
			t.Errorf("the list: %+v, %v", rollouts, err)
		}
		// Held.
		same(t, w.policies(w.ships(always)), []string{"staging shop refused: is held since it was rolled back"})
		same(t, w.policies(w.ships(strings.ReplaceAll(always, "shop", "other"))), []string{"staging other deploy in_progress by policy"})
		w.push()
		deploy(second)
		third := w.ships(always)
		same(t, w.policies(third), []string{"staging shop deploy in_progress by policy"})
		w.push()
		w.reconcile(ledger.ReconciliationSucceeded, hash(len(w.commits)-1))
		same(t, apps(back(ledger.RollbackAppOptions{To: second.ID}))[0], "staging shop rollback in_progress by deployer@example.org")
		w.push()
		if err := w.Resume(ctx, deployer, "acme", "staging"); err != nil {
			t.Fatal(err)
		}
		same(t, w.policies(w.ships(always)), []string{"staging shop deploy in_progress by policy"})
		w.push()
		// A commit that is older than the ledger; what is no commit at all.
		same(t, apps(back(ledger.RollbackAppOptions{To: strings.Repeat("a", 40)})), []string{"staging shop rollback in_progress by deployer@example.org"})
		_, err = w.RollbackApp(ctx, deployer, "acme", "staging", "shop", ledger.RollbackAppOptions{To: "abc"})
		refused(t, "no commit", err, fault.Invalid, "invalid-commit")
		w.push()
		w.reconcile(ledger.ReconciliationSucceeded, hash(len(w.commits)-1))
		// Removed.
		if _, err := w.DeleteApp(ctx, deployer, "acme", "staging", "shop", ledger.DeleteAppOptions{}); err != nil {
			t.Fatal(err)
		}
		same(t, w.push()[0].Action, ledger.DeleteApp)
		w.reconcile(ledger.ReconciliationSucceeded, hash(len(w.commits)-1))
		same(t, hasKey(w.runs("staging"), "shop"), false)
	})
}

// TestPreviews: an app for each branch, which goes with it.
func TestPreviews(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := appsWorld(t, url)
		same(t, w.policies(w.ships("feature/x", previews)), []string{"staging shop-feature-x deploy in_progress by policy"})
		same(t, w.policies(w.ships(previews)), []string(nil)) // main has none
		w.push()
		gone := func(branch string) []string {
			t.Helper()
			b, err := w.DeleteBranch(t.Context(), by(ledger.Reporter, ""), "acme", "acme/shop", branch)
			if err != nil {
				t.Fatal(err)
			}
			return apps(b)
		}
		same(t, gone("none"), []string(nil))
		same(t, gone("main"), []string(nil))
		same(t, gone("feature/x"), []string{"staging shop-feature-x delete in_progress by policy"})
		w.push()
		w.reconcile(ledger.ReconciliationSucceeded, hash(1))
		same(t, gone("feature/x"), []string(nil)) // it is gone
		_, err := w.DeleteBranch(t.Context(), by(ledger.Reader, ""), "acme", "acme/shop", "x")
		refused(t, "a reader", err, fault.Auth, "not-allowed")
	})
}

// TestManyPushes: twenty pushes at once are twenty shipments, each deployed once at most, and one has the slot.
func TestManyPushes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := appsWorld(t, url)
		var all sync.WaitGroup
		made := make([]ledger.Shipment, 20)
		for i := range made {
			all.Go(func() { made[i] = w.ships(always, toProd) })
		}
		all.Wait()
		running := 0
		for _, s := range made {
			lines := w.policies(s)
			if len(lines) != 2 {
				t.Errorf("%s: %q", s.ID, lines)
			}
			for _, line := range lines {
				if strings.Contains(line, "in_progress") {
					running++
				}
			}
		}
		same(t, running, 1)
	})
}

func hasKey(m map[string]string, key string) bool {
	_, has := m[key]
	return has
}
