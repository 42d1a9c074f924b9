package helm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/helm"
	"github.com/gravitee-lab/gio/internal/render"
)

var update = flag.Bool("update", false, "write the golden files anew")

// homes has the charts of the tests, and that of gio-server.
func homes() render.Charts {
	return render.Charts{{Folder: "testdata/charts"}, {Folder: "../../deploy/chart"}}
}

// rendered are the files of an app file.
func rendered(t *testing.T, f render.AppFile, homes render.Charts) (map[string][]byte, error) {
	t.Helper()
	return render.Files(t.Context(), f, helm.Libraries{}, homes)
}

func texts(files map[string][]byte) map[string]string {
	out := map[string]string{}
	for name, content := range files {
		out[name] = string(content)
	}
	return out
}

// apps are the app files of testdata, with their templates filled in.
func apps(t *testing.T) map[string]render.AppFile {
	t.Helper()
	paths, err := filepath.Glob("testdata/apps/*.yaml")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%v, %v", paths, err)
	}
	all := map[string]render.AppFile{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := render.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		f, err = render.Preview(f).Resolve(t.Context(), render.Variables{Values: map[string]string{
			"SHA": "0123abc", "BRANCH": "feature/x", "DOMAIN": "example.org", "LEVELS": "info,debug",
		}})
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".yaml")] = f
	}
	return all
}

