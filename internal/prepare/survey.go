package prepare

import (
	"context"
	"fmt"
	"path"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
)

const pipelineFile = ".circleci/config.yml"

// Survey lists the repositories of an organization that can be components, in the order of their names, each with the
// version that its version file says on the default branch. Left says why others are not among them: a repository without
// a pipeline or a version file is none of those, it is simply something else. Faults are GitHub's.
func Survey(ctx context.Context, gh *github.Client, org string) (found []Setting, left []string, err error) {
	var all []*surveyed
	g, asking := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for repository, err := range gh.Repositories(ctx, org) {
		if err != nil {
			_ = g.Wait() // the list's error says it
			return nil, nil, err
		}
		s := &surveyed{gh: gh, repository: repository}
		all = append(all, s)
		g.Go(func() error { return s.look(asking) })
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	for _, s := range all {
		switch {
		case s.version != "":
			found = append(found, Setting{Component: path.Base(s.repository.FullName), Version: s.version})
		case s.left != "":
			left = append(left, s.repository.FullName+": "+s.left)
		}
	}
	return found, left, nil
}

// surveyed is one repository: a component where it has a version.
type surveyed struct {
	gh         *github.Client
	repository github.Repository

	version string
	left    string // why it is none although it looks like one
}

func (s *surveyed) look(ctx context.Context) error {
	if s.repository.Archived {
		return nil
	}
	_, err := s.gh.File(ctx, s.repository.FullName, "", pipelineFile)
	if fault.Is(err, "no-file") { // what has no commit has none either
		return nil
	}
	if err != nil {
		return err
	}
	file, version, err := s.gh.VersionOn(ctx, s.repository.FullName, "")
	if fault.Is(err, "version-file") {
		s.left = err.Error()
		return nil
	}
	s.take(file, version)
	return err
}

// take judges a version: one that is to be released must be one that gio can release.
func (s *surveyed) take(file, version string) {
	if _, err := manifest.ParseVersion(version); err != nil && isOpen(version) {
		s.left = fmt.Sprintf("%s says %s, which is not of the form X.Y.Z-SNAPSHOT", file, version)
		return
	}
	s.version = version
}
