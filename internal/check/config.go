package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/plan"
)

// configPath is where CircleCI looks for a project's configuration.
const configPath = ".circleci/config.yml"

// parameter is a pipeline parameter as a configuration declares it
// (https://circleci.com/docs/reusing-config/#parameter-syntax): type string, boolean, integer or enum.
type parameter struct {
	Type    string `yaml:"type"`
	Default any    `yaml:"default"`
	Enum    []any  `yaml:"enum"`
}

// declared reads the pipeline parameters of a configuration. Those of a setup configuration (`setup: true`) count too: it is
// they that a trigger is held against.
func declared(config []byte) (map[string]parameter, error) {
	var file struct {
		Parameters map[string]parameter `yaml:"parameters"`
	}
	if err := yaml.Unmarshal(config, &file); err != nil {
		return nil, err
	}
	return file.Parameters, nil
}

// takes says why a declared parameter does not take a value, "" when it does. CircleCI checks the type against the
// declaration (contracts/circleci.md 1.3).
func (p parameter) takes(value any) string {
	fits := true
	switch p.Type {
	case "boolean":
		_, fits = value.(bool)
	case "integer":
		_, fits = value.(int64)
	case "string":
		_, fits = value.(string)
	case "enum":
		text, isText := value.(string)
		words := p.words()
		if isText && !slices.Contains(words, text) {
			return fmt.Sprintf("is none of its values: %s", strings.Join(words, ", "))
		}
		fits = isText
	}
	if fits {
		return ""
	}
	return fmt.Sprintf("is no %s, as which it is declared", p.Type)
}

func (p parameter) words() []string {
	var words []string
	for _, w := range p.Enum {
		words = append(words, fmt.Sprint(w))
	}
	return words
}

// parameters holds what a step would be sent against what its configuration declares.
func (c *Check) parameters(st plan.Step, where string, config []byte) {
	known, err := declared(config)
	if err != nil {
		c.add(Finding{Code: ConfigUnreadable, Component: st.Component, Where: where, What: "it is no YAML: " + oneLine(err), Do: "mend it on that branch"})
		return
	}
	for _, name := range slices.Sorted(maps.Keys(st.Parameters)) {
		p, found := known[name]
		if !found {
			c.add(Finding{
				Code: ParameterUnknown, Component: st.Component, Where: where,
				What: fmt.Sprintf("the pipeline parameter %s would be sent and is not declared: its pipeline would fail", name),
				Do:   fmt.Sprintf("declare %s on that branch, or write %s: null for the component in gio.yaml", name, name),
			})
		} else if why := p.takes(st.Parameters[name]); why != "" {
			c.add(Finding{
				Code: ParameterType, Component: st.Component, Where: where,
				What: fmt.Sprintf("the pipeline parameter %s would be %#v, which %s", name, st.Parameters[name], why),
				Do:   "change its value in gio.yaml, or its declaration on that branch",
			})
		}
	}
	c.defaulted(st, where, known)
}

// defaulted: a parameter that is not sent takes the component's default, which may be one for dry runs.
func (c *Check) defaulted(st plan.Step, where string, known map[string]parameter) {
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if _, sent := st.Parameters[name]; sent {
			continue
		}
		f := Finding{
			Code: ParameterDefaulted, Component: st.Component, Where: where,
			What: fmt.Sprintf("the pipeline parameter %s is declared and not sent: its default %#v would count", name, known[name].Default),
			Do:   fmt.Sprintf("set %s under parameters in gio.yaml; or, where the default is right, `gio release --skip-check %s`", name, ParameterDefaulted),
		}
		if known[name].Default == nil {
			f.What = fmt.Sprintf("the pipeline parameter %s is declared without a default and not sent: its pipeline would fail", name)
		}
		if c.DryRun {
			f.Severity = Warning
		}
		c.add(f)
	}
}
