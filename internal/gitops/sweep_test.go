package gitops

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// seed is a repository in which demo was deployed three times, with others' commits between.
type seed struct {
	dir, clone string // a folder that has it
	c1, c2, c3 gitrepo.Hash
}

func newSeed(t *testing.T) seed {
	t.Helper()
	s := seed{clone: t.TempDir(), dir: gittest.Bare(t, map[string]string{"README.md": "ours\n", "staging/flux/kustomization.yaml": "kind: Kustomization\n"}, branch)}
	r := openAt(t, s.clone, s.dir)
	s.c1 = one(t, r, deploy("e1", "demo", "1"))
	gittest.Push(t, s.dir, branch, map[string]string{"README.md": "theirs\n"}, "a person's")
	s.c2 = one(t, r, deploy("e2", "demo", "2"))
	one(t, r, deploy("e3", "other", "1"))
	s.c3 = one(t, r, deploy("e4", "demo", "3"))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// swept is a wish, and what there must be once it has come true.
type swept struct {
	wish    func(s seed) Wish
	commits int
	like    func(s seed) gitrepo.Hash // demo is as in this commit; "" for gone
}

func sweeps() map[string]swept {
	return map[string]swept{
		"deploy":   {func(seed) Wish { return deploy("e9", "demo", "4") }, 1, nil},
		"delete":   {func(seed) Wish { return remove("e9", "demo") }, 1, func(seed) gitrepo.Hash { return "" }},
		"rollback": {func(s seed) Wish { return rollback("e9", "demo", s.c1) }, 2, func(s seed) gitrepo.Hash { return s.c1 }},
	}
}

// TestKillSweep dies at every step of a deployment, a deletion and a rollback, while the network does its worst: another driver goes
// on with what was kept, and everything is there once.
func TestKillSweep(t *testing.T) {
	t.Parallel()
	s := newSeed(t)
	died := 0
	for kind, of := range sweeps() {
		for bad, steps := range troubles {
			for _, n := range steps {
				if *figures || bad == "moved" && (n == 3 || n == 5) || kind == "rollback" && n != 1 && n != 4 {
					t.Run(fmt.Sprintf("%s/%s/%d", kind, bad, n), func(t *testing.T) {
						t.Parallel()
						sweep(t, s, of, bad, n)
					})
					died++
				}
			}
		}
	}
	t.Cleanup(func() {
		if *figures && !t.Failed() {
			fmt.Printf("  %d ways to die, each with one commit for each that was wished\n", died)
		}
	})
}

var figures = flag.Bool("figures", false, "print figures, and try everything")

// troubles are what happens to the first push, and the steps after which the driver dies; 0 is never. Before each push there are two,
// after it one.
var troubles = map[string][]int{
	"nothing":     {0, 1, 2, 3},
	"lost answer": {0, 1, 2, 3},
	"moved":       {0, 1, 2, 3, 4, 5, 6},
	"not sent":    {0, 1, 2, 3, 4, 5, 6},
	"refused":     {0, 1, 2, 3, 4, 5, 6},
}

// sweep dies at the n-th step; 0 is never.
func sweep(t *testing.T, s seed, of swept, bad string, n int) {
	dir := gittest.Copy(t, s.dir)
	tr := &trouble{at: 1, act: func() gittest.Action {
		switch bad {
		case "lost answer":
			return gittest.DropAfter
		case "moved":
			gittest.Push(t, dir, branch, map[string]string{"production/flux/x.yaml": "flux\n"}, "Flux's own")
		case "not sent":
			return gittest.DropBefore
		case "refused":
			return gittest.Fail
		}
		return gittest.Serve
	}}
	url := gittest.HTTP(t, dir, gittest.Options{Intercept: tr.intercept}).URL
	folder, wish, steps := t.TempDir(), of.wish(s), 0
	d := &driver{kept: map[string][]byte{}, wishes: []Wish{wish}}
	d.dies = func(string) bool { steps++; return steps == n }
	if err := os.CopyFS(folder, os.DirFS(s.clone)); err != nil {
		t.Fatal(err)
	}
	r := openAt(t, folder, url)
	standings, err := d.drive(t.Context(), r)
	if n > 0 && !errors.Is(err, errDied) {
		t.Fatalf("it did not die at step %d: %v", n, err)
	}
	if n > 0 {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		d.dies = nil
		r = openAt(t, folder, url)
		standings, err = d.drive(t.Context(), r)
	}
	if err != nil || standings[0].State != Landed || len(standings[0].Intent.Hashes) != of.commits {
		t.Fatalf("%+v, %v", standings, err)
	}
	if got := straight(t, dir, map[string]int{"e1": 1, "e2": 1, "e3": 1, "e4": 1, "e9": of.commits}); got["e9"] != standings[0].Intent.Hash() {
		t.Errorf("the commit is %s, the intent says %s", got["e9"], standings[0].Intent.Hash())
	}
	now := folders(t, dir, branch)
	if want := ""; of.like != nil {
		if h := of.like(s); h != "" {
			want = folders(t, dir, string(h))["staging/demo"]
		}
		if now["staging/demo"] != want {
			t.Errorf("the app is %q, want %q", now["staging/demo"], want)
		}
	}
	was := folders(t, s.dir, branch)
	for _, folder := range []string{".", "staging/flux", "staging/other"} {
		if now[folder] != was[folder] {
			t.Errorf("%s is\n%swas\n%s", folder, now[folder], was[folder])
		}
	}
	if now["production/flux"] == "" && tr.pushes > 0 && bad == "moved" {
		t.Error("the commit that came in between is gone")
	}
}

// folders lists the files of a commit by their folders.
func folders(t *testing.T, dir, at string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, line := range strings.Split(gittest.Git(t, dir, "ls-tree", "-r", at), "\n") {
		_, file, _ := strings.Cut(line, "\t")
		all[path.Dir(file)] += line + "\n"
	}
	return all
}
