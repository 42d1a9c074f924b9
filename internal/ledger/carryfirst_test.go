package ledger_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// carried is a project whose candidates rc1 and rc2 have the sealed bundles box 1 and box 2 of a file each, and whose environments qa and
// prod have repositories; edge has none. prod is of a kind, and requires something.
func carried(t *testing.T, url string, k ledger.Kind, r ledger.Requirements) *world {
	t.Helper()
	w := shelves(t, url)
	w.Connections["ci"], w.Connections["hook"] = ledger.CircleCI, ledger.Webhook
	w.NewID = func() string { return strings.Replace(storetest.NewID(), "id-", "01938f2a-", 1) } // as a gate is asked for
	w.declares(func(d *ledger.Declaration) {
		d.Environments[1].Kind, d.Environments[1].Deploy, d.Environments[1].Requires = k, trigger(k, "acme"), r
		d.Environments = append(d.Environments, ledger.Environment{Name: "bare", Kind: ledger.None})
	})
	for n := range int64(2) {
		w.put(fmt.Sprintf("libs/%d.txt", n+1), "one")
		v := rc(n + 1)
		_, err := w.CreateBundle(t.Context(), admin, "acme", ledger.NewBundle{
			Name: "box", Version: fmt.Sprint(n + 1), Candidate: &v, Sources: []ledger.Source{files(fmt.Sprintf("libs/%d.txt", n+1))},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// ship deploys a candidate in prod, and fails unless that is so then.
func (w *world) ship(n int64, want string) ledger.Deployment {
	w.t.Helper()
	w.now = w.now.Add(time.Second)
	d, err := w.Deploy(w.t.Context(), admin, "acme", "prod", rc(n), ledger.DeployOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.stands(d.ID, want)
	return d
}

// stands fails unless a deployment is so, and then says what its gate waits for.
func (w *world) stands(id, want string) {
	w.t.Helper()
	g, err := w.Gate(w.t.Context(), admin, id)
	if err != nil {
		w.t.Fatal(err)
	}
	got := strings.TrimSpace(fmt.Sprintf("%s %s %s", g.Deployment.Status, g.Deployment.Effect, g.Deployment.Message))
	if g.Closed != "" && g.Closed != g.Deployment.Message {
		got += "; " + g.Closed
	}
	if got != want {
		w.t.Errorf("it is %s, want %s", got, want)
	}
}

// look is what the worker does by itself.
func (w *world) look() {
	w.t.Helper()
	w.now = w.now.Add(time.Second)
	for _, do := range []func(context.Context) error{w.BeginWaiting, w.PromoteWaiting, w.BeginWaiting} {
		if err := do(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// ends ends the deployment that has the slot of prod.
func (w *world) ends(id string) {
	w.t.Helper()
	w.change(func(ctx context.Context, tx ledger.Tx) error {
		d, err := tx.Deployment(ctx, id)
		if err != nil {
			return err
		}
		d.Status, d.Effect, d.EndedAt = ledger.Success, ledger.EffectDone, w.now
		if err := tx.UpdateDeployment(ctx, d); err != nil {
			return err
		}
		return tx.EndEffect(ctx, id, ledger.EffectDone)
	})
}

// of lists the records of a version of box.
func (w *world) promotions(version string) (lines []string) {
	w.t.Helper()
	all, _, err := w.Promotions(w.t.Context(), admin, "acme", "box", version, ledger.List{Limit: 100, Ascending: true})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range all {
		lines = append(lines, fmt.Sprintf("%s %s %s by %s", p.To, p.Operation, p.Status, p.CreatedBy))
	}
	return lines
}

// A deployment promotes the bundle of its candidate first, once, and begins in the same transaction.
func TestDeployPromotes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := carried(t, url, ledger.CircleCI, ledger.Requirements{})
		since := len(w.events())
		first := w.ship(1, "in_progress intended")
		same(t, w.events()[since:], []string{"deployment.created", "bundle.promoted", "deployment.started"})
		same(t, w.promotions("1"), []string{"prod copy COMPLETED by ann@example.org"})
		w.stand("prod-generic", "1.txt one")
		w.stand("libs", "1.txt one", "2.txt one")

		// The next one waits for its turn, and so does its bundle.
		second := w.ship(2, "pending wanted waits for the end of 1.0-rc1; waits until box 2 is promoted to prod")
		w.look()
		w.stand("prod-generic", "1.txt one")
		w.ends(first.ID)
		w.look()
		w.stands(second.ID, "in_progress intended")
		w.stand("prod-generic", "1.txt one", "2.txt one")
		same(t, w.promotions("2"), []string{"prod copy COMPLETED by ann@example.org"})
		w.ends(second.ID)

		// What is there is not promoted again; what was taken away is.
		again := w.ship(1, "in_progress intended")
		same(t, w.promotions("1"), []string{"prod copy COMPLETED by ann@example.org"})
		w.ends(again.ID)
		if _, err := w.RollBackPromotion(t.Context(), admin, "acme", "box", "1", "prod", ledger.UnpromoteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.stand("prod-generic", "2.txt one")
		again = w.ship(1, "in_progress intended")
		w.stand("prod-generic", "1.txt one", "2.txt one")
		w.ends(again.ID)

		// Neither a candidate without a bundle nor an environment without repositories needs one.
		third := w.ship(3, "in_progress intended")
		w.ends(third.ID)
		d, err := w.Deploy(t.Context(), admin, "acme", "bare", rc(2), ledger.DeployOptions{})
		if err != nil || d.Status != ledger.Pending {
			t.Errorf("%+v, %v", d, err)
		}
		same(t, w.promotions("2"), []string{"prod copy COMPLETED by ann@example.org"})

		// A rollback begins, whatever became of the bundle.
		if _, err := w.DeletePromotion(t.Context(), admin, "acme", "box", "2", w.lastMillis("2"), ledger.UnpromoteOptions{}); err != nil {
			t.Fatal(err)
		}
		v := rc(2)
		back, err := w.Rollback(t.Context(), admin, "acme", "prod", ledger.RollbackOptions{To: &v})
		if err != nil || back.Effect != ledger.EffectIntended {
			t.Errorf("%+v, %v", back, err)
		}
		w.look()
		same(t, w.promotions("2"), []string(nil))
	})
}

func (w *world) lastMillis(version string) int64 {
	w.t.Helper()
	all, _, err := w.Promotions(w.t.Context(), admin, "acme", "box", version, ledger.List{Limit: 1})
	if err != nil || len(all) == 0 {
		w.t.Fatal(all, err)
	}
	return all[0].Millis
}

// Where the gate opens later, the bundle is promoted then, by whom the deployment was asked for.
func TestPromotesWhenTheGateOpens(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		for _, kind := range []ledger.Kind{ledger.Webhook, ledger.None} {
			w := carried(t, storetestAnother(t, url), kind, ledger.Requirements{Approvals: 1, Previous: "qa"})
			wanted, began := "pending wanted ", "in_progress intended"
			waits := func(why string) string { return wanted + why }
			if kind == ledger.None { // its reason is said by the gate alone
				began = "pending"
				waits = func(why string) string { return "pending; " + why }
			}
			d := w.ship(1, waits("waits until qa runs 1.0-rc1"))
			w.look()
			w.report(1, ledger.Success) // in qa
			w.look()
			w.stands(d.ID, waits("waits for 1 approval"))
			same(t, w.promotions("1"), []string(nil))
			if _, err := w.Approve(t.Context(), eve, d.ID); err != nil {
				t.Fatal(err)
			}
			w.stands(d.ID, waits("waits until box 1 is promoted to prod"))
			w.look()
			w.stands(d.ID, began)
			same(t, w.promotions("1"), []string{"prod copy COMPLETED by ann@example.org"})
			w.stand("prod-generic", "1.txt one")
			w.look()
			same(t, w.promotions("1"), []string{"prod copy COMPLETED by ann@example.org"})
		}
	})
}

// storetestAnother is a database of the same kind.
func storetestAnother(t *testing.T, url string) string {
	t.Helper()
	if strings.HasPrefix(url, "postgres") {
		return storetest.Postgres(t)
	}
	return storetest.SQLite(t)
}

// A deployment whose bundle cannot be promoted says so, and begins nothing.
func TestDeployNotPromoted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		const taken = "box 1 cannot be promoted to prod: Target artifact already exists: prod-generic/1.txt"
		for _, kind := range []ledger.Kind{ledger.CircleCI, ledger.None} {
			w := carried(t, storetestAnother(t, url), kind, ledger.Requirements{})
			failed, began := "error failed ", "in_progress intended"
			if kind == ledger.None {
				failed, began = "error  ", "pending"
			}
			w.put("prod-generic/1.txt", "other")
			d := w.ship(1, failed+taken)
			w.look()
			w.stands(d.ID, failed+taken)
			same(t, w.promotions("1"), []string{"prod copy FAILED by ann@example.org"})
			w.remove("prod-generic/1.txt")
			w.ship(1, began)
			same(t, w.promotions("1"), []string{"prod copy FAILED by ann@example.org", "prod copy COMPLETED by ann@example.org"})
		}

		// What another one declares or seals is waited for.
		w := carried(t, storetestAnother(t, url), ledger.CircleCI, ledger.Requirements{})
		w.put("jars/3.jar", "one")
		v := rc(3)
		create := ledger.NewBundle{Name: "box", Version: "3", Candidate: &v, Draft: true, Sources: []ledger.Source{files("jars/3.jar")}}
		if _, err := w.CreateBundle(t.Context(), admin, "acme", create); err != nil {
			t.Fatal(err)
		}
		w.change(func(ctx context.Context, tx ledger.Tx) error {
			return tx.PutRepository(ctx, ledger.Repository{Name: "prod-maven", Project: "acme", Kind: ledger.Hosted, Type: "npm", Environment: "prod"}, w.now)
		})
		d := w.ship(3, "pending wanted waits until the bundle box 3 is sealed")
		w.look()
		if _, err := w.SealBundle(t.Context(), admin, "acme", "box", "3", ""); err != nil {
			t.Fatal(err)
		}
		w.look()
		w.stands(d.ID, "pending wanted a repository of the type maven is not assigned to environment prod")
		w.change(func(ctx context.Context, tx ledger.Tx) error {
			return tx.PutRepository(ctx, ledger.Repository{Name: "prod-maven", Project: "acme", Kind: ledger.Hosted, Type: "maven", Environment: "prod"}, w.now)
		})
		w.look()
		w.stands(d.ID, "in_progress intended")
		w.stand("prod-maven", "3.jar one")
	})
}

// What is promoted outside is waited for, and its failure is the deployment's.
func TestDeployPromotesOutside(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := carried(t, url, ledger.CircleCI, ledger.Requirements{})
		w.declares(func(d *ledger.Declaration) {
			d.Environments[1].Kind, d.Environments[1].Deploy = ledger.CircleCI, trigger(ledger.CircleCI, "acme")
			d.Repositories = append(d.Repositories, ledger.Repository{Name: "images", Kind: ledger.Registry, Connection: "reg", Path: "acme"},
				ledger.Repository{Name: "prod-images", Environment: "prod", Kind: ledger.Registry, Connection: "reg", Path: "prod"})
		})
		v := rc(3)
		image := ledger.Source{Artifacts: []ledger.Artifact{{Repository: "images", Path: "ui:3", SHA256: sum("image")}}}
		if _, err := w.CreateBundle(t.Context(), admin, "acme", ledger.NewBundle{Name: "box", Version: "3", Candidate: &v, Sources: []ledger.Source{image}}); err != nil {
			t.Fatal(err)
		}
		end := func(s ledger.PromotionStatus, messages ...ledger.Message) {
			t.Helper()
			p, err := w.Promotion(t.Context(), admin, "acme", "box", "3", w.lastMillis("3"))
			if err != nil {
				t.Fatal(err)
			}
			p.Status, p.Messages, p.EndedAt = s, messages, w.now
			w.change(func(ctx context.Context, tx ledger.Tx) error { return tx.UpdatePromotion(ctx, p) })
			w.look()
		}
		failed := w.ship(3, "pending wanted waits for the promotion of box 3 to prod")
		w.look()
		w.stands(failed.ID, "pending wanted waits for the promotion of box 3 to prod")
		end(ledger.Failed, ledger.Message{Text: "the registry is full", At: w.now})
		w.stands(failed.ID, "error failed box 3 cannot be promoted to prod: the registry is full")
		d := w.ship(3, "pending wanted waits for the promotion of box 3 to prod")
		same(t, w.promotions("3"), []string{"prod copy FAILED by ann@example.org", "prod copy PROCESSING by ann@example.org"})
		end(ledger.Completed)
		w.stands(d.ID, "in_progress intended")
	})
}

