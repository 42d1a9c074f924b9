package server

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/registry"
	"github.com/gravitee-lab/gio/internal/render"
)

// ChartHome is where Helm charts are: a folder, with folders NAME or NAME-VERSION or archives NAME-VERSION.tgz in it, or a registry.
type ChartHome struct {
	Repository string `yaml:"repository"` // the chart.repository of the app files that it is for; "" for all
	Folder     string `yaml:"folder"`
	Connection string `yaml:"connection"` // of the kind registry
	Path       string `yaml:"path"`       // there; "" for its root
}

// checkCharts holds the homes of charts to what they must say. Fault: invalid-setting.
func (s Settings) checkCharts() error {
	var known []string
	for _, name := range slices.Sorted(maps.Keys(s.Connections)) {
		if s.Connections[name].kind == registries {
			known = append(known, name)
		}
	}
	for i, h := range s.Charts {
		switch {
		case (h.Folder == "") == (h.Connection == ""):
			return fault.New(fault.Invalid, "invalid-setting", "charts[%d]: it must be in a folder or in a registry, and in one of them", i).
				Hint("write folder: PATH, or connection: NAME of a registry")
		case h.Path != "" && h.Folder != "":
			return fault.New(fault.Invalid, "invalid-setting", "charts[%d]: path is that of a registry, and it is in a folder", i).Hint("write all of the path under folder")
		case h.Connection != "" && !slices.Contains(known, h.Connection):
			return fault.New(fault.Invalid, "invalid-setting", "charts[%d]: there is no connection %.100q of the kind registry", i, h.Connection).
				Hint("the connections of this kind: %s", cmp.Or(strings.Join(known, ", "), "none"))
		}
	}
	return nil
}

// charts are where apps are rendered from. Fault: invalid-setting.
func (s Settings) charts(of map[string]*registry.Client) (all render.Charts, err error) {
	if err := s.checkCharts(); err != nil {
		return nil, err
	}
	for _, h := range s.Charts {
		home := render.Home{Repository: h.Repository, Folder: h.Folder}
		if h.Connection != "" {
			home.Pull = func(ctx context.Context, name, version string) ([]byte, error) {
				return of[h.Connection].Chart(ctx, path.Join(h.Path, name), version)
			}
		}
		all = append(all, home)
	}
	return all, nil
}

// check looks whether the home is there; a registry is asked where its connection is checked.
func (h ChartHome) check() (string, error) {
	if h.Connection != "" {
		return "the registry " + strings.TrimSuffix(h.Connection+"/"+h.Path, "/"), nil
	}
	entries, err := os.ReadDir(h.Folder)
	if err != nil {
		return "", fault.New(fault.Invalid, "charts-unreadable", "the folder of charts cannot be read").Because(err).Hint("another one: charts, folder")
	}
	charts := 0
	for _, entry := range entries {
		if entry.IsDir() || strings.HasSuffix(entry.Name(), ".tgz") {
			charts++
		}
	}
	return fmt.Sprintf("%s has %d", h.Folder, charts), nil
}
