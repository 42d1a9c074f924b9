package gitops

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// fastImport pushes, with the modes of Git, what a person may have put into a repository.
func fastImport(t *testing.T, dir, commands string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "commands")
	head := "commit refs/heads/" + branch + "\ncommitter C <c@example.org> 1700000000 +0000\ndata 1\nx\n"
	if tip := gittest.Refs(t, dir)["refs/heads/"+branch]; tip != "" {
		head += "from " + tip + "\n"
	}
	if err := os.WriteFile(file, []byte(head+commands), 0o600); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "import.sh")
	if err := os.WriteFile(script, []byte("git fast-import --quiet <"+file), 0o600); err != nil {
		t.Fatal(err)
	}
	gittest.Git(t, dir, "-c", "alias.run=!sh "+script, "run")
}

// TestOddNeighbours: submodules, links and programs of others stay as they are, and those in the folder of an app go and come back.
func TestOddNeighbours(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, nil, branch)
	odd := func(folder string) string {
		return "M 160000 " + strings.Repeat("12", 20) + " " + folder + "sub\nM 120000 inline " + folder + "link\ndata 4\n../x\nM 100755 inline " + folder + "run.sh\ndata 2\nx\n\n" +
			"M 100644 inline " + folder + "crlf.yaml\ndata 6\na\r\nb\r\n\n"
	}
	fastImport(t, dir, odd("")+odd("staging/")+odd("staging/demo/"))
	was := folders(t, dir, branch)
	before := gitrepo.Hash(gittest.Git(t, dir, "rev-parse", branch))
	r := openAt(t, t.TempDir(), dir)
	one(t, r, deploy("e1", "demo", "1"))
	now := folders(t, dir, branch)
	if now["."] != was["."] || !strings.HasPrefix(now["staging"], was["staging"][:40]) || strings.Count(now["staging"], "\n") != 5 {
		t.Errorf("the neighbours are %s%s", now["."], now["staging"])
	}
	if strings.Contains(now["staging/demo"], "link") || strings.Count(now["staging/demo"], "\n") != 3 {
		t.Errorf("the app has %s", now["staging/demo"])
	}
	one(t, r, rollback("e2", "demo", before))
	if d := cmp.Diff(was, folders(t, dir, branch)); d != "" {
		t.Error(d)
	}
	straight(t, dir, map[string]int{"e1": 1, "e2": 1})
}

// TestInTheWay: where a folder must be and something else is, nothing is written, and the text says what to do.
func TestInTheWay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		commands, code string
		words          []string
	}{
		"a file for the app":         {"M 100644 inline staging/demo\ndata 1\nx\n", "gitops-in-the-way", []string{"staging/demo", "no folder"}},
		"a link for the app":         {"M 120000 inline staging/demo\ndata 1\nx\n", "gitops-in-the-way", []string{"staging/demo", "no folder"}},
		"a submodule for the app":    {"M 160000 " + strings.Repeat("12", 20) + " staging/demo\n", "gitops-in-the-way", []string{"staging/demo", "no folder"}},
		"a file for the environment": {"M 100644 inline staging\ndata 1\nx\n", "file-path", []string{"staging is a file", "must be a folder"}},
		"a link for the environment": {"M 120000 inline staging\ndata 1\nx\n", "file-path", []string{"staging is a symbolic link"}},
		"a submodule for it":         {"M 160000 " + strings.Repeat("12", 20) + " staging\n", "file-path", []string{"staging is a submodule"}},
		"a folder for the release":   {"M 100644 inline staging/release.json/x\ndata 1\nx\n", "gitops-in-the-way", []string{"staging/release.json", "no file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := gittest.Bare(t, nil, branch)
			fastImport(t, dir, test.commands)
			r := openAt(t, t.TempDir(), dir)
			// One that cannot be keeps nobody else from being pushed.
			other := deploy("e2", "demo", "1")
			other.Place.Env = "production"
			d := &driver{kept: map[string][]byte{}, wishes: []Wish{deploy("e1", "demo", "1"), other}}
			standings, err := d.drive(t.Context(), r)
			if err != nil || standings[0].State != Refused || standings[1].State != Landed {
				t.Fatalf("%+v, %v", standings, err)
			}
			if fault.CodeOf(standings[0].Err) != test.code {
				t.Errorf("got %v", standings[0].Err)
			}
			for _, w := range test.words {
				if !strings.Contains(standings[0].Err.Error(), w) {
					t.Errorf("the error does not say %q: %v", w, standings[0].Err)
				}
			}
			straight(t, dir, map[string]int{"e1": 0, "e2": 1})
		})
	}
}

