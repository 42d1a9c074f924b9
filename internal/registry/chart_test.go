package registry_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/registry"
	"github.com/gravitee-lab/gio/internal/registry/registrytest"
)

func TestChart(t *testing.T) {
	t.Parallel()
	registrytest.Each(t, func(t *testing.T, url string) {
		registrytest.Chart(t, url, "charts/web:1.2.0_build.1")
		registrytest.Image(t, url, "charts/image:1.0.0")
		registrytest.Index(t, url, "charts/index:1.0.0")
		client, err := registry.New(registry.Options{URL: url + "/charts"})
		if err != nil {
			t.Fatal(err)
		}
		archive, err := client.Chart(t.Context(), "web", "1.2.0+build.1")
		if err != nil || string(archive) != "the archive of charts/web:1.2.0_build.1" {
			t.Errorf("%q, %v", archive, err)
		}
		for _, test := range []struct{ name, version, code string }{
			{"web", "1.3.0", "no-image"},
			{"api", "1.2.0", "no-image"},
			{"image", "1.0.0", "no-chart"},
			{"index", "1.0.0", "no-chart"},
			{"web", "a b", "registry-name"},
			{"Web", "1.2.0", "registry-name"},
			{"web", strings.Repeat("1", 129), "registry-name"},
		} {
			if _, err := client.Chart(t.Context(), test.name, test.version); !fault.Is(err, test.code) || test.code == "no-image" && fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s %s: %v, want %s", test.name, test.version, err, test.code)
			}
		}
	})
}
