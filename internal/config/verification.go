package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/plan"
)

// Verification says what proves a release besides a green pipeline.
type Verification struct {
	Verify    Verify     `yaml:"verify"`
	Tag       Template   `yaml:"tag"`       // name of the tag, for verify: tag
	Workflows []Template `yaml:"workflows"` // names of the workflows that must have run, for verify: workflow
}

// Verify is plan.VerifyTag, plan.VerifyWorkflow or plan.VerifyNone; "" is not set.
type Verify string

// UnmarshalYAML refuses other words.
func (v *Verify) UnmarshalYAML(node *yaml.Node) error {
	ways := []string{plan.VerifyTag, plan.VerifyWorkflow, plan.VerifyNone}
	if !slices.Contains(ways, node.Value) {
		return lineError(node, "verify is %s, not %q", strings.Join(ways, ", "), node.Value)
	}
	*v = Verify(node.Value)
	return nil
}

// Template is a text with {{.ProductVersion}}, {{.Component}} and {{.Version}}.
type Template string

// UnmarshalYAML refuses an invalid template.
func (t *Template) UnmarshalYAML(node *yaml.Node) error {
	var text string
	if err := node.Decode(&text); err != nil {
		return err
	}
	if err := plan.CheckTemplate(text); err != nil {
		return lineError(node, "%q is not a valid template; it may use {{.ProductVersion}}, {{.Component}} and {{.Version}}", text)
	}
	*t = Template(text)
	return nil
}

// lineError makes an error in the library's form, so that it is reported with the others.
func lineError(node *yaml.Node, format string, args ...any) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: ", node.Line) + fmt.Sprintf(format, args...)}}
}

// Plan returns it in the form that plans use.
func (v Verification) Plan() plan.Verification {
	p := plan.Verification{Verify: string(v.Verify), Tag: string(v.Tag)}
	for _, name := range v.Workflows {
		p.Workflows = append(p.Workflows, string(name))
	}
	return p
}

// checkEffect refuses a tag or workflows that no verify uses, because their author believes that gio checks them.
func (f *File) checkEffect() error {
	all := []Verification{f.Verification}
	for _, c := range f.Components {
		all = append(all, c.Verification)
	}
	uses := func(way Verify) bool {
		return slices.ContainsFunc(all, func(v Verification) bool { return v.Verify == way })
	}
	switch {
	case !uses(plan.VerifyTag) && slices.ContainsFunc(all, func(v Verification) bool { return v.Tag != "" }):
		return errors.New("tag is set, but nothing sets verify: tag")
	case !uses(plan.VerifyWorkflow) && slices.ContainsFunc(all, func(v Verification) bool { return len(v.Workflows) > 0 }):
		return errors.New("workflows are set, but nothing sets verify: workflow")
	}
	return nil
}
