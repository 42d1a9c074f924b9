package operate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/sim"
)

// asked counts the requests whose path contains a text.
func (w *world) asked(text string) int {
	n := 0
	for _, r := range w.sim.Requests() {
		if strings.Contains(r.Path, text) {
			n++
		}
	}
	return n
}

func tagged(all []operate.Tagged) (texts []string) {
	for _, t := range all {
		texts = append(texts, t.Component+" "+t.Version+" "+t.Tag)
	}
	return texts
}

// lines are two lines of 20 versions each; the commit is released with 1.1.13.
func lines(at string) map[string]sim.Branch {
	branches := map[string]sim.Branch{}
	for minor := range 2 {
		var b sim.Branch
		for patch := range 20 {
			c := sim.Commit{Message: "work", Tag: fmt.Sprintf("%s1.%d.%d", at, minor, patch)}
			if minor == 1 && patch == 13 {
				c.SHA = "71aa6e0900000000000000000000000000000000"
			}
			b.Commits = append(b.Commits, c)
		}
		branches[fmt.Sprintf("1.%d.x", minor)] = b
	}
	return branches
}

// TestWhereBisects: the newest version of each line is asked about, and then half of what is left.
func TestWhereBisects(t *testing.T) {
	t.Parallel()
	w := plant{
		manifest: of("3.10.0-SNAPSHOT", "api", "1.0.0"),
		Scenario: sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{"acme/api": {Branches: lines("v")}}}},
	}.grow(t)
	for i, version := range []string{"1.0.19", "1.1.12", "1.1.15", "1.1.19"} {
		product := fmt.Sprintf("3.9.%d", i)
		w.released("3.9.x", of(product, "api", version), product, time.Now())
	}
	found, err := operate.Find(t.Context(), w.operator().Setup, operate.WhereOptions{What: "71aa6e0", Components: []string{"api"}})
	if err != nil {
		t.Fatal(err)
	}
	w.wants("first", tagged(found.First), []string{"api 1.1.13 v1.1.13"})
	var products []string
	for _, h := range found.Products {
		products = append(products, h.Product+" "+h.Version)
	}
	w.wants("products", products, []string{"3.9.2 1.1.15", "3.9.3 1.1.19"})
	if n := w.asked("/compare/"); n < 3 || n > 7 {
		t.Errorf("%d comparisons of two lines of 20", n)
	}
	w.wants("unread", found.Unread, nil)
}

// TestWhereInARepositoryOfTwo: both components are told, each by the tags that gio.yaml names.
func TestWhereInARepositoryOfTwo(t *testing.T) {
	t.Parallel()
	branch := sim.Branch{Commits: []sim.Commit{
		{Message: "one", Tag: "api-1.0.0"},
		{Message: "fix", SHA: "71aa6e0900000000000000000000000000000000"},
		{Message: "two", Tag: "web-2.0.1"},
		{Message: "three", Tag: "api-1.0.1"},
		{Message: "four", Tag: "2.0.2"},
	}}
	w := plant{
		manifest: of("3.10.0-SNAPSHOT", "api", "1.0.0"),
		files:    map[string]string{"gio.yaml": `{verify: tag, tag: "{{.Component}}-{{.Version}}", components: {api: {repository: mono}, web: {repository: mono}}}`},
		Scenario: sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{"acme/mono": {Branches: map[string]sim.Branch{"main": branch}}}}},
	}.grow(t)
	for product, versions := range map[string][2]string{"3.9.3": {"1.0.0", "2.0.0"}, "3.9.4": {"1.0.1", "2.0.1"}} {
		w.released("3.9.x", fmt.Sprintf(`{"name": "Acme", "version": %q, "scmHttpUrl": "https://github.com/acme", "components": [
			{"name": "api", "version": %q}, {"name": "web", "version": %q}], "buildDependencies": [["api", "web"]]}`, product, versions[0], versions[1]), product, time.Now())
	}
	found, err := operate.Find(t.Context(), w.operator().Setup, operate.WhereOptions{What: "71aa6e0"})
	if err != nil {
		t.Fatal(err)
	}
	w.wants("components", sorted(found.Components), []string{"api", "web"})
	w.wants("first", tagged(found.First), []string{"api 1.0.1 api-1.0.1", "web 2.0.1 web-2.0.1"})
	w.wants("unread", found.Unread, []string{"web 2.0.0 was not compared: acme/mono has no tag of it"})
}

// TestWhereGitHubFails: what was not compared is no answer. A repository that does not answer hides no commit of another one.
func TestWhereGitHubFails(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]fault.Kind{"/compare/": fault.Remote, "/acme/api/tags": fault.Remote, "/acme/api/commits/": fault.Remote, "/none": 0} {
		w := plant{Scenario: sim.Scenario{GitHub: &sim.GitHub{
			Repositories: map[string]sim.Repository{"acme/api": {Branches: lines("")}},
			Faults:       []sim.Fault{{Match: sim.Match{Path: path}, Kind: sim.Answer, Status: 418, Times: -1}},
		}}}.grow(t)
		w.released("3.9.x", of("3.9.3", "api", "1.1.13"), "3.9.3", time.Now())
		_, err := operate.Find(t.Context(), w.operator().Setup, operate.WhereOptions{What: "71aa6e0", Components: []string{"api"}})
		if fault.KindOf(err) != want {
			t.Errorf("%s fails: %v", path, err)
		}
	}
}
