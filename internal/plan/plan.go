// Package plan decides what runs, in which wave, on which branch, with which parameters, and why.
package plan

import (
	"reflect"
	"slices"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// Step is the release of one component.
type Step struct {
	Component    string         `json:"component"`
	Version      string         `json:"version"`              // to be released, without -SNAPSHOT
	Repository   string         `json:"repository"`           // "org/name"
	Project      string         `json:"project"`              // CircleCI project slug: gh/org/name, or gio.yaml's
	Definition   string         `json:"definition,omitempty"` // pipeline definition of a GitHub App project
	Branch       string         `json:"branch"`
	BranchReason string         `json:"branch_reason"` // why this branch, for the user
	Parameters   map[string]any `json:"parameters"`    // string, int64 or bool
	Proof        Proof          `json:"proof,omitzero"`
}

// ID names a step within a run: component@version.
func (s Step) ID() string { return s.Component + "@" + s.Version }

// Wave is the steps that run in parallel: the open components of one group.
type Wave struct {
	Group int    `json:"group"` // its index in buildDependencies, from 1
	Steps []Step `json:"steps"`
}

// Left is a component that does not run.
type Left struct {
	Component string `json:"component"`
	Version   string `json:"version"` // as it stands in the manifest
	Reason    string `json:"reason"`  // one of the Reason constants
}

// Why a component is left.
const (
	ReasonReleased = "released"
	ReasonExcept   = "excluded by --except"
	ReasonOnly     = "not in --only"
	ReasonNoStage  = "stage: false in gio.yaml"
)

// Plan is what a release would do, in order.
type Plan struct {
	Product string `json:"product"`
	Version string `json:"version"` // of the product, without -SNAPSHOT
	Branch  string `json:"branch"`  // the release branch
	Waves   []Wave `json:"waves"`
	Left    []Left `json:"left"`    // in the manifest's order
	Partial bool   `json:"partial"` // --only or --except left out what is to be released: the product is not finished
	// Unwatched plans (gio trigger without --wait) are over when every step of the last wave has its pipeline.
	Unwatched bool     `json:"unwatched,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
}

// Steps lists the steps of all waves in order.
func (p *Plan) Steps() []Step {
	var steps []Step
	for _, w := range p.Waves {
		steps = append(steps, w.Steps...)
	}
	return steps
}

// Watches tells whether the pipeline of a step is watched to its end.
func (p *Plan) Watches(id string) bool {
	if !p.Unwatched || len(p.Waves) == 0 {
		return true
	}
	last := p.Waves[len(p.Waves)-1]
	return !slices.ContainsFunc(last.Steps, func(s Step) bool { return s.ID() == id })
}

// Options is what a plan needs to know beside the manifest.
type Options struct {
	Branch          string              // the release branch
	MainBranch      string              // the release repository's main branch
	ComponentMain   string              // gio.yaml's main branch of the component repositories, "" when it says none
	DefaultBranches map[string]string   // default branches of the component repositories as read, by project slug
	Organization    string              // GH_ORG; "" takes the manifest's
	ReleaseBranches []string            // gio.yaml's further branches that releases may be made from
	Parameters      map[string]any      // gio.yaml's, strings are templates; nil drops one
	Overrides       map[string]Override // gio.yaml's, by component
	Only, Except    []string            // components
	DryRun          bool                // the value of the parameter dry_run
	Action          string              // the value of the parameter gio_action whatever gio.yaml says; "" is release, or what that says
	Verification    Verification        // of all components; Overrides win, field by field
}

// Override is what gio.yaml says of one component. An empty field says nothing.
type Override struct {
	Repository string         // name or org/name
	Branch     string         // wins over every rule
	Parameters map[string]any // win over those of all components; nil drops one
	Project    string         // CircleCI project slug
	Definition string         // pipeline definition of a GitHub App project
	Stage      *bool          // false keeps `gio stage` from the component; only MakeStage reads it

	Verification Verification
}

// Make turns a manifest into a plan. It fails with what Manifest.Check finds, and with the faults
// wrong-branch, unknown-component, not-open, invalid-parameter, invalid-proof and invalid-repository.
func Make(m *manifest.Manifest, o Options) (*Plan, error) {
	warnings, err := m.Check()
	if err != nil {
		return nil, err
	}
	if err := checkBranch(m, o); err != nil {
		return nil, err
	}
	if err := checkNames(m, o); err != nil {
		return nil, err
	}
	p := &Plan{
		Product: m.Name, Version: m.ReleaseVersion(), Branch: o.Branch,
		Waves: []Wave{}, Left: []Left{}, Warnings: warnings,
	}
	p.leave(m, o)
	if err := p.fillWaves(m, o); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Plan) leave(m *manifest.Manifest, o Options) {
	for _, c := range m.Components {
		if reason := o.reasonToLeave(c); reason != "" {
			p.Left = append(p.Left, Left{c.Name, c.Version, reason})
			p.Partial = p.Partial || c.Open()
		}
	}
}

// reasonToLeave is "" for a component that runs.
func (o Options) reasonToLeave(c manifest.Component) string {
	switch {
	case !c.Open():
		return ReasonReleased
	case slices.Contains(o.Except, c.Name):
		return ReasonExcept
	case len(o.Only) > 0 && !slices.Contains(o.Only, c.Name):
		return ReasonOnly
	}
	return ""
}

func (p *Plan) fillWaves(m *manifest.Manifest, o Options) error {
	for i, group := range m.Groups {
		wave := Wave{Group: i + 1}
		for _, entry := range group {
			c, found := m.Component(entry.Name)
			if !found || o.reasonToLeave(c) != "" {
				continue
			}
			step, err := o.Step(m, c)
			if err != nil {
				return err
			}
			wave.Steps = append(wave.Steps, step)
		}
		if len(wave.Steps) > 0 {
			p.Waves = append(p.Waves, wave)
		}
	}
	return nil
}

func checkNames(m *manifest.Manifest, o Options) error {
	for _, name := range o.Only {
		c, found := m.Component(name)
		if !found {
			return unknown(m, fault.Usage, "--only", name)
		}
		if !c.Open() && c.Since != m.ReleaseVersion() { // what this product has released already is no mistake: the same command again
			return fault.New(fault.Invalid, "not-open", "%s: --only names %s, which is not to be released: its version is %s", c.VersionAt, name, c.Version).
				Hint("write %q to release it again, or leave it out of --only", c.Version+"-SNAPSHOT")
		}
	}
	for _, name := range o.Except {
		if _, found := m.Component(name); !found {
			return unknown(m, fault.Usage, "--except", name)
		}
	}
	for _, name := range sortedKeys(o.Overrides) {
		if _, found := m.Component(name); !found {
			return unknown(m, fault.Invalid, "gio.yaml", name)
		}
	}
	return nil
}

func unknown(m *manifest.Manifest, kind fault.Kind, where, name string) error {
	f := fault.New(kind, "unknown-component", "%s names %q, which is no component of %s", where, name, m.File)
	if near := m.Nearest(name); near != "" {
		f = f.Hint("did you mean %s?", near)
	}
	return f
}

// Units groups the steps of a wave that share one pipeline: same project, definition, branch and
// parameters. A second pipeline would cancel the first (contracts/circleci.md 2.7). Order is kept.
func Units(w Wave) [][]Step {
	units := [][]Step{}
	for _, s := range w.Steps {
		i := slices.IndexFunc(units, func(u []Step) bool { return samePipeline(u[0], s) })
		if i < 0 {
			units = append(units, []Step{s})
			continue
		}
		units[i] = append(units[i], s)
	}
	return units
}

func samePipeline(a, b Step) bool {
	return a.Project == b.Project && a.Branch == b.Branch && a.Definition == b.Definition && sameParameters(a.Parameters, b.Parameters)
}

// sameParameters takes no parameters and an empty map for the same.
func sameParameters(a, b map[string]any) bool {
	return len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
}
