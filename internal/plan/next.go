package plan

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

const snapshot = "-SNAPSHOT"

// Next holds the versions to prepare after a release. They end in -SNAPSHOT.
type Next struct {
	Version        string `json:"version"`                   // of the release branch itself
	SupportBranch  string `json:"support_branch,omitempty"`  // X.Y.x, when it is to be created or moved on
	SupportVersion string `json:"support_version,omitempty"` // its version, when SupportBranch is set
}

// NextVersions decides the versions after a release. On the main branch that is the next minor, and a support branch with
// the next patch; on any other branch the next patch. A pre-release increments its last number on its own branch.
// Explicit (--next, "" for none) replaces the release branch's version; one that is not greater is the fault
// invalid-next, and a version without a successor is next-unknown.
func NextVersions(version, branch, mainBranch, explicit string) (Next, error) {
	v, err := manifest.ParseVersion(version)
	if err != nil || strings.HasSuffix(version, snapshot) {
		return Next{}, fault.New(fault.Invalid, "next-unknown", "no version can follow %q: it is not a released X.Y.Z", version)
	}
	next, err := following(v, branch == mainBranch, explicit)
	if err != nil || explicit == "" {
		return next, err
	}
	next.Version = explicit
	return next, checkExplicit(v, explicit)
}

func following(v *semver.Version, onMain bool, explicit string) (Next, error) {
	switch {
	case v.Prerelease() != "" && explicit != "":
		return Next{}, nil
	case v.Prerelease() != "":
		return nextPreRelease(v)
	case onMain:
		return Next{
			Version:       v.IncMinor().String() + snapshot,
			SupportBranch: supportOf(v), SupportVersion: v.IncPatch().String() + snapshot,
		}, nil
	}
	return Next{Version: v.IncPatch().String() + snapshot}, nil
}

var lastNumber = regexp.MustCompile(`^(.*?)(\d+)$`)

func nextPreRelease(v *semver.Version) (Next, error) {
	parts := lastNumber.FindStringSubmatch(v.Original())
	if strings.TrimRight(v.Prerelease(), "0123456789") == v.Prerelease() {
		parts = nil // the number would be that of X.Y.Z
	}
	if parts == nil {
		return Next{}, uncountable(v)
	}
	n, err := strconv.ParseUint(parts[2], 10, 63)
	if err != nil {
		return Next{}, uncountable(v)
	}
	return Next{Version: fmt.Sprintf("%s%0*d%s", parts[1], len(parts[2]), n+1, snapshot)}, nil
}

func uncountable(v *semver.Version) error {
	return fault.New(fault.Invalid, "next-unknown", "no version can follow %s by itself: its pre-release part does not end in a number", v.Original()).
		Hint("set it with --next, for example --next %d.%d.%d%s", v.Major(), v.Minor(), v.Patch(), snapshot)
}

func checkExplicit(released *semver.Version, explicit string) error {
	v, err := manifest.ParseVersion(explicit)
	if err != nil || !strings.HasSuffix(explicit, snapshot) {
		return fault.New(fault.Usage, "invalid-next", "--next %q must be X.Y.Z-SNAPSHOT or X.Y.Z-PRE-SNAPSHOT", explicit)
	}
	if !v.GreaterThan(released) {
		return fault.New(fault.Usage, "invalid-next", "--next %s must be greater than %s, which is released", explicit, released.Original())
	}
	return nil
}
