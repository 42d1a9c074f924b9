package journal

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/run"
)

func bare(t *testing.T) string {
	t.Helper()
	return gittest.Bare(t, map[string]string{"release.json": "{}"}, "master")
}

func somebody() run.Driver {
	return run.Driver{ID: rand.Text(), Login: "octocat", Job: "https://circleci.com/gh/acme/release/7"}
}

// view is a process's own idea of the repository.
func view(t *testing.T, url string) *gitrepo.Ref {
	t.Helper()
	repo, err := gitrepo.Open(context.WithoutCancel(t.Context()), gitrepo.Options{URL: url, Branch: "master"})
	if err != nil {
		t.Fatal(err)
	}
	return repo.Ref(GitRef)
}

// fileAt gives nothing where there is no such file.
func fileAt(t *testing.T, repo Repository, path string) []byte {
	t.Helper()
	tip, err := repo.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if tip == "" {
		return nil
	}
	data, err := repo.Read(tip, path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// meddle pushes files to the ref behind everybody's back.
func meddle(t *testing.T, repo Repository, files map[string][]byte) {
	t.Helper()
	tip, err := repo.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	commit, err := repo.Commit(tip, files, "meddled")
	if err == nil {
		err = repo.Push(t.Context(), tip, commit)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// opened drives the run of h on url, and fails the test where that is refused.
func opened(t *testing.T, url string, h run.Header, o GitOptions) (*Git, []run.Event) {
	t.Helper()
	if o.Driver.ID == "" {
		o.Driver = somebody()
	}
	g, events, err := OpenGit(t.Context(), view(t, url), h, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g, events
}

func keep(t *testing.T, g *Git, events ...run.Event) {
	t.Helper()
	if err := g.Append(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ manifest, file string }{
		{"release.json", "release/3.9.4.jsonl"},
		{"apim/release.json", "manifests/apim/release.json/release/3.9.4.jsonl"},
		{"claims", "manifests/claims/release/3.9.4.jsonl"},
	} {
		h := header()
		h.Manifest = test.manifest
		p := keyOf(h)
		if back, ok := keyAt(p.file()); p.file() != test.file || !ok || back != p {
			t.Errorf("%s is at %s, which is %v, %t", test.manifest, p.file(), back, ok)
		}
	}
	for _, file := range []string{"leases/release/3.9.4.json", "claims/alpha/1.0.0", "claims/alpha/1.jsonl", "README.md"} {
		if p, ok := keyAt(file); ok {
			t.Errorf("%s is the place of %v", file, p)
		}
	}
}

// TestGitTree: what stands where, for whoever reads it with plain git.
func TestGitTree(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	g, _ := opened(t, dir, header(), GitOptions{})
	for _, call := range calls() {
		keep(t, g, call...)
	}
	closed(t, g)
	got := gittest.Git(t, dir, "ls-tree", "-r", "--name-only", GitRef)
	if want := "claims/alpha/1.0.0\nleases/release/3.9.4.json\nrelease/3.9.4.jsonl"; got != want {
		t.Errorf("the tree holds\n%s\nwant\n%s", got, want)
	}
	if subjects := gittest.Git(t, dir, "log", "--format=%s", GitRef); !strings.Contains(subjects, "release/3.9.4: intent intent triggered\n") {
		t.Errorf("the log says\n%s", subjects)
	}
	if out := gittest.Git(t, dir, "fsck", "--strict", "--no-dangling"); out != "" {
		t.Error(out)
	}
}

// TestLostAnswers: what arrived is kept once, whatever was said about it.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	var action atomic.Int64
	server := gittest.HTTP(t, dir, gittest.Options{Intercept: func(r *http.Request) gittest.Action {
		if gittest.IsPush(r) {
			return gittest.Action(action.Swap(int64(gittest.Serve)))
		}
		return gittest.Serve
	}})
	g, _ := opened(t, server.URL, header(), GitOptions{})
	for i, call := range calls() {
		action.Store(int64([]gittest.Action{gittest.DropAfter, gittest.DropBefore, gittest.Fail}[i%3]))
		before := gittest.Git(t, dir, "rev-list", "--count", GitRef)
		keep(t, g, call...)
		if after := gittest.Git(t, dir, "rev-list", "--count", GitRef); len(after) == len(before) && after != string([]byte{before[0] + 1}) {
			t.Errorf("%s commits became %s", before, after)
		}
	}
	events, lease, err := ReadGit(t.Context(), view(t, dir), header())
	if err != nil || !lease.Live(time.Now()) || lease.Login != "octocat" {
		t.Errorf("lease %v, %v", lease, err)
	}
	if len(events) != 8 {
		t.Errorf("%d events", len(events))
	}
}

// TestDeletedRef: the driver says so, invents nothing, and leaves the ref alone.
func TestDeletedRef(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	g, _ := opened(t, dir, header(), GitOptions{})
	keep(t, g, calls()[0]...)
	gittest.Git(t, dir, "update-ref", "-d", GitRef)
	err := g.Append(t.Context(), calls()[1]...)
	isFault(t, err, fault.Invalid, "journal-lost", GitRef, "release/3.9.4")
	if again := g.Append(t.Context(), calls()[2]...); again != err { //nolint:errorlint // the very same fault is promised
		t.Errorf("then %v", again)
	}
	isFault(t, g.Fresh(t.Context()), fault.Invalid, "journal-lost")
	closed(t, g)
	if at := gittest.Refs(t, dir)[GitRef]; at != "" {
		t.Errorf("the ref was made again: %s", at)
	}
}

// TestAnotherRunMoves: runs of other versions push in between, and nobody's files suffer.
func TestAnotherRunMoves(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	other := header()
	other.Version = "3.10.0"
	one, _ := opened(t, dir, header(), GitOptions{})
	two, _ := opened(t, dir, other, GitOptions{})
	kept := calls()
	done := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < 20 && err == nil; i++ {
			err = two.Append(t.Context(), run.Event{Seq: int64(i)})
		}
		done <- err
	}()
	for _, call := range kept {
		keep(t, one, call...)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	repo := view(t, dir)
	events, _, err := ReadGit(t.Context(), repo, header())
	if err != nil || len(events) != 8 {
		t.Errorf("%d events, %v", len(events), err)
	}
	if lines := strings.Count(string(fileAt(t, repo, keyOf(other).file())), "\n"); lines != 20 {
		t.Errorf("the other run has %d lines", lines)
	}
}

func TestListAndDurations(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	if all, err := ListGit(t.Context(), view(t, dir)); err != nil || all != nil {
		t.Errorf("%v, %v", all, err)
	}
	var newest *Git
	for _, manifest := range []string{"release.json", "apim/release.json"} {
		h := header()
		h.Manifest = manifest
		newest, _ = opened(t, dir, h, GitOptions{})
		for _, call := range calls() {
			if call[0].Header != nil {
				call[0].Header = &h
			}
			keep(t, newest, call...)
			if manifest != "release.json" {
				break // its claims would be the other run's
			}
		}
		closed(t, newest)
	}
	all, err := ListGit(t.Context(), view(t, dir))
	if err != nil || len(all) != 2 || all[0].Header.Manifest != "release.json" || all[0].Header.Branch != "3.9.x" ||
		!all[0].Last.Equal(calls()[4][0].Time) || all[0].Lease.Live(time.Now()) || all[0].Lease.Driver == "" {
		t.Errorf("%+v, %v", all, err)
	}
	again, _ := opened(t, dir, header(), GitOptions{})
	if took := again.Durations(); len(took["alpha"]) != 1 || took["alpha"][0] != 2*time.Second || len(took) != 1 {
		t.Errorf("took %v", took)
	}
	if took := newest.Durations(); len(took) != 0 {
		t.Errorf("another manifest took %v", took)
	}
}

// TestArrivedUnderAnother: a push that arrived, and was built upon before anybody could look, is known again by its lease.
func TestArrivedUnderAnother(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	g, _ := opened(t, dir, header(), GitOptions{})
	pushes := 0
	err := g.AppendWith(t.Context(), func(ctx context.Context, also ...Update) error {
		pushes++
		if err := g.repo.Push(ctx, also[0].Old, also[0].New); err != nil || len(also) != 1 || also[0].Ref != GitRef {
			t.Errorf("%v: %v", also, err)
		}
		meddle(t, view(t, dir), map[string][]byte{"note": []byte("somebody was here")})
		return fault.New(fault.Remote, "push-unknown", "no answer")
	}, calls()[0]...)
	if err != nil || pushes != 1 {
		t.Fatalf("%d pushes, %v", pushes, err)
	}
	keep(t, g, calls()[1]...)
	events, _, err := ReadGit(t.Context(), view(t, dir), header())
	if err != nil || len(events) != 5 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// TestCompanionRefused: what keeps another ref from moving is told as it is, and the journal goes on without that call.
func TestCompanionRefused(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	g, _ := opened(t, dir, header(), GitOptions{})
	keep(t, g, calls()[0]...)
	moved := fault.New(fault.Invalid, "ref-moved", "the branch has moved")
	err := g.AppendWith(t.Context(), func(context.Context, ...Update) error { return moved }, calls()[1]...)
	if err != error(moved) { //nolint:errorlint // this very one
		t.Fatalf("got %v", err)
	}
	keep(t, g, calls()[1]...)
	events, _, err := ReadGit(t.Context(), view(t, dir), header())
	if err != nil || len(events) != 5 {
		t.Errorf("%d events, %v", len(events), err)
	}
}
