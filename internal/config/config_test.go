package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/needs"
	"github.com/gravitee-lab/gio/internal/plan"
)

// variables makes an environment.
func variables(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func file(t *testing.T, content string, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func isFault(t *testing.T, err error, kind fault.Kind, code string, say ...string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Fatalf("error %v is %v %q, want %v %q", err, fault.KindOf(err), fault.CodeOf(err), kind, code)
	}
	for _, text := range say {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

const whole = `
organization: acme
main_branch: main
release_branches: [3.10.x, next]
max_parallel: 4
parameters:
  maven_profile_id: "gravitee-release-{{.ProductVersion}}"
  retries: 3
  verbose: true
  s3_bucket_name: null
components:
  gravitee-node:
    repository: other/node
    branch: release
    project: circleci/a/b
    definition: d-1
    parameters: {jdk: 17}
    stage: false
  gravitee-doc:
author:
  name: Release Robot
  email: robot@acme.example
notify:
  slack: {channel: "#releases"}
  webhook: {url: 'https://hooks.acme.example/gio?team=a'}
  github: {status: true, release: true, notes: changelog}
`

func TestRead(t *testing.T) {
	t.Parallel()
	path := file(t, whole, t.TempDir(), FileName)
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	no := false
	want := File{
		Path: path, Organization: "acme", MainBranch: "main", ReleaseBranches: []string{"3.10.x", "next"}, MaxParallel: 4,
		Parameters: map[string]any{
			"maven_profile_id": "gravitee-release-{{.ProductVersion}}", "retries": 3, "verbose": true, "s3_bucket_name": nil,
		},
		Components: map[string]Component{
			"gravitee-node": {
				Repository: "other/node", Branch: "release", Project: "circleci/a/b", Definition: "d-1",
				Parameters: map[string]any{"jdk": 17}, Stage: &no,
			},
			"gravitee-doc": {},
		},
	}
	want.Author.Name, want.Author.Email = "Release Robot", "robot@acme.example"
	want.Notify.Slack = &Slack{Channel: "#releases"}
	want.Notify.Webhook.URL = "https://hooks.acme.example/gio?team=a"
	want.Notify.GitHub.Status, want.Notify.GitHub.Release, want.Notify.GitHub.Notes = true, true, NotesChangelog
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(File{})); diff != "" {
		t.Error(diff)
	}
	overrides := map[string]plan.Override{
		"gravitee-node": {
			Repository: "other/node", Branch: "release", Project: "circleci/a/b", Definition: "d-1",
			Parameters: map[string]any{"jdk": 17}, Stage: &no,
		},
		"gravitee-doc": {},
	}
	if diff := cmp.Diff(overrides, got.Overrides()); diff != "" {
		t.Errorf("overrides:\n%s", diff)
	}
}

func TestReadNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing := filepath.Join(dir, "none.yaml")
	if data, got, err := Beside(filepath.Dir(missing)); err != nil || got.Path != "" || data != nil {
		t.Errorf("the default one may be missing: %+v, %v", got, err)
	}
	_, err := Read(missing)
	isFault(t, err, fault.NotFound, "config-file", missing)
	_, err = Read(dir) // it is there and cannot be read
	isFault(t, err, fault.Invalid, "config-file", dir)
	for _, content := range []string{"", "\n", "# nothing but words\n", "---\n"} {
		path := file(t, content, dir, FileName)
		got, err := Read(path)
		if diff := cmp.Diff(File{Path: path}, got, cmpopts.IgnoreUnexported(File{})); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", content, err, diff)
		}
	}
}

