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

// Organization is the question of Survey: what can a release consist of?
type Organization struct {
	Name     string
	GitHub   *github.Client
	NoGitHub string // why GitHub is nil
}

// Surveyed is what an organization's repositories can be, in the order of their names.
type Surveyed struct {
	Components []Setting // each with the version that its version file says on the default branch
	Skipped    []string  // repositories that look like components and are none, each as "org/name: why"
}

// Survey finds the repositories of an organization that can be components. It does not mention one without a pipeline or a
// version file: that is simply something else. Faults are no-github and GitHub's.
func Survey(ctx context.Context, o Organization) (Surveyed, error) {
	if o.GitHub == nil {
		return Surveyed{}, noGitHub(o.Name, o.NoGitHub)
	}
	var all []*candidate
	g, asking := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for repository, err := range o.GitHub.Repositories(ctx, o.Name) {
		if err != nil {
			_ = g.Wait() // the list's error says it
			return Surveyed{}, err
		}
		c := &candidate{gh: o.GitHub, repository: repository}
		all = append(all, c)
		g.Go(func() error { return c.read(asking) })
	}
	if err := g.Wait(); err != nil {
		return Surveyed{}, err
	}
	var s Surveyed
	for _, c := range all {
		switch {
		case c.version != "":
			s.Components = append(s.Components, Setting{Component: path.Base(c.repository.FullName), Version: c.version})
		case c.unfit != "":
			s.Skipped = append(s.Skipped, c.repository.FullName+": "+c.unfit)
		}
	}
	return s, nil
}

// candidate is one repository: a component where it has a version.
type candidate struct {
	gh         *github.Client
	repository github.Repository

	version string
	unfit   string // why it is no component although it looks like one
}

func (c *candidate) read(ctx context.Context) error {
	if c.repository.Archived {
		return nil
	}
	_, err := c.gh.File(ctx, c.repository.FullName, "", pipelineFile)
	if fault.Is(err, "no-file") { // what has no commit has none either
		return nil
	}
	if err != nil {
		return err
	}
	file, version, err := c.gh.VersionOn(ctx, c.repository.FullName, "")
	switch {
	case fault.Is(err, "version-file"):
		c.unfit = err.Error()
		return nil
	case err != nil || file == "":
		return err
	}
	if _, err := manifest.ParseVersion(version); err != nil && isOpen(version) { // gio could not release it
		c.unfit = fmt.Sprintf("%s says %s, which is not of the form X.Y.Z-SNAPSHOT", file, version)
		return nil
	}
	if err := manifest.CheckVersion(path.Base(c.repository.FullName), version); err != nil {
		c.unfit = fmt.Sprintf("%s: %v", file, err)
		return nil
	}
	c.version = version
	return nil
}
