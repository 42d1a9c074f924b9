// Package internal_test holds the rules that no single package can hold: who may import whom.
package internal_test

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/gravitee-lab/gio"
	inside = module + "/internal/"
)

// layers is the table of ARCHITECTURE.md, from the top down. A package may import what stands in a lower
// line, and nothing of its own line or above. Programs under cmd stand above the first line.
func layers() [][]string {
	return [][]string{
		{"cli", "server"},
		{"report", "api", "aviator", "jfrog", "gimlet", "worker"},
		{"rehearse", "client"},
		{"operate"},
		{"engine", "check", "prepare", "doctor", "notify", "workspace", "gitops", "helm"},
		{"circleci", "github", "gitrepo", "journal", "sim", "config", "term", "store", "blobs", "sign", "registry", "artifactory", "render"},
		{"transport", "git"},
		{"ledger", "wire"},
		{"run"},
		{"plan"},
		{"manifest", "needs"},
		{"versionfile"},
		{"fault"},
	}
}

// adapters each fence one outside system. Those that know of each other cannot be changed alone.
func adapters() []string {
	return []string{"circleci", "github", "gitrepo", "journal", "sim", "store", "blobs", "registry", "artifactory", "render"}
}

// helpers exist for tests. Each belongs to the package above it and may import that one and what that one may.
func helpers() []string {
	return []string{"sim/simtest", "gitrepo/gittest", "journal/journaltest", "store/storetest", "registry/registrytest", "artifactory/artifactorytest"}
}

// pure packages compute and do nothing else: what they decide can be tested and repeated without a world.
func pure() []string {
	return []string{"ledger", "sign", "run", "plan", "manifest", "needs", "versionfile", "fault"}
}

// databases are the packages that know of one.
func databases() []string { return []string{"store", "store/storetest"} }

// fence keeps an import, and everything below its path, to the packages named.
type fence struct {
	path string
	only []string
	why  string
}

func fences() []fence {
	return []fence{
		{"github.com/spf13/cobra", []string{"cli"}, "command lines are read at the edge; below it a function gets values"},
		{inside + "term", []string{"cli"}, "one package owns the terminal; below it nobody knows of one"},
		{"github.com/spf13/pflag", []string{"cli"}, "command lines are read at the edge; below it a function gets values"},
		{"github.com/google/go-github", []string{"github"}, "an outside system is known to one package"},
		{"golang.org/x/oauth2", []string{"github"}, "an outside system is known to one package"},
		{"github.com/go-git", []string{"gitrepo", "gitrepo/gittest"}, "an outside system is known to one package"},
		{"github.com/google/go-containerregistry", []string{"registry", "registry/registrytest"}, "an outside system is known to one package"},
		{inside + "helm", []string{"cmd/gio-server"}, "whatever imports it compiles Kubernetes' client: others get it as a render.Kubernetes"},
		{"helm.sh/helm", []string{"helm"}, "it brings Kubernetes' client: 26 MB and a minute of compiling"},
		{"k8s.io", []string{"helm"}, "it brings Kubernetes' client: 26 MB and a minute of compiling"},
		{"github.com/evanphx/json-patch", []string{"helm"}, "an outside system is known to one package"},
		{"sigs.k8s.io", []string{"render", "helm"}, "an outside system is known to one package"},
		{"github.com/Masterminds/sprig", []string{"render"}, "templates of others are bounded by one package"},
		{"database/sql", databases(), "an outside system is known to one package"},
		{"modernc.org/sqlite", databases(), "an outside system is known to one package"},
		{"github.com/jackc/pgx", databases(), "an outside system is known to one package"},
		{"github.com/pressly/goose", databases(), "an outside system is known to one package"},
		{"github.com/rs/zerolog", []string{"cli", "config", "transport", "server"}, "what happens in a run is an event, not a log line"},
		{"github.com/prometheus", []string{"server"}, "figures are shown at the server's edge; below it a function returns values"},
		{"github.com/CycloneDX", []string{"report"}, "a format is known to the package that writes it"},
		{"github.com/santhosh-tekuri/jsonschema", nil, "documents are validated by tests, not by the program"},
		{"github.com/getkin/kin-openapi", []string{"sim/simtest"}, "the contract is checked by tests, not by the program"},
		{"github.com/google/go-cmp", helpers(), "a test's library has no place in the program"},
		{"testing", helpers(), "a test's library has no place in the program"},
		{"C", nil, "gio is built without cgo"},
	}
}

