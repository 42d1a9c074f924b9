package gitops

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// subjects lists the first lines of the newest commits, the newest first.
func subjects(t *testing.T, dir string, n int) []string {
	t.Helper()
	all := strings.Split(gittest.Git(t, dir, "log", "--format=%s", branch), "\n")
	return all[:n]
}

// like compares the folder of an app at two commits.
func like(t *testing.T, dir, app, at, want string) {
	t.Helper()
	if d := cmp.Diff(gittest.Git(t, dir, "ls-tree", want, "staging/"+app), gittest.Git(t, dir, "ls-tree", at, "staging/"+app)); d != "" {
		t.Errorf("%s at %.10s: %s", app, at, d)
	}
}

// TestRollback goes back, once more, to where it is, and forward again.
func TestRollback(t *testing.T) {
	t.Parallel()
	s := newSeed(t)
	r := openAt(t, s.clone, s.dir)
	env := func(at gitrepo.Hash) string {
		return gittest.Git(t, s.dir, "rev-parse", string(at)+":staging/release.json")
	}

	first := carry(t, r, rollback("b1", "demo", s.c1))[0]
	want := []string{`Revert "[Gimlet] staging/demo automated deploy"`, `Revert "[Gimlet] staging/demo automated deploy"`, "[Gimlet] staging/demo automated deploy"}
	if d := cmp.Diff(want, subjects(t, s.dir, 3)); d != "" || len(first) != 2 {
		t.Errorf("%d commits: %s", len(first), d)
	}
	body := gittest.Git(t, s.dir, "log", "-1", "--format=%B", string(first[0]))
	if d := cmp.Diff("Revert \"[Gimlet] staging/demo automated deploy\"\n\nThis reverts commit "+string(s.c3)+".\n\nGio-Effect: b1\n", body); d != "" {
		t.Error(d)
	}
	like(t, s.dir, "demo", string(first[0]), string(s.c2)) // one revert for each commit
	like(t, s.dir, "demo", branch, string(s.c1))
	like(t, s.dir, "other", branch, string(s.c3))
	// Of the release.json of the environment what demo wrote last is undone, and what other wrote stays.
	if got := env(first[1]); got != env(s.c3+"^") {
		t.Errorf("the last release of the environment is %s", got)
	}

	if again := carry(t, r, rollback("b2", "demo", s.c1))[0]; len(again) != 0 {
		t.Errorf("a rollback to what is current made %d commits", len(again))
	}
	if again := carry(t, r, rollback("b3", "demo", gitrepo.Hash(string(s.c1)[:9])))[0]; len(again) != 0 {
		t.Errorf("a rollback to what is current, by 9 digits, made %d commits", len(again))
	}

	// Forward again, to what was rolled back: its reverts are reverted, and it is no longer rolled back.
	if forward := carry(t, r, rollback("b4", "demo", s.c3))[0]; len(forward) != 2 {
		t.Errorf("%d commits", len(forward))
	}
	like(t, s.dir, "demo", branch, string(s.c3))
	if found, err := r.Releases(t.Context(), staging, Query{App: "demo"}); err != nil || effectsOf(found) != "e4 e2 e1" {
		t.Errorf("%q, %v", effectsOf(found), err)
	}
	if status, err := r.Status(t.Context(), staging, "demo"); err != nil || status["demo"].GitopsRef != string(s.c3) {
		t.Errorf("%+v, %v", status["demo"], err)
	}

	straight(t, s.dir, map[string]int{"b1": 2, "b2": 0, "b3": 0, "b4": 2})
}

