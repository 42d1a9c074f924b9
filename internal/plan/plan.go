// Package plan decides what runs, in which wave, on which branch, with which parameters, and why.
package plan

import (
	"reflect"
	"slices"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/needs"
)

// Step is the release of one component.
type Step struct {
	Component    string         `json:"component"`
	Version      string         `json:"version"`              // to release, without -SNAPSHOT
	Repository   string         `json:"repository"`           // "org/name"
	Project      string         `json:"project"`              // CircleCI project slug: gh/org/name, or gio.yaml's
	Definition   string         `json:"definition,omitempty"` // pipeline definition of a GitHub App project
	Branch       string         `json:"branch"`
	BranchReason string         `json:"branch_reason"` // why this branch, for the user
	Parameters   map[string]any `json:"parameters"`    // string, int64 or bool
	Proof        Proof          `json:"proof,omitzero"`
	// In a plan by the graph:
	Group  int    `json:"group,omitempty"` // the component's, its index in buildDependencies, from 1
	Needs  []Need `json:"needs,omitempty"`
	Unread bool   `json:"unread,omitempty"` // its files could not be read, so that it waits for the earlier groups, and the later ones for it
}

// ID identifies the step permanently.
func (s Step) ID() StepID { return ID(s.Component, s.Version) }

// Wave holds the steps that run in parallel: the open components of one group. In a plan by the graph it is a level, whose steps
// need none of each other: it says for what nothing waits, and is for people to see.
type Wave struct {
	Group int    `json:"group,omitempty"` // its index in buildDependencies, from 1; 0 for a level
	Steps []Step `json:"steps"`
}

// Excluded is a component that does not run.
type Excluded struct {
	Component string `json:"component"`
	Version   string `json:"version"` // as in the manifest
	Reason    string `json:"reason"`  // one of the Reason constants
}

// Why a component does not run.
const (
	ReasonReleased = "released"
	ReasonExcept   = "excluded by --except"
	ReasonOnly     = "not in --only"
	ReasonNoStage  = "stage: false in gio.yaml"
)

// Plan is what a release would do, in order.
type Plan struct {
	Product  string     `json:"product"`
	Version  string     `json:"version"`         // of the product, without -SNAPSHOT
	Tag      string     `json:"tag,omitempty"`   // of the released product; read it by ProductTag
	Branch   string     `json:"branch"`          // the release branch
	Order    Order      `json:"order,omitempty"` // "" is ByWaves; read it by IsByGraph
	Waves    []Wave     `json:"waves"`
	Excluded []Excluded `json:"left"`    // in the manifest's order
	Partial  bool       `json:"partial"` // --only or --except exclude open components: the product will not be finished
	// Unwatched plans (gio trigger without --wait) are complete when every step of the last wave has its pipeline.
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

// IsByGraph reports whether a step waits only for the steps that it needs. Plans of older journals are by waves.
func (p *Plan) IsByGraph() bool { return p.Order == ByGraph }

// Watches reports whether gio watches the pipeline of a step to its end.
func (p *Plan) Watches(id StepID) bool {
	if !p.Unwatched || len(p.Waves) == 0 {
		return true
	}
	last := p.Waves[len(p.Waves)-1]
	return !slices.ContainsFunc(last.Steps, func(s Step) bool { return s.ID() == id })
}

// Options are the inputs of a plan besides the manifest.
type Options struct {
	Branch          string              // the release branch
	MainBranch      string              // the release repository's main branch
	ComponentMain   string              // gio.yaml's main branch of the component repositories, "" when it has none
	DefaultBranches map[string]string   // default branches of the component repositories as read, by project slug; nil: not read yet
	Organization    string              // GH_ORG; "" for the manifest's
	ProductTag      string              // gio.yaml's template of the product's tag, "" for the version
	ReleaseBranches []string            // gio.yaml's further branches from which releases may be made
	Parameters      map[string]any      // gio.yaml's, strings are templates; nil drops one
	Overrides       map[string]Override // gio.yaml's, by component
	Only, Except    []string            // components
	DryRun          bool                // the value of the parameter dry_run
	Action          string              // the value of the parameter gio_action, which overrides gio.yaml's; "" for that, else "release"
	Verification    Verification        // of all components; Overrides win, field by field
	Declared        []needs.Declared    // gio.yaml's, about who needs whom
}

// Override holds gio.yaml's settings of one component. An empty field is not set.
type Override struct {
	Repository string         // name or org/name
	Branch     string         // overrides every rule
	Parameters map[string]any // override those of all components; nil drops one
	Project    string         // CircleCI project slug
	Definition string         // pipeline definition of a GitHub App project
	Stage      *bool          // false excludes the component from `gio stage`; only MakeStage reads it

	Verification Verification
}

// Make turns a manifest into a plan. Its faults are those of Manifest.Check, and wrong-branch, unknown-component,
// not-open, invalid-parameter, invalid-product-tag, invalid-proof and invalid-repository.
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
	tag, err := ProductTag(o.ProductTag, m.ReleaseVersion())
	if err != nil {
		return nil, err
	}
	p := &Plan{
		Product: m.Name, Version: m.ReleaseVersion(), Tag: tag, Branch: o.Branch,
		Waves: []Wave{}, Excluded: []Excluded{}, Warnings: warnings,
	}
	p.exclude(m, o)
	if err := p.fillWaves(m, o); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Plan) exclude(m *manifest.Manifest, o Options) {
	for _, c := range m.Components {
		if reason := o.reasonToExclude(c); reason != "" {
			p.Excluded = append(p.Excluded, Excluded{c.Name, c.Version, reason})
			p.Partial = p.Partial || c.Open()
		}
	}
}

