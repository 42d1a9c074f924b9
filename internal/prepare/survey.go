package prepare

import (
	"context"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/versionfile"
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
	if _, there, err := s.file(ctx, pipelineFile); err != nil || !there {
		return err
	}
	for _, file := range versionfile.Candidates() {
		data, there, err := s.file(ctx, file)
		if err != nil {
			return err
		}
		if there {
			s.take(file, data)
			return nil
		}
	}
	return nil
}

// take judges what a version file says. A version that is to be released must be one that gio can release.
func (s *surveyed) take(file string, data []byte) {
	version, err := versionfile.Of(file, data)
	if err != nil {
		s.left = err.Error()
		return
	}
	if _, err := manifest.ParseVersion(version); err != nil && strings.HasSuffix(version, snapshot) {
		s.left = fmt.Sprintf("%s says %s, which is not of the form X.Y.Z-SNAPSHOT", file, version)
		return
	}
	s.version = version
}

// file reads a file of the default branch. A repository without a commit has none.
func (s *surveyed) file(ctx context.Context, name string) (data []byte, there bool, err error) {
	data, err = s.gh.File(ctx, s.repository.FullName, "", name)
	if fault.Is(err, "no-file") || fault.Is(err, "no-commit") {
		return nil, false, nil
	}
	return data, err == nil, err
}
