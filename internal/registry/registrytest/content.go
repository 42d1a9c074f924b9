package registrytest

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// reference reads URL/repository:tag, or URL/repository@digest.
func reference(t *testing.T, url, rest string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(strings.TrimPrefix(url, "http://")+"/"+rest, name.StrictValidation)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// push writes what the registry at url does not have, and returns its digest.
func push(t *testing.T, url, ref string, content remote.Taggable) string {
	t.Helper()
	at := reference(t, url, ref)
	if err := remote.Push(at, content); err != nil {
		t.Fatal(err)
	}
	return must[*v1.Descriptor](t)(remote.Head(at)).Digest.String()
}

// Image pushes an image of three layers to repository:tag, and returns its digest. Each is another one.
func Image(t *testing.T, url, ref string) string {
	t.Helper()
	return push(t, url, ref, must[v1.Image](t)(random.Image(1000, 3)))
}

// Index pushes an index, and returns its digest: images for two platforms, one of them twice, an index within the index, and an
// attestation, as BuildKit makes them.
func Index(t *testing.T, url, ref string) string {
	t.Helper()
	image := must[v1.Image](t)(random.Image(1000, 2))
	attestation := must[v1.Image](t)(mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1),
		static.NewLayer([]byte(`{"predicateType":"`+ref+`"}`), "application/vnd.in-toto+json")))
	inner := must[v1.ImageIndex](t)(random.Index(500, 1, 1))
	platform := func(arch string) v1.Descriptor {
		return v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}
	}
	return push(t, url, ref, mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex),
		mutate.IndexAddendum{Add: image, Descriptor: platform("amd64")},
		mutate.IndexAddendum{Add: must[v1.Image](t)(random.Image(1000, 2)), Descriptor: platform("arm64")},
		mutate.IndexAddendum{Add: image, Descriptor: platform("386")},
		mutate.IndexAddendum{Add: attestation, Descriptor: platform("unknown")},
		mutate.IndexAddendum{Add: inner}))
}

// Chart pushes a Helm chart, as helm push does, and returns its digest.
func Chart(t *testing.T, url, ref string) string {
	t.Helper()
	chart := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), "application/vnd.cncf.helm.config.v1+json")
	layer := static.NewLayer([]byte("the archive of "+ref), "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
	return push(t, url, ref, must[v1.Image](t)(mutate.AppendLayers(chart, layer)))
}

// Pull reads the manifest of repository:tag or repository@digest and all that it refers to, as often as it does, and returns its digest
// and how many manifests and blobs there are. Every digest is verified.
func Pull(t *testing.T, url, ref string) (digest string, parts int) {
	t.Helper()
	desc, err := remote.Get(reference(t, url, ref))
	if err != nil {
		t.Fatal(err)
	}
	parts, err = pull(desc)
	if err != nil {
		t.Fatalf("%s: %v", ref, err)
	}
	return desc.Digest.String(), parts
}

func pull(desc *remote.Descriptor) (int, error) {
	if !desc.MediaType.IsIndex() {
		image, err := desc.Image()
		if err != nil {
			return 0, err
		}
		return pullImage(image)
	}
	index, err := desc.ImageIndex()
	if err != nil {
		return 0, err
	}
	return pullIndex(index)
}

func pullIndex(index v1.ImageIndex) (int, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return 0, err
	}
	all := 1
	for _, child := range manifest.Manifests {
		parts := 0
		if child.MediaType.IsIndex() {
			inner, err := index.ImageIndex(child.Digest)
			if err != nil {
				return 0, err
			}
			parts, err = pullIndex(inner)
			if err != nil {
				return 0, err
			}
		} else {
			image, err := index.Image(child.Digest)
			if err != nil {
				return 0, err
			}
			parts, err = pullImage(image)
			if err != nil {
				return 0, err
			}
		}
		all += parts
	}
	return all, nil
}

func pullImage(image v1.Image) (int, error) {
	if _, err := image.RawConfigFile(); err != nil {
		return 0, err
	}
	layers, err := image.Layers()
	if err != nil {
		return 0, err
	}
	for _, layer := range layers {
		content, err := layer.Compressed()
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, content)
		if closed := content.Close(); err != nil || closed != nil {
			return 0, fmt.Errorf("a layer: %w, %w", err, closed)
		}
	}
	return 2 + len(layers), nil
}
