package worker_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sim"
)

// frozen stops all of a program for a time, as a machine does that is suspended: what it was about to do it does afterwards.
type frozen struct {
	mu    sync.Mutex
	thaws time.Time
}

func (f *frozen) freeze(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.thaws = time.Now().Add(d)
}

func (f *frozen) wait() {
	f.mu.Lock()
	d := time.Until(f.thaws)
	f.mu.Unlock()
	time.Sleep(d)
}

// frozenStore belongs to a program that can be frozen, before and after each transaction.
type frozenStore struct {
	ledger.Store
	*frozen
}

func (s frozenStore) Change(ctx context.Context, do func(ledger.Tx) error) error {
	s.wait()
	defer s.wait()
	return s.Store.Change(ctx, do)
}

// frozenWire freezes its program at the n-th request of one kind, right before it is sent.
type frozenWire struct {
	next http.RoundTripper
	*frozen
	method string
	nth    int
	long   time.Duration
}

func (w *frozenWire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.wait()
	if r.Method == w.method {
		if w.nth--; w.nth == 0 {
			w.freeze(w.long)
			w.wait()
		}
	}
	res, err := w.next.RoundTrip(r)
	w.wait()
	return res, err
}

// A worker sleeps, right before it triggers or while it watches, for less and for longer than its lease. Another one goes on, and
// the one that wakes sends nothing that changes anything.
func TestZombie(t *testing.T) {
	for _, at := range []struct {
		method string
		nth    int
	}{{http.MethodPost, 1}, {http.MethodGet, 2}, {http.MethodGet, 9}} {
		for _, long := range []time.Duration{15 * time.Second, 70 * time.Second, 5 * time.Minute} {
			t.Run(fmt.Sprintf("%s %d for %s", at.method, at.nth, long), func(t *testing.T) {
				inBubble(t, runs(sim.Run{Duration: 2 * time.Minute}), func(w *world) {
					asleep := &frozen{}
					sleeps := func(next http.RoundTripper) http.RoundTripper {
						return &frozenWire{next: next, frozen: asleep, method: at.method, nth: at.nth, long: long}
					}
					endFirst := w.workWith(frozenStore{w.store, asleep}, sleeps)
					d := w.deploy("qa", 1)
					time.Sleep(10 * time.Second)
					w.runOutAfter(long)
					endSecond := w.work()
					for !w.ended(d.ID)() {
						time.Sleep(time.Second)
					}
					time.Sleep(10 * time.Minute) // whoever sleeps wakes
					endFirst()
					endSecond()
					w.wants(d.ID, ledger.Success, ledger.EffectDone, "")
					if got := w.pipelines(); got != "qa success" {
						w.t.Errorf("CircleCI saw %s", got)
					}
				})
			})
		}
	}
}

// runOutAfter lets leases run out as PostgreSQL would, for one who slept that long.
func (w *world) runOutAfter(long time.Duration) {
	if long > ledger.LeaseFor && !strings.HasPrefix(w.url, "sqlite:") {
		time.Sleep(ledger.LeaseFor)
		w.runOut()
	}
}
