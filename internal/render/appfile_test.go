package render_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/render"
)

// wholeFile has every key that an app file can have.
const wholeFile = `
app: web
env: staging
preview: false
namespace: team
deploy: {branch: main, event: push, tag: "v*", commitMessagePatterns: ["*[DEPLOY]*"]}
cleanup: {app: "web-{{ .BRANCH }}", event: branchDeleted, branch: "feature/*"}
chart: {repository: "https://chart.onechart.dev", name: onechart, version: 0.32.0}
values: {replicas: 2, image: {repository: web, tag: "{{ .SHA }}"}}
strategicMergePatches: |
  kind: Deployment
json6902Patches:
- patch: "[]"
  target: {group: apps, version: v1, kind: Deployment, name: web}
manifests: |
  kind: ConfigMap
dependencies: [{name: db, kind: terraform, spec: {}}]
`

func TestParse(t *testing.T) {
	t.Parallel()
	f, err := render.Parse([]byte(wholeFile))
	if err != nil {
		t.Fatal(err)
	}
	want := render.AppFile{
		App: "web", Env: "staging", Namespace: "team",
		Chart:                 render.Chart{Repository: "https://chart.onechart.dev", Name: "onechart", Version: "0.32.0"},
		Values:                map[string]any{"replicas": 2.0, "image": map[string]any{"repository": "web", "tag": "{{ .SHA }}"}},
		StrategicMergePatches: "kind: Deployment\n",
		JSON6902Patches:       []render.Patch{{Patch: "[]", Target: render.Target{Group: "apps", Version: "v1", Kind: "Deployment", Name: "web"}}},
		Manifests:             "kind: ConfigMap\n",
		Dependencies:          []any{map[string]any{"name": "db", "kind": "terraform", "spec": map[string]any{}}},
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := render.Parse(text); err != nil || cmp.Diff(f, again) != "" {
		t.Errorf("as JSON and back: %v\n%s", err, cmp.Diff(f, again))
	}
}

// TestParseOfCLI reads what Gimlet's CLI v0.18 sends of a file with raw YAML alone: each key is there, some are null.
func TestParseOfCLI(t *testing.T) {
	t.Parallel()
	f, err := render.Parse([]byte(`{"app":"web","env":"staging","preview":null,"namespace":"team","deploy":null,"chart":{"name":""},"values":null,
		"strategicMergePatches":"","json6902Patches":null,"manifests":"","dependencies":null,"unknown":{"a":1}}`))
	if diff := cmp.Diff(render.AppFile{App: "web", Env: "staging", Namespace: "team"}, f); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 9) + "]\n"
	}
	tests := map[string]struct{ text, want string }{
		"text for a flag":  {"app: web\npreview: \"yes\"", "preview must be true or false, and is text"},
		"number for text":  {"app: 7", "app must be text, and is a number"},
		"list for object":  {"app: web\nchart: [main]", "chart must be keys and values, and is a list"},
		"deep":             {"app: web\nchart: {name: {a: b}}", "chart.name must be text, and is keys and values"},
		"text for list":    {"app: web\njson6902Patches: x", "json6902Patches must be a list, and is text"},
		"text for values":  {"app: web\nvalues: x", "values must be keys and values, and is text"},
		"target of number": {"json6902Patches: [{patch: '', target: {kind: 1}}]", "target.kind must be text, and is a number"},
		"twice":            {"app: web\napp: web", "already set"},
		"no object":        {"- app: web", "does not consist of keys and values"},
		"nothing":          {"", "does not consist of keys and values"},
		"not YAML":         {"app: [", "neither YAML nor JSON"},
		"nested JSON":      {`{"values":` + strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 201), "nested more than 100 deep"},
		"nested YAML":      {"values: " + strings.Repeat("[", 200) + strings.Repeat("]", 200), "nested more than 100 deep"},
		"aliases":          {"values:\n  " + strings.ReplaceAll(bomb, "\n", "\n  "), "excessive aliasing"},
		"large":            {"app: " + strings.Repeat("x", 1<<20), "1048576 are allowed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := render.Parse([]byte(test.text))
			if !fault.Is(err, "app-file-syntax") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want app-file-syntax with %q", err, test.want)
			}
		})
	}
}

