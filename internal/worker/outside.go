package worker

import (
	"context"
	"strings"

	"github.com/gravitee-lab/gio/internal/artifactory"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/registry"
)

// Outside is where repositories are that live elsewhere, by the names of their connections.
type Outside struct {
	Artifactories map[string]*artifactory.Client
	Registries    map[string]*registry.Client
}

// Stat returns the SHA-256 of what is at a path of a repository outside, of an image NAME:TAG. Fault: no-file.
func (o Outside) Stat(ctx context.Context, r ledger.Repository, path string) (sum string, err error) {
	if r.Images() {
		at, tag, err := o.image(r, path)
		if err != nil {
			return "", err
		}
		digest, err := at.Digest(ctx, tag)
		return strings.TrimPrefix(digest, algorithm), absent(err, r, path)
	}
	client, err := o.files(r)
	if err != nil {
		return "", err
	}
	f, err := client.Stat(ctx, r.Path, path)
	return f.SHA256, absent(err, r, path)
}

// algorithm begins the digest of an image.
const algorithm = "sha256:"

// absent gives what is not there the name that people know it by.
func absent(err error, r ledger.Repository, path string) error {
	if fault.Is(err, "no-file") || fault.Is(err, "no-image") {
		return fault.New(fault.NotFound, "no-file", "%s/%s is not there", r.Name, path).Because(err)
	}
	return err
}

// errUnconnected is for a repository whose connection the settings have no more. Somebody may write it there again.
func errUnconnected(r ledger.Repository) error {
	return fault.New(fault.Remote, "no-connection", "the server has no connection %s any more, where %s is", r.Connection, r.Name).
		Hint("an admin of the server writes it into gio-server.yaml")
}

// files is the Artifactory of a repository.
func (o Outside) files(r ledger.Repository) (*artifactory.Client, error) {
	client, known := o.Artifactories[r.Connection]
	if !known {
		return nil, errUnconnected(r)
	}
	return client, nil
}

// image is where the versions of an image are that is called NAME:TAG in a repository.
func (o Outside) image(r ledger.Repository, path string) (at registry.Repository, tag string, err error) {
	client, known := o.Registries[r.Connection]
	if !known {
		return at, "", errUnconnected(r)
	}
	i := strings.LastIndex(path, ":")
	if i <= strings.LastIndex(path, "/") {
		return at, "", fault.New(fault.Invalid, "no-tag", "%s/%.200s is no image: write NAME:TAG", r.Name, path)
	}
	at, err = client.Repository(r.Path + "/" + path[:i])
	return at, path[i+1:], err
}
