package operate

import (
	"context"

	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/run"
)

// Materials are what a product is made of: its release.json, the repositories of its components and, of a released version, the
// commit and the state of its run.
type Materials struct {
	Manifest   *manifest.Manifest
	Repository func(manifest.Component) string // org/name, "" where it is not known
	State      *run.State                      // of the run; nil where it is not known
	Commit     string                          // the one of the version's tag
}

// ReadMaterials reads the materials of the workspace's release.json or, with a version, of the one at its tag.
func ReadMaterials(ctx context.Context, s Setup, version string) (Materials, error) {
	if version != "" {
		return s.releasedMaterials(ctx, version)
	}
	m, err := s.Manifest()
	if err != nil {
		return Materials{}, err
	}
	warnings, err := m.Check()
	s.warn(warnings...)
	return Materials{Manifest: m, Repository: s.repositories(m)}, err
}

// releasedMaterials reads the materials at a version's tag, and the state of its run.
func (s Setup) releasedMaterials(ctx context.Context, version string) (Materials, error) {
	repo, err := s.RepositoryToRead(ctx)
	if err != nil {
		return Materials{}, err
	}
	m, commit, err := s.manifestAt(ctx, repo, version)
	if err != nil {
		return Materials{}, err
	}
	state, err := pastState(ctx, repo, run.Header{Kind: run.Release, Manifest: s.Path, Version: version})
	if err != nil {
		s.warn("commits and pipelines are not known: " + err.Error())
	}
	return Materials{Manifest: m, Repository: s.repositories(m), State: state, Commit: string(commit)}, nil
}
