package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/cli"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/sim"
)

// realRuns hold release.json before and after runs of the real product, and what their pipelines came to.
const realRuns = "../../../shared/data/replays"

// replay is one real run, and what gio made of it.
type replay struct {
	before, after string
	Branch        string
	Finished      bool
	Released      []string
	Failed        []string
	Skipped       []string

	remote         string // bare repository
	code           int
	stdout, stderr string
	pipelines      []sim.Pipeline
}

// TestReplays releases every real release.json once, with the pipelines failing that failed then.
func TestReplays(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob(filepath.Join(realRuns, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) == 0 {
		t.Skip("skipped: the real runs (shared/data/replays) do not lie beside this checkout")
	}
	for _, dir := range dirs {
		for _, way := range []string{"checkout", "repo"} {
			t.Run(filepath.Base(dir)+"/"+way, func(t *testing.T) {
				t.Parallel()
				r := readReplay(t, dir)
				r.release(t, way == "repo")
				r.checkEnd(t)
				r.checkPipelines(t)
				if r.Finished {
					r.checkFinished(t)
				} else {
					r.checkPartial(t)
				}
				gittest.Git(t, r.remote, "fsck", "--strict", "--no-dangling")
			})
		}
	}
}

func readReplay(t *testing.T, dir string) *replay {
	t.Helper()
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	r := &replay{before: read("before.json"), after: read("after.json")}
	if err := json.Unmarshal([]byte(read("outcome.json")), r); err != nil {
		t.Fatal(err)
	}
	return r
}

// release runs in a checkout or, by --repo over smart HTTP, in an empty folder.
func (r *replay) release(t *testing.T, byRepo bool) {
	t.Helper()
	scenario := sim.Scenario{Default: sim.Project{DefaultBranch: "master"}, Projects: map[string]sim.Project{}}
	for _, name := range r.Failed {
		scenario.Projects[name] = sim.Project{Runs: []sim.Run{{Outcome: sim.Failed}}}
	}
	s, host := serve(t, scenario)
	r.remote = gittest.Bare(t, map[string]string{"release.json": r.before}, "master")
	if r.Branch != "master" {
		gittest.Git(t, r.remote, "branch", r.Branch, "master")
	}
	checkout, args := filepath.Join(t.TempDir(), "checkout"), []string{"release"}
	if byRepo {
		checkout = t.TempDir()
		args = append(args, "--repo", gittest.HTTP(t, r.remote, gittest.Options{}).URL, "--branch", r.Branch)
	} else {
		gittest.Git(t, "", "clone", "--quiet", "--branch", r.Branch, r.remote, checkout)
	}
	r.code, r.stdout, r.stderr = gio(t, checkout, map[string]string{
		"CIRCLE_HOST": host, "CIRCLE_TOKEN": "any", "XDG_STATE_HOME": t.TempDir(), "HOME": t.TempDir(),
		"GIT_AUTHOR_NAME": "Releaser", "GIT_AUTHOR_EMAIL": "releaser@example.org",
		"GIT_COMMITTER_NAME": "Releaser", "GIT_COMMITTER_EMAIL": "releaser@example.org",
	}, args...)
	r.pipelines = s.Pipelines()
	if twice := s.Duplicates(); len(twice) > 0 {
		t.Errorf("triggered twice:\n%s", strings.Join(twice, "\n"))
	}
}

// gio runs the program in process with nothing of the machine's environment.
func gio(t *testing.T, dir string, environment map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = cli.Program{
		Args: args, Getenv: func(name string) string { return environment[name] }, Dir: dir, Stdout: &out, Stderr: &err,
	}.Run()
	return code, out.String(), err.String()
}

func (r *replay) checkEnd(t *testing.T) {
	t.Helper()
	want := 0
	if len(r.Failed) > 0 {
		want = int(fault.PipelineFailed)
	}
	if r.code != want {
		t.Fatalf("exit %d, want %d\n%s%s", r.code, want, r.stdout, r.stderr)
	}
}

// checkPipelines: what was released or failed then was triggered now, once.
func (r *replay) checkPipelines(t *testing.T) {
	t.Helper()
	var got []string
	for _, p := range r.pipelines {
		got = append(got, p.Project[strings.LastIndex(p.Project, "/")+1:])
	}
	want := slices.Concat(r.Released, r.Failed)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pipelines (-want +got):\n%s", diff)
	}
}

func (r *replay) git(t *testing.T, args ...string) string {
	t.Helper()
	return gittest.Git(t, r.remote, args...)
}

func (r *replay) manifest(t *testing.T, revision string) string {
	t.Helper()
	return r.git(t, "show", revision+":release.json")
}

// checkRecorded: release.json at a revision says what it said then, and only what had to change did.
func (r *replay) checkRecorded(t *testing.T, revision string) {
	t.Helper()
	got := r.manifest(t, revision)
	if diff := cmp.Diff(parsed(t, r.after), parsed(t, got)); diff != "" {
		t.Errorf("release.json at %s (-want +got):\n%s", revision, diff)
	}
	if err := onlyVersions(strings.TrimSuffix(r.before, "\n"), got); err != nil {
		t.Errorf("release.json at %s: %v", revision, err)
	}
}

func (r *replay) checkPartial(t *testing.T) {
	t.Helper()
	released := version(t, r.before)
	r.checkRecorded(t, r.Branch)
	branches := map[string][]string{"master": {"first commit"}}
	branches[r.Branch] = []string{
		"Prepare Release (" + released + "-SNAPSHOT): Some components failed to be released, persisting successfully released components",
		"first commit",
	}
	r.checkRefs(t, branches, released+"_START")
}