// The proof of a release is set for all components and for one.
func TestReadVerification(t *testing.T) {
	t.Parallel()
	if got, err := Parse(FileName, []byte("verify: poms\ntag: \"v{{.Version}}\"\ncomponents:\n  a: {poms: warn}\n")); err != nil || got.Verification.Verify != "poms" || got.Overrides()["a"].Verification.Poms != plan.PomsWarn {
		t.Errorf("%+v %v", got, err)
	}
	got, err := Parse(FileName, []byte("verify: tag\ntag: \"v{{.Version}}\"\nworkflows: [release]\ncomponents:\n  a: {verify: workflow, workflows: [\"{{.Component}}\", 17]}\n  b: {verify: none}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := plan.Verification{Verify: plan.VerifyTag, Tag: "v{{.Version}}", Workflows: []string{"release"}}
	if diff := cmp.Diff(want, got.Verification.Plan()); diff != "" {
		t.Error(diff)
	}
	overrides := map[string]plan.Override{
		"a": {Verification: plan.Verification{Verify: plan.VerifyWorkflow, Workflows: []string{"{{.Component}}", "17"}}},
		"b": {Verification: plan.Verification{Verify: plan.VerifyNone}},
	}
	if diff := cmp.Diff(overrides, got.Overrides()); diff != "" {
		t.Error(diff)
	}
}

// Who needs whom keeps its lines, whether it is said by an alias or not.
func TestReadDeclared(t *testing.T) {
	t.Parallel()
	got, err := Parse(FileName, []byte("needs:\n  a: &both\n    - b\n    - c\n  d: *both\nnot_needed:\n  e:\n    b: tests only\n"))
	if err != nil {
		t.Fatal(err)
	}
	at := func(line int) needs.Place { return needs.Place{File: FileName, Line: line} }
	want := []needs.Declared{
		{From: "a", To: "b", Place: at(3)},
		{From: "a", To: "c", Place: at(4)},
		{From: "d", To: "b", Place: at(3)},
		{From: "d", To: "c", Place: at(4)},
		{From: "e", To: "b", NotFor: "tests only", Place: at(8)},
	}
	if diff := cmp.Diff(want, got.Declared()); diff != "" {
		t.Error(diff)
	}
}

// TestReadStrict: gio refuses, with the line, what it would not understand or would misread.
func TestReadStrict(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, content, want string }{
		{"unknown key", "organization: acme\nmax_parallell: 3\n", `:2: gio does not know the key "max_parallell"`},
		{"unknown key of a component", "components:\n  a:\n    branch: x\n    brunch: y\n", `:4: gio does not know the key "brunch"`},
		{"unknown key of the author", "author:\n  nick: x\n", `:2: gio does not know the key "nick"`},
		{"unknown key of who is told", "notify:\n  slack: {token: x}\n", `:2: gio does not know the key "token"`},
		{"no address of a webhook", "notify: {webhook: {url: hooks.acme.example}}\n", ": notify.webhook.url is not a web address"},
		{"a password in a webhook's address", "notify: {webhook: {url: 'https://a:b@acme.example'}}\n", ": notify.webhook.url is not a web address"},
		{"two at once", "a: 1\nb: 2\n", `:2: gio does not know the key "b"`},
		{"key in other letters", "\nOrganization: acme\n", `:2: gio does not know the key "Organization"`},
		{"key twice", "organization: a\nmain_branch: m\norganization: b\n", `:3: mapping key "organization" already defined at line 1`},
		{"component twice", "components:\n  a: {branch: x}\n  a: {branch: y}\n", `:3: mapping key "a" already defined at line 2`},
		{"text for a number", "\n\nmax_parallel: many\n", ":3: cannot unmarshal"},
		{"a tag for every version", "product_tag: latest\n", ": product_tag \"latest\" of gio.yaml is the same tag for every version"},
		{"number for a list", "release_branches: 3\n", ":1: cannot unmarshal"},
		{"text for a boolean", "components:\n  a:\n    stage: never\n", ":3: cannot unmarshal"},
		{"no mapping", "- organization\n", ":1: cannot unmarshal !!seq into a mapping"},
		{"no mapping of components", "\ncomponents: a\n", ":2: cannot unmarshal !!str `a` into a mapping"},
		{"no mapping of the author", "author: me\n", ":1: cannot unmarshal !!str `me` into a mapping"},
		{"no YAML", "organization: [a\nmain_branch: b\n", ":1: did not find expected"},
		{"a tab", "author:\n\tname: x\n", ":2: found character that cannot start any token"},
		{"unknown proof", "organization: a\nverify: tags\n", `:2: verify is tag, poms, workflow, none, not "tags"`},
		{"unknown proof of a component", "components:\n  a:\n    verify: [tag]\n", `:3: verify is tag, poms, workflow, none, not ""`},
		{"unknown notes", "notify:\n  github: {notes: sbom}\n", `:2: notes is bom or changelog, not "sbom"`},
		{"tag is no template", "verify: tag\ntag: \"{{.Version\"\n", `:2: "{{.Version" is not a valid template; it may use {{.ProductVersion}}`},
		{"tag of what nobody knows", "verify: tag\ntag: \"{{.Secret}}\"\n", `:2: "{{.Secret}}" is not a valid template`},
		{"workflow is no template", "verify: workflow\nworkflows:\n  - release\n  - \"{{end}}\"\n", `:4: "{{end}}" is not a valid template`},
		{"workflow is no list", "verify: workflow\nworkflows: release\n", ":2: cannot unmarshal"},
		{"a tag nobody asks for", "verify: workflow\ntag: v\nworkflows: [w]\n", ": tag is set, but nothing sets verify: tag"},
		{"unknown word of poms", "verify: poms\npoms: loose\n", `:2: poms is strict, warn, not "loose"`},
		{"poms nobody asks for", "verify: tag\npoms: warn\n", ": poms is set, but nothing sets verify: poms"},
		{"workflows nobody asks for", "verify: tag\ncomponents:\n  a: {workflows: [w]}\n", ": workflows are set, but nothing sets verify: workflow"},
		{"needs of nobody", "needs:\n  - a\n", ":2: cannot unmarshal"},
		{"needs without a list", "needs:\n  a: b\n", ":2: cannot unmarshal"},
		{"needs twice", "needs:\n  a: [b]\n  a: [c]\n", `:3: mapping key "a" already defined at line 2`},
		{"needs itself", "needs:\n  a:\n    - b\n    - a\n", ":4: a is said to need itself"},
		{"not needed without a reason", "not_needed:\n  a: [b]\n", ":2: cannot unmarshal"},
		{"not needed, with an empty reason", "not_needed:\n  a:\n    b: \"\"\n", ":3: not_needed says no reason why a does not need b"},
		{"needed and not", "needs: {a: [b]}\nnot_needed:\n  a: {c: tests only, b: tests only}\n", ":3: not_needed says that a does not need b, and needs in line 1 that it does"},
		{"unknown order", "organization: a\norder: tree\n", `:2: order is graph or waves, not "tree"`},
		{"no order", "order: [graph]\n", `:1: order is graph or waves, not ""`},
		{"no time", "settle: soon\n", `:1: settle is a time such as 90s or 2m, of at most an hour, not "soon"`},
		{"no time without a unit", "settle: 90\n", `:1: settle is a time such as 90s or 2m, of at most an hour, not "90"`},
		{"less than no time", "settle: -1s\n", ":1: settle is a time"},
		{"a day", "settle: 24h\n", ":1: settle is a time"},
		{"second document", "organization: a\n---\norganization: b\n", ": after --- begins a second document"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := file(t, tt.content, t.TempDir(), FileName)
			_, err := Read(path)
			isFault(t, err, fault.Invalid, "config-file", path+tt.want)
			if strings.Contains(err.Error(), "config.") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the message speaks of Go or runs over lines: %q", err)
			}
		})
	}
}

