package server

import (
	"github.com/gravitee-lab/gio/internal/render"
)

// ChartHome is a folder of Helm charts: folders NAME or NAME-VERSION, or archives NAME-VERSION.tgz.
type ChartHome struct {
	Repository string `yaml:"repository"` // the chart.repository of the app files that it is for; "" for all
	Folder     string `yaml:"folder"`
}

// charts are where apps are rendered from.
func (s Settings) charts() (all render.Charts) {
	for _, h := range s.Charts {
		all = append(all, render.Home{Repository: h.Repository, Folder: h.Folder})
	}
	return all
}
