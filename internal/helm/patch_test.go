package helm_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/render"
)

const patchable = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: team}
spec:
  template:
    spec:
      containers:
      - {name: web, image: web:1}
      - {name: proxy, image: proxy:1}
---
apiVersion: v1
kind: Service # kept as it is
metadata: {name: web}
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: web}
spec: {sizes: [1, 2], color: red}
`

func patched(t *testing.T, f render.AppFile) (string, error) {
	t.Helper()
	f.App, f.Env, f.Manifests = "web", "staging", patchable
	files, err := rendered(t, f, nil)
	return string(files["manifest.yaml"]), err
}

func TestPatches(t *testing.T) {
	t.Parallel()
	got, err := patched(t, render.AppFile{
		StrategicMergePatches: `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - {name: web, volumeMounts: [{name: data, mountPath: /data}]}
      - {name: proxy, $patch: delete}
      volumes: [{name: data}]
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: web}
spec: {sizes: [3], color: null, label: $HOME}
`,
		JSON6902Patches: []render.Patch{{
			Target: render.Target{Group: "apps", Version: "v1", Kind: "Deployment", Name: "web"},
			Patch:  "- {op: test, path: /spec/template/spec/containers/0/image, value: web:1}\n- {op: replace, path: /spec/template/spec/containers/0/image, value: web:2}",
		}, {
			Target: render.Target{Kind: "Widget"},
			Patch:  `[{"op": "add", "path": "/spec/sizes/-", "value": 4}]`,
		}},
	})
	const want = `---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: team
spec:
  template:
    spec:
      containers:
      - image: web:2
        name: web
        volumeMounts:
        - mountPath: /data
          name: data
      volumes:
      - name: data
---
apiVersion: v1
kind: Service # kept as it is
metadata: {name: web}
---
apiVersion: example.org/v1
kind: Widget
metadata:
  name: web
spec:
  label: $HOME
  sizes:
  - 3
  - 4
`
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestPatchDeletes(t *testing.T) {
	t.Parallel()
	got, err := patched(t, render.AppFile{StrategicMergePatches: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: team}\n$patch: delete\n"})
	if err != nil || strings.Contains(got, "Deployment") || !strings.Contains(got, "Service") {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestPatchRefuses(t *testing.T) {
	t.Parallel()
	strategic := func(text string) render.AppFile { return render.AppFile{StrategicMergePatches: text} }
	json := func(target render.Target, text string) render.AppFile {
		return render.AppFile{JSON6902Patches: []render.Patch{{Target: target, Patch: text}}}
	}
	web := render.Target{Kind: "Widget", Name: "web"}
	double := "[" + strings.Repeat(`{"op":"copy","from":"/spec/sizes","path":"/spec/sizes/-"},`, 60) + `{"op":"remove","path":"/spec"}]`
	tests := map[string]struct {
		file render.AppFile
		want string
	}{
		"no target":         {strategic("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}"), "strategicMergePatches, document 1 (from line 1), of Deployment api: there is no such object"},
		"another version":   {strategic("apiVersion: v1\nkind: Deployment\nmetadata: {name: web}"), "there is no such object"},
		"another namespace": {strategic("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: other}"), "there is no such object"},
		"no object":         {strategic("spec: {}"), "strategicMergePatches, document 1 (from line 1): it is not a Kubernetes object"},
		"directive":         {strategic("apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: web}\nspec: {$patch: replace}"), "$patch cannot be used"},
		"no merge key":      {strategic("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{image: x}]}}}"), "does not contain declared merge key: name"},
		"no JSON target":    {json(render.Target{Group: "apps", Version: "v1", Kind: "Deployment", Name: "api"}, "[]"), "json6902Patches[0], of apps/v1 Deployment api: there is no such object"},
		"another group":     {json(render.Target{Group: "extensions", Kind: "Deployment", Name: "web"}, "[]"), "there is no such object"},
		"empty target":      {json(render.Target{}, "[]"), "neither a kind nor a name"},
		"no patch":          {json(web, "{}"), "json6902Patches[0], of Widget web: "},
		"no path":           {json(web, `[{"op":"replace","path":"/spec/none/x","value":1}]`), "json6902Patches[0], of Widget web: "},
		"takes the kind":    {json(web, `[{"op":"remove","path":"/kind"}]`), "not a Kubernetes object"},
		"doubles":           {json(web, double), "json6902Patches[0], of Widget web: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := patched(t, test.file)
			if !fault.Is(err, "app-file-patch") || !strings.Contains(err.Error(), test.want) || got != "" {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