// reasonToExclude returns "" for a component that runs.
func (o Options) reasonToExclude(c manifest.Component) string {
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
			if !found || o.reasonToExclude(c) != "" {
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
			return unknownComponent(m, fault.Usage, "--only", name)
		}
		if !c.Open() && c.Since != m.ReleaseVersion() { // repeating the command for one that this product version has released is no mistake
			return fault.New(fault.Invalid, "not-open", "%s: --only names %s, which is not to be released: its version is %s", c.VersionAt, name, c.Version).
				Hint("write %q to release it again, or leave it out of --only", c.Version+"-SNAPSHOT")
		}
	}
	for _, name := range o.Except {
		if _, found := m.Component(name); !found {
			return unknownComponent(m, fault.Usage, "--except", name)
		}
	}
	for _, name := range sortedKeys(o.Overrides) {
		if _, found := m.Component(name); !found {
			return unknownComponent(m, fault.Invalid, "gio.yaml", name)
		}
	}
	for _, d := range o.Declared {
		for _, name := range []string{d.From, d.To} {
			if _, found := m.Component(name); !found {
				return unknownComponent(m, fault.Invalid, d.Place.String(), name)
			}
		}
	}
	return nil
}

func unknownComponent(m *manifest.Manifest, kind fault.Kind, where, name string) error {
	f := fault.New(kind, "unknown-component", "%s names %q, which is not a component of %s", where, name, m.File)
	if near := m.Nearest(name); near != "" {
		f = f.Hint("did you mean %s?", near)
	}
	return f
}

// Units groups the steps, of a wave or of several, that share one pipeline: same project, definition, branch and
// parameters. A second pipeline would cancel the first (contracts/circleci.md 2.7). Order is kept.
func Units(w Wave) [][]Step {
	type pipeline struct{ project, branch, definition string }
	units := [][]Step{}
	candidates := map[pipeline][]int{} // indexes of units, which differ in their parameters
	for _, s := range w.Steps {
		key := pipeline{s.Project, s.Branch, s.Definition}
		same := candidates[key]
		i := slices.IndexFunc(same, func(u int) bool { return sameParameters(units[u][0].Parameters, s.Parameters) })
		if i < 0 {
			candidates[key] = append(same, len(units))
			units = append(units, []Step{s})
			continue
		}
		units[same[i]] = append(units[same[i]], s)
	}
	return units
}

// sameParameters treats nil and an empty map as the same.
func sameParameters(a, b map[string]any) bool {
	return len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
}
