package worker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
	"github.com/gravitee-lab/gio/internal/worker"
)

// watched is a ledger in a real database, and a release repository that its project names, served over HTTP.
type watched struct {
	*ledger.Ledger
	*testing.T
	url     string // of the database
	dir     string // of the repository
	server  *gittest.Server
	action  atomic.Int64 // of the server, a gittest.Action
	watcher *worker.Watcher
	later   atomic.Int64 // by how much the ledger's clock is ahead, in nanoseconds
	runs    map[string][]run.Event
	began   time.Time // of the first run
}

const gitToken = "planted-token"

func watches(t *testing.T, url string) *watched {
	t.Helper()
	w := &watched{T: t, url: url, began: time.Now().Add(-time.Hour), runs: map[string][]run.Event{}, dir: gittest.Bare(t, map[string]string{"release.json": releaseJSON("3.9.4-SNAPSHOT")}, "master")}
	w.server = gittest.HTTP(t, w.dir, gittest.Options{Token: gitToken, Under: "acme", Intercept: func(*http.Request) gittest.Action { return gittest.Action(w.action.Load()) }})
	w.Ledger, w.watcher = w.replica(storetest.Open(t, url))
	w.declare(&ledger.Releases{Connection: "git", Repository: "acme/release.git"})
	return w
}

// replica is a ledger and a watcher on a store.
func (w *watched) replica(s *store.Store) (*ledger.Ledger, *worker.Watcher) {
	l := &ledger.Ledger{
		Store: s, Now: func() time.Time { return time.Now().Add(time.Duration(w.later.Load())) }, NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
		Connections: map[string]ledger.Kind{"git": ledger.Git, "ci": ledger.CircleCI},
	}
	host := strings.TrimSuffix(w.server.URL, "/acme/release.git")
	credentials := gitrepo.Credentials{Token: gitToken, TokenHost: strings.TrimPrefix(host, "http://")}
	return l, &worker.Watcher{Ledger: l, Hosts: map[string]worker.Host{"git": {URL: host, Credentials: credentials}}, Fail: func(_ context.Context, err error) { w.Errorf("the watcher: %v", err) }}
}

func (w *watched) declare(r *ledger.Releases) {
	w.Helper()
	if _, err := w.Apply(w.Context(), storetest.Admin(), ledger.Declaration{Project: ledger.Project{Name: "acme", Repository: "acme/shop", Releases: r}}, false); err != nil {
		w.Fatal(err)
	}
}

func releaseJSON(version string) string {
	return fmt.Sprintf(`{"name": "Acme", "version": %q, "components": [{"name": "api", "version": "1.25.1"}, {"name": "portal"}], "buildDependencies": [["api"], ["portal"]]}`, version)
}

// plans begins a run, or goes on with it.
func (w *watched) plans(kind run.Kind, version string) {
	w.note(kind, version, run.Event{Type: run.Planned, Plan: &plan.Plan{Product: "Acme", Version: version, Branch: "master"}})
}

// releases finishes a product: its commit, its tag and its run.
func (w *watched) releases(version string) (commit string) {
	w.Helper()
	w.plans(run.Release, version)
	commit = gittest.Push(w, w.dir, "master", map[string]string{"release.json": releaseJSON(version), "n": fmt.Sprint(len(w.runs[version]))}, "release "+version)
	gittest.Git(w, w.dir, "tag", "--annotate", "--message", version, version, commit)
	tag := plan.TagRef(version)
	w.note(run.Release, version, run.Event{Type: run.Recorded, Record: &run.Record{Finished: true, Commit: commit, Refs: map[string]string{tag: gittest.Git(w, w.dir, "rev-parse", tag)}}})
	w.push()
	return commit
}

// note adds an event to a run; push shows it to others.
func (w *watched) note(kind run.Kind, version string, e run.Event) {
	name := run.Header{Kind: kind, Version: version}.Run()
	if len(w.runs[name]) == 0 && e.Type != run.Opened {
		w.note(kind, version, run.Event{Type: run.Opened, Header: &run.Header{Schema: run.Schema, Kind: kind, Manifest: "release.json", Product: "Acme", Version: version, Branch: "master"}})
	}
	n := 0
	for _, events := range w.runs {
		n += len(events)
	}
	e.Run, e.Seq, e.Time = name, int64(len(w.runs[name])+1), w.began.Add(time.Duration(n)*time.Second)
	if w.later.Load() > 0 { // it happens now
		e.Time = w.Now()
	}
	w.runs[name] = append(w.runs[name], e)
}

