package manifest

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"
)

// Process is a process manifest: pipelines to trigger, in groups one after the other where it has buildDependencies, else all
// at once. Besides release.json's keys its components have "branch" and "pipeline_params"; the value of the latter is either
// the parameters, or the whole body of a trigger with "branch" and "parameters".
type Process struct {
	File       string
	Name       string // "" when the file has none
	Version    string // of the product, for templates; "" when the file has none
	Components []ProcessComponent
	Groups     []Group // nil without buildDependencies

	organization string
}

// ProcessComponent is one pipeline of a Process.
type ProcessComponent struct {
	Name, Version string         // the version is "" when it has none
	Branch        string         // "" when it has none
	Parameters    map[string]any // string, bool, int64, float64 or any other JSON value, not yet checked
	At            Position       // of the name's value
}

// ReleaseVersion returns the product's version without -SNAPSHOT.
func (p *Process) ReleaseVersion() string { return released(p.Version) }

// Organization returns the last path segment of scmHttpUrl, "" when the file has none.
func (p *Process) Organization() string { return p.organization }

// ParseProcess parses a process manifest. Its faults are those of Parse.
func ParseProcess(file string, data []byte) (*Process, error) {
	src := newSource(file, data)
	root, err := src.read()
	if err != nil {
		return nil, err
	}
	s, m := shape{source: src}, Manifest{root: root}
	p := &Process{File: file}
	if s.is(root, object, "the process manifest") {
		p.Name = s.text(root, "name", "the process manifest").text
		p.Version = s.text(root, "version", "the process manifest").text
		if scm := strings.TrimRight(s.text(root, "scmHttpUrl", "the process manifest").text, "/"); scm != "" {
			p.organization = path.Base(scm)
		}
		p.fill(&s, root)
		if root.get("buildDependencies") != nil {
			m.fillGroups(&s)
			p.Groups = m.Groups
		}
	}
	return p, s.err
}

func (p *Process) fill(s *shape, root *node) {
	seen := map[string]Position{}
	for _, item := range s.needArray(root, "components") {
		if !s.is(item, object, "a component") {
			return
		}
		c := processComponent(s, item)
		if first, twice := seen[c.Name]; twice {
			s.fail(item, "component %q appears here again, first at %s", c.Name, first)
		}
		seen[c.Name] = c.At
		p.Components = append(p.Components, c)
	}
}

func processComponent(s *shape, item *node) ProcessComponent {
	name := s.needText(item, "name", "the component")
	owner := "component " + name.text
	c := ProcessComponent{
		Name: name.text, At: s.position(name.start), Parameters: map[string]any{},
		Version: s.text(item, "version", owner).text, Branch: s.text(item, "branch", owner).text,
	}
	params := item.get("pipeline_params")
	if params == nil || !s.is(params.value, object, "pipeline_params of "+owner) {
		return c
	}
	values := params.value
	if body := values.get("parameters"); body != nil && body.value.kind == object { // the whole body
		branch := s.text(values, "branch", "pipeline_params of "+owner)
		if c.Branch != "" && branch.text != "" && c.Branch != branch.text {
			s.fail(branch, "branch %q of pipeline_params is not branch %q of %s", branch.text, c.Branch, owner)
		}
		if c.Branch == "" {
			c.Branch = branch.text
		}
		values = body.value
	}
	for _, m := range values.members {
		c.Parameters[m.key.text] = s.value(m.value)
	}
	return c
}

// value returns a node as a Go value; whole numbers are int64.
func (s *shape) value(n *node) any {
	dec := json.NewDecoder(bytes.NewReader(s.data[n.start:n.end]))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		s.fail(n, "not valid JSON")
	}
	if number, ok := v.(json.Number); ok {
		if whole, err := number.Int64(); err == nil {
			return whole
		}
	}
	return v
}
