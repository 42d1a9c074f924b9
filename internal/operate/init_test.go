package operate_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// TestNewProduct: what makes no release.json is refused before anybody is asked.
func TestNewProduct(t *testing.T) {
	t.Parallel()
	good := operate.NewProduct{Dir: "acme-release", Version: "1.0.0-SNAPSHOT"}
	for name, test := range map[string]struct {
		change func(*operate.NewProduct)
		ok     bool
	}{
		"as it is":            {func(*operate.NewProduct) {}, true},
		"one version said":    {func(o *operate.NewProduct) { o.Components, o.Groups = []string{"a=1.0.0-SNAPSHOT"}, []string{"a"} }, true},
		"the same said twice": {func(o *operate.NewProduct) { o.Components, o.Groups = []string{"a=1.0.0"}, []string{"a=1.0.0"} }, true},
		"two versions":        {func(o *operate.NewProduct) { o.Components, o.Groups = []string{"a=1.0.0"}, []string{"a=1.0.1"} }, false},
		"no name":             {func(o *operate.NewProduct) { o.Groups = []string{"a,,b"} }, false},
		"no version behind =": {func(o *operate.NewProduct) { o.Components = []string{"a="} }, false},
		"released already":    {func(o *operate.NewProduct) { o.Version = "1.0.0" }, false},
		"no version at all":   {func(o *operate.NewProduct) { o.Version = "x-SNAPSHOT" }, false},
	} {
		o := good
		test.change(&o)
		if err := o.Check(); (err == nil) != test.ok || err != nil && fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	if good.DescribesManifest() {
		t.Error("directory and version say nothing about release.json")
	}
	for _, said := range []operate.NewProduct{{Name: "a"}, {SCMHTTPURL: "a"}, {FromOrg: "a"}, {Components: []string{"a"}}, {Groups: []string{"a"}}} {
		if !said.DescribesManifest() {
			t.Errorf("%+v says nothing", said)
		}
	}
}

// TestNewManifest: the components of the flags in the order of their first mention, and one more group of those that stand in
// none.
func TestNewManifest(t *testing.T) {
	t.Parallel()
	w := plant{bare: true}.grow(t)
	o := w.outside()
	o.Workspace = workspace.ForOrganization(w.options(), w.checkout, "")
	made, err := operate.NewManifest(t.Context(), o.Setup, operate.NewProduct{
		Dir: filepath.Join(w.checkout, "acme-release"), Version: "1.0.0-SNAPSHOT", SCMHTTPURL: "https://github.com/acme",
		Groups: []string{"parent, common=1.20.0"}, Components: []string{"common", "api=1.1.0-SNAPSHOT", "parent=2.0.0"},
	})
	const want = `{
    "name": "acme-release",
    "version": "1.0.0-SNAPSHOT",
    "scmHttpUrl": "https://github.com/acme",
    "components": [
        {
            "name": "parent",
            "version": "2.0.0"
        },
        {
            "name": "common",
            "version": "1.20.0"
        },
        {
            "name": "api",
            "version": "1.1.0-SNAPSHOT"
        }
    ],
    "buildDependencies": [
        [
            "parent",
            "common"
        ],
        [
            "api"
        ]
    ]
}
`
	if err != nil || string(made) != want || o.heard() != "" {
		t.Errorf("%v, told %q\n%s", err, o.heard(), made)
	}
	made, err = operate.NewManifest(t.Context(), o.Setup, operate.NewProduct{Name: "A & <B>", Version: "1.0.0-SNAPSHOT"})
	if err != nil || !strings.Contains(string(made), `"name": "A & <B>"`) {
		t.Errorf("%v: %s", err, made)
	}
	if _, err = operate.NewManifest(t.Context(), o.Setup, operate.NewProduct{Version: "1.0.0"}); fault.KindOf(err) != fault.Usage {
		t.Errorf("%v", err)
	}
	_, err = operate.NewManifest(t.Context(), o.Setup, operate.NewProduct{Version: "1.0.0-SNAPSHOT", Components: []string{"not/a/name"}})
	w.ofKind(err, fault.Invalid, "manifest-invalid")
}

// TestNewManifestPlace: where the components live is said, or found by the organization or by the remote of the checkout.
func TestNewManifestPlace(t *testing.T) {
	t.Parallel()
	w := plant{}.grow(t)
	made := func(o operate.NewProduct) (scm, told string) {
		t.Helper()
		o.Version = "1.0.0-SNAPSHOT"
		asked := w.outside()
		data, err := operate.NewManifest(t.Context(), asked.Setup, o)
		if err != nil {
			t.Fatal(err)
		}
		m, err := w.on(workspace.Workspace{Path: "release.json", Local: data}).Manifest()
		if err != nil {
			t.Fatal(err)
		}
		return m.SCMHTTPURL, asked.heard()
	}
	gittest.Git(t, w.checkout, "remote", "set-url", "origin", "git@github.com:acme/release.git")
	if scm, told := made(operate.NewProduct{Dir: w.checkout}); scm != "https://github.com/acme" || told != "" {
		t.Errorf("beside the remote: %q, %q", scm, told)
	}
	if scm, told := made(operate.NewProduct{Dir: t.TempDir()}); scm != "" || told == "" {
		t.Errorf("nowhere: %q, %q", scm, told)
	}
	w.env["GH_ORG"] = "other"
	if scm, _ := made(operate.NewProduct{Dir: w.checkout}); scm != "https://github.com/other" {
		t.Errorf("by GH_ORG: %q", scm)
	}
}

// TestNewManifestFromOrg: the components that GitHub knows of an organization; those of the flags keep their version.
func TestNewManifestFromOrg(t *testing.T) {
	t.Parallel()
	file := func(name, content string) map[string]sim.Branch {
		return map[string]sim.Branch{"master": {Files: map[string]string{name: content, ".circleci/config.yml": "version: 2.1"}}}
	}
	w := plant{bare: true, Scenario: sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{
		"acme/api":  {Branches: file("package.json", `{"version": "2.0.0-SNAPSHOT"}`)},
		"acme/odd":  {Branches: file("package.json", `{"version": "1-SNAPSHOT"}`)},
		"acme/docs": {Branches: map[string]sim.Branch{"master": {Files: map[string]string{"README.md": "text"}}}},
	}}}}.grow(t)
	o := w.on(workspace.ForOrganization(w.options(), w.checkout, "acme"))
	made := operate.NewProduct{Dir: w.checkout, Name: "Acme", Version: "1.0.0-SNAPSHOT", FromOrg: "acme", Groups: []string{"parent"}, SCMHTTPURL: "https://github.com/acme"}
	data, err := operate.NewManifest(t.Context(), o.Setup, made)
	if err != nil {
		t.Fatal(err)
	}
	m, err := w.on(workspace.Workspace{Path: "release.json", Local: data}).Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, c := range m.Components {
		all = append(all, c.Name+" "+c.Version)
	}
	w.wants("components", all, []string{"parent 1.0.0-SNAPSHOT", "api 2.0.0-SNAPSHOT"})
	o.hears("left out: acme/odd: ", "warning: parent was not found as a component in acme, but is written nevertheless", "components found in acme: 1")
	made.FromOrg = "nobody"
	_, err = operate.NewManifest(t.Context(), o.Setup, made)
	if fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}
