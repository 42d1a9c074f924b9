package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// promote promotes box 1, and fails unless that ends as it should.
func (w *world) promote(environment string, o ledger.PromoteOptions, want ledger.PromotionStatus) ledger.Promotion {
	w.t.Helper()
	w.now = w.now.Add(time.Second)
	p, err := w.Promote(w.t.Context(), storetest.Admin(), "acme", "box", "1", environment, o)
	if err != nil || p.Status != want {
		w.t.Fatalf("to %s: %+v, %v", environment, p, err)
	}
	return p
}

func (w *world) promoteBox(environment string, o ledger.PromoteOptions) error {
	_, err := w.Promote(w.t.Context(), storetest.Admin(), "acme", "box", "1", environment, o)
	return err
}

func move() ledger.PromoteOptions { return ledger.PromoteOptions{Operation: ledger.MoveContents} }

// records lists those of box 1, the oldest first, as "qa copy COMPLETED from dev".
func (w *world) records() (lines []string) {
	w.t.Helper()
	all, total, err := w.Promotions(w.t.Context(), storetest.Admin(), "acme", "box", "1", ledger.List{Limit: 100, Ascending: true})
	if err != nil || total != len(all) {
		w.t.Fatal(total, err)
	}
	for _, p := range all {
		line := fmt.Sprintf("%s %s %s", p.To, p.Operation, p.Status)
		if p.From != "" {
			line += " from " + p.From
		}
		lines = append(lines, line)
	}
	return lines
}

// boxed has the bundle box 1 of one.txt in libs and three.jar in jars.
func boxed(t *testing.T, url string) *world {
	w := shelves(t, url)
	w.put("libs/a/one.txt", "one", "built=yes")
	w.put("jars/three.jar", "three")
	w.bundle("box", "1", "libs/a/one.txt", "jars/three.jar")
	return w
}

// From where contents come, where they go, which properties they have there, and what a move leaves behind.
func TestPromotion(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := boxed(t, url)
		w.put("libs/a/one.txt", "one", "built=yes", "tested=later") // set since the bundle was made
		p := w.promote("qa", ledger.PromoteOptions{Operation: ledger.MoveContents, Properties: []ledger.Property{{Key: "env", Values: []string{"QA"}}, {Key: "built", Values: []string{"here", "now"}}}}, ledger.Completed)
		if p.Operation != ledger.CopyContents || strings.Join(p.Included, " ") != "qa-generic qa-maven" || p.From != "" || p.Key != "key" {
			t.Errorf("the first one: %+v", p)
		}
		w.stand("libs", `a/one.txt one {"built":["yes"],"tested":["later"]}`) // the first one copies
		w.stand("qa-generic", `a/one.txt one {"built":["here","now"],"env":["QA"],"tested":["later"]}`)
		w.stand("qa-maven", `three.jar three {"built":["here","now"],"env":["QA"]}`)

		w.put("qa-generic/a/one.txt", "one", "env=QA", "signed-off=ann")
		w.promote("edge", ledger.PromoteOptions{Properties: []ledger.Property{{Key: "env", Values: []string{"EDGE"}}}}, ledger.Completed)
		w.stand("qa-generic", `a/one.txt one {"env":["QA"],"signed-off":["ann"]}`)
		w.stand("edge-generic", `a/one.txt one {"env":["EDGE"],"signed-off":["ann"]}`)

		w.promote("prod", move(), ledger.Completed) // from edge, where it was promoted to last
		w.stand("edge-generic")
		w.stand("edge-maven")
		w.stand("qa-maven", `three.jar three {"built":["here","now"],"env":["QA"]}`)
		w.stand("prod-generic", `a/one.txt one {"env":["EDGE"],"signed-off":["ann"]}`)

		w.promote("prod", move(), ledger.Completed) // where it is already
		w.promote("qa", move(), ledger.Completed)   // there, too, though not by the last one
		w.stand("prod-generic", `a/one.txt one {"env":["EDGE"],"signed-off":["ann"]}`)
		same(t, w.records(), []string{
			"qa copy COMPLETED", "edge copy COMPLETED from qa", "prod move COMPLETED from edge", "prod copy COMPLETED from prod", "qa copy COMPLETED from prod",
		})
		w.promote("edge", move(), ledger.Completed) // all that it has in qa goes
		w.stand("qa-generic")
		w.stand("qa-maven")
		same(t, w.types("bundle.")[1:], []string{"bundle.promoted", "bundle.promoted", "bundle.promoted", "bundle.promoted", "bundle.promoted", "bundle.promoted"})
	})
}

// What an environment was given already stays as it is when it is promoted again, and what is set meanwhile is kept.
func TestPromotionAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := boxed(t, url)
		first := w.promote("qa", ledger.PromoteOptions{}, ledger.Completed)
		w.put("qa-generic/a/one.txt", "one", "note=kept")
		w.now = w.now.Add(-time.Hour) // a clock that goes back
		again := w.promote("qa", ledger.PromoteOptions{Properties: []ledger.Property{{Key: "run", Values: []string{"2"}}}}, ledger.Completed)
		w.stand("qa-generic", `a/one.txt one {"note":["kept"],"run":["2"]}`)
		if again.Millis != first.Millis+1 {
			t.Errorf("%d follows %d", again.Millis, first.Millis)
		}
		w.remove("qa-generic/a/one.txt") // somebody removed it: it is brought again
		w.promote("qa", ledger.PromoteOptions{}, ledger.Completed)
		w.stand("qa-generic", `a/one.txt one {"built":["yes"]}`)
	})
}

