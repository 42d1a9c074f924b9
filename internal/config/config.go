// Package config resolves what a command line needs: flags, then the environment, then gio.yaml, then
// what is built in. Every resolved value knows where it came from.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
)

// FileName is the configuration beside release.json.
const FileName = "gio.yaml"

// Value is a resolved setting and where it came from.
type Value struct {
	Value  string
	Source string // "--branch", "GH_ORG", "gio.yaml", "the checkout", "default"
}

// First is the first value that is set. An empty variable or flag counts as unset.
func First(values ...Value) Value {
	for _, v := range values {
		if v.Value != "" {
			return v
		}
	}
	return Value{}
}

// Env is an environment variable as a value.
func Env(getenv func(string) string, name string) Value { return Value{getenv(name), name} }

// File is gio.yaml. A key that gio does not know is an error.
type File struct {
	Path string `yaml:"-"` // "" when there is none

	Organization    string               `yaml:"organization"`     // GitHub organization of the components
	MainBranch      string               `yaml:"main_branch"`      // main branch of the component repositories
	ReleaseBranches []string             `yaml:"release_branches"` // further branches that releases may be made from
	MaxParallel     int                  `yaml:"max_parallel"`     // pipelines of a wave that run at once
	Parameters      map[string]any       `yaml:"parameters"`       // pipeline parameters of every component; null drops one
	Components      map[string]Component `yaml:"components"`
	Verification    Verification         `yaml:",inline"` // of every component
	Author          struct {
		Name  string `yaml:"name"`
		Email string `yaml:"email"`
	} `yaml:"author"` // of the release commits, where neither environment nor Git says one
}

// Component is what gio.yaml says of one component.
type Component struct {
	Repository string         `yaml:"repository"` // name or org/name
	Branch     string         `yaml:"branch"`
	Parameters map[string]any `yaml:"parameters"`
	Project    string         `yaml:"project"`    // CircleCI project slug
	Definition string         `yaml:"definition"` // pipeline definition of a GitHub App project
	Stage      *bool          `yaml:"stage"`

	Verification Verification `yaml:",inline"`
}

// Read reads a gio.yaml. One that was named must exist; the default one need not.
func Read(path string, named bool) (File, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return File{}, nil
	}
	if err != nil {
		kind := fault.Invalid
		if errors.Is(err, fs.ErrNotExist) {
			kind = fault.NotFound
		}
		return File{}, fault.New(kind, "config-file", "the configuration cannot be read").Because(err).
			Hint("--config and GIO_CONFIG name another one; without them gio takes %s beside release.json", FileName)
	}
	return Parse(path, data)
}

// Parse reads the content of a gio.yaml. The path is for messages.
func Parse(path string, data []byte) (File, error) {
	f := File{Path: path}
	if err := f.decode(data); err != nil {
		return File{}, fault.New(fault.Invalid, "config-file", "%s", yamlMessage(path, err)).
			Hint("`gio help config` lists the keys")
	}
	return f, nil
}

func (f *File) decode(data []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(f); err != nil {
		if errors.Is(err, io.EOF) { // it holds nothing
			return nil
		}
		return err
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return errors.New("behind --- begins a second document, which gio would not read")
	}
	return f.withoutEffect()
}

var (
	yamlLine   = regexp.MustCompile(`^line (\d+): `)
	unknownKey = regexp.MustCompile(`field (.+) not found in type .+`)
	goMapping  = regexp.MustCompile("into [^`]*[.{][^`]*$")
)

// yamlMessage is the library's messages, each with file and line, and without its own and Go's words.
func yamlMessage(path string, err error) string {
	messages := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if several, ok := errors.AsType[*yaml.TypeError](err); ok {
		messages = several.Errors
	}
	for i, m := range messages {
		place := path + ": "
		if at := yamlLine.FindStringSubmatch(m); at != nil {
			m, place = m[len(at[0]):], path+":"+at[1]+": "
		}
		m = unknownKey.ReplaceAllString(m, `gio does not know the key "$1"`)
		messages[i] = place + goMapping.ReplaceAllString(m, "into a mapping")
	}
	return strings.Join(messages, "; ")
}

// Overrides is the part of gio.yaml that plans read.
func (f File) Overrides() map[string]plan.Override {
	overrides := make(map[string]plan.Override, len(f.Components))
	for name, c := range f.Components {
		overrides[name] = plan.Override{
			Repository: c.Repository, Branch: c.Branch, Parameters: c.Parameters,
			Project: c.Project, Definition: c.Definition, Stage: c.Stage, Verification: c.Verification.Plan(),
		}
	}
	return overrides
}

// String is how --verbose says a value.
func (v Value) String() string {
	if v.Value == "" {
		return "(none)"
	}
	return fmt.Sprintf("%s (%s)", v.Value, v.Source)
}
