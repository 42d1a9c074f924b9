package gitrepo

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/storage/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

const journal = "refs/gio/journal"

// pushed makes a commit with these files on from and pushes it.
func pushed(t *testing.T, f *Ref, from string, files map[string][]byte) string {
	t.Helper()
	to, err := f.Commit(from, files, "journal")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Push(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestRef(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		r := open(t, url)
		refs, head := r.Refs(), r.Head()
		f := r.Ref(journal)
		if tip, err := f.Fetch(t.Context()); tip != "" || err != nil {
			t.Fatalf("%q, %v", tip, err)
		}
		first := pushed(t, f, "", map[string][]byte{"a/b/one": []byte("1"), "a/two": []byte("2"), "three": {}})
		second := pushed(t, f, first, map[string][]byte{"a/b/one": nil, "no/such": nil, "a/two": []byte("zwei")})
		want := []string{"a/two", "three"}
		fresh := open(t, url).Ref(journal)
		if tip, err := fresh.Fetch(t.Context()); tip != second || err != nil {
			t.Fatalf("%s, %v", tip, err)
		}
		for _, view := range []*Ref{f, fresh} {
			if got, err := view.List(second, ""); err != nil || !cmp.Equal(got, want) {
				t.Errorf("%v, %v", got, err)
			}
			if got, err := view.List(second, "a/b"); err != nil || got != nil {
				t.Errorf("below a directory that is gone: %v, %v", got, err)
			}
			if got, err := view.Read(second, "a/two"); string(got) != "zwei" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
			if got, err := view.Read(second, "a/b/one"); got != nil || err != nil {
				t.Errorf("a file that is gone: %q, %v", got, err)
			}
		}
		if out := gittest.Git(t, dir, "fsck", "--strict", "--no-dangling"); out != "" {
			t.Errorf("git fsck: %s", out)
		}
		if r.Head() != head || !cmp.Equal(r.Refs(), refs) {
			t.Error("the branch's view was changed")
		}
	})
}

// TestRefTravels: one push carries commits of the branch and of the other ref, or neither.
func TestRefTravels(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		r := open(t, url)
		f := r.Ref(journal)
		old := pushed(t, f, "", map[string][]byte{"one": []byte("1")})
		to, err := f.Commit(old, map[string][]byte{"one": []byte("2")}, "two")
		if err != nil {
			t.Fatal(err)
		}
		head := r.Head()
		commit, err := r.Commit(head, "release.json", []byte("new"), "new")
		if err != nil {
			t.Fatal(err)
		}
		both := []Update{{Ref: "refs/heads/" + branch, Old: head, New: commit}, {Ref: journal, Old: Hash(old), New: Hash(to)}}
		other := open(t, url).Ref(journal)
		if _, err := other.Fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		tip := pushed(t, other, old, map[string][]byte{"other": []byte("o")})
		if err := r.Push(t.Context(), both); !errors.Is(err, ErrMoved) || r.Head() != head {
			t.Fatalf("the journal had moved: %v, head %s", err, r.Head())
		}
		if _, err := f.Fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if to, err = f.Commit(tip, map[string][]byte{"one": []byte("2")}, "two"); err != nil {
			t.Fatal(err)
		}
		both[1] = Update{Ref: journal, Old: Hash(tip), New: Hash(to)}
		if err := r.Push(t.Context(), both); err != nil || r.Head() != commit {
			t.Fatalf("%v, head %s", err, r.Head())
		}
		refs := gittest.Refs(t, dir)
		if refs[journal] != to || refs["refs/heads/"+branch] != string(commit) {
			t.Errorf("refs %v", refs)
		}
	})
}

// TestRefRaces: of two commits on one tip the remote accepts one.
func TestRefRaces(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	one, two := open(t, dir).Ref(journal), open(t, dir).Ref(journal)
	pushed(t, one, "", map[string][]byte{"one": []byte("1")})
	to, err := two.Commit("", map[string][]byte{"two": []byte("2")}, "two")
	if err != nil {
		t.Fatal(err)
	}
	if err := two.Push(t.Context(), "", to); !errors.Is(err, ErrMoved) {
		t.Fatalf("got %v", err)
	}
	_, err = two.Commit("", map[string][]byte{"../up": []byte("x")}, "x")
	wantFault(t, err, fault.Invalid, "file-path")
}

// TestRefSendsAndKeepsLittle: a push sends only new objects, and superseded ones are dropped.
func TestRefSendsAndKeepsLittle(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	f := open(t, dir).Ref(journal)
	tip := pushed(t, f, "", map[string][]byte{"release/3.9.3.jsonl": bytes.Repeat([]byte("old"), 50_000)})
	for i := range 100 {
		content := []byte(strings.Repeat(sprint("%d ", i), 60_000))
		to, err := f.Commit(tip, map[string][]byte{"release/3.9.4.jsonl": content}, "x")
		if err != nil {
			t.Fatal(err)
		}
		sent, err := f.repo.unsent([]Update{{Ref: journal, Old: Hash(tip), New: Hash(to)}})
		if err != nil || len(sent.Objects) != 4 { // commit, two trees, the file
			t.Fatalf("%d objects are sent, %v", len(sent.Objects), err)
		}
		if err := f.Push(t.Context(), tip, to); err != nil {
			t.Fatal(err)
		}
		tip = to
		if f.grown > maxGrown || len(f.store.(*memory.Storage).Objects) > 300 { // 400 were made
			t.Fatalf("%d bytes and %d objects are kept", f.grown, len(f.store.(*memory.Storage).Objects))
		}
	}
	if got, err := f.Read(tip, "release/3.9.3.jsonl"); err != nil || len(got) != 150_000 {
		t.Errorf("the other file: %d bytes, %v", len(got), err)
	}
}