// Receivers are told what comes to environments, and what does not.
func TestNewsOfPromotions(t *testing.T) {
	t.Parallel()
	w := boxed(t, storetest.SQLite(t))
	w.Receivers = []string{"slack"}
	w.promote("qa", ledger.PromoteOptions{}, ledger.Completed)
	w.put("prod-maven/three.jar", "other")
	w.promote("prod", ledger.PromoteOptions{}, ledger.Failed)
	if _, err := w.RollBackPromotion(t.Context(), storetest.Admin(), "acme", "box", "1", "qa", ledger.UnpromoteOptions{}); err != nil {
		t.Fatal(err)
	}
	all, err := w.TakeNews(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range all {
		var s ledger.Story
		if err := json.Unmarshal([]byte(n.Body), &s); err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s: %s %s %s %s %s", s.Type, s.Bundle, s.Environment, s.Status, s.Actor, s.Message)))
	}
	same(t, got, []string{
		"bundle.promoted: box 1 qa COMPLETED ann@example.org", "bundle.promotion-failed: box 1 prod FAILED ann@example.org Target artifact already exists: prod-maven/three.jar",
		"bundle.rollback: box 1 qa COMPLETED ann@example.org",
	})
}

// Where something else is at the place of one file, nothing of the bundle comes; what was there stays.
func TestPromotionGuard(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := boxed(t, url)
		w.put("qa-maven/three.jar", "other")
		w.put("qa-generic/a/one.txt", "one", "mine=yes")
		p := w.promote("qa", ledger.PromoteOptions{Properties: []ledger.Property{{Key: "env", Values: []string{"QA"}}}}, ledger.Failed)
		if len(p.Messages) != 1 || p.Messages[0].Text != "Target artifact already exists: qa-maven/three.jar" {
			t.Errorf("it says %+v", p.Messages)
		}
		w.stand("qa-maven", "three.jar other")
		w.stand("qa-generic", `a/one.txt one {"mine":["yes"]}`)
		w.promote("edge", ledger.PromoteOptions{}, ledger.Completed)
		if p := w.promote("qa", move(), ledger.Failed); p.From != "edge" {
			t.Errorf("a failed one counts: %+v", p)
		}
		w.stand("edge-generic", `a/one.txt one {"built":["yes"]}`)
		w.remove("qa-maven/three.jar")
		w.promote("qa", move(), ledger.Completed)
		w.stand("edge-generic")
		same(t, w.records(), []string{"qa copy FAILED", "edge copy COMPLETED", "qa move FAILED from edge", "qa move COMPLETED from edge"})
		same(t, w.types("bundle.")[1:], []string{"bundle.promotion-failed", "bundle.promoted", "bundle.promotion-failed", "bundle.promoted"})
	})
}

// Something else comes to a place between the look and the insert: nothing of the bundle comes, and the record says it.
func TestPromotionRace(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t) // SQLite lets nobody write in between
	w := boxed(t, url)
	w.Store = between{w.store, sync.OnceFunc(func() { w.put("qa-maven/three.jar", "other") })}
	p := w.promote("qa", ledger.PromoteOptions{}, ledger.Failed)
	if len(p.Messages) != 1 || p.Messages[0].Text != "Target artifact already exists: qa-maven/three.jar" {
		t.Errorf("it says %+v", p.Messages)
	}
	w.stand("qa-generic")
	w.stand("qa-maven", "three.jar other")
	same(t, w.records(), []string{"qa copy FAILED"})
}

// between is a store that does something, once, before files are put onto shelves.
type between struct {
	ledger.Store
	do func()
}

type betweenTx struct {
	ledger.Tx
	do func()
}

func (s between) Change(ctx context.Context, do func(ledger.Tx) error) error {
	return s.Store.Change(ctx, func(tx ledger.Tx) error { return do(betweenTx{tx, s.do}) })
}

func (t betweenTx) ShelveFiles(ctx context.Context, p ledger.Promotion, now time.Time) error {
	t.do()
	return t.Tx.ShelveFiles(ctx, p, now)
}

