package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// TestCrashSweepOfGitOps: a worker dies before or after each commit of the ledger, and before or after each push arrives; another one goes on. Each
// effect has its commits once, everything ends, and it ends the same. Apps are deployed beside each other, deployed again, and then at once
// one is rolled back, one removed and one deployed by name, while the branch moves, an answer is lost and a push is refused.
func TestCrashSweepOfGitOps(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		every := map[string]int{"commit": 23, "committed": 29, "push": 4, "pushed": 3}
		fresh := storetest.Postgres
		if storetest.IsSQLite(url) {
			fresh = storetest.SQLite
		}
		want := gitDay(t, fresh(t), "", 0)
		if want.uses["commit"] < 20 || want.uses["push"] < 5 {
			t.Errorf("the sweep does not see the day: %v", want.uses)
		}
		points := 0
		for _, kind := range slices.Sorted(maps.Keys(want.uses)) {
			step := every[kind]
			if *figures {
				step = 1
			}
			for n := min(step, 3); n <= want.uses[kind]; n += step {
				points++
				t.Run(fmt.Sprintf("%s%d", kind, n), func(t *testing.T) {
					t.Parallel()
					if got := gitDay(t, fresh(t), kind, n); got.story != want.story {
						t.Errorf("it ended as\n%s\nwithout the crash it ends as\n%s", got.story, want.story)
					}
				})
			}
		}
		t.Cleanup(func() {
			if *figures && !t.Failed() {
				fmt.Printf("  %s: %d points, each ended like the day without a crash, each effect committed once\n", t.Name(), points)
			}
		})
	})
}

// gitHost is a Git server whose connections end with each answer: what waits for another one would keep the time of a bubble from going on.
func gitHost(t *testing.T, dir string, intercept func(*http.Request) gittest.Action) (url string) {
	server := httptest.NewUnstartedServer(gittest.Handler(t, dir, gittest.Options{Under: "acme", Intercept: intercept}))
	server.Config.SetKeepAlivesEnabled(false)
	server.Config.ReadHeaderTimeout = 5 * time.Second // of a client that died before it sent something
	server.Start()
	t.Cleanup(server.Close)
	return server.URL + "/acme"
}

const gitBranch = "main"

// newGitWorld is a world whose apps are deployed by commits. Its environment is staging, where a push counts.
func newGitWorld(t *testing.T, url, host, folder string) *world {
	t.Helper()
	opened, err := store.Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, url: url, store: opened, sim: sim.New(sim.Scenario{}), power: &power{}, git: host, clone: folder}
	w.server = sim.InProcess(w.sim)
	w.Ledger = w.ledger(opened)
	w.declare(w.deployedByGit("staging"))
	return w
}

func (w *world) deployedByGit(name string) ledger.Environment {
	return ledger.Environment{Name: name, Tier: ledger.Staging, Kind: ledger.GitOps, GitOps: &ledger.Desired{
		Connection: "git", Repository: "release.git", Branch: gitBranch, Confirm: ledger.ByPush,
	}}
}

// ship ships apps that are deployed by policy, and returns the id of the shipment.
func (w *world) ship(sha string, apps ...string) string {
	w.t.Helper()
	s := ledger.Shipment{Revision: ledger.Revision{Repository: "acme/shop", SHA: sha, Branch: "main"}, Contents: ledger.Contents{Vars: map[string]string{"SHA": sha}}}
	for _, app := range apps {
		s.Contents.Files = append(s.Contents.Files, json.RawMessage(fmt.Sprintf(
			`{"app": %q, "env": "staging", "deploy": {"branch": "main", "event": "push"}, "manifests": "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: {{ .APP }}\ndata:\n  sha: {{ .SHA }}\n"}`, app)))
	}
	made, err := w.Ship(context.Background(), storetest.Admin(), "acme", s)
	if err != nil {
		w.t.Fatal(err)
	}
	return made.ID
}

// batch are the ids of what was made of a shipment.
func (w *world) batch(shipment string) []string {
	w.t.Helper()
	b, err := w.BatchOfShipment(context.Background(), storetest.Admin(), "acme", shipment)
	return w.idsOf(b, err)
}

func (w *world) idsOf(b ledger.ShownBatch, err error) (ids []string) {
	w.t.Helper()
	if err != nil || len(b.Refused) > 0 {
		w.t.Fatal(err, b.Refused)
	}
	for _, d := range b.Deployments {
		ids = append(ids, d.ID)
	}
	return ids
}

