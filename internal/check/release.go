package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

// releaseRepository looks whether the release can be recorded.
func (c *Check) releaseRepository(ctx context.Context, _ []plan.Step) {
	if c.Repo == nil {
		return
	}
	var g errgroup.Group
	g.Go(func() error {
		c.push(ctx)
		return nil
	})
	g.Go(func() error {
		c.rules(ctx)
		return nil
	})
	_ = g.Wait() // what went wrong is a finding
}

func (c *Check) push(ctx context.Context) {
	err := c.Repo.ProvePush(ctx)
	switch {
	case fault.KindOf(err) == fault.Auth:
		c.add(Finding{Code: CannotPush, What: oneLine(err), Do: hint(err)})
	case err != nil:
		c.unable("the right to push to the release repository", "", err)
	}
}

// rules looks at the protection of the release branch. What is pushed there is unsigned and has no status.
func (c *Check) rules(ctx context.Context) {
	if c.GitHub == nil || c.Release == "" || c.Plan == nil || c.DryRun {
		return
	}
	where := c.Release + " " + c.Plan.Branch
	rules, err := c.GitHub.Rules(ctx, c.Release, c.Plan.Branch)
	switch {
	case c.refusedToken(err):
		return
	case fault.KindOf(err) == fault.Auth || fault.KindOf(err) == fault.NotFound:
		c.add(Finding{Code: NotChecked, Where: where, What: "not checked: the protection of the release branch: " + oneLine(err), Do: hint(err)})
		return
	case err != nil:
		c.unable("the protection of the release branch", "", err)
		return
	}
	if why := refuses(rules); why != "" {
		c.add(Finding{
			Code: BranchProtected, Where: where, What: "the release branch takes no direct push: " + why,
			Do: "let the token's user bypass it; or, where that is so and GitHub does not say it, `gio release --skip-check " + BranchProtected + "`",
		})
	} else if rules.Hidden {
		c.add(Finding{
			Code: BranchProtected, Severity: Warning, Where: where, What: "the release branch is protected, and only an administrator may read how",
			Do: "make sure that the token's user may push to it",
		})
	}
	if rules.RequiresSignature {
		c.add(Finding{
			Code: SignedCommits, Where: where, What: "the release branch takes signed commits only: gio does not sign",
			Do: "let the token's user bypass it, or take the rule off the release branches",
		})
	}
}

// refuses says what keeps a direct push from a branch, "" when nothing does.
func refuses(r github.Rules) string {
	var why []string
	if r.RequiresReview {
		why = append(why, "changes come by pull request")
	}
	if len(r.RequiresStatus) > 0 {
		why = append(why, "commits must have the status "+strings.Join(r.RequiresStatus, ", "))
	}
	if r.RestrictsPush {
		why = append(why, "only some may push")
	}
	return strings.Join(why, "; ")
}

// besides looks at what is only worth knowing.
func (c *Check) besides(ctx context.Context, steps []plan.Step) {
	if c.Manifest == nil || c.Plan == nil {
		return
	}
	var g errgroup.Group
	g.Go(func() error {
		c.elsewhere(ctx, steps)
		return nil
	})
	g.Go(func() error {
		c.unreleased(ctx)
		return nil
	})
	_ = g.Wait() // what went wrong is a finding
}

var supportBranch = regexp.MustCompile(`^\d+\.\d+\.x$`)

