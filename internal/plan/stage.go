package plan

import (
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// MakeStage plans the Nexus staging of a product version that is released, from release.json as it was then: one wave of the
// components that were released with it. What gio.yaml keeps from it is left. Faults: nothing-to-stage, and those of Step.
func MakeStage(m *manifest.Manifest, o Options) (*Plan, error) {
	o.Action = "nexus_staging"
	p := &Plan{Product: m.Name, Version: m.ReleaseVersion(), Branch: o.Branch, Waves: []Wave{}, Left: []Left{}}
	wave := Wave{Group: 1}
	for _, c := range m.Components {
		if c.Open() || c.Since != p.Version {
			continue
		}
		if stage := o.Overrides[c.Name].Stage; stage != nil && !*stage {
			p.Left = append(p.Left, Left{c.Name, c.Version, ReasonNoStage})
			continue
		}
		step, err := o.Step(m, c)
		if err != nil {
			return nil, err
		}
		step.Proof = Proof{} // of its release
		wave.Steps = append(wave.Steps, step)
	}
	if len(wave.Steps) == 0 {
		return nil, fault.New(fault.NotFound, "nothing-to-stage", "%s: no component is to be staged: none has since %q without stage: false", m.File, p.Version).
			Hint("`gio bom %s` says what the version released", p.Version)
	}
	p.Waves = append(p.Waves, wave)
	return p, nil
}
