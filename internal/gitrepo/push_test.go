package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

func sprint(format string, args ...any) string { return fmt.Sprintf(format, args...) }

func TestPush(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		r := open(t, url)
		first := r.Head()
		a, err := r.Commit(first, "scripts/deep/build.sh", []byte("#!/bin/sh\nexit 1\n"), "one")
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.Commit(a, "new/dir/file", []byte("new\n"), "two")
		if err != nil {
			t.Fatal(err)
		}
		journal, err := r.Commit("", "release/3.9.4.jsonl", []byte("{}\n"), "journal")
		if err != nil {
			t.Fatal(err)
		}
		tag, err := r.Tag("3.9.4", b, "Release 3.9.4")
		if err != nil {
			t.Fatal(err)
		}
		err = r.Push(t.Context(), []Update{
			{Ref: "refs/heads/" + branch, Old: first, New: b},
			{Ref: "refs/heads/3.10.x", New: first}, // nothing new to send for this one
			{Ref: "refs/tags/3.9.4", New: tag},
			{Ref: "refs/gio/journal", New: journal},
		})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"refs/heads/" + branch: string(b), "refs/heads/3.10.x": string(first),
			"refs/tags/3.9.4": string(tag), "refs/gio/journal": string(journal),
		}
		if d := cmp.Diff(want, gittest.Refs(t, dir)); d != "" {
			t.Error(d)
		}
		if r.Head() != b || r.Refs()["refs/tags/3.9.4^{}"] != b {
			t.Errorf("head %s, refs %v", r.Head(), r.Refs())
		}
		checkWithGit(t, dir, string(first), string(b))
	})
}

// checkWithGit reads what was pushed with the git program.
func checkWithGit(t *testing.T, dir, first, last string) {
	t.Helper()
	if out := gittest.Git(t, dir, "fsck", "--full", "--strict", "--no-dangling"); out != "" {
		t.Errorf("git fsck: %s", out)
	}
	changed := gittest.Git(t, dir, "diff-tree", "-r", "--no-renames", first, last)
	for _, want := range []string{":100755 100755 ", "M\tscripts/deep/build.sh", ":000000 100644 ", "A\tnew/dir/file"} {
		if !strings.Contains(changed, want) {
			t.Errorf("the change lacks %q:\n%s", want, changed)
		}
	}
	if strings.Count(changed, "\n") != 1 {
		t.Errorf("more than two files changed:\n%s", changed)
	}
	tag := gittest.Git(t, dir, "cat-file", "tag", "3.9.4")
	want := "object " + last + "\ntype commit\ntag 3.9.4\ntagger Gio <gio@example.org> 1654077600 +0200\n\nRelease 3.9.4"
	if d := cmp.Diff(want, tag); d != "" {
		t.Error(d)
	}
	log := gittest.Git(t, dir, "log", "--format=%s|%an|%ae|%cn|%ci", "-2", last)
	if d := cmp.Diff("two|Gio|gio@example.org|Gio|2022-06-01 12:00:00 +0200\none|Gio|gio@example.org|Gio|2022-06-01 12:00:00 +0200", log); d != "" {
		t.Error(d)
	}
}

func TestPushAgainAndAgain(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		r := open(t, url)
		for i := range 3 {
			if err := r.Push(t.Context(), commit(t, r, sprint("%d", i), sprint("3.9.%d", i))); err != nil {
				t.Fatal(err)
			}
		}
		if n := gittest.Git(t, dir, "rev-list", "--count", branch); n != "4" {
			t.Errorf("%s commits", n)
		}
		gittest.Git(t, dir, "fsck", "--full", "--strict")
	})
}

func TestCommitter(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	o := options(dir)
	o.Author, o.Committer = Author{Name: "A <a>\n"}, Author{"C", "c@example.org"}
	r, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Push(t.Context(), commit(t, r, "x", "1.0.0")); err != nil {
		t.Fatal(err)
	}
	got := gittest.Git(t, dir, "log", "-1", "--format=%an|%ae|%cn|%ce", branch)
	if got != "A a|gio@localhost|C|c@example.org" {
		t.Error(got)
	}
}

