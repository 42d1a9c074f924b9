package server_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/server"
)

// TestChartHomes: what the settings say of charts is checked before anything listens, and shown by gio-server check.
func TestChartHomes(t *testing.T) {
	t.Parallel()
	dir := filepath.ToSlash(t.TempDir())
	if err := os.MkdirAll(dir+"/web", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/shop-1.0.0.tgz", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ charts, want, found string }{
		"both homes": {`[{folder: "` + dir + `"}, {connection: images, path: charts, repository: "https://x"}]`, "", dir + " has 2|the registry images/charts"},
		"no home":    {`[{folder: a}, {repository: "https://x"}]`, "charts[1]: it must be in a folder or in a registry", ""},
		"two homes":  {`[{folder: a, connection: images}]`, "charts[0]: it must be in a folder or in a registry", ""},
		"a path":     {`[{folder: a, path: b}]`, "charts[0]: path is that of a registry", ""},
		"unknown":    {`[{connection: none}]`, `charts[0]: there is no connection "none" of the kind registry`, ""},
		"other kind": {`[{connection: git}]`, `charts[0]: there is no connection "git" of the kind registry`, ""},
		"no folder":  {`[{folder: "` + dir + `/none"}]`, "", "the folder of charts cannot be read"},
		"misspelled": {`[{folders: a}]`, "field folders not found", ""},
	} {
		file := filepath.Join(t.TempDir(), "gio-server.yaml")
		text := "connections: {images: {kind: registry, url: 'http://127.0.0.1:1'}, git: {url: 'http://127.0.0.1:1'}}\ncharts: " + test.charts + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := server.ReadSettings(server.Settings{Listen: "127.0.0.1:0", Data: t.TempDir()}, file, nil)
		var out bytes.Buffer
		if err == nil {
			_ = server.Check(t.Context(), s, &out) // fails for the connections
		}
		if err == nil && test.want != "" {
			err = server.Run(t.Context(), s, nil, io.Discard, func(string) { t.Errorf("%s: it listens", name) })
			if !fault.Is(err, "invalid-setting") || !strings.Contains(out.String(), test.want) {
				t.Errorf("%s: %v\n%s", name, err, out.String())
			}
		}
		said := ""
		if err != nil {
			said = err.Error()
		}
		if !strings.Contains(said, test.want) || (err != nil) != (test.want != "") {
			t.Errorf("%s: %s, want %q", name, said, test.want)
		}
		for want := range strings.SplitSeq(test.found, "|") {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s", name, want, out.String())
			}
		}
	}
}
