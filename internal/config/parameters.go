package config

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Place is where gio.yaml sets a pipeline parameter, and how the value is written there, without quotes.
type Place struct {
	Where   string // file:line:column
	Written string
}

// parameterName names a pipeline parameter of a component, or with "" of all.
type parameterName struct{ component, name string }

// ParameterAt returns the place that decides a component's pipeline parameter; the zero Place where gio.yaml does not set it.
func (f File) ParameterAt(component, name string) Place {
	if at, set := f.places[parameterName{component, name}]; set {
		return at
	}
	return f.places[parameterName{"", name}]
}

// findParameters notes the places of all parameters. The fault is that of a value that no parameter can have: YAML takes a plain
// 1.10 for the number 1.1, and 2026-11-29 for a date.
func (f *File) findParameters(data []byte) error {
	var document yaml.Node
	if yaml.Unmarshal(data, &document) != nil || len(document.Content) == 0 {
		return nil // it is empty
	}
	root := document.Content[0]
	if err := f.findIn("", root); err != nil {
		return err
	}
	return each(valueOf(root, "components"), func(component, settings *yaml.Node) error { return f.findIn(component.Value, settings) })
}

func (f *File) findIn(component string, settings *yaml.Node) error {
	return each(valueOf(settings, "parameters"), func(name, value *yaml.Node) error {
		at := Place{fmt.Sprintf("%s:%d:%d", f.Path, value.Line, value.Column), value.Value}
		if f.places == nil {
			f.places = map[parameterName]Place{}
		}
		f.places[parameterName{component, name.Value}] = at
		return unfit(name.Value, value, at)
	})
}

// unfit returns the fault of a value that is neither a text nor an integer nor a boolean.
func unfit(name string, value *yaml.Node, at Place) error {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	var whole int64
	switch tag := value.ShortTag(); {
	case value.Kind != yaml.ScalarNode:
		return fault.New(fault.Invalid, "config-file", "%s: the pipeline parameter %s is a list or a mapping: CircleCI takes texts, integers and booleans", at.Where, name)
	case tag == "!!str", tag == "!!bool", tag == "!!null", tag == "!!int" && value.Decode(&whole) == nil:
		return nil
	}
	return fault.New(fault.Invalid, "config-file", "%s: the pipeline parameter %s is %s, which YAML takes for no text: CircleCI takes texts, integers and booleans", at.Where, name, value.Value).
		Hint("quote it: %s: %q", name, value.Value)
}

// valueOf returns the value of a key of a mapping, nil where there is none.
func valueOf(mapping *yaml.Node, key string) (value *yaml.Node) {
	_ = each(mapping, func(k, v *yaml.Node) error { // it never fails
		if k.Value == key {
			value = v
		}
		return nil
	})
	return value
}

// each calls do with each key of a mapping and its value, until do fails.
func each(mapping *yaml.Node, do func(key, value *yaml.Node) error) error {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if err := do(mapping.Content[i], mapping.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}
