package journal

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// readCancel gives what was last asked of a driver of the run, the zero Cancel where nothing was.
func readCancel(repo Repository, tip string, k key) (Cancel, error) {
	var c Cancel
	if tip == "" {
		return c, nil
	}
	data, err := repo.Read(tip, k.cancel())
	if err != nil || data == nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, damaged(shown(repo, k.cancel()), 1, err)
	}
	return c, nil
}

// CancelGit tells the driver of h's run to start nothing more. When it returns, the driver triggers nothing but what its
// journal holds an intent for by now: it must push every later intent on top of this, and so reads it before the POST. When
// nobody holds the lease it writes nothing, and told is false. Faults: "journal-push", and those of the repository.
func CancelGit(ctx context.Context, repo Repository, h run.Header, by run.Driver) (held run.Lease, told bool, err error) {
	k := keyOf(h)
	t := &tries{name: k.run, until: time.Now().Add(pushPatience), pause: pushPause}
	for {
		tip, err := repo.Fetch(ctx)
		if err != nil {
			return held, false, err
		}
		if held, err = readLease(repo, tip, k); err != nil || !held.Held() {
			return held, false, err
		}
		refused := pushCancel(ctx, repo, tip, k, Cancel{Driver: held.Driver, Login: by.Login, Job: by.Job, Time: time.Now().UTC()})
		if refused == nil {
			return held, true, nil
		}
		kind := fault.KindOf(refused)
		if now, err := repo.Fetch(ctx); err == nil && now != tip {
			kind = 0 // somebody else was faster, or it arrived after all: once more does no harm
		}
		if err := t.waitForNext(ctx, kind, refused); err != nil {
			return held, false, err
		}
	}
}

func pushCancel(ctx context.Context, repo Repository, tip string, k key, c Cancel) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	commit, err := repo.Commit(tip, map[string][]byte{k.cancel(): data}, k.run+": cancelled")
	if err != nil {
		return err
	}
	return repo.Push(ctx, tip, commit)
}

// Cancelled is closed when this driver has read, with a push of its own, that its run is cancelled.
func (g *Git) Cancelled() <-chan struct{} { return g.cancelled }

// goTo goes on from a tip that somebody else pushed, and hears from it that the run is cancelled.
func (g *Git) goTo(tip string) error {
	g.tip = tip
	c, err := readCancel(g.repo, tip, g.key)
	if err != nil || !c.IsFor(g.options.Driver.ID) {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cancel == nil {
		g.cancel = &c
		close(g.cancelled)
	}
	return nil
}

// mayStart is the fault of a driver whose run is cancelled.
func (g *Git) mayStart() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cancel == nil {
		return nil
	}
	return g.cancel.Fault(g.key.name())
}
