// Package prepare works out the edit of release.json that the next release needs, from what is requested and from
// what the component repositories say.
package prepare

import (
	"context"

	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

// Question is all that Make works an edit out from.
type Question struct {
	Manifest *manifest.Manifest // release.json as it is
	Options  plan.Options
	GitHub   *github.Client
	NoGitHub string                    // why GitHub is nil
	Tagged   func(version string) bool // tells whether the release repository has the tag of a product version; nil for none
	Request  Request
}

// Action is what an edit does to a component, or to the product, in the word that people read.
type Action string

// The actions.
const (
	SetProduct Action = "set"    // the product's version
	Open       Action = "open"   // it is to be released
	Take       Action = "take"   // it was released elsewhere
	Record     Action = "record" // it was released as the version that was open
	Add        Action = "add"
	Regroup    Action = "group" // it moves to another group, or in its group
	Since      Action = "since" // the product version that it was released with
	Relocate   Action = "move"  // to another position in the list
	Rename     Action = "rename"
	Mend       Action = "mend" // it stood twice: one entry goes
	Remove     Action = "remove"
)

// Change is one part of an edit.
type Change struct {
	Action    Action
	Component string   // "" for the product
	From, To  string   // versions, or groups of a Regroup, names of a Rename, positions; "" where there is none
	Why       string   // where the version comes from; of a Mend what stays
	Since     string   // that the component gets, too, "none" where it loses it; "" where it keeps the one that it has
	Subjects  []string // of the newest commits that are to be released, the newest first
}

// Edit is release.json before and after, and what was done to it. Without changes both are the same.
type Edit struct {
	Before, After *manifest.Manifest
	Changes       []Change
	Notes         []string // which components Make does not propose to open, and why; what the edit does not do
	Remaining     []string // problems that release.json had before and still has
	Warnings      []string // that release.json did not give before
}

// Make works an edit out, also of a manifest of manifest.ParseToEdit. The result can be released, as far as release.json could
// before: what Check or plan.Make say against it is the fault. Make asks GitHub only about components that it opens, and about versions that are
// said to be released elsewhere; without GitHub such a request is the fault no-github.
// Faults are of kind Invalid ("manifest-edit", "manifest-invalid", "cannot-open", "tag-exists", "no-tag", …), of kind
// Usage for names that do not exist, and GitHub's.
func Make(ctx context.Context, q Question) (*Edit, error) {
	d := &draft{Question: q, edit: &Edit{Before: q.Manifest, After: q.Manifest}}
	for _, apply := range []func() error{
		d.rename, d.validate, d.mend, d.openProduct, // first: which branch a component is built from can follow from it
		func() error { return d.lookUp(ctx) },
		d.add, d.regroup, d.setVersions, d.openFound, d.setSince, d.remove, d.move, d.finishProduct, d.check,
	} {
		if err := apply(); err != nil {
			return nil, err
		}
	}
	return d.edit, nil
}