// Which repositories a promotion takes.
func TestPromotionTargets(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := boxed(t, url)
		include := func(names ...string) ledger.PromoteOptions { return ledger.PromoteOptions{Include: names} }
		exclude := func(names ...string) ledger.PromoteOptions { return ledger.PromoteOptions{Exclude: names} }
		p := w.promote("qa", ledger.PromoteOptions{Include: []string{"qa-maven"}, Exclude: []string{"qa-maven"}}, ledger.Completed)
		w.stand("qa-generic")
		w.stand("qa-maven", "three.jar three")
		if len(p.Messages) != 1 || p.Messages[0].Text != "what is of the type generic was left out: no repository of it is included" {
			t.Errorf("it says %+v", p.Messages)
		}
		w.promote("edge", exclude("edge-maven", "nothing"), ledger.Completed)
		w.stand("edge-maven")
		w.stand("edge-generic", `a/one.txt one {"built":["yes"]}`)
		w.promote("prod", move(), ledger.Completed) // from edge, which had a part; the rest from where it was made
		w.stand("prod-maven", "three.jar three")
		w.stand("edge-generic")
		w.promote("edge", ledger.PromoteOptions{Include: []string{"edge-generic"}, Operation: ledger.MoveContents}, ledger.Completed)
		w.stand("prod-maven", "three.jar three") // only what was moved left
		w.stand("prod-generic")

		refused(t, "no repository of the environment", w.promoteBox("qa", include("prod-maven")), fault.Invalid, "not-assigned")
		refused(t, "an unknown one", w.promoteBox("qa", include("nothing")), fault.Invalid, "not-assigned")
		refused(t, "all excluded", w.promoteBox("qa", exclude("qa-maven", "qa-generic")), fault.Invalid, "not-assigned")
		w.declares(func(d *ledger.Declaration) {
			d.Environments = append(d.Environments, ledger.Environment{Name: "new"}, ledger.Environment{Name: "half"})
			d.Repositories = append(d.Repositories,
				ledger.Repository{Name: "qa-more", Environment: "qa"}, ledger.Repository{Name: "half-generic", Environment: "half"}, ledger.Repository{Name: "half-npm", Environment: "half", Type: "npm"})
		})
		refused(t, "none at all", w.promoteBox("new", ledger.PromoteOptions{}), fault.Invalid, "not-assigned")
		err := w.promoteBox("half", ledger.PromoteOptions{})
		refused(t, "none of a type", err, fault.Invalid, "not-assigned")
		if !strings.Contains(err.Error(), "not assigned to environment half") {
			t.Error(err)
		}
		err = w.promoteBox("qa", ledger.PromoteOptions{})
		refused(t, "several", err, fault.Invalid, "several-repositories")
		if !strings.Contains(err.Error(), "qa-generic, qa-more") {
			t.Error(err)
		}
		w.promote("qa", exclude("qa-generic"), ledger.Completed)
		w.stand("qa-more", `a/one.txt one {"built":["yes"]}`)
		refused(t, "no such environment", w.promoteBox("nowhere", ledger.PromoteOptions{}), fault.NotFound, "no-environment")
		refused(t, "no such operation", w.promoteBox("qa", ledger.PromoteOptions{Operation: "link"}), fault.Invalid, "invalid-operation")
		refused(t, "no such key", w.promoteBox("qa", ledger.PromoteOptions{Exclude: []string{"qa-more"}, Key: "none"}), fault.Invalid, "unknown-key")
		refused(t, "a property twice", w.promoteBox("qa", ledger.PromoteOptions{Properties: []ledger.Property{{Key: "a"}, {Key: "a"}}}), fault.Invalid, "invalid-property")
		refused(t, "a property without a key", w.promoteBox("qa", ledger.PromoteOptions{Properties: []ledger.Property{{Key: ""}}}), fault.Invalid, "invalid-property")
		_, err = w.Promote(t.Context(), storetest.Admin(), "acme", "box", "2", "qa", ledger.PromoteOptions{})
		refused(t, "no such version", err, fault.NotFound, "no-bundle")
		if p := w.promote("qa", ledger.PromoteOptions{Exclude: []string{"qa-more"}, Key: "other"}, ledger.Completed); p.Key != "other" {
			t.Errorf("the key: %+v", p)
		}
	})
}

// What a move takes away is not what another bundle names, nor what is no more what was promoted.
func TestMoveLeavesOthers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := boxed(t, url)
		w.bundle("other", "1", "libs/a/one.txt")
		w.promote("qa", ledger.PromoteOptions{}, ledger.Completed)
		if _, err := w.Promote(t.Context(), storetest.Admin(), "acme", "other", "1", "qa", ledger.PromoteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.put("qa-maven/three.jar", "other")
		w.promote("prod", move(), ledger.Completed)
		w.stand("qa-generic", `a/one.txt one {"built":["yes"]}`)
		w.stand("qa-maven", "three.jar other")
		w.stand("prod-generic", `a/one.txt one {"built":["yes"]}`)
		if _, err := w.Promote(t.Context(), storetest.Admin(), "acme", "other", "1", "prod", move()); err != nil {
			t.Fatal(err)
		}
		w.stand("qa-generic") // nobody names it any more
		// A repository that has come to another environment has what was promoted to it already.
		w.promote("edge", ledger.PromoteOptions{}, ledger.Completed)
		w.declares(func(d *ledger.Declaration) {
			for i, r := range d.Repositories {
				if r.Name == "edge-generic" {
					d.Repositories[i].Environment = "qa"
				}
				if r.Name == "qa-generic" {
					d.Repositories[i].Environment = "edge"
				}
			}
		})
		w.remove("qa-maven/three.jar")
		w.promote("qa", move(), ledger.Completed)
		w.stand("edge-generic", `a/one.txt one {"built":["yes"]}`)
		w.stand("edge-maven")
	})
}

