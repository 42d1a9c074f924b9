package plan_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

func TestBranches(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, product, component string
		change                   func(*plan.Options)
		want                     string
	}{
		{"patch", "3.9.4", "1.2.1", nil, "1.2.x"},
		{"minor", "3.9.4", "1.2.0", nil, "master"},
		{"minor of the release branch's line (S22)", "3.10.0", "3.10.0", func(o *plan.Options) { o.Branch = "3.10.x" }, "3.10.x"},
		{"minor from the main branch", "3.10.0", "3.10.0", func(o *plan.Options) { o.Branch = "master" }, "master"},
		{"patch from the main branch", "3.10.0", "3.9.1", func(o *plan.Options) { o.Branch = "master" }, "3.9.x"},
		{"minor, main branch of gio.yaml", "3.9.4", "1.2.0", func(o *plan.Options) {
			o.ComponentMain, o.DefaultBranches = "develop", map[string]string{"gh/acme/c": "main"}
		}, "develop"},
		{"minor, default branch as read", "3.9.4", "1.2.0", func(o *plan.Options) {
			o.DefaultBranches = map[string]string{"gh/acme/c": "main"}
		}, "main"},
		{"minor, default branch of another project", "3.9.4", "1.2.0", func(o *plan.Options) {
			o.DefaultBranches = map[string]string{"gh/acme/d": "main"}
		}, "master"},
		{"pre-release", "3.0.0-beta.1", "1.2.3-beta", func(o *plan.Options) { o.Branch = "3.0.0-beta" }, "3.0.0-beta"},
		{"minor beside a pre-release", "3.0.0-beta.1", "1.2.0", func(o *plan.Options) { o.Branch = "3.0.0-beta" }, "master"},
		{"pre-release from the main branch", "4.0.0-alpha.1", "4.0.0-alpha.1", func(o *plan.Options) {
			o.Branch, o.ComponentMain = "master", "main"
		}, "main"},
		{"pre-release of the release branch's line", "3.9.4", "3.9.0-rc1", nil, "3.9.x"},
		{"gio.yaml's branch wins", "3.9.4", "3.9.4", func(o *plan.Options) {
			o.Overrides = map[string]plan.Override{"c": {Branch: "hotfix"}}
		}, "hotfix"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			data := fmt.Sprintf(`{"name":"S","version":"%s-SNAPSHOT","scmHttpUrl":"https://github.com/acme","components":[{"name":"c","version":"%s-SNAPSHOT"}],"buildDependencies":[["c"]]}`, tt.product, tt.component)
			step := makePlan(t, data, tt.change).Steps()[0]
			if step.Branch != tt.want || step.BranchReason == "" {
				t.Errorf("got %q because %q, want %q", step.Branch, step.BranchReason, tt.want)
			}
		})
	}
}

func TestReleaseBranch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		version, branch string
		listed          []string
		allowed         bool
	}{
		{"3.9.4-SNAPSHOT", "master", nil, true},
		{"3.9.4-SNAPSHOT", "3.9.x", nil, true},
		{"3.9.4-SNAPSHOT", "3.10.x", nil, false},
		{"3.9.4-SNAPSHOT", "99.999.x", nil, false},
		{"3.9.4-SNAPSHOT", "99.999.x", []string{"99.999.x"}, true},
		{"3.9.4-SNAPSHOT", "", nil, false},
		{"3.9.4", "3.9.x", nil, true},
		{"3.9.4", "3.9.4", nil, false},
		{"3.0.0-beta.1-SNAPSHOT", "3.0.0-beta", nil, true},
		{"3.0.0-beta1-SNAPSHOT", "3.0.0-beta", nil, true},
		{"3.0.0-beta-SNAPSHOT", "3.0.0-beta", nil, true},
		{"3.0.0-beta-SNAPSHOT", "3.0.x", nil, true},
		{"3.0.0-betamax-SNAPSHOT", "3.0.0-beta", nil, false},
		{"3.0.0-rc12-SNAPSHOT", "3.0.0-rc1", nil, false},
		{"3.0.0-beta.1-SNAPSHOT", "3", nil, false},
		{"3.0.0-beta.1-SNAPSHOT", "3.0.0-", nil, false},
		{"null", "3.9.x", nil, false},
	}
	for _, tt := range tests {
		m := parse(t, fmt.Sprintf(`{"name":"S","version":%q,"components":[],"buildDependencies":[]}`, tt.version))
		_, err := plan.Make(m, plan.Options{Branch: tt.branch, MainBranch: "master", ReleaseBranches: tt.listed})
		if tt.allowed != (err == nil) || !tt.allowed && !fault.Is(err, "wrong-branch") {
			t.Errorf("%s on %q: got %v, want allowed %v", tt.version, tt.branch, err, tt.allowed)
		}
	}
}

func TestSharedRepository(t *testing.T) {
	t.Parallel()
	shared := func(parameters map[string]any) func(*plan.Options) {
		return func(o *plan.Options) {
			o.Parameters = parameters
			o.Overrides = map[string]plan.Override{"policy": {Repository: "mono", Branch: "b"}, "fetcher": {Repository: "mono", Branch: "b"}}
		}
	}
	p := makePlan(t, sample, shared(nil))
	if units := plan.Units(p.Waves[0]); len(units) != 1 || len(p.Warnings) != 1 {
		t.Errorf("S28: got %d units, warnings %v; want one unit and the ghost's warning alone", len(units), p.Warnings)
	}
	p = makePlan(t, sample, shared(map[string]any{"module": "{{.Component}}"}))
	if units := plan.Units(p.Waves[0]); len(units) != 2 {
		t.Errorf("got %d units, want two: their parameters differ", len(units))
	}
}

func TestCandidates(t *testing.T) {
	t.Parallel()
	const main = plan.MainBranch
	tests := []struct {
		release, product, version string
		want                      []string
	}{
		{"3.9.x", "3.9.5-SNAPSHOT", "1.30.4", []string{"1.30.x", main}},
		{"3.9.x", "3.9.5-SNAPSHOT", "3.9.4", []string{"3.9.x", main}},
		{"3.9.x", "3.9.5-SNAPSHOT", "3.8.4", []string{"3.8.x", main}},
		{"3.10.x", "3.10.0-SNAPSHOT", "3.9.4", []string{"3.10.x", "3.9.x", main}},
		{"3.9.x", "3.9.0-SNAPSHOT", "3.10.0", []string{"3.10.x", main}},
		{"3.9.x", "3.9.5-SNAPSHOT", "20", []string{main}},
		{"3.9.x", "3.9.5-SNAPSHOT", "", []string{"3.9.x", main}},
		{"3.0.0-beta", "3.0.0-beta-SNAPSHOT", "1.30.4", []string{"3.0.0-beta", "1.30.x", main}},
		{"master", "3.10.0-SNAPSHOT", "1.30.4", []string{main, "1.30.x"}},
		{"master", "3.10.0-SNAPSHOT", "", []string{main}},
	}
	for _, tt := range tests {
		o := plan.Options{Branch: tt.release, MainBranch: "master"}
		got := o.Candidates(&manifest.Manifest{Version: tt.product}, manifest.Component{Name: "a", Version: tt.version})
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s on %s (-want +got):\n%s", tt.version, tt.release, diff)
		}
	}
	o := plan.Options{Branch: "3.9.x", Overrides: map[string]plan.Override{"a": {Branch: "stable"}}}
	if diff := cmp.Diff([]string{"stable"}, o.Candidates(&manifest.Manifest{}, manifest.Component{Name: "a", Version: "1.0.0"})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
