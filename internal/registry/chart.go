package registry

import (
	"context"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/gravitee-lab/gio/internal/fault"
)

const (
	// chartContent is the type of the layer that holds a chart (helm.sh/docs/topics/registries).
	chartContent = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	// maxChart is more than any chart has, whose files go into a Secret of 1 MiB where Helm installs it.
	maxChart = 10 << 20
)

// Chart returns the archive of a Helm chart, of the repository that is called like it, with its digest verified. Faults: "no-image", of the
// kind NotFound, where the registry does not have this version; "no-chart" where something else is there, or more than 10 MiB.
func (c *Client) Chart(ctx context.Context, name, version string) ([]byte, error) {
	limited, cancel := context.WithTimeoutCause(ctx, callLimit, errNoAnswer)
	defer cancel()
	r, err := c.Repository(name)
	if err != nil {
		return nil, err
	}
	ref, err := r.reference(strings.ReplaceAll(version, "+", "_")) // a tag cannot have a plus
	if err != nil {
		return nil, err
	}
	what := "reading the chart " + ref.Name()
	image, err := remote.Image(ref, c.options(limited, true)...)
	if err != nil {
		return nil, r.explain(ctx, what, err)
	}
	layers, err := image.Layers()
	if err != nil {
		return nil, r.explain(ctx, what, err)
	}
	for _, layer := range layers {
		if kind, err := layer.MediaType(); err != nil || kind != chartContent {
			continue
		}
		packed, err := layer.Compressed()
		if err != nil {
			return nil, r.explain(ctx, what, err)
		}
		defer packed.Close()
		archive, err := io.ReadAll(io.LimitReader(packed, maxChart+1))
		if err != nil {
			return nil, r.explain(ctx, what, err)
		}
		if len(archive) > maxChart {
			return nil, fault.New(fault.Invalid, "no-chart", "%s: it has more than %d bytes", what, maxChart)
		}
		return archive, nil
	}
	return nil, fault.New(fault.Invalid, "no-chart", "%s: there is something else, which is no Helm chart", what).Hint("helm push puts charts there")
}