// TestRollbackSkips: what has been reverted is not reverted again, and another's change of the folder goes, too.
func TestRollbackSkips(t *testing.T) {
	t.Parallel()
	s := newSeed(t)
	r := openAt(t, s.clone, s.dir)
	if got := len(carry(t, r, rollback("b1", "demo", s.c2))[0]); got != 1 {
		t.Errorf("%d commits", got)
	}
	c4 := one(t, r, deploy("e5", "demo", "4"))
	gittest.Push(t, s.dir, branch, map[string]string{"staging/demo/replicas.yaml": "replicas: 7\n", "staging/other/x.yaml": "theirs\n"}, "a person scales")
	one(t, r, remove("e6", "demo"))
	back := carry(t, r, rollback("b2", "demo", s.c1))[0]
	if got := len(back); got != 4 { // the deletion, the person's, c4 and c2; neither c3 nor its revert
		t.Errorf("%d commits: %v", got, subjects(t, s.dir, 6))
	}
	like(t, s.dir, "demo", string(back[1]), string(c4))
	like(t, s.dir, "demo", branch, string(s.c1))
	if got := gittest.Git(t, s.dir, "cat-file", "blob", branch+":staging/other/x.yaml"); got != "theirs" {
		t.Errorf("another app lost %q", got)
	}
	straight(t, s.dir, map[string]int{"b1": 1, "b2": 4})
}

// TestRollbackTo names commits that are no releases of the app.
func TestRollbackTo(t *testing.T) {
	t.Parallel()
	s := newSeed(t)
	person := gitrepo.Hash(gittest.Git(t, s.dir, "rev-parse", string(s.c2)+"^"))
	for name, test := range map[string]struct {
		to      gitrepo.Hash
		commits int
		like    string
	}{
		"a person's, after c1": {person, 2, string(s.c1)},
		"before the app was":   {gitrepo.Hash(gittest.Git(t, s.dir, "rev-parse", string(s.c1)+"^")), 3, string(s.c1) + "^"},
		"nowhere":              {gitrepo.Hash(strings.Repeat("12", 20)), 3, string(s.c1) + "^"}, // as Gimlet does
		"six digits":           {s.c2[:6], 3, string(s.c1) + "^"},                               // too few to be taken for a commit
		"now":                  {gitrepo.Hash(gittest.Git(t, s.dir, "rev-parse", branch)), 0, string(s.c3)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := gittest.Copy(t, s.dir)
			r := openAt(t, t.TempDir(), dir)
			if got := len(carry(t, r, rollback("b1", "demo", test.to))[0]); got != test.commits {
				t.Errorf("%d commits", got)
			}
			like(t, dir, "demo", branch, test.like)
			like(t, dir, "other", branch, string(s.c3))
		})
	}
}

// TestDelete deletes an app, then nothing, and never the folder of the environment.
func TestDelete(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, nil, branch)
	r := openAt(t, t.TempDir(), dir)
	one(t, r, deploy("e1", "demo", "1"))
	w := remove("e2", "demo")
	w.By = "ann\nGio-Effect: e1"
	one(t, r, w)
	if d := cmp.Diff("[Gimlet] staging/demo deleted by ann Gio-Effect: e1\n\nGio-Effect: e2\n", gittest.Git(t, dir, "log", "-1", "--format=%B", branch)); d != "" {
		t.Error(d)
	}
	if got := tree(t, dir, branch, "."); got != "staging/release.json" {
		t.Error(got)
	}
	if again := carry(t, r, remove("e3", "demo"), remove("e4", "never"))[0]; len(again) != 0 {
		t.Errorf("a second deletion made %d commits", len(again))
	}
	straight(t, dir, map[string]int{"e1": 1, "e2": 1})
}

// TestPlaces: where the files of an environment are.
func TestPlaces(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, map[string]string{"clusters/qa/staging/demo/stale.yaml": "x\n", "demo/stale.yaml": "x\n"}, branch)
	r := openAt(t, t.TempDir(), dir)
	for i, p := range []Place{{Env: "staging", Path: "clusters/qa"}, {Env: "staging", Alone: true}, {Env: "staging", Path: "deep", Alone: true}} {
		w := deploy("e"+string(rune('a'+i)), "demo", "1")
		w.Place = p
		one(t, r, w)
		w.Kind, w.Effect = Delete, w.Effect+"gone"
		if i == 2 {
			one(t, r, w)
		}
	}
	want := []string{
		"clusters/qa/staging/demo/deployment.yaml", "clusters/qa/staging/demo/release.json", "clusters/qa/staging/demo/service.yaml", "clusters/qa/staging/release.json",
		"deep/release.json", "demo/deployment.yaml", "demo/release.json", "demo/service.yaml", "release.json",
	}
	if d := cmp.Diff(want, strings.Split(tree(t, dir, branch, "."), "\n")); d != "" {
		t.Error(d)
	}
}

