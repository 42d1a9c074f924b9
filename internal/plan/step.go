package plan

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// Limits of CircleCI on the parameters of one pipeline, in entries and characters (contracts/circleci.md 1.3).
const (
	maxParameters     = 100
	maxParameterKey   = 128
	maxParameterValue = 512
)

// dryRun is the parameter that only the command line sets.
const dryRun = "dry_run"

// Step returns the step that releases a component at its version, whatever its group. Its faults are those of Make.
func (o Options) Step(m *manifest.Manifest, c manifest.Component) (Step, error) {
	repository, err := o.Repository(m, c)
	if err != nil {
		return Step{}, err
	}
	override := o.Overrides[c.Name]
	project, err := o.project(c.Name, repository)
	if err != nil {
		return Step{}, err
	}
	branch, reason, err := o.branch(c, project)
	if err != nil {
		return Step{}, err
	}
	parameters, err := o.parameters(m, c)
	if err != nil {
		return Step{}, err
	}
	proof, err := o.proof(dataOf(m, c))
	if err != nil {
		return Step{}, err
	}
	return Step{
		Component: c.Name, Version: c.ReleaseVersion(), Repository: repository, Project: project,
		Definition: override.Definition, Branch: branch, BranchReason: reason, Parameters: parameters, Proof: proof,
	}, nil
}

var fullName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*/[A-Za-z0-9_-][A-Za-z0-9._-]*$`)

// Repository returns org/name of a component's Git repository: gio.yaml's, else the component's name in the organization. Its
// fault is invalid-repository where the organization is unknown or the name invalid.
func (o Options) Repository(m *manifest.Manifest, c manifest.Component) (string, error) {
	name := cmp.Or(o.Overrides[c.Name].Repository, c.Name)
	if !strings.Contains(name, "/") {
		org := cmp.Or(o.Organization, m.Organization())
		if org == "" {
			return "", fault.New(fault.Invalid, "invalid-repository", "%s: the organization of %s is unknown", c.At, name).
				Hint("set GH_ORG, or scmHttpUrl in %s", m.File)
		}
		name = org + "/" + name
	}
	if !fullName.MatchString(name) {
		return "", fault.New(fault.Invalid, "invalid-repository", "%q is not a repository name for %s", name, c.Name).
			Hint("write repository in gio.yaml as name or org/name")
	}
	return name, nil
}

// templateData holds the fields of templates; versions are without -SNAPSHOT.
type templateData struct{ ProductVersion, Component, Version string }

func dataOf(m *manifest.Manifest, c manifest.Component) templateData {
	return templateData{m.ReleaseVersion(), c.Name, c.ReleaseVersion()}
}

func (o Options) parameters(m *manifest.Manifest, c manifest.Component) (map[string]any, error) {
	merged := map[string]any{"gio_action": "release", dryRun: o.DryRun}
	for _, layer := range []map[string]any{o.Parameters, o.Overrides[c.Name].Parameters} {
		if err := o.checkDryRun(layer, c.Name); err != nil {
			return nil, err
		}
		maps.Copy(merged, layer)
	}
	if o.Action != "" {
		merged["gio_action"] = o.Action
	}
	maps.DeleteFunc(merged, func(_ string, v any) bool { return v == nil })
	if len(merged) > maxParameters {
		return nil, fault.New(fault.Invalid, "invalid-parameter", "%s would get %d pipeline parameters: CircleCI allows %d", c.Name, len(merged), maxParameters)
	}
	data := dataOf(m, c)
	for _, key := range sortedKeys(merged) {
		value, err := parameter(key, merged[key], data)
		if err != nil {
			return nil, err
		}
		merged[key] = value
	}
	return merged, nil
}

// checkDryRun prevents gio.yaml from turning a dry run into a release, or a release into one that publishes nothing.
// Components that do not declare the parameter may drop it, but then have no dry run.
func (o Options) checkDryRun(layer map[string]any, component string) error {
	value, set := layer[dryRun]
	switch {
	case set && value != nil:
		return fault.New(fault.Invalid, "invalid-parameter", "parameter %q of %s is set in gio.yaml: only the command line sets it", dryRun, component).
			Hint("remove it from parameters, or write null for components that do not declare it")
	case set && o.DryRun:
		return fault.New(fault.Invalid, "invalid-parameter", "%s gets no parameter %q (null in gio.yaml): its pipeline would really release", component, dryRun).
			Hint("leave it out with --except %s, or use --dry-run=client", component)
	}
	return nil
}

// parameter returns the value to send: a string, an int64 or a bool.
func parameter(key string, value any, data templateData) (any, error) {
	if n := utf8.RuneCountInString(key); n == 0 || n > maxParameterKey {
		return nil, fault.New(fault.Invalid, "invalid-parameter", "the name of parameter %q must have 1 to %d characters", key, maxParameterKey)
	}
	switch v := value.(type) {
	case bool:
		return v, nil
	case int:
		return int64(v), nil
	case int64:
		return v, nil
	case string:
		return expand(key, v, data)
	}
	return nil, fault.New(fault.Invalid, "invalid-parameter", "parameter %q is of type %T: CircleCI accepts strings, integers and booleans", key, value)
}

func expand(key, value string, data templateData) (string, error) {
	text, err := execute(key, value, data)
	if err != nil {
		return "", templateFault("invalid-parameter", fmt.Sprintf("parameter %q", key), data, err)
	}
	if n := utf8.RuneCountInString(text); n > maxParameterValue {
		return "", fault.New(fault.Invalid, "invalid-parameter", "parameter %q of %s has %d characters: CircleCI allows %d", key, data.Component, n, maxParameterValue)
	}
	return text, nil
}

// execute executes a template. Its error is the library's, which names the template.
func execute(name, text string, data any) (string, error) {
	var b strings.Builder
	t, err := template.New(name).Parse(text)
	if err == nil {
		err = t.Execute(&b, data)
	}
	return b.String(), err
}

func templateFault(code, what string, data templateData, err error) error {
	return fault.New(fault.Invalid, code, "%s of %s is not a valid template", what, data.Component).Because(err).
		Hint("it may use {{.ProductVersion}}, {{.Component}} and {{.Version}}")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
