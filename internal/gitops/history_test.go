package gitops

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// at gives a wish a time, in minutes after noon.
func at(w Wish, minutes int) Wish {
	w.Time = noon.Add(time.Duration(minutes) * time.Minute)
	return w
}

// lived is a repository in which much has happened; h are the commits by their effects.
type lived struct {
	dir string
	h   map[string]gitrepo.Hash
}

func newLived(t *testing.T, r *Repository, dir string) lived {
	t.Helper()
	l := lived{dir, map[string]gitrepo.Hash{}}
	do := func(w Wish) {
		all := carry(t, r, w)[0]
		l.h[w.Effect] = all[len(all)-1]
	}
	do(at(deploy("e1", "demo", "1"), 1))
	do(at(deploy("e2", "other", "1"), 2))
	gittest.Push(t, dir, branch, map[string]string{"staging/flux/x.yaml": "x\n", "staging/notes": "x\n"}, "Flux's own")
	do(at(deploy("e3", "demo", "2"), 3))
	elsewhere := at(deploy("e4", "demo", "2"), 4)
	elsewhere.Place.Env = "production"
	do(elsewhere)
	do(at(rollback("e5", "demo", l.h["e1"]), 5))
	do(at(deploy("e6", "gone", "1"), 6))
	do(at(remove("e7", "gone"), 7))
	do(at(deploy("e8", "other", "2"), 8))
	return l
}

