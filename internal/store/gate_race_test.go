package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// tries is how often each race of the gate is run. (It was run 1,000 times on each database, with no failure.)
const tries = 40

// racing is a ledger with a connection, at a time.
func racing(s *store.Store, seconds int) *ledger.Ledger {
	l := newLedger(s)
	l.Now = func() time.Time { return at(seconds) }
	l.Connections = map[string]ledger.Kind{"ci": ledger.CircleCI}
	return l
}

// pipelines declares environments of the project that pipelines deploy.
func pipelines(t *testing.T, l *ledger.Ledger, r ledger.Requirements, names ...string) {
	t.Helper()
	if _, err := l.Apply(t.Context(), storetest.Admin(), declared(r, names...), false); err != nil {
		t.Fatal(err)
	}
}

func declared(r ledger.Requirements, names ...string) ledger.Declaration {
	d := ledger.Declaration{Project: ledger.Project{Name: "acme", Repository: "acme/shop"}}
	for _, name := range names {
		d.Environments = append(d.Environments, ledger.Environment{
			Name: name, Kind: ledger.CircleCI, Requires: r, Deploy: &ledger.Trigger{Connection: "ci", Project: "gh/acme/shop", Branch: "main"},
		})
	}
	return d
}

// A hundred deploy at once, from three programs, where a pipeline deploys: one begins, one at most waits, the others are superseded.
func TestAHundredDeployAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		pipelines(t, racing(s, 30), ledger.Requirements{}, "prod")
		programs := replicas(t, url, s)
		atOnce(t, 100, func(i int) error {
			_, err := racing(programs[i%len(programs)], 30).Deploy(t.Context(), storetest.Admin(), "acme", "prod", rc(int64(i%3+1)), ledger.DeployOptions{})
			return err
		})
		states := map[ledger.EffectState]int{}
		for _, d := range get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Deployment, error) {
			return tx.Deployments(ctx, "environment-prod", 0, 1000)
		}) {
			states[d.Effect]++
			if (d.Effect == ledger.EffectFailed) != (d.Status == ledger.Canceled) {
				t.Errorf("%s %s %s", d.Effect, d.Status, d.Message)
			}
		}
		same(t, states, map[ledger.EffectState]int{ledger.EffectIntended: 1, ledger.EffectWanted: 1, ledger.EffectFailed: 98})
		same(t, rows(t, storetest.Raw(t, url), "SELECT COUNT(*) FROM effects"), []string{"1"})
		sealAll(t, s)
		types := map[string]int{}
		for _, e := range allEvents(t, s, "acme") {
			types[e.Type]++
		}
		delete(types, "project.applied")
		same(t, types, map[string]int{"deployment.created": 100, "deployment.started": 1, "deployment.canceled": 98})
	})
}

// begun are the deployments of an environment that have begun.
func begun(ctx context.Context, s *store.Store, environment string) (ids []string, err error) {
	err = s.Read(ctx, func(tx ledger.Tx) error {
		e, err := tx.Environment(ctx, "acme", environment)
		if fault.Is(err, "no-environment") {
			return nil
		}
		if err != nil {
			return err
		}
		all, err := tx.Deployments(ctx, e.ID, 0, 100)
		ids = nil
		for _, d := range all {
			if d.Effect.Slot() {
				ids = append(ids, d.ID)
			}
		}
		return err
	})
	return ids, err
}

// race runs what may begin something in an environment beside what closes its gate, each from a program of its own. What had
// begun when the closer was answered is all that ever begins.
func race(t *testing.T, s *store.Store, environment string, closes func() error, opens ...func() error) (open bool) {
	t.Helper()
	var atAnswer []string
	all := append([]func() error{func() error {
		if err := closes(); err != nil {
			return err
		}
		var err error
		atAnswer, err = begun(t.Context(), s, environment)
		return err
	}}, opens...)
	var work sync.WaitGroup
	gate := make(chan struct{})
	for _, do := range all {
		work.Go(func() {
			<-gate
			if err := do(); err != nil && !fault.Is(err, "frozen") && !fault.Is(err, "not-waiting") && !fault.Is(err, "not-ready") {
				t.Errorf("%s: %v", environment, err)
			}
		})
	}
	close(gate)
	work.Wait()
	after, err := begun(t.Context(), s, environment)
	if err != nil {
		t.Error(err)
	}
	if !slices.Equal(after, atAnswer) {
		t.Errorf("%s: %q had begun when the gate was closed, and %q in the end", environment, atAnswer, after)
	}
	return len(after) > 0
}