// touchesWorld tells whether an import gives a pure package a hand in the world: files, network, processes,
// the log, or a third party's code beyond version arithmetic. net/url and net/netip only compute.
func touchesWorld(imported string) bool {
	if thirdParty(imported) {
		return !below(imported, "github.com/Masterminds/semver")
	}
	if imported == "net/url" || imported == "net/netip" {
		return false
	}
	return slices.ContainsFunc(
		[]string{"os", "net", "io/ioutil", "syscall", "log", "database/sql", "plugin", "path/filepath", "runtime/debug"},
		func(root string) bool { return below(imported, root) },
	)
}

// thirdParty: a module's path begins with a host name, the standard library's do not.
func thirdParty(imported string) bool {
	host, _, _ := strings.Cut(imported, "/")
	return strings.Contains(host, ".") && !below(imported, module)
}

func below(imported, root string) bool {
	return imported == root || strings.HasPrefix(imported, root+"/")
}

// rank is the line of the table that a package stands in, 0 for programs, -1 for a package that has no line.
func rank(pkg string) int {
	if below(pkg, "cmd") {
		return 0
	}
	if slices.Contains(helpers(), pkg) {
		pkg = path.Dir(pkg)
	}
	for i, line := range layers() {
		if slices.Contains(line, pkg) {
			return i + 1
		}
	}
	return -1
}

// verdict says why pkg must not import imported, "" when it may. Packages of the module are named without
// its path: "plan", "sim/simtest", "cmd/gio".
func verdict(pkg, imported string) string {
	for _, f := range fences() {
		if below(imported, f.path) && !slices.Contains(f.only, pkg) {
			return fmt.Sprintf("%s (allowed in: %s)", f.why, cmp.Or(strings.Join(f.only, ", "), "no package"))
		}
	}
	if slices.Contains(pure(), pkg) && touchesWorld(imported) {
		return fmt.Sprintf("%s only computes: let its caller do this and hand over the value", pkg)
	}
	if target, ok := strings.CutPrefix(imported, inside); ok {
		return verdictInside(pkg, target)
	}
	return ""
}

func verdictInside(pkg, target string) string {
	switch {
	case slices.Contains(helpers(), target) && !slices.Contains(helpers(), pkg):
		return fmt.Sprintf("%s is a helper of tests; only _test.go files and other helpers import it", target)
	case slices.Contains(helpers(), pkg) && target == path.Dir(pkg):
		return ""
	case pkg == "sim" || path.Dir(pkg) == "sim":
		return "sim imports nothing internal, so that it and the clients answer to the same evidence, not to each other"
	case slices.Contains(adapters(), pkg) && slices.Contains(adapters(), target):
		return "adapters never import each other: let engine or cli bring them together"
	case rank(target) <= rank(pkg):
		return fmt.Sprintf("imports go down, and %s does not stand below %s in the table (internal/imports_test.go)", target, pkg)
	}
	return ""
}

// imports are the imports of one package by path, each with a place where it stands ("internal/x/x.go:7").
type imports map[string]string

