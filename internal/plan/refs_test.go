package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
)

// TestRefs: what a release writes in its repository, and the subjects of its commits.
func TestRefs(t *testing.T) {
	t.Parallel()
	partial, finished := plan.PartialSubject("3.9.4"), plan.FinishedSubject("3.9.4")
	start, tag := plan.Ref{Name: "refs/tags/3.9.4_START"}, plan.Ref{Name: "refs/tags/3.9.4", Commits: []string{finished}}
	waves := []plan.Wave{{}}
	onSupport := plan.Plan{Version: "3.9.4", Branch: "3.9.x", Waves: waves}
	partly, named, over := onSupport, onSupport, onSupport
	partly.Partial, named.Tag, over.Waves = true, "apim-3.9.4", nil
	for _, test := range []struct {
		name string
		plan plan.Plan
		next plan.Next
		want []plan.Ref
	}{
		{
			"on a support branch", onSupport,
			plan.Next{Version: "3.9.5-SNAPSHOT"},
			[]plan.Ref{start, tag, {Name: "refs/heads/3.9.x", Commits: []string{partial, finished, plan.NextPatchSubject}}},
		},
		{
			"on the main branch",
			plan.Plan{Version: "3.9.4", Branch: "main", Waves: waves},
			plan.Next{Version: "3.10.0-SNAPSHOT", SupportBranch: "3.9.x", SupportVersion: "3.9.5-SNAPSHOT"},
			[]plan.Ref{
				start, tag,
				{Name: "refs/heads/3.9.x", Commits: []string{finished, plan.NextPatchSubject}},
				{Name: "refs/heads/main", Commits: []string{partial, finished, plan.NextMinorSubject}},
			},
		},
		{"without a next version", onSupport, plan.Next{}, []plan.Ref{start, tag, {Name: "refs/heads/3.9.x", Commits: []string{partial, finished}}}},
		{"in part", partly, plan.Next{Version: "3.9.5-SNAPSHOT"}, []plan.Ref{start, {Name: "refs/heads/3.9.x", Commits: []string{partial}}}},
		{"nothing is left to start", over, plan.Next{}, []plan.Ref{tag, {Name: "refs/heads/3.9.x", Commits: []string{partial, finished}}}},
		{
			"a tag of another name", named,
			plan.Next{},
			[]plan.Ref{{Name: "refs/tags/apim-3.9.4_START"}, {Name: "refs/tags/apim-3.9.4", Commits: []string{finished}}, {Name: "refs/heads/3.9.x", Commits: []string{partial, finished}}},
		},
	} {
		if diff := cmp.Diff(test.want, test.plan.Refs(test.next)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if start.Short() != "3.9.4_START" || !start.IsTag() || (plan.Ref{Name: "refs/heads/a/b"}).Short() != "a/b" || (plan.Ref{Name: "refs/heads/a"}).IsTag() {
		t.Error("the kind or the short name of a ref is wrong")
	}
}

// TestObstacles: Git keeps no ref below the name of another, and one push names none twice.
func TestObstacles(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, refs, existing, want string }{
		{"nothing is there", "refs/heads/3.9.x refs/tags/3.9.4", "", ""},
		{"the same refs are there", "refs/heads/3.9.x refs/tags/3.9.4", "refs/heads/3.9.x refs/tags/3.9.4 refs/tags/3.9.4^{}", ""},
		{"a branch below", "refs/heads/3.10.x", "refs/heads/3.10.x/fix-login", "refs/heads/3.10.x: refs/heads/3.10.x/fix-login"},
		{"a branch above", "refs/heads/a/3.10.x", "refs/heads/a", "refs/heads/a/3.10.x: refs/heads/a"},
		{"a tag below", "refs/tags/3.9.4", "refs/tags/3.9.4/signed", "refs/tags/3.9.4: refs/tags/3.9.4/signed"},
		{"only the beginning of the name", "refs/heads/3.1.x", "refs/heads/3.1.x-old refs/heads/3.1 refs/tags/3.1.x/a", ""},
		{"one twice", "refs/heads/3.9.x refs/heads/3.9.x", "", "refs/heads/3.9.x: refs/heads/3.9.x"},
		{"one below another", "refs/tags/a refs/tags/a/b", "", "refs/tags/a/b: refs/tags/a"},
	} {
		var refs []plan.Ref
		for _, name := range strings.Fields(test.refs) {
			refs = append(refs, plan.Ref{Name: name})
		}
		var got []string
		for _, o := range plan.Obstacles(refs, strings.Fields(test.existing)) {
			got = append(got, o.Ref+": "+o.Existing)
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestMainOf: a branch named X.Y.x is a support branch, always.
func TestMainOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ configured, byDefault, want string }{
		{"", "main", "main"},
		{"develop", "main", "develop"},
		{"", "3.16.x", ""},
		{"master", "3.16.x", "master"},
		{"3.16.x", "master", ""},
		{"", "3.16.x-old", "3.16.x-old"},
		{"", "", ""},
	} {
		if got := plan.MainOf(test.configured, test.byDefault); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

// TestProductTag: the name of a product's tag, and the way back to the version.
func TestProductTag(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ template, version, want string }{
		{"", "3.9.4", "3.9.4"},
		{"v{{.Version}}", "3.9.4", "v3.9.4"},
		{"apim/{{.Version}}", "3.9.4", "apim/3.9.4"},
		{"apim-{{.Version}}-ga", "3.0.0-beta.1", "apim-3.0.0-beta.1-ga"},
		{"", "0.0.0", "0.0.0"},
	} {
		got, err := plan.ProductTag(test.template, test.version)
		if got != test.want || err != nil {
			t.Errorf("%+v: %q, %v", test, got, err)
		}
		if back := plan.VersionOfTag(test.template, got); back != test.version {
			t.Errorf("%q of %q marks %q", got, test.template, back)
		}
	}
	for _, template := range []string{"latest", "{{.Product}}", "{{.Version", "a b {{.Version}}", "-{{.Version}}", "{{.Version}}.lock", "a..{{.Version}}", "{{.Version}}/", "/{{.Version}}", "a/.{{.Version}}", "a//{{.Version}}"} {
		if got, err := plan.ProductTag(template, "3.9.4"); !fault.Is(err, "invalid-product-tag") {
			t.Errorf("%s: %q, %v", template, got, err)
		}
	}
	for _, tag := range []string{"3.9.4", "apim-", "apim", "am-3.9.4"} {
		if v := plan.VersionOfTag("apim-{{.Version}}", tag); v != "" && slices.Contains([]string{"3.9.4", "am-3.9.4", "apim"}, tag) {
			t.Errorf("%s marks %q", tag, v)
		}
	}
}
