package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Load reads a scenario from YAML or JSON; file only names it in errors. Unknown keys, unknown words and impossible
// combinations are errors, as file:line where the line is known.
func Load(file string, data []byte) (Scenario, error) {
	var s Scenario
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return Scenario{}, located(file, err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Scenario{}, fmt.Errorf("%s: a scenario is one document, here a second one begins", file)
	}
	if err := s.validate(); err != nil {
		return Scenario{}, within(file, err)
	}
	return s, nil
}

var (
	yamlLine    = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)
	yamlUnknown = regexp.MustCompile(`field (\S+) not found in type sim\.\w+`)
	yamlTwice   = regexp.MustCompile(`field (\S+) already set in type sim\.\w+`)
)

// located turns an error of the YAML decoder into "file:line: what is wrong".
func located(file string, err error) error {
	lines := []string{err.Error()}
	if t, ok := errors.AsType[*yaml.TypeError](err); ok {
		lines = t.Errors
	}
	for i, line := range lines {
		line = yamlUnknown.ReplaceAllString(line, `unknown key "$1"`)
		line = yamlTwice.ReplaceAllString(line, `key "$1" appears twice`)
		if m := yamlLine.FindStringSubmatch(line); m != nil {
			lines[i] = file + ":" + m[1] + ": " + line[len(m[0]):]
		} else {
			lines[i] = file + ": " + line
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}

// UnmarshalYAML reads an outcome; its error for an unknown word has the line.
func (o *Outcome) UnmarshalYAML(n *yaml.Node) error {
	*o = Outcome(n.Value)
	return checkWord(n, "outcome", o.valid())
}

// UnmarshalYAML reads a kind of fault; its error for an unknown word has the line.
func (k *FaultKind) UnmarshalYAML(n *yaml.Node) error {
	*k = FaultKind(n.Value)
	return checkWord(n, "kind of fault", k.valid())
}

func checkWord(n *yaml.Node, what string, ok bool) error {
	if ok && n.Kind == yaml.ScalarNode {
		return nil
	}
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: unknown %s %q", n.Line, what, n.Value)}}
}
