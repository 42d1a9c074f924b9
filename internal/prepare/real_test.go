package prepare_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/prepare"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestRealFiles proposes the next release of real files. Their repositories are planted: every component's last
// version is tagged, its support branch goes on with the next patch, and every third one has a commit to release.
func TestRealFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "data", "manifests", "[0-9]*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("skipped: the real release.json files (shared/data/manifests) do not lie beside this checkout")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			m, err := manifest.Parse("release.json", data)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.Check(); err != nil {
				t.Skipf("not to be released as it is: %v", err)
			}
			proposeAll(t, m)
		})
	}
}

func proposeAll(t *testing.T, m *manifest.Manifest) {
	t.Helper()
	branch, next := plan.SupportBranch(m.Version), m.Version
	if !m.Open() {
		following, err := plan.NextVersions(m.Version, branch, "master", "")
		if err != nil {
			t.Fatal(err)
		}
		next = following.Version
	}
	hub := map[string]sim.Repository{}
	want := strings.Replace(string(m.Bytes()), `"version": "`+m.Version+`"`, `"version": "`+next+`"`, 1)
	for i, c := range m.Components {
		v, err := manifest.ParseVersion(c.Version)
		if c.Open() || err != nil || len(placesOf(m, c.Name)) == 0 {
			continue
		}
		patch := v.IncPatch().String() + "-SNAPSHOT"
		commits := []sim.Commit{{Message: "[maven-release-plugin] prepare for next development iteration"}}
		if i%3 == 0 {
			commits = append(commits, sim.Commit{Message: "fix: something"})
			was := `"name": "` + c.Name + "\",\n            \"version\": \""
			want = strings.Replace(want, was+c.Version+`"`, was+patch+`"`, 1)
		}
		hub["gravitee-io/"+c.Name] = sim.Repository{
			Tags:     []string{c.Version},
			Branches: map[string]sim.Branch{plan.SupportBranch(c.Version): {Version: patch, Commits: commits}},
		}
	}
	s := sim.New(sim.Scenario{GitHub: &sim.GitHub{Repositories: hub}})
	defer s.Close()
	gh, err := github.New(github.Options{URL: "http://circleci.sim/api/v3", Token: "any", HTTP: &http.Client{Transport: s.Transport()}})
	if err != nil {
		t.Fatal(err)
	}
	request := prepare.Request{Unreleased: true}
	if next != m.Version {
		request.Product = next
	}
	edit, err := prepare.Make(t.Context(), prepare.Question{Manifest: m, Options: plan.Options{Branch: branch, MainBranch: "master"}, GitHub: gh, Request: request})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(edit.After.Bytes())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if notes := strings.Join(edit.Notes, "\n"); strings.Count(notes, "\n") > 0 || notes != "" && !strings.HasPrefix(notes, "not checked, because no group") {
		t.Errorf("notes: %q", edit.Notes)
	}
	t.Logf("%d components, %d changes, %d requests: %s", len(m.Components), len(edit.Changes), len(s.Requests()), edit.Message())
}

// placesOf are the groups that name a component.
func placesOf(m *manifest.Manifest, name string) []int {
	var at []int
	for i, g := range m.Groups {
		for _, e := range g {
			if e.Name == name {
				at = append(at, i+1)
			}
		}
	}
	return at
}