// TestProtected: what the remote refuses is said in its words, and can be tried again.
func TestProtected(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, map[string]string{"README.md": "x\n"}, branch)
	gittest.Hook(t, dir, "pre-receive", `echo "error: GH006: Protected branch update failed" >&2; exit 1`)
	r := openAt(t, t.TempDir(), gittest.HTTP(t, dir, gittest.Options{}).URL)
	standings, err := r.Settle(t.Context(), []Intent{{Wish: deploy("e1", "demo", "1")}})
	if err != nil {
		t.Fatal(err)
	}
	err = r.Push(t.Context(), Chain(standings))
	if fault.CodeOf(err) != "push-refused" || fault.KindOf(err) != fault.Stopped || !strings.Contains(err.Error(), "GH006: Protected branch") {
		t.Errorf("got %v", err)
	}
	gittest.Hook(t, dir, "pre-receive", "exit 0")
	again, err := r.Settle(t.Context(), []Intent{standings[0].Intent})
	if err != nil || again[0].Fresh || again[0].Intent.Hash() != standings[0].Intent.Hash() {
		t.Errorf("%+v, %v", again, err)
	}
	if err := r.Push(t.Context(), Chain(again)); err != nil {
		t.Error(err)
	}
	straight(t, dir, map[string]int{"e1": 1})
}

// TestSameMeanwhile: when somebody else makes the same change first, there is nothing left to commit.
func TestSameMeanwhile(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, nil, branch)
	ours, theirs := openAt(t, t.TempDir(), dir), openAt(t, t.TempDir(), dir)
	standings, err := ours.Settle(t.Context(), []Intent{{Wish: deploy("e1", "demo", "1")}})
	if err != nil {
		t.Fatal(err)
	}
	one(t, theirs, deploy("e2", "demo", "1"))
	for range 2 { // it sees that from the remote's refusal, and once it has fetched by itself
		if err := ours.Push(t.Context(), Chain(standings)); !errors.Is(err, gitrepo.ErrMoved) || fault.CodeOf(err) != "ref-moved" {
			t.Errorf("got %v", err)
		}
		if _, err := ours.Fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	again, err := ours.Settle(t.Context(), []Intent{standings[0].Intent})
	if err != nil || again[0].State != Unchanged {
		t.Errorf("%+v, %v", again, err)
	}
	straight(t, dir, map[string]int{"e1": 0, "e2": 1})
}

// TestForcedAway: what somebody removed from the branch by force is not there, and is made again.
func TestForcedAway(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, map[string]string{"README.md": "x\n"}, branch)
	before := gittest.Git(t, dir, "rev-parse", branch)
	r := openAt(t, t.TempDir(), dir)
	w := deploy("e1", "demo", "1")
	one(t, r, w)
	gittest.Git(t, dir, "update-ref", "refs/heads/"+branch, before)
	gittest.Push(t, dir, branch, map[string]string{"README.md": "y\n"}, "theirs")
	one(t, r, w)
	straight(t, dir, map[string]int{"e1": 1})
}