// elsewhere reads the release.json of the other release branches: the main branch, the support branches and those that
// gio.yaml lists.
func (c *Check) elsewhere(ctx context.Context, steps []plan.Step) {
	if c.Repo == nil {
		return
	}
	branches := map[string]string{} // by full name
	var refs []string
	for ref := range c.Repo.Refs() {
		name, isBranch := strings.CutPrefix(ref, "refs/heads/")
		if isBranch && name != c.Plan.Branch && (name == c.Options.MainBranch || supportBranch.MatchString(name) || slices.Contains(c.Options.ReleaseBranches, name)) {
			branches[ref] = name
			refs = append(refs, ref)
		}
	}
	if len(refs) == 0 {
		return
	}
	if err := c.Repo.Fetch(ctx, refs...); err != nil {
		c.unable("the other release branches", "", err)
		return
	}
	at := c.Repo.Refs()
	for ref, name := range branches {
		data, err := c.Repo.ReadFile(at[ref], c.Path)
		if err != nil {
			continue // it has none
		}
		// Of the same product version it is the same release, which has one run.
		if other, err := manifest.Parse(c.Path, data); err == nil && other.ReleaseVersion() != c.Plan.Version {
			c.openThere(other, name, steps)
		}
	}
}

func (c *Check) openThere(other *manifest.Manifest, branch string, steps []plan.Step) {
	for _, st := range steps {
		there, found := other.Component(st.Component)
		if !found || !there.Open() || there.ReleaseVersion() != st.Version {
			continue
		}
		c.add(Finding{
			Code: OpenElsewhere, Component: st.Component, Where: branch + " " + there.VersionAt.String(),
			What: fmt.Sprintf("%s is to be released from branch %s too, for %s %s", st.Version+snapshot, branch, other.Name, other.ReleaseVersion()),
			Do:   fmt.Sprintf("release it once: afterwards `gio prepare %s=%s` on the other branch", st.Component, st.Version),
		})
	}
}

// unreleased looks at the components that stay as they are: what has been committed since their tag, on the branch that
// would be their next version's.
func (c *Check) unreleased(ctx context.Context) {
	if c.GitHub == nil {
		return
	}
	var g errgroup.Group
	g.SetLimit(most)
	for _, left := range c.Plan.Left {
		component, found := c.Manifest.Component(left.Component)
		v, err := manifest.ParseVersion(left.Version)
		if left.Reason != plan.ReasonReleased || !found || err != nil {
			continue
		}
		repository, err := c.Options.Repository(c.Manifest, component)
		if err != nil {
			continue
		}
		branch := fmt.Sprintf("%d.%d.x", v.Major(), v.Minor())
		if c.Plan.Branch == c.Options.MainBranch {
			branch = cmp.Or(c.Options.ComponentMain, c.Options.MainBranch)
		}
		g.Go(func() error {
			c.since(ctx, component, repository, branch)
			return nil
		})
	}
	_ = g.Wait() // what went wrong is a finding
}

func (c *Check) since(ctx context.Context, component manifest.Component, repository, branch string) {
	tag := component.Version
	diff, err := c.GitHub.Compare(ctx, repository, tag, branch)
	if fault.KindOf(err) == fault.NotFound {
		tag = "v" + component.Version
		diff, err = c.GitHub.Compare(ctx, repository, tag, branch)
	}
	if fault.KindOf(err) == fault.NotFound || fault.KindOf(err) == fault.Auth {
		return // no such tag, or no support branch: nothing can be said
	}
	if err != nil {
		c.unable("commits since the tag", component.Name, err)
		return
	}
	work := diff.Work(component.Version)
	if len(work.Subjects) == 0 {
		return
	}
	c.add(Finding{
		Code: Unreleased, Component: component.Name, Where: fmt.Sprintf("%s %s...%s", repository, tag, branch),
		What: fmt.Sprintf("%s since %s, which is not to be released: %s", count(work.Ahead, "commit"), component.Version, work.Subjects[len(work.Subjects)-1]),
		Do:   fmt.Sprintf("`gio prepare %s` opens it", component.Name),
	})
}

// hintsOf are those of the outermost fault in err that has any.
func hintsOf(err error) []string {
	for f, ok := errors.AsType[*fault.Fault](err); ok; f, ok = errors.AsType[*fault.Fault](f.Cause) {
		if len(f.Hints) > 0 {
			return f.Hints
		}
	}
	return nil
}
