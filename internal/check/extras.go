package check

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

// checkExtras checks what is only worth knowing.
func (i *inspection) checkExtras(ctx context.Context, steps []plan.Step) {
	if i.Manifest == nil || i.Plan == nil {
		return
	}
	together(
		func() { i.checkOtherBranches(ctx, steps) },
		func() { i.checkUnreleased(ctx) },
	)
}

var supportBranch = regexp.MustCompile(`^\d+\.\d+\.x$`)

// checkOtherBranches checks that no other release branch releases the versions of the steps, too.
func (i *inspection) checkOtherBranches(ctx context.Context, steps []plan.Step) {
	if i.Repo == nil {
		return
	}
	branches := i.releaseBranches()
	if len(branches) == 0 {
		return
	}
	if err := i.Repo.Fetch(ctx, branches...); err != nil {
		i.addFailure("the other release branches", "", err)
		return
	}
	at := i.Repo.Refs()
	for _, ref := range branches {
		i.checkOtherBranch(ref, at[ref], steps)
	}
}

// releaseBranches lists the other release branches by their full names: the main branch, the support branches and those that
// gio.yaml lists.
func (i *inspection) releaseBranches() []string {
	var refs []string
	for ref := range i.Repo.Refs() {
		name, isBranch := strings.CutPrefix(ref, "refs/heads/")
		isRelease := name == i.Options.MainBranch || supportBranch.MatchString(name) || slices.Contains(i.Options.ReleaseBranches, name)
		if isBranch && isRelease && name != i.Plan.Branch {
			refs = append(refs, ref)
		}
	}
	return refs
}

func (i *inspection) checkOtherBranch(ref string, at gitrepo.Hash, steps []plan.Step) {
	data, err := i.Repo.ReadFile(at, i.Path)
	if err != nil {
		return // it has no release.json
	}
	other, err := manifest.Parse(i.Path, data)
	if err != nil || other.ReleaseVersion() == i.Plan.Version { // the same product version has one run, whatever the branch
		return
	}
	for _, st := range steps {
		there, found := other.Component(st.Component)
		if !found || !there.Open() || there.ReleaseVersion() != st.Version {
			continue
		}
		branch := strings.TrimPrefix(ref, "refs/heads/")
		i.add(Finding{
			Code: OpenElsewhere, Component: st.Component, Where: branch + " " + there.VersionAt.String(),
			What: fmt.Sprintf("%s is to be released from branch %s too, for %s %s", st.Version+snapshot, branch, other.Name, other.ReleaseVersion()),
			Do:   fmt.Sprintf("release it once, then run `gio prepare %s=%s` on the other branch", st.Component, st.Version),
		})
	}
}

// checkUnreleased checks that nothing was committed to the components that stay as they are since they were released, on the
// branch that their next version would be built from.
func (i *inspection) checkUnreleased(ctx context.Context) {
	if i.GitHub == nil {
		return
	}
	forEach(i.Plan.Excluded, func(_ int, left plan.Excluded) {
		component, found := i.Manifest.Component(left.Component)
		branch := plan.SupportBranch(left.Version)
		if left.Reason != plan.ReasonReleased || !found || branch == "" {
			return
		}
		repository, err := i.Options.Repository(i.Manifest, component)
		if err != nil {
			return
		}
		if i.Plan.Branch == i.Options.MainBranch {
			branch = cmp.Or(i.Options.ComponentMain, i.Options.MainBranch)
		}
		i.checkCommits(ctx, component, repository, branch)
	})
}

// checkCommits checks that a branch has no work since the tag of a component's version.
func (i *inspection) checkCommits(ctx context.Context, component manifest.Component, repository, branch string) {
	tag := component.Version
	diff, err := i.GitHub.Compare(ctx, repository, tag, branch)
	if fault.KindOf(err) == fault.NotFound {
		tag = "v" + component.Version
		diff, err = i.GitHub.Compare(ctx, repository, tag, branch)
	}
	if hidden(err) {
		return // no such tag, or no support branch: nothing can be said
	}
	if err != nil {
		i.addFailure("commits since the tag", component.Name, err)
		return
	}
	work := diff.Work(component.Version)
	if len(work.Commits) == 0 {
		return
	}
	i.add(Finding{
		Code: Unreleased, Component: component.Name, Where: fmt.Sprintf("%s %s...%s", repository, tag, branch),
		What: fmt.Sprintf("%s since %s, not to be released; the newest: %s", count(work.Ahead, "commit"), component.Version, work.Newest(1)[0]),
		Do:   fmt.Sprintf("`gio prepare %s` opens it", component.Name),
	})
}
