package plan_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/needs"
	"github.com/gravitee-lab/gio/internal/plan"
)

func TestParameters(t *testing.T) {
	t.Parallel()
	p := makePlan(t, sample, func(o *plan.Options) {
		o.DryRun = true
		o.Parameters = map[string]any{"bucket": "b-{{.ProductVersion}}", "who": "{{.Component}} {{.Version}}", "profile": "p", "retries": 3}
		o.Overrides = map[string]plan.Override{
			"policy":  {Parameters: map[string]any{"profile": nil, "retries": int64(4), "quick": true, "gio_action": "publish"}},
			"gateway": {Repository: "gateway-core", Project: "circleci/o-id/p-id", Definition: "d-id"},
			"fetcher": {Repository: "other/fetch"},
		}
	})
	got := map[string]plan.Step{}
	for _, s := range p.Steps() {
		got[s.Component] = s
	}
	want := map[string]any{"gio_action": "publish", "dry_run": true, "bucket": "b-3.9.4", "who": "policy 1.2.1", "retries": int64(4), "quick": true}
	if diff := cmp.Diff(want, got["policy"].Parameters); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
	want = map[string]any{"gio_action": "release", "dry_run": true, "bucket": "b-3.9.4", "who": "gateway 3.9.4", "profile": "p", "retries": int64(3)}
	if diff := cmp.Diff(want, got["gateway"].Parameters); diff != "" {
		t.Errorf("gateway (-want +got):\n%s", diff)
	}
	gateway, fetcher := got["gateway"], got["fetcher"]
	if gateway.Repository != "acme/gateway-core" || gateway.Project != "circleci/o-id/p-id" || gateway.Definition != "d-id" {
		t.Errorf("gateway: %+v", gateway)
	}
	if fetcher.Repository != "other/fetch" || fetcher.Project != "gh/other/fetch" || fetcher.Definition != "" {
		t.Errorf("fetcher: %+v", fetcher)
	}
}

func TestParameterDropped(t *testing.T) {
	t.Parallel()
	p := makePlan(t, sample, func(o *plan.Options) {
		o.Organization = "fork"
		o.Parameters = map[string]any{"dry_run": nil, "gio_action": nil}
	})
	for _, s := range p.Steps() {
		if len(s.Parameters) != 0 || s.Repository != "fork/"+s.Component {
			t.Errorf("got %+v, want no parameters and the organization fork", s)
		}
	}
}

func TestProof(t *testing.T) {
	t.Parallel()
	change := func(o *plan.Options) {
		o.Verification = plan.Verification{Verify: plan.VerifyTag, Workflows: []string{"release"}}
		o.Overrides = map[string]plan.Override{
			"policy":  {Verification: plan.Verification{Tag: "{{.Component}}-v{{.Version}}"}},
			"gateway": {Verification: plan.Verification{Verify: plan.VerifyWorkflow}},
			"fetcher": {Verification: plan.Verification{Verify: plan.VerifyWorkflow, Workflows: []string{"publish", "of {{.ProductVersion}}"}}},
			"ui":      {Verification: plan.Verification{Verify: plan.VerifyNone}},
		}
	}
	workflows := map[string]plan.Proof{
		"gateway": {Workflows: []string{"release"}}, "fetcher": {Workflows: []string{"publish", "of 3.9.4"}},
	}
	for dry, tags := range map[bool]map[string]plan.Proof{false: {"policy": {Tag: "policy-v1.2.1"}}, true: {}} {
		for _, st := range makePlan(t, sample, func(o *plan.Options) { change(o); o.DryRun = dry }).Steps() {
			want := tags[st.Component]
			if workflows[st.Component].Workflows != nil {
				want = workflows[st.Component]
			} else if st.Component != "ui" && st.Component != "policy" && !dry {
				want.Tag = st.Version
			}
			if diff := cmp.Diff(want, st.Proof); diff != "" {
				t.Errorf("dry run %t, %s (-want +got):\n%s", dry, st.Component, diff)
			}
		}
	}
}

