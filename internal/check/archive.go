package check

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/plan"
)

// checkArchived checks that no step's repository is archived. Such a one is read-only
// (docs.github.com/repositories/archiving-a-github-repository), which a pipeline notices only when it pushes the tag of what it
// has published. An organization's list says it of a hundred repositories at once; a request for each would be more than
// GitHub likes.
func (i *inspection) checkArchived(ctx context.Context, steps []plan.Step) {
	if i.GitHub == nil {
		return
	}
	organization := func(st plan.Step) string {
		name, _, _ := strings.Cut(strings.ToLower(st.Repository), "/")
		return name
	}
	for name, members := range groupBy(steps, organization) {
		repositories := groupBy(members, func(st plan.Step) string { return strings.ToLower(st.Repository) })
		err := i.checkArchivedIn(ctx, name, repositories)
		if fault.Is(err, "no-organization") || github.IsCut(err) { // it is a user's account, or a part of the list is unknown
			err = i.checkArchivedEach(ctx, repositories)
		}
		if err != nil {
			i.addFailure("which repositories of "+name+" are archived", "", err)
		}
	}
}

// checkArchivedIn reads an organization's list until it has seen the repositories. One that is not in the list does not exist
// or is renamed: checkComponent says so.
func (i *inspection) checkArchivedIn(ctx context.Context, organization string, repositories map[string][]plan.Step) error {
	unseen := len(repositories)
	for r, err := range i.GitHub.Repositories(ctx, organization) {
		if err != nil {
			return err
		}
		steps, found := repositories[strings.ToLower(r.FullName)]
		if !found {
			continue
		}
		i.addArchived(r, steps)
		if unseen--; unseen == 0 {
			return nil
		}
	}
	return nil
}

// checkArchivedEach reads the repositories one by one.
func (i *inspection) checkArchivedEach(ctx context.Context, repositories map[string][]plan.Step) error {
	var g errgroup.Group
	g.SetLimit(maxAtOnce)
	for name, steps := range repositories {
		g.Go(func() error {
			r, err := i.GitHub.Repository(ctx, name)
			if fault.KindOf(err) == fault.NotFound { // checkComponent says so
				return nil
			}
			i.addArchived(r, steps)
			return err
		})
	}
	return g.Wait()
}

func (i *inspection) addArchived(r github.Repository, steps []plan.Step) {
	if !r.Archived {
		return
	}
	for _, st := range steps {
		i.add(Finding{
			Code: Archived, Component: st.Component, Where: st.Repository,
			What: "the repository is archived: its pipeline could push neither tag nor next version",
			Do:   "unarchive it on GitHub; or gio.yaml can name another one (repository: under the component's name)",
		})
	}
}