// A freeze that is passed is passed for the bundle, too; a signature that is not good keeps both.
func TestDeployPromotesThroughTheGate(t *testing.T) {
	t.Parallel()
	w := carried(t, storetest.SQLite(t), ledger.Webhook, ledger.Requirements{Signed: true})
	if _, err := w.Freeze(t.Context(), admin, "acme", ledger.NewFreeze{Environment: "prod", Reason: "feast"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Deploy(t.Context(), admin, "acme", "prod", rc(1), ledger.DeployOptions{}); !fault.Is(err, "frozen") {
		t.Errorf("%v", err)
	}
	d, err := w.Deploy(t.Context(), admin, "acme", "prod", rc(1), ledger.DeployOptions{Force: &ledger.Force{Reason: "fire"}})
	if err != nil {
		t.Fatal(err)
	}
	w.stands(d.ID, "in_progress intended")
	w.ends(d.ID)
	w.Signing.Verify = func(string, ledger.Bundle, []ledger.Item) (string, error) {
		return "", fault.New(fault.Invalid, "signature-wrong", "it is forged")
	}
	d, err = w.Deploy(t.Context(), admin, "acme", "prod", rc(2), ledger.DeployOptions{Force: &ledger.Force{Reason: "fire"}})
	if err != nil {
		t.Fatal(err)
	}
	w.look()
	w.stands(d.ID, "pending wanted it is forged; waits until box 2 is promoted to prod")
	same(t, w.promotions("2"), []string(nil))
}

// Whoever asks for the same at the same time, by deployments, promotions and looks of several replicas: one promotion, and no deadlock.
func TestDeployPromotesOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := carried(t, url, ledger.Webhook, ledger.Requirements{})
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if _, err := w.Deploy(t.Context(), admin, "acme", "prod", rc(1), ledger.DeployOptions{}); err != nil {
					t.Error(err)
				}
			})
			all.Go(func() {
				_, err := w.Promote(t.Context(), admin, "acme", "box", "1", "prod", ledger.PromoteOptions{})
				if err != nil && !fault.Is(err, "promotion-under-way") {
					t.Error(err)
				}
			})
			all.Go(func() {
				if err := w.PromoteWaiting(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		w.look()
		w.stand("prod-generic", "1.txt one")
		began := 0
		list, err := w.Deployments(t.Context(), admin, "acme", "prod", 0, 100)
		for _, d := range list {
			if d.Effect == ledger.EffectIntended {
				began++
			}
		}
		if err != nil || began != 1 {
			t.Errorf("%d deployments have begun, %v", began, err)
		}
		for _, line := range w.promotions("1") {
			if line != "prod copy COMPLETED by ann@example.org" {
				t.Error(line)
			}
		}
	})
}
