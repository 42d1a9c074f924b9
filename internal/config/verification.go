package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/plan"
)

// Verification says what proves a release beside a green pipeline.
type Verification struct {
	Verify    Verify     `yaml:"verify"`
	Tag       Template   `yaml:"tag"`       // name of the tag, for verify: tag
	Workflows []Template `yaml:"workflows"` // names of the workflows that must have run, for verify: workflow
}

// Verify is plan.VerifyTag, plan.VerifyWorkflow or plan.VerifyNone; "" says nothing.
type Verify string

// UnmarshalYAML refuses other words.
func (v *Verify) UnmarshalYAML(node *yaml.Node) error {
	ways := []string{plan.VerifyTag, plan.VerifyWorkflow, plan.VerifyNone}
	if !slices.Contains(ways, node.Value) {
		return wrongLine(node, "verify is %s, not %q", strings.Join(ways, ", "), node.Value)
	}
	*v = Verify(node.Value)
	return nil
}

// Template is a text with {{.ProductVersion}}, {{.Component}} and {{.Version}}.
type Template string

// UnmarshalYAML refuses what cannot be filled in.
func (t *Template) UnmarshalYAML(node *yaml.Node) error {
	var text string
	if err := node.Decode(&text); err != nil {
		return err
	}
	if err := plan.CheckTemplate(text); err != nil {
		return wrongLine(node, "%q is no template that can be filled in; it may use {{.ProductVersion}}, {{.Component}} and {{.Version}}", text)
	}
	*t = Template(text)
	return nil
}

// wrongLine is an error as the library makes them, so that it is told with the others.
func wrongLine(node *yaml.Node, format string, args ...any) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: ", node.Line) + fmt.Sprintf(format, args...)}}
}

// Plan is what plans read of it.
func (v Verification) Plan() plan.Verification {
	p := plan.Verification{Verify: string(v.Verify), Tag: string(v.Tag)}
	for _, name := range v.Workflows {
		p.Workflows = append(p.Workflows, string(name))
	}
	return p
}

// withoutEffect refuses a tag or workflows that nothing asks for: whoever names them believes that they are looked for.
func (f *File) withoutEffect() error {
	all := []Verification{f.Verification}
	for _, c := range f.Components {
		all = append(all, c.Verification)
	}
	asked := func(way Verify) bool {
		return slices.ContainsFunc(all, func(v Verification) bool { return v.Verify == way })
	}
	switch {
	case !asked(plan.VerifyTag) && slices.ContainsFunc(all, func(v Verification) bool { return v.Tag != "" }):
		return errors.New("tag is named, but nothing says verify: tag")
	case !asked(plan.VerifyWorkflow) && slices.ContainsFunc(all, func(v Verification) bool { return len(v.Workflows) > 0 }):
		return errors.New("workflows are named, but nothing says verify: workflow")
	}
	return nil
}