func (r *replay) checkFinished(t *testing.T) {
	t.Helper()
	released := version(t, r.before)
	r.checkRecorded(t, released+"^{commit}")
	support, patch, minor := nextVersions(t, released)
	base := []string{"Prepare Release (" + released + "): Release finished completed without errors", "first commit"}
	branches := map[string][]string{
		"master": {"first commit"},
		support:  slices.Concat([]string{"prepare next patch version"}, base),
	}
	if r.Branch == "master" {
		branches["master"] = slices.Concat([]string{"prepare next minor version"}, base)
		r.checkNext(t, "master", released, minor)
	}
	r.checkNext(t, support, released, patch)
	r.checkRefs(t, branches, released, released+"_START")
}

// checkNext: the branch holds what was released, with nothing but another product version.
func (r *replay) checkNext(t *testing.T, branch, released, next string) {
	t.Helper()
	got := r.manifest(t, branch)
	want := strings.Replace(r.manifest(t, released+"^{commit}"), strconv.Quote(released), strconv.Quote(next), 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("release.json on %s (-want +got):\n%s", branch, diff)
	}
	if got := r.git(t, "rev-parse", branch+"~1"); got != r.git(t, "rev-parse", released+"^{commit}") {
		t.Errorf("%s does not stand right on top of %s", branch, released)
	}
}

// checkRefs: these branches with commits of these subjects, the newest first, these annotated tags, and nothing else.
func (r *replay) checkRefs(t *testing.T, branches map[string][]string, tags ...string) {
	t.Helper()
	want := map[string]string{"refs/gio/journal": "commit"}
	for name, subjects := range branches {
		want["refs/heads/"+name] = "commit"
		if diff := cmp.Diff(subjects, strings.Split(r.git(t, "log", "--format=%s", name), "\n")); diff != "" {
			t.Errorf("subjects on %s (-want +got):\n%s", name, diff)
		}
	}
	for _, name := range tags {
		want["refs/tags/"+name] = "tag"
	}
	got := map[string]string{}
	for _, line := range strings.Split(r.git(t, "for-each-ref", "--format=%(refname) %(objecttype)"), "\n") {
		ref, kind, _ := strings.Cut(line, " ")
		got[ref] = kind
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("refs (-want +got):\n%s", diff)
	}
	if got := r.git(t, "rev-parse", tags[len(tags)-1]+"^{commit}"); got != r.git(t, "rev-list", "--max-parents=0", r.Branch) {
		t.Errorf("%s does not mark the commit that the release began with", tags[len(tags)-1])
	}
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return value
}

// version is the product version of a release.json, without -SNAPSHOT.
func version(t *testing.T, text string) string {
	t.Helper()
	return strings.TrimSuffix(parsed(t, text).(map[string]any)["version"].(string), "-SNAPSHOT")
}

// nextVersions are the support branch of a version, the next version on it and the next one on the main branch.
func nextVersions(t *testing.T, released string) (support, patch, minor string) {
	t.Helper()
	var x, y, z int
	if _, err := fmt.Sscanf(released, "%d.%d.%d", &x, &y, &z); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d.%d.x", x, y), fmt.Sprintf("%d.%d.%d-SNAPSHOT", x, y, z+1), fmt.Sprintf("%d.%d.0-SNAPSHOT", x, y+1)
}

// onlyVersions compares two texts line by line: in after, values of version and since may differ, and whole lines
// with one of the two may be new. A comma at the end is no difference, a new line below needs it.
func onlyVersions(before, after string) error {
	old, now := strings.Split(before, "\n"), strings.Split(after, "\n")
	key := func(line string) string {
		name, _, _ := strings.Cut(line, ":")
		return name
	}
	versioned := func(line string) bool {
		k := strings.TrimSpace(key(line))
		return k == `"version"` || k == `"since"`
	}
	for len(now) > 0 {
		switch {
		case len(old) > 0 && strings.TrimSuffix(old[0], ",") == strings.TrimSuffix(now[0], ","):
			old = old[1:]
		case len(old) > 0 && versioned(now[0]) && key(old[0]) == key(now[0]):
			old = old[1:]
		case !versioned(now[0]):
			return fmt.Errorf("the line %q is new or changed", now[0])
		}
		now = now[1:]
	}
	if len(old) > 0 {
		return fmt.Errorf("the line %q is gone", old[0])
	}
	return nil
}

// TestOnlyVersions: the check above sees what it must not let pass.
func TestOnlyVersions(t *testing.T) {
	t.Parallel()
	before := "{\n  \"name\": \"a\",\n  \"version\": \"1-SNAPSHOT\"\n}"
	for after, ok := range map[string]bool{
		before: true,
		"{\n  \"name\": \"a\",\n  \"version\": \"1\",\n  \"since\": \"3\"\n}": true,
		"{\n  \"name\": \"b\",\n  \"version\": \"1\"\n}":                      false,
		"{\n \"name\": \"a\",\n  \"version\": \"1\"\n}":                       false,
		"{\n  \"version\": \"1\",\n  \"name\": \"a\"\n}":                      false,
		"{\n  \"name\": \"a\",\n  \"version\": \"1\"\n}\n":                    false,
		"{\n  \"name\": \"a\"\n}":                                             false,
	} {
		if err := onlyVersions(before, after); (err == nil) != ok {
			t.Errorf("%s: got %v, want it allowed: %v", after, err, ok)
		}
	}
}
