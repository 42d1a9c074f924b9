package gitrepo_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// TestDryPush: a dry push calls DryPush and counts as done; the server sees only reads.
func TestDryPush(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, map[string]string{"release.json": "one\n"}, "master")
	server := gittest.HTTP(t, dir, gittest.Options{DenyPush: true})
	before := gittest.Refs(t, dir)
	var told [][]gitrepo.Update
	r, err := gitrepo.Open(t.Context(), gitrepo.Options{
		URL: server.URL, Branch: "master", DryPush: func(u []gitrepo.Update) { told = append(told, u) },
	})
	if err != nil {
		t.Fatal(err)
	}
	exercise(t, r)
	if len(told) != 1 || len(told[0]) != 2 {
		t.Errorf("told: %v", told)
	}
	if diff := cmp.Diff(before, gittest.Refs(t, dir)); diff != "" {
		t.Errorf("the remote was written (-before +after):\n%s", diff)
	}
	for _, request := range server.Requests() {
		if request.Service == "git-receive-pack" || request.Path == "/release.git/git-receive-pack" {
			t.Errorf("the server saw %s %s", request.Method, request.Path)
		}
	}
}

// TestImagine: the same without a remote.
func TestImagine(t *testing.T) {
	t.Parallel()
	r, err := gitrepo.Imagine(gitrepo.Options{URL: "http://user:secret@127.0.0.1:1/release.git", Branch: "master"}, "main", "release.json", []byte("one\n"))
	if err != nil {
		t.Fatal(err)
	}
	if r.DefaultBranch() != "main" || r.Refs()["refs/heads/master"] != r.Head() {
		t.Errorf("default branch %q, refs %v", r.DefaultBranch(), r.Refs())
	}
	exercise(t, r)
}

// exercise commits, tags and pushes to the branch master, and checks that it counts as pushed from then on.
func exercise(t *testing.T, r *gitrepo.Repo) {
	t.Helper()
	if err := r.ProvePush(t.Context()); err != nil {
		t.Fatal(err)
	}
	base := r.Head()
	first, err := r.Commit(base, "release.json", []byte("two\n"), "first")
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.Commit(first, "release.json", []byte("three\n"), "second")
	if err != nil {
		t.Fatal(err)
	}
	tag, err := r.Tag("1.0.0", first, "released")
	if err != nil {
		t.Fatal(err)
	}
	updates := []gitrepo.Update{{Ref: "refs/heads/master", Old: base, New: second}, {Ref: "refs/tags/1.0.0", New: tag}}
	if err := r.Push(t.Context(), updates); err != nil {
		t.Fatal(err)
	}
	if err := r.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	refs := r.Refs()
	if r.Head() != second || refs["refs/heads/master"] != second || refs["refs/tags/1.0.0"] != tag || refs["refs/tags/1.0.0^{}"] != first {
		t.Errorf("head %s, refs %v", r.Head(), refs)
	}
	if err := r.Push(t.Context(), updates); !errors.Is(err, gitrepo.ErrMoved) {
		t.Errorf("the same push again: %v", err)
	}
	if made := r.Made(second); made[len(made)-1] != second || made[len(made)-2] != first || r.Parent(first) != base {
		t.Errorf("made %v, parent %s", made, r.Parent(first))
	}
	if target, message := r.Target(tag); target != first || message != "released\n" {
		t.Errorf("the tag stands for %s: %q", target, message)
	}
}

// TestMadeAt: the time of a fetched annotated tag, of a commit, and zero for anything else.
func TestMadeAt(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, map[string]string{"release.json": "one\n"}, "master")
	set := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	o := gitrepo.Options{URL: dir, Branch: "master", Now: func() time.Time { return set }}
	w, err := gitrepo.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := w.Tag("1.0.0_START", w.Head(), "started")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Push(t.Context(), []gitrepo.Update{{Ref: "refs/tags/1.0.0_START", New: tag}}); err != nil {
		t.Fatal(err)
	}
	r, err := gitrepo.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if at := r.MadeAt(tag); !at.IsZero() {
		t.Errorf("a tag that is not here was made at %v", at)
	}
	if err := r.Fetch(t.Context(), "refs/tags/1.0.0_START"); err != nil {
		t.Fatal(err)
	}
	if at := r.MadeAt(tag); !at.Equal(set) {
		t.Errorf("the tag was made at %v, want %v", at, set)
	}
	if at := r.MadeAt(r.Head()); at.IsZero() || at.Equal(set) {
		t.Errorf("the commit was made at %v", at)
	}
}