// TestProofByPoms: the poms of a tag are held to the strict rule unless gio.yaml says otherwise; in a dry run nothing is asked.
func TestProofByPoms(t *testing.T) {
	t.Parallel()
	change := func(o *plan.Options) {
		o.Verification = plan.Verification{Verify: plan.VerifyPoms, Tag: "v{{.Version}}"}
		o.Overrides = map[string]plan.Override{
			"policy": {Verification: plan.Verification{Poms: plan.PomsWarn}}, "gateway": {Verification: plan.Verification{Verify: plan.VerifyTag}},
		}
	}
	for _, dry := range []bool{false, true} {
		for _, st := range makePlan(t, sample, func(o *plan.Options) { change(o); o.DryRun = dry }).Steps() {
			want := plan.Proof{Tag: "v" + st.Version, Poms: map[string]string{"policy": plan.PomsWarn, "gateway": ""}[st.Component]}
			if st.Component != "policy" && st.Component != "gateway" {
				want.Poms = plan.PomsStrict
			}
			if dry {
				want = plan.Proof{}
			}
			if diff := cmp.Diff(want, st.Proof); diff != "" {
				t.Errorf("dry run %t, %s (-want +got):\n%s", dry, st.Component, diff)
			}
		}
	}
}

func TestMakeFaults(t *testing.T) {
	t.Parallel()
	parameter := func(key string, value any) func(*plan.Options) {
		return func(o *plan.Options) { o.Parameters = map[string]any{key: value} }
	}
	override := func(name string, v plan.Override) func(*plan.Options) {
		return func(o *plan.Options) { o.Overrides = map[string]plan.Override{name: v} }
	}
	many := map[string]any{}
	for i := range 99 {
		many[fmt.Sprint("p", i)] = i
	}
	tests := []struct {
		name   string
		change func(*plan.Options)
		kind   fault.Kind
		code   string
		want   string
	}{
		{"wrong branch (S24)", func(o *plan.Options) { o.Branch = "99.999.x" }, fault.Invalid, "wrong-branch", `release.json:3:14: version 3.9.4-SNAPSHOT of Suite cannot be released from the branch "99.999.x"; release it from master or 3.9.x; if the branch is right, list it in release_branches of gio.yaml`},
		{"only unknown", func(o *plan.Options) { o.Only = []string{"gatway"} }, fault.Usage, "unknown-component", `--only names "gatway", which is not a component of release.json; did you mean gateway?`},
		{"only ghost", func(o *plan.Options) { o.Only = []string{"ghost"} }, fault.Usage, "unknown-component", `--only names "ghost", which is not a component of release.json`},
		{"only released", func(o *plan.Options) { o.Only = []string{"common"} }, fault.Invalid, "not-open", `release.json:6:35: --only names common, which is not to be released: its version is 1.20.0; write "1.20.0-SNAPSHOT" to release it again, or leave it out of --only`},
		{"except unknown", func(o *plan.Options) { o.Except = []string{"polcy"} }, fault.Usage, "unknown-component", `--except names "polcy", which is not a component of release.json; did you mean policy?`},
		{"override unknown", override("fetchr", plan.Override{}), fault.Invalid, "unknown-component", `gio.yaml names "fetchr", which is not a component of release.json; did you mean fetcher?`},
		{"need of an unknown one", func(o *plan.Options) {
			o.Declared = []needs.Declared{{From: "ui", To: "fetchr", Place: needs.Place{File: "gio.yaml", Line: 7}}}
		}, fault.Invalid, "unknown-component", `gio.yaml:7 names "fetchr", which is not a component of release.json; did you mean fetcher?`},
		{"template syntax", parameter("k", "{{.Version"), fault.Invalid, "invalid-parameter", `parameter "k" of fetcher is not a valid template: template: k:1: unclosed action; it may use {{.ProductVersion}}, {{.Component}} and {{.Version}}`},
		{"template field", parameter("k", "{{.Secret}}"), fault.Invalid, "invalid-parameter", `parameter "k" of fetcher is not a valid template: template: k:1:2: executing "k" at <.Secret>: can't evaluate field Secret in type plan.templateData; it may use {{.ProductVersion}}, {{.Component}} and {{.Version}}`},
		{"list", parameter("k", []any{"a"}), fault.Invalid, "invalid-parameter", `parameter "k" is of type []interface {}: CircleCI accepts strings, integers and booleans`},
		{"fraction", parameter("k", 1.5), fault.Invalid, "invalid-parameter", `parameter "k" is of type float64: CircleCI accepts strings, integers and booleans`},
		{"long value", parameter("k", strings.Repeat("é", 513)), fault.Invalid, "invalid-parameter", `parameter "k" of fetcher has 513 characters: CircleCI allows 512`},
		{"empty key", parameter("", "v"), fault.Invalid, "invalid-parameter", `the name of parameter "" must have 1 to 128 characters`},
		{"too many", func(o *plan.Options) { o.Parameters = many }, fault.Invalid, "invalid-parameter", `fetcher would get 101 pipeline parameters: CircleCI allows 100`},
		{"dry_run set", parameter("dry_run", true), fault.Invalid, "invalid-parameter", `parameter "dry_run" of fetcher is set in gio.yaml: only the command line sets it; remove it from parameters, or write null for components that do not declare it`},
		{"dry_run dropped in a dry run", func(o *plan.Options) {
			o.DryRun = true
			o.Overrides = map[string]plan.Override{"ui": {Parameters: map[string]any{"dry_run": nil}}}
		}, fault.Invalid, "invalid-parameter", `ui gets no parameter "dry_run" (null in gio.yaml): its pipeline would really release; leave it out with --except ui, or use --dry-run=client`},
		{"repository", override("ui", plan.Override{Repository: "a/b/c"}), fault.Invalid, "invalid-repository", `"a/b/c" is not a repository name for ui; write repository in gio.yaml as name or org/name`},
		{"project", override("ui", plan.Override{Project: "acme/ui"}), fault.Invalid, "invalid-repository", `gio.yaml: project "acme/ui" of ui is not a CircleCI project slug; write it as gh/org/name or circleci/organization-id/project-id`},
		{"workflow without a name", func(o *plan.Options) { o.Verification.Verify = plan.VerifyWorkflow }, fault.Invalid, "invalid-proof", `gio.yaml: verify is workflow for fetcher, but no workflow is named; name those that must have run, ` + "`workflows: [release]`" + `, at the top or under fetcher`},
		{"no name of a tag", override("ui", plan.Override{Verification: plan.Verification{Verify: plan.VerifyTag, Tag: "{{.Component}} {{.Version}}"}}), fault.Invalid, "invalid-proof", `gio.yaml: the tag of ui would be "ui 2.0.0-beta.1", which is not a valid tag name`},
		{"tag template", override("ui", plan.Override{Verification: plan.Verification{Verify: plan.VerifyTag, Tag: "{{.Secret}}"}}), fault.Invalid, "invalid-proof", `gio.yaml: tag of ui is not a valid template: template: tag:1:2: executing "tag" at <.Secret>: can't evaluate field Secret in type plan.templateData; it may use {{.ProductVersion}}, {{.Component}} and {{.Version}}`},
		{"main branch unknown", func(o *plan.Options) { o.MainBranch, o.DefaultBranches = "", map[string]string{} }, fault.Invalid, "no-main-branch", `fetcher 1.3.0 is built from the main branch, whose name is unknown; set main_branch in gio.yaml, or branch for this component`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := plan.Make(parse(t, sample), options(tt.change))
			if p != nil || err == nil {
				t.Fatalf("got %v, %v", p, err)
			}
			f, ok := errors.AsType[*fault.Fault](err)
			if !ok {
				t.Fatalf("%v is no fault", err)
			}
			got := strings.Join(append([]string{f.Error()}, fault.HintLines(f)...), "; ")
			if got != tt.want || f.Kind != tt.kind || f.Code != tt.code {
				t.Errorf("got  %d %s %s\nwant %d %s %s", f.Kind, f.Code, got, tt.kind, tt.code, tt.want)
			}
		})
	}
}

