package plan

import (
	"fmt"
	"slices"
	"strings"
)

// Order says for what a step waits.
type Order string

// The orders.
const (
	ByWaves Order = "waves" // for all steps of the earlier groups
	ByGraph Order = "graph" // for the steps that it needs
)

// Need is a step that must have succeeded before another one starts, and why.
type Need struct {
	Step   StepID     `json:"step"`
	Reason NeedReason `json:"reason"`
	// Where a file of the component names the version, or gio.yaml says that it is needed.
	Artifact string `json:"artifact,omitempty"`
	Named    string `json:"named,omitempty"` // the version
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"` // from 1
	// Released: release.json had the step as released when the plan was made, so that nobody waits for it.
	Released bool `json:"released,omitempty"`
}

// Found is what is known of the needs of a step.
type Found struct {
	Needs  []Need
	Unread error // why these may not be all
}

// NeedReason says who wants that a step waits.
type NeedReason string

// The reasons.
const (
	NeedNamed   NeedReason = "named"    // a file of the component names the version that the needed step releases
	NeedSetting NeedReason = "gio.yaml" // its needs
	NeedGroup   NeedReason = "group"    // the files of one of the two components cannot be read: the later group waits for the earlier one
)

// String says why, as in "pom.xml:36 names io.gravitee.node:gravitee-node 1.8.0".
func (n Need) String() string {
	switch n.Reason {
	case NeedSetting:
		return fmt.Sprintf("%s:%d, needs", n.File, n.Line)
	case NeedGroup:
		return "an earlier group"
	case NeedNamed:
	}
	return strings.TrimSpace(fmt.Sprintf("%s:%d names %s %s", n.File, n.Line, n.Artifact, n.Named))
}

// SameNeeds reports whether a step that was planned with some needs still has them: the same steps, named in whatever place. One that
// waits for the earlier groups, because it could not be read, may turn out to need fewer.
func SameNeeds(planned, now []Need) bool {
	ids := func(all []Need) map[StepID]bool {
		set := map[StepID]bool{}
		for _, n := range all {
			set[n.Step] = true
		}
		return set
	}
	before, after := ids(planned), ids(now)
	for id := range after {
		if !before[id] {
			return false
		}
	}
	unread := slices.ContainsFunc(planned, func(n Need) bool { return n.Reason == NeedGroup })
	return unread || len(before) == len(after)
}
