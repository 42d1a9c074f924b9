package worker

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/transport"
)

// held is a lease as its driver knows it.
type held struct {
	lease ledger.Lease
	// renewal writes that its driver lives, and tells whether somebody wants it stopped.
	renewal func(context.Context, ledger.Lease) (cancel bool, err error)
	// cancelled is closed once somebody wants the effect stopped.
	cancelled chan struct{}

	mu        sync.Mutex
	confirmed time.Time // when the last write that the ledger took was begun, by the wall clock
	told      bool      // cancelled is closed
}

// newHeld is for a lease whose taking was begun then.
func newHeld(lease ledger.Lease, renewal func(context.Context, ledger.Lease) (bool, error), began time.Time, cancel bool) *held {
	h := &held{lease: lease, renewal: renewal, cancelled: make(chan struct{})}
	h.confirm(began, cancel)
	return h
}

// confirm notes a write that arrived, and what it said.
func (h *held) confirm(began time.Time, cancel bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.confirmed = began.Round(0)
	if cancel && !h.told {
		h.told = true
		close(h.cancelled)
	}
}

// renew asks the ledger whether the effect is still ours.
func (h *held) renew(ctx context.Context) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	stop, err := h.renewal(ctx, h.lease)
	if err == nil {
		h.confirm(began, stop)
	}
	return err
}

// wantsStop tells whether somebody wants the effect stopped.
func (h *held) wantsStop() bool {
	select {
	case <-h.cancelled:
		return true
	default:
		return false
	}
}

// isFresh tells whether something may be sent: nobody can have taken the effect over and sent the same by now.
func (h *held) isFresh() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return journal.IsFresh(h.confirmed, time.Now().Round(0))
}

// keep renews the lease until the returned function is called. Lost is called when another driver has it.
func (h *held) keep(ctx context.Context, lost context.CancelCauseFunc) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(renewEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if err := h.renew(ctx); fault.Is(err, "driven-elsewhere") {
				lost(err)
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

type freshKey struct{}

// whileFresh lets requests with this context be sent only while the lease is fresh.
func (h *held) whileFresh(ctx context.Context) context.Context {
	return context.WithValue(ctx, freshKey{}, h)
}

// Guard sends nothing that changes anything for a driver whose lease may have run out: one that slept, as in a machine that was
// suspended. It belongs right above the wire, below everything that waits.
func Guard(next http.RoundTripper) http.RoundTripper { return guard{next} }

type guard struct{ next http.RoundTripper }

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if h, is := r.Context().Value(freshKey{}).(*held); is && r.Method != http.MethodGet && !h.isFresh() {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, transport.ErrNotSent
	}
	return g.next.RoundTrip(r)
}
