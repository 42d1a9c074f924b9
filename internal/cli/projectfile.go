package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/wire"
)

// declaration is a project file.
type declaration struct {
	Name         string                `yaml:"name"`
	Repository   string                `yaml:"repository"`
	Build        *declaredTrigger      `yaml:"build,omitempty"`
	Releases     *declaredReleases     `yaml:"releases,omitempty"`
	Environments []declaredEnvironment `yaml:"environments"`
	Repositories []declaredRepository  `yaml:"repositories,omitempty"`
	Bundle       []declaredMapping     `yaml:"bundle,omitempty"`
}

type declaredMapping struct {
	Repository string   `yaml:"repository,omitempty"`
	Path       string   `yaml:"path,omitempty"`
	Image      string   `yaml:"image,omitempty"`
	Components []string `yaml:"components,omitempty"`
}

type declaredRepository struct {
	Name        string `yaml:"name"`
	Environment string `yaml:"environment,omitempty"`
	Kind        string `yaml:"kind,omitempty"`
	Type        string `yaml:"type,omitempty"`
	Connection  string `yaml:"connection,omitempty"`
	Path        string `yaml:"path,omitempty"`
}

type declaredReleases struct {
	Connection string `yaml:"connection"`
	Repository string `yaml:"repository,omitempty"`
	Manifest   string `yaml:"manifest,omitempty"`
}

type declaredEnvironment struct {
	Name     string                `yaml:"name"`
	Tier     string                `yaml:"tier,omitempty"`
	Kind     string                `yaml:"kind,omitempty"`
	Deploy   *declaredTrigger      `yaml:"deploy,omitempty"`
	GitOps   *declaredGitOps       `yaml:"gitops,omitempty"`
	Requires *declaredRequirements `yaml:"requires,omitempty"`
}

type declaredGitOps struct {
	Connection     string `yaml:"connection"`
	Repository     string `yaml:"repository"`
	Branch         string `yaml:"branch,omitempty"`
	Path           string `yaml:"path,omitempty"`
	PerEnvironment bool   `yaml:"per_environment,omitempty"`
	Confirm        string `yaml:"confirm,omitempty"`
}

type declaredRequirements struct {
	Approvals int    `yaml:"approvals,omitempty"`
	Previous  string `yaml:"previous,omitempty"`
	Signed    bool   `yaml:"signed,omitempty"`
}

type declaredTrigger struct {
	Connection string             `yaml:"connection"`
	Project    string             `yaml:"project,omitempty"`
	Branch     string             `yaml:"branch,omitempty"`
	Definition string             `yaml:"definition,omitempty"`
	Parameters declaredParameters `yaml:"parameters,omitempty"`
}

// declaredParameters are texts, whole numbers and booleans. YAML takes a plain 1.10 for the number 1.1, and 2026-11-29 for a date.
type declaredParameters map[string]any

// UnmarshalYAML refuses what no parameter can be, at its line.
func (p *declaredParameters) UnmarshalYAML(node *yaml.Node) error {
	var values map[string]yaml.Node
	if err := node.Decode(&values); err != nil {
		return err
	}
	*p = declaredParameters{}
	for name, value := range values {
		var whole int64
		var yes bool
		switch tag := value.ShortTag(); {
		case tag == "!!int" && value.Decode(&whole) == nil:
			(*p)[name] = whole
		case tag == "!!bool" && value.Decode(&yes) == nil:
			(*p)[name] = yes
		case tag == "!!str":
			(*p)[name] = value.Value
		default:
			return fmt.Errorf("line %d: the parameter %s is no text, whole number or boolean; quote it: %s: %q", value.Line, name, name, value.Value)
		}
	}
	return nil
}

// ofType is the name of a Go type in an error of the YAML reader.
var ofType = regexp.MustCompile(` (in|into) (type )?cli\.\w+`)

func parseProject(file string, data []byte) (wire.Project, error) {
	var d declaration
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	err := decoder.Decode(&d)
	if err == nil && !errors.Is(decoder.Decode(new(yaml.Node)), io.EOF) {
		err = errors.New("there is a second document")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return wire.Project{}, fault.New(fault.Invalid, "project-file", "%s: %s", file, ofType.ReplaceAllString(oneLine(err.Error()), "")).
			Hint("gio project init prints one to begin with")
	}
	p := wire.Project{Name: d.Name, Repository: d.Repository, Build: d.Build.onWire(), Releases: (*wire.Releases)(d.Releases)}
	for _, e := range d.Environments {
		out := wire.Environment{Name: e.Name, Tier: e.Tier, Kind: e.Kind, Deploy: e.Deploy.onWire(), GitOps: (*wire.GitOps)(e.GitOps)}
		out.Requires = (*wire.Requirements)(e.Requires)
		p.Environments = append(p.Environments, out)
	}
	for _, r := range d.Repositories {
		p.Repositories = append(p.Repositories, wire.Repository(r))
	}
	for _, m := range d.Bundle {
		p.Bundle = append(p.Bundle, wire.Mapping(m))
	}
	return p, nil
}

func (t *declaredTrigger) onWire() *wire.Trigger {
	if t == nil {
		return nil
	}
	return &wire.Trigger{Connection: t.Connection, Project: t.Project, Branch: t.Branch, Definition: t.Definition, Parameters: t.Parameters}
}

func asDeclared(t *wire.Trigger) *declaredTrigger {
	if t == nil {
		return nil
	}
	d := declaredTrigger{t.Connection, t.Project, t.Branch, t.Definition, declaredParameters{}}
	for name, value := range t.Parameters {
		if number, is := value.(float64); is { // JSON has no other numbers
			value = int64(number)
		}
		d.Parameters[name] = value
	}
	return &d
}

// projectText writes a project as a file that parseProject reads.
func projectText(p wire.Project) ([]byte, error) {
	d := declaration{Name: p.Name, Repository: p.Repository, Build: asDeclared(p.Build), Releases: (*declaredReleases)(p.Releases)}
	for _, e := range p.Environments {
		out := declaredEnvironment{Name: e.Name, Tier: e.Tier, Kind: e.Kind, Deploy: asDeclared(e.Deploy), GitOps: (*declaredGitOps)(e.GitOps)}
		out.Requires = (*declaredRequirements)(e.Requires)
		d.Environments = append(d.Environments, out)
	}
	for _, r := range p.Repositories {
		d.Repositories = append(d.Repositories, declaredRepository(r))
	}
	for _, m := range p.Bundle {
		d.Bundle = append(d.Bundle, declaredMapping(m))
	}
	return yaml.Marshal(d)
}
