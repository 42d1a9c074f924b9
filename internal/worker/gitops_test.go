package worker_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

var someSHA = strings.Repeat("1", 40)

// realGitWorld is a world of Git in real time, for tests in which the server acts on the ledger.
func realGitWorld(t *testing.T, url string, intercept func(w *world, r *http.Request) gittest.Action) (w *world, dir string) {
	t.Helper()
	dir = gittest.Bare(t, map[string]string{"README.md": "ours\n"}, gitBranch)
	host := gitHost(t, dir, func(r *http.Request) gittest.Action {
		if intercept == nil {
			return gittest.Serve
		}
		return intercept(w, r)
	})
	w = newGitWorld(t, url, host, t.TempDir())
	t.Cleanup(w.close)
	return w, dir
}

// commits counts the commits of a branch but for the first one, which is nobody's.
func commits(t *testing.T, dir string) int {
	t.Helper()
	return len(strings.Fields(gittest.Git(t, dir, "rev-list", gitBranch))) - 1
}

// TestRefusedAlone: of apps that are pushed together, only those fail which the repository does not take.
func TestRefusedAlone(t *testing.T) {
	t.Parallel()
	w, dir := realGitWorld(t, storetest.SQLite(t), nil)
	gittest.Hook(t, dir, "update", `if git diff --name-only "$2" "$3" | grep -q '^staging/\(two\|four\)/'; then echo "that is protected" >&2; exit 1; fi`)
	ids := w.batch(w.ship(someSHA, "one", "two", "three", "four", "five"))
	w.until("all have ended", w.ended(ids...))
	for i, want := range []ledger.Status{ledger.Success, ledger.Failure, ledger.Success, ledger.Failure, ledger.Success} {
		if d := w.deployment(ids[i]); d.Status != want || want == ledger.Failure && d.Message == "" {
			t.Errorf("%s: %s %q", d.App, d.Status, d.Message)
		}
	}
	if n := commits(t, dir); n != 3 {
		t.Errorf("%d commits", n)
	}
	gitStory(t, dir)
}

// TestCancelOfACommit: a cancellation counts until the intent is kept.
func TestCancelOfACommit(t *testing.T) {
	t.Parallel()
	cancel := func(w *world, id string) error {
		_, err := w.ledger(w.store).Cancel(context.Background(), storetest.Admin(), id, "") // by another replica
		return err
	}
	for name, c := range map[string]struct {
		at      func(reads, pushes int) bool // when somebody cancels the second of three
		want    string
		commits int
	}{
		"before it is taken": {func(int, int) bool { return false }, "success, canceled, success", 2},
		"after it is taken":  {func(reads, pushes int) bool { return reads == 2 && pushes == 0 }, "success, canceled, success", 2},
		"after the intent":   {func(_, pushes int) bool { return pushes == 1 }, "success, success, success", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var second string
			reads, pushes, done := 0, 0, false
			w, dir := realGitWorld(t, storetest.SQLite(t), func(w *world, r *http.Request) gittest.Action {
				mu.Lock()
				defer mu.Unlock()
				switch {
				case gittest.IsPush(r):
					pushes++
				case r.URL.Query().Get("service") == "git-upload-pack":
					reads++
				}
				if !done && c.at(reads, pushes) {
					done = true
					if err := cancel(w, second); err != nil {
						t.Error(err)
					}
				}
				return gittest.Serve
			})
			ids := w.batch(w.ship(someSHA, "one", "two", "three"))
			mu.Lock()
			second = ids[1]
			mu.Unlock()
			if strings.HasPrefix(name, "before") {
				done = true
				if err := cancel(w, second); err != nil {
					t.Fatal(err)
				}
			}
			w.until("all have ended", w.ended(ids...))
			var all []string
			for _, id := range ids {
				all = append(all, string(w.deployment(id).Status))
			}
			if got := strings.Join(all, ", "); got != c.want || !done {
				t.Errorf("%s, want %s", got, c.want)
			}
			if n := commits(t, dir); n != c.commits {
				t.Errorf("%d commits", n)
			}
			gitStory(t, dir)
		})
	}
}

// TestLosesItsLease: another driver takes effects over in the middle of a push. Everything is there once, and ends.
func TestLosesItsLease(t *testing.T) {
	t.Parallel()
	for _, whose := range []string{"held = 1", "held = 0"} {
		t.Run(whose, func(t *testing.T) {
			t.Parallel()
			var once sync.Once
			w, dir := realGitWorld(t, storetest.SQLite(t), func(w *world, r *http.Request) gittest.Action {
				if gittest.IsPush(r) {
					once.Do(func() { w.exec("UPDATE effects SET token = token + 1, renewed_at = 0 WHERE " + whose) })
				}
				return gittest.Serve
			})
			ids := w.batch(w.ship(someSHA, "one", "two", "three"))
			w.until("all have ended", w.ended(ids...))
			for _, id := range ids {
				if d := w.deployment(id); d.Status != ledger.Success || d.Commit.Hash == "" {
					t.Errorf("%s: %s %s", d.App, d.Status, d.Message)
				}
			}
			if n := commits(t, dir); n != 3 {
				t.Errorf("%d commits", n)
			}
			gitStory(t, dir)
		})
	}
}

