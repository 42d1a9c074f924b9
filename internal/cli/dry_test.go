package cli_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// tree is every path below the roots, with mode, and content or target.
func tree(roots ...string) (map[string]string, error) {
	found := map[string]string{}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			var content []byte
			if info.Mode().IsRegular() {
				content, err = os.ReadFile(path)
			}
			found[path] = fmt.Sprintf("%s %s", info.Mode(), content)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func cmdRemember(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) > 0, "remember DIRECTORY...")
	var roots []string
	for _, dir := range args {
		roots = append(roots, ts.MkAbs(dir))
		ts.Check(settle(roots[len(roots)-1]))
	}
	found, err := tree(roots...)
	ts.Check(err)
	if len(found) <= len(roots) {
		ts.Fatalf("there is nothing in %v that could change", roots)
	}
	worldOf(ts).remembered, worldOf(ts).roots = found, roots
}

func cmdUnchanged(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 0, "unchanged")
	found, err := tree(worldOf(ts).roots...)
	ts.Check(err)
	if diff := cmp.Diff(worldOf(ts).remembered, found); diff != "" {
		ts.Fatalf("something was written (-before +after):\n%s", diff)
	}
}

func cmdOnlyReads(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 0, "only-reads")
	for _, r := range simOf(ts).Requests() {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			ts.Fatalf("the simulator saw %s %s", r.Method, r.Path)
		}
	}
}

func cmdEachPost(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "each-post PATTERN")
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	seen := 0
	for _, r := range simOf(ts).Requests() {
		if r.Method != http.MethodPost || !strings.HasPrefix(r.Path, "/api/v2/") {
			continue
		}
		seen++
		if !pattern.MatchString(r.Body) {
			ts.Fatalf("POST %s: %s", r.Path, r.Body)
		}
	}
	if seen == 0 {
		ts.Fatalf("the simulator saw no POST")
	}
}

// TestDryRunOfManyWaves: the walk through a real run's 11 waves must not be waited for.
func TestDryRunOfManyWaves(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../shared/data/replays/3.10.0-8e8cc0af/before.json")
	if err != nil {
		t.Skip("skipped: the replays (shared/data/replays) do not lie beside this checkout")
	}
	remote := gittest.Bare(t, map[string]string{"release.json": string(data)}, "master")
	gittest.Git(t, remote, "branch", "3.10.x", "master")
	checkout := filepath.Join(t.TempDir(), "checkout")
	gittest.Git(t, "", "clone", "--quiet", "--branch", "3.10.x", remote, checkout)
	began := time.Now()
	code, stdout, stderr := gio(t, checkout, map[string]string{"HOME": t.TempDir()}, "release", "--dry-run")
	if code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	if took := time.Since(began); took > 45*time.Second { // well under 2 s on an idle machine; waited for, it takes a minute
		t.Errorf("it took %s", took)
	}
	if n := len(regexp.MustCompile(`(?m)^  POST `).FindAllString(stdout, -1)); n < 20 {
		t.Errorf("%d requests are shown:\n%s", n, stdout)
	}
}
