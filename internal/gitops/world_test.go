package gitops

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

const branch = "main"

var (
	staging = Place{Env: "staging"}
	noon    = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
)

// deploy is a wish for an app in staging.
func deploy(effect, app, version string) Wish {
	return Wish{
		Effect: effect, Kind: Deploy, Place: staging, App: app, Author: Gimlet(), Time: noon,
		Files: map[string][]byte{"deployment.yaml": []byte("image: " + app + ":" + version + "\r\n"), "service.yaml": []byte("port: 80\n")},
		Release: &Release{
			App: app, Env: "staging", ArtifactID: "acme/" + app + "-" + version, TriggeredBy: "ann",
			Version: &Version{RepositoryName: "acme/" + app, SHA: strings.Repeat("ab", 20)},
		},
	}
}

func remove(effect, app string) Wish {
	return Wish{Effect: effect, Kind: Delete, Place: staging, App: app, Author: Gimlet(), Time: noon, By: "ann"}
}

func rollback(effect, app string, to gitrepo.Hash) Wish {
	return Wish{Effect: effect, Kind: Rollback, Place: staging, App: app, Author: Gimlet(), Time: noon, To: string(to)}
}

func openAt(t *testing.T, folder, url string) *Repository {
	t.Helper()
	r, err := Open(t.Context(), gitrepo.CloneOptions{Dir: folder, URL: url, Branch: branch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// carry does what a driver does: settle, keep, push, until all is decided. It returns the commits of each wish.
func carry(t *testing.T, r *Repository, wishes ...Wish) [][]gitrepo.Hash {
	t.Helper()
	d := &driver{kept: map[string][]byte{}, wishes: wishes}
	standings, err := d.drive(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var hashes [][]gitrepo.Hash
	for _, s := range standings {
		if s.State == Refused {
			t.Fatal(s.Err)
		}
		hashes = append(hashes, s.Intent.Hashes)
	}
	return hashes
}

// one is carry for a wish of one commit.
func one(t *testing.T, r *Repository, w Wish) gitrepo.Hash {
	t.Helper()
	all := carry(t, r, w)[0]
	if len(all) != 1 {
		t.Fatalf("%s of %s made %d commits", w.Kind, w.App, len(all))
	}
	return all[0]
}

// driver is what drives effects: it keeps intents as a database would, by JSON, and dies where it is told to.
type driver struct {
	mu     sync.Mutex
	wishes []Wish
	kept   map[string][]byte // by effect
	rounds int
	dies   func(step string) bool
}

var errDied = errors.New("the driver has died")

func (d *driver) step(s string) error {
	if d.dies != nil && d.dies(s) {
		return errDied
	}
	return nil
}

func (d *driver) intents() ([]Intent, error) {
	intents := make([]Intent, len(d.wishes))
	for i, w := range d.wishes {
		intents[i].Wish = w
		if text := d.kept[w.Effect]; text != nil {
			if err := json.Unmarshal(text, &intents[i]); err != nil {
				return nil, err
			}
		}
	}
	return intents, nil
}

func (d *driver) keep(standings []Standing) error {
	for _, s := range standings {
		if s.State == Planned && s.Fresh {
			text, err := json.Marshal(s.Intent)
			if err != nil {
				return err
			}
			d.kept[s.Intent.Wish.Effect] = text
		}
	}
	return nil
}

func (d *driver) drive(ctx context.Context, r *Repository) ([]Standing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var last error
	for d.rounds = 0; d.rounds < 6; d.rounds++ {
		intents, err := d.intents()
		if err != nil {
			return nil, err
		}
		standings, err := r.Settle(ctx, intents)
		if err != nil {
			return nil, err
		}
		chain := Chain(standings)
		if len(chain) == 0 {
			return standings, nil
		}
		if err := d.step("before keeping"); err != nil {
			return nil, err
		}
		if err := d.keep(standings); err != nil {
			return nil, err
		}
		if err := d.step("kept"); err != nil {
			return nil, err
		}
		last = r.Push(ctx, chain)
		if err := d.step("pushed"); err != nil {
			return nil, err
		}
	}
	return nil, errors.Join(errors.New("it goes on and on"), last)
}

// trouble is what a server does to the n-th push.
type trouble struct {
	mu     sync.Mutex
	pushes int
	at     int
	act    func() gittest.Action
}

func (tr *trouble) intercept(r *http.Request) gittest.Action {
	if !gittest.IsPush(r) {
		return gittest.Serve
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.pushes++
	if tr.act == nil || tr.pushes != tr.at {
		return gittest.Serve
	}
	return tr.act()
}

// straight holds the repository against what any history of ours is: sound, without merges, each effect's commits once, nothing
// reverted twice. It returns the last commit of each effect.
func straight(t *testing.T, dir string, effects map[string]int) map[string]gitrepo.Hash {
	t.Helper()
	if out := gittest.Git(t, dir, "fsck", "--full", "--strict", "--no-dangling"); out != "" {
		t.Errorf("git fsck: %s", out)
	}
	log := gittest.Git(t, dir, "log", "--format=%H%x00%P%x00%B%x01", branch)
	last := map[string]gitrepo.Hash{}
	count, reverted := map[string]int{}, map[string]int{}
	for _, commit := range strings.Split(log, "\x01") {
		hash, rest, _ := strings.Cut(strings.TrimSpace(commit), "\x00")
		parents, message, _ := strings.Cut(rest, "\x00")
		if strings.Contains(strings.TrimSpace(parents), " ") {
			t.Errorf("a merge: %s", message)
		}
		if id := effectOf(message); id != "" {
			if count[id]++; count[id] == 1 {
				last[id] = gitrepo.Hash(hash)
			}
		}
		for _, h := range revertOf(message) {
			if reverted[string(h)]++; reverted[string(h)] > 1 {
				t.Errorf("%s is reverted twice", h)
			}
		}
	}
	for id, want := range effects {
		if count[id] != want {
			t.Errorf("effect %s has %d commits, want %d", id, count[id], want)
		}
	}
	return last
}

func tree(t *testing.T, dir, at, path string) string {
	t.Helper()
	return gittest.Git(t, dir, "ls-tree", "-r", "--name-only", at, path)
}
