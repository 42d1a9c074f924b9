package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/sim"
)

// enough is how much of the edits must come out the same, in per cent.
const enough = 95

// tally counts the edits of one kind.
type tally struct {
	all, same       int
	lines, atMost   int // of the diffs, and what they would be if each value had a line of its own
	different, wide []string
}

// bench makes the edits of one file.
type bench struct {
	t       *testing.T
	name    string            // of the file
	remotes map[string]string // release repositories, by release.json
}

// TestEdits makes every kind of edit of every real release.json, by hand on the parsed file and with one command line on the text. It
// prints, for each kind, how many come out the same, and how many lines they change.
func TestEdits(t *testing.T) {
	t.Parallel()
	files := slices.Concat(glob(t, realRuns, "*/before.json"), glob(t, filepath.Dir(realRuns), "manifests/[0-9]*.json"))
	if len(files) == 0 {
		t.Skip("skipped: the real release.json files (shared/data) do not lie beside this checkout; TestEditsOfFixtures edits others")
	}
	checkEdits(t, files)
}

// TestEditsOfFixtures does the same with two small files.
func TestEditsOfFixtures(t *testing.T) {
	t.Parallel()
	checkEdits(t, glob(t, "testdata", "edits/*.json"))
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func checkEdits(t *testing.T, files []string) {
	t.Helper()
	tallies := map[string]*tally{}
	for kind := range editKinds() {
		tallies[kind] = &tally{}
	}
	tallies["what a run records"] = &tally{}
	for nth, name := range files { // each file is edited at another place
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b := bench{t, filepath.Base(filepath.Dir(name)) + "/" + filepath.Base(name), map[string]string{}}
		for kind, edit := range editKinds() {
			b.try(tallies[kind], string(text), edit, nth)
		}
		if after, err := os.ReadFile(filepath.Join(filepath.Dir(name), "after.json")); err == nil {
			b.try(tallies["what a run records"], string(text), recorded(t, after), 0)
		}
	}
	tell(t, tallies)
}

// recorded is the edit that a run made.
func recorded(t *testing.T, text []byte) handEdit {
	return func(_, after *file, _ int) bool {
		root, err := readJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		after.root = root
		return true
	}
}

func tell(t *testing.T, tallies map[string]*tally) {
	t.Helper()
	all, same := 0, 0
	var kinds []string
	for kind := range tallies {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		k := tallies[kind]
		all, same = all+k.all, same+k.same
		t.Logf("%s: %d of %d the same, %d lines of diff, at most %d needed", kind, k.same, k.all, k.lines, k.atMost)
		for _, d := range k.different {
			t.Logf("    not the same: %s", d)
		}
		for _, w := range k.wide {
			t.Errorf("    more lines than needed: %s", w)
		}
	}
	t.Logf("all: %d of %d the same (%.1f %%)", same, all, 100*float64(same)/float64(max(all, 1)))
	if all == 0 || same*100 < all*enough {
		t.Errorf("less than %d %% are the same", enough)
	}
}

// try makes one edit by hand and with gio, and compares the two.
func (b *bench) try(k *tally, text string, edit handEdit, nth int) {
	b.t.Helper()
	root, err := readJSON([]byte(text))
	if err != nil {
		b.t.Fatalf("%s: %v", b.name, err)
	}
	before := &file{root: root}
	after := before.clone()
	if !edit(before, after, nth) {
		return
	}
	if slices.Equal(before.root.lines(), after.root.lines()) {
		return
	}
	if unchanged, _ := readJSON([]byte(text)); !slices.Equal(unchanged.lines(), before.root.lines()) {
		text = strings.Join(before.root.lines(), "\n") // something was broken, to be mended
	}
	k.all++
	words := editWords(before, after)
	got, said := b.prepare(text, before, after, words)
	label := fmt.Sprintf("%s (%d): gio prepare %s", b.name, nth, strings.Join(words, " "))
	result, err := readJSON([]byte(got))
	if err != nil || said != "" {
		k.different = append(k.different, label+"\n"+said)
		return
	}
	if diff := cmp.Diff(after.root.lines(), result.lines()); diff != "" {
		k.different = append(k.different, label+"\n"+diff)
		return
	}
	k.same++
	made := len(report.DiffLines(strings.Split(text, "\n"), strings.Split(got, "\n")))
	needed := len(report.DiffLines(before.root.lines(), after.root.lines()))
	k.lines, k.atMost = k.lines+made, k.atMost+needed
	if made > needed {
		k.wide = append(k.wide, fmt.Sprintf("%s: %d, not %d", label, made, needed))
	}
}

// remote is a release repository with a release.json on its main branch and on another one.
func (b *bench) remote(text, branch string) string {
	b.t.Helper()
	if b.remotes[text] == "" {
		b.remotes[text] = gittest.Bare(b.t, map[string]string{"release.json": text}, "master")
	}
	if known := text + branch; branch != "master" && b.remotes[known] == "" {
		gittest.Git(b.t, b.remotes[text], "branch", branch, "master")
		b.remotes[known] = b.remotes[text]
	}
	return b.remotes[text]
}

// prepare runs gio prepare with one command line on a release.json, and applies the diff that it shows. What it says instead of an
// edit is the second result.
func (b *bench) prepare(text string, before, after *file, words []string) (got, said string) {
	t := b.t
	t.Helper()
	dir, branch := t.TempDir(), branchOf(before, after)
	_, host := serve(t, sim.Scenario{GitHub: &sim.GitHub{Repositories: tagged(after)}})
	code, stdout, stderr := gio(t, dir, map[string]string{
		"HOME": dir, "XDG_STATE_HOME": dir, "GITHUB_API_URL": host + "/api/v3", "GITHUB_TOKEN": "any",
	}, append([]string{"prepare", "--dry-run", "--repo", b.remote(text, branch), "--branch", branch}, words...)...)
	if code != 0 {
		return "", stderr
	}
	return patched(t, text, stdout), ""
}

// patched applies a unified diff.
func patched(t *testing.T, text, diff string) string {
	t.Helper()
	from := strings.SplitAfter(text, "\n")
	var to []string
	at := 0 // how many lines of from are in to, or removed
	copyTo := func(line int) { to, at = append(to, from[at:line]...), line }
	for _, line := range strings.SplitAfter(diff, "\n") {
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "), line == "":
		case strings.HasPrefix(line, "@@ -"):
			var first int
			if _, err := fmt.Sscanf(line, "@@ -%d", &first); err != nil {
				t.Fatal(err)
			}
			copyTo(first - 1)
		case line[0] == '-':
			at++
		case line[0] == '+':
			to = append(to, line[1:])
		case line[0] == '\\': // the last line has no line feed
			to[len(to)-1] = strings.TrimSuffix(to[len(to)-1], "\n")
		default:
			copyTo(at + 1)
		}
	}
	copyTo(len(from))
	return strings.Join(to, "")
}

// branchOf is the branch that a release.json stands on: the support branch of a patch.
func branchOf(before, after *file) string {
	was, is := plan.SupportBranch(before.root.text("version")), plan.SupportBranch(after.root.text("version"))
	if was != is || was == "" || strings.HasSuffix(strings.TrimSuffix(after.root.text("version"), "-SNAPSHOT"), ".0") {
		return "master"
	}
	return is
}

// tagged are the repositories of the components, with a tag of each version that is released.
func tagged(after *file) map[string]sim.Repository {
	owner := after.root.text("scmHttpUrl")
	owner = strings.TrimRight(owner, "/")
	owner = owner[strings.LastIndexByte(owner, '/')+1:]
	hub := map[string]sim.Repository{}
	for _, c := range after.components() {
		if !after.open(c) {
			hub[owner+"/"+c.text("name")] = sim.Repository{Tags: []string{after.version(c)}}
		}
	}
	return hub
}
