package render_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/render"
)

func texts(files map[string][]byte) map[string]string {
	out := map[string]string{}
	for name, content := range files {
		out[name] = string(content)
	}
	return out
}

func TestRawFiles(t *testing.T) {
	t.Parallel()
	const a, b = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  text: |\n    --- \n", "apiVersion: v1\nkind: Secret # kept\nmetadata: {name: b}"
	files, err := render.Files(t.Context(), render.AppFile{
		App: "web", Env: "staging", Manifests: "# nothing yet\n---\n" + a + "--- # next\n" + b + "\r\n---\n---\n# Source: web/templates/b.yaml\n" + b + "\n---\n# Source: web/templates/../release.json\n" + b,
	}, nil, nil)
	want := map[string]string{
		"manifest.yaml": "---\n" + strings.TrimRight(a, " \n") + "\n---\n" + b + "\n---\n" + b + "\n",
		"b.yaml":        "---\n" + b + "\n",
	}
	if diff := cmp.Diff(want, texts(files)); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestFilesRefuses(t *testing.T) {
	t.Parallel()
	const object = "apiVersion: v1\nkind: A\n"
	tests := map[string]struct {
		file       render.AppFile
		code, want string
	}{
		"nothing":        {render.AppFile{}, "app-file-empty", "neither a chart nor manifests"},
		"comments":       {render.AppFile{Manifests: "# nothing\n---\n"}, "app-file-empty", "neither a chart nor manifests"},
		"path":           {render.AppFile{App: "../x", Manifests: object}, "app-file-name", `"../x" cannot be its app`},
		"chart":          {render.AppFile{Manifests: object, Chart: render.Chart{Name: "onechart"}}, "app-file-chart", "built without Helm"},
		"patch":          {render.AppFile{Manifests: object, StrategicMergePatches: "a: b"}, "app-file-chart", "built without Helm"},
		"dependencies":   {render.AppFile{Manifests: object, Dependencies: []any{1}}, "app-file-dependencies", "which gio does not make"},
		"no YAML":        {render.AppFile{Manifests: object + "---\na: ["}, "app-file-documents", "manifests, document 2 (from line 4): "},
		"no object":      {render.AppFile{Manifests: "a: b"}, "app-file-documents", "not a Kubernetes object"},
		"no kind":        {render.AppFile{Manifests: "apiVersion: v1"}, "app-file-documents", "not a Kubernetes object"},
		"kind of number": {render.AppFile{Manifests: "apiVersion: v1\nkind: 1"}, "app-file-documents", "not a Kubernetes object"},
		"twice":          {render.AppFile{Manifests: object + "kind: B"}, "app-file-documents", "already set"},
		"hidden second":  {render.AppFile{Manifests: object + "--- {}\nkind: B"}, "app-file-documents", "must be --- alone"},
		"end":            {render.AppFile{Manifests: object + "...\nkind: B"}, "app-file-documents", "must be --- alone"},
		"many":           {render.AppFile{Manifests: strings.Repeat("---\n"+object, 1001)}, "app-file-documents", "1001 Kubernetes objects"},
		"deep":           {render.AppFile{Manifests: object + "a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200)}, "app-file-documents", "nested more than 100 deep"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.file.App == "" {
				test.file.App = "web"
			}
			test.file.Env = "staging"
			files, err := render.Files(t.Context(), test.file, nil, nil)
			if !fault.Is(err, test.code) || !strings.Contains(err.Error(), test.want) || files != nil {
				t.Errorf("%v, want %s with %q", err, test.code, test.want)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	const text = "\n---\r\n\r\na: 1\n---\n \n--- # the next\n\nb: |\n  ---x\n\n---"
	want := []render.Part{{Text: "a: 1", Line: 4}, {Text: "b: |\n  ---x", Line: 9}}
	if diff := cmp.Diff(want, render.Split(text)); diff != "" {
		t.Error(diff)
	}
}