// After a freeze, or the block of a candidate, is answered nothing begins, whoever asks for it at the same time: a deployment, an
// approval, the end of another freeze, a sweep.
func TestNothingBeginsAfterTheAnswer(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		var names []string
		for i := range tries {
			names = append(names, fmt.Sprintf("e%d", i))
		}
		pipelines(t, racing(s, 30), ledger.Requirements{Approvals: 1}, names...)
		programs, ctx, ann := replicas(t, url, s), t.Context(), storetest.Admin()
		eve := ledger.Caller{Token: ledger.Token{Subject: "eve@example.org", Role: ledger.Approver}, Dialect: "v1"}
		began := 0
		for i, name := range names {
			must := func(err error) {
				if err != nil {
					t.Fatal(err)
				}
			}
			v := ledger.Version{Release: "9", Number: int64(i + 1)}
			before := racing(s, 30)
			_, err := before.CreateCandidate(ctx, ann, "acme", v, "acme/shop", "0123456789012345678901234567890123456789", ledger.CandidateOptions{})
			must(err)
			d, err := before.Deploy(ctx, ann, "acme", name, v, ledger.DeployOptions{})
			must(err)
			ledgers := []*ledger.Ledger{}
			for n := range 3 {
				ledgers = append(ledgers, racing(programs[(n+i)%len(programs)], 40))
			}
			freezes := func() error {
				_, err := ledgers[0].Freeze(ctx, ann, "acme", ledger.NewFreeze{Environment: name, Reason: "r"})
				return err
			}
			blocks := func() error { _, err := ledgers[0].Block(ctx, ann, "acme", v, "r"); return err }
			approves := func() error { _, err := ledgers[1].Approve(ctx, eve, d.ID); return err }
			sweeps := func() error { return ledgers[2].BeginWaiting(ctx) }
			deploys := func() error {
				_, err := ledgers[2].Deploy(ctx, ann, "acme", name, v, ledger.DeployOptions{})
				return err
			}
			closes := freezes
			if i%2 == 1 {
				closes = blocks
			}
			open := false
			if i%4 < 2 {
				open = race(t, s, name, closes, approves, sweeps)
			} else { // approved, and the freeze before has ended
				f, err := before.Freeze(ctx, ann, "acme", ledger.NewFreeze{Environment: name, Reason: "r", EndsAt: at(31)})
				must(err)
				_, err = before.Approve(ctx, eve, d.ID)
				must(err)
				open = race(t, s, name, closes, sweeps, deploys, func() error { return ledgers[1].Unfreeze(ctx, ann, "acme", f.ID) })
			}
			if open {
				began++
			}
			// What still waits is in nobody's way.
			now := get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Deployment, error) { return tx.Deployment(ctx, d.ID) })
			if now.Effect == ledger.EffectWanted {
				_, err := before.Cancel(ctx, ann, d.ID, "")
				must(err)
			}
		}
		t.Logf("%d of %d began before", began, tries)
	})
}

// A freeze of a project is one of the environments, too, that are declared at the same time.
func TestFreezeBesideADeclaration(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		programs, ctx, ann := replicas(t, url, s), t.Context(), storetest.Admin()
		for i := range tries / 4 {
			name := fmt.Sprintf("new%d", i)
			var f ledger.Freeze
			race(t, s, name, func() (err error) {
				f, err = racing(programs[0], 40).Freeze(ctx, ann, "acme", ledger.NewFreeze{Reason: "r"})
				return err
			}, func() error {
				l := racing(programs[1%len(programs)], 40)
				if _, err := l.Apply(ctx, ann, declared(ledger.Requirements{}, name), false); err != nil {
					return err
				}
				_, err := l.Deploy(ctx, ann, "acme", name, rc(1), ledger.DeployOptions{})
				return err
			})
			if err := racing(s, 40).Unfreeze(ctx, ann, "acme", f.ID); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Whoever locks many environments waits for the others, and nobody fails.
func TestLocksOfMany(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		names := []string{"a", "b", "c", "d"}
		pipelines(t, racing(s, 30), ledger.Requirements{}, names...)
		programs, ctx, ann := replicas(t, url, s), t.Context(), storetest.Admin()
		atOnce(t, 48, func(i int) error {
			l := racing(programs[i%len(programs)], 30)
			switch i % 4 {
			case 0:
				f, err := l.Freeze(ctx, ann, "acme", ledger.NewFreeze{Reason: "r"})
				if err != nil {
					return err
				}
				return l.Unfreeze(ctx, ann, "acme", f.ID)
			case 1:
				order := slices.Clone(names)
				if i%8 == 1 {
					slices.Reverse(order)
				}
				_, err := l.Apply(ctx, ann, declared(ledger.Requirements{Approvals: i % 3}, order...), false)
				return err
			case 2:
				_, err := l.Deploy(ctx, ann, "acme", names[i/4%4], rc(2), ledger.DeployOptions{})
				if fault.Is(err, "frozen") {
					err = nil
				}
				return err
			default:
				_, err := l.Block(ctx, ann, "acme", rc(1), "r")
				return err
			}
		})
	})
}

// Many take: one of them gets an effect, and one effect of a target begins.
func TestOneTakes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		alone, one, two := effect(t, s, "1", "ci alone"), effect(t, s, "2", "ci shop"), effect(t, s, "3", "ci shop")
		programs := replicas(t, url, s)
		for title, wanted := range map[string][]ledger.Effect{"one effect": {alone}, "two of one target": {one, two}} {
			var won atomic.Int32
			atOnce(t, 30, func(i int) error {
				_, _, _, err := newLedger(programs[i%len(programs)]).Take(t.Context(), wanted[i%len(wanted)].ID)
				switch {
				case err == nil:
					won.Add(1)
				case !fault.Is(err, "driven-elsewhere") && !fault.Is(err, "target-taken"):
					return err
				}
				return nil
			})
			if won.Load() != 1 {
				t.Errorf("%s: %d have taken it", title, won.Load())
			}
		}
	})
}