// A rollback takes the last promotion back; of a move it brings back what was there, as the bundle was made.
func TestPromotionRollback(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := boxed(t, url)
		back := func(environment string, o ledger.UnpromoteOptions) error {
			_, err := w.RollBackPromotion(t.Context(), storetest.Admin(), "acme", "box", "1", environment, o)
			return err
		}
		refused(t, "before any", back("qa", ledger.UnpromoteOptions{}), fault.NotFound, "not-promoted")
		w.promote("qa", ledger.PromoteOptions{Properties: []ledger.Property{{Key: "env", Values: []string{"QA"}}}}, ledger.Completed)
		w.promote("prod", move(), ledger.Completed)
		w.promote("edge", ledger.PromoteOptions{}, ledger.Completed)
		refused(t, "not the last", back("prod", ledger.UnpromoteOptions{}), fault.Invalid, "elsewhere")
		refused(t, "nowhere", back("nowhere", ledger.UnpromoteOptions{}), fault.Invalid, "elsewhere")
		refused(t, "an unknown way", back("edge", ledger.UnpromoteOptions{Overwrite: "some"}), fault.Invalid, "invalid-overwrite")
		p, err := w.RollBackPromotion(t.Context(), storetest.Admin(), "acme", "box", "1", "edge", ledger.UnpromoteOptions{}) // a copy
		if err != nil || p.To != "edge" || p.From != "prod" {
			t.Fatal(p, err)
		}
		w.stand("edge-generic")
		w.stand("prod-generic", `a/one.txt one {"built":["yes"],"env":["QA"]}`)
		w.put("qa-maven/three.jar", "other") // has come meanwhile
		if err := back("prod", ledger.UnpromoteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.stand("prod-generic")
		w.stand("prod-maven")
		w.stand("qa-generic", `a/one.txt one {"built":["yes"]}`) // as it was made
		w.stand("qa-maven", "three.jar other")                   // skipped
		same(t, w.records(), []string{"qa copy COMPLETED"})
		w.put("qa-maven/three.jar", "three")
		w.promote("prod", move(), ledger.Completed) // and on
		w.put("qa-maven/three.jar", "other")
		if err := back("prod", ledger.UnpromoteOptions{Overwrite: ledger.OverwriteLatest}); err != nil {
			t.Fatal(err)
		}
		w.stand("qa-maven", "three.jar other")
		w.remove("qa-maven/three.jar")
		w.promote("qa", ledger.PromoteOptions{}, ledger.Completed)
		w.promote("prod", move(), ledger.Completed)
		w.put("qa-maven/three.jar", "other")
		if err := back("prod", ledger.UnpromoteOptions{Overwrite: ledger.OverwriteAll}); err != nil {
			t.Fatal(err)
		}
		w.stand("qa-maven", "three.jar three")
		if err := back("qa", ledger.UnpromoteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.stand("qa-maven", "three.jar three") // by the promotion before
		w.stand("qa-generic", `a/one.txt one {"built":["yes"]}`)
		if err := back("qa", ledger.UnpromoteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.stand("qa-maven")
		w.stand("qa-generic")
		w.stand("libs", `a/one.txt one {"built":["yes"]}`)
		same(t, w.records(), []string(nil))
		refused(t, "once more", back("qa", ledger.UnpromoteOptions{}), fault.NotFound, "not-promoted")
		w.promote("qa", move(), ledger.Completed) // like the first
		w.stand("libs", `a/one.txt one {"built":["yes"]}`)
	})
}

// A record is deleted with what it has brought, unless another one names it, and a bundle with all of its records.
func TestDeletingPromotions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := boxed(t, url)
		admin := storetest.Admin()
		w.bundle("other", "1", "libs/a/one.txt")
		if _, err := w.Promote(t.Context(), admin, "acme", "other", "1", "qa", ledger.PromoteOptions{}); err != nil {
			t.Fatal(err)
		}
		first := w.promote("qa", ledger.PromoteOptions{}, ledger.Completed)
		second := w.promote("qa", ledger.PromoteOptions{}, ledger.Completed)
		w.put("prod-maven/three.jar", "other")
		failed := w.promote("prod", ledger.PromoteOptions{}, ledger.Failed)
		for _, p := range []ledger.Promotion{first, failed, second} {
			w.stand("qa-maven", "three.jar three")
			if _, err := w.DeletePromotion(t.Context(), admin, "acme", "box", "1", p.Millis, ledger.UnpromoteOptions{}); err != nil {
				t.Fatal(err)
			}
			_, err := w.DeletePromotion(t.Context(), admin, "acme", "box", "1", p.Millis, ledger.UnpromoteOptions{})
			refused(t, "again", err, fault.NotFound, "no-promotion")
		}
		w.stand("qa-maven")
		w.stand("qa-generic", `a/one.txt one {"built":["yes"]}`) // the other bundle's
		w.stand("prod-maven", "three.jar other")
		same(t, w.records(), []string(nil))

		w.promote("qa", ledger.PromoteOptions{}, ledger.Completed)
		w.promote("edge", move(), ledger.Completed)
		w.promote("prod", ledger.PromoteOptions{Include: []string{"prod-generic"}}, ledger.Completed)
		if _, err := w.DeleteBundle(t.Context(), admin, "acme", "box", "1", ledger.UnpromoteOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, repository := range []string{"edge-generic", "edge-maven", "prod-generic", "qa-maven"} {
			w.stand(repository)
		}
		w.stand("qa-generic", `a/one.txt one {"built":["yes"]}`)
		w.stand("jars", "three.jar three")
		if _, err := w.DeleteBundle(t.Context(), admin, "acme", "box", "1", ledger.UnpromoteOptions{}); !fault.Is(err, "no-bundle") {
			t.Error(err)
		}
		// A bundle that was made of what is in an environment takes nothing from there.
		w.put("edge-generic/a/one.txt", "one")
		w.bundle("box", "1", "edge-generic/a/one.txt")
		w.promote("edge", ledger.PromoteOptions{}, ledger.Completed)
		if _, err := w.DeleteBundle(t.Context(), admin, "acme", "box", "1", ledger.UnpromoteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.stand("edge-generic", "a/one.txt one")
		if unused := w.unused(); len(unused) != 0 {
			t.Errorf("%v belongs to nobody, and is in a repository", unused)
		}
	})
}