// push writes the journals of all runs.
func (w *watched) push() {
	w.Helper()
	files := map[string][]byte{}
	for name, events := range w.runs {
		var text bytes.Buffer
		for _, e := range events {
			if err := json.NewEncoder(&text).Encode(e); err != nil {
				w.Fatal(err)
			}
		}
		files[name+".jsonl"] = text.Bytes()
	}
	w.meddle(files)
}

// meddle writes files of the journal, whatever they say; nil removes one.
func (w *watched) meddle(files map[string][]byte) {
	w.Helper()
	repo, err := gitrepo.Open(w.Context(), gitrepo.Options{URL: w.dir, Branch: "master"})
	if err != nil {
		w.Fatal(err)
	}
	ref := repo.Ref(journal.GitRef)
	tip, err := ref.Fetch(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	commit, err := ref.Commit(tip, files, "journal")
	if err == nil && commit != tip {
		err = ref.Push(w.Context(), tip, commit)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// looks looks at once.
func (w *watched) looks() {
	w.Helper()
	if err := w.watcher.Look(w.Context(), "acme", true); err != nil {
		w.Fatal(err)
	}
}

// looksByItself looks as a watcher does that nobody has told anything.
func (w *watched) looksByItself() {
	w.Helper()
	if _, err := storetest.Raw(w.T, w.url).ExecContext(w.Context(), "UPDATE watches SET due_at = 0"); err != nil {
		w.Fatal(err)
	}
	if err := w.watcher.Look(w.Context(), "acme", false); err != nil {
		w.Fatal(err)
	}
}

// candidates are the versions of those that are there, the oldest first.
func (w *watched) candidates() (all []string) {
	w.Helper()
	found, err := w.Candidates(w.Context(), storetest.Admin(), "acme", "", 100)
	if err != nil {
		w.Fatal(err)
	}
	for _, c := range found {
		all = append(all, c.Version.String())
	}
	slices.Reverse(all)
	return all
}

func (w *watched) has(candidates ...string) {
	w.Helper()
	if got := w.candidates(); !slices.Equal(got, candidates) {
		w.Errorf("candidates %v, want %v", got, candidates)
	}
}

// problem is the code of what is wrong, "" for nothing.
func (w *watched) problem() string {
	w.Helper()
	watch, err := w.Watched(w.Context(), storetest.Admin(), "acme")
	if err != nil {
		w.Fatal(err)
	}
	if watch.Problem == nil {
		return ""
	}
	if strings.Contains(watch.Problem.Message, gitToken) {
		w.Errorf("it shows the token: %s", watch.Problem.Message)
	}
	return watch.Problem.Code
}

// events are those of a kind, sealed or not.
func (w *watched) events(kind string) (n int) {
	w.Helper()
	row := storetest.Raw(w.T, w.url).QueryRowContext(w.Context(), "SELECT COUNT(*) FROM events WHERE type = $1", kind)
	if err := row.Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

func eachWatched(t *testing.T, test func(w *watched)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) { test(watches(t, url)) })
}

// TestArrives: what is finished arrives once, with its author and its components; what is not finished, or is no release, does not.
func TestArrives(t *testing.T) {
	eachWatched(t, func(w *watched) {
		w.plans(run.Release, "3.9.4")
		w.push()
		w.looks()
		w.has()
		commit := w.releases("3.9.4")
		for _, kind := range []run.Kind{run.DryRun, run.Staging} {
			w.note(kind, "3.9.9", run.Event{Type: run.Planned, Plan: &plan.Plan{Product: "Acme", Version: "3.9.9"}})
			w.note(kind, "3.9.9", run.Event{Type: run.Recorded, Record: &run.Record{Finished: true, Commit: commit, Refs: map[string]string{"refs/tags/3.9.9": commit}}})
		}
		gittest.Git(w, w.dir, "tag", "3.9.9", commit)
		gittest.Git(w, w.dir, "tag", "3.8.0", commit) // a tag that no run has made
		w.push()
		for range 2 {
			w.looks()
			w.has("3.9.4-rc1")
		}
		c, components, err := w.Candidate(w.Context(), storetest.Admin(), "acme", ledger.Version{Release: "3.9.4", Number: 1})
		got := fmt.Sprintln(c.Commit == commit, c.State, c.Author, c.CreatedBy, components, err)
		if want := "true ready colleague@example.org gio-server map[api:1.25.1 portal:3.9.4] <nil>\n"; got != want {
			w.Errorf("%s, want %s", got, want)
		}
		if w.events("candidate.created") != 1 || w.problem() != "" {
			w.Errorf("%d events, problem %s", w.events("candidate.created"), w.problem())
		}

		// Opened again it stays what it was; released again it is the next try.
		gittest.Git(w, w.dir, "tag", "--delete", "3.9.4")
		w.looks()
		w.plans(run.Release, "3.9.4")
		w.push()
		w.looks()
		w.has("3.9.4-rc1")
		w.releases("3.9.4")
		w.looks()
		w.has("3.9.4-rc1", "3.9.4-rc2")

		// Declared no more, it is not watched, and what has arrived stays.
		w.declare(nil)
		if err := w.watcher.Look(w.Context(), "acme", true); !fault.Is(err, "no-watch") {
			w.Errorf("it is still watched: %v", err)
		}
		if due, err := w.DueWatches(w.Context(), 10); len(due) > 0 || err != nil {
			w.Errorf("due: %v, %v", due, err)
		}
		w.has("3.9.4-rc1", "3.9.4-rc2")
	})
}

// TestFirstLook: of what was finished before a repository was watched the newest arrive, in the order in which they were finished; none
// that is older comes later.
func TestFirstLook(t *testing.T) {
	t.Parallel()
	w := watches(t, storetest.SQLite(t))
	var want []string
	for n := range 23 {
		version := fmt.Sprintf("3.%d.0", n)
		w.releases(version)
		if n >= 3 {
			want = append(want, version+"-rc1")
		}
	}
	w.looks()
	w.has(want...)
	w.later.Store(int64(time.Minute))
	w.releases("4.0.0")
	w.looks()
	w.has(append(want, "4.0.0-rc1")...)
}

// TestReplicas: of many who look at the same moment one makes the candidate.
func TestReplicas(t *testing.T) {
	t.Parallel()
	w := watches(t, storetest.Postgres(t))
	w.releases("3.9.4")
	w.releases("3.9.5")
	var all sync.WaitGroup
	for range 3 {
		_, other := w.replica(storetest.Open(t, w.url))
		for range 2 {
			all.Go(func() {
				if err := other.Look(t.Context(), "acme", true); err != nil && fault.KindOf(err) != fault.Stopped {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	got := w.candidates()
	slices.Sort(got) // who came first
	if want := []string{"3.9.4-rc1", "3.9.5-rc1"}; !slices.Equal(got, want) || w.events("candidate.created") != 2 {
		t.Errorf("%v, %d events", got, w.events("candidate.created"))
	}
	w.looks() // whoever was last, the next look finds it well
	if w.problem() != "" {
		t.Errorf("problem: %s", w.problem())
	}
}

// TestAway: a repository that does not answer is said at once to who looks, and in the history once it has lasted.
func TestAway(t *testing.T) {
	eachWatched(t, func(w *watched) {
		w.releases("3.9.4")
		w.looks()
		w.action.Store(int64(gittest.Fail))
		for n, minutes := range []int{1, 2, 10, 20} {
			w.later.Store(int64(time.Duration(minutes) * time.Minute))
			w.looksByItself()
			said := 0
			if n >= 2 {
				said = 1
			}
			if w.problem() != "git-remote" || w.events("releases.unreadable") != said {
				w.Errorf("after %d minutes: problem %q, %d events", minutes, w.problem(), w.events("releases.unreadable"))
			}
		}
		w.releases("3.9.5")
		w.action.Store(int64(gittest.Serve))
		w.looksByItself()
		w.has("3.9.4-rc1", "3.9.5-rc1")
		if w.problem() != "" || w.events("releases.readable") != 1 {
			w.Errorf("problem %q, %d events", w.problem(), w.events("releases.readable"))
		}
		w.watcher.Hosts["git"] = worker.Host{URL: w.watcher.Hosts["git"].URL, Credentials: gitrepo.Credentials{Token: "wrong", TokenHost: w.watcher.Hosts["git"].Credentials.TokenHost}}
		w.looksByItself()
		if w.problem() != "git-auth" || w.events("releases.unreadable") != 2 { // no time makes it better
			w.Errorf("problem %q, %d events", w.problem(), w.events("releases.unreadable"))
		}
		w.watcher.Hosts = nil
		w.looksByItself()
		if w.problem() != "no-connection" || w.events("releases.unreadable") != 2 {
			w.Errorf("problem %q, %d events", w.problem(), w.events("releases.unreadable"))
		}
	})
}

// TestDamage: what cannot be believed is said, and nothing is made of it; what is well beside it arrives.
func TestDamage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		title, problem string
		do             func(w *watched)
		others         bool // those beside it arrive
		mend           func(w *watched)
	}{
		{"a line that is none", "damaged-journal", func(w *watched) {
			w.meddle(map[string][]byte{"release/3.9.4.jsonl": []byte("<<<<<<< HEAD\n")})
		}, true, (*watched).push},
		{"an event that cannot be", "damaged-journal", func(w *watched) {
			w.runs["release/3.9.4"][2].Seq = 9
			w.push()
			w.runs["release/3.9.4"][2].Seq = 3
		}, true, (*watched).push},
		{"the ref is no commit", "journal-unreadable", func(w *watched) {
			gittest.Git(w, w.dir, "update-ref", journal.GitRef, gittest.Git(w, w.dir, "rev-parse", "master:release.json"))
		}, false, func(w *watched) {
			gittest.Git(w, w.dir, "update-ref", "-d", journal.GitRef)
			w.push()
		}},
		{"the tag was moved", "tag-moved", func(w *watched) {
			gittest.Git(w, w.dir, "tag", "--force", "3.9.4", "master")
		}, true, func(w *watched) {
			gittest.Git(w, w.dir, "update-ref", "refs/tags/3.9.4", w.runs["release/3.9.4"][2].Record.Refs["refs/tags/3.9.4"])
		}},
		{"the tag holds another version", "tag-mismatch", func(w *watched) {
			wrong := gittest.Push(w, w.dir, "other", map[string]string{"release.json": releaseJSON("3.9.6")}, "wrong")
			gittest.Git(w, w.dir, "tag", "--force", "3.9.4", wrong)
			w.runs["release/3.9.4"][2].Record.Refs = nil // as if the tag had been there
			w.push()
		}, true, nil},
	} {
		t.Run(test.title, func(t *testing.T) {
			t.Parallel()
			w := watches(t, storetest.SQLite(t))
			w.releases("3.9.4")
			w.releases("3.9.5")
			test.do(w)
			beside := []string{"3.9.5-rc1"}
			if !test.others {
				beside = nil
			}
			for range 2 {
				w.looks()
				w.has(beside...)
				if w.problem() != test.problem || w.events("releases.unreadable") != 1 {
					t.Errorf("problem %q, %d events, want %q", w.problem(), w.events("releases.unreadable"), test.problem)
				}
			}
			if test.mend == nil {
				return
			}
			test.mend(w)
			w.looks()
			if got := w.candidates(); len(got) != 2 || w.problem() != "" || w.events("releases.readable") != 1 {
				t.Errorf("mended: %v, problem %q", got, w.problem())
			}
		})
	}
}

// TestJournalGone: a journal that was there and is deleted is no repository without releases.
func TestJournalGone(t *testing.T) {
	t.Parallel()
	w := watches(t, storetest.SQLite(t))
	w.looks()
	if w.problem() != "" { // nothing was ever released there
		t.Errorf("problem: %s", w.problem())
	}
	w.releases("3.9.4")
	w.looks()
	gittest.Git(w, w.dir, "update-ref", "-d", journal.GitRef)
	w.looks()
	if w.problem() != "journal-gone" {
		t.Errorf("problem: %q", w.problem())
	}
	w.has("3.9.4-rc1")
	w.push()
	w.looks()
	if w.problem() != "" {
		t.Errorf("problem: %s", w.problem())
	}
}

// TestRequests: a repository that has not changed costs one request, and so does one in which a release is only under way.
func TestRequests(t *testing.T) {
	t.Parallel()
	w := watches(t, storetest.SQLite(t))
	cost := func(look func()) int {
		before := len(w.server.Requests())
		look()
		return len(w.server.Requests()) - before
	}
	w.releases("3.9.4")
	w.looksByItself()
	w.plans(run.Release, "3.9.5")
	for _, test := range []struct {
		what string
		do   func()
		look func()
		want func(int) bool
	}{
		{"nothing has changed", func() {}, w.looksByItself, func(n int) bool { return n == 1 }},
		{"nothing has changed, and somebody tells", func() {}, w.looks, func(n int) bool { return n == 1 }},
		{"the journal has moved", w.push, w.looksByItself, func(n int) bool { return n == 1 }},
		{"the journal has moved long ago", func() { w.later.Store(int64(time.Hour)) }, w.looksByItself, func(n int) bool { return n > 1 }},
		{"a tag is new", func() { w.releases("3.9.5") }, w.looksByItself, func(n int) bool { return n > 1 && n < 10 }},
	} {
		test.do()
		if n := cost(test.look); !test.want(n) {
			t.Errorf("%s: %d requests", test.what, n)
		}
	}
	w.has("3.9.4-rc1", "3.9.5-rc1")
}

// TestTurns: who looks has the repository for a while, and nobody looks twice in a minute; who leaves gives it back.
func TestTurns(t *testing.T) {
	eachWatched(t, func(w *watched) {
		w.releases("3.9.4")
		taken, err := w.TakeWatch(w.Context(), "acme", false)
		if err != nil {
			w.Fatal(err)
		}
		if err := w.watcher.Look(w.Context(), "acme", false); !fault.Is(err, "looked-at-elsewhere") {
			w.Errorf("two look at once: %v", err)
		}
		w.looks() // somebody tells of a release
		if err := w.Looked(w.Context(), taken, ledger.Look{Problem: fmt.Errorf("of yesterday")}); !fault.Is(err, "looked-at-elsewhere") || w.problem() != "" {
			w.Errorf("one who was overtaken writes: %v, problem %q", err, w.problem())
		}
		if due, err := w.DueWatches(w.Context(), 10); len(due) > 0 || err != nil {
			w.Errorf("due within a minute: %v, %v", due, err)
		}
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		taken, err = w.TakeWatch(w.Context(), "acme", true)
		if err == nil {
			err = w.GiveBackWatch(ctx, taken)
		}
		if err == nil {
			w.Error("a context that has ended gives back")
		}
		if err := w.GiveBackWatch(w.Context(), taken); err != nil {
			w.Error(err)
		}
		if due, err := w.DueWatches(w.Context(), 10); len(due) != 1 || err != nil {
			w.Errorf("given back, due: %v, %v", due, err)
		}
		w.declare(&ledger.Releases{Connection: "git", Repository: "acme/release.git", Manifest: "other/release.json"})
		if _, _, err := w.Arrive(w.Context(), taken, ledger.Released{Version: "1.0", Commit: commit}); !fault.Is(err, "looked-at-elsewhere") {
			w.Errorf("it arrives from a repository that the project no longer names: %v", err)
		}
	})
}

// TestTold: who tells of a release gets the candidate, for the projects of the repository, whatever form its address has.
func TestTold(t *testing.T) {
	t.Parallel()
	w := watches(t, storetest.SQLite(t))
	w.releases("3.9.4")
	as := func(role ledger.Role, project string) ledger.Caller {
		return ledger.Caller{Token: ledger.Token{Subject: "ci@example.org", Role: role, Project: project}, Dialect: "v1"}
	}
	if _, err := w.watcher.Told(t.Context(), as(ledger.Reader, ""), w.server.URL, "", "3.9.4"); !fault.Is(err, "not-allowed") {
		t.Errorf("a reader: %v", err)
	}
	w.has()
	address := strings.TrimSuffix(strings.ToUpper(w.server.URL[:len("http")])+w.server.URL[len("http"):], ".git")
	for _, test := range []struct {
		caller                     ledger.Caller
		address, manifest, version string
		projects                   int
		candidate                  string
	}{
		{as(ledger.Reporter, ""), w.server.URL, "other.json", "3.9.4", 0, ""},
		{as(ledger.Reporter, ""), w.server.URL + "-other", "", "3.9.4", 0, ""},
		{as(ledger.Reporter, "another"), w.server.URL, "", "3.9.4", 0, ""},
		{as(ledger.Reporter, ""), address, "", "3.9.4", 1, "3.9.4-rc1"},
		{as(ledger.Releaser, "acme"), w.server.URL, "release.json", "3.9.4", 1, "3.9.4-rc1"},
		{as(ledger.Releaser, "acme"), w.server.URL, "release.json", "3.9.5", 1, ""},
	} {
		told, err := w.watcher.Told(t.Context(), test.caller, test.address, test.manifest, test.version)
		if err != nil || len(told) != test.projects {
			t.Errorf("%+v: %v, %v", test, told, err)
			continue
		}
		for _, one := range told {
			got := ""
			if one.Candidate != nil {
				got = one.Candidate.Version.String()
			}
			if got != test.candidate || one.Problem != nil {
				t.Errorf("%+v: %s, %v", test, got, one.Problem)
			}
		}
	}
}

// TestWatcherRuns: a watcher that nobody tells anything finds what is released, and ends when it is told to.
func TestWatcherRuns(t *testing.T) {
	t.Parallel()
	w := watches(t, storetest.SQLite(t))
	w.releases("3.9.4")
	arrived := make(chan struct{}, 10)
	w.Changed = func() { arrived <- struct{}{} }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.watcher.Run(ctx)
	}()
	<-arrived
	cancel()
	<-ended
	w.has("3.9.4-rc1")
}

// TestWatcherFillsBoxes: a watcher seals the box of a candidate once what it lacked is there, and nobody has to tell it.
func TestWatcherFillsBoxes(t *testing.T) {
	t.Parallel()
	w := watches(t, storetest.SQLite(t))
	w.Signing = ledger.Signing{
		Key:  func(string) (string, error) { return "key", nil },
		Sign: func(string, ledger.Bundle, []ledger.Item) (string, error) { return "signed", nil },
	}
	_, err := w.Apply(t.Context(), storetest.Admin(), ledger.Declaration{
		Project: ledger.Project{
			Name: "acme", Repository: "acme/shop", Releases: &ledger.Releases{Connection: "git", Repository: "acme/release.git"},
			Bundle: []ledger.Mapping{{Repository: "libs", Path: "{{.Component}}/{{.Version}}.jar", Components: []string{"api"}}},
		},
		Repositories: []ledger.Repository{{Name: "libs"}},
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	w.releases("3.9.4")
	w.looks()
	status := func() string {
		b, err := w.Bundle(t.Context(), storetest.Admin(), "acme", "acme", "3.9.4")
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b.Status) + " " + b.Missing)
	}
	if got := status(); got != "DRAFT there is no file libs/api/1.25.1.jar" {
		t.Fatal(got)
	}
	sum := strings.Repeat("0", 64)
	blob := ledger.Blob{Checksums: ledger.Checksums{SHA256: sum, SHA1: sum[:40], MD5: sum[:32]}, Place: "place"}
	err = w.Store.Change(t.Context(), func(tx ledger.Tx) error {
		if _, err := tx.KeepBlob(t.Context(), blob, w.Now()); err != nil {
			return err
		}
		return tx.InsertFile(t.Context(), ledger.File{Repository: "libs", Path: "api/1.25.1.jar", Blob: blob, ModifiedAt: w.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	changed := make(chan struct{}, 100)
	w.Changed = func() { changed <- struct{}{} }
	w.later.Store(int64(time.Hour))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.watcher.Run(ctx)
	}()
	for status() != "COMPLETED" {
		<-changed
	}
	cancel()
	<-ended
}

// TestLocalRepositories: a server can read repositories of its own disk.
func TestLocalRepositories(t *testing.T) {
	t.Parallel()
	w := watches(t, storetest.SQLite(t))
	w.releases("3.9.4")
	if err := os.Rename(w.dir, filepath.Join(filepath.Dir(w.dir), "acme.git")); err != nil {
		t.Fatal(err)
	}
	w.watcher.Hosts["git"] = worker.Host{URL: "file://" + filepath.ToSlash(filepath.Dir(w.dir)) + "/"}
	w.declare(&ledger.Releases{Connection: "git", Repository: "acme.git"})
	w.looks()
	w.has("3.9.4-rc1")
}
