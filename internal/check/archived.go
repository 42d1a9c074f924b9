package check

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/plan"
)

// archives looks for steps whose repository is archived: it is read-only
// (docs.github.com/repositories/archiving-a-github-repository), which a pipeline finds out when it tags what it has published. An
// organization's list says it of a hundred repositories at once; one request for each would be more than GitHub likes.
func (c *Check) archives(ctx context.Context, steps []plan.Step) {
	if c.GitHub == nil {
		return
	}
	byOrganization := map[string]map[string][]plan.Step{}
	for _, st := range steps {
		name := strings.ToLower(st.Repository)
		organization, _, _ := strings.Cut(name, "/")
		if byOrganization[organization] == nil {
			byOrganization[organization] = map[string][]plan.Step{}
		}
		byOrganization[organization][name] = append(byOrganization[organization][name], st)
	}
	for organization, wanted := range byOrganization {
		err := c.archivesOf(ctx, organization, wanted)
		if fault.Is(err, "no-organization") { // it is a user's account
			err = c.archivesEach(ctx, wanted)
		}
		if err != nil && !c.refusedToken(err) {
			c.unable("which repositories of "+organization+" are archived", "", err)
		}
	}
}

// archivesOf reads an organization's list until all that is wanted of it was seen. What is not in it is missing or renamed,
// which others find.
func (c *Check) archivesOf(ctx context.Context, organization string, wanted map[string][]plan.Step) error {
	left := len(wanted)
	for r, err := range c.GitHub.Repositories(ctx, organization) {
		if err != nil {
			return err
		}
		steps, is := wanted[strings.ToLower(r.FullName)]
		if !is {
			continue
		}
		c.archived(r, steps)
		if left--; left == 0 {
			return nil
		}
	}
	return nil
}

func (c *Check) archivesEach(ctx context.Context, wanted map[string][]plan.Step) error {
	var g errgroup.Group
	g.SetLimit(most)
	for name, steps := range wanted {
		g.Go(func() error {
			r, err := c.GitHub.Repository(ctx, name)
			if fault.KindOf(err) == fault.NotFound { // which others find
				return nil
			}
			c.archived(r, steps)
			return err
		})
	}
	return g.Wait()
}

func (c *Check) archived(r github.Repository, steps []plan.Step) {
	if !r.Archived {
		return
	}
	for _, st := range steps {
		c.add(Finding{
			Code: Archived, Component: st.Component, Where: st.Repository,
			What: "the repository is archived: its pipeline could push neither tag nor next version",
			Do:   "unarchive it on GitHub; or repository: under its name in gio.yaml can say another one",
		})
	}
}