// The gate of an environment, for bundles.
func TestPromotionGate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := boxed(t, url)
		admin := storetest.Admin()
		requires := func(r ledger.Requirements) {
			w.declares(func(d *ledger.Declaration) { d.Environments[1].Requires = r })
		}
		closed := func(what, code, text string) {
			t.Helper()
			err := w.promoteBox("prod", ledger.PromoteOptions{})
			refused(t, what, err, fault.Stopped, code)
			if !strings.Contains(fmt.Sprint(err), text) {
				t.Errorf("%s: %v", what, err)
			}
		}
		f, err := w.Freeze(t.Context(), admin, "acme", ledger.NewFreeze{Environment: "prod", Reason: "peak season"})
		if err != nil {
			t.Fatal(err)
		}
		closed("a freeze", "frozen", "peak season")
		p, err := w.Promote(t.Context(), admin, "acme", "box", "1", "prod", ledger.PromoteOptions{Force: &ledger.Force{Reason: "it must"}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Promote(t.Context(), by(ledger.Deployer, "acme"), "acme", "box", "1", "prod", ledger.PromoteOptions{Force: &ledger.Force{Reason: "it must"}})
		refused(t, "a deployer who forces", err, fault.Auth, "not-allowed")
		_, err = w.DeletePromotion(t.Context(), admin, "acme", "box", "1", p.Millis, ledger.UnpromoteOptions{})
		refused(t, "deleting while it is frozen", err, fault.Stopped, "frozen")
		_, err = w.RollBackPromotion(t.Context(), admin, "acme", "box", "1", "prod", ledger.UnpromoteOptions{})
		refused(t, "rolling back while it is frozen", err, fault.Stopped, "frozen")
		_, err = w.DeleteBundle(t.Context(), admin, "acme", "box", "1", ledger.UnpromoteOptions{})
		refused(t, "deleting all of it while it is frozen", err, fault.Stopped, "frozen")
		if _, err := w.RollBackPromotion(t.Context(), admin, "acme", "box", "1", "prod", ledger.UnpromoteOptions{Force: &ledger.Force{Reason: "it must"}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Unfreeze(t.Context(), admin, "acme", f.ID); err != nil {
			t.Fatal(err)
		}

		requires(ledger.Requirements{Previous: "qa"})
		closed("nothing is in qa", "gate-closed", "waits until qa has box 1")
		w.promote("qa", ledger.PromoteOptions{}, ledger.Completed)
		w.bundle("box", "2", "libs/a/one.txt")
		w.promote("prod", ledger.PromoteOptions{}, ledger.Completed)
		if _, err := w.Promote(t.Context(), admin, "acme", "box", "2", "qa", ledger.PromoteOptions{}); err != nil {
			t.Fatal(err)
		}
		closed("another version is in qa", "gate-closed", "waits until qa has box 1")
		w.promote("qa", ledger.PromoteOptions{}, ledger.Completed) // again the newest
		w.promote("edge", move(), ledger.Completed)
		closed("it has left qa", "gate-closed", "waits until qa has box 1")

		requires(ledger.Requirements{Signed: true})
		w.promote("prod", ledger.PromoteOptions{}, ledger.Completed)
		w.exec("UPDATE items SET path = 'another' WHERE number = 1 AND bundle = (SELECT id FROM bundles WHERE name = 'box' AND version = '1')")
		w.Signing.Verify = func(string, ledger.Bundle, []ledger.Item) (string, error) {
			return "", fault.New(fault.Invalid, "signature-wrong", "the signature is wrong")
		}
		closed("the signature is not good", "gate-closed", "the signature is wrong")

		requires(ledger.Requirements{Approvals: 1})
		closed("nobody can approve what has no candidate", "gate-closed", "waits for 1 approval")
		requires(ledger.Requirements{})
		w.change(func(ctx context.Context, tx ledger.Tx) error { return tx.PutQuarantine(ctx, w.now, "restored") })
		closed("quarantined", "gate-closed", "gio-server resume")
		_, err = w.Promote(t.Context(), by(ledger.Reporter, "acme"), "acme", "box", "1", "prod", ledger.PromoteOptions{})
		refused(t, "a reporter", err, fault.Auth, "not-allowed")
		_, err = w.Promote(t.Context(), by(ledger.Admin, "other"), "acme", "box", "1", "prod", ledger.PromoteOptions{})
		refused(t, "a token of another project", err, fault.Auth, "other-project")
	})
}

// exec changes the database behind the ledger's back.
func (w *world) exec(query string) {
	w.t.Helper()
	if _, err := storetest.Raw(w.t, w.url).ExecContext(w.t.Context(), query); err != nil {
		w.t.Fatal(err)
	}
}

// A bundle of a candidate, and its deployments: what is deployed counts for the bundle, what is promoted for the deployment.
func TestBundlesAndDeployments(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := boxed(t, url)
		admin := storetest.Admin()
		of := func(version string, n int64) {
			t.Helper()
			c, _, err := w.Candidate(t.Context(), admin, "acme", rc(n))
			if err != nil {
				t.Fatal(err)
			}
			w.exec("UPDATE bundles SET candidate = '" + c.ID + "' WHERE name = 'box' AND version = '" + version + "'")
		}
		deploys := func(n int64) (status ledger.Status, message string) {
			t.Helper()
			d, err := w.Deploy(t.Context(), admin, "acme", "prod", rc(n), ledger.DeployOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return d.Status, d.Message
		}
		waits := func(n int64, want string) {
			t.Helper()
			if status, message := deploys(n); status != ledger.Pending || message != want {
				t.Errorf("rc%d is %s: %q, want %q", n, status, message, want)
			}
		}
		begins := func(n int64) {
			t.Helper()
			if status, message := deploys(n); status != ledger.InProgress {
				t.Fatalf("rc%d is %s: %q", n, status, message)
			}
			if _, err := w.Report(t.Context(), admin, "acme", "prod", rc(n), ledger.Success); err != nil {
				t.Fatal(err)
			}
		}
		requires := func(r ledger.Requirements) {
			w.Connections["hook"] = ledger.Webhook
			w.declares(func(d *ledger.Declaration) {
				d.Environments[1].Requires, d.Environments[1].Kind = r, ledger.Webhook
				d.Environments[1].Deploy = &ledger.Trigger{Connection: "hook"}
				d.Repositories = d.Repositories[:4]
			})
		}
		of("1", 1)
		requires(ledger.Requirements{Signed: true})
		waits(2, "waits for a signed bundle of 1.0-rc2")
		begins(1)
		if _, err := w.CreateBundle(t.Context(), admin, "acme", ledger.NewBundle{Name: "box", Version: "2", Draft: true, Sources: []ledger.Source{files("libs/a/one.txt")}}); err != nil {
			t.Fatal(err)
		}
		of("2", 2)
		waits(2, "waits until the bundle box 2 is sealed")
		if _, err := w.SealBundle(t.Context(), admin, "acme", "box", "2", ""); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.BeginWaiting(t.Context()), w.PromoteWaiting(t.Context())); err != nil { // what waits is asked again
			t.Fatal(err)
		}
		if all := must2(w.Deployments(t.Context(), admin, "acme", "prod", 0, 1)); all[0].Status != ledger.InProgress {
			t.Errorf("a sealed bundle opens no gate: %+v", all[0])
		}
		if _, err := w.Report(t.Context(), admin, "acme", "prod", rc(2), ledger.Success); err != nil {
			t.Fatal(err)
		}
		good := w.Signing.Verify
		w.Signing.Verify = func(string, ledger.Bundle, []ledger.Item) (string, error) {
			return "", fault.New(fault.Invalid, "signature-wrong", "the signature is wrong")
		}
		waits(1, "the signature is wrong")
		w.Signing.Verify = good

		requires(ledger.Requirements{Previous: "qa"})
		waits(1, "waits until qa runs 1.0-rc1")
		waits(3, "waits until qa runs 1.0-rc3") // it has no bundle
		w.promote("qa", ledger.PromoteOptions{}, ledger.Completed)
		begins(1) // its bundle is there, and nothing was ever deployed there
		waits(2, "waits until qa runs 1.0-rc2")
		w.report(2, ledger.Success) // deployed in qa: that counts from now on
		begins(2)
		waits(1, "waits until qa runs 1.0-rc1")
		requires(ledger.Requirements{Previous: "qa", Approvals: 1})
		err := w.promoteBox("prod", ledger.PromoteOptions{Exclude: []string{"none"}})
		refused(t, "another candidate runs in qa", err, fault.Stopped, "gate-closed")
	})
}

