package worker_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

var figures = flag.Bool("figures", false, "every point of the sweeps, with figures")

// The crash sweep: a worker dies before or after each commit, and before or after each request acted; another one goes on. Nothing
// is triggered twice, everything ends, and it ends the same. A build, two deployments at once in one project and branch, one that
// fails, and a rollback.
func TestCrashSweep(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		every := 9
		if *figures {
			every = 1
		} else if testing.Short() {
			every = 37
		}
		fresh := func(t *testing.T) string {
			if storetest.IsSQLite(url) {
				return storetest.SQLite(t)
			}
			return storetest.Postgres(t)
		}
		want := day(t, fresh(t), "", 0)
		points := 0
		for _, kind := range slices.Sorted(maps.Keys(want.uses)) {
			for n := 1; n <= want.uses[kind]; n += every {
				points++
				t.Run(fmt.Sprintf("%s%d", kind, n), func(t *testing.T) {
					t.Parallel()
					if got := day(t, fresh(t), kind, n); got.story != want.story {
						t.Errorf("it ended as\n%s\nwithout the crash it ends as\n%s", got.story, want.story)
					}
				})
			}
		}
		if points*every < 150 {
			t.Errorf("only %d points: the sweep does not see the day", points)
		}
		if *figures {
			t.Cleanup(func() {
				if !t.Failed() {
					fmt.Printf("  %s: %d points, each ended like the day without a crash, nothing triggered twice\n", t.Name(), points)
				}
			})
		}
	})
}

type told struct {
	uses  map[string]int
	story string
}

// day is a day of a ledger whose power fails at one use.
func day(t *testing.T, url, kind string, at int) (end told) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, url, sim.Scenario{
			Projects: map[string]sim.Project{"deploy": {Runs: []sim.Run{{}, {}, {Outcome: sim.Failed}}}},
			Faults:   []sim.Fault{{Match: sim.Match{Endpoint: "trigger", Project: "deploy"}, Kind: sim.ResetAfter, Nth: 2}}, // an answer is lost, too
		})
		defer w.close()
		w.power.kind, w.power.at = kind, at
		built := w.candidate(7, ledger.CandidateOptions{Build: true})
		w.until("it is built", func() bool {
			all, err := w.Candidates(context.Background(), storetest.Admin(), "acme", "", 1)
			return err == nil && all[0].ID == built.ID && all[0].State != ledger.Building
		})
		var ids []string
		for _, environment := range []string{"qa", "prod"} {
			ids = append(ids, w.deploy(environment, 7).ID)
		}
		w.until("two have ended", w.ended(ids...))
		ids = append(ids, w.deploy("qa", 1).ID)
		w.until("the third has ended", w.ended(ids...))
		back, err := w.Rollback(context.Background(), storetest.Admin(), "acme", "qa", ledger.RollbackOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w.until("the rollback has ended", w.ended(back.ID))
		var lines []string
		for _, id := range append(ids, back.ID) {
			d := w.deployment(id)
			lines = append(lines, fmt.Sprintf("%s %s %s", d.Candidate, d.Status, d.Effect))
		}
		pipelines := strings.Split(w.pipelines(), ", ")
		slices.Sort(pipelines) // two began at once
		end = told{uses: w.power.count, story: strings.Join(append(lines, pipelines...), "\n")}
	})
	return end
}
