// Package doctor compares release.json, the tags and version files of the components, CircleCI's pipelines and the run's
// journal. Where they disagree it says what probably happened, and what makes them agree again. It only reads; its caller
// makes the edits and writes the journal that it proposes.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// atOnce is how many components gio reads at the same time, each with a few requests.
const atOnce = 12

// Question is all that Examine judges by: whom to ask, what the release repository says, and about what.
type Question struct {
	Manifest *manifest.Manifest
	Names    []string     // components to examine; none for all
	Options  plan.Options // DefaultBranches among them, where they could be read
	CI       *circleci.Client
	GitHub   *github.Client  // nil where there is none: then neither tags nor version files are compared
	State    *run.State      // of the run of the product version; nil where the journal knows none
	Dry      *run.State      // of its server dry run, whose pipelines release nothing; nil without one
	Driver   string          // who drives the run now; "" for nobody
	Claims   []journal.Claim // of other runs, on what is open
	Began    time.Time       // when the tag of the start was made (Tags); zero without one
	// Opened is when the product version was opened for development; zero where nothing says it. Known tells whether a run of
	// the journal, whichever, has a pipeline; nil knows none. By them Examine sees that a run has lost its tag, too.
	Opened time.Time
	Known  func(pipeline string) (owned, over bool)
	// ProductTag is the name of the product version's tag; "" is the version. Tag is the object that it points to (Tags), "" without
	// one.
	ProductTag, Tag string
	// Was is the version that an earlier release.json says of a component, and the tag that has it; nil knows none. It is asked about
	// components without a version.
	Was func(component string) (version, tag string)

	tagLost bool // Began is not known: there is no tag of the start, and it is a guess
}

// Tags are the refs that the release repository can have of a product's tag: of the start of the release, and the tag itself.
func Tags(productTag string) (start, released string) {
	return plan.TagRef(plan.StartTag(productTag)), plan.TagRef(productTag)
}

func (q Question) productTag() string { return cmp.Or(q.ProductTag, q.Manifest.ReleaseVersion()) }

// Product is what is wrong with the release as a whole.
type Product struct {
	Code Code   `json:"code"`
	What string `json:"what"`
	Do   string `json:"do"`
}

// Report is what Examine found. Its JSON names are a contract.
type Report struct {
	Name       string    `json:"product"`
	Version    string    `json:"version"` // of the product, as release.json says it
	Branch     string    `json:"branch"`
	Driver     string    `json:"driver,omitempty"` // who drives the run now: what follows may be out of date
	Compared   bool      `json:"compared"`         // tags and version files were read, too
	Product    []Product `json:"release,omitempty"`
	Components []Row     `json:"components"` // in the order of release.json, or of the names

	All  bool          `json:"-"` // Components are all of release.json
	Lost bool          `json:"-"` // the run began, and its journal is gone
	User circleci.User `json:"-"` // of the token
}