func must2[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// Approvals of the deployment of a bundle's candidate are those of its promotion.
func TestApprovedPromotion(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := boxed(t, url)
		c, _, err := w.Candidate(t.Context(), storetest.Admin(), "acme", rc(1))
		if err != nil {
			t.Fatal(err)
		}
		w.exec("UPDATE bundles SET candidate = '" + c.ID + "'")
		w.declares(func(d *ledger.Declaration) { d.Environments[0].Requires.Approvals = 1 })
		refused(t, "without a deployment", w.promoteBox("qa", ledger.PromoteOptions{}), fault.Stopped, "gate-closed")
		d := w.deploy(1)
		refused(t, "nobody has approved", w.promoteBox("qa", ledger.PromoteOptions{}), fault.Stopped, "gate-closed")
		if _, err := w.Approve(t.Context(), by(ledger.Approver, "acme"), d.ID); err != nil {
			t.Fatal(err)
		}
		w.promote("qa", ledger.PromoteOptions{}, ledger.Completed)
		if _, err := w.Block(t.Context(), storetest.Admin(), "acme", rc(1), "it is broken"); err != nil {
			t.Fatal(err)
		}
		err = w.promoteBox("qa", ledger.PromoteOptions{})
		refused(t, "its candidate is blocked", err, fault.Stopped, "gate-closed")
	})
}

// A hundred at once: one promotes, and the others are told so, whether they meet in the program or in the database.
func TestHundredPromotions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := boxed(t, url)
		const many = 100
		ready := make(chan struct{})
		var looked, all sync.WaitGroup
		looked.Add(many)
		go func() { looked.Wait(); close(ready) }()
		var mu sync.Mutex
		ended := map[string]int{}
		var replicas [2]*ledger.Ledger
		for i := range replicas {
			replicas[i] = &ledger.Ledger{Store: meeting{w.store, &looked, ready}, Now: w.Now, NewID: w.NewID, Signing: w.Signing}
		}
		for i := range many {
			all.Go(func() {
				_, err := replicas[i%len(replicas)].Promote(t.Context(), storetest.Admin(), "acme", "box", "1", "qa", ledger.PromoteOptions{})
				mu.Lock()
				defer mu.Unlock()
				ended[fault.CodeOf(err)]++
			})
		}
		all.Wait()
		same(t, ended, map[string]int{"": 1, "promotion-under-way": many - 1})
		same(t, w.records(), []string{"qa copy COMPLETED"})
		if err := errors.Join(w.promoteBox("qa", ledger.PromoteOptions{}), w.promoteBox("prod", ledger.PromoteOptions{})); err != nil {
			t.Error(err)
		}
	})
}