// TestSeveralAtOnce carries many apps in one push, each by a commit of its own, and finds each of them again.
func TestSeveralAtOnce(t *testing.T) {
	t.Parallel()
	const apps = 50
	dir := gittest.Bare(t, nil, branch)
	tr := &trouble{at: 1, act: func() gittest.Action {
		gittest.Push(t, dir, branch, map[string]string{"README.md": "theirs\n"}, "a person's")
		return gittest.Serve
	}}
	server := gittest.HTTP(t, dir, gittest.Options{Intercept: tr.intercept})
	r := openAt(t, t.TempDir(), server.URL)
	d := &driver{kept: map[string][]byte{}}
	effects := map[string]int{}
	for i := range apps {
		w := deploy(fmt.Sprintf("e%d", i), fmt.Sprintf("app-%d", i), "1")
		d.wishes, effects[w.Effect] = append(d.wishes, w), 1
	}
	standings, err := d.drive(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if tr.pushes != 2 {
		t.Errorf("%d pushes: one is refused, for the branch has moved, and one is all", tr.pushes)
	}
	last := straight(t, dir, effects)
	for _, s := range standings {
		if s.State != Landed || s.Intent.Hash() != last[s.Intent.Wish.Effect] {
			t.Errorf("%s is %s at %s, want %s", s.Intent.Wish.Effect, s.State, s.Intent.Hash(), last[s.Intent.Wish.Effect])
		}
	}
	for _, changed := range strings.Split(gittest.Git(t, dir, "log", "--format=", "--shortstat", "--grep=Gio-Effect", branch), "\n") {
		if changed != "" && !strings.Contains(changed, "4 files changed") {
			t.Errorf("a commit of one app says %q", changed)
		}
	}
}

// TestChainAfterCrash: of a chain that was kept one driver goes on with a part, in another order, with one more; nothing is there twice
// when what was sent before arrives after all.
func TestChainAfterCrash(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, map[string]string{"README.md": "x\n"}, branch)
	r, late := openAt(t, t.TempDir(), dir), openAt(t, t.TempDir(), dir)
	wishes := []Wish{deploy("e1", "a", "1"), deploy("e2", "b", "1"), deploy("e3", "c", "1")}
	settle := func(r *Repository, intents ...Intent) []Standing {
		t.Helper()
		standings, err := r.Settle(t.Context(), intents)
		if err != nil {
			t.Fatal(err)
		}
		return standings
	}
	kept := settle(r, Intent{Wish: wishes[0]}, Intent{Wish: wishes[1]}, Intent{Wish: wishes[2]})
	old := Chain(kept)
	settle(late, old...) // so that it can push them

	// The same ones, given in another order and with one more, stay as they are.
	more := settle(r, kept[2].Intent, kept[0].Intent, Intent{Wish: deploy("e4", "d", "1")}, kept[1].Intent)
	for i, want := range []gitrepo.Hash{kept[2].Intent.Hash(), kept[0].Intent.Hash(), "", kept[1].Intent.Hash()} {
		if want != "" && (more[i].Fresh || more[i].Intent.Hash() != want) || want == "" && (!more[i].Fresh || more[i].Intent.Base != kept[2].Intent.Hash()) {
			t.Errorf("%d: %+v", i, more[i])
		}
	}
	// The last two alone, as by a driver that knows nothing of the first, get other commits.
	part := settle(r, kept[1].Intent, kept[2].Intent)
	if !part[0].Fresh || !part[1].Fresh || part[0].Intent.Hash() == kept[1].Intent.Hash() {
		t.Errorf("%+v", part)
	}
	// What was sent first arrives after all: the push of the others is refused, and they are found by their effects.
	if err := late.Push(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if err := r.Push(t.Context(), Chain(part)); fault.CodeOf(err) != "ref-moved" {
		t.Errorf("got %v", err)
	}
	for i, s := range settle(r, part[0].Intent, part[1].Intent) {
		if s.State != Landed || s.Intent.Hash() != kept[i+1].Intent.Hash() {
			t.Errorf("%+v", s)
		}
	}
	straight(t, dir, map[string]int{"e1": 1, "e2": 1, "e3": 1})
}

// TestWaiting: the second of two that wish the same is not told that nothing changes before the first has landed.
func TestWaiting(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, nil, branch)
	r := openAt(t, t.TempDir(), dir)
	intents := []Intent{{Wish: deploy("e1", "demo", "1")}, {Wish: deploy("e2", "demo", "1")}}
	standings, err := r.Settle(t.Context(), intents)
	if err != nil || standings[0].State != Planned || standings[1].State != Waiting {
		t.Fatalf("%+v, %v", standings, err)
	}
	if err := r.Push(t.Context(), Chain(standings)); err != nil {
		t.Fatal(err)
	}
	standings, err = r.Settle(t.Context(), intents)
	if err != nil || standings[0].State != Landed || standings[1].State != Unchanged {
		t.Errorf("%+v, %v", standings, err)
	}
}

// TestTogether: several drivers and a reader of one program use one repository.
func TestTogether(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, nil, branch)
	r := openAt(t, t.TempDir(), dir)
	var all sync.WaitGroup
	effects := map[string]int{}
	for i := range 3 {
		effects[fmt.Sprintf("e%d", i)] = 1
		d := &driver{kept: map[string][]byte{}, wishes: []Wish{deploy(fmt.Sprintf("e%d", i), fmt.Sprintf("app-%d", i), "1")}}
		all.Go(func() {
			if standings, err := d.drive(t.Context(), r); err != nil || standings[0].State != Landed {
				t.Errorf("%+v, %v", standings, err)
			}
		})
	}
	all.Go(func() {
		for range 20 {
			if _, err := r.Status(t.Context(), staging, ""); err != nil {
				t.Error(err)
			}
		}
	})
	all.Wait()
	straight(t, dir, effects)
}

// TestFiguresOfBatches measures one push of fifty apps beside a push for each.
func TestFiguresOfBatches(t *testing.T) {
	if !*figures {
		t.Skip("needs -figures")
	}
	const apps = 50
	took := func(together bool) time.Duration {
		dir := gittest.Bare(t, nil, branch)
		r := openAt(t, t.TempDir(), gittest.HTTP(t, dir, gittest.Options{}).URL)
		one(t, r, deploy("e", "first", "1"))
		var wishes []Wish
		for i := range apps {
			wishes = append(wishes, deploy(fmt.Sprintf("e%d", i), fmt.Sprintf("app-%d", i), "1"))
		}
		began := time.Now()
		if together {
			carry(t, r, wishes...)
		}
		for i := range wishes {
			if !together {
				carry(t, r, wishes[i])
			}
		}
		return time.Since(began)
	}
	single, all := took(false), took(true)
	fmt.Printf("  %d apps, a push for each ÷ one push of all: %.1f (%s and %s)\n", apps, single.Seconds()/all.Seconds(), single.Round(time.Millisecond), all.Round(time.Millisecond))
}