// readTree parses the non-test files under cmd and internal, of every operating system.
func readTree(t *testing.T) map[string]imports {
	t.Helper()
	tree := map[string]imports{}
	for _, root := range []string{"../internal", "../cmd"} {
		err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "testdata":
				return fs.SkipDir
			case entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
				return nil
			}
			return readFile(tree, filepath.ToSlash(file))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

func readFile(tree map[string]imports, file string) error {
	place := strings.TrimPrefix(file, "../")
	pkg := strings.TrimPrefix(path.Dir(place), "internal/")
	if tree[pkg] == nil {
		tree[pkg] = imports{}
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		tree[pkg][imported] = fmt.Sprintf("%s:%d", place, set.Position(spec.Pos()).Line)
	}
	return nil
}

// violations lists what the tree does against the table, a sentence each, in the order of the packages.
func violations(tree map[string]imports) []string {
	var found []string
	for pkg, all := range tree {
		if rank(pkg) < 0 {
			found = append(found, fmt.Sprintf("internal/%s has no place: put it into the table of internal/imports_test.go and ARCHITECTURE.md", pkg))
			continue
		}
		for imported, place := range all {
			if why := verdict(pkg, imported); why != "" {
				found = append(found, fmt.Sprintf("%s: remove the import of %q: %s", place, imported, why))
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestImports(t *testing.T) {
	t.Parallel()
	tree := readTree(t)
	if len(tree["fault"]) == 0 {
		t.Fatal("internal/fault was not found or imports nothing: this test reads the wrong tree")
	}
	for _, violation := range violations(tree) {
		t.Error(violation)
	}
	for _, pkg := range slices.Concat(slices.Concat(layers()...), helpers()) {
		if _, ok := tree[pkg]; !ok {
			t.Logf("in the table, not there yet: internal/%s", pkg)
		}
	}
}

// The table is worth what it finds.
func TestVerdict(t *testing.T) {
	t.Parallel()
	const free = ""
	tests := []struct{ pkg, imported, want string }{
		{"cmd/gio", inside + "cli", free},
		{"cli", inside + "report", free},
		{"cli", inside + "fault", free},
		{"cli", "github.com/spf13/cobra", free},
		{"report", inside + "operate", free},
		{"rehearse", inside + "operate", free},
		{"operate", inside + "notify", free},
		{"engine", inside + "circleci", free},
		{"circleci", inside + "transport", free},
		{"run", inside + "plan", free},
		{"transport", "net/http", free},
		{"transport", "github.com/rs/zerolog/log", free},
		{"github", "github.com/google/go-github/v57/github", free},
		{"gitrepo", "github.com/go-git/go-billy/v5", free},
		{"manifest", "github.com/Masterminds/semver/v3", free},
		{"manifest", "net/url", free},
		{"ledger", "crypto/rand", free},
		{"store", inside + "ledger", free},
		{"store", "database/sql/driver", free},
		{"store/storetest", inside + "store", free},
		{"registry", "github.com/google/go-containerregistry/pkg/name", free},
		{"render", "sigs.k8s.io/yaml", free},
		{"helm", "helm.sh/helm/v3/pkg/engine", free},
		{"helm", inside + "render", free},
		{"cmd/gio-server", inside + "helm", free},
		{"sim/simtest", inside + "sim", free},
		{"sim/simtest", "testing", free},
		{"gitrepo/gittest", inside + "fault", free},
		{"journal/journaltest", inside + "journal", free},
		{"journal/journaltest", "github.com/google/go-cmp/cmp", free},

		{"engine", inside + "cli", "imports go down"},
		{"engine", inside + "report", "imports go down"},
		{"engine", inside + "check", "imports go down"},
		{"report", inside + "term", "allowed in: cli"},
		{"operate", inside + "report", "imports go down"},
		{"operate", inside + "rehearse", "imports go down"},
		{"operate", inside + "cli", "imports go down"},
		{"rehearse", inside + "report", "imports go down"},
		{"workspace", inside + "engine", "imports go down"},
		{"transport", inside + "circleci", "imports go down"},
		{"plan", inside + "run", "imports go down"},
		{"fault", inside + "fault", "imports go down"},
		{"engine", inside + "nowhere", "imports go down"},
		{"circleci", inside + "github", "adapters never"},
		{"journal", inside + "gitrepo", "adapters never"},
		{"circleci", inside + "sim", "adapters never"},
		{"sim", inside + "circleci", "sim imports nothing internal"},
		{"sim", inside + "fault", "sim imports nothing internal"},
		{"sim/simtest", inside + "circleci", "sim imports nothing internal"},
		{"gitrepo/gittest", inside + "circleci", "imports go down"},
		{"cli", inside + "sim/simtest", "helper of tests"},
		{"cmd/gio", inside + "gitrepo/gittest", "helper of tests"},
		{"engine", inside + "journal/journaltest", "helper of tests"},
		{"journal/journaltest", inside + "engine", "imports go down"},
		{"engine", "github.com/spf13/cobra/doc", "allowed in: cli"},
		{"engine", "github.com/google/go-github/v57/github", "allowed in: github"},
		{"worker", "github.com/google/go-containerregistry/pkg/v1", "allowed in: registry"},
		{"engine", "github.com/go-git/go-git/v5/plumbing", "allowed in: gitrepo"},
		{"ledger", "database/sql", "allowed in: store"},
		{"engine", "modernc.org/sqlite/lib", "allowed in: store"},
		{"cli", "github.com/jackc/pgx/v5/stdlib", "allowed in: store"},
		{"cmd/gio", "github.com/pressly/goose/v3", "allowed in: store"},
		{"render", "helm.sh/helm/v3/pkg/engine", "allowed in: helm"},
		{"render", "k8s.io/apimachinery/pkg/util/strategicpatch", "allowed in: helm"},
		{"server", inside + "helm", "allowed in: cmd/gio-server"},
		{"worker", "sigs.k8s.io/yaml", "allowed in: render, helm"},
		{"api", "github.com/Masterminds/sprig/v3", "allowed in: render"},
		{"render", inside + "registry", "adapters never"},
		{"ledger", "os", "only computes"},
		{"ledger", inside + "store", "imports go down"},
		{"store", inside + "journal", "adapters never"},
		{"store", "github.com/prometheus/client_golang/prometheus", "allowed in: server"},
		{"engine", "github.com/rs/zerolog", "allowed in: cli, config, transport"},
		{"sim", "github.com/getkin/kin-openapi/openapi3", "allowed in: sim/simtest"},
		{"engine", "testing/synctest", "no place in the program"},
		{"cli", "C", "allowed in: no package"},
		{"manifest", "os", "only computes"},
		{"plan", "os/exec", "only computes"},
		{"run", "net/http", "only computes"},
		{"fault", "io/ioutil", "only computes"},
		{"run", "log/slog", "only computes"},
		{"plan", "golang.org/x/sync/errgroup", "only computes"},
	}
	for _, test := range tests {
		got := verdict(test.pkg, test.imported)
		if (got == free) != (test.want == free) || !strings.Contains(got, test.want) {
			t.Errorf("verdict(%q, %q) = %q, want it to say %q", test.pkg, test.imported, got, test.want)
		}
	}
}

func TestViolations(t *testing.T) {
	t.Parallel()
	tree := map[string]imports{
		"circleci": {
			inside + "transport": "internal/circleci/client.go:7",
			inside + "github":    "internal/circleci/client.go:8",
		},
		"util": {"os": "internal/util/util.go:3"},
	}
	want := []string{
		`internal/circleci/client.go:8: remove the import of "github.com/gravitee-lab/gio/internal/github": adapters never import each other: let engine or cli bring them together`,
		"internal/util has no place: put it into the table of internal/imports_test.go and ARCHITECTURE.md",
	}
	if got := violations(tree); !slices.Equal(got, want) {
		t.Errorf("violations:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// reaches is everything that a package imports, directly or through packages of the module.
func reaches(tree map[string]imports, pkg string) map[string]bool {
	reached := map[string]bool{}
	var visit func(pkg string)
	visit = func(pkg string) {
		for imported := range tree[pkg] {
			if reached[imported] {
				continue
			}
			reached[imported] = true
			if target, ok := strings.CutPrefix(imported, inside); ok {
				visit(target)
			}
		}
	}
	visit(pkg)
	return reached
}

// TestOperationsNeedNoCommandLine: what a server would call knows neither of a command line, a terminal nor a report, through
// no package; nor do the tests that hold its story.
func TestOperationsNeedNoCommandLine(t *testing.T) {
	t.Parallel()
	edges := []string{inside + "cli", inside + "report", inside + "term", "github.com/spf13/cobra", "github.com/spf13/pflag"}
	tree := readTree(t)
	for _, pkg := range []string{"operate", "workspace"} {
		reached := reaches(tree, pkg)
		if !reached[inside+"gitrepo"] || !reached["github.com/go-git/go-git/v5/plumbing"] {
			t.Errorf("%s reaches %d packages: this test reads the wrong tree", pkg, len(reached))
		}
		for _, edge := range edges {
			if reached[edge] {
				t.Errorf("%s depends on %s", pkg, edge)
			}
		}
	}
	if !reaches(tree, "cli")["github.com/spf13/cobra"] {
		t.Error("cli does not depend on cobra: this test finds nothing")
	}
	files, err := filepath.Glob("operate/*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("the tests of operate were not found: %v", err)
	}
	tests := map[string]imports{}
	for _, file := range files {
		if err := readFile(tests, "../internal/"+filepath.ToSlash(file)); err != nil {
			t.Fatal(err)
		}
	}
	for _, edge := range edges {
		if place, ok := tests["operate"][edge]; ok {
			t.Errorf("%s imports %s", place, edge)
		}
	}
}

// TestOnlyTheServerLinksHelm: Kubernetes' client is compiled for gio-server and for the tests of what uses it, and for nothing else;
// the Makefile knows these two packages, too.
func TestOnlyTheServerLinksHelm(t *testing.T) {
	t.Parallel()
	const linking = `{{$p := .}}{{range .Deps}}{{if eq . "helm.sh/helm/v3/pkg/engine"}}{{$p.ImportPath}}{{"\n"}}{{end}}{{end}}`
	out, err := exec.CommandContext(t.Context(), "go", "list", "-test", "-f", linking, "../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		pkg, _, _ := strings.Cut(line, " ") // "a [a.test]": compiled for its tests
		got[strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(pkg, module+"/"), ".test"), "_test")] = true
	}
	want := []string{"cmd/gio-server", "internal/helm"}
	if found := slices.Sorted(maps.Keys(got)); !slices.Equal(found, want) {
		t.Errorf("Helm is linked into %v, and should be into %v", found, want)
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil || !strings.Contains(string(makefile), "LINKS_HELM := "+strings.Join(want, "|")) {
		t.Errorf("the Makefile does not name %v: %v", want, err)
	}
}

// TestTheCommandLineHasNoDatabase: gio stays small and quick. What only the server needs is not linked into it.
func TestTheCommandLineHasNoDatabase(t *testing.T) {
	t.Parallel()
	list := func(pkg string) []string {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v", pkg, err)
		}
		return strings.Fields(string(out))
	}
	gio, kept := list("../cmd/gio"), slices.Concat(list("../cmd/gio-server"), list("./render"))
	for _, path := range []string{
		"database/sql", "modernc.org/sqlite", "github.com/jackc/pgx", "github.com/pressly/goose", "github.com/prometheus", inside + "store",
		"helm.sh/helm", "k8s.io", "sigs.k8s.io", "github.com/Masterminds/sprig", inside + "render", inside + "helm",
	} {
		// database/sql/driver is only interfaces; semver brings it.
		reached := func(pkg string) bool { return pkg != "database/sql/driver" && below(pkg, path) }
		if slices.ContainsFunc(gio, reached) {
			t.Errorf("gio is built with %s", path)
		}
		if !slices.ContainsFunc(kept, reached) {
			t.Errorf("the server is built without %s: this test finds nothing", path)
		}
	}
}
