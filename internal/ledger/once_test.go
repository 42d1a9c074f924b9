package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

func request(key, body string) ledger.Request {
	return ledger.Request{Token: "t", Method: "POST", Path: "/v1/x", Key: key, Body: ledger.HashOf(body)}
}

// TestOnce: sent again within a day a request changes nothing and gets the same answer.
func TestOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		deploy := func(ctx context.Context) (string, error) {
			d, err := w.Deploy(ctx, storetest.Admin(), "acme", "qa", rc(1), ledger.DeployOptions{})
			return d.ID, err
		}
		once := func(r ledger.Request, wantsAgain bool) string {
			t.Helper()
			answer, again, err := w.Once(t.Context(), r, deploy)
			if err != nil || again != wantsAgain {
				t.Errorf("again %t, %v", again, err)
			}
			return answer
		}
		first := once(request("k", "b"), false)
		if second := once(request("k", "b"), true); second != first || first == "" {
			t.Errorf("%s, then %s", first, second)
		}
		_, _, err := w.Once(t.Context(), request("k", "another"), deploy)
		refused(t, "another body", err, fault.Invalid, "other-request")
		for _, other := range []func(*ledger.Request){
			func(r *ledger.Request) { r.Token = "o" }, func(r *ledger.Request) { r.Method = "PUT" },
			func(r *ledger.Request) { r.Path = "/v1/o" }, func(r *ledger.Request) { r.Key = "o" },
		} {
			r := request("k", "b")
			other(&r)
			once(r, false)
		}
		same(t, len(w.list()), 5)
		w.now = w.now.Add(24*time.Hour - time.Millisecond)
		once(request("k", "b"), true)
		w.now = w.now.Add(time.Millisecond)
		if late := once(request("k", "another"), false); late == first {
			t.Error("the answer of yesterday is given")
		}
		if err := w.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		var kept []string
		for _, key := range []string{"k", "o"} {
			err := w.store.Read(t.Context(), func(tx ledger.Tx) error {
				_, err := tx.Answer(t.Context(), request(key, ""), time.Time{})
				return err
			})
			if err == nil {
				kept = append(kept, key)
			} else if !fault.Is(err, "no-request") {
				t.Error(err)
			}
		}
		same(t, kept, []string{"k"})
	})
}

// TestOnceFails: what failed has changed nothing, and is done anew.
func TestOnceFails(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		fails := errors.New("planted")
		for _, after := range []error{fails, nil} {
			answer, again, err := w.Once(t.Context(), request("k", "b"), func(ctx context.Context) (string, error) {
				_, err := w.Deploy(ctx, storetest.Admin(), "acme", "qa", rc(1), ledger.DeployOptions{})
				return "done", errors.Join(err, after)
			})
			if again || (err == nil) != (after == nil) || after == nil && answer != "done" {
				t.Errorf("%s, %t, %v", answer, again, err)
			}
			same(t, len(w.list()), map[bool]int{true: 1}[after == nil])
		}
		// A change that fails cannot be overlooked.
		_, _, err := w.Once(t.Context(), request("l", "b"), func(ctx context.Context) (string, error) {
			_, err := w.Deploy(ctx, storetest.Admin(), "acme", "none", rc(1), ledger.DeployOptions{})
			refused(t, "inside", err, fault.NotFound, "no-environment")
			return "done", nil
		})
		refused(t, "outside", err, fault.NotFound, "no-environment")
		for _, key := range []string{"a b", "a\n", "ü", strings.Repeat("x", 256)} {
			_, _, err := w.Once(t.Context(), request(key, "b"), nil)
			refused(t, key, err, fault.Invalid, "invalid-key")
		}
	})
}

// TestOnceUnderWay: a request that is under way is refused, and not waited for.
func TestOnceUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	_, _, err := w.Once(t.Context(), request("k", "b"), func(context.Context) (string, error) {
		for _, body := range []string{"b", "another"} {
			_, _, err := w.Once(t.Context(), request("k", body), nil)
			refused(t, body, err, fault.Invalid, "request-under-way")
		}
		return "", nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestOnceInReplicas: however many servers get the same request at once, one of them does it, and none answers otherwise.
func TestOnceInReplicas(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		var group sync.WaitGroup
		var done atomic.Int64
		answers := make([]string, 8)
		for i := range answers {
			replica := &ledger.Ledger{Store: w.store, Now: w.Now, NewID: storetest.NewID}
			group.Go(func() {
				answer, again, err := replica.Once(t.Context(), request("k", "b"), func(ctx context.Context) (string, error) {
					d, err := replica.Deploy(ctx, storetest.Admin(), "acme", "qa", rc(1), ledger.DeployOptions{})
					return d.ID, err
				})
				if answers[i] = fmt.Sprint(answer, err); !again {
					done.Add(1)
				}
			})
		}
		group.Wait()
		if all := slices.Compact(answers); len(all) != 1 || done.Load() != 1 {
			t.Errorf("%d did it: %q", done.Load(), all)
		}
		same(t, len(w.list()), 1)
	})
}