// gitDay is a day of deployments by Git, whose power fails at one use.
func gitDay(t *testing.T, url, kind string, at int) (end told) {
	dir := gittest.Bare(t, map[string]string{"README.md": "ours\n"}, gitBranch)
	p := &power{kind: kind, at: at}
	folder := t.TempDir()
	host := gitHost(t, dir, troubled(t, dir, p))
	synctest.Test(t, func(t *testing.T) {
		w := newGitWorld(t, url, host, folder)
		defer w.close()
		w.power = p
		apps := []string{"one", "two", "three"}
		ids := w.batch(w.ship(strings.Repeat("1", 40), apps...))
		w.until("they are deployed", w.ended(ids...))
		first := w.deployment(ids[0])
		second := w.ship(strings.Repeat("2", 40), apps...)
		ids = append(ids, w.batch(second)...)
		w.until("they are deployed again", w.ended(ids...))
		ctx, admin := context.Background(), storetest.Admin()
		ids = append(ids, w.idsOf(w.RollbackApp(ctx, admin, "acme", "staging", "one", ledger.RollbackAppOptions{To: first.Commit.Hash}))...)
		ids = append(ids, w.idsOf(w.DeleteApp(ctx, admin, "acme", "staging", "two", ledger.DeleteAppOptions{}))...)
		ids = append(ids, w.idsOf(w.DeployApps(ctx, admin, "acme", "staging", first.Shipment, ledger.AppsOptions{App: "three"}))...)
		w.until("one is rolled back, one removed, one deployed by name", w.ended(ids...))
		var lines []string
		for _, id := range ids {
			d := w.deployment(id)
			lines = append(lines, fmt.Sprintf("%s %s %s %s, %t", d.Action, d.App, d.Status, d.Effect, d.Commit.Hash != ""))
		}
		end.story = strings.Join(lines, "\n")
	})
	end.uses = p.count
	end.story += "\n" + gitStory(t, dir)
	return end
}

// troubled moves the branch at the first push, loses the answer of the third and answers the fourth with an error, beside the failing of the power.
func troubled(t *testing.T, dir string, p *power) func(*http.Request) gittest.Action {
	var mu sync.Mutex
	pushes := 0
	return func(r *http.Request) gittest.Action {
		if !gittest.IsPush(r) {
			if p.isDead() {
				return gittest.DropBefore
			}
			return gittest.Serve
		}
		mu.Lock()
		defer mu.Unlock()
		if p.fails("push") {
			return gittest.DropBefore
		}
		pushes++
		if pushes == 1 {
			gittest.Push(t, dir, gitBranch, map[string]string{"README.md": "theirs\n"}, "a person's")
		}
		switch {
		case p.fails("pushed"), pushes == 3:
			return gittest.DropAfter
		case pushes == 4:
			return gittest.Fail
		}
		return gittest.Serve
	}
}

var (
	effectLine = regexp.MustCompile(`(?m)^Gio-Effect: (\S+)$`)
	revertLine = regexp.MustCompile(`This reverts commit (\S+)\.`)
)

// gitStory holds a history against what must hold always, and says what it has come to: its commits, in any order, and its files.
func gitStory(t *testing.T, dir string) string {
	t.Helper()
	if out := gittest.Git(t, dir, "fsck", "--full", "--strict", "--no-dangling"); out != "" {
		t.Errorf("git fsck: %s", out)
	}
	if out := gittest.Git(t, dir, "rev-list", "--merges", gitBranch); out != "" {
		t.Errorf("merges: %s", out)
	}
	log := gittest.Git(t, dir, "log", "--format=%B%x00", gitBranch)
	var subjects []string
	seen := map[string]bool{}
	for _, message := range strings.Split(strings.TrimSuffix(log, "\x00"), "\x00") {
		message = strings.TrimSpace(message)
		subject, _, _ := strings.Cut(message, "\n")
		subjects = append(subjects, subject)
		for _, line := range []*regexp.Regexp{effectLine, revertLine} {
			if m := line.FindStringSubmatch(message); m != nil && seen[m[0]] {
				t.Errorf("twice: %s", m[0])
			} else if m != nil {
				seen[m[0]] = true
			}
		}
	}
	slices.Sort(subjects)
	for _, file := range strings.Fields(gittest.Git(t, dir, "ls-tree", "-r", "--name-only", gitBranch)) {
		if filepath.Base(file) != "release.json" { // its shipment has another id each day
			subjects = append(subjects, file+": "+gittest.Git(t, dir, "show", gitBranch+":"+file))
		}
	}
	return strings.Join(subjects, "\n")
}
