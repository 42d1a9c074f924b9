package plan

import (
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// MakeStage plans the Nexus staging of a released product version, from release.json as it was then: one wave of the
// components released with it, except those that gio.yaml excludes. Faults: nothing-to-stage, and those of Step.
func MakeStage(m *manifest.Manifest, o Options) (*Plan, error) {
	o.Action = "nexus_staging"
	p := &Plan{Product: m.Name, Version: m.ReleaseVersion(), Branch: o.Branch, Waves: []Wave{}, Excluded: []Excluded{}}
	wave := Wave{Group: 1}
	for _, c := range m.Components {
		if c.Open() || c.Since != p.Version {
			continue
		}
		if stage := o.Overrides[c.Name].Stage; stage != nil && !*stage {
			p.Excluded = append(p.Excluded, Excluded{c.Name, c.Version, ReasonNoStage})
			continue
		}
		step, err := o.Step(m, c)
		if err != nil {
			return nil, err
		}
		step.Proof = Proof{} // which is for its release
		wave.Steps = append(wave.Steps, step)
	}
	if len(wave.Steps) == 0 {
		return nil, fault.New(fault.NotFound, "nothing-to-stage", "%s: there is no component to stage: none has since %q without stage: false", m.File, p.Version).
			Hint("`gio bom %s` shows what the version released", p.Version)
	}
	p.Waves = append(p.Waves, wave)
	return p, nil
}