// TestWishesRefused: what would be a path in Git is looked at once more.
func TestWishesRefused(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, nil, branch)
	r := openAt(t, t.TempDir(), dir)
	var wishes []Intent
	for _, change := range []func(w *Wish){
		func(w *Wish) { w.App = ".." }, func(w *Wish) { w.App = "a/b" }, func(w *Wish) { w.App = "" }, func(w *Wish) { w.App = ".git" },
		func(w *Wish) { w.App = "a..b" }, func(w *Wish) { w.App = strings.Repeat("a", 64) }, func(w *Wish) { w.App = "demo\n" },
		func(w *Wish) { w.Place.Env = "-x" }, func(w *Wish) { w.Place.Path = "../x" }, func(w *Wish) { w.Place.Path = "/x" }, func(w *Wish) { w.Place.Path = "x/.git" },
		func(w *Wish) { w.Effect = "a\nb" }, func(w *Wish) { w.Files = nil }, func(w *Wish) { w.Release = nil }, func(w *Wish) { w.Kind = "move" },
		func(w *Wish) { w.Files = map[string][]byte{"../x.yaml": nil} }, func(w *Wish) { w.Files = map[string][]byte{"release.json": nil} },
		func(w *Wish) { w.Files = map[string][]byte{".GIT": nil} }, func(w *Wish) { w.Files = map[string][]byte{`a\b`: nil} },
		func(w *Wish) { w.Kind, w.To = Rollback, "" },
	} {
		w := deploy("e1", "demo", "1")
		change(&w)
		wishes = append(wishes, Intent{Wish: w})
	}
	wishes = append(wishes, Intent{Wish: deploy("good", "demo", "1")})
	standings, err := r.Settle(t.Context(), wishes)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range standings[:len(wishes)-1] {
		if s.State != Refused || !slices.Contains([]string{"gitops-name", "gitops-wish"}, fault.CodeOf(s.Err)) {
			t.Errorf("wish %d: %s, %v", i, s.State, s.Err)
		}
	}
	if last := standings[len(wishes)-1]; last.State != Planned {
		t.Errorf("the good one: %+v", last)
	}
}

// TestRollbackOddly: what says that it is a revert, and did something else, does not keep the app from being as it was; and of two
// releases with the same release.json the one counts that was not rolled back.
func TestRollbackOddly(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, nil, branch)
	r := openAt(t, t.TempDir(), dir)
	c1 := one(t, r, deploy("e1", "demo", "1"))
	c2 := one(t, r, deploy("e2", "demo", "2"))
	gittest.Push(t, dir, branch, map[string]string{"staging/demo/left.yaml": "x\n"}, "Half a revert\n\nThis reverts commit "+string(c2)+".")
	same := deploy("e3", "demo", "1")
	same.Files = map[string][]byte{"other.yaml": []byte("x\n")}
	one(t, r, same)
	if got := len(carry(t, r, rollback("b1", "demo", c1))[0]); got != 1 {
		t.Errorf("%d commits", got)
	}
	like(t, dir, "demo", branch, string(c1))
	status, err := r.Status(t.Context(), staging, "demo")
	if err != nil || status["demo"].GitopsRef != string(c1) {
		t.Errorf("%+v, %v", status["demo"], err)
	}
	// That another app was released in between is no change of this one.
	one(t, r, deploy("e4", "other", "1"))
	if again := carry(t, r, deploy("e5", "demo", "1"))[0]; len(again) != 0 {
		t.Errorf("the same once more made %d commits", len(again))
	}
	straight(t, dir, map[string]int{"b1": 1, "e4": 1, "e5": 0})
}
