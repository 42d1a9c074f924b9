package workspace

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

var releaseBranch = regexp.MustCompile(`^\d+\.\d+\.(x|\d+-.+)$`)

// WithAssumptions returns the workspace with the branches filled in that only a checkout would have, and a sentence for each
// assumption that a person should know of.
func (ws Workspace) WithAssumptions(m *manifest.Manifest) (Workspace, []string) {
	var assumptions []string
	v, err := manifest.ParseVersion(m.Version)
	if ws.Branch.Value == "" && err == nil {
		ws.Branch = config.Value{Value: fmt.Sprintf("%d.%d.x", v.Major(), v.Minor()), Source: "the product version"}
		assumptions = append(assumptions, fmt.Sprintf("without a checkout and without --branch the release branch is not known: assuming %s", ws.Branch.Value))
	}
	ws.Checkout.MainBranch = cmp.Or(plan.MainOf(ws.Config.MainBranch, ws.Checkout.MainBranch), plan.MainOf(ws.Branch.Value, ""), "master")
	return ws, assumptions
}

// ForReleaseBranch returns the workspace to check on the branch of a pull request: without that branch, so that WithAssumptions
// fills in the one that release.json will be merged into. The warning says so; it is "" where the checkout's branch is a release
// branch.
func (ws Workspace) ForReleaseBranch(m *manifest.Manifest) (_ Workspace, warning string) {
	b := ws.Branch.Value
	if b == "" || ws.o.Branch != "" || b == ws.Checkout.MainBranch || releaseBranch.MatchString(b) ||
		slices.Contains(ws.Config.ReleaseBranches, b) || !m.Open() {
		return ws, ""
	}
	ws.Branch.Value = ""
	return ws, fmt.Sprintf("nothing is released from the checkout's branch %s; --branch names another one", b)
}
