// Package doctor holds release.json, the tags and version files of the components, CircleCI's pipelines and the run's
// journal against each other. Where they disagree it says what probably happened, and what makes them agree again. It
// only reads; the edits and the journal that it proposes are made by its caller.
package doctor

import (
	"context"
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

// atOnce components are looked at at the same time, each with a few requests.
const atOnce = 12

// Sources is who is asked about what.
type Sources struct {
	Manifest *manifest.Manifest
	Options  plan.Options // DefaultBranches among them, where they could be read
	CI       *circleci.Client
	GitHub   *github.Client  // nil: neither tags nor version files are compared
	State    *run.State      // of the run of the product version; nil where the journal knows none
	Dry      *run.State      // of its server dry run, whose pipelines release nothing; nil without one
	Began    time.Time       // when the tag VERSION_START was made; zero without one
	Driver   string          // who drives the run now; "" for nobody
	Claims   []journal.Claim // of other runs, on what is open
	Tagged   bool            // the release repository has the tag of the product version, not made by this run
}

// Product is what is wrong with the release as a whole.
type Product struct {
	Code Code   `json:"code"`
	What string `json:"what"`
	Do   string `json:"do"`
}

// Report is what was found. Its field names are a contract.
type Report struct {
	Name       string    `json:"product"`
	Version    string    `json:"version"` // of the product, as release.json says it
	Branch     string    `json:"branch"`
	Driver     string    `json:"driver,omitempty"` // who drives the run now: what follows may be out of date
	Compared   bool      `json:"compared"`         // tags and version files were read, too
	Product    []Product `json:"release,omitempty"`
	Components []Row     `json:"components"` // in the order of release.json

	lost bool
	user circleci.User
}

// Examine reads the facts of the components, all of them without names, and judges them. A name that is no component
// is the fault unknown-component; what cannot be read of a component is part of its row.
func Examine(ctx context.Context, s Sources, names []string) (*Report, error) {
	components, err := s.chosen(names)
	if err != nil {
		return nil, err
	}
	user, err := s.CI.Me(ctx)
	if err != nil {
		return nil, err
	}
	lost := s.lost()
	r := &Report{
		Name: s.Manifest.Name, Driver: s.Driver, Version: s.Manifest.Version, Branch: s.Options.Branch, Compared: s.GitHub != nil,
		Components: make([]Row, len(components)), lost: lost, user: user,
	}
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, c := range components {
		g.Go(func() error {
			f := s.facts(ctx, c, user)
			f.Lost = lost
			r.Components[i] = judge(f)
			return nil
		})
	}
	_ = g.Wait() // what went wrong is a fact
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	r.Product = s.product(lost)
	return r, nil
}

func (s Sources) chosen(names []string) ([]manifest.Component, error) {
	if len(names) == 0 {
		return s.Manifest.Components, nil
	}
	var chosen []manifest.Component
	for _, name := range names {
		c, found := s.Manifest.Component(name)
		if !found {
			f := fault.New(fault.Usage, "unknown-component", "%q is no component of %s", name, s.Manifest.File)
			if near := s.Manifest.Nearest(name); near != "" {
				f = f.Hint("did you mean %s?", near)
			}
			return nil, f
		}
		chosen = append(chosen, c)
	}
	return chosen, nil
}

// Disagree counts the components whose facts do not fit together, and what is wrong with the release as a whole.
func (r *Report) Disagree() int {
	n := len(r.Product)
	for _, row := range r.Components {
		if row.Code != Agrees && row.Code != NotRead {
			n++
		}
	}
	return n
}

// Unread is the fault of what could not be read, nil when all could.
func (r *Report) Unread() error {
	var errs []error
	for _, row := range r.Components {
		errs = append(errs, row.Err)
	}
	return fault.Worst(errs...)
}

// Fixable tells whether there is something to mend without a person who looks first.
func (r *Report) Fixable() bool {
	return r.lost || slices.ContainsFunc(r.Components, func(row Row) bool { return row.Edit != "" })
}