func TestFirst(t *testing.T) {
	t.Parallel()
	env := variables(map[string]string{"EMPTY": "", "GH_ORG": "acme"})
	flag, set, byDefault := Value{Value: "", Source: "--org"}, Env(env, "GH_ORG"), Value{Value: "x", Source: "default"}
	tests := []struct {
		name   string
		values []Value
		want   Value
		text   string
	}{
		{"an empty flag counts as unset", []Value{flag, set, byDefault}, Value{"acme", "GH_ORG"}, "acme (GH_ORG)"},
		{"an empty variable counts as unset", []Value{Env(env, "EMPTY"), byDefault}, Value{"x", "default"}, "x (default)"},
		{"the flag comes first", []Value{{"y", "--org"}, set}, Value{"y", "--org"}, "y (--org)"},
		{"none", []Value{flag, Env(env, "MISSING")}, Value{}, "(none)"},
	}
	for _, tt := range tests {
		if got := First(tt.values...); got != tt.want || got.String() != tt.text {
			t.Errorf("%s: %+v, %q", tt.name, got, got)
		}
	}
}

// FuzzRead: no file makes it panic, and the error for a refused one has its name.
func FuzzRead(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("a: &x [*x]\n"))
	f.Add([]byte("organization: a\n---\n"))
	f.Add([]byte("parameters: {1: {? [a] : b}, <<: {c: d}}\n"))
	path := filepath.Join(f.TempDir(), FileName)
	f.Fuzz(func(t *testing.T, content []byte) {
		name := path + "." + filepath.Base(t.TempDir())
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Read(name)
		if err != nil {
			isFault(t, err, fault.Invalid, "config-file", name)
			return
		}
		if got.Path != name {
			t.Errorf("path %q", got.Path)
		}
		got.Overrides()
	})
}
