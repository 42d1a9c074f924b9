package gitrepo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

func openClone(t *testing.T, dir, url string) *Clone {
	t.Helper()
	c, err := OpenClone(t.Context(), CloneOptions{Dir: dir, URL: url, Branch: branch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func fetch(t *testing.T, c *Clone) Hash {
	t.Helper()
	tip, err := c.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

// stamp is the same for all, so that the hash depends on the rest alone.
func stamp(message string) Stamp {
	return Stamp{Author: Author{"Gio", "gio@example.org"}, Time: time.Date(2026, 11, 30, 12, 0, 0, 999, time.FixedZone("", 3600)), Message: message}
}

func make1(t *testing.T, c *Clone, parent Hash, message string, edits ...Edit) Hash {
	t.Helper()
	h, err := c.Commit(t.Context(), parent, edits, stamp(message))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// emptyWires are wires to an empty repository.
func emptyWires(t *testing.T, test func(t *testing.T, dir, url string)) {
	wires(t, func(t *testing.T, dir, url string) {
		empty := gittest.Bare(t, nil, branch)
		url = strings.Replace(url, dir, empty, 1)
		if strings.HasPrefix(url, "http") {
			url = gittest.HTTP(t, empty, gittest.Options{}).URL
		}
		test(t, empty, url)
	})
}

// TestCloneOfNothing: the first push to an empty repository makes the branch, and others find it.
func TestCloneOfNothing(t *testing.T) {
	emptyWires(t, func(t *testing.T, dir, url string) {
		c := openClone(t, t.TempDir(), url)
		if tip := fetch(t, c); tip != "" {
			t.Fatalf("the tip of nothing is %s", tip)
		}
		first := make1(t, c, "", "one", Edit{Path: "staging/demo/a.yaml", Content: []byte("a: 1\r\n")}, Edit{Path: "staging/demo/release.json", Content: []byte("{}\n")})
		if again := make1(t, c, "", "one", Edit{Path: "staging/demo/a.yaml", Content: []byte("a: 1\r\n")}, Edit{Path: "staging/demo/release.json", Content: []byte("{}\n")}); again != first {
			t.Errorf("the same commit is %s and %s", first, again)
		}
		second := make1(t, c, first, "two", Edit{Path: "staging/demo"}, Edit{Path: "staging/demo/b.yaml", Content: []byte{}})
		if err := c.Push(t.Context(), "", second); err != nil {
			t.Fatal(err)
		}
		if got := gittest.Git(t, dir, "log", "--format=%H %an %ae %cn %ct %s", branch); got != string(second)+" Gio gio@example.org Gio 1796036400 two\n"+
			string(first)+" Gio gio@example.org Gio 1796036400 one" {
			t.Error(got)
		}
		if got := gittest.Git(t, dir, "ls-tree", "-r", "--name-only", branch); got != "staging/demo/b.yaml" {
			t.Error(got)
		}
		if out := gittest.Git(t, dir, "fsck", "--full", "--strict", "--no-dangling"); out != "" {
			t.Errorf("git fsck: %s", out)
		}
		other := openClone(t, t.TempDir(), url)
		if tip := fetch(t, other); tip != second {
			t.Errorf("another clone has the tip %s", tip)
		}
		for _, h := range []Hash{first, second} {
			if found, err := other.Contains(t.Context(), h); !found || err != nil {
				t.Errorf("%s: %v, %v", h, found, err)
			}
		}
		if found, err := other.Contains(t.Context(), Hash(strings.Repeat("1", 40))); found || err != nil {
			t.Errorf("it contains what is nowhere: %v", err)
		}
		if out := gittest.Git(t, filepath.Join(c.dir, "bare.git"), "fsck", "--full"); out != "" {
			t.Errorf("git fsck of the clone: %s", out)
		}
	})
}

// TestCloneGrows: what is new is downloaded, and nothing else; a history that was replaced is read anew.
func TestCloneGrows(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		folder := t.TempDir()
		c := openClone(t, folder, url)
		first := fetch(t, c)
		second := gittest.Push(t, dir, branch, map[string]string{"notes": "more\n"}, "second commit")
		if tip := fetch(t, c); string(tip) != second {
			t.Errorf("the tip is %s, want %s", tip, second)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		c = openClone(t, folder, url)
		third := gittest.Push(t, dir, branch, map[string]string{"notes": "even more\n"}, "third commit")
		fetch(t, c)
		log, err := c.Log(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var hashes []string
		for _, l := range log {
			hashes = append(hashes, string(l.Hash))
		}
		if d := cmp.Diff([]string{string(first), second, third}, hashes); d != "" {
			t.Error(d)
		}
		changes, err := c.Changes(t.Context(), log[2])
		if err != nil || len(changes) != 1 || changes[0].Path != "notes" {
			t.Errorf("the changes are %v, %v", changes, err)
		}
		if content, err := c.Content(t.Context(), changes[0].Before); err != nil || string(content) != "more\n" {
			t.Errorf("%q, %v", content, err)
		}
		objects, err := filepath.Glob(filepath.Join(folder, "bare.git", "objects", "pack", "*.pack"))
		if err != nil || len(objects) != 3 {
			t.Errorf("%d packs, %v", len(objects), err)
		}
		// Somebody pushes by force.
		gittest.Git(t, dir, "update-ref", "refs/heads/"+branch, string(first))
		fourth := gittest.Push(t, dir, branch, map[string]string{"other": "x\n"}, "fourth commit")
		if tip := fetch(t, c); string(tip) != fourth {
			t.Errorf("the tip is %s, want %s", tip, fourth)
		}
		if found, err := c.Contains(t.Context(), Hash(third)); found || err != nil {
			t.Errorf("the branch contains what it lost: %v", err)
		}
		if log, err := c.Log(t.Context()); err != nil || len(log) != 2 {
			t.Errorf("%d commits, %v", len(log), err)
		}
	})
}

// TestCloneDamaged: whatever happens to the folder, it is made anew.
func TestCloneDamaged(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, bare string){
		"emptied":       func(t *testing.T, bare string) { check(t, os.RemoveAll(bare)) },
		"without packs": func(t *testing.T, bare string) { check(t, os.RemoveAll(filepath.Join(bare, "objects", "pack"))) },
		"cut off": func(t *testing.T, bare string) {
			each(t, bare, "*.pack", func(f string) { check(t, os.Truncate(f, 40)) })
		},
		"without index": func(t *testing.T, bare string) { each(t, bare, "*.idx", func(f string) { check(t, os.Remove(f)) }) },
		"half an index": func(t *testing.T, bare string) {
			each(t, bare, "*.idx", func(f string) { check(t, os.Truncate(f, 1060)) })
		},
		"another's head": func(t *testing.T, bare string) {
			check(t, os.WriteFile(filepath.Join(bare, "refs", "heads", branch), []byte("x"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := gittest.Bare(t, files, branch)
			folder := t.TempDir()
			c := openClone(t, folder, dir)
			fetch(t, c)
			check(t, c.Close())
			damage(t, filepath.Join(folder, "bare.git"))
			check(t, os.WriteFile(filepath.Join(folder, "bare.git", "objects", "pack", "tmp_pack_1"), nil, 0o600), name == "emptied" || name == "without packs")
			c = openClone(t, folder, dir)
			tip := fetch(t, c)
			e, err := c.Entry(t.Context(), tip, "README.md")
			check(t, err)
			if content, err := c.Content(t.Context(), e); err != nil || string(content) != files["README.md"] {
				t.Errorf("%q, %v", content, err)
			}
			if log, err := c.Log(t.Context()); err != nil || len(log) != 1 {
				t.Errorf("%d commits, %v", len(log), err)
			}
			if out := gittest.Git(t, filepath.Join(folder, "bare.git"), "fsck", "--full"); out != "" {
				t.Errorf("git fsck: %s", out)
			}
		})
	}
}

func check(t *testing.T, err error, maybe ...bool) {
	t.Helper()
	if err != nil && (len(maybe) == 0 || !maybe[0]) {
		t.Fatal(err)
	}
}

func each(t *testing.T, bare, pattern string, do func(string)) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(bare, "objects", "pack", pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("nothing to damage: %v", err)
	}
	for _, f := range found {
		check(t, os.Chmod(f, 0o600))
		do(f)
	}
}

func TestCloneIsUsedByOne(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	folder := t.TempDir()
	c := openClone(t, folder, dir)
	_, err := OpenClone(t.Context(), CloneOptions{Dir: folder, URL: dir, Branch: branch})
	wantFault(t, err, fault.Stopped, "clone-in-use", folder)
	check(t, c.Close())
	openClone(t, folder, dir)
}

func TestCloneWithoutBranch(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		c, err := OpenClone(t.Context(), CloneOptions{Dir: t.TempDir(), URL: url, Branch: "mastre"})
		check(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = c.Fetch(t.Context())
		wantFault(t, err, fault.NotFound, "branch-missing", "mastre")
	})
}