// Examine reads the facts of the components and judges them. A name that is no component is the fault
// unknown-component; what cannot be read of a component is part of its row.
func Examine(ctx context.Context, q Question) (*Report, error) {
	components, err := q.components()
	if err != nil {
		return nil, err
	}
	user, err := q.CI.Me(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := q.rows(ctx, components, user)
	if err != nil {
		return nil, err
	}
	return &Report{
		Name: q.Manifest.Name, Version: q.Manifest.Version, Branch: q.Options.Branch, Driver: q.Driver, Compared: q.GitHub != nil,
		Product: q.product(), Components: rows, All: len(q.Names) == 0, Lost: q.lost(), User: user,
	}, nil
}

// rows are the judgements of the components. Without a tag of the start the run has probably not begun. It has, and everything
// that said so is lost, where a pipeline that no run knows may have released a component since the version was opened.
func (q *Question) rows(ctx context.Context, components []manifest.Component, user circleci.User) ([]Row, error) {
	bare := q.State == nil && q.Began.IsZero() && !q.Opened.IsZero()
	if bare {
		q.Began, q.tagLost = q.Opened.Add(clockSkew), true
	}
	rows := make([]Row, len(components))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, c := range components {
		g.Go(func() error {
			rows[i] = judge(q.facts(ctx, c, user))
			return nil
		})
	}
	_ = g.Wait() // what went wrong is a fact
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if bare && !slices.ContainsFunc(rows, func(r Row) bool { return slices.ContainsFunc(r.Others, Pipeline.mayRelease) }) {
		q.Began, q.tagLost, q.Opened = time.Time{}, false, time.Time{}
		return q.rows(ctx, components, user)
	}
	return rows, nil
}

// mayRelease tells whether a pipeline is the token's user's, and green. What still runs is waited for in any case.
func (p Pipeline) mayRelease() bool { return p.Mine && p.State == circleci.Succeeded }

// components are those to examine.
func (q Question) components() ([]manifest.Component, error) {
	if len(q.Names) == 0 {
		return slices.DeleteFunc(slices.Clone(q.Manifest.Components), func(c manifest.Component) bool {
			stays, _ := q.Manifest.Component(c.Name)
			return c != stays
		}), nil
	}
	var named []manifest.Component
	for _, name := range q.Names {
		c, found := q.Manifest.Component(name)
		if !found {
			f := fault.New(fault.Usage, "unknown-component", "%q is no component of %s", name, q.Manifest.File)
			if near := q.Manifest.Nearest(name); near != "" {
				f = f.Hint("did you mean %s?", near)
			}
			return nil, f
		}
		named = append(named, c)
	}
	return named, nil
}

// lost tells whether the run began and its journal is gone.
func (q Question) lost() bool { return q.State == nil && !q.Began.IsZero() && q.Manifest.Open() }

// taggedElsewhere tells whether the product version, which is to be released, has a tag that this run did not make.
func (q Question) taggedElsewhere() bool {
	if q.Tag == "" || !q.Manifest.Open() {
		return false
	}
	_, released := Tags(q.productTag())
	return q.State == nil || !q.State.Made(released, q.Tag)
}

// product is what is wrong with the release as a whole.
func (q Question) product() []Product {
	var wrong []Product
	version, start := q.Manifest.ReleaseVersion(), plan.StartTag(q.productTag())
	if q.lost() && q.tagLost {
		wrong = append(wrong, Product{
			JournalLost, fmt.Sprintf("pipelines that no run knows ran since %s was opened: the journal and the tag %s were probably deleted, as by git push --mirror from a checkout", version, start),
			"`gio doctor --fix` writes down what tags and CircleCI say, so that `gio release` starts nothing twice",
		})
	} else if q.lost() {
		wrong = append(wrong, Product{
			JournalLost, fmt.Sprintf("the tag %s says that the release of %s has begun, and the journal does not know it: it was deleted, or the run was another tool's", start, version),
			"`gio doctor --fix` writes down what tags and CircleCI say of it, so that `gio release` starts nothing twice",
		})
	}
	if q.Manifest.Version == "" || q.Manifest.Version == "null" {
		wrong = append(wrong, q.unversioned())
	}
	if q.taggedElsewhere() {
		wrong = append(wrong, Product{
			ProductTagged, fmt.Sprintf("the tag %s exists and was not made by this run, but release.json says %s", q.productTag(), q.Manifest.Version),
			"if it is released, `gio prepare --version` sets the next version; if the tag is a mistake, delete it",
		})
	}
	return wrong
}

// unversioned says that the product has no version, and which it probably should have.
func (q Question) unversioned() Product {
	likely, why := q.Manifest.LikelyVersion()
	if likely == "" {
		likely = "X.Y.Z-SNAPSHOT"
	}
	return Product{
		NoProductVersion, fmt.Sprintf("%s: release.json says no version of the product: a tool that did not know it wrote null", q.Manifest.VersionAt),
		fmt.Sprintf("`gio prepare --version %s` sets it%s", likely, why),
	}
}
