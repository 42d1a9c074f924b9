package worker_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// A failed pipeline that waits for an approval does not go on beside the next deployment.
func TestFailsWithAnApprovalLeft(t *testing.T) {
	failed := sim.Run{Workflows: []sim.Workflow{
		{Name: "deploy", Outcome: sim.Failed}, {Name: "cleanup", Hold: &sim.Hold{}},
	}}
	inBubble(t, runs(failed), func(w *world) {
		d, next := w.deploy("qa", 1), w.deploy("qa", 2)
		w.until("both have ended", w.ended(d.ID, next.ID))
		w.wants(d.ID, ledger.Failure, ledger.EffectFailed, "")
		if all := w.sim.Pipelines(); !all[0].Cancelled {
			w.t.Errorf("its pipeline still waits: %s", w.pipelines())
		}
	})
}

// On the default branch the next one begins although CircleCI did not say at once which that is.
func TestDefaultBranchIsNotTold(t *testing.T) {
	s := runs(sim.Run{Duration: 2 * time.Hour})
	s.Faults = []sim.Fault{{Match: sim.Match{Endpoint: "project"}, Kind: sim.ErrorBefore, For: 10 * time.Minute}}
	onSQLite(t, s, func(w *world) {
		long := w.deploy("qa", 1)
		w.until("it runs", func() bool { return w.deployment(long.ID).Effect == ledger.EffectRunning })
		next := w.deploy("prod", 1)
		w.until("the next one has ended", w.ended(next.ID))
		w.wants(next.ID, ledger.Success, ledger.EffectDone, "")
		w.wants(long.ID, ledger.InProgress, ledger.EffectRunning, "")
	})
}

// before calls what is to happen right before the first trigger of a project is sent.
type before struct {
	next http.RoundTripper
	path string
	done *atomic.Bool
	do   func()
}

func (b before) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && strings.Contains(r.URL.Path, b.path) && b.done.CompareAndSwap(false, true) {
		b.do()
	}
	return b.next.RoundTrip(r)
}

// A candidate is blocked right before its build is triggered. Until that is known, no deployment of the same project and branch
// begins: it could take the build's pipeline for its own.
func TestBlockWhileABuildBegins(t *testing.T) {
	s := runs()
	s.Faults = []sim.Fault{{Match: sim.Match{Endpoint: "trigger"}, Kind: sim.ResetBefore}} // the deployment's
	inBubble(t, s, func(w *world) {
		qa := ledger.Environment{Name: "qa", Tier: ledger.Staging, Kind: ledger.CircleCI, Deploy: deploys("qa")}
		qa.Deploy.Project, qa.Deploy.Branch = "gh/acme/shop", "build"
		w.declare(qa)
		var d ledger.Deployment
		blocks := func() {
			if _, err := w.Block(context.Background(), storetest.Admin(), "acme", rc(7), "it leaks"); err != nil {
				w.t.Error(err)
			}
			d = w.deploy("qa", 1)
			time.Sleep(10 * time.Second)
		}
		w.candidate(7, ledger.CandidateOptions{Build: true})
		end := w.workWith(w.store, func(next http.RoundTripper) http.RoundTripper {
			return before{next, "/acme/shop/pipeline", &atomic.Bool{}, blocks}
		})
		time.Sleep(20 * time.Minute)
		end()
		w.wants(d.ID, ledger.Success, ledger.EffectDone, "")
		for _, p := range w.sim.Pipelines() {
			if id, is := p.Parameters["deployment"]; is && id == d.ID {
				return
			}
		}
		w.t.Error("it has no pipeline, and took another one's")
	})
}
