package sim

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Silence is what an answer leaves open. Fields are named by their path, such as trigger.actor.login; one that the answer
// would not have anyway stays absent.
type Silence struct {
	Without []string `yaml:"without"` // absent
	Nulls   []string `yaml:"nulls"`   // null
}

// sayings are the fields about which a pipeline can be silent. Some of that is outside the published schema, and was seen
// nevertheless (contracts/circleci.md 1.5).
var sayings = []string{
	"vcs", "vcs.branch", "vcs.revision", "vcs.provider_name", "trigger", "trigger.type", "trigger.received_at",
	"trigger.actor", "trigger.actor.login", "trigger_parameters", "created_at", "updated_at",
}

// validate checks a silence about a pipeline.
func (s Silence) validate() error {
	var c complaints
	for _, name := range slices.Concat(s.Without, s.Nulls) {
		c.refuse(!slices.Contains(sayings, name), "a pipeline cannot be silent about %q, but about %v", name, sayings)
	}
	return c.join()
}

func (s Silence) none() bool { return len(s.Without) == 0 && len(s.Nulls) == 0 }

// and returns what both leave open.
func (s Silence) and(t Silence) Silence {
	return Silence{Without: slices.Concat(s.Without, t.Without), Nulls: slices.Concat(s.Nulls, t.Nulls)}
}

// of returns a JSON object without what it leaves open, for the encoder.
func (s Silence) of(object []byte) any {
	fields := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		return json.RawMessage(object) // what is no object has no fields
	}
	for _, name := range s.Without {
		edit(fields, name, func(in map[string]any, last string) { delete(in, last) })
	}
	for _, name := range s.Nulls {
		edit(fields, name, func(in map[string]any, last string) { in[last] = nil })
	}
	return fields
}

// edit calls do with the object that has the last field of a path, if there is that field.
func edit(in map[string]any, path string, do func(in map[string]any, last string)) {
	first, rest, below := strings.Cut(path, ".")
	value, ok := in[first]
	switch inner, _ := value.(map[string]any); {
	case ok && !below:
		do(in, first)
	case ok && inner != nil:
		edit(inner, rest, do)
	}
}

// silences are, for each of branch, trigger type, actor and time, the ways in which a pipeline does not say it.
func silences() [][]Silence {
	const app = "trigger_parameters" // says the branch in projects of the GitHub App
	return [][]Silence{
		{{Nulls: []string{"vcs"}, Without: []string{app}}, {Without: []string{"vcs", app}}, {Without: []string{"vcs.branch", app}}},
		{{Without: []string{"trigger.type"}}, {Nulls: []string{"trigger.type"}}},
		{{Nulls: []string{"trigger.actor"}}, {Nulls: []string{"trigger.actor.login"}}, {Without: []string{"trigger.actor"}}},
		{{Without: []string{"trigger.received_at"}}, {Nulls: []string{"trigger.received_at"}}},
	}
}

// drawSilence makes a run silent by chance: about at least one of the things that silences lists, in one of their ways. Half of those
// that do not say their trigger type say unknown.
func (s *Sim) drawSilence(p *project, r Run) Run {
	c := s.scenario.Chaos
	if c == nil || !r.Silence.none() {
		return r
	}
	d := s.dice("silent", p.slug, p.triggered)
	if !d.hits(0, c.Silent) {
		return r
	}
	kinds := silences()
	about := d.roll(1)%(1<<len(kinds)-1) + 1 // a bit for each, at least one of them set
	way := d.roll(2)
	for i, ways := range kinds {
		if about>>i&1 == 1 {
			r.Silence = r.Silence.and(ways[way%uint64(len(ways))])
		}
		way /= uint64(len(ways))
	}
	if about>>1&1 == 1 && d.roll(3)%2 == 0 {
		r.TriggerType, r.Silence = "unknown", r.Silence.except("trigger.type")
	}
	return r
}

// except returns what is left open beside one field.
func (s Silence) except(name string) Silence {
	other := func(n string) bool { return n == name }
	return Silence{Without: slices.DeleteFunc(slices.Clone(s.Without), other), Nulls: slices.DeleteFunc(slices.Clone(s.Nulls), other)}
}
