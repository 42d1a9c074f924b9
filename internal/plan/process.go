package plan

import (
	"cmp"
	"maps"
	"slices"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// MakeProcess plans a process manifest: its groups one after the other, or one wave without groups. Of the options it uses
// the organization and gio.yaml's repository, project, definition and branch; parameters come only from the file. Faults:
// invalid-process, invalid-parameter, invalid-repository.
func MakeProcess(p *manifest.Process, o Options) (*Plan, error) {
	made := &Plan{Product: p.Name, Version: p.ReleaseVersion(), Branch: o.Branch, Waves: []Wave{}, Excluded: []Excluded{}}
	steps := map[string]Step{}
	all := Wave{Group: 1}
	for _, c := range p.Components {
		step, err := o.processStep(p, c)
		if err != nil {
			return nil, err
		}
		steps[c.Name] = step
		all.Steps = append(all.Steps, step)
	}
	if len(all.Steps) == 0 {
		return nil, fault.New(fault.Invalid, "invalid-process", "%s: it has no component, so there is nothing to trigger", p.File)
	}
	if p.Groups == nil {
		made.Waves = append(made.Waves, all)
		return made, nil
	}
	return made, made.group(p, steps)
}

// group puts the steps into waves: each must be in exactly one group.
func (p *Plan) group(from *manifest.Process, steps map[string]Step) error {
	for i, group := range from.Groups {
		wave := Wave{Group: i + 1}
		for _, entry := range group {
			step, found := steps[entry.Name]
			if !found {
				return fault.New(fault.Invalid, "invalid-process", "%s: %q is not a component, or appears twice in buildDependencies", entry.At, entry.Name)
			}
			delete(steps, entry.Name)
			wave.Steps = append(wave.Steps, step)
		}
		if len(wave.Steps) > 0 {
			p.Waves = append(p.Waves, wave)
		}
	}
	for _, c := range from.Components {
		if _, ungrouped := steps[c.Name]; ungrouped {
			return fault.New(fault.Invalid, "invalid-process", "%s: %s is in no group of buildDependencies", c.At, c.Name).
				Hint("add it to a group, or leave buildDependencies out to trigger all at once")
		}
	}
	return nil
}

func (o Options) processStep(p *manifest.Process, c manifest.ProcessComponent) (Step, error) {
	override := o.Overrides[c.Name]
	named := &manifest.Manifest{File: p.File}
	if o.Organization == "" {
		o.Organization = p.Organization()
	}
	repository, err := o.Repository(named, manifest.Component{Name: c.Name, At: c.At})
	if err != nil {
		return Step{}, err
	}
	if c, err = fillTemplates(p, c); err != nil {
		return Step{}, err
	}
	branch := cmp.Or(c.Branch, override.Branch)
	if branch == "" {
		return Step{}, fault.New(fault.Invalid, "invalid-process", "%s: %s has no branch", c.At, c.Name).
			Hint(`give it a "branch": without one CircleCI would build the default branch`)
	}
	project, err := o.project(c.Name, repository)
	if err != nil {
		return Step{}, err
	}
	version := cmp.Or(c.Version, p.ReleaseVersion(), branch)
	parameters, err := processParameters(p, c, version)
	return Step{
		Component: c.Name, Version: version, Repository: repository, Project: project, Definition: override.Definition,
		Branch: branch, BranchReason: "as given", Parameters: parameters,
	}, err
}

// fillTemplates executes the templates in a component's version and branch.
func fillTemplates(p *manifest.Process, c manifest.ProcessComponent) (manifest.ProcessComponent, error) {
	data := templateData{ProductVersion: p.ReleaseVersion(), Component: c.Name}
	for _, field := range []struct {
		name string
		text *string
	}{{"version", &c.Version}, {"branch", &c.Branch}} {
		text, err := execute(field.name, *field.text, data)
		if err != nil {
			return c, fault.New(fault.Invalid, "invalid-process", "%s: the %s of %s is not a valid template", c.At, field.name, c.Name).
				Because(err).Hint("it may use {{.ProductVersion}} and {{.Component}}")
		}
		*field.text, data.Version = text, text
	}
	return c, nil
}

func processParameters(p *manifest.Process, c manifest.ProcessComponent, version string) (map[string]any, error) {
	if len(c.Parameters) > maxParameters {
		return nil, fault.New(fault.Invalid, "invalid-parameter", "%s would get %d pipeline parameters: CircleCI allows %d", c.Name, len(c.Parameters), maxParameters)
	}
	parameters := maps.Clone(c.Parameters)
	data := templateData{p.ReleaseVersion(), c.Name, version}
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		value, err := parameter(key, parameters[key], data)
		if err != nil {
			return nil, fault.New(fault.Invalid, "invalid-parameter", "%s: %s cannot be triggered with its parameters", c.At, c.Name).Because(err)
		}
		parameters[key] = value
	}
	return parameters, nil
}
