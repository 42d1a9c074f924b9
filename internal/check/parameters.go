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

// readParameters reads the pipeline parameters that a configuration declares. Those of a setup configuration (`setup: true`)
// count, too: CircleCI compares a trigger with them.
func readParameters(config []byte) (map[string]parameter, error) {
	var file struct {
		Parameters map[string]parameter `yaml:"parameters"`
	}
	if err := yaml.Unmarshal(config, &file); err != nil {
		return nil, err
	}
	return file.Parameters, nil
}

// objection says what is wrong with a value for the parameter, "" when nothing is: CircleCI refuses one of another type than
// the declared one (contracts/circleci.md 1.3). A type that gio does not know has no objection.
func (p parameter) objection(value any) string {
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
		if allowed := p.values(); isText && !slices.Contains(allowed, text) {
			return fmt.Sprintf("is none of its values: %s", strings.Join(allowed, ", "))
		}
		fits = isText
	}
	if fits {
		return ""
	}
	return fmt.Sprintf("is not of its type, %s", p.Type)
}

// values are the values of an enum. YAML reads a plain 3.1 or true as another type, which CircleCI takes as text.
func (p parameter) values() []string {
	var texts []string
	for _, value := range p.Enum {
		texts = append(texts, fmt.Sprint(value))
	}
	return texts
}

// checkParameters compares the pipeline parameters that gio would send for a step with what its configuration declares.
func (i *inspection) checkParameters(st plan.Step, where string, config []byte) {
	declared, err := readParameters(config)
	if err != nil {
		i.add(Finding{Code: ConfigUnreadable, Component: st.Component, Where: where, What: "it is no YAML: " + oneLine(err), Do: "fix it on that branch"})
		return
	}
	for _, name := range slices.Sorted(maps.Keys(st.Parameters)) {
		p, found := declared[name]
		if !found {
			i.add(Finding{
				Code: ParameterUnknown, Component: st.Component, Where: where,
				What: fmt.Sprintf("the pipeline parameter %s would be sent and is not declared: its pipeline would fail", name),
				Do:   fmt.Sprintf("declare %s on that branch, or write %s: null for the component in gio.yaml", name, name),
			})
		} else if why := p.objection(st.Parameters[name]); why != "" {
			i.add(i.typeFinding(st, where, name, p, why))
		}
	}
	i.checkDefaults(st, where, declared)
}

// typeFinding says that a parameter has another type or value than a configuration declares: at its place in gio.yaml, and how it
// is written there; where gio.yaml does not set it, at the declaration.
func (i *inspection) typeFinding(st plan.Step, where, name string, p parameter, why string) Finding {
	f := Finding{
		Code: ParameterType, Component: st.Component, Where: where,
		What: fmt.Sprintf("the pipeline parameter %s would be %#v, which %s", name, st.Parameters[name], why),
		Do:   "change its value in gio.yaml, or its declaration on that branch",
	}
	if i.ParameterAt == nil {
		return f
	}
	if at, written := i.ParameterAt(st.Component, name); at != "" {
		f.Where, f.What = at, f.What+" in "+where
		f.Do = p.correction(name, written, st.Parameters[name])
	}
	return f
}

// correction says how to write a value in gio.yaml so that it has the declared type.
func (p parameter) correction(name, written string, value any) string {
	_, isText := value.(string)
	switch {
	case (p.Type == "string" || p.Type == "enum") && !isText:
		return fmt.Sprintf("quote it: %s: %q", name, written)
	case p.Type == "boolean":
		return fmt.Sprintf("write %s: true or %s: false, without quotes", name, name)
	case p.Type == "integer":
		return fmt.Sprintf("write an integer without quotes: %s: 1", name)
	}
	return "change its value there, or its declaration on that branch"
}

// checkDefaults checks that gio sends every declared parameter. One that is not sent has the component's default, which may
// be meant for dry runs.
func (i *inspection) checkDefaults(st plan.Step, where string, declared map[string]parameter) {
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if _, sent := st.Parameters[name]; sent {
			continue
		}
		f := Finding{
			Code: ParameterDefaulted, Component: st.Component, Where: where,
			What: fmt.Sprintf("the pipeline parameter %s is declared and not sent: it would have its default %#v", name, declared[name].Default),
			Do:   fmt.Sprintf("set %s under parameters in gio.yaml; or, if the default is right, `gio release --skip-check %s`", name, ParameterDefaulted),
		}
		if declared[name].Default == nil {
			f.What = fmt.Sprintf("the pipeline parameter %s is declared without a default and not sent: its pipeline would fail", name)
		}
		if i.DryRun {
			f.Severity = Warning
		}
		i.add(f)
	}
}
