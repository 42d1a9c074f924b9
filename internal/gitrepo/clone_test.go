package gitrepo

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
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
		if needed, got := gittest.Git(t, dir, "count-objects", "-v"), gittest.Git(t, filepath.Join(folder, "bare.git"), "count-objects", "-v"); figure(needed, "count")+figure(needed, "in-pack") != figure(got, "in-pack") {
			t.Errorf("what was here already was downloaded again:\n%s\nof\n%s", got, needed)
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

// figure reads a number from the words of git count-objects.
func figure(words, name string) int {
	for _, line := range strings.Split(words, "\n") {
		if rest, ok := strings.CutPrefix(line, name+": "); ok {
			n, _ := strconv.Atoi(rest)
			return n
		}
	}
	return 0
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
	t.Parallel()
	c, err := OpenClone(t.Context(), CloneOptions{Dir: t.TempDir(), URL: gittest.Bare(t, files, branch), Branch: "mastre"})
	check(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_, err = c.Fetch(t.Context())
	wantFault(t, err, fault.NotFound, "branch-missing", "mastre")
}

// Not parallel, because it sets HOME.
func TestCloneOverSSH(t *testing.T) {
	bothSSH(t, func(t *testing.T, server *gittest.SSHServer, options func(url string) Options) {
		dir := gittest.Bare(t, nil, branch)
		server.Allow("key", sshHome(t, server))
		o := options("ssh://git@" + server.Address + dir)
		c, err := OpenClone(t.Context(), CloneOptions{Dir: t.TempDir(), URL: o.URL, Branch: branch, Credentials: o.Credentials})
		check(t, err)
		defer func() { _ = c.Close() }()
		if tip := fetch(t, c); tip != "" {
			t.Errorf("the tip of nothing is %s", tip)
		}
		first := make1(t, c, "", "one", Edit{Path: "a/b", Content: []byte("x")})
		check(t, c.Push(t.Context(), "", first))
		second := gittest.Push(t, dir, branch, map[string]string{"notes": "more\n"}, "second commit")
		if tip := fetch(t, c); string(tip) != second {
			t.Errorf("the tip is %s, want %s", tip, second)
		}
		if log, err := c.Log(t.Context()); err != nil || len(log) != 2 {
			t.Errorf("%d commits, %v", len(log), err)
		}
	})
}

// TestClonePacks: the folder does not fill up with small packs.
func TestClonePacks(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	folder := t.TempDir()
	c := openClone(t, folder, dir)
	c.packs = 3
	tip := fetch(t, c)
	for _, message := range []string{"1", "2", "3"} {
		next := make1(t, c, tip, message, Edit{Path: "n", Content: []byte(message)})
		check(t, c.Push(t.Context(), tip, next))
		tip = next
	}
	packs := func() int {
		found, err := filepath.Glob(filepath.Join(folder, "bare.git", "objects", "pack", "*.pack"))
		check(t, err)
		return len(found)
	}
	if n := packs(); n != 4 {
		t.Errorf("%d packs: what was pushed is not kept", n)
	}
	gittest.Push(t, dir, branch, map[string]string{"notes": "more\n"}, "theirs")
	fetch(t, c)
	if n := packs(); n != 1 {
		t.Errorf("%d packs", n)
	}
	if log, err := c.Log(t.Context()); err != nil || len(log) != 5 {
		t.Errorf("%d commits, %v", len(log), err)
	}
}

// TestCloneEdits: edits are made in their order, in folders that come and go.
func TestCloneEdits(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, map[string]string{"a/b/c": "1", "a.sh": "2", "a-b": "3"}, branch)
	c := openClone(t, t.TempDir(), dir)
	tip := fetch(t, c)
	old, err := c.Entry(t.Context(), tip, "a/b")
	check(t, err)
	program, err := c.Entry(t.Context(), tip, "a.sh")
	check(t, err)
	h := tip
	for _, test := range []struct {
		name  string
		edits []Edit
		want  string
	}{
		{"a file that is not there is removed", []Edit{{Path: "x/y"}}, "a-b:3 a.sh:2 a/b/c:1"},
		{"the last file of folders", []Edit{{Path: "a/b/c"}}, "a-b:3 a.sh:2"},
		{"a folder is emptied first", []Edit{{Path: "a"}, {Path: "a/x/y", Content: []byte("4")}, {Path: "a/x/z", Content: []byte("5")}}, "a-b:3 a.sh:2 a/x/y:4 a/x/z:5"},
		{"and last", []Edit{{Path: "a/x", Content: []byte("4")}, {Path: "a"}}, "a-b:3 a.sh:2"},
		{"what the history has", []Edit{{Path: "a", Entry: program}, {Path: "z/b", Entry: old}}, "a-b:3 a:2 a.sh:2 z/b/c:1"},
		{"by turns", []Edit{{Path: "a/x", Content: []byte("4")}, {Path: "z", Content: []byte("5")}, {Path: "a/y", Content: []byte("6")}}, "a-b:3 a.sh:2 a/b/c:1 a/x:4 a/y:6 z:5"},
		{"everything", []Edit{{Path: "a"}, {Path: "a.sh"}, {Path: "a-b"}}, ""},
	} {
		all, err := c.Changes(t.Context(), Commit{Hash: make1(t, c, tip, "x", test.edits...)})
		check(t, err)
		got := map[string]Entry{}
		for _, a := range all {
			got[a.Path] = a.After
		}
		want := map[string]Entry{}
		for _, line := range strings.Fields(test.want) {
			path, content, _ := strings.Cut(line, ":")
			entry := Entry{filemode.Regular, hashOf(plumbing.ComputeHash(plumbing.BlobObject, []byte(content)))}
			if content == "2" {
				entry.mode = filemode.Executable
			}
			want[path] = entry
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(Entry{})); d != "" {
			t.Errorf("%s: %s", test.name, d)
		}
		all, err = c.Changes(t.Context(), Commit{Hash: make1(t, c, "", "x", test.edits...)})
		if check(t, err); len(test.want) == 0 && len(all) > 0 {
			t.Errorf("%s, of nothing: %v", test.name, all)
		}
		if len(test.edits) == 3 {
			h = make1(t, c, h, test.name, test.edits...)
		}
	}
	check(t, c.Push(t.Context(), tip, h))
	if out := gittest.Git(t, dir, "fsck", "--full", "--strict", "--no-dangling"); out != "" {
		t.Errorf("git fsck: %s", out)
	}
	for _, path := range []string{"", ".", "/a", "a/../b", ".git/config", "x/.GIT", "a-b/c", "a.sh/b"} {
		_, err := c.Commit(t.Context(), tip, []Edit{{Path: path, Content: []byte("x")}}, stamp("x"))
		wantFault(t, err, fault.Invalid, "file-path")
	}
	_, err = c.Commit(t.Context(), Hash(strings.Repeat("1", 40)), nil, stamp("x"))
	wantFault(t, err, fault.NotFound, "commit-missing")
}

// TestCloneKeepsNoSecret: neither the folder nor an error has the password of an address, or the token.
func TestCloneKeepsNoSecret(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	server := gittest.HTTP(t, dir, gittest.Options{Token: "a-secret-token"})
	for url, credentials := range map[string]Credentials{
		server.URL: {Token: "a-secret-token", TokenHost: "127.0.0.1"},
		strings.Replace(server.URL, "http://", "http://ann:a-secret-token@", 1): {},
	} {
		folder := t.TempDir()
		c, err := OpenClone(t.Context(), CloneOptions{Dir: folder, URL: url, Branch: branch, Credentials: credentials})
		check(t, err)
		t.Cleanup(func() { _ = c.Close() })
		fetch(t, c)
		check(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			if strings.Contains(string(content), "a-secret-token") {
				t.Errorf("%s has the token", path)
			}
			return err
		}))
		if strings.Contains(c.Shown(), "a-secret-token") {
			t.Errorf("%s is shown", c.Shown())
		}
	}
}