func TestCommitRefuses(t *testing.T) {
	t.Parallel()
	r := open(t, gittest.Bare(t, files, branch))
	for path, code := range map[string]string{
		"": "file-path", ".": "file-path", "/etc/passwd": "file-path", "a/../b": "file-path",
		"scripts": "file-path", "README.md/below": "file-path",
	} {
		_, err := r.Commit(r.Head(), path, nil, "s")
		wantFault(t, err, fault.Invalid, code)
	}
	_, err := r.Commit("1111111111111111111111111111111111111111", "a", nil, "s")
	wantFault(t, err, fault.NotFound, "commit-missing")
	_, err = r.Tag("a..b", r.Head(), "m")
	wantFault(t, err, fault.Invalid, "tag-name")
	_, err = r.Tag("a", "1111111111111111111111111111111111111111", "m")
	wantFault(t, err, fault.NotFound, "commit-missing")
	err = r.Push(t.Context(), []Update{{Ref: "refs/heads/x", New: "1111111111111111111111111111111111111111"}})
	wantFault(t, err, fault.NotFound, "commit-missing")
	wantFault(t, r.Push(t.Context(), nil), fault.Internal, "push-empty")
}

// A hook refuses the tag: the branch must not move, and the server's words must reach the operator.
func TestPushIsAtomic(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		gittest.Hook(t, dir, "update", `case "$1" in refs/tags/*) echo "GH006: tags are \033[31mprotected" >&2; exit 1;; esac`)
		before := gittest.Refs(t, dir)
		r := open(t, url)
		head := r.Head()
		err := r.Push(t.Context(), commit(t, r, "x", "3.9.4"))
		wantFault(t, err, fault.Stopped, "push-refused", "GH006: tags are", "refs/tags/3.9.4: hook declined", url)
		if strings.Contains(err.Error(), "\033") {
			t.Errorf("the error holds control characters: %q", err)
		}
		if d := cmp.Diff(before, gittest.Refs(t, dir)); d != "" {
			t.Error(d)
		}
		if r.Head() != head {
			t.Error("the head moved")
		}
		// The same objects go through once the server allows it.
		gittest.Hook(t, dir, "update", "exit 0")
		if err := r.Push(t.Context(), commit(t, r, "x", "3.9.4")); err != nil {
			t.Error(err)
		}
		gittest.Git(t, dir, "fsck", "--full", "--strict")
	})
}

func TestPushProtectedBranch(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		gittest.Hook(t, dir, "pre-receive", `echo "error: GH006: Protected branch update failed" >&2; exit 1`)
		before := gittest.Refs(t, dir)
		r := open(t, url)
		if err := r.ProvePush(t.Context()); err != nil {
			t.Errorf("the protection of a branch is not seen before: %v", err)
		}
		err := r.Push(t.Context(), commit(t, r, "x", "3.9.4"))
		wantFault(t, err, fault.Stopped, "push-refused", "GH006: Protected branch update failed", "pre-receive hook declined")
		if d := cmp.Diff(before, gittest.Refs(t, dir)); d != "" {
			t.Error(d)
		}
	})
}

func TestPushMoved(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		r := open(t, url)
		updates := commit(t, r, "x", "3.9.4")
		theirs := gittest.Push(t, dir, branch, map[string]string{"README.md": "theirs"}, "a colleague")
		err := r.Push(t.Context(), updates)
		if !errors.Is(err, ErrMoved) {
			t.Fatalf("got %v", err)
		}
		wantFault(t, err, fault.Invalid, "ref-moved", "refs/heads/"+branch)
		if d := cmp.Diff(map[string]string{"refs/heads/" + branch: theirs}, gittest.Refs(t, dir)); d != "" {
			t.Error(d)
		}
		if err := r.Fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.Push(t.Context(), commit(t, r, "x", "3.9.4")); err != nil {
			t.Fatal(err)
		}
		if got := gittest.Git(t, dir, "rev-parse", branch+"^"); got != theirs {
			t.Error("not on top of the colleague's commit")
		}
	})
}

func TestPushTagThatExists(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		r := open(t, url)
		gittest.Git(t, dir, "tag", "3.9.4", branch)
		err := r.Push(t.Context(), commit(t, r, "x", "3.9.4"))
		if !errors.Is(err, ErrMoved) || !strings.Contains(err.Error(), "refs/tags/3.9.4") {
			t.Errorf("got %v", err)
		}
		if got := gittest.Git(t, dir, "rev-parse", branch); got != string(r.Head()) {
			t.Error("the branch moved")
		}
	})
}

func TestConcurrentPushesOneWins(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		const drivers = 4
		var repos [drivers]*Repo
		for i := range repos { // all before the first push, so that all start from the same head
			repos[i] = open(t, url)
		}
		var errs [drivers]error
		var wg sync.WaitGroup
		for i, r := range repos {
			updates := commit(t, r, sprint("driver %d", i), sprint("3.9.%d", i))
			wg.Go(func() { errs[i] = r.Push(t.Context(), updates) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, ErrMoved) {
				t.Error(err)
			}
		}
		if refs := gittest.Refs(t, dir); won != 1 || len(refs) != 2 {
			t.Errorf("%d won, refs %v", won, refs)
		}
		gittest.Git(t, dir, "fsck", "--full", "--strict", "--no-dangling")
	})
}

