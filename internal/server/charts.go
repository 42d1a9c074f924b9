package server

import (
	"context"
	"maps"
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

// charts are where apps are rendered from. Fault: invalid-setting.
func (s Settings) charts(registries map[string]*registry.Client) (all render.Charts, err error) {
	for _, h := range s.Charts {
		home := render.Home{Repository: h.Repository, Folder: h.Folder}
		client, known := registries[h.Connection]
		switch {
		case (h.Folder == "") == (h.Connection == ""):
			return nil, fault.New(fault.Invalid, "invalid-setting", "charts: each is in a folder or in a registry").Hint("write folder: PATH, or connection: NAME of a registry")
		case h.Connection != "" && !known:
			return nil, fault.New(fault.Invalid, "invalid-setting", "charts: there is no connection %.100q of the kind registry", h.Connection).
				Hint("its connections of this kind: %s", strings.Join(slices.Sorted(maps.Keys(registries)), ", "))
		case known:
			home.Pull = func(ctx context.Context, name, version string) ([]byte, error) {
				return client.Chart(ctx, path.Join(h.Path, name), version)
			}
		}
		all = append(all, home)
	}
	return all, nil
}