// TestGolden: what the app files make is what it was, and the same twice. TestChartAsHelm says that it is right.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, f := range apps(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files, err := rendered(t, f, homes())
			if err != nil {
				t.Fatal(err)
			}
			again, err := rendered(t, f, homes())
			if diff := cmp.Diff(files, again); err != nil || diff != "" {
				t.Fatalf("the second time: %v\n%s", err, diff)
			}
			dir := filepath.Join("testdata", "golden", name)
			if *update {
				write(t, dir, files)
			}
			want := map[string]string{}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range entries {
				text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
				if err != nil {
					t.Fatal(err)
				}
				want[entry.Name()] = string(text)
			}
			if diff := cmp.Diff(want, texts(files)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestChartAsHelm: a chart makes what `helm template` prints, file by file. It needs the program that GIO_TEST_HELM names.
func TestChartAsHelm(t *testing.T) {
	t.Parallel()
	program := strings.Fields(os.Getenv("GIO_TEST_HELM"))
	if len(program) == 0 {
		t.Skip("skipped: GIO_TEST_HELM does not name Helm; `make chart` does")
	}
	for name, f := range apps(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.Manifests, f.StrategicMergePatches, f.JSON6902Patches = "", "", nil // are not Helm's
			files, err := rendered(t, f, homes())
			if err != nil {
				t.Fatal(err)
			}
			values, err := json.Marshal(f.Values)
			if err != nil {
				t.Fatal(err)
			}
			dir := "testdata/charts/web"
			if f.Chart.Name == "gio-server" {
				dir = "../../deploy/chart/gio-server"
			}
			args := []string{"template", f.App, dir, "--no-hooks", "--kube-version", "1.37.0", "--namespace", f.Namespace, "--values", "-"}
			cmd := exec.CommandContext(t.Context(), program[0], slices.Concat(program[1:], args)...)
			cmd.Stdin = bytes.NewReader(values)
			var said bytes.Buffer
			cmd.Stderr = &said
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, said.String())
			}
			if diff := cmp.Diff(byBase(string(out)), texts(files)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// byBase cuts what Helm prints into files, as Gimlet does.
func byBase(printed string) map[string]string {
	files := map[string]string{}
	for _, part := range strings.Split("\n"+printed, "\n---\n# Source: ")[1:] {
		source, text, _ := strings.Cut(part, "\n")
		files[filepath.Base(source)] += "---\n" + strings.TrimSpace(text) + "\n"
	}
	return files
}

// TestKubernetesVersion: charts are told the version of the libraries.
func TestKubernetesVersion(t *testing.T) {
	t.Parallel()
	files, err := rendered(t, render.AppFile{App: "web", Env: "staging", Chart: render.Chart{Name: "web"}}, homes())
	if err != nil {
		t.Fatal(err)
	}
	version, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", "k8s.io/client-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	minor := strings.Split(string(version), ".")[1]
	if want := "value: v1." + minor + ".0\n"; !strings.Contains(string(files["deployment.yaml"]), want) {
		t.Errorf("no %s in %s", want, files["deployment.yaml"])
	}
}

// packed makes the archive of a chart of the files.
func packed(t *testing.T, files fs.FS, prefix string) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	archive := tar.NewWriter(zipped)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(&tar.Header{Name: prefix + path, Mode: 0o644, Size: int64(len(text))}); err != nil {
			return err
		}
		_, err = archive.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestHomes: the same chart makes the same files, whichever home it is from.
func TestHomes(t *testing.T) {
	t.Parallel()
	f := apps(t)["web"]
	want, err := rendered(t, f, homes())
	if err != nil {
		t.Fatal(err)
	}
	archive := packed(t, os.DirFS("testdata/charts/web"), "web/")
	archives, folders, linked := t.TempDir(), t.TempDir(), t.TempDir()
	put(t, archives+"/web-1.2.0.tgz", archive)
	put(t, archives+"/web-1.3.0.tgz", nil)
	put(t, archives+"/web-admin-1.2.0.tgz", nil)
	put(t, linked+"/data/web-1.2.0.tgz", archive)
	if err := os.Symlink("data/web-1.2.0.tgz", linked+"/web-1.2.0.tgz"); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(folders+"/web-1.2.0", os.DirFS("testdata/charts/web")); err != nil {
		t.Fatal(err)
	}
	registry := render.Home{Pull: func(_ context.Context, name, version string) ([]byte, error) {
		if name != "web" || version != "1.2.0" {
			return nil, fault.New(fault.NotFound, "no-image", "it is not there")
		}
		return archive, nil
	}}
	empty := render.Home{Folder: t.TempDir()}
	broken := render.Home{Folder: t.TempDir(), Repository: "https://elsewhere.example.org"}
	put(t, broken.Folder+"/web-1.2.0.tgz", []byte("x"))
	for name, charts := range map[string]render.Charts{
		"archive":          {{Folder: archives}},
		"a link":           {{Folder: linked}},
		"folder":           {{Folder: folders}},
		"registry":         {registry},
		"the second":       {empty, registry},
		"its repository's": {broken, {Folder: archives, Repository: "https://charts.example.org/"}},
	} {
		files, err := rendered(t, f, charts)
		if diff := cmp.Diff(want, files); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	if _, err := rendered(t, f, render.Charts{broken}); !fault.Is(err, "chart-missing") {
		t.Errorf("of another repository: %v", err)
	}
	f.Chart.Version = ""
	if _, err := rendered(t, f, render.Charts{{Folder: archives}}); !fault.Is(err, "chart-broken") || !strings.Contains(err.Error(), "there are web-1.2.0.tgz, web-1.3.0.tgz") {
		t.Errorf("without a version: %v", err)
	}
	f.Chart.Version = "2.0.0"
	if _, err := rendered(t, f, render.Charts{registry, empty}); fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "web 2.0.0 of https://charts.example.org is not where") {
		t.Errorf("another version: %v", err)
	}
	if _, err := rendered(t, f, homes()); !fault.Is(err, "chart-missing") {
		t.Errorf("another version in the folder: %v", err)
	}
	f.Chart.Version = "1.2.0"
	older := t.TempDir()
	put(t, older+"/web/Chart.yaml", []byte("apiVersion: v2\nname: web\nversion: 1.1.0\n"))
	if files, err := rendered(t, f, render.Charts{{Folder: older}, registry}); err != nil || !cmp.Equal(want, files) {
		t.Errorf("behind a folder with another version: %v", err)
	}
}

func TestChartNames(t *testing.T) {
	t.Parallel()
	for _, c := range []render.Chart{
		{Name: "../charts/web"},
		{Name: "/etc"},
		{Name: "web/"},
		{Name: ".."},
		{Name: "oci://registry.example.org/web"},
		{Name: "https://x.example.org/y.git?path=/z"},
		{Name: "web", Version: "../1"},
		{Name: "web", Version: "^1.0"},
		{Name: "web", Version: ">=1"},
		{Name: "web", Version: "1/2"},
	} {
		_, err := rendered(t, render.AppFile{App: "web", Env: "staging", Chart: c}, homes())
		if !fault.Is(err, "chart-name") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestChartRefuses changes the chart of testdata a little.
func TestChartRefuses(t *testing.T) {
	t.Parallel()
	meta := "apiVersion: v2\nname: web\nversion: 1.2.0\n"
	object := "apiVersion: v1\nkind: A\nmetadata: {name: a}\n"
	tests := map[string]struct {
		files      map[string]string
		values     map[string]any
		code, want string
	}{
		"schema":         {map[string]string{}, map[string]any{"replicas": "two", "image": map[string]any{"repository": nil}}, "chart-values", "at '/replicas': got string, want integer"},
		"another's":      {map[string]string{"values.schema.json": `{"$ref": "https://x.example.org/schema"}`}, nil, "chart-broken", "refers to https://x.example.org/schema, which is not fetched"},
		"a file":         {map[string]string{"values.schema.json": `{"allOf": [{"$ref": "file:///etc/passwd"}]}`}, nil, "chart-broken", "refers to file:///etc/passwd"},
		"no YAML":        {map[string]string{"templates/a.yaml": "a: ["}, nil, "chart-broken", "not YAML"},
		"no object":      {map[string]string{"templates/a.yaml": "a: b"}, nil, "chart-broken", "web/templates/a.yaml: it is not a Kubernetes object"},
		"a failure":      {map[string]string{"templates/a.yaml": `{{ required "name it" .Values.name }}`}, nil, "chart-broken", "name it"},
		"library":        {map[string]string{"Chart.yaml": meta + "type: library\n"}, nil, "chart-broken", "a library chart"},
		"old Kubernetes": {map[string]string{"Chart.yaml": meta + "kubeVersion: <1.20.0\n"}, nil, "chart-broken", "wants Kubernetes <1.20.0"},
		"no dependency":  {map[string]string{"Chart.yaml": meta + "dependencies: [{name: db, version: 1.0.0}]\n"}, nil, "chart-broken", "the chart db is missing"},
		"no chart":       {map[string]string{"Chart.yaml": ""}, nil, "chart-broken", "Helm cannot load it"},
		"templates of values": {
			map[string]string{"templates/a.yaml": object + "x: {{ tpl .Values.x . }}"},
			map[string]any{"x": `{{ $d := dict }}{{ $_ := set $d "a" $d }}{{ $d }}`},
			"chart-values", "runs values as templates",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir+"/web", os.DirFS("testdata/charts/web")); err != nil {
				t.Fatal(err)
			}
			for path, text := range test.files {
				put(t, filepath.Join(dir, "web", path), []byte(text))
			}
			f := render.AppFile{App: "web", Env: "staging", Chart: render.Chart{Name: "web"}, Values: test.values}
			_, err := rendered(t, f, render.Charts{{Folder: dir}})
			if !fault.Is(err, test.code) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s with %q", err, test.code, test.want)
			}
		})
	}
}

func TestChartStaysInItsFolder(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	put(t, outside+"/secret", []byte("x"))
	put(t, outside+"/gone-1.0.0.tgz", packed(t, os.DirFS("testdata/charts/web"), "web/"))
	if err := os.CopyFS(dir+"/web", os.DirFS("testdata/charts/web")); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"web/templates/secret": outside + "/secret", "gone-1.0.0.tgz": outside + "/gone-1.0.0.tgz", "away": outside} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"web", "gone", "away"} {
		f := render.AppFile{App: "web", Env: "staging", Chart: render.Chart{Name: name}}
		if _, err := rendered(t, f, render.Charts{{Folder: dir}}); !fault.Is(err, "chart-broken") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestArchiveRefuses(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	zipped := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 41 {
		if _, err := zipped.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	for want, archive := range map[string][]byte{
		"it is no .tgz":                           []byte("x"),
		"it has more than 41943040 bytes":         bomb.Bytes(),
		"its archive has more than 10485760 byte": make([]byte, 10<<20+1),
		"Helm cannot load it":                     packed(t, os.DirFS("testdata/charts/web"), "web/../../"),
		"it says of itself that it is web":        packed(t, os.DirFS("testdata/charts/web"), "other/"),
	} {
		charts := render.Charts{{Pull: func(context.Context, string, string) ([]byte, error) { return archive, nil }}}
		f := render.AppFile{App: "web", Env: "staging", Chart: render.Chart{Name: "other", Version: "1.2.0"}}
		if _, err := rendered(t, f, charts); !fault.Is(err, "chart-broken") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