// pushes calls act for every request that carries a push, and serves the others.
func pushes(act func() gittest.Action) gittest.Options {
	return gittest.Options{Intercept: func(r *http.Request) gittest.Action {
		if gittest.IsPush(r) {
			return act()
		}
		return gittest.Serve
	}}
}

func TestPushLostAnswer(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	r := open(t, gittest.HTTP(t, dir, pushes(func() gittest.Action { return gittest.DropAfter })).URL)
	updates := commit(t, r, "x", "3.9.4")
	if err := r.Push(t.Context(), updates); err != nil {
		t.Fatal(err)
	}
	if got := gittest.Git(t, dir, "rev-parse", branch); got != string(updates[0].New) || r.Head() != updates[0].New {
		t.Error("the push is not there")
	}
}

func TestPushThatNeverArrived(t *testing.T) {
	t.Parallel()
	for name, action := range map[string]gittest.Action{"dropped": gittest.DropBefore, "500": gittest.Fail} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := gittest.Bare(t, files, branch)
			r := open(t, gittest.HTTP(t, dir, pushes(func() gittest.Action { return action })).URL)
			head := r.Head()
			wantFault(t, r.Push(t.Context(), commit(t, r, "x", "3.9.4")), fault.Remote, "push-failed", "refs/tags/3.9.4")
			if r.Head() != head || len(gittest.Refs(t, dir)) != 1 {
				t.Error("something moved")
			}
		})
	}
}

func TestPushAnswerLostAndSomebodyElsePushed(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	server := gittest.HTTP(t, dir, pushes(func() gittest.Action {
		gittest.Push(t, dir, branch, map[string]string{"README.md": "theirs"}, "a colleague")
		return gittest.DropBefore
	}))
	r := open(t, server.URL)
	if err := r.Push(t.Context(), commit(t, r, "x", "3.9.4")); !errors.Is(err, ErrMoved) {
		t.Errorf("got %v", err)
	}
}

// Push retries reading the refs back, even when the caller is stopping.
func TestPushReadsBackAgain(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	pushed, failures := false, 1
	server := gittest.HTTP(t, dir, gittest.Options{
		Intercept: func(r *http.Request) gittest.Action {
			mu.Lock()
			defer mu.Unlock()
			if gittest.IsPush(r) {
				pushed = true
				return gittest.DropAfter
			}
			if pushed && failures > 0 {
				failures--
				return gittest.Fail
			}
			return gittest.Serve
		},
		Served: func(r *http.Request) {
			if gittest.IsPush(r) {
				cancel()
			}
		},
	})
	r := open(t, server.URL)
	if err := r.Push(ctx, commit(t, r, "x", "3.9.4")); err != nil {
		t.Error(err)
	}
}

func TestPushOutcomeUnknown(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	var mu sync.Mutex
	pushed := false
	server := gittest.HTTP(t, dir, gittest.Options{Intercept: func(r *http.Request) gittest.Action {
		mu.Lock()
		defer mu.Unlock()
		pushed = pushed || gittest.IsPush(r)
		if pushed {
			return gittest.DropBefore
		}
		return gittest.Serve
	}})
	r := open(t, server.URL)
	wantFault(t, r.Push(t.Context(), commit(t, r, "x", "3.9.4")), fault.Remote, "push-unknown", "refs/tags/3.9.4", server.URL)
}

func TestNoRightToPush(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	server := gittest.HTTP(t, dir, gittest.Options{DenyPush: true})
	r := open(t, server.URL)
	before := len(server.Requests())
	wantFault(t, r.ProvePush(t.Context()), fault.Auth, "git-auth", server.URL)
	for _, request := range server.Requests()[before:] {
		if request.Method != http.MethodGet {
			t.Errorf("proving the right to push sent %+v", request)
		}
	}
	wantFault(t, r.Push(t.Context(), commit(t, r, "x", "3.9.4")), fault.Auth, "git-auth")
}

func TestPushNeedsAtomic(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		gittest.Git(t, dir, "config", "receive.advertiseAtomic", "false")
		r := open(t, url)
		wantFault(t, r.ProvePush(t.Context()), fault.Remote, "no-atomic-push")
		wantFault(t, r.Push(t.Context(), commit(t, r, "x", "3.9.4")), fault.Remote, "no-atomic-push")
		if len(gittest.Refs(t, dir)) != 1 {
			t.Error("something moved")
		}
	})
}