// TestHandsBackCommits: a worker that leaves in the middle of a push hands back all that it has; the next one waits for no lease to run out.
// The push of the first may arrive afterwards.
func TestHandsBackCommits(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]gittest.Action{"it does not arrive": gittest.DropBefore, "it arrives late": gittest.Serve} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := gittest.Bare(t, map[string]string{"README.md": "ours\n"}, gitBranch)
			sent, left := make(chan struct{}), make(chan struct{})
			var pushes atomic.Int64
			host := gitHost(t, dir, func(r *http.Request) gittest.Action {
				if !gittest.IsPush(r) || pushes.Add(1) > 1 {
					return gittest.Serve
				}
				close(sent)
				<-left
				return after
			})
			url, folder := storetest.SQLite(t), t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				w := newGitWorld(t, url, host, folder)
				defer w.close()
				ids := w.batch(w.ship(someSHA, "one", "two", "three"))
				end := w.work()
				<-sent
				end()
				close(left)
				w.untilWithin("the next worker has done it", ledger.LeaseFor/2, w.ended(ids...))
			})
			if n := commits(t, dir); n != 3 {
				t.Errorf("%d commits", n)
			}
			gitStory(t, dir)
		})
	}
}

// TestImportsLater: a history that cannot be read is read later.
func TestImportsLater(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, map[string]string{"README.md": "ours\n"}, "trunk")
	host, url, folder := gitHost(t, dir, nil), storetest.SQLite(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newGitWorld(t, url, host, folder)
		defer w.close()
		listed := func() []ledger.Rollout {
			all, _, err := w.Rollouts(context.Background(), storetest.Admin(), "acme", "staging", ledger.RolloutList{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		end := w.work()
		time.Sleep(time.Minute)
		end()
		if all := listed(); len(all) != 0 {
			t.Errorf("from nowhere: %v", all)
		}
		hash := gittest.Push(t, dir, gitBranch, map[string]string{
			"staging/shop/x.yaml": "x\n", "staging/shop/release.json": `{"artifactId": "acme/shop-1", "version": {"repositoryName": "acme/shop", "sha": "12345678"}}`,
			"staging/gone/release.json": `{"version": null}`, "staging/not an app/release.json": "{",
		}, "[Gimlet] staging/shop automated deploy")
		w.untilWithin("it is imported", time.Minute, func() bool { return len(listed()) == 2 })
		for _, r := range listed() {
			if r.Commit.Hash != hash || r.Status != ledger.Success || r.App == "shop" && (r.Shipment != "acme/shop-1" || r.Revision.SHA != "12345678") {
				t.Errorf("%+v", r)
			}
		}
		if s, err := w.Shipment(context.Background(), storetest.Admin(), "acme", "acme/shop-1"); err != nil || len(s.Contents.Files) != 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// TestTwoWorkersOfOneRepository: two programs commit fifty apps that were shipped at once, each app once, by few pushes.
func TestTwoWorkersOfOneRepository(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		if storetest.IsSQLite(url) {
			t.Skip("there is one program")
		}
		var pushes atomic.Int64
		w, dir := realGitWorld(t, url, func(_ *world, r *http.Request) gittest.Action {
			if gittest.IsPush(r) {
				pushes.Add(1)
			}
			return gittest.Serve
		})
		apps := make([]string, 50)
		for i := range apps {
			apps[i] = fmt.Sprintf("app%02d", i)
		}
		ends := []func(){w.work()}
		w.clone = t.TempDir()
		ends = append(ends, w.work())
		began := time.Now()
		ids := w.batch(w.ship(someSHA, apps...))
		for !w.ended(ids...)() {
			time.Sleep(100 * time.Millisecond)
		}
		together, most := time.Since(began), pushes.Load()
		if n := commits(t, dir); n != len(apps) {
			t.Errorf("%d commits", n)
		}
		if most > 10 {
			t.Errorf("%d pushes", most)
		}
		if *figures {
			began := time.Now()
			for i := range 10 {
				one := w.batch(w.ship(strings.Repeat("2", 39)+fmt.Sprint(i), "alone"))
				for !w.ended(one...)() {
					time.Sleep(20 * time.Millisecond)
				}
			}
			fmt.Printf("  %s: 50 apps at once, two workers: %d pushes, %.1f s; each alone would take %.1f s\n", t.Name(), most, together.Seconds(), 5*time.Since(began).Seconds())
		}
		for _, end := range ends {
			end()
		}
		gitStory(t, dir)
	})
}