func TestMakeManifestFaults(t *testing.T) {
	t.Parallel()
	m := parse(t, strings.Replace(sample, "1.2.1-SNAPSHOT", "1.2.1-SNAPHOT", 1))
	if _, err := plan.Make(m, options(nil)); !fault.Is(err, "manifest-invalid") {
		t.Errorf("misspelled SNAPSHOT: got %v", err)
	}
	m = parse(t, strings.Replace(sample, "https://github.com/acme/", "", 1))
	_, err := plan.Make(m, options(nil))
	if !fault.Is(err, "invalid-repository") || !strings.HasPrefix(err.Error(), "release.json:9:14: the organization of fetcher is unknown") {
		t.Errorf("no organization: got %v", err)
	}
}

// TestProjectHasOneName: two ways to write a project are one project, whose pipelines of a branch are one.
func TestProjectHasOneName(t *testing.T) {
	t.Parallel()
	p := makePlan(t, sample, func(o *plan.Options) {
		o.Overrides = map[string]plan.Override{
			"policy": {Project: "github/acme/suite", Branch: "main"}, "gateway": {Project: "gh/acme/suite", Branch: "main"},
			"fetcher": {Project: "bitbucket/acme/fetcher"}, "ui": {Project: "circleci/o/p", Definition: "d"},
		}
	})
	want := map[string]string{"policy": "gh/acme/suite", "gateway": "gh/acme/suite", "fetcher": "bb/acme/fetcher", "ui": "circleci/o/p"}
	for _, st := range p.Steps() {
		if project, set := want[st.Component]; set && st.Project != project {
			t.Errorf("%s: %s", st.Component, st.Project)
		}
	}
}