// meeting lets nobody change anything before all have looked.
type meeting struct {
	ledger.Store
	looked *sync.WaitGroup
	ready  chan struct{}
}

func (s meeting) Read(ctx context.Context, do func(ledger.Tx) error) error {
	err := s.Store.Read(ctx, do)
	s.looked.Done()
	<-s.ready
	return err
}

// outside makes the maven repositories of prod and edge those of an Artifactory, and adds an image to the bundle box 1.
func outside(t *testing.T, url string) *world {
	t.Helper()
	w := signing(t, url)
	w.declares(func(d *ledger.Declaration) {
		d.Repositories = slices.DeleteFunc(d.Repositories, func(r ledger.Repository) bool { return r.Name == "prod-maven" || r.Name == "edge-maven" })
		for _, environment := range []string{"prod", "edge"} {
			d.Repositories = append(d.Repositories, ledger.Repository{Name: environment + "-remote", Environment: environment, Kind: ledger.Artifactory, Type: "maven", Connection: "art", Path: environment})
		}
	})
	w.put("libs/a/one.txt", "one")
	w.put("libs/two.txt", "two")
	w.put("jars/three.jar", "three")
	w.bundle("box", "1", "libs/a/one.txt", "libs/two.txt", "jars/three.jar")
	return w
}

// items lists what is noted of items, as "edge-remote three.jar wanted".
func (w *world) outsideItems() (lines []string) {
	w.t.Helper()
	rows, err := storetest.Raw(w.t, w.url).QueryContext(w.t.Context(), "SELECT p.repository || ' ' || p.path || ' ' || p.state FROM promoted p JOIN promotions n ON n.id = p.promotion ORDER BY n.created_millis, p.item")
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			w.t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return lines
}

// leaseOf is the lease of whoever drives a promotion now.
func (w *world) leaseOf(id string) ledger.Lease {
	w.t.Helper()
	lease := ledger.Lease{Effect: id}
	if err := storetest.Raw(w.t, w.url).QueryRowContext(context.Background(), "SELECT token FROM promotions WHERE id = '"+id+"'").Scan(&lease.Token); err != nil {
		w.t.Fatal(err)
	}
	return lease
}

