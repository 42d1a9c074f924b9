package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

const crowd = 50

// atOnce runs do many times at once, and fails the test with what failed.
func atOnce(t *testing.T, n int, do func(i int) error) {
	t.Helper()
	var all sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-gate
			if err := do(i); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	close(gate)
	all.Wait()
}

// replicas opens a database as several programs do, where it lets them.
func replicas(t *testing.T, url string, s *store.Store) []*store.Store {
	if storetest.IsSQLite(url) {
		return []*store.Store{s}
	}
	return []*store.Store{s, storetest.Open(t, url), storetest.Open(t, url)}
}

func sealAll(t *testing.T, s *store.Store) {
	t.Helper()
	for {
		n, err := s.Seal(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

func allEvents(t *testing.T, s *store.Store, project string) []ledger.Event {
	t.Helper()
	return get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Event, error) {
		return tx.Events(ctx, project, 0, 1_000_000)
	})
}

// Fifty deploy at once, from three programs: one deployment waits, each other one was superseded by the one after it, and every
// one has its event.
func TestFiftyDeployAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		programs := replicas(t, url, s)
		atOnce(t, crowd, func(i int) error {
			l := newLedger(programs[i%len(programs)])
			_, err := l.Deploy(t.Context(), storetest.Admin(), "acme", "qa", rc(int64(i%3+1)), ledger.DeployOptions{})
			return err
		})
		all := get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Deployment, error) {
			return tx.Deployments(ctx, "environment-qa", 0, 1000)
		})
		if len(all) != crowd || all[0].Status != ledger.Pending {
			t.Fatalf("%d deployments, the newest is %s", len(all), all[0].Status)
		}
		for i, d := range all[1:] {
			if d.Status != ledger.Canceled || d.Message != "superseded by "+all[i].Candidate.String() {
				t.Errorf("deployment %d before the newest: %s, %q; the next one is %s", i+1, d.Status, d.Message, all[i].Candidate)
			}
		}
		sealAll(t, s)
		var told []string
		for _, e := range allEvents(t, s, "acme") {
			told = append(told, e.Type+" "+e.Subject)
		}
		var made []string
		for i, id := range ids(all) {
			made = append(made, "deployment.created "+id)
			if i > 0 {
				made = append(made, "deployment.canceled "+id)
			}
		}
		slices.Sort(told)
		slices.Sort(made)
		same(t, told, made)
	})
}

// Rollbacks, reports and deployments at once leave what the rules allow.
func TestEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		insert(t, s, deployment("old", 1, ledger.Success), deployment("now", 2, ledger.Success))
		programs := replicas(t, url, s)
		atOnce(t, 30, func(i int) error {
			l, err := newLedger(programs[i%len(programs)]), error(nil)
			switch i % 3 {
			case 0:
				_, err = l.Deploy(t.Context(), storetest.Admin(), "acme", "qa", rc(3), ledger.DeployOptions{})
			case 1:
				_, err = l.Report(t.Context(), storetest.Admin(), "acme", "qa", rc(2), ledger.Failure)
			default:
				_, err = l.Rollback(t.Context(), storetest.Admin(), "acme", "qa", ledger.RollbackOptions{})
			}
			return err
		})
		active := get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Deployment, error) {
			return tx.Open(ctx, "environment-qa")
		})
		byName, rollbacks := 0, 0
		for _, d := range active {
			if d.Restores == "" {
				byName++
			} else {
				rollbacks++
			}
		}
		if byName > 1 || rollbacks > 1 || len(active) == 0 {
			t.Errorf("%d deployments and %d rollbacks wait: %v", byName, rollbacks, active)
		}
	})
}

// Those who make the same candidate at once all get it, and it is made once.
func TestTheSameCandidateAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		programs := replicas(t, url, s)
		var made sync.Map
		atOnce(t, 20, func(i int) error {
			c, err := newLedger(programs[i%len(programs)]).CreateCandidate(t.Context(), storetest.Admin(), "acme", rc(7), "acme/shop", candidate(1).Commit, ledger.CandidateOptions{})
			made.Store(c.ID, true)
			return err
		})
		different := 0
		made.Range(func(any, any) bool { different++; return true })
		sealAll(t, s)
		if events := allEvents(t, s, ""); different != 1 || len(events) != 1 {
			t.Errorf("it has %d ids and %d events", different, len(events))
		}
	})
}

// Those who make one candidate of different commits: one wins, and all others hear of it.
func TestOneCandidateOfManyCommits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		programs := replicas(t, url, filled(t, url))
		var won atomic.Int32
		atOnce(t, 20, func(i int) error {
			_, err := newLedger(programs[i%len(programs)]).CreateCandidate(t.Context(), storetest.Admin(), "acme", rc(7), "acme/shop", fmt.Sprintf("%040d", i), ledger.CandidateOptions{})
			switch {
			case err == nil:
				won.Add(1)
			case !fault.Is(err, "candidate-exists") || fault.KindOf(err) != fault.Invalid:
				return err
			}
			return nil
		})
		if won.Load() != 1 {
			t.Errorf("%d were told that it is theirs", won.Load())
		}
	})
}

// A project that several declare at once keeps the repository of the first.
func TestOneProjectOfManyRepositories(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		programs := replicas(t, url, s)
		var won atomic.Int32
		atOnce(t, 20, func(i int) error {
			d := ledger.Declaration{Project: ledger.Project{Name: "acme", Repository: fmt.Sprintf("acme/shop%d", i)}}
			_, err := newLedger(programs[i%len(programs)]).Apply(t.Context(), storetest.Admin(), d, false)
			switch {
			case err == nil:
				won.Add(1)
			case !fault.Is(err, "other-repository"):
				return err
			}
			return nil
		})
		if won.Load() != 1 {
			t.Errorf("%d were told that it is theirs", won.Load())
		}
	})
}

// Transactions that lock two environments in different order meet in a deadlock. PostgreSQL ends one, which runs again.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		order := [][]string{{"qa", "prod"}, {"prod", "qa"}}
		var met sync.WaitGroup
		met.Add(2)
		var runs atomic.Int32
		atOnce(t, 2, func(i int) error {
			first := true
			return s.Change(t.Context(), func(tx ledger.Tx) error {
				runs.Add(1)
				_, err := tx.LockEnvironment(t.Context(), "acme", order[i][0])
				if first && !storetest.IsSQLite(url) { // there both get so far
					first = false
					met.Done()
					met.Wait()
				}
				if err == nil {
					_, err = tx.LockEnvironment(t.Context(), "acme", order[i][1])
				}
				return err
			})
		})
		if want := int32(3); !storetest.IsSQLite(url) && runs.Load() < want {
			t.Errorf("%d runs: they did not meet", runs.Load())
		}
	})
}

// A reader sees one state, whatever is written meanwhile, and can write nothing.
func TestReadSeesOneState(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		err := s.Read(t.Context(), func(tx ledger.Tx) error {
			before, err := tx.Deployments(t.Context(), "environment-qa", 0, 10)
			insert(t, s, deployment("1", 1, ledger.Pending))
			after, err2 := tx.Deployments(t.Context(), "environment-qa", 0, 10)
			if len(before)+len(after) > 0 {
				t.Errorf("%d, then %d deployments", len(before), len(after))
			}
			return errors.Join(err, err2)
		})
		if err != nil {
			t.Error(err)
		}
		err = s.Read(t.Context(), func(tx ledger.Tx) error {
			return tx.PutProject(t.Context(), ledger.Project{Name: "a", Repository: "a/b"}, at(0))
		})
		if !fault.Is(err, "database") {
			t.Errorf("a reader wrote: %v", err)
		}
	})
}