// effectsOf names what was found by its effects, a * for what was rolled back.
func effectsOf(found []Past) string {
	var all []string
	for _, p := range found {
		name := p.Effect
		if p.Release.RolledBack {
			name += "*"
		}
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

func TestReleases(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, nil, branch)
	r := openAt(t, t.TempDir(), dir)
	if found, err := r.Releases(t.Context(), staging, Query{}); err != nil || found == nil || len(found) != 0 {
		t.Errorf("before anything: %v, %v", found, err)
	}
	l := newLived(t, r, dir)
	for _, test := range []struct {
		name string
		q    Query
		want string
	}{
		{"all", Query{}, "e8 e6 e3* e2 e1"},
		{"of an app", Query{App: "demo"}, "e3* e1"},
		{"the newest", Query{Limit: 2}, "e8 e6"},
		{"since", Query{Since: noon.Add(3 * time.Minute)}, "e8 e6 e3*"},
		{"until", Query{Until: noon.Add(3 * time.Minute)}, "e2 e1"},
		{"of a repository", Query{Repository: "acme/other"}, "e8 e2"},
		{"of a repository that has none", Query{Repository: "acme/nothing"}, ""},
		{"after", Query{After: l.h["e6"]}, "e8"},
		{"after, and rolled back later", Query{After: l.h["e4"]}, "e8 e6 e3*"},
		{"after what is nowhere", Query{After: "1"}, "e8 e6 e3* e2 e1"},
	} {
		found, err := r.Releases(t.Context(), staging, test.q)
		if got := effectsOf(found); err != nil || got != test.want {
			t.Errorf("%s: %q, want %q: %v", test.name, got, test.want, err)
		}
	}
	found, err := r.Releases(t.Context(), staging, Query{App: "demo", Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := *deploy("e3", "demo", "2").Release
	want.GitopsRef, want.Created, want.RolledBack = string(l.h["e3"]), noon.Add(3*time.Minute).Unix(), true
	if d := cmp.Diff([]Past{{Release: want, Hash: l.h["e3"], Time: noon.Add(3 * time.Minute), Effect: "e3", UndoneBy: l.h["e5"], UndoneAt: noon.Add(5 * time.Minute)}}, found); d != "" {
		t.Error(d)
	}
	production, err := r.Releases(t.Context(), Place{Env: "production"}, Query{})
	if got := effectsOf(production); err != nil || got != "e4" {
		t.Errorf("elsewhere: %q, %v", got, err)
	}
	if none, err := r.Releases(t.Context(), Place{Env: "nowhere"}, Query{}); err != nil || len(none) != 0 {
		t.Errorf("nowhere: %v, %v", none, err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, nil, branch)
	r := openAt(t, t.TempDir(), dir)
	if status, err := r.Status(t.Context(), staging, ""); err != nil || len(status) != 0 {
		t.Errorf("of nothing: %v, %v", status, err)
	}
	l := newLived(t, r, dir)
	gittest.Push(t, dir, branch, map[string]string{"staging/plain/x.yaml": "x\n", "staging/broken/release.json": "{"}, "a person's")
	broken := gittest.Git(t, dir, "rev-parse", branch)
	if _, err := r.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	status, err := r.Status(t.Context(), staging, "")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for app, release := range status {
		got[app] = "nothing"
		if release != nil {
			got[app] = release.GitopsRef + " " + release.ArtifactID
		}
	}
	want := map[string]string{
		"demo": string(l.h["e1"]) + " acme/demo-1", "other": string(l.h["e8"]) + " acme/other-2", "plain": "nothing", "broken": broken + " ",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for app, want := range map[string]gitrepo.Hash{"demo": l.h["e1"], "gone": "", "never": ""} {
		status, err := r.Status(t.Context(), staging, app)
		release, ok := status[app]
		if err != nil || !ok || len(status) != 1 || (release != nil) != (want != "") || release != nil && release.GitopsRef != string(want) {
			t.Errorf("of %s: %v, %v", app, status, err)
		}
	}
}

// TestMergedHistory: somebody pulls the wrong way round, so that our commits are on the second side of a merge. They are there all
// the same, once, and found by their effects.
func TestMergedHistory(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, map[string]string{"README.md": "x\n"}, branch)
	base := gittest.Git(t, dir, "rev-parse", branch)
	r := openAt(t, t.TempDir(), dir)
	ours := one(t, r, at(deploy("e1", "demo", "1"), 1))
	later := one(t, r, at(deploy("e2", "demo", "2"), 2))
	theirs := gittest.Git(t, dir, "commit-tree", "-p", base, "-m", "theirs", base+"^{tree}")
	merge := gittest.Git(t, dir, "commit-tree", "-p", theirs, "-p", string(later), "-m", "Merge branch 'main'", string(later)+"^{tree}")
	gittest.Git(t, dir, "update-ref", "refs/heads/"+branch, merge)
	if _, err := r.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found, err := r.Releases(t.Context(), staging, Query{}); err != nil || effectsOf(found) != "e2 e1" {
		t.Errorf("%q, %v", effectsOf(found), err)
	}
	standings, err := r.Settle(t.Context(), []Intent{{Wish: at(deploy("e1", "demo", "1"), 1)}})
	if err != nil || standings[0].State != Landed || standings[0].Intent.Hash() != ours {
		t.Errorf("%+v, %v", standings, err)
	}
	one(t, r, rollback("e3", "demo", ours))
	like(t, dir, "demo", branch, string(ours))
	if found, err := r.Releases(t.Context(), staging, Query{}); err != nil || effectsOf(found) != "e2* e1" {
		t.Errorf("%q, %v", effectsOf(found), err)
	}
}

// TestFiguresOfHistories reads ten thousand releases of fifty apps, with what others commit between: all at first, then what is new.
func TestFiguresOfHistories(t *testing.T) {
	t.Parallel()
	commits := 300
	if *figures {
		commits = 10_000
	}
	dir := gittest.Bare(t, nil, branch)
	fastImport(t, dir, manyReleases(commits))
	r := openAt(t, t.TempDir(), dir)
	timed := func(what string, do func() (int, error)) {
		t.Helper()
		began := time.Now()
		n, err := do()
		if err != nil {
			t.Fatal(err)
		}
		if *figures {
			fmt.Printf("  %s: %d in %s\n", what, n, time.Since(began).Round(time.Millisecond))
		}
	}
	timed("the clone", func() (int, error) { _, err := r.Fetch(t.Context()); return commits, err })
	timed("the newest ten", func() (int, error) {
		found, err := r.Releases(t.Context(), staging, Query{Limit: 10})
		return len(found), err
	})
	timed("all releases", func() (int, error) {
		found, err := r.Releases(t.Context(), staging, Query{})
		if len(found) != commits {
			t.Errorf("%d releases of %d", len(found), commits)
		}
		return len(found), err
	})
	timed("the status", func() (int, error) {
		status, err := r.Status(t.Context(), staging, "")
		return len(status), err
	})
	tip := one(t, r, deploy("e1", "app-7", "new"))
	timed("what is new", func() (int, error) {
		found, err := r.Releases(t.Context(), staging, Query{After: gitrepo.Hash(gittest.Git(t, dir, "rev-parse", string(tip)+"^"))})
		if len(found) != 1 || found[0].Hash != tip {
			t.Errorf("%d releases are new", len(found))
		}
		return len(found), err
	})
}

// manyReleases is the rest of a first commit, and n releases, for git fast-import.
func manyReleases(n int) string {
	var b strings.Builder
	b.WriteString("M 100644 inline README.md\ndata 2\nx\n\n")
	for i := range n {
		app := fmt.Sprintf("app-%d", i%50)
		text := fmt.Sprintf(`{"app":"%s","env":"staging","artifactId":"acme/%s-%d","triggeredBy":"policy","version":{"repositoryName":"acme/%s","sha":"%040x"}}`+"\n", app, app, i, app, i)
		fmt.Fprintf(&b, "commit refs/heads/%s\ncommitter Gimlet <gimlet@gimlet.io> %d +0000\ndata 5\nfrom\n\n", branch, 1_700_000_000+i*60)
		for _, file := range []string{"staging/" + app + "/release.json", "staging/release.json"} {
			fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n%s\n", file, len(text), text)
		}
		fmt.Fprintf(&b, "M 100644 inline staging/%s/deployment.yaml\ndata %d\n%s\n", app, len("image: x:000000\n"), fmt.Sprintf("image: x:%06d\n", i))
	}
	return b.String()
}