// What must be done outside waits, and ends the promotion with what is kept here, or leaves nothing.
func TestPromotionOutside(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := outside(t, url)
		end := func(p ledger.Promotion, problem string, want ledger.PromotionStatus) ledger.Promotion {
			t.Helper()
			lease := w.leaseOf(p.ID)
			if problem != "" {
				if err := w.Abandon(t.Context(), lease, problem); err != nil {
					t.Fatal(err)
				}
			}
			ended, err := w.EndPromotion(t.Context(), lease)
			if err != nil || ended.Status != want {
				t.Fatalf("%+v, %v", ended, err)
			}
			return ended
		}
		w.put("edge-generic/two.txt", "two", "mine=yes")
		p := w.promote("edge", ledger.PromoteOptions{}, ledger.Processing)
		w.stand("edge-generic", `two.txt two {"mine":["yes"]}`) // nothing comes before all can come
		same(t, w.outsideItems(), []string{"edge-remote three.jar wanted"})
		_, err := w.EndPromotion(t.Context(), ledger.Lease{Effect: p.ID})
		refused(t, "the end before it is there", err, fault.Internal, "not-carried")
		refused(t, "another one", w.promoteBox("edge", ledger.PromoteOptions{}), fault.Stopped, "promotion-under-way")
		_, err = w.DeleteBundle(t.Context(), storetest.Admin(), "acme", "box", "1", ledger.UnpromoteOptions{})
		refused(t, "deleting the bundle", err, fault.Stopped, "promotion-under-way")
		_, err = w.DeletePromotion(t.Context(), storetest.Admin(), "acme", "box", "1", p.Millis, ledger.UnpromoteOptions{})
		refused(t, "deleting the promotion", err, fault.Stopped, "promotion-under-way")
		failed := end(p, "Target artifact already exists: edge-remote/three.jar", ledger.Failed)
		if len(failed.Messages) != 1 || failed.EndedAt.IsZero() {
			t.Errorf("%+v", failed)
		}
		w.stand("edge-generic", `two.txt two {"mine":["yes"]}`) // as before
		if _, err := w.EndPromotion(t.Context(), ledger.Lease{Effect: p.ID}); !fault.Is(err, "not-under-way") {
			t.Error(err)
		}

		w.promote("qa", ledger.PromoteOptions{}, ledger.Completed)
		p = w.promote("edge", move(), ledger.Processing)
		w.stand("qa-maven", "three.jar three") // what is moved leaves last
		refused(t, "a copy beside a move", w.promoteBox("prod", ledger.PromoteOptions{}), fault.Stopped, "promotion-under-way")
		_, err = w.RollBackPromotion(t.Context(), storetest.Admin(), "acme", "box", "1", "qa", ledger.UnpromoteOptions{})
		refused(t, "a rollback beside a move", err, fault.Stopped, "promotion-under-way")
		w.exec("UPDATE promoted SET state = 'done' WHERE state = 'wanted'")
		end(p, "", ledger.Completed)
		w.stand("qa-maven")
		w.stand("qa-generic")
		w.stand("edge-generic", "a/one.txt one", `two.txt two {"mine":["yes"]}`)

		p = w.promote("qa", move(), ledger.Processing) // all that comes is kept here, and what leaves is outside
		w.stand("qa-maven")
		end(p, "", ledger.Processing) // what is kept here is there before anything leaves outside
		w.stand("qa-maven", "three.jar three")
		w.stand("edge-generic", "a/one.txt one", `two.txt two {"mine":["yes"]}`)
		w.exec("UPDATE promoted SET state = 'removed', mover = '" + p.ID + "' WHERE state = 'done'")
		end(p, "", ledger.Completed)
		w.stand("edge-generic")

		back, err := w.RollBackPromotion(t.Context(), storetest.Admin(), "acme", "box", "1", "qa", ledger.UnpromoteOptions{})
		if err != nil || back.Status != ledger.Deleting {
			t.Fatal(back, err)
		}
		w.stand("qa-maven")
		w.stand("edge-generic", "a/one.txt one", "two.txt two")
		same(t, w.records(), []string{"edge copy FAILED", "qa copy COMPLETED", "edge move COMPLETED from qa", "qa move DELETING from edge"})
		w.exec("UPDATE promoted SET state = 'done' WHERE state = 'wanted'")
		end(back, "", ledger.Completed)
		same(t, w.records(), []string{"edge copy FAILED", "qa copy COMPLETED", "edge move COMPLETED from qa"})

		_, err = w.DeleteBundle(t.Context(), storetest.Admin(), "acme", "box", "1", ledger.UnpromoteOptions{})
		refused(t, "what is outside must be deleted first", err, fault.Stopped, "kept-elsewhere")
		w.stand("edge-generic", "a/one.txt one", "two.txt two")
		gone, err := w.RollBackPromotion(t.Context(), storetest.Admin(), "acme", "box", "1", "edge", ledger.UnpromoteOptions{})
		if err != nil || gone.Status != ledger.Deleting {
			t.Fatal(gone, err)
		}
		end(gone, "the Artifactory does not answer", ledger.Completed)
		if again, err := w.RollBackPromotion(t.Context(), storetest.Admin(), "acme", "box", "1", "edge", ledger.UnpromoteOptions{}); err != nil || again.Status != ledger.Deleting {
			t.Fatal(again, err)
		}
		w.exec("UPDATE promoted SET state = 'removed' WHERE state = 'done'")
		end(gone, "", ledger.Completed)
		if _, err := w.DeleteBundle(t.Context(), storetest.Admin(), "acme", "box", "1", ledger.UnpromoteOptions{}); err != nil {
			t.Error(err)
		}
		w.stand("qa-generic")
		w.stand("libs", "a/one.txt one", "two.txt two")
	})
}

// What comes from outside to where files are kept here is brought once its content is here.
func TestPromotionFromOutside(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := shelves(t, url)
		w.declares(func(d *ledger.Declaration) {
			d.Repositories = append(d.Repositories, ledger.Repository{Name: "remote", Kind: ledger.Artifactory, Type: "maven", Connection: "art", Path: "dev"})
		})
		sources := []ledger.Source{{Artifacts: []ledger.Artifact{{Repository: "remote", Path: "three.jar", SHA256: sum("three")}}}}
		if _, err := w.CreateBundle(t.Context(), storetest.Admin(), "acme", ledger.NewBundle{Name: "box", Version: "1", Sources: sources}); err != nil {
			t.Fatal(err)
		}
		w.put("qa-maven/three.jar", "other")
		w.promote("qa", ledger.PromoteOptions{}, ledger.Failed) // it is known before anything is brought
		w.remove("qa-maven/three.jar")
		arrive := func() ledger.Lease {
			p := w.promote("qa", ledger.PromoteOptions{}, ledger.Processing)
			w.stand("qa-maven")
			same(t, w.outsideItems(), []string{"qa-maven three.jar wanted"})
			w.exec("UPDATE promoted SET state = 'done'")
			return ledger.Lease{Effect: p.ID}
		}
		ended := func(lease ledger.Lease, want ledger.PromotionStatus) {
			t.Helper()
			if p, err := w.EndPromotion(t.Context(), lease); err != nil || p.Status != want {
				t.Fatal(p, err)
			}
		}
		lease := arrive()
		w.put("libs/kept", "three") // the content is here
		w.exec("UPDATE items SET blob = sha256")
		w.put("qa-maven/three.jar", "other") // has come to its place meanwhile
		ended(lease, ledger.Processing)
		ended(lease, ledger.Failed)
		w.stand("qa-maven", "three.jar other")
		w.remove("qa-maven/three.jar")
		w.exec("UPDATE items SET blob = NULL")
		lease = arrive()
		w.exec("UPDATE items SET blob = sha256")
		ended(lease, ledger.Completed)
		w.stand("qa-maven", "three.jar three")
		same(t, w.records(), []string{"qa copy FAILED", "qa copy FAILED", "qa copy COMPLETED"})
	})
}