func TestCheckNames(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"web", "Web_1.2-x", strings.Repeat("a", 63)} {
		if err := (render.AppFile{App: good, Env: good}).CheckNames(); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "..", "a..b", ".git", "-x", "a/b", "a b", "web\n", "wéb", strings.Repeat("a", 64)} {
		if err := (render.AppFile{App: bad, Env: "staging"}).CheckNames(); !fault.Is(err, "app-file-name") || !strings.Contains(err.Error(), "its app") {
			t.Errorf("app %q: %v", bad, err)
		}
		if err := (render.AppFile{App: "web", Env: bad}).CheckNames(); !fault.Is(err, "app-file-name") || !strings.Contains(err.Error(), "its env") {
			t.Errorf("env %q: %v", bad, err)
		}
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	f := render.AppFile{
		App: "web-preview", Env: "staging", Preview: true,
		Values: map[string]any{"ingress": map[string]any{"host": "web.example.org", "tls": true}},
	}
	const app = "web-{{ .BRANCH | sanitizeDNSName }}"
	want := render.AppFile{
		App: app, Env: "staging", Preview: true,
		Values: map[string]any{"gitBranch": "{{ .BRANCH }}", "ingress": map[string]any{"host": app + ".example.org", "tls": true}},
	}
	if diff := cmp.Diff(want, render.Preview(f)); diff != "" {
		t.Error(diff)
	}
	if host := f.Values["ingress"].(map[string]any)["host"]; f.Values["gitBranch"] != nil || host != "web.example.org" {
		t.Errorf("the file itself was changed: %v", f.Values)
	}
	f.Preview = false
	if diff := cmp.Diff(f, render.Preview(f)); diff != "" {
		t.Error(diff)
	}
	bare := render.Preview(render.AppFile{App: "api", Preview: true})
	resolved, err := bare.Resolve(t.Context(), render.Variables{Values: map[string]string{"BRANCH": "Feature/A_1"}})
	if err != nil || resolved.App != "api-feature-a-1" || resolved.Values["gitBranch"] != "Feature/A_1" || resolved.CheckNames() == nil {
		t.Errorf("%+v, %v", resolved, err) // its env is still missing
	}
}

// FuzzRender: no file makes it panic, take long, or give other bytes the second time.
func FuzzRender(f *testing.F) {
	f.Add([]byte(wholeFile), "abc", "{{ .SHA }}")
	f.Add([]byte(`{"app":"web","env":"e","manifests":"apiVersion: v1\nkind: A\nx: {{ range until 9 }}{{ . }}{{ end }}"}`), "{{", "x")
	if texts, err := os.ReadDir("../helm/testdata/apps"); err == nil {
		for _, entry := range texts {
			if text, err := os.ReadFile("../helm/testdata/apps/" + entry.Name()); err == nil {
				f.Add(text, "0123abc", "main")
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, sha, branch string) {
		file, err := render.Parse(text)
		if err != nil {
			return
		}
		file = render.Preview(file)
		vars := render.Variables{Values: map[string]string{"SHA": sha, "BRANCH": branch}}
		once, err := file.Resolve(t.Context(), vars)
		if err != nil {
			return
		}
		twice, err := file.Resolve(t.Context(), vars)
		if diff := cmp.Diff(once, twice); err != nil || diff != "" {
			t.Errorf("the second time: %v\n%s", err, diff)
		}
		once.Chart = render.Chart{} // there is none
		files, err := render.Files(t.Context(), once, nil, nil)
		if err != nil {
			return
		}
		again, err := render.Files(t.Context(), once, nil, nil)
		if diff := cmp.Diff(files, again); err != nil || diff != "" {
			t.Errorf("the second time: %v\n%s", err, diff)
		}
	})
}
