package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// supportOf returns the support branch of a version: X.Y.x.
func supportOf(v *semver.Version) string { return fmt.Sprintf("%d.%d.x", v.Major(), v.Minor()) }

// SupportBranch returns the support branch of a version: X.Y.x; "" for a version that is not of the form X.Y.Z.
func SupportBranch(version string) string {
	v, err := manifest.ParseVersion(version)
	if err != nil {
		return ""
	}
	return supportOf(v)
}

// MainBranch stands for the main branch of a component's repository, whatever its name.
const MainBranch = ""

// Candidates returns the branches that can have the next version of a component, the likeliest first. Their version
// files decide: the branch is the one for whose version Step chooses the same branch.
func (o Options) Candidates(m *manifest.Manifest, c manifest.Component) []string {
	if branch := o.Overrides[c.Name].Branch; branch != "" {
		return []string{branch}
	}
	var branches []string
	if o.Branch == o.MainBranch {
		branches = append(branches, MainBranch)
	} else if canBeOn(c.Version, m.Version, o.Branch) {
		branches = append(branches, o.Branch)
	}
	if support := SupportBranch(c.Version); support != "" && support != o.Branch {
		branches = append(branches, support)
	}
	if o.Branch != o.MainBranch {
		branches = append(branches, MainBranch)
	}
	return branches
}

var lineOf = regexp.MustCompile(`^(\d+)\.(\d+)\.x$`)

// canBeOn reports whether the version after this one can be on the release branch: always where that is not a support
// branch; on a support branch when the component is new, belongs to its line, or joins it with the first release of the
// product's line.
func canBeOn(version, product, branch string) bool {
	line := lineOf.FindStringSubmatch(branch)
	if line == nil || version == "" {
		return true
	}
	first, err := manifest.ParseVersion(line[1] + "." + line[2] + ".0")
	if err != nil {
		return false
	}
	v, err := manifest.ParseVersion(version)
	if err != nil || v.Major() != first.Major() {
		return false
	}
	p, err := manifest.ParseVersion(product)
	return v.Minor() == first.Minor() || v.Minor() < first.Minor() && err == nil && p.Patch() == 0
}

// checkBranch refuses to release from a branch that has another line's version by mistake.
func checkBranch(m *manifest.Manifest, o Options) error {
	if o.Branch != "" && (o.Branch == o.MainBranch || slices.Contains(o.ReleaseBranches, o.Branch)) {
		return nil
	}
	v, err := manifest.ParseVersion(m.Version)
	if err == nil && (o.Branch == supportOf(v) || preReleaseBranch(o.Branch, v)) {
		return nil
	}
	f := fault.New(fault.Invalid, "wrong-branch", "%s: version %s of %s cannot be released from the branch %q", m.VersionAt, m.Version, m.Name, o.Branch)
	if err == nil {
		f = f.Hint("release it from %s", either(o.MainBranch, supportOf(v)))
	}
	if o.MainBranch == "" && !lineOf.MatchString(o.Branch) {
		f = f.Hint("if %s is the main branch, say so in gio.yaml: main_branch: %s", o.Branch, o.Branch)
	}
	return f.Hint("if the branch is right, list it in release_branches of gio.yaml")
}

func either(main, support string) string {
	if main == "" {
		return support
	}
	return main + " or " + support
}

var preReleasePrefix = regexp.MustCompile(`^\d+\.\d+\.\d+-[0-9A-Za-z]`)

// preReleaseBranch allows 3.0.0-beta for 3.0.0-beta, 3.0.0-beta.1 and 3.0.0-beta1, but not for
// 3.0.0-betamax, nor 3.0.0-rc1 for 3.0.0-rc12.
func preReleaseBranch(branch string, v *semver.Version) bool {
	rest, found := strings.CutPrefix(v.Original(), branch)
	if !found || !preReleasePrefix.MatchString(branch) {
		return false
	}
	if rest == "" || rest[0] == '.' || rest[0] == '-' {
		return true
	}
	return digit(rest[0]) && !digit(branch[len(branch)-1])
}

func digit(b byte) bool { return '0' <= b && b <= '9' }

// branch decides from which branch of its repository a component is built, and why.
func (o Options) branch(c manifest.Component, project string) (name, reason string, err error) {
	if branch := o.Overrides[c.Name].Branch; branch != "" {
		return branch, "set in gio.yaml", nil
	}
	v, err := manifest.ParseVersion(c.Version)
	if err != nil {
		return "", "", fault.New(fault.Invalid, "manifest-invalid", "%s: version %q of %s", c.VersionAt, c.Version, c.Name).Because(err)
	}
	support := supportOf(v)
	switch {
	case o.Branch == support:
		return support, fmt.Sprintf("%s belongs to the line of the release branch %s", c.ReleaseVersion(), o.Branch), nil
	case v.Prerelease() != "" && o.Branch != o.MainBranch:
		return o.Branch, fmt.Sprintf("%s is a pre-release, built from the branch named like the release branch", c.ReleaseVersion()), nil
	case v.Prerelease() != "":
		return o.main(c, project, "a pre-release made from the main branch")
	case v.Patch() == 0:
		return o.main(c, project, "a new minor or major version")
	}
	return support, fmt.Sprintf("%s is a patch of %d.%d", c.ReleaseVersion(), v.Major(), v.Minor()), nil
}

func (o Options) main(c manifest.Component, project, what string) (name, reason string, err error) {
	source := "gio.yaml's main branch"
	name = o.ComponentMain
	if name == "" {
		name, source = o.DefaultBranches[project], "the repository's default branch"
	}
	if name == "" {
		name, source = o.MainBranch, "the main branch of the release repository"
	}
	if name == "" && o.DefaultBranches != nil { // else the caller reads it: the step's branch is MainBranch until then
		return "", "", fault.New(fault.Invalid, "no-main-branch", "%s %s is built from the main branch, whose name is unknown", c.Name, c.ReleaseVersion()).
			Hint("set main_branch in gio.yaml, or branch for this component")
	}
	return name, fmt.Sprintf("%s is %s: %s", c.ReleaseVersion(), what, source), nil
}
