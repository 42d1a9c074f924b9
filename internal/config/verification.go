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
	Poms      Poms       `yaml:"poms"`      // what becomes of wrong poms, for verify: poms
	Tag       Template   `yaml:"tag"`       // name of the tag, for verify: tag and verify: poms
	Workflows []Template `yaml:"workflows"` // names of the workflows that must have run, for verify: workflow
}

// Verify is one of plan's Verify constants; "" is not set.
type Verify string

// UnmarshalYAML refuses other words.
func (v *Verify) UnmarshalYAML(node *yaml.Node) error {
	return oneOf((*string)(v), node, "verify", plan.VerifyTag, plan.VerifyPoms, plan.VerifyWorkflow, plan.VerifyNone)
}

// Poms is one of plan's Poms constants; "" is not set.
type Poms string

// UnmarshalYAML refuses other words.
func (p *Poms) UnmarshalYAML(node *yaml.Node) error {
	return oneOf((*string)(p), node, "poms", plan.PomsStrict, plan.PomsWarn)
}

func oneOf(to *string, node *yaml.Node, key string, words ...string) error {
	if !slices.Contains(words, node.Value) {
		return lineError(node, "%s is %s, not %q", key, strings.Join(words, ", "), node.Value)
	}
	*to = node.Value
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
	p := plan.Verification{Verify: string(v.Verify), Poms: string(v.Poms), Tag: string(v.Tag)}
	for _, name := range v.Workflows {
		p.Workflows = append(p.Workflows, string(name))
	}
	return p
}

// checkEffect refuses a tag, poms or workflows that no verify uses, because their author believes that gio checks them.
func (f *File) checkEffect() error {
	all := []Verification{f.Verification}
	for _, c := range f.Components {
		all = append(all, c.Verification)
	}
	uses := func(way Verify) bool {
		return slices.ContainsFunc(all, func(v Verification) bool { return v.Verify == way })
	}
	switch {
	case !uses(plan.VerifyTag) && !uses(plan.VerifyPoms) && slices.ContainsFunc(all, func(v Verification) bool { return v.Tag != "" }):
		return errors.New("tag is set, but nothing sets verify: tag")
	case !uses(plan.VerifyPoms) && slices.ContainsFunc(all, func(v Verification) bool { return v.Poms != "" }):
		return errors.New("poms is set, but nothing sets verify: poms")
	case !uses(plan.VerifyWorkflow) && slices.ContainsFunc(all, func(v Verification) bool { return len(v.Workflows) > 0 }):
		return errors.New("workflows are set, but nothing sets verify: workflow")
	}
	return nil
}
